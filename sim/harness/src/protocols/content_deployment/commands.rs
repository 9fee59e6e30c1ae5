//! The steps of a scenario that tell farms and callers what to do.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use portcullis_reports::Source;
use portcullis_web_service::client::CallError;
use portcullis_web_service::message::{FileName, Guid, Operation, Request, Response, UploadTarget};

use super::announce::noted;
use super::caller;
use super::cast;
use super::deployment::Deployment;
use super::line::{Then, Visit};
use super::requests::{self, Quotes};
use super::rogue::{self, Rogue};
use super::vocabulary::{effect, field};
use super::{DEPLOYING_FARM, source, station};
use crate::engine::{Action, Boot, Call, Command, Node, always};
use crate::scenario::{Plan, Table};

/// The jobs that were created from one host, by the scenario's names.
#[derive(Default)]
pub(super) struct Known(Mutex<BTreeMap<String, Guid>>);

impl Known {
    /// What the host of `node` knows.
    pub(super) fn of(node: &Node) -> Arc<Self> {
        node.shelf.keep(Self::default)
    }

    /// From here on `alias` is `job`.
    pub(super) fn learn(&self, node: &Node, alias: &str, job: Guid) {
        self.jobs().insert(alias.to_owned(), job);
        node.recorder.alias(alias, &job.to_string());
    }

    fn job(&self, alias: &str) -> Option<Guid> {
        self.jobs().get(alias).copied()
    }

    fn jobs(&self) -> MutexGuard<'_, BTreeMap<String, Guid>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A step: on which host, with which particulars, and what is done there.
type Told = (String, Vec<(&'static str, String)>, Command);

/// The action for `key`, one of the keys that the protocol adds to `[[at]]`; a deployment is
/// carried out as `rogue` does, if one has the farm's place.
pub(super) fn action(plan: &Plan, key: &str, table: &Table, rogue: Option<Rogue>) -> Action {
    let (host, particulars, run) = match key {
        "deploy" => deploying(plan, table, rogue),
        "drive" => driving(plan, table),
        "run_again" => at_source(table, source::running),
        "cancel" => at_source(table, source::cancelling),
        "disable_path" => at_source(table, |job| {
            source::changing_path("disable_path", job, |path| path.is_enabled = false)
        }),
        "enable_path" => at_source(table, |job| {
            source::changing_path("enable_path", job, |path| path.is_enabled = true)
        }),
        "schedule" => scheduling(table),
        "delete_job" => at_source(table, source::deleting),
        "view" => at_source(table, source::viewing),
        "offers" => offering(plan, table),
        "call" => calling(plan, table),
        "upload" => uploading(plan, table),
        "say" => caller::saying(plan, table),
        "configure" => configuring(plan, table),
        // The others stand in the step itself, with the host as their value.
        _ => {
            let host = text(table, key);
            let run = match (key, cast::role(plan, &host)) {
                ("stop", DEPLOYING_FARM) => source::stopping(),
                ("stop", _) => station::stopping(),
                (_, DEPLOYING_FARM) => source::starting(plan, &host),
                (_, _) => station::starting(plan, &host),
            };
            (host, Vec::new(), run)
        }
    };
    let pairs = particulars.into_iter();
    let fields = pairs
        .map(|(name, value)| (Cow::Borrowed(name), value))
        .collect();
    Action::Call(Call {
        host,
        waits: false,
        name: key.to_owned(),
        fields,
        run,
    })
}

/// The text under `key`; empty when there is none.
pub(super) fn text(table: &Table, key: &str) -> String {
    table.text(key).unwrap_or_default().to_owned()
}

fn deploying(plan: &Plan, table: &Table, rogue: Option<Rogue>) -> Told {
    let mut particulars = vec![("as", text(table, "as")), ("to", text(table, "to"))];
    if let Some(every) = table.duration("every") {
        particulars.push(("every", format!("{every:?}")));
    }
    let run = match rogue {
        Some(rogue) => rogue::deploying(plan, table, rogue),
        None => source::deploying(plan, table),
    };
    (text(table, "from"), particulars, run)
}

/// What a user does with a job of a deploying farm.
fn at_source(table: &Table, command: impl FnOnce(String) -> Command) -> Told {
    let job = text(table, "job");
    let particulars = vec![("job", job.clone())];
    (text(table, "from"), particulars, command(job))
}

fn scheduling(table: &Table) -> Told {
    let every = table.duration("every");
    let (host, mut particulars, run) = at_source(table, |job| source::scheduling(job, every));
    particulars.extend(every.map(|every| ("every", format!("{every:?}"))));
    (host, particulars, run)
}

fn offering(plan: &Plan, table: &Table) -> Told {
    let to = text(table, "to");
    let run = source::asking_for_offers(cast::administration(cast::host(plan, &to)));
    (text(table, "from"), vec![("to", to)], run)
}

fn driving(plan: &Plan, table: &Table) -> Told {
    let deployment = Arc::new(Deployment::of(plan, table));
    let run: Boot = Arc::new(move |node: Node| {
        let deployment = Arc::clone(&deployment);
        Box::pin(async move { deployment.carry_out(&node).await })
    });
    let particulars = vec![("as", text(table, "as")), ("to", text(table, "to"))];
    (text(table, "from"), particulars, always(run))
}

/// The job that a step is about.
#[derive(Clone, Debug)]
struct Subject {
    alias: String,
    /// What to call it by if it was never created.
    otherwise: Guid,
}

impl Subject {
    fn of(plan: &Plan, table: &Table) -> Self {
        let alias = text(table, "job");
        let otherwise = cast::nobody(plan, &alias);
        Self { alias, otherwise }
    }

    fn job(&self, node: &Node) -> Guid {
        let known = Known::of(node).job(&self.alias);
        known.unwrap_or(self.otherwise)
    }
}

fn calling(plan: &Plan, table: &Table) -> Told {
    let (from, to) = (text(table, "from"), text(table, "to"));
    let (name, alias) = (text(table, "operation"), text(table, "as"));
    let address = cast::address(plan, table, &from, &to);
    let subject = Subject::of(plan, table);
    let operation = Operation::parse(&name).expect("the loader admits operations only");
    let order = cast::new_job(plan, table);
    let run: Boot = Arc::new(move |node: Node| {
        let (address, subject, order) = (address.clone(), subject.clone(), order.clone());
        let (alias, name) = (alias.clone(), name.clone());
        Box::pin(async move {
            let job = subject.job(&node);
            let request = match operation {
                Operation::CreateJob => Request::CreateJob(order),
                Operation::RunJob => Request::RunJob { job },
                Operation::GetJobStatus => Request::GetJobStatus { job },
                Operation::CancelJob => Request::CancelJob { job },
                Operation::DeleteJob => Request::DeleteJob { job },
                Operation::DeleteImportLogs => Request::DeleteImportLogs {
                    source_job: order.source_id,
                },
                Operation::GetRemoteAdminServerUrl => Request::GetRemoteAdminServerUrl {
                    client_version: "16.0".to_owned(),
                },
                Operation::GetSiteCollectionNames => Request::GetSiteCollectionNames {
                    virtual_server_url: cast::WEB_APPLICATION.to_owned(),
                },
                Operation::GetVirtualServersInformation => Request::GetVirtualServersInformation,
            };
            match address.client(&node).call(&request).await {
                Ok(Response::CreateJob(job)) if !alias.is_empty() => {
                    Known::of(&node).learn(&node, &alias, job);
                }
                // What was answered is in the history already.
                Ok(_) | Err(CallError::Fault(_) | CallError::Status(_)) => {}
                Err(error) => failed(&node, &name, error.reason()),
            }
        })
    });
    let particulars = vec![("operation", text(table, "operation")), ("to", to)];
    (from, particulars, always(run))
}

fn uploading(plan: &Plan, table: &Table) -> Told {
    let (from, to) = (text(table, "from"), text(table, "to"));
    let address = cast::address(plan, table, &from, &to);
    let subject = Subject::of(plan, table);
    let file = FileName::new(&text(table, "file")).expect("validate has refused other names");
    let size = table.quantity("size").unwrap_or_default();
    let content = cast::content(plan, &text(table, "content"), size);
    let quotes = match table.flag("quoted") {
        true => Quotes::Around,
        false => Quotes::None,
    };
    let stop = table.quantity("stop_after");
    let stop = stop.map(|octets| usize::try_from(octets).unwrap_or(usize::MAX));
    let chunk = table.quantity("chunk");
    let chunk = chunk.map(|octets| usize::try_from(octets).unwrap_or(usize::MAX));
    let every = table.duration("every").unwrap_or_default();
    let particulars = vec![("file", file.to_string()), ("to", to)];
    let run: Boot = Arc::new(move |node: Node| {
        let (address, subject) = (address.clone(), subject.clone());
        let (file, content) = (file.clone(), content.clone());
        Box::pin(async move {
            let job = subject.job(&node);
            let target = UploadTarget { file, job };
            let mut octets = requests::upload(&address, &target, &content, quotes);
            let mut then = Then::Wait;
            if let Some(stop) = stop {
                let head = octets.len() - content.len();
                octets.truncate(head.saturating_add(stop));
                then = Then::Close;
            }
            let visit = Visit {
                octets,
                chunk,
                every,
                then,
                patience: caller::PATIENCE,
            };
            let (host, farm) = (address.host(&node), &address.farm);
            let (heard, ending) = visit.make(&host.net, &farm.host, farm.port, || {}).await;
            if !heard.is_whole() {
                failed(&node, "upload", ending.name().to_owned());
            }
        })
    });
    (from, particulars, always(run))
}

fn configuring(plan: &Plan, table: &Table) -> Told {
    let is_accepting = table.flag("accept_incoming_jobs").to_string();
    let particulars = vec![("accept-incoming-jobs", is_accepting)];
    let run = station::configuring(plan, table);
    (text(table, "host"), particulars, always(run))
}

/// A call without an answer is part of the history, so that a scenario cannot pass by accident.
fn failed(node: &Node, what: &str, why: String) {
    let particulars = [
        (field::CALL, Some(what.to_owned())),
        (field::REASON, Some(why)),
    ];
    let event = noted(effect::CALL_FAILED, particulars);
    node.recorder.record(Source::Harness, event);
}
