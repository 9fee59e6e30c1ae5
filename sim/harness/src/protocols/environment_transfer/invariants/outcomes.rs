//! How tasks end, and who may know it.

use std::collections::BTreeMap;

use portcullis_reports::Passage;

use crate::protocols::environment_transfer::invariant::Breach;
use crate::protocols::environment_transfer::reading::{Moved, Reading};
use crate::protocols::environment_transfer::vocabulary::{field, kind, outcome, state};

/// ET-52, ET-58: completions, statuses and repeated acceptances never disagree about an outcome.
///
/// Decided on the wire alone: the first outcome said of a task is the only one ever said.
pub(crate) fn one_outcome_a_task(reading: &Reading<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let mut first: BTreeMap<&str, &str> = BTreeMap::new();
    for said in reading.sent() {
        let speaks = matches!(said.kind(), kind::COMPLETED | kind::STATUS | kind::ACCEPTED);
        let outcome = said.field(field::OUTCOME);
        if !speaks || outcome.is_empty() {
            continue;
        }
        let task = said.field(field::TASK);
        let known = *first.entry(task).or_insert(outcome);
        if known != outcome {
            breaches.push(Breach::at(
                said.position,
                format!("task {task} stays {known}"),
                format!("{} says {outcome}", said.kind()),
            ));
        }
    }
    breaches
}

/// ET-58, ET-88: after a final state, at the originator any of its four and at the destination
/// `reported` or `parked`, a task moves no more. A parked result may still be read, and may still
/// be reported when the originator asks for it; its outcome stays.
pub(crate) fn final_states_stay(reading: &Reading<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let mut last: BTreeMap<(&str, &str, &str), &str> = BTreeMap::new();
    for moved in &reading.moves {
        let machine = moved.state.machine.as_ref();
        let key = (moved.host, machine, moved.state.id.as_str());
        let to = moved.state.to.as_ref();
        if let Some(left) = last.insert(key, to) {
            let ended = match machine {
                state::ORIGINATOR => state::is_final_at_originator(left),
                state::DESTINATION => left == state::REPORTED,
                _ => false,
            };
            let unparked =
                machine == state::DESTINATION && left == state::PARKED && to != state::REPORTED;
            if ended || unparked {
                breaches.push(Breach::at(
                    moved.position,
                    format!("{machine} {} stays {left}", moved.state.id),
                    format!("it became {to} at {}", moved.host),
                ));
            }
        }
    }
    breaches
}

/// ET-52, ET-88: before an originator shows an outcome, the destination recorded that same outcome.
///
/// The record is the authority: success at the one end without a finished task at the other is the
/// worst that can happen.
pub(crate) fn success_is_recorded(reading: &Reading<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for moved in &reading.moves {
        let to = moved.state.to.as_ref();
        if moved.state.machine != state::ORIGINATOR || decided_alone(moved) {
            continue;
        }
        let Some(outcome) = state::outcome(to) else {
            continue;
        };
        let task = moved.state.id.as_str();
        let recorded = reading.moves.iter().any(|other| {
            other.position < moved.position
                && other.state.machine == state::DESTINATION
                && other.state.id == task
                && other.state.to == state::FINISHED
                && (other.field(field::OUTCOME).is_empty()
                    || other.field(field::OUTCOME) == outcome)
        });
        if !recorded {
            breaches.push(Breach::at(
                moved.position,
                format!("the destination recorded {outcome} for {task} before"),
                format!("{} shows it without such a record", moved.host),
            ));
        }
    }
    breaches
}

/// ET-49: no originator ends a task by itself. A final state follows the delivery of a completion,
/// a status, a repeated acceptance or a rejection that speaks of the task; time alone leads to
/// doubt.
pub(crate) fn silence_is_doubt(reading: &Reading<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for moved in &reading.moves {
        let to = moved.state.to.as_ref();
        let ends = moved.state.machine == state::ORIGINATOR && state::is_final_at_originator(to);
        if !ends || decided_alone(moved) {
            continue;
        }
        let task = moved.state.id.as_str();
        let told = reading.messages.iter().any(|said| {
            said.position <= moved.position
                && said.message.passage == Passage::Delivered
                && said.is_authentic()
                && match said.kind() {
                    kind::COMPLETED | kind::STATUS | kind::ACCEPTED => {
                        said.field(field::TASK) == task && !said.field(field::OUTCOME).is_empty()
                    }
                    kind::REJECTION => true,
                    _ => false,
                }
                && reading.setting.name_of(said.message.destination) == Some(moved.host)
        });
        if !told {
            breaches.push(Breach::at(
                moved.position,
                format!("{task} is {to} only after word from the destination"),
                format!("{} decided it alone", moved.host),
            ));
        }
    }
    breaches
}

/// ET-53, ET-88: what was acknowledged is never forgotten. At the end of the run each accepted task
/// is in one of the destination's states, and if its work ended, in one that holds the outcome.
pub(crate) fn accepted_tasks_are_known(reading: &Reading<'_>) -> Vec<Breach> {
    let mut last: BTreeMap<&str, &str> = BTreeMap::new();
    for moved in &reading.moves {
        if moved.state.machine == state::DESTINATION {
            last.insert(&moved.state.id, moved.state.to.as_ref());
        }
    }
    let mut breaches = Vec::new();
    for said in reading.sent().filter(|said| said.kind() == kind::ACCEPTED) {
        let task = said.field(field::TASK);
        let known = last.get(task).copied();
        if !known.is_some_and(state::is_known_at_destination) {
            breaches.push(Breach::at(
                said.position,
                format!("the accepted task {task} is in a state known to its destination"),
                known.map_or("no record of it at all".to_owned(), |known| {
                    format!("its state is `{known}`")
                }),
            ));
        }
    }
    breaches
}

/// Whether the task failed at its originator before anything of it was sent.
pub(in super::super) fn decided_alone(moved: &Moved<'_>) -> bool {
    outcome::DECIDED_AT_ORIGINATOR.contains(&moved.field(field::REASON))
}
