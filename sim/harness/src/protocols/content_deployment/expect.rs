//! `[[expect]] job = ".." becomes = ".."` and `status = ".."`: what a job does, or is said to do;
//! `deployment = ".." reaches = ".."`: what a deployment does at its source.

use crate::check::{Counted, Expectation, Window, pattern};
use crate::engine::{EventKind, EventPattern, Wanted};
use crate::scenario::{Count, Plan, Table};

use super::vocabulary::{field, kind, state};

/// The judge of one such expectation: at least one such move or report, in the window.
pub(super) fn job_becomes(plan: &Plan, table: &Table) -> Box<dyn Expectation> {
    let job = table.text("job").unwrap_or_default();
    let (pattern, words) = match table.texts("becomes") {
        [] => {
            let statuses = table.texts("status").to_vec();
            let words = format!("{job} is reported as {}", statuses.join(" or "));
            let reported = EventPattern::new(EventKind::Message)
                .with(
                    "kind",
                    kind::answer(portcullis_web_service::message::Operation::GetJobStatus),
                )
                .with("passage", "delivered")
                .wanting(field::STATUS, Wanted::AnyOf(statuses));
            (reported, words)
        }
        states => {
            let words = format!("{job} becomes {}", states.join(" or "));
            let moved = EventPattern::new(EventKind::State)
                .with("machine", state::IMPORT_JOB)
                .wanting("entered", Wanted::AnyOf(states.to_vec()));
            (moved, words)
        }
    };
    let wanted = pattern.with(field::JOB, job);
    Box::new(Counted::new(
        wanted,
        Count::SOME,
        window(plan, table),
        words,
    ))
}

/// The judge of `deployment = ".." reaches = ".."`: at least one such move, in the window.
pub(super) fn deployment_reaches(plan: &Plan, table: &Table) -> Box<dyn Expectation> {
    let deployment = table.text("deployment").unwrap_or_default();
    let states = table.texts("reaches");
    let words = format!(
        "the deployment {deployment} reaches {}",
        states.join(" or ")
    );
    let wanted = EventPattern::new(EventKind::State)
        .with("machine", state::DEPLOYMENT)
        .with(field::DEPLOYMENT, deployment)
        .wanting("entered", Wanted::AnyOf(states.to_vec()));
    Box::new(Counted::new(
        wanted,
        Count::SOME,
        window(plan, table),
        words,
    ))
}

fn window(plan: &Plan, table: &Table) -> Window {
    let after = table.table("after");
    Window::new(
        after.map(|after| pattern::event_pattern(plan, after)),
        after.map(pattern::event_in_words).unwrap_or_default(),
        table.duration("within"),
    )
}
