//! What the end of a story says about tasks that are still open (ET-89).

use std::time::Duration;

use super::super::super::liveness::{Unsettled, unsettled};
use super::super::super::reading::Reading;
use super::super::super::vocabulary::state;
use super::story::{Story, setting};

const HOUR: Duration = Duration::from_secs(3600);

/// The tasks that are open when `story` ends `after` its last event.
fn open(story: &Story, after: Duration) -> Vec<Unsettled> {
    let (setting, entries) = (setting(), story.entries());
    let mut reading = Reading::new(&setting, &entries);
    reading.end += after;
    unsettled(&reading)
}

/// Whether the one open task is still within its time.
fn is_pending(story: &Story, after: Duration) -> bool {
    let open = open(story, after);
    assert_eq!(open.len(), 1, "{open:?}");
    open[0].pending.is_some()
}

/// A task of an hour that has begun.
fn working() -> Story {
    let mut story = Story::new();
    story.greet();
    story.moved("dev", state::ORIGINATOR, "t-1", state::SENDING, &[]);
    story.accept("t-1");
    story.moved("dev", state::ORIGINATOR, "t-1", state::ACCEPTED, &[]);
    story.moved("prod", state::DESTINATION, "t-1", state::RUNNING, &[]);
    story
}

#[test]
fn an_honest_story_leaves_nothing_open() {
    let mut story = working();
    let outcome = [("outcome", "succeeded")];
    story.moved("prod", state::DESTINATION, "t-1", state::FINISHED, &outcome);
    story.moved("dev", state::ORIGINATOR, "t-1", state::COMPLETED, &outcome);
    assert_eq!(open(&story, 9 * HOUR), []);
}

#[test]
fn running_work_has_its_time_and_no_more() {
    assert!(is_pending(&working(), HOUR));
    assert!(!is_pending(&working(), 2 * HOUR));
}

#[test]
fn an_unreported_outcome_has_until_the_next_report() {
    let mut story = working();
    let outcome = [("outcome", "failed")];
    story.moved("prod", state::DESTINATION, "t-1", state::FINISHED, &outcome);
    assert!(is_pending(&story, HOUR));
    assert!(!is_pending(&story, 2 * HOUR));
}

#[test]
fn a_task_that_never_got_there_has_until_the_next_attempt() {
    let mut story = Story::new();
    story.moved("dev", state::ORIGINATOR, "t-1", state::SENDING, &[]);
    assert!(is_pending(&story, Duration::from_secs(60)));
    assert!(!is_pending(&story, HOUR));
}

#[test]
fn a_task_may_wait_behind_running_work() {
    let mut story = working();
    story.moved("dev", state::ORIGINATOR, "t-2", state::PREPARED, &[]);
    let all_pending = |after| {
        open(&story, after)
            .iter()
            .all(|task| task.pending.is_some())
    };
    assert!(all_pending(HOUR));
    assert!(!all_pending(2 * HOUR));
}

#[test]
fn a_wrong_outcome_is_wrong_at_once() {
    let mut story = working();
    story.moved("dev", state::ORIGINATOR, "t-1", state::COMPLETED, &[]);
    assert!(!is_pending(&story, Duration::ZERO));
}
