//! What stands in the way of tasks, for who watches them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use portcullis_agent::AgentEvent;
use portcullis_agent::config::Config;
use portcullis_agent::message::{EnvironmentName, TaskId};
use portcullis_agent::observe::{Machine, Warning};
use portcullis_agent::state::OriginatorState;

/// Where a task at its originator ends.
const ENDS: [OriginatorState; 4] = [
    OriginatorState::Completed,
    OriginatorState::Failed,
    OriginatorState::Cancelled,
    OriginatorState::Rejected,
];

/// The last trouble of each task that this environment has sent and that has not ended.
#[derive(Clone, Debug)]
pub(super) struct Troubles {
    /// The next environments, with the port on which each one's completions are awaited.
    later: Arc<[(EnvironmentName, u16)]>,
    tasks: Arc<Mutex<BTreeMap<TaskId, Task>>>,
}

#[derive(Debug)]
struct Task {
    peer: EnvironmentName,
    trouble: Option<String>,
}

impl Troubles {
    /// Of an environment with this configuration.
    pub(super) fn new(config: &Config) -> Self {
        let later = config.later.iter();
        Self {
            later: later
                .map(|link| (link.name.clone(), link.local_port))
                .collect(),
            tasks: Arc::default(),
        }
    }

    /// Takes note of what an agent announces.
    pub(super) fn note(&self, event: &AgentEvent) {
        match event {
            AgentEvent::State {
                machine: Machine::OriginatorTask,
                task,
                peer,
                to,
                ..
            } => {
                let is_final = ENDS.iter().any(|end| end.name() == *to);
                let mut tasks = self.lock();
                if is_final {
                    tasks.remove(task);
                } else if let Some(task) = tasks.get_mut(task) {
                    // It has moved on: what stood in its way does no more.
                    task.trouble = None;
                } else {
                    let (peer, trouble) = (peer.clone(), None);
                    tasks.insert(task.clone(), Task { peer, trouble });
                }
            }
            AgentEvent::AttemptFailed {
                phase,
                peer,
                port,
                task: Some(task),
                class,
                failure,
                ..
            } => {
                let (phase, class) = (phase.name(), class.name());
                let words = super::words_of(failure);
                self.set(
                    task,
                    peer,
                    format!("{phase} to {peer} port {port}: {class}, {words}"),
                );
            }
            AgentEvent::Warning {
                warning: Warning::ReversePath,
                peer: Some(peer),
                task: Some(task),
                ..
            } => self.set(task, peer, self.way_back(task)),
            AgentEvent::State { .. }
            | AgentEvent::AttemptFailed { .. }
            | AgentEvent::Warning { .. }
            | AgentEvent::Found { .. }
            | AgentEvent::Durable { .. }
            | AgentEvent::WorkStarted { .. }
            | AgentEvent::WorkEnded { .. }
            | AgentEvent::Connection { .. }
            | AgentEvent::Preflight { .. } => {}
        }
    }

    /// What stands in the way of `task`, if anything is known to.
    pub(super) fn of(&self, task: &TaskId) -> Option<String> {
        self.lock().get(task)?.trouble.clone()
    }

    /// ET-80: where to look when the completion of a task does not come.
    pub(super) fn way_back(&self, task: &TaskId) -> String {
        let peer = self.lock().get(task).map(|task| task.peer.clone());
        let mut links = self.later.iter();
        let link = match peer {
            Some(peer) => links.find(|(name, _)| *name == peer),
            None => links.next().filter(|_| self.later.len() == 1),
        };
        match link {
            Some((peer, port)) => format!(
                "no completion has arrived: check the way from {peer}'s dynamic ports to port \
                 {port} here, with `portcullis preflight`"
            ),
            None => {
                "no completion has arrived: check the way from the destination's dynamic ports \
                     to the local port here, with `portcullis preflight`"
                    .into()
            }
        }
    }

    fn set(&self, task: &TaskId, peer: &EnvironmentName, words: String) {
        // As a destination this environment has troubles of its own, which nobody watches.
        if self.later.iter().any(|(name, _)| name == peer) {
            let (peer, trouble) = (peer.clone(), Some(words));
            self.lock().insert(task.clone(), Task { peer, trouble });
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<TaskId, Task>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use portcullis_agent::config::{Authentication, LaterLink};
    use portcullis_agent::error::{Failure, FailureClass};
    use portcullis_agent::message::Product;
    use portcullis_agent::observe::Phase;

    use super::*;

    fn troubles() -> (Troubles, TaskId, EnvironmentName) {
        let name = |text| EnvironmentName::new(text).expect("a name");
        let mut config = Config::new(name("dev"), Product::new("1").expect("a version"));
        config.later.push(LaterLink {
            name: name("prod"),
            address: "10.0.2.2".into(),
            remote_port: 16102,
            local_port: 16101,
            authentication: Authentication::None,
        });
        let task = TaskId::new("t1").expect("an id");
        (Troubles::new(&config), task, name("prod"))
    }

    #[test]
    fn a_filtered_port_is_told_in_words_until_the_task_moves_on() {
        let (troubles, task, peer) = troubles();
        let failure = Failure::Connect(std::io::ErrorKind::TimedOut);
        troubles.note(&AgentEvent::AttemptFailed {
            phase: Phase::Task,
            peer: peer.clone(),
            port: 16102,
            task: Some(task.clone()),
            attempt: 1,
            class: FailureClass::TimedOut,
            failure,
        });
        let words = "task to prod port 16102: timed-out, failed to connect: filtered or not \
                     listening";
        assert_eq!(troubles.of(&task).as_deref(), Some(words));
        troubles.note(&AgentEvent::State {
            machine: Machine::OriginatorTask,
            task: task.clone(),
            peer,
            from: "sending",
            to: "accepted",
            outcome: None,
            reason: None,
        });
        assert_eq!(troubles.of(&task), None);
    }

    #[test]
    fn a_completion_that_never_comes_names_the_way_back() {
        let (troubles, task, peer) = troubles();
        troubles.note(&AgentEvent::Warning {
            warning: Warning::ReversePath,
            peer: Some(peer),
            task: Some(task.clone()),
            port: Some(16101),
            detail: None,
            address: None,
            ahead_ms: None,
        });
        let words = troubles.of(&task).expect("a trouble");
        assert!(
            words.contains("from prod's dynamic ports to port 16101 here"),
            "{words}"
        );
    }
}
