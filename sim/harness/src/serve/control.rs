//! Control channels: how the other commands reach the process that owns the store.
//!
//! Lines of JSON over a loopback connection: the caller sends one line with the token and what it
//! asks; the owner answers with one line or, to `watch`, with one line for each sight. Bound to
//! loopback, and usable only by who can read the token file in the state directory (mode 0600).
//! What is asked and answered here is an agent's; a farm's channel has its own.

mod client;
mod desk;
mod server;

use portcullis_agent::message::{CommandName, EnvironmentName, TaskId};
use portcullis_agent::{Order, SubmitRequest};
use serde::{Deserialize, Serialize};

use super::preflight::Report;
use super::sight::Sight;

pub(super) use client::{Client, ControlError};
pub(super) use desk::Desk;
pub(super) use server::{Answers, Clerk, ControlChannel};

/// A line longer than this is refused.
const LINE_OCTETS_MAX: usize = 64 * 1024;

/// What a caller sends.
#[derive(Debug, Serialize, Deserialize)]
struct Letter<Q> {
    token: String,
    ask: Q,
}

/// What a caller asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Ask {
    /// Take on a task.
    Submit(Submission),
    /// Take up what is unfinished: the owner has already done so.
    Resume,
    /// Show a task until it has ended.
    Watch(TaskId),
    /// Ask the destination of a task for its recorded state.
    Query(TaskId),
    /// Stop a task that another environment sent here.
    Cancel {
        /// Who sent it; may be left out where one of that id is known.
        from: Option<EnvironmentName>,
        /// The task.
        task: TaskId,
    },
    /// Read the key files again.
    RenewKeys,
    /// Try the directions of the links with an environment, or of every link (ET-81).
    Preflight(Option<EnvironmentName>),
}

/// What the owner answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Answer {
    /// The task is recorded.
    Submitted(TaskId),
    /// The tasks that are not in a final state.
    Open(Vec<TaskId>),
    /// The task is stopped, and its originator will be told.
    Cancelled(TaskId),
    /// The keys of the links with these environments are new.
    Renewed(Vec<EnvironmentName>),
    /// What was found out about links.
    Preflight(Report),
    /// Something to show.
    Sight(Sight),
    /// The owner ends before the task has, having done what it was there for: whoever waits for
    /// the task may own the store.
    Left,
    /// It was not done; why, in words.
    Refused(String),
}

/// A task to be taken on, as it crosses the channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Submission {
    pub(super) to: EnvironmentName,
    pub(super) order: Ordered,
    pub(super) id: Option<TaskId>,
    pub(super) after: Option<TaskId>,
    pub(super) independent: bool,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Ordered {
    /// Carry the files of a directory, named by its absolute path.
    Transfer(String),
    /// Run a command of the destination's configuration.
    Deploy(CommandName),
    /// Run a command of the destination's configuration.
    Execute(CommandName),
}

impl From<Submission> for SubmitRequest {
    fn from(submission: Submission) -> Self {
        let order = match submission.order {
            Ordered::Transfer(source) => Order::Transfer { source },
            Ordered::Deploy(command) => Order::Deploy { command },
            Ordered::Execute(command) => Order::Execute { command },
        };
        Self {
            to: submission.to,
            order,
            id: submission.id,
            after: submission.after,
            independent: submission.independent,
        }
    }
}
