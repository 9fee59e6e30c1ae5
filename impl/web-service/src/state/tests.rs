//! The tables printed, and their promises under events in any order.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use insta::assert_snapshot;
use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::message::JobStatus;
use crate::work::ImportFailure;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn job_events() -> [JobEvent; 10] {
    [
        JobEvent::PickedUp,
        JobEvent::Verified,
        JobEvent::Decompressed { objects: 2 },
        JobEvent::Placed,
        JobEvent::Finished,
        JobEvent::Failed(ImportFailure::Manifest),
        JobEvent::CancelRequested,
        JobEvent::CancelHandled,
        JobEvent::Recovered,
        JobEvent::TimedOut,
    ]
}

fn owner(server: &str) -> Owner {
    Owner {
        server: server.to_owned(),
        life: 1,
    }
}

/// By name, because the owner makes a difference.
fn timer_events() -> [(&'static str, TimerEvent); 8] {
    [
        ("run", TimerEvent::Run),
        ("claimed", TimerEvent::Claimed(owner("a"))),
        ("taken-over", TimerEvent::TakenOver(owner("b"))),
        ("renewed by its owner", TimerEvent::Renewed(owner("a"))),
        ("renewed by another", TimerEvent::Renewed(owner("b"))),
        ("ended by its owner", TimerEvent::Ended(owner("a"))),
        ("ended by another", TimerEvent::Ended(owner("b"))),
        ("withdrawn", TimerEvent::Withdrawn),
    ]
}

/// The states of the table: placing is two, with something left to place and with nothing.
fn job_states() -> Vec<(String, JobProgress)> {
    let job_in = |state: JobState| JobProgress {
        state,
        failure: (state == JobState::Failed).then_some(ImportFailure::Scripted),
        ..JobProgress::default()
    };
    let mut states = Vec::new();
    for state in JobState::ALL {
        let job = job_in(state);
        if state == JobState::Placing {
            let placing = JobProgress { objects: 2, ..job };
            let placed = JobProgress {
                placed: 2,
                ..placing.clone()
            };
            states.push(("placing, 0 of 2".to_owned(), placing));
            states.push(("placing, 2 of 2".to_owned(), placed));
        } else {
            states.push((state.name().to_owned(), job));
        }
    }
    states
}

fn timer_in(state: TimerState) -> TimerProgress {
    let is_claimed = matches!(state, TimerState::Running | TimerState::Done);
    TimerProgress {
        state,
        owner: is_claimed.then(|| owner("a")),
    }
}

#[test]
fn every_event_in_every_state_of_an_import_job() {
    let mut table = String::new();
    for (name, job) in job_states() {
        let status = job.state.status().name();
        writeln!(table, "{name} ({status})").unwrap();
        let mut illegal = String::new();
        for event in job_events() {
            match job.on(&event, NOW) {
                Err(_) => write!(illegal, " {}", event.name()).unwrap(),
                Ok((next, effects)) => {
                    let to = match next.state {
                        state if state == job.state && next.placed != job.placed => "next object",
                        state if state == job.state => "stays",
                        state => state.name(),
                    };
                    let effects: String = effects.iter().map(|e| format!(" {e:?}")).collect();
                    writeln!(table, "    {}: {to}{effects}", event.name()).unwrap();
                }
            }
        }
        writeln!(table, "    illegal:{illegal}").unwrap();
    }
    assert_snapshot!("import-job", table);
}

#[test]
fn every_event_in_every_state_of_a_timer_job() {
    let mut table = String::new();
    for state in TimerState::ALL {
        writeln!(table, "{}", state.name()).unwrap();
        let mut illegal = Vec::new();
        for (name, event) in timer_events() {
            match timer_in(state).on(&event) {
                Err(_) => illegal.push(name),
                Ok(next) if next.state == state => writeln!(table, "    {name}: stays").unwrap(),
                Ok(next) => writeln!(table, "    {name}: {}", next.state.name()).unwrap(),
            }
        }
        writeln!(table, "    illegal: {}", illegal.join(", ")).unwrap();
    }
    assert_snapshot!("timer-job", table);
}

#[test]
fn the_picture_of_both_tables() {
    let mut moves = BTreeSet::new();
    for (_, job) in job_states() {
        for event in job_events() {
            if let Ok((to, _)) = job.on(&event, NOW)
                && to.state != job.state
            {
                moves.insert((0, job.state.name(), to.state.name(), event.name()));
            }
        }
    }
    for state in TimerState::ALL {
        for (_, event) in timer_events() {
            if let Ok(to) = timer_in(state).on(&event)
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

fn job_event() -> impl Strategy<Value = JobEvent> {
    prop_oneof![
        3 => Just(JobEvent::PickedUp),
        3 => Just(JobEvent::Verified),
        3 => (0_u32..4).prop_map(|objects| JobEvent::Decompressed { objects }),
        6 => Just(JobEvent::Placed),
        4 => Just(JobEvent::Finished),
        1 => Just(JobEvent::Failed(ImportFailure::Manifest)),
        1 => Just(JobEvent::CancelRequested),
        2 => Just(JobEvent::CancelHandled),
        2 => Just(JobEvent::Recovered),
        1 => Just(JobEvent::TimedOut),
    ]
}

fn timer_event() -> impl Strategy<Value = TimerEvent> {
    let owner = || prop_oneof![Just(owner("a")), Just(owner("b"))];
    prop_oneof![
        Just(TimerEvent::Run),
        owner().prop_map(TimerEvent::Claimed),
        owner().prop_map(TimerEvent::TakenOver),
        owner().prop_map(TimerEvent::Renewed),
        owner().prop_map(TimerEvent::Ended),
        Just(TimerEvent::Withdrawn),
    ]
}

proptest! {
    /// CD-27, CD-29, CD-30: a final state stays; what was cancelled has decompressed nothing and
    /// placed nothing, and never succeeds; success means that every object was placed.
    #[test]
    fn an_import_job_ends_once_and_truly(
        events in proptest::collection::vec(job_event(), 0..60),
    ) {
        let mut job = JobProgress::default();
        let (mut decompressed, mut cancelling) = (false, false);
        for event in events {
            let Ok((next, effects)) = job.on(&event, NOW) else { continue };
            if job.state.is_final() {
                prop_assert_eq!(&next, &job);
                prop_assert!(effects.iter().all(|effect| *effect == JobEffect::Clean));
            }
            prop_assert_eq!(next.state.is_final(), next.ended_ms.is_some());
            prop_assert_eq!(next.state == JobState::Failed, next.failure.is_some());
            decompressed |= effects.contains(&JobEffect::Decompress);
            cancelling |= next.state == JobState::CancelInProgress;
            if cancelling {
                prop_assert!(!decompressed && next.placed == 0);
                let status = next.state.status();
                prop_assert!(matches!(status, JobStatus::CancelInProgress | JobStatus::Cancelled));
            }
            if next.state == JobState::Succeeded {
                prop_assert!(decompressed && next.placed == next.objects);
            }
            prop_assert!(next.placed <= next.objects);
            job = next;
        }
    }

    /// CD-21, CD-22: nothing runs that was not asked for, and nothing runs twice; an owner that has
    /// lost it cannot end it.
    #[test]
    fn a_timer_job_runs_once_and_only_when_asked_for(
        events in proptest::collection::vec(timer_event(), 0..40),
    ) {
        let mut timer_job = TimerProgress::default();
        let (mut asked, mut runs) = (false, 0_usize);
        for event in events {
            let Ok(next) = timer_job.on(&event) else { continue };
            asked |= event == TimerEvent::Run;
            if let TimerEvent::Ended(owner) = &event {
                prop_assert!(timer_job.belongs_to(owner));
            }
            if timer_job.state != TimerState::Running && next.state == TimerState::Running {
                runs = runs.saturating_add(1);
            }
            prop_assert_eq!(next.owner.is_some(), runs > 0);
            prop_assert!(asked || runs == 0);
            prop_assert!(runs <= 1);
            timer_job = next;
        }
    }
}
