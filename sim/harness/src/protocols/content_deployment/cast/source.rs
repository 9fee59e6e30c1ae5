//! From a plan to the deploying farms that play in it.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use portcullis_web_service::Config;
use portcullis_web_service::codec::SoapVersion;
use portcullis_web_service::config::{Account, Deployments};
use portcullis_web_service::deploying::{DeploymentPath, NewDeploymentJob, Schedule, TargetSite};
use portcullis_web_service::message::{FileName, IncludeSecurity, UserInfoDateTime};
use portcullis_web_service::state::AfterTimeout;
use portcullis_web_service::work::{ExportFailure, ExportScript, JobKind, ScriptedExport};

use super::{SITE_COLLECTION, WEB_APPLICATION, administration, content, host, source, timers};
use crate::protocols::content_deployment::setting::Deployment;
use crate::protocols::content_deployment::{IMPORT_FARM, credentials};
use crate::scenario::{Plan, Table};

/// The configuration of the deploying farm called `name`.
pub(in super::super) fn source_config(plan: &Plan, name: &str) -> Config {
    let keys = &host(plan, name).keys;
    let mut config = Config::new(name, 0, "http://localhost");
    config.timers = timers(keys);
    let default = Deployments::default();
    let timer = |key, default| keys.duration(key).unwrap_or(default);
    let attempts = keys.quantity("attempts").map(u32::try_from);
    config.deployments = Deployments {
        hosts_administration: keys.flag("central_administration"),
        blocks_jobs_of_one_path: keys.flag("block_jobs_of_one_path"),
        polling_interval: timer("polling_interval", default.polling_interval),
        timeout: timer("timeout", default.timeout),
        after_timeout: if keys.flag("delete_after_timeout") {
            AfterTimeout::Delete
        } else {
            AfterTimeout::Leave
        },
        attempts_max: attempts
            .and_then(Result::ok)
            .unwrap_or(default.attempts_max),
        attempt_rest: timer("attempt_rest", default.attempt_rest),
        ..default
    };
    config
}

/// As whom `from` calls farms, by the addresses of their Central Administrations.
pub(in super::super) fn accounts(plan: &Plan, from: &str) -> BTreeMap<String, Account> {
    let servers = plan.hosts.iter();
    let servers = servers.filter(|host| super::has_role(host, IMPORT_FARM));
    let accounts = servers.filter_map(|server| {
        let account = credentials::shown(plan, from, server)?;
        Some((administration(server).to_string(), account))
    });
    accounts.collect()
}

/// The path that the step `deploy` deploys along.
pub(in super::super) fn path(plan: &Plan, deploy: &Table) -> DeploymentPath {
    let alias = deploy.text("as").unwrap_or_default();
    let name = deploy.text("path").unwrap_or(alias);
    let to = host(plan, deploy.text("to").unwrap_or_default());
    let target = TargetSite {
        server_url: WEB_APPLICATION.to_owned(),
        site_collection: SITE_COLLECTION.to_owned(),
    };
    let administration = administration(to).to_string();
    DeploymentPath {
        include_security: IncludeSecurity::All,
        include_user_info_date_time: UserInfoDateTime::ImportAll,
        soap: match deploy.text("soap") {
            Some("1.2") => SoapVersion::V12,
            _ => SoapVersion::V11,
        },
        polling_interval: deploy.duration("poll"),
        timeout: deploy.duration("timeout"),
        ..DeploymentPath::new(name, name, &administration, target)
    }
}

/// The job of the step `deploy`.
pub(in super::super) fn deployment_job(plan: &Plan, deploy: &Table) -> NewDeploymentJob {
    let alias = deploy.text("as").unwrap_or_default();
    NewDeploymentJob {
        name: alias.to_owned(),
        id: Some(source(plan, deploy.text("source").unwrap_or(alias))),
        path: deploy.text("path").unwrap_or(alias).to_owned(),
        kind: match deploy.text("kind") {
            Some("incremental") => JobKind::Incremental,
            Some("quick-deploy") => JobKind::QuickDeploy,
            _ => JobKind::Full,
        },
        schedule: deploy.duration("every").map(|every| Schedule { every }),
    }
}

/// How the exports of a plan go, by the names of their paths, which are also those of the content.
pub(in super::super) fn exports(plan: &Plan) -> ExportScript {
    let deploys = plan.steps.iter().filter_map(|step| step.table("deploy"));
    let exports = deploys.map(|deploy| {
        let alias = deploy.text("as").unwrap_or_default();
        let name = deploy.text("path").unwrap_or(alias);
        let fails = deploy.text("export_outcome") == Some("fails");
        let export = ScriptedExport {
            lasts: deploy.duration("export").unwrap_or(Duration::ZERO),
            packages: packages(plan, deploy),
            outcome: fails.then_some(ExportFailure::Scripted),
        };
        (name.to_owned(), export)
    });
    exports.collect()
}

/// What the deployments of a plan are to be, by the names of their jobs.
pub(super) fn deployments(plan: &Plan) -> BTreeMap<String, Deployment> {
    let deploys = plan.steps.iter().filter_map(|step| step.table("deploy"));
    let deployments = deploys.map(|deploy| {
        let from = deploy.text("from").unwrap_or_default();
        let farm = source_config(plan, from).deployments;
        let alias = deploy.text("as").unwrap_or_default();
        let deployment = Deployment {
            files: deploy.quantity("files").unwrap_or_default(),
            size: deploy.quantity("size").unwrap_or_default(),
            poll: deploy.duration("poll").unwrap_or(farm.polling_interval),
            timeout: deploy.duration("timeout").unwrap_or(farm.timeout),
            deletes_after_timeout: farm.after_timeout == AfterTimeout::Delete,
        };
        (alias.to_owned(), deployment)
    });
    deployments.collect()
}

/// The files of the step `deploy`, or of a script.
pub(in super::super) fn packages(plan: &Plan, deploy: &Table) -> Vec<(FileName, Bytes)> {
    let alias = deploy.text("as").unwrap_or_default();
    let size = deploy.quantity("size").unwrap_or_default();
    let count = deploy.quantity("files").unwrap_or_default();
    let files = (1..=count).map(|number| {
        let name = format!("ExportedFiles{number}.cab");
        let octets = content(plan, &format!("{alias} {number}"), size);
        let name = FileName::new(&name).expect("a word with a number is a name");
        (name, Bytes::from(octets))
    });
    files.collect()
}
