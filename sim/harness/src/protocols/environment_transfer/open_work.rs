//! Whether any task is still on its way, which keeps a run going.

use std::collections::BTreeSet;
use std::time::Duration;

use portcullis_reports::{Entry, Event};

use super::vocabulary::state;
use crate::scenario::{OpenWork, Plan};

/// Follows every task of a run from its submission to the end at both of its ends.
#[derive(Debug)]
pub(super) struct OpenTasks {
    /// When the last submission that has a time of its own is due.
    planned: Duration,
    /// Submissions that wait for an event, by the scenario's name.
    awaited: BTreeSet<String>,
    /// Tasks that are not in a final state, by machine, host and id.
    open: BTreeSet<(&'static str, String, String)>,
}

impl OpenTasks {
    pub(super) fn new(plan: &Plan) -> Self {
        let submits = plan.steps.iter().filter(|step| step.has("submit"));
        let mut planned = Duration::ZERO;
        let mut awaited = BTreeSet::new();
        for step in submits {
            match (step.duration("time"), step.table("submit")) {
                (Some(time), _) => planned = planned.max(time),
                (None, Some(submit)) => {
                    awaited.extend(submit.text("as").map(ToOwned::to_owned));
                }
                (None, None) => {}
            }
        }
        Self {
            planned,
            awaited,
            open: BTreeSet::new(),
        }
    }
}

impl OpenWork for OpenTasks {
    fn observe(&mut self, entry: &Entry) {
        match &entry.event {
            Event::State(moved) => {
                let to = moved.to.as_ref();
                let (machine, ended) = match moved.machine.as_ref() {
                    state::ORIGINATOR => (state::ORIGINATOR, state::is_final_at_originator(to)),
                    state::DESTINATION => (
                        state::DESTINATION,
                        matches!(to, state::REPORTED | state::PARKED),
                    ),
                    _ => return,
                };
                let key = (machine, entry.host.to_string(), moved.id.clone());
                if ended {
                    self.open.remove(&key);
                } else {
                    self.open.insert(key);
                }
            }
            // Who has lost its records waits for nothing.
            Event::Action { name, .. } if name == "forget" => {
                self.open.retain(|(_, host, _)| *host != entry.host);
            }
            Event::Action { fields, .. } if !self.awaited.is_empty() => {
                if let Some(name) = fields.get("as") {
                    self.awaited.remove(name);
                }
            }
            Event::Packet(_)
            | Event::Connection(_)
            | Event::Message(_)
            | Event::Write { .. }
            | Event::Effect { .. }
            | Event::Action { .. } => {}
        }
    }

    fn is_open(&self, now: Duration) -> bool {
        now <= self.planned || !self.awaited.is_empty() || !self.open.is_empty()
    }
}
