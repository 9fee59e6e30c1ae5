//! The tables printed, and their promises under events in any order.

use std::fmt::Write as _;

use insta::assert_snapshot;
use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::message::{FailureReason, Known, Outcome, Reason};

const FAILED: Outcome = Outcome::Failed(FailureReason::CommandFailed);

const OPEN: Known = Known {
    state: DestinationState::Running,
    outcome: None,
};
const ENDED: Known = Known {
    state: DestinationState::Reported,
    outcome: Some(Outcome::Succeeded),
};

const ORIGINATOR_EVENTS: [OriginatorEvent; 10] = [
    OriginatorEvent::Sent,
    OriginatorEvent::Accepted,
    OriginatorEvent::Rejected(Reason::Busy),
    OriginatorEvent::RetriesEnded,
    OriginatorEvent::DeadlineExpired,
    OriginatorEvent::Completed(Outcome::Succeeded),
    OriginatorEvent::Status(None),
    OriginatorEvent::Status(Some(OPEN)),
    OriginatorEvent::Status(Some(ENDED)),
    OriginatorEvent::FailedHere(FailureReason::SourceUnreadable),
];

const DESTINATION_EVENTS: [DestinationEvent; 9] = [
    DestinationEvent::Repeated,
    DestinationEvent::Started,
    DestinationEvent::Ended(Outcome::Succeeded),
    DestinationEvent::Cancelled,
    DestinationEvent::Recovered { restartable: false },
    DestinationEvent::Recovered { restartable: true },
    DestinationEvent::Acknowledged,
    DestinationEvent::Disowned,
    DestinationEvent::RetriesEnded,
];

/// A task in each state, ended in the way that the state says.
fn originator_in(state: OriginatorState) -> OriginatorTask {
    let settled = match state {
        OriginatorState::Completed => Some(Settled::Ended(Outcome::Succeeded)),
        OriginatorState::Failed => Some(Settled::Ended(FAILED)),
        OriginatorState::Cancelled => Some(Settled::Ended(Outcome::Cancelled)),
        OriginatorState::Rejected => Some(Settled::Rejected(Reason::Busy)),
        OriginatorState::Prepared
        | OriginatorState::Sending
        | OriginatorState::Accepted
        | OriginatorState::InDoubt => None,
    };
    OriginatorTask {
        state,
        settled,
        ..OriginatorTask::default()
    }
}

fn destination_in(state: DestinationState) -> DestinationTask {
    let outcome = state.has_outcome().then_some(Outcome::Succeeded);
    DestinationTask {
        state,
        outcome,
        ..DestinationTask::default()
    }
}

/// One state's part of a table: a line for each legal event, and the illegal ones in a line.
fn rows<E: std::fmt::Debug + 'static>(
    from: &'static str,
    results: impl Iterator<Item = (&'static str, Result<(&'static str, &'static [E]), Illegal>)>,
) -> String {
    let (mut legal, mut illegal) = (String::new(), String::new());
    for (event, result) in results {
        match result {
            Err(_) => illegal.push_str(&format!(" {event}")),
            Ok((to, effects)) => {
                let effects: String = effects
                    .iter()
                    .map(|effect| format!(" {effect:?}"))
                    .collect();
                let to = if to == from { "stays" } else { to };
                legal.push_str(&format!("    {event}: {to}{effects}\n"));
            }
        }
    }
    format!("{from}\n{legal}    illegal:{illegal}\n")
}

#[test]
fn every_event_in_every_state_of_the_originator() {
    let mut table = String::new();
    for state in OriginatorState::ALL {
        let results = ORIGINATOR_EVENTS.map(|event| {
            let result = originator_in(state).on(event, Timestamp::UNIX_EPOCH);
            (
                event.name(),
                result.map(|(task, effects)| (task.state.name(), effects)),
            )
        });
        table.push_str(&rows(state.name(), results.into_iter()));
    }
    assert_snapshot!("originator", table);
}

#[test]
fn every_event_in_every_state_of_the_destination() {
    let mut table = String::new();
    for state in DestinationState::ALL {
        let results = DESTINATION_EVENTS.map(|event| {
            let result = destination_in(state).on(event, Timestamp::UNIX_EPOCH);
            (
                event.name(),
                result.map(|(task, effects)| (task.state.name(), effects)),
            )
        });
        table.push_str(&rows(state.name(), results.into_iter()));
    }
    assert_snapshot!("destination", table);
}

#[test]
fn the_picture_of_both_tables() {
    let mut moves = std::collections::BTreeSet::new();
    for state in OriginatorState::ALL {
        for event in ORIGINATOR_EVENTS {
            if let Ok((to, _)) = originator_in(state).on(event, Timestamp::UNIX_EPOCH)
                && to.state != state
            {
                moves.insert((0, state.name(), to.state.name(), event.name()));
            }
        }
    }
    for state in DestinationState::ALL {
        for event in DESTINATION_EVENTS {
            if let Ok((to, _)) = destination_in(state).on(event, Timestamp::UNIX_EPOCH)
                && to.state != state
            {
                moves.insert((1, state.name(), to.state.name(), event.name()));
            }
        }
    }
    let mut picture = String::from("stateDiagram-v2\n");
    for (_, from, to, event) in moves {
        writeln!(picture, "    {from} --> {to}: {event}").unwrap();
    }
    assert_snapshot!("picture", picture);
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        Just(Outcome::Succeeded),
        Just(FAILED),
        Just(Outcome::Cancelled)
    ]
}

fn known() -> impl Strategy<Value = Option<Known>> {
    prop_oneof![
        Just(None),
        Just(Some(OPEN)),
        outcome().prop_map(|outcome| Known::new(DestinationState::Parked, Some(outcome))),
    ]
}

fn originator_event() -> impl Strategy<Value = OriginatorEvent> {
    prop_oneof![
        4 => Just(OriginatorEvent::Sent),
        4 => Just(OriginatorEvent::Accepted),
        1 => Just(OriginatorEvent::Rejected(Reason::Busy)),
        2 => Just(OriginatorEvent::RetriesEnded),
        2 => Just(OriginatorEvent::DeadlineExpired),
        2 => outcome().prop_map(OriginatorEvent::Completed),
        3 => known().prop_map(OriginatorEvent::Status),
        1 => Just(OriginatorEvent::FailedHere(FailureReason::SourceUnreadable)),
    ]
}

fn destination_event() -> impl Strategy<Value = DestinationEvent> {
    prop_oneof![
        Just(DestinationEvent::Repeated),
        Just(DestinationEvent::Started),
        outcome().prop_map(DestinationEvent::Ended),
        Just(DestinationEvent::Cancelled),
        any::<bool>().prop_map(|restartable| DestinationEvent::Recovered { restartable }),
        Just(DestinationEvent::Acknowledged),
        Just(DestinationEvent::Disowned),
        Just(DestinationEvent::RetriesEnded),
    ]
}

proptest! {
    /// ET-58, ET-49: a final state is reached once; success is never shown without an outcome that
    /// the destination reported; doubt is not failure.
    #[test]
    fn an_originator_ends_once_and_only_as_it_was_told(
        events in proptest::collection::vec(originator_event(), 0..40),
    ) {
        let mut task = OriginatorTask::default();
        let mut settled = 0_usize;
        for event in events {
            let Ok((next, effects)) = task.on(event, Timestamp::UNIX_EPOCH) else { continue };
            prop_assert_eq!(next.state.is_final(), next.settled.is_some());
            if task.state.is_final() {
                prop_assert_eq!(next, task);
            }
            if effects.contains(&OriginatorEffect::Settle) {
                settled = settled.saturating_add(1);
            }
            if next.state == OriginatorState::Completed && task.state != next.state {
                let told = matches!(
                    event,
                    OriginatorEvent::Completed(Outcome::Succeeded)
                        | OriginatorEvent::Status(Some(Known { outcome: Some(_), .. }))
                );
                prop_assert!(told);
            }
            if event == OriginatorEvent::DeadlineExpired {
                prop_assert!(next.state != OriginatorState::Failed || next == task);
            }
            task = next;
        }
        prop_assert_eq!(settled, usize::from(task.state.is_final()));
    }

    /// ET-42, ET-54, ET-58: work begins a second time only after a crash and only when declared
    /// restartable; an outcome, once there, stays; no final state changes.
    #[test]
    fn a_destination_works_once_and_keeps_its_outcome(
        events in proptest::collection::vec(destination_event(), 0..40),
    ) {
        let mut task = DestinationTask::default();
        for event in events {
            let Ok((next, effects)) = task.on(event, Timestamp::UNIX_EPOCH) else { continue };
            prop_assert_eq!(next.state.has_outcome(), next.outcome.is_some());
            if task.outcome.is_some() {
                prop_assert_eq!(next.outcome, task.outcome);
            }
            if task.state.is_final() {
                prop_assert_eq!(next, task);
            }
            if effects.contains(&DestinationEffect::Run) {
                let again = event == DestinationEvent::Recovered { restartable: true };
                prop_assert!(task.starts == 0 || again);
                prop_assert_eq!(Some(next.starts), task.starts.checked_add(1));
            } else {
                prop_assert_eq!(next.starts, task.starts);
            }
            task = next;
        }
    }
}
