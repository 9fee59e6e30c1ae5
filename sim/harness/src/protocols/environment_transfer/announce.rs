//! What an agent announces, as events of a history.

use std::borrow::Cow;

use portcullis_agent::AgentEvent;
use portcullis_reports::{Event, Fields, StateEvent};

use super::vocabulary::effect;

/// The event that stands for `announced`; `None` for durable writes, which the disk itself tells.
pub(super) fn event(announced: &AgentEvent) -> Option<Event> {
    match announced {
        AgentEvent::State {
            machine,
            task,
            peer,
            from,
            to,
            outcome,
            reason,
        } => {
            let mut fields = Pairs::default();
            fields.set("task", task.as_str());
            fields.set("peer", peer.as_str());
            fields.set_some("outcome", outcome.map(|outcome| outcome.name()));
            let failure = outcome.and_then(|outcome| outcome.reason());
            fields.set_some("reason", failure.map(|reason| reason.name()).or(*reason));
            Some(Event::State(StateEvent {
                machine: Cow::Borrowed(machine.name()),
                id: task.as_str().to_owned(),
                from: Cow::Borrowed(*from),
                to: Cow::Borrowed(*to),
                fields: fields.0,
            }))
        }
        AgentEvent::Durable { .. } => None,
        other => {
            let (name, fields) = particulars(other);
            Some(Event::Effect {
                name: Cow::Borrowed(name),
                fields: fields.0,
            })
        }
    }
}

fn particulars(announced: &AgentEvent) -> (&'static str, Pairs) {
    let mut fields = Pairs::default();
    let name = match announced {
        AgentEvent::WorkStarted {
            task,
            peer,
            kind,
            start,
        } => {
            fields.set("task", task.as_str());
            fields.set("peer", peer.as_str());
            fields.set("task-kind", kind.name());
            fields.set("start", &start.to_string());
            effect::WORK_STARTED
        }
        AgentEvent::WorkEnded {
            task,
            peer,
            outcome,
        } => {
            fields.set("task", task.as_str());
            fields.set("peer", peer.as_str());
            fields.set("outcome", outcome.name());
            fields.set_some("reason", outcome.reason().map(|reason| reason.name()));
            effect::WORK_ENDED
        }
        AgentEvent::AttemptFailed {
            phase,
            peer,
            port,
            task,
            attempt,
            class,
            failure,
        } => {
            fields.set("phase", phase.name());
            fields.set("peer", peer.as_str());
            fields.set("port", &port.to_string());
            fields.set_some("task", task.as_ref().map(|task| task.as_str()));
            fields.set("attempt", &attempt.to_string());
            fields.set("class", class.name());
            fields.set("failure", &failure.to_string());
            effect::ATTEMPT_FAILED
        }
        AgentEvent::Connection {
            opened_here,
            local,
            remote,
            phase,
            closed_by,
        } => {
            fields.set("opener", if *opened_here { "here" } else { "peer" });
            fields.set("local", &local.to_string());
            fields.set("remote", &remote.to_string());
            fields.set("phase", phase.name());
            fields.set("closed-by", closed_by.name());
            effect::CONNECTION
        }
        AgentEvent::Warning {
            warning,
            peer,
            task,
            port,
            detail,
        } => {
            fields.set("warning", warning.name());
            fields.set_some("peer", peer.as_ref().map(|peer| peer.as_str()));
            fields.set_some("task", task.as_ref().map(|task| task.as_str()));
            if let Some(port) = port {
                fields.set("port", &port.to_string());
            }
            fields.set_some("detail", *detail);
            effect::WARNING
        }
        AgentEvent::State { .. } | AgentEvent::Durable { .. } => effect::WARNING,
    };
    (name, fields)
}

/// Fields under construction.
#[derive(Default)]
struct Pairs(Fields);

impl Pairs {
    fn set(&mut self, name: &'static str, value: &str) {
        self.0.insert(Cow::Borrowed(name), value.to_owned());
    }

    fn set_some(&mut self, name: &'static str, value: Option<&str>) {
        if let Some(value) = value {
            self.set(name, value);
        }
    }
}
