//! Which completions are still to be heard: a process that ends before would cut one off.

use std::collections::BTreeSet;
use std::sync::Arc;

use portcullis_agent::AgentEvent;
use portcullis_agent::message::{FailureReason, TaskId};
use portcullis_agent::observe::{Machine, Phase};
use portcullis_agent::state::OriginatorState;
use tokio::sync::watch;

/// The tasks that this environment has sent, or is going to, and of which no completion has been
/// heard to the end of its connection.
#[derive(Clone, Debug)]
pub(super) struct Hearing(Arc<watch::Sender<BTreeSet<TaskId>>>);

impl Default for Hearing {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(BTreeSet::new())))
    }
}

impl Hearing {
    /// Takes note of what an agent announces.
    pub(super) fn note(&self, event: &AgentEvent) {
        match event {
            AgentEvent::State {
                machine: Machine::OriginatorTask,
                task,
                from: "",
                ..
            } => self.expect(task),
            AgentEvent::Found {
                machine: Machine::OriginatorTask,
                task,
                state,
                ..
            } if is_open(state) => self.expect(task),
            AgentEvent::State {
                machine: Machine::OriginatorTask,
                task,
                to,
                reason,
                ..
            } if is_decided_here(to, *reason) => self.expect_no_more(task),
            AgentEvent::Connection {
                opened_here: false,
                phase: Phase::Completion,
                task: Some(task),
                ..
            } => self.expect_no_more(task),
            AgentEvent::State { .. }
            | AgentEvent::Found { .. }
            | AgentEvent::AttemptFailed { .. }
            | AgentEvent::Warning { .. }
            | AgentEvent::Durable { .. }
            | AgentEvent::WorkStarted { .. }
            | AgentEvent::WorkEnded { .. }
            | AgentEvent::Connection { .. }
            | AgentEvent::Preflight { .. } => {}
        }
    }

    /// Waits until the completion of each of `tasks` has been heard, or none is to be expected.
    pub(super) async fn out(&self, tasks: &[TaskId]) {
        let mut expected = self.0.subscribe();
        let heard = |expected: &BTreeSet<TaskId>| tasks.iter().all(|task| !expected.contains(task));
        // Its sender is ours, so it does not end before.
        drop(expected.wait_for(heard).await);
    }

    fn expect(&self, task: &TaskId) {
        self.0.send_if_modified(|tasks| tasks.insert(task.clone()));
    }

    fn expect_no_more(&self, task: &TaskId) {
        self.0.send_if_modified(|tasks| tasks.remove(task));
    }
}

fn is_open(state: &str) -> bool {
    let known = OriginatorState::ALL.iter();
    let mut open = known.filter(|state| !state.is_final());
    open.any(|open| open.name() == state)
}

/// Whether a task ended in state `to` without its destination, which then reports nothing.
fn is_decided_here(to: &str, reason: Option<&str>) -> bool {
    let local = [
        FailureReason::DependencyFailed,
        FailureReason::SourceUnreadable,
    ];
    to == OriginatorState::Rejected.name() || local.iter().any(|local| reason == Some(local.name()))
}
