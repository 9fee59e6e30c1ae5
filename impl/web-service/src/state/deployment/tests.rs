//! The table printed, and its promises under events in any order.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn failure() -> DeploymentFailure {
    DeploymentFailure {
        step: DeploymentStep::Upload,
        reason: "404".to_owned(),
    }
}

fn events() -> Vec<DeploymentEvent> {
    let url = "http://target:8080".to_owned();
    let job = Guid::from_bits(1);
    let mut events = vec![
        DeploymentEvent::PickedUp,
        DeploymentEvent::Exported { files: 0 },
        DeploymentEvent::Exported { files: 2 },
        DeploymentEvent::Told { url },
        DeploymentEvent::Created { job },
        DeploymentEvent::Uploaded,
        DeploymentEvent::Started,
    ];
    let statuses = JobStatus::ALL.iter();
    events.extend(statuses.map(|status| DeploymentEvent::Polled { status: *status }));
    events.extend([
        DeploymentEvent::NotChanged,
        DeploymentEvent::Failed(failure()),
        DeploymentEvent::CancelRequested,
        DeploymentEvent::CancelCalled,
        DeploymentEvent::Deleted { left: None },
        DeploymentEvent::Recovered,
    ]);
    events
}

/// What a run in `state` has behind it.
fn run_in(state: DeploymentState) -> DeploymentProgress {
    use DeploymentState as State;
    let has_job = state >= State::Uploading;
    DeploymentProgress {
        state,
        files: if state > State::Exporting { 2 } else { 0 },
        // One of two, and then all.
        uploaded: if state > State::Uploading {
            2
        } else {
            u32::from(state == State::Uploading)
        },
        remote_job: has_job.then(|| Guid::from_bits(1)),
        outcome: (state >= State::Deleting).then_some(DeploymentOutcome::Succeeded),
        ..DeploymentProgress::default()
    }
}

/// An event by its name, and what makes it a special one.
fn words(event: &DeploymentEvent) -> String {
    match event {
        DeploymentEvent::Exported { files: 0 } => "exported, nothing".to_owned(),
        DeploymentEvent::Polled { status } => format!("polled, {}", status.name()),
        DeploymentEvent::PickedUp
        | DeploymentEvent::Exported { .. }
        | DeploymentEvent::Told { .. }
        | DeploymentEvent::Created { .. }
        | DeploymentEvent::Uploaded
        | DeploymentEvent::Started
        | DeploymentEvent::NotChanged
        | DeploymentEvent::Failed(_)
        | DeploymentEvent::CancelRequested
        | DeploymentEvent::CancelCalled
        | DeploymentEvent::Deleted { .. }
        | DeploymentEvent::Recovered => event.name().to_owned(),
    }
}

#[test]
fn every_event_in_every_state_of_a_deployment() {
    let mut table = String::new();
    for state in DeploymentState::ALL {
        let run = run_in(state);
        writeln!(table, "{} ({})", state.name(), run.status().name()).unwrap();
        let mut illegal = BTreeSet::new();
        for event in events() {
            let name = words(&event);
            match run.on(&event, NOW, AfterTimeout::Leave) {
                Err(_) => drop(illegal.insert(event.name())),
                Ok((next, effects)) => {
                    let effects: String = effects.iter().map(|e| format!(" {e:?}")).collect();
                    let to = next.state.name();
                    let to = if next.state == state { "stays" } else { to };
                    writeln!(table, "    {name}: {to}{effects}").unwrap();
                }
            }
        }
        let illegal: Vec<_> = illegal.into_iter().collect();
        writeln!(table, "    illegal: {}", illegal.join(", ")).unwrap();
    }
    assert_snapshot!("deployment", table);
}

#[test]
fn the_picture_of_the_table() {
    let mut moves = BTreeSet::new();
    for state in DeploymentState::ALL {
        for event in events() {
            if let Ok((to, _)) = run_in(state).on(&event, NOW, AfterTimeout::Leave)
                && to.state != state
            {
                moves.insert((state, to.state, event.name()));
            }
        }
    }
    let mut picture = String::from("stateDiagram-v2\n");
    for (from, to, event) in moves {
        writeln!(picture, "    {} --> {}: {event}", from.name(), to.name()).unwrap();
    }
    assert_snapshot!("picture-of-deployments", picture);
}

/// CD-50: the value alone, against the last successful poll; the first one changes nothing.
#[test]
fn only_another_status_than_the_last_one_is_a_change() {
    let at = |second: i64| Timestamp::from_second(second).unwrap();
    let mut run = run_in(DeploymentState::Starting);
    let mut changes = Vec::new();
    let polled = |status| DeploymentEvent::Polled { status };
    let course = [
        DeploymentEvent::Started,
        polled(JobStatus::ImportPreparing),
        polled(JobStatus::ImportPreparing),
        polled(JobStatus::ImportInProgress),
        polled(JobStatus::ImportInProgress),
        polled(JobStatus::ImportPreparing),
    ];
    for (second, event) in (10..).step_by(10).zip(course) {
        (run, _) = run.on(&event, at(second), AfterTimeout::Leave).unwrap();
        changes.push(run.changed_ms.unwrap_or_default() / 1000);
    }
    assert_eq!(changes, [10, 10, 10, 40, 40, 60]);
}

#[test]
fn a_timeout_is_final_and_deletes_only_where_it_is_told_to() {
    let run = run_in(DeploymentState::Importing);
    let event = DeploymentEvent::NotChanged;
    let (left, effects) = run.on(&event, NOW, AfterTimeout::Leave).unwrap();
    assert_eq!(left.state, DeploymentState::TimedOut);
    assert_eq!(effects, [DeploymentEffect::Clean]);
    let success = DeploymentEvent::Polled {
        status: JobStatus::Success,
    };
    let (later, effects) = left.on(&success, NOW, AfterTimeout::Leave).unwrap();
    assert_eq!((later, effects.len()), (left, 0));

    let (deleting, effects) = run.on(&event, NOW, AfterTimeout::Delete).unwrap();
    assert_eq!(effects, [DeploymentEffect::Delete]);
    let deleted = DeploymentEvent::Deleted { left: None };
    let (ended, _) = deleting.on(&deleted, NOW, AfterTimeout::Delete).unwrap();
    assert_eq!(ended.state, DeploymentState::TimedOut);
}

fn event() -> impl Strategy<Value = DeploymentEvent> {
    prop::sample::select(events())
}

proptest! {
    /// CD-47, CD-48, CD-51: calls come in their order, `RunJob` after the last upload only; what is
    /// over stays; a success was reported by the target, or there was nothing to deploy; what was
    /// created is deleted or left to a timeout.
    #[test]
    fn a_deployment_ends_once_and_truly(course in prop::collection::vec(event(), 0..120)) {
        use DeploymentEffect as Effect;
        let mut run = DeploymentProgress::default();
        let mut called: Vec<Effect> = Vec::new();
        let mut was_successful = false;
        for event in course {
            let Ok((next, effects)) = run.on(&event, NOW, AfterTimeout::Leave) else { continue };
            if run.state.is_final() {
                prop_assert_eq!(&next, &run);
                prop_assert!(effects.iter().all(|effect| *effect == Effect::Clean));
            }
            for effect in effects {
                let has = |wanted: Effect| called.contains(&wanted);
                match effect {
                    Effect::Ask => prop_assert!(has(Effect::Export)),
                    Effect::Create => prop_assert!(has(Effect::Ask)),
                    Effect::Upload => prop_assert!(has(Effect::Create)),
                    Effect::Run => prop_assert_eq!(next.uploaded, next.files),
                    Effect::Poll => prop_assert!(has(Effect::Run) || has(Effect::Cancel)),
                    Effect::Export | Effect::Cancel | Effect::Delete | Effect::Clean => {}
                }
                called.push(*effect);
            }
            let success = DeploymentEvent::Polled { status: JobStatus::Success };
            was_successful |= run.state == DeploymentState::Importing && event == success;
            prop_assert_eq!(next.state.is_final(), next.ended_ms.is_some());
            prop_assert!(next.uploaded <= next.files);
            if next.state == DeploymentState::Succeeded {
                prop_assert!(was_successful || next.files == 0);
            }
            if next.state.is_final() && next.remote_job.is_some() {
                let is_left = next.outcome == Some(DeploymentOutcome::NotChanged);
                prop_assert!(called.contains(&Effect::Delete) || is_left);
            }
            run = next;
        }
    }
}
