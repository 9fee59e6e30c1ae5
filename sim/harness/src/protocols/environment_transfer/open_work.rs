//! Whether any task is still on its way, which keeps a run going.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use portcullis_reports::{Entry, Event, Fields};

use super::cast;
use super::vocabulary::{effect, field, state};
use crate::engine::SKIPPED;
use crate::scenario::{OpenWork, Plan};

/// Follows every task of a run from its submission to the end at both of its ends.
#[derive(Debug)]
pub(super) struct OpenTasks {
    /// When the last submission that has a time of its own is due.
    planned: Duration,
    /// Submissions that wait for an event, by the scenario's name.
    awaited: BTreeSet<String>,
    /// The ids of all tasks of the plan, by the scenario's names.
    ids: BTreeMap<String, String>,
    /// The ids of those that somebody insists on: they survive a crash.
    insisted: BTreeSet<String>,
    /// Tasks that were handed over and that no state tells of yet: id, and host.
    handed: BTreeMap<String, String>,
    /// Tasks that are not in a final state, by machine, host and id.
    open: BTreeSet<(&'static str, String, String)>,
}

impl OpenTasks {
    pub(super) fn new(plan: &Plan) -> Self {
        let submits = plan.steps.iter();
        let mut planned = Duration::ZERO;
        let mut awaited = BTreeSet::new();
        for step in submits {
            let Some(submit) = step.table("submit") else {
                continue;
            };
            match step.duration("time") {
                Some(time) if !submit.flag("insist") => planned = planned.max(time),
                _ => awaited.extend(submit.text("as").map(ToOwned::to_owned)),
            }
        }
        let insisted = cast::submits(plan).filter(|submit| submit.flag("insist"));
        let insisted = insisted.filter_map(|submit| submit.text("as"));
        let insisted = insisted.map(|name| cast::task_id(plan, name).to_string());
        let names = cast::submits(plan).filter_map(|submit| submit.text("as"));
        let ids = names.map(|name| (name.to_owned(), cast::task_id(plan, name).to_string()));
        Self {
            planned,
            awaited,
            ids: ids.collect(),
            insisted: insisted.collect(),
            handed: BTreeMap::new(),
            open: BTreeSet::new(),
        }
    }

    fn acted(&mut self, name: &str, host: &str, fields: &Fields) {
        match name {
            "submit" => {
                let Some(alias) = fields.get("as") else {
                    return;
                };
                self.awaited.remove(alias);
                // The task is open from here on: its first state takes a durable write. Only a
                // host that is down never hears of it.
                if let Some(id) = self.ids.get(alias)
                    && !fields.contains_key(SKIPPED)
                {
                    self.handed.insert(id.clone(), host.to_owned());
                }
            }
            // What was handed over and not recorded is lost, unless somebody insists.
            "crash" => {
                let insisted = &self.insisted;
                self.handed
                    .retain(|id, taker| taker != host || insisted.contains(id));
            }
            // Who has lost its records waits for nothing.
            "forget" => {
                self.handed.retain(|_, taker| taker != host);
                self.open.retain(|(_, owner, _)| owner != host);
            }
            _ => {}
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
                self.handed.remove(&moved.id);
                let key = (machine, entry.host.to_string(), moved.id.clone());
                if ended {
                    self.open.remove(&key);
                } else {
                    self.open.insert(key);
                }
            }
            Event::Action { name, fields } => self.acted(name, &entry.host, fields),
            Event::Effect { name, fields } if name == effect::COMMAND_REFUSED => {
                if fields
                    .get("command")
                    .is_some_and(|command| command == "submit")
                    && let Some(task) = fields.get(field::TASK)
                {
                    self.handed.remove(task);
                }
            }
            Event::Packet(_)
            | Event::Connection(_)
            | Event::Message(_)
            | Event::Write { .. }
            | Event::Effect { .. } => {}
        }
    }

    fn is_open(&self, now: Duration) -> bool {
        let planned = now <= self.planned || !self.awaited.is_empty();
        planned || !self.handed.is_empty() || !self.open.is_empty()
    }
}
