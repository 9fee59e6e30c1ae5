//! Each invariant holds on an honest story and breaks on a story that is wrong in one place.

mod endings;
mod story;

use std::time::Duration;

use portcullis_reports::ConnectionPhase::{Closed, FinSent};

use super::super::invariant::{RULES, rule};
use super::super::reading::Reading;
use super::super::vocabulary::{kind, state};
use story::{Story, setting};

/// What a refusal says.
const REFUSAL: &[(&str, &str)] = &[("reason", "busy"), ("product", "1")];

#[test]
fn a_request_without_an_answer_is_seen() {
    let mut story = Story::new();
    story.exchange("dev", 50001, "prod", 6102, &[(kind::HELLO, "")]);
    assert_eq!(broken(&story), ["requests-are-answered"]);
}

#[test]
fn a_message_without_the_right_code_is_seen() {
    let mut story = Story::new();
    let id = story.open("dev", 50001, "prod", 6102);
    story.say(id, "dev", kind::HELLO, "", &[("authentic", "false")]);
    story.say(id, "prod", kind::REJECTION, "", REFUSAL);
    story.close(id, "dev", "prod");
    assert_eq!(broken(&story), ["messages-are-authentic"]);
}

#[test]
fn a_refusal_in_words_of_the_request_is_seen() {
    let mut story = Story::new();
    let id = story.open("dev", 50001, "prod", 6102);
    story.say(id, "dev", kind::HELLO, "", &[]);
    let echo = [("reason", "busy"), ("product", "dev")];
    story.say(id, "prod", kind::REJECTION, "", &echo);
    story.close(id, "dev", "prod");
    assert_eq!(broken(&story), ["refusals-echo-nothing"]);
}

/// The names of the invariants that `story` breaks.
fn broken(story: &Story) -> Vec<&'static str> {
    let setting = setting();
    let entries = story.entries();
    let reading = Reading::new(&setting, &entries);
    RULES
        .iter()
        .filter(|rule| !(rule.check)(&reading).is_empty())
        .map(|rule| rule.name)
        .collect()
}

#[test]
fn an_honest_story_breaks_none() {
    assert_eq!(broken(&Story::honest()), Vec::<&str>::new());
}

#[test]
fn names_are_unique_and_found() {
    for one in RULES {
        assert_eq!(rule(one.name).map(|found| found.claim), Some(one.claim));
    }
}

#[test]
fn a_configured_source_port_is_seen() {
    let mut story = Story::new();
    story.exchange(
        "dev",
        6101,
        "prod",
        6102,
        &[(kind::HELLO, ""), (kind::HELLO_ACK, "")],
    );
    assert_eq!(broken(&story), ["source-ports-are-dynamic"]);
}

#[test]
fn a_connection_to_a_port_of_no_link_is_seen() {
    let mut story = Story::new();
    story.exchange(
        "dev",
        50001,
        "prod",
        80,
        &[(kind::HELLO, ""), (kind::HELLO_ACK, "")],
    );
    assert_eq!(broken(&story), ["connections-follow-the-links"]);
}

#[test]
fn a_second_request_on_a_connection_is_seen() {
    let mut story = Story::new();
    story.greet();
    let id = story.open("dev", 50002, "prod", 6102);
    story.say(id, "dev", kind::TASK, "t-1", &[]);
    story.say(id, "dev", kind::QUERY, "t-1", &[]);
    assert_eq!(broken(&story), ["one-exchange-a-connection"]);
}

#[test]
fn a_connection_held_during_the_work_is_seen() {
    let mut story = Story::new();
    story.greet();
    let id = story.open("dev", 50002, "prod", 6102);
    story.say(id, "dev", kind::TASK, "t-1", &[]);
    story.say(id, "prod", kind::REJECTION, "", REFUSAL);
    story.advance(Duration::from_secs(600));
    story.phase(id, "dev", FinSent);
    story.phase(id, "dev", Closed);
    story.phase(id, "prod", FinSent);
    assert_eq!(broken(&story), ["connections-do-not-wait-for-work"]);
}

#[test]
fn an_acceptor_that_closes_first_is_seen() {
    let mut story = Story::new();
    let id = story.open("dev", 50001, "prod", 6102);
    story.say(id, "dev", kind::HELLO, "", &[]);
    story.say(id, "prod", kind::HELLO_ACK, "", &[]);
    story.phase(id, "prod", FinSent);
    story.phase(id, "dev", FinSent);
    assert_eq!(broken(&story), ["the-opener-closes-first"]);
}

/// A greeting whose answer takes `flight` to arrive; the acceptor closes `patience` after it.
fn greeting_closed_by_the_acceptor(flight: Duration, patience: Duration) -> Story {
    let mut story = Story::new();
    let id = story.open("dev", 50001, "prod", 6102);
    story.say(id, "dev", kind::HELLO, "", &[]);
    story.say(id, "prod", kind::HELLO_ACK, "", &[]);
    let arrival = story.hold_last();
    let (first, second) = (flight.min(patience), flight.max(patience));
    story.advance(first);
    if flight <= patience {
        story.release(arrival.clone());
    } else {
        story.phase(id, "prod", FinSent);
    }
    story.advance(second - first);
    if flight <= patience {
        story.phase(id, "prod", FinSent);
    } else {
        story.release(arrival);
    }
    story.phase(id, "dev", FinSent);
    story
}

#[test]
fn an_acceptor_closes_when_its_linger_is_over_and_the_opener_has_no_answer() {
    let linger = Duration::from_secs(5);
    let late = Duration::from_secs(7);
    let story = greeting_closed_by_the_acceptor(late, linger);
    assert_eq!(broken(&story), Vec::<&str>::new());
    let story = greeting_closed_by_the_acceptor(late, Duration::from_secs(1));
    assert_eq!(broken(&story), ["the-opener-closes-first"], "too early");
    let story = greeting_closed_by_the_acceptor(Duration::from_millis(40), linger);
    assert_eq!(
        broken(&story),
        ["the-opener-closes-first"],
        "the opener had it"
    );
}

#[test]
fn a_message_for_another_environment_is_seen() {
    let mut story = Story::new();
    let id = story.open("dev", 50001, "prod", 6102);
    story.say(id, "dev", kind::HELLO, "", &[("to", "test")]);
    story.say(id, "prod", kind::REJECTION, "", REFUSAL);
    story.close(id, "dev", "prod");
    assert_eq!(broken(&story), ["messages-are-complete"]);
}

#[test]
fn octets_that_do_not_decode_are_seen() {
    let mut story = Story::new();
    let id = story.open("dev", 50001, "prod", 6102);
    story.say(id, "dev", kind::UNDECODABLE, "", &[]);
    story.close(id, "dev", "prod");
    assert_eq!(broken(&story), ["messages-are-complete"]);
}

#[test]
fn an_oversize_frame_is_seen() {
    let mut story = Story::new();
    story.octets = 2 * 1024 * 1024;
    story.greet();
    assert_eq!(broken(&story), ["frames-stay-below-the-cap"]);
}

#[test]
fn a_reply_that_relates_to_nothing_is_seen() {
    let mut story = Story::new();
    let id = story.open("dev", 50001, "prod", 6102);
    story.say(id, "dev", kind::HELLO, "", &[]);
    story.say(
        id,
        "prod",
        kind::HELLO_ACK,
        "",
        &[("relates-to", "m-other")],
    );
    story.close(id, "dev", "prod");
    assert_eq!(broken(&story), ["replies-name-their-request"]);
}

#[test]
fn a_retry_under_a_new_id_is_seen() {
    let mut story = Story::honest();
    let id = story.open("dev", 50009, "prod", 6102);
    story.say(id, "dev", kind::TASK, "t-1", &[("id", "m-new")]);
    assert_eq!(broken(&story), ["ids-survive-retries"]);
}

#[test]
fn a_task_without_a_greeting_is_seen() {
    let mut story = Story::new();
    story.accept("t-1");
    assert_eq!(broken(&story), ["no-task-before-the-greeting"]);
}

#[test]
fn a_completion_on_the_task_connection_is_seen() {
    let mut story = Story::new();
    story.greet();
    story.record("t-1");
    let id = story.open("dev", 50002, "prod", 6102);
    story.say(id, "dev", kind::TASK, "t-1", &[]);
    story.say(
        id,
        "prod",
        kind::COMPLETED,
        "t-1",
        &[("outcome", "succeeded")],
    );
    story.close(id, "dev", "prod");
    assert_eq!(
        broken(&story),
        ["replies-name-their-request", "completions-come-by-callback"]
    );
}

#[test]
fn a_completion_of_a_task_never_given_is_seen() {
    let mut story = Story::new();
    story.complete("t-1", "succeeded");
    assert_eq!(broken(&story), ["completions-answer-a-task"]);
}

#[test]
fn a_completion_without_reason_is_seen() {
    let mut story = Story::new();
    story.greet();
    story.accept("t-1");
    story.complete("t-1", "failed");
    assert_eq!(broken(&story), ["completions-answer-a-task"]);
}

#[test]
fn two_outcomes_of_one_task_are_seen() {
    let mut story = Story::honest();
    let id = story.open("dev", 50010, "prod", 6102);
    story.say(id, "dev", kind::QUERY, "t-1", &[]);
    story.say(id, "prod", kind::STATUS, "t-1", &[("outcome", "cancelled")]);
    story.close(id, "dev", "prod");
    assert_eq!(broken(&story), ["one-outcome-a-task"]);
}

#[test]
fn a_move_out_of_a_final_state_is_seen() {
    let mut story = Story::honest();
    story.moved("dev", state::ORIGINATOR, "t-1", state::IN_DOUBT, &[]);
    assert_eq!(broken(&story), ["final-states-stay"]);
}

#[test]
fn success_without_a_record_is_seen() {
    let mut story = Story::new();
    story.greet();
    story.accept("t-1");
    story.complete("t-1", "succeeded");
    story.moved("dev", state::ORIGINATOR, "t-1", state::COMPLETED, &[]);
    assert_eq!(broken(&story), ["success-is-recorded"]);
}

#[test]
fn a_failure_decided_by_a_timer_is_seen() {
    let mut story = Story::new();
    story.greet();
    story.accept("t-1");
    let failed = [("outcome", "failed")];
    story.moved("prod", state::DESTINATION, "t-1", state::FINISHED, &failed);
    story.moved("dev", state::ORIGINATOR, "t-1", state::FAILED, &failed);
    assert_eq!(broken(&story), ["silence-is-doubt"]);
}

#[test]
fn a_forgotten_task_is_seen() {
    let mut story = Story::new();
    story.greet();
    story.wrote("prod", "t-1");
    story.give("t-1");
    assert_eq!(broken(&story), ["accepted-tasks-are-known"]);
}

#[test]
fn a_second_execution_is_seen() {
    let mut story = Story::honest();
    story.work("t-1");
    assert_eq!(broken(&story), ["one-execution-a-task"]);
}

#[test]
fn a_task_that_overtakes_is_seen() {
    let mut story = Story::new();
    story.greet();
    story.accept("t-1");
    story.accept("t-2");
    story.work("t-2");
    assert_eq!(broken(&story), ["tasks-keep-their-order"]);
}

#[test]
fn a_step_that_does_not_wait_is_seen() {
    let mut story = Story::new();
    story.alias("first", "t-1");
    story.alias("second", "t-2");
    story.greet();
    story.accept("t-1");
    story.accept("t-2");
    assert_eq!(broken(&story), ["later-steps-wait"]);
}

#[test]
fn an_acceptance_before_the_write_is_seen() {
    let mut story = Story::new();
    story.greet();
    story.moved(
        "prod",
        state::DESTINATION,
        "t-1",
        state::RECORDED,
        &[("peer", "dev")],
    );
    story.give("t-1");
    story.wrote("prod", "t-1");
    assert_eq!(broken(&story), ["recorded-before-acknowledged"]);
}

#[test]
fn a_result_acknowledged_before_the_write_is_seen() {
    let mut story = Story::new();
    story.greet();
    story.accept("t-1");
    let id = story.open("prod", 50020, "dev", 6101);
    story.say(
        id,
        "prod",
        kind::COMPLETED,
        "t-1",
        &[("outcome", "succeeded")],
    );
    story.say(id, "dev", kind::COMPLETED_ACK, "t-1", &[]);
    story.close(id, "prod", "dev");
    assert_eq!(broken(&story), ["results-recorded-before-acknowledged"]);
}

#[test]
fn an_announced_length_above_every_cap_is_seen() {
    let mut story = Story::new();
    let id = story.open("dev", 50001, "prod", 6102);
    story.say(
        id,
        "dev",
        kind::UNDECODABLE,
        "",
        &[("error", "frame-too-long")],
    );
    story.close(id, "dev", "prod");
    assert_eq!(
        broken(&story),
        ["messages-are-complete", "frames-stay-below-the-cap"]
    );
}
