//! From a plan to the farms that play in it.

mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use portcullis_net::Randomness;
use portcullis_web_service::Config;
use portcullis_web_service::client::{FarmAddress, Scheme, Terms};
use portcullis_web_service::codec::SoapVersion;
use portcullis_web_service::config::{Authentication, LateCancel, Limits, Timers, WebApplication};
use portcullis_web_service::message::{Guid, IncludeSecurity, NewJob, UserInfoDateTime};
use portcullis_web_service::work::{FailsIn, ImportScript, ScriptedImport};

use super::IMPORT_FARM;
use super::credentials::{self, Credentials};
use super::requests::Address;
use super::setting::{Planned, Server, Setting};
use crate::scenario::{Plan, PlannedHost, Table};

pub(super) use source::{accounts, deployment_job, exports, packages, path, source_config};

/// The farm's one web application.
pub(super) const WEB_APPLICATION: &str = "http://portal";

/// Its site collection into which everything is deployed.
pub(super) const SITE_COLLECTION: &str = "/";

/// The world of `plan` as the checks need to know it.
pub(super) fn setting(plan: &Plan) -> Setting {
    let servers = plan.hosts.iter().filter(|host| has_role(host, IMPORT_FARM));
    let servers = servers.map(|host| {
        let server = Server {
            address: host.address,
            port: port(host),
            is_accepting: host.keys.flag("accept_incoming_jobs"),
            import_server: import_server(host).to_owned(),
            databases: databases(host).unwrap_or(&host.name).to_owned(),
            account: credentials::account(plan, host),
            timer_service: timers(&host.keys).timer_service,
            is_tls: host.keys.flag("secure"),
        };
        (host.name.clone(), server)
    });
    let imports = imports(plan).into_iter().map(|(description, import)| {
        let planned = Planned {
            lasts: total(&import),
            objects: import.objects,
        };
        (description, planned)
    });
    Setting {
        servers: servers.collect(),
        imports: imports.collect(),
        deployments: source::deployments(plan),
    }
}

fn has_role(host: &PlannedHost, role: &str) -> bool {
    host.keys.text("role") == Some(role)
}

/// What the host called `name` plays.
pub(super) fn role<'p>(plan: &'p Plan, name: &str) -> &'p str {
    host(plan, name).keys.text("role").unwrap_or_default()
}

/// The host called `name`, which the key rules have made sure of.
pub(super) fn host<'p>(plan: &'p Plan, name: &str) -> &'p PlannedHost {
    let mut hosts = plan.hosts.iter();
    let found = hosts.find(|host| host.name == name);
    found.expect("the loader admits names of hosts only")
}

/// The port of a server's Central Administration.
pub(super) fn port(host: &PlannedHost) -> u16 {
    host.keys.port("port").unwrap_or_default()
}

/// The host that has a server's databases, if that is another one.
pub(super) fn databases(host: &PlannedHost) -> Option<&str> {
    host.keys.text("databases")
}

fn import_server(host: &PlannedHost) -> &str {
    host.keys.text("import_server").unwrap_or(&host.name)
}

/// Where a server's Central Administration is reached.
pub(super) fn administration(host: &PlannedHost) -> FarmAddress {
    FarmAddress {
        host: host.name.clone(),
        port: port(host),
        scheme: match host.keys.flag("secure") {
            true => Scheme::Https,
            false => Scheme::Http,
        },
    }
}

/// The configuration of the server called `name`.
pub(super) fn config(plan: &Plan, name: &str) -> Config {
    let server = host(plan, name);
    let keys = &server.keys;
    let mut config = Config::new(name, port(server), &administration(server).to_string());
    let import_server = import_server(server);
    config.import_server_url = administration(host(plan, import_server)).to_string();
    config.is_import_server = import_server == name;
    config.accept_incoming_jobs = keys.flag("accept_incoming_jobs");
    config.require_secure_connection = keys.flag("require_secure_connection");
    config.late_cancel = match keys.text("late_cancel") {
        Some("fault") => LateCancel::Fault,
        _ => LateCancel::Response,
    };
    let kept = keys.duration("files_kept");
    config.temporary_files_kept = kept.unwrap_or(config.temporary_files_kept);
    let kept = keys.duration("ended_jobs_kept");
    config.ended_jobs_kept = kept.unwrap_or(config.ended_jobs_kept);
    let named = keys.texts("sites").iter().cloned();
    let site_collections: BTreeSet<String> = named.chain([SITE_COLLECTION.to_owned()]).collect();
    config.web_applications = vec![WebApplication {
        name: "portal".to_owned(),
        url: WEB_APPLICATION.to_owned(),
        site_collections,
    }];
    config.authentication = Authentication {
        accounts: credentials::account(plan, server).into_iter().collect(),
        ..Authentication::default()
    };
    config.timers = timers(keys);
    config.limits = Limits {
        upload_octets_max: keys
            .quantity("upload_max")
            .unwrap_or(config.limits.upload_octets_max),
        ..config.limits
    };
    config
}

fn timers(keys: &Table) -> Timers {
    let default = Timers::default();
    let timer = |key, default| keys.duration(key).unwrap_or(default);
    Timers {
        head: timer("head_timer", default.head),
        body_idle: timer("body_timer", default.body_idle),
        timer_service: timer("timer_service", default.timer_service),
        lease: timer("lease", default.lease),
        cancel: timer("cancel_timer", default.cancel),
        import: keys.duration("import_timeout"),
        database_retry: timer("database_retry", default.database_retry),
        ..default
    }
}

/// The steps that create jobs, with what their imports take.
pub(super) fn creations(plan: &Plan) -> impl Iterator<Item = &Table> {
    let tables = plan.steps.iter().flat_map(|step| {
        [
            step.table("deploy"),
            step.table("drive"),
            step.table("call"),
        ]
    });
    tables.flatten().filter(|table| table.has("as"))
}

/// How the imports of a plan go, by the names of their jobs, which are also their descriptions.
pub(super) fn imports(plan: &Plan) -> BTreeMap<String, ScriptedImport> {
    let imports = creations(plan).map(|creation| {
        let name = creation.text("as").unwrap_or_default();
        (name.to_owned(), scripted(creation))
    });
    imports.collect()
}

/// The same as a script for importers.
pub(super) fn script(plan: &Plan) -> ImportScript {
    let script = ImportScript::default();
    for (description, import) in imports(plan) {
        script.set(&description, import);
    }
    script
}

/// How long an import takes when nothing interrupts it.
fn total(import: &ScriptedImport) -> Duration {
    let placing = import.place.saturating_mul(import.objects);
    let before = import.verify.saturating_add(import.decompress);
    before.saturating_add(placing)
}

fn scripted(creation: &Table) -> ScriptedImport {
    let lasts = |key| creation.duration(key).unwrap_or_default();
    let objects = u32::try_from(creation.quantity("objects").unwrap_or_default());
    let objects = objects.unwrap_or(u32::MAX);
    ScriptedImport {
        verify: lasts("verify"),
        decompress: lasts("decompress"),
        place: lasts("place"),
        objects,
        fails: match creation.text("outcome") {
            Some("fails-in-verify") => Some(FailsIn::Verify),
            Some("fails-in-decompress") => Some(FailsIn::Decompress),
            // In the middle: some objects are in the site by then.
            Some("fails-in-place") => Some(FailsIn::Place(objects / 2)),
            _ => None,
        },
    }
}

/// How long all the imports of a plan take, one after the other.
pub(super) fn planned_work(plan: &Plan) -> Duration {
    let imports = imports(plan);
    let times = imports.values().map(total);
    times.fold(Duration::ZERO, Duration::saturating_add)
}

/// How `from` reaches the Central Administration of `to`, and speaks as the step `table` says.
pub(super) fn address(plan: &Plan, table: &Table, from: &str, to: &str) -> Address {
    let server = host(plan, to);
    Address {
        farm: administration(server),
        identity: Credentials::of_caller(plan, from, table),
        terms: Terms {
            version: match table.text("soap") {
                Some("1.2") => SoapVersion::V12,
                _ => SoapVersion::V11,
            },
            account: credentials::shown(plan, from, server),
            ..Terms::default()
        },
    }
}

/// The guid of the content deployment job at the source that the scenario calls `name`.
pub(super) fn source(plan: &Plan, name: &str) -> Guid {
    let random = Randomness::from_seed(plan.seed).fork("source jobs");
    Guid::random(&random.fork(name))
}

/// A guid that no farm gives out, for a job that the scenario calls `name` and that is not there.
pub(super) fn nobody(plan: &Plan, name: &str) -> Guid {
    let random = Randomness::from_seed(plan.seed).fork("jobs that are not there");
    Guid::random(&random.fork(name))
}

/// What `CreateJob` is called with.
pub(super) fn new_job(plan: &Plan, creation: &Table) -> NewJob {
    NewJob {
        description: creation.text("as").unwrap_or_default().to_owned(),
        source_id: source(plan, creation.text("source").unwrap_or_default()),
        destination_server_url: WEB_APPLICATION.to_owned(),
        destination_site_collection: SITE_COLLECTION.to_owned(),
        include_security: IncludeSecurity::All,
        include_user_info_date_time: UserInfoDateTime::ImportAll,
        enable_event_receivers: true,
        file_compression: true,
    }
}

/// What is in a file of `size` octets whose content the scenario calls `name`.
pub(super) fn content(plan: &Plan, name: &str, size: u64) -> Vec<u8> {
    let random = Randomness::from_seed(plan.seed).fork("files").fork(name);
    let mut octets = vec![0; usize::try_from(size).unwrap_or(usize::MAX)];
    random.fill(&mut octets);
    octets
}
