//! The steps of a scenario that tell an environment what to do.

use std::borrow::Cow;
use std::sync::Arc;

use portcullis_agent::error::SubmitError;
use portcullis_agent::message::{CommandName, EnvironmentName, TaskId};
use portcullis_agent::{Order, SubmitRequest};
use portcullis_reports::{Event, Fields, Source};

use super::cast;
use super::station::{self, Desk};
use super::stranger;
use super::vocabulary::{effect, field};
use crate::engine::{Action, Boot, Call, Command, Node, always};
use crate::scenario::{Plan, Table};

/// The action for `key`, one of the keys that the protocol adds to `[[at]]`.
pub(super) fn action(plan: &Plan, key: &str, table: &Table) -> Action {
    let (host, particulars, run) = match key {
        "send" => return stranger::sending(plan, table),
        "listen" => return stranger::listening(plan, table),
        "submit" => submission(plan, table),
        "query" => {
            let task = text(table, "task");
            let run = always(asking(plan, &task));
            (text(table, "from"), vec![("task", task)], run)
        }
        "cancel" => {
            let task = text(table, "task");
            let run = always(cancelling(plan, originator(plan, &task), &task));
            (text(table, "at"), vec![("task", task)], run)
        }
        "preflight" => {
            let (from, to) = (text(table, "from"), text(table, "to"));
            let run = always(trying(environment(&to)));
            (from, vec![("to", to)], run)
        }
        // The others stand in the step itself, with the host as their value.
        _ => {
            let host = text(table, key);
            let run = match key {
                "stop" => station::stopping(),
                "start" => station::starting(plan, &host),
                "certify" => always(certifying()),
                _ => always(forgetting()),
            };
            (host, Vec::new(), run)
        }
    };
    let pairs = particulars.into_iter();
    let fields = pairs
        .map(|(name, value)| (Cow::Borrowed(name), value))
        .collect();
    let name = key.to_owned();
    Action::Call(Call {
        host,
        waits: table.flag("insist"),
        name,
        fields,
        run,
    })
}

/// Why a command comes to nothing.
const NOT_RUNNING: &str = "the service does not run";

type Told = (String, Vec<(&'static str, String)>, Command);

fn text(table: &Table, key: &str) -> String {
    table.text(key).unwrap_or_default().to_owned()
}

/// The environment that a plan has submit the task called `alias`.
fn originator(plan: &Plan, alias: &str) -> String {
    cast::submits(plan)
        .find(|submit| submit.text("as") == Some(alias))
        .map(|submit| text(submit, "from"))
        .unwrap_or_default()
}

fn submission(plan: &Plan, submit: &Table) -> Told {
    let to = cast::destination(plan, submit).to_owned();
    let (alias, kind) = (text(submit, "as"), text(submit, "task"));
    let fields = vec![
        ("as", alias.clone()),
        ("task-kind", kind.clone()),
        ("to", to.clone()),
    ];
    let id = cast::task_id(plan, &alias);
    let request = SubmitRequest {
        id: Some(id.clone()),
        after: submit
            .text("depends_on")
            .map(|earlier| cast::task_id(plan, earlier)),
        independent: submit.flag("independent"),
        ..SubmitRequest::new(environment(&to), order(&kind, &alias))
    };
    let insists = submit.flag("insist");
    let run: Boot = Arc::new(move |node: Node| {
        let (alias, id, request) = (alias.clone(), id.clone(), request.clone());
        Box::pin(async move {
            node.recorder.alias(&alias, id.as_str());
            let desk = node.shelf.keep(Desk::default);
            if insists {
                desk.leave(request);
                return take_up(&node).await;
            }
            match desk.operator() {
                Some(operator) => {
                    if let Err(error) = operator.submit(request).await {
                        refused(&node, "submit", &id, &error.to_string());
                    }
                }
                None => refused(&node, "submit", &id, NOT_RUNNING),
            }
        })
    });
    (text(submit, "from"), fields, always(run))
}

/// Submits again what an operator insists on and the environment has not taken on yet.
pub(super) async fn take_up(node: &Node) {
    let desk = node.shelf.keep(Desk::default);
    let Some(operator) = desk.operator() else {
        return;
    };
    for request in desk.left() {
        let Some(id) = request.id.clone() else {
            continue;
        };
        match operator.submit(request).await {
            Ok(_) => {}
            // The service ends; its next life is asked again.
            Err(SubmitError::Store(_)) => return,
            Err(error) => refused(node, "submit", &id, &error.to_string()),
        }
        desk.settle(&id);
    }
}

/// A task's files and its command are called like the task.
fn order(kind: &str, alias: &str) -> Order {
    let command = || CommandName::new(alias).expect("validate has refused other names");
    match kind {
        "transfer" => Order::Transfer {
            source: alias.to_owned(),
        },
        "deploy" => Order::Deploy { command: command() },
        _ => Order::Execute { command: command() },
    }
}

fn environment(name: &str) -> EnvironmentName {
    EnvironmentName::new(name).expect("validate has refused other names")
}

fn asking(plan: &Plan, task: &str) -> Boot {
    let id = cast::task_id(plan, task);
    Arc::new(move |node: Node| {
        let id = id.clone();
        Box::pin(async move {
            let desk = node.shelf.keep(Desk::default);
            let Some(operator) = desk.operator() else {
                return refused(&node, "query", &id, NOT_RUNNING);
            };
            if let Err(error) = operator.query(id.clone()).await {
                refused(&node, "query", &id, &error.to_string());
            }
        })
    })
}

fn cancelling(plan: &Plan, from: String, task: &str) -> Boot {
    let id = cast::task_id(plan, task);
    Arc::new(move |node: Node| {
        let (from, id) = (from.clone(), id.clone());
        Box::pin(async move {
            let desk = node.shelf.keep(Desk::default);
            let Some(operator) = desk.operator() else {
                return refused(&node, "cancel", &id, NOT_RUNNING);
            };
            if let Err(error) = operator.cancel(environment(&from), id.clone()).await {
                refused(&node, "cancel", &id, &error.to_string());
            }
        })
    })
}

fn trying(peer: EnvironmentName) -> Boot {
    Arc::new(move |node: Node| {
        let peer = peer.clone();
        Box::pin(async move {
            // What comes of it is announced; a service that does not run announces nothing.
            match node.shelf.keep(Desk::default).operator() {
                Some(operator) => operator.preflight(peer).await,
                None => told(&node, [("command", "preflight"), ("reason", NOT_RUNNING)]),
            }
        })
    })
}

/// Gives the host a good certificate.
fn certifying() -> Boot {
    Arc::new(|node: Node| {
        Box::pin(async move {
            node.shelf.keep(Desk::default).certify();
        })
    })
}

fn forgetting() -> Boot {
    Arc::new(|node: Node| {
        Box::pin(async move {
            node.shelf.keep(Desk::default).forget();
        })
    })
}

/// A command without effect is part of the history, so that a scenario cannot pass by accident.
fn refused(node: &Node, command: &str, task: &TaskId, reason: &str) {
    let task = task.as_str();
    told(
        node,
        [
            ("command", command),
            (field::TASK, task),
            ("reason", reason),
        ],
    );
}

fn told<const N: usize>(node: &Node, fields: [(&'static str, &str); N]) {
    let fields = fields.into_iter();
    let fields: Fields = fields
        .map(|(name, value)| (Cow::Borrowed(name), value.to_owned()))
        .collect();
    let name = Cow::Borrowed(effect::COMMAND_REFUSED);
    node.recorder
        .record(Source::Harness, Event::Effect { name, fields });
}
