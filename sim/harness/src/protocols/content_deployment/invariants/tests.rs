//! Each invariant holds on an honest story and breaks on a story that is wrong in one place.

mod story;

use std::time::Duration;

use super::super::invariant::{RULES, rule};
use super::super::reading::Reading;
use super::super::setting::Setting;
use super::super::vocabulary::{effect, field, kind, state};
use story::{JOB, Story, setting};

/// The names of the invariants that `story` breaks in the world of `setting`.
fn broken_in(setting: &Setting, story: &Story) -> Vec<&'static str> {
    let reading = Reading::new(setting, story.entries());
    let rules = RULES.iter();
    rules
        .filter(|rule| !(rule.check)(&reading).is_empty())
        .map(|rule| rule.name)
        .collect()
}

fn broken(story: &Story) -> Vec<&'static str> {
    broken_in(&setting(), story)
}

/// A story of a job that was created, has its file and was run.
fn running() -> Story {
    let mut story = Story::default();
    story.create(JOB);
    story.upload();
    story.run();
    story
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
fn an_answer_in_another_version_is_seen() {
    let mut story = Story::default();
    let id = story.ask("get-job-status", &[(field::JOB, JOB), (field::SOAP, "1.1")]);
    story.answer(
        id,
        kind::FAULT,
        &[(field::SOAP, "1.2"), (field::HTTP, "500")],
    );
    assert_eq!(broken(&story), ["answers-match-their-request"]);
}

#[test]
fn an_answer_to_something_else_is_seen() {
    let mut story = Story::default();
    let id = story.ask("cancel-job", &[(field::JOB, JOB), (field::SOAP, "1.1")]);
    let other = [(field::SOAP, "1.1"), (field::HTTP, "200")];
    story.answer(id, "delete-import-logs-response", &other);
    assert_eq!(broken(&story), ["answers-match-their-request"]);
}

#[test]
fn an_http_error_in_place_of_an_answer_is_one() {
    let mut story = Story::default();
    let id = story.ask("cancel-job", &[(field::JOB, JOB), (field::SOAP, "1.1")]);
    story.answer(id, kind::HTTP_RESPONSE, &[(field::HTTP, "401")]);
    assert_eq!(broken(&story), Vec::<&str>::new());
}

#[test]
fn an_answer_that_the_schema_does_not_have_is_seen() {
    let mut story = Story::default();
    let id = story.ask("get-job-status", &[(field::JOB, JOB), (field::SOAP, "1.1")]);
    story.answer(id, kind::UNREAD_ANSWER, &[(field::HTTP, "200")]);
    assert_eq!(broken(&story), ["answers-are-of-the-schema"]);
}

#[test]
fn a_job_that_is_given_out_twice_is_seen() {
    let mut story = Story::default();
    story.create(JOB);
    story.create(JOB);
    assert_eq!(broken(&story), ["job-ids-differ"]);
}

#[test]
fn a_deleted_job_that_answers_is_seen() {
    let mut story = Story::honest();
    story.poll("Success");
    assert_eq!(broken(&story), ["deleted-jobs-are-gone"]);
}

#[test]
fn a_fault_for_want_of_logs_is_seen() {
    for (violation, expected) in [
        ("unknown-job", &["deleting-logs-never-fails"][..]),
        ("unavailable", &[][..]),
    ] {
        let mut story = Story::default();
        let id = story.ask("delete-import-logs", &[(field::SOAP, "1.1")]);
        let fault = [
            (field::SOAP, "1.1"),
            (field::HTTP, "500"),
            (field::VIOLATION, violation),
        ];
        story.answer(id, kind::FAULT, &fault);
        assert_eq!(broken(&story), expected, "{violation}");
    }
}

#[test]
fn a_job_of_a_farm_that_takes_none_is_seen() {
    let mut story = Story::default();
    story.create(JOB);
    let mut closed = setting();
    for server in closed.servers.values_mut() {
        server.is_accepting = false;
    }
    let broken = broken_in(&closed, &story);
    assert_eq!(broken, ["refusing-farms-take-nothing"]);
}

#[test]
fn an_answer_to_a_stranger_is_seen() {
    let mut story = Story::default();
    let asked = [(field::SOAP, "1.1"), (field::AUTHENTIC, "false")];
    let id = story.ask("delete-import-logs", &asked);
    let ok = [(field::SOAP, "1.1"), (field::HTTP, "200")];
    story.answer(id, "delete-import-logs-response", &ok);
    assert_eq!(broken(&story), ["callers-are-known"]);
}

#[test]
fn a_status_that_goes_back_is_seen() {
    let mut story = running();
    story.moved(state::VERIFYING);
    story.poll("ImportInProgress");
    story.poll("ImportPreparing");
    let expected = ["statuses-move-forward", "reported-statuses-are-true"];
    assert_eq!(broken(&story), expected);
}

#[test]
fn answers_that_cross_are_not_compared() {
    let mut story = running();
    let asked = [(field::JOB, JOB), (field::SOAP, "1.1")];
    let early = story.ask("get-job-status", &asked);
    story.moved(state::VERIFYING);
    let late = story.ask("get-job-status", &asked);
    for (id, status) in [(late, "ImportInProgress"), (early, "ImportPreparing")] {
        let answer = [
            (field::JOB, JOB),
            (field::SOAP, "1.1"),
            (field::HTTP, "200"),
            (field::STATUS, status),
        ];
        story.answer(id, "get-job-status-response", &answer);
    }
    assert_eq!(broken(&story), Vec::<&str>::new());
}

#[test]
fn a_job_that_is_said_to_run_before_runjob_is_seen() {
    let mut story = Story::default();
    story.create(JOB);
    story.moved(state::VERIFYING);
    story.poll("ImportInProgress");
    assert_eq!(broken(&story), ["nothing-starts-by-itself"]);
}

#[test]
fn a_runjob_that_is_answered_at_the_end_is_seen() {
    let mut story = Story::default();
    story.create(JOB);
    story.upload();
    let asked = [(field::JOB, JOB), (field::SOAP, "1.1")];
    let id = story.ask("run-job", &asked);
    story.wrote(JOB);
    story.import();
    let answer = [
        (field::JOB, JOB),
        (field::SOAP, "1.1"),
        (field::HTTP, "200"),
    ];
    story.answer(id, "run-job-response", &answer);
    assert_eq!(broken(&story), ["running-is-answered-at-once"]);
}

#[test]
fn a_poll_that_moves_a_job_is_seen() {
    let mut story = Story::default();
    story.create(JOB);
    let id = story.ask("get-job-status", &[(field::JOB, JOB), (field::SOAP, "1.1")]);
    story.moved(state::VERIFYING);
    story.answer(
        id,
        kind::FAULT,
        &[(field::SOAP, "1.1"), (field::HTTP, "500")],
    );
    assert_eq!(broken(&story), ["polling-moves-nothing"]);
}

#[test]
fn a_move_out_of_a_final_state_is_seen() {
    let mut story = running();
    story.import();
    story.moved(state::FAILED);
    assert_eq!(broken(&story), ["final-states-stay"]);
}

#[test]
fn an_answer_before_its_record_is_seen() {
    let mut story = Story::default();
    let id = story.ask("create-job", &[(field::SOAP, "1.1")]);
    let created = [
        (field::JOB, JOB),
        (field::SOAP, "1.1"),
        (field::HTTP, "200"),
    ];
    story.answer(id, "create-job-response", &created);
    story.wrote(JOB);
    assert_eq!(broken(&story), ["recorded-before-answered"]);
}

#[test]
fn an_upload_that_is_acknowledged_first_is_seen() {
    let mut story = Story::default();
    story.create(JOB);
    let id = story.send_file();
    story.take_file(id);
    story.store("d1");
    assert_eq!(broken(&story), ["acknowledged-uploads-are-stored"]);
}

#[test]
fn other_octets_are_seen() {
    let mut story = Story::default();
    story.create(JOB);
    let id = story.send_file();
    story.store("d2");
    story.take_file(id);
    assert_eq!(broken(&story), ["stored-files-are-those-sent"]);
}

#[test]
fn a_file_that_counts_too_soon_is_seen() {
    let mut story = Story::default();
    story.create(JOB);
    story.store("d1");
    story.send_file();
    assert_eq!(broken(&story), ["half-files-do-not-count"]);
}

#[test]
fn a_second_decompression_is_seen_unless_the_first_was_interrupted() {
    let begun = [(field::JOB, JOB)];
    let mut story = running();
    story.effect(effect::DECOMPRESSION_STARTED, &begun);
    story.effect(effect::DECOMPRESSION_STARTED, &begun);
    assert_eq!(broken(&story), ["decompression-is-asked-for"]);
    let mut story = running();
    story.effect(effect::DECOMPRESSION_STARTED, &begun);
    story.acted("crash");
    story.effect(effect::DECOMPRESSION_STARTED, &begun);
    assert_eq!(broken(&story), Vec::<&str>::new());
}

#[test]
fn a_late_cancel_that_takes_effect_is_seen() {
    let mut story = running();
    story.effect(effect::DECOMPRESSION_STARTED, &[(field::JOB, JOB)]);
    story.moved(state::CANCELLED);
    assert_eq!(broken(&story), ["cancelling-comes-before-decompression"]);
}

#[test]
fn an_object_that_is_placed_twice_is_seen() {
    let mut story = running();
    story.place("0");
    story.place("0");
    assert_eq!(broken(&story), ["objects-are-placed-once"]);
}

#[test]
fn a_success_without_all_objects_is_seen() {
    let mut story = running();
    story.place("0");
    story.moved(state::SUCCEEDED);
    assert_eq!(broken(&story), ["success-is-complete"]);
    let mut story = running();
    story.moved(state::SUCCEEDED);
    assert_eq!(broken(&story), ["success-is-complete"]);
}

#[test]
fn a_status_that_the_job_does_not_have_is_seen() {
    let mut story = running();
    story.moved(state::VERIFYING);
    story.poll("ImportPreparing");
    assert_eq!(broken(&story), ["reported-statuses-are-true"]);
}

#[test]
fn a_status_may_be_told_before_its_move_is() {
    let mut story = running();
    story.poll("ImportInProgress");
    story.moved(state::VERIFYING);
    assert_eq!(broken(&story), Vec::<&str>::new());
}

#[test]
fn an_import_that_does_not_end_is_seen_unless_it_was_interrupted() {
    let mut story = running();
    story.moved(state::VERIFYING);
    story.wait(Duration::from_secs(600));
    story.poll("ImportInProgress");
    assert_eq!(broken(&story), ["imports-come-to-an-end"]);
    let mut story = running();
    story.acted("pause");
    story.moved(state::VERIFYING);
    story.wait(Duration::from_secs(600));
    story.poll("ImportInProgress");
    assert_eq!(broken(&story), Vec::<&str>::new());
}
