//! ET-89: what must come about once the faults are over.

use std::collections::{BTreeMap, BTreeSet};

use super::reading::Reading;
use super::vocabulary::{field, state};

/// What the end of a run says about one task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsettled {
    /// The last event that concerned it, as an index into the history.
    pub position: usize,
    /// What both ends think of it, in words.
    pub seen: String,
}

/// The tasks that did not reach the same outcome at both ends.
///
/// Rejected tasks and tasks that failed before they were sent have no other end.
#[must_use]
pub fn unsettled(reading: &Reading<'_>) -> Vec<Unsettled> {
    let mut originators: BTreeMap<&str, (usize, &str, &str)> = BTreeMap::new();
    let mut destinations: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    for moved in &reading.moves {
        let (id, to) = (moved.state.id.as_str(), moved.state.to.as_ref());
        match moved.state.machine.as_ref() {
            state::ORIGINATOR => {
                let outcome = state::outcome(to).unwrap_or(to);
                let alone = super::invariants::decided_alone(moved);
                let outcome = if alone { state::REJECTED } else { outcome };
                originators.insert(id, (moved.position, to, outcome));
            }
            state::DESTINATION => {
                let known = destinations.get(id).map_or("", |(_, outcome)| outcome);
                let said = moved.field(field::OUTCOME);
                destinations.insert(id, (to, if said.is_empty() { known } else { said }));
            }
            _ => {}
        }
    }
    let mut unsettled = Vec::new();
    for (task, (position, here, outcome)) in originators {
        // Who has lost its records has no opinion any more.
        if was_lost(reading, position) {
            continue;
        }
        let there = destinations.get(task);
        let agreed = match there {
            None => outcome == state::REJECTED,
            Some((_, known)) => outcome == *known || outcome == state::REJECTED,
        };
        if !state::is_final_at_originator(here) || !agreed {
            let there = there.map_or_else(
                || "its destination does not know it".to_owned(),
                |(state, outcome)| format!("its destination has it as {state} {outcome}"),
            );
            unsettled.push(Unsettled {
                position,
                seen: format!("{task} is {here} at its originator, and {there}"),
            });
        }
    }
    unsettled
}

/// Whether the host of the move at `position` lost all its records later.
fn was_lost(reading: &Reading<'_>, position: usize) -> bool {
    let host = reading.entries[position].host.as_ref();
    let mut actions = reading.actions.iter();
    actions
        .any(|action| action.name == "forget" && action.host == host && action.position > position)
}

/// What disturbs the run at its end: faults that nobody has taken back, by name.
///
/// `standing` are the rules that are there from the start and stop something.
#[must_use]
pub fn open_faults(reading: &Reading<'_>, standing: &[String]) -> BTreeSet<String> {
    let mut open: BTreeSet<String> = standing.iter().map(|rule| format!("rule {rule}")).collect();
    for action in &reading.actions {
        let host = |what: &str| format!("{what} of {}", action.host);
        match action.name {
            "firewall-add" => {
                open.insert(format!("rule {}", action.field("rule")));
            }
            "firewall-remove" => {
                open.remove(&format!("rule {}", action.field("rule")));
            }
            "partition" => {
                open.insert(format!("partition {}", action.field("partition")));
            }
            "heal" => {
                open.remove(&format!("partition {}", action.field("partition")));
            }
            "crash" => {
                open.insert(host("crash"));
            }
            "restart" => {
                open.remove(&host("crash"));
            }
            "pause" => {
                open.insert(host("pause"));
            }
            "resume" => {
                open.remove(&host("pause"));
            }
            "stop" => {
                open.insert(host("stop"));
            }
            "start" => {
                open.remove(&host("stop"));
            }
            _ => {}
        }
    }
    open
}
