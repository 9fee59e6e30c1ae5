//! `[[expect]] task = ".." becomes = ".."`: a task enters a state.

use crate::check::{Counted, Expectation, Window, pattern};
use crate::engine::{EventKind, EventPattern, Wanted};
use crate::scenario::{Count, Plan, Table};

/// The judge of one such expectation: at least one move into the state, at the host, in the window.
pub(super) fn task_becomes(plan: &Plan, table: &Table) -> Box<dyn Expectation> {
    let task = table.text("task").unwrap_or_default();
    let states = table.texts("becomes").to_vec();
    let mut words = format!("{task} becomes {}", states.join(" or "));
    let mut wanted = EventPattern::new(EventKind::State)
        .wanting("entered", Wanted::AnyOf(states))
        .with("task", task);
    if let Some(host) = table.text("at") {
        wanted = wanted.with("host", host);
        words = format!("{words} at {host}");
    }
    let after = table.table("after");
    let window = Window::new(
        after.map(|after| pattern::event_pattern(plan, after)),
        after.map(pattern::event_in_words).unwrap_or_default(),
        table.duration("within"),
    );
    Box::new(Counted::new(wanted, Count::SOME, window, words))
}
