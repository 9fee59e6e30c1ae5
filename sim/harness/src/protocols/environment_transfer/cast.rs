//! From a plan to the environments that play in it.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::SignedDuration;
use portcullis_agent::Config;
use portcullis_agent::config::{
    Authentication, EarlierLink, Key, KeyRing, LaterLink, Limits, Timers,
};
use portcullis_agent::message::{EnvironmentName, Product, TaskId, TaskKind};
use portcullis_agent::work::Tree;
use portcullis_net::Randomness;

use super::labour::Job;
use super::setting::{Environment, Link, Needs, Setting};
use crate::scenario::{Plan, PlannedHost, Table};

/// The agent's own default (ET-74).
const TOLERANCE: Duration = Duration::from_secs(5 * 60);

/// What timers add up to in one exchange, beyond what a plan's keys say: scheduling, retransmission
/// of the last FIN, one round trip on a slow link.
const SLACK: Duration = Duration::from_secs(10);

/// The world of `plan` as the checks need to know it.
pub(super) fn setting(plan: &Plan) -> Setting {
    let limits = Limits::default();
    let submits: Vec<_> = submits(plan).collect();
    let hosts = plan.hosts.iter().filter(|host| is_environment(host));
    let environments = hosts.map(|host| {
        let timers = timers(&host.keys);
        let environment = Environment {
            address: host.address,
            dynamic: host.profile().ports(),
            connection_max: connection_max(&timers),
            linger: timers.linger,
            task_deadline: timers.task_deadline,
            product: host.keys.text("product").unwrap_or("1").to_owned(),
            clock_ahead: SignedDuration::from_nanos(
                host.keys.offset("clock_offset").unwrap_or_default(),
            ),
            tolerance: tolerance(&host.keys),
            restartable: host.keys.texts("restartable").iter().cloned().collect(),
            time_wait: host.profile().time_wait(),
            needs: needs(&host.name, &host.keys, &submits),
        };
        (host.name.clone(), environment)
    });
    Setting {
        environments: environments.collect(),
        links: plan.links.iter().map(link).collect(),
        control_frame_max: octets(limits.control_frame_max),
        part_frame_max: octets(limits.part_frame_max),
        dependencies: submits.iter().copied().filter_map(dependency).collect(),
        works: works(plan),
    }
}

fn is_environment(host: &PlannedHost) -> bool {
    host.keys.text("role") == Some(super::ENVIRONMENT)
}

/// Whether the host called `name` is none of the environments.
pub(super) fn is_stranger(plan: &Plan, name: &str) -> bool {
    let mut hosts = plan.hosts.iter();
    hosts.any(|host| host.name == name && !is_environment(host))
}

fn octets(limit: usize) -> u64 {
    u64::try_from(limit).unwrap_or(u64::MAX)
}

/// All timers of one exchange, one after the other.
fn connection_max(timers: &Timers) -> Duration {
    timers.connect + timers.frame + timers.acknowledgement + timers.linger + SLACK
}

pub(super) fn link(table: &Table) -> Link {
    Link {
        earlier: table.text("from").unwrap_or_default().to_owned(),
        later: table.text("to").unwrap_or_default().to_owned(),
        remote_port: table.port("remote_port").unwrap_or_default(),
        local_port: table.port("local_port").unwrap_or_default(),
        is_tls: table.text("authentication") == Some("tls"),
    }
}

fn dependency(submit: &Table) -> Option<(String, String)> {
    let earlier = submit.text("depends_on")?;
    Some((submit.text("as")?.to_owned(), earlier.to_owned()))
}

/// How long all the work of a plan takes, one task after the other.
pub(super) fn planned_work(plan: &Plan) -> Duration {
    works(plan)
        .values()
        .fold(Duration::ZERO, |sum, work| sum.saturating_add(*work))
}

/// How long the work of each task takes, by its id.
fn works(plan: &Plan) -> BTreeMap<String, Duration> {
    let tasks = submits(plan).filter_map(|submit| {
        let id = task_id(plan, submit.text("as")?);
        Some((id.to_string(), submit.duration("work").unwrap_or_default()))
    });
    tasks.collect()
}

/// The tasks that a plan submits.
pub(super) fn submits(plan: &Plan) -> impl Iterator<Item = &Table> {
    plan.steps.iter().filter_map(|step| step.table("submit"))
}

/// The largest message without files, with room to spare, and a handshake of TLS.
const MESSAGE_OCTETS: u64 = 4 * 1024;

/// What a way from the host `from` must be like for its requests, of which `submits` are some.
pub(super) fn needs(from: &str, keys: &Table, submits: &[&Table]) -> Needs {
    let timers = timers(keys);
    let largest = submits
        .iter()
        .filter(|submit| submit.text("from") == Some(from) && submit.text("task") == Some(TRANSFER))
        .filter_map(|submit| submit.quantity("size"))
        .max()
        .unwrap_or_default();
    let part = keys.quantity("part_size").unwrap_or(largest);
    let shortest = timers.frame.min(timers.acknowledgement);
    let rate = |octets: u64, within: Duration| octets / within.as_secs().max(1);
    Needs {
        connect: timers.connect,
        message_rate: rate(MESSAGE_OCTETS, shortest),
        part_rate: rate(largest.min(part), timers.frame),
    }
}

/// The kind of task that carries files.
const TRANSFER: &str = "transfer";

/// The environment that works on a submitted task.
pub(super) fn destination<'p>(plan: &'p Plan, submit: &'p Table) -> &'p str {
    let from = submit.text("from");
    let next = || {
        plan.links
            .iter()
            .find(|link| link.text("from") == from)
            .and_then(|link| link.text("to"))
    };
    submit.text("to").or_else(next).unwrap_or_default()
}

fn timers(keys: &Table) -> Timers {
    let default = Timers::default();
    let timer = |key, default| keys.duration(key).unwrap_or(default);
    Timers {
        connect: timer("connect_timer", default.connect),
        frame: timer("frame_timer", default.frame),
        acknowledgement: timer("acknowledgement_timer", default.acknowledgement),
        linger: timer("linger", default.linger),
        task_deadline: timer("task_deadline", default.task_deadline),
        probe: default.probe,
    }
}

fn tolerance(keys: &Table) -> Duration {
    keys.duration("tolerance").unwrap_or(TOLERANCE)
}

/// A name of the plan as the agent's type; the scenario's key rules make it valid.
fn name(text: &str) -> EnvironmentName {
    EnvironmentName::new(text).expect("validate has refused other host names")
}

/// The configuration of the environment called `host`.
pub(super) fn config(plan: &Plan, host: &PlannedHost) -> Config {
    let product = host.keys.text("product").unwrap_or("1");
    let product = Product::new(product).expect("validate has refused other versions");
    let mut config = Config::new(name(&host.name), product);
    config.timers = timers(&host.keys);
    config.dynamic_ports = Some(host.profile().ports());
    if let Some(octets) = host.keys.quantity("part_size") {
        config.limits.part_octets = usize::try_from(octets).unwrap_or(usize::MAX);
    }
    if let Some(tasks) = host.keys.quantity("tasks_waiting") {
        config.limits.tasks_waiting_max = usize::try_from(tasks).unwrap_or(usize::MAX);
    }
    let kinds = host.keys.texts("restartable").iter();
    config.restartable = kinds.filter_map(|kind| task_kind(kind)).collect();
    config.tolerance = tolerance(&host.keys);
    for table in &plan.links {
        let link = link(table);
        let address = |key, host: &String| table.text(key).unwrap_or(host).to_owned();
        let authentication = authentication(table, &host.name);
        if link.earlier == host.name {
            config.later.push(LaterLink {
                name: name(&link.later),
                address: address("remote_address", &link.later),
                remote_port: link.remote_port,
                local_port: link.local_port,
                authentication: authentication.clone(),
            });
        }
        if link.later == host.name {
            config.earlier.push(EarlierLink {
                name: name(&link.earlier),
                address: address("callback_address", &link.earlier),
                remote_port: link.remote_port,
                local_port: link.local_port,
                authentication,
            });
        }
    }
    config
}

/// How `host` proves on the link `table` that it is itself.
///
/// A link's secrets follow from its ends, so both have them without being told. While its keys are
/// changed, an end signs with the new one or the old one and accepts both.
pub(super) fn authentication(table: &Table, host: &str) -> Authentication {
    let link = link(table);
    if link.is_tls {
        return Authentication::Connection;
    }
    let key = |what: &str| {
        let (earlier, later) = (&link.earlier, &link.later);
        let secret = format!("the {what} of the simulated link from {earlier} to {later}");
        Key::from_octets(secret.as_bytes()).expect("the words alone are long enough")
    };
    let changed = table.texts("new_key");
    Authentication::Mac(match changed {
        [] => KeyRing::new(key("secret"), None),
        _ if changed.iter().any(|end| end == host) => {
            KeyRing::new(key("new secret"), Some(key("secret")))
        }
        _ => KeyRing::new(key("secret"), Some(key("new secret"))),
    })
}

/// Every link with the keys that its ends accept.
pub(super) fn link_keys(plan: &Plan) -> Vec<(Link, Authentication)> {
    let links = plan.links.iter();
    links
        .map(|table| {
            let link = link(table);
            let keys = authentication(table, &link.earlier);
            (link, keys)
        })
        .collect()
}

fn task_kind(name: &str) -> Option<TaskKind> {
    [TaskKind::Transfer, TaskKind::Deploy, TaskKind::Execute]
        .into_iter()
        .find(|kind| kind.name() == name)
}

/// The id of the task that the scenario calls `alias`: the same at every host, and another with
/// another seed.
pub(super) fn task_id(plan: &Plan, alias: &str) -> TaskId {
    let random = Randomness::from_seed(plan.seed).fork("task").fork(alias);
    let id = format!("{alias}-{:08x}", random.next_u64() >> 32);
    TaskId::new(&id).expect("validate has refused names that are no ids")
}

/// What the work of each task takes, wherever it is done.
pub(super) fn jobs(plan: &Plan) -> Vec<Job> {
    submits(plan)
        .map(|submit| {
            let name = submit.text("as").unwrap_or_default().to_owned();
            let files = submit.quantity("files").unwrap_or(1).max(1);
            Job {
                id: task_id(plan, &name),
                name,
                lasts: submit.duration("work").unwrap_or_default(),
                succeeds: submit.text("outcome") != Some("failed"),
                tree: Tree {
                    files: u32::try_from(files).unwrap_or(u32::MAX),
                    octets: submit.quantity("size").unwrap_or_default().div_ceil(files),
                },
            }
        })
        .collect()
}
