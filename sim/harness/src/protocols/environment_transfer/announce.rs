//! What an agent announces, as events of a history.

use std::borrow::Cow;
use std::collections::BTreeMap;

use portcullis_agent::AgentEvent;
use portcullis_agent::message::{EnvironmentName, FailureReason, Outcome, TaskId};
use portcullis_agent::observe::Machine;
use portcullis_reports::{Event, Fields, StateEvent};

use super::vocabulary::effect;

/// What a host has told of each of its tasks, over all its lives: the last state.
#[derive(Debug, Default)]
pub(super) struct Told(BTreeMap<(Machine, TaskId), &'static str>);

impl Told {
    /// The event that stands for `announced`; `None` for durable writes, which the disk itself
    /// tells, and for a state that is told already.
    ///
    /// A task that is found in another state than the one that was told has moved there: a crash
    /// came between the record of the move and its announcement.
    pub(super) fn event(&mut self, announced: &AgentEvent) -> Option<Event> {
        match announced {
            AgentEvent::State {
                machine, task, to, ..
            } => {
                self.0.insert((*machine, task.clone()), to);
                event(announced)
            }
            AgentEvent::Found {
                machine,
                task,
                peer,
                state,
                outcome,
                reason,
            } => {
                let from = self.0.get(&(*machine, task.clone())).copied();
                if from == Some(*state) {
                    return None;
                }
                self.event(&AgentEvent::State {
                    machine: *machine,
                    task: task.clone(),
                    peer: peer.clone(),
                    from: from.unwrap_or_default(),
                    to: state,
                    outcome: *outcome,
                    reason: *reason,
                })
            }
            AgentEvent::Durable { .. }
            | AgentEvent::WorkStarted { .. }
            | AgentEvent::WorkEnded { .. }
            | AgentEvent::AttemptFailed { .. }
            | AgentEvent::Connection { .. }
            | AgentEvent::Preflight { .. }
            | AgentEvent::Warning { .. } => event(announced),
        }
    }
}

fn event(announced: &AgentEvent) -> Option<Event> {
    match announced {
        AgentEvent::State {
            machine,
            task,
            peer,
            from,
            to,
            outcome,
            reason,
        } => Some(Event::State(StateEvent {
            machine: Cow::Borrowed(machine.name()),
            id: task.to_string(),
            from: Cow::Borrowed(*from),
            to: Cow::Borrowed(*to),
            fields: fields([
                ("task", Some(task.as_str())),
                ("peer", Some(peer.as_str())),
                ("outcome", outcome.map(Outcome::name)),
                ("reason", failure(*outcome).or(*reason)),
            ]),
        })),
        AgentEvent::Found { .. } | AgentEvent::Durable { .. } => None,
        AgentEvent::WorkStarted { .. } | AgentEvent::WorkEnded { .. } => work(announced),
        AgentEvent::AttemptFailed { .. } | AgentEvent::Connection { .. } => exchange(announced),
        AgentEvent::Preflight { peer, way } => noted(
            effect::PREFLIGHT,
            [
                ("peer", Some(peer.as_str())),
                ("way", Some(way.direction.name())),
                ("found", Some(way.finding.name())),
                ("address", way.address.as_deref()),
                ("port", Some(way.port.to_string().as_str())),
            ],
        ),
        AgentEvent::Warning {
            warning,
            peer,
            task,
            port,
            detail,
            address: _,
            ahead_ms,
        } => noted(
            effect::WARNING,
            [
                ("warning", Some(warning.name())),
                ("peer", peer.as_ref().map(EnvironmentName::as_str)),
                ("task", task.as_ref().map(TaskId::as_str)),
                ("port", port.map(|port| port.to_string()).as_deref()),
                ("detail", *detail),
                ("ahead-ms", ahead_ms.map(|ms| ms.to_string()).as_deref()),
            ],
        ),
    }
}

fn work(announced: &AgentEvent) -> Option<Event> {
    if let AgentEvent::WorkStarted {
        task,
        peer,
        kind,
        start,
    } = announced
    {
        return noted(
            effect::WORK_STARTED,
            [
                ("task", Some(task.as_str())),
                ("peer", Some(peer.as_str())),
                (effect::TASK_KIND, Some(kind.name())),
                ("start", Some(start.to_string().as_str())),
            ],
        );
    }
    let AgentEvent::WorkEnded {
        task,
        peer,
        outcome,
    } = announced
    else {
        return None;
    };
    noted(
        effect::WORK_ENDED,
        [
            ("task", Some(task.as_str())),
            ("peer", Some(peer.as_str())),
            ("outcome", Some(outcome.name())),
            ("reason", failure(Some(*outcome))),
        ],
    )
}

fn exchange(announced: &AgentEvent) -> Option<Event> {
    if let AgentEvent::AttemptFailed {
        phase,
        peer,
        port,
        task,
        attempt,
        class,
        failure,
    } = announced
    {
        return noted(
            effect::ATTEMPT_FAILED,
            [
                ("phase", Some(phase.name())),
                ("peer", Some(peer.as_str())),
                ("port", Some(port.to_string().as_str())),
                ("task", task.as_ref().map(TaskId::as_str)),
                ("attempt", Some(attempt.to_string().as_str())),
                ("class", Some(class.name())),
                ("failure", Some(failure.to_string().as_str())),
            ],
        );
    }
    let AgentEvent::Connection {
        opened_here,
        local,
        remote,
        phase,
        task: _,
        closed_by,
    } = announced
    else {
        return None;
    };
    noted(
        effect::CONNECTION,
        [
            ("opener", Some(if *opened_here { "here" } else { "peer" })),
            ("local", Some(local.to_string().as_str())),
            ("remote", Some(remote.to_string().as_str())),
            ("phase", Some(phase.name())),
            ("closed-by", Some(closed_by.name())),
        ],
    )
}

fn failure(outcome: Option<Outcome>) -> Option<&'static str> {
    outcome.and_then(Outcome::reason).map(FailureReason::name)
}

fn noted<const N: usize>(
    name: &'static str,
    pairs: [(&'static str, Option<&str>); N],
) -> Option<Event> {
    Some(Event::Effect {
        name: Cow::Borrowed(name),
        fields: fields(pairs),
    })
}

/// The pairs that have a value.
pub(super) fn fields<const N: usize>(pairs: [(&'static str, Option<&str>); N]) -> Fields {
    let present = pairs.into_iter();
    present
        .filter_map(|(name, value)| Some((Cow::Borrowed(name), value?.to_owned())))
        .collect()
}
