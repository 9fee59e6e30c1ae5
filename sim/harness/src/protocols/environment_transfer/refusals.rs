//! Tasks that a scenario hands over and that no environment takes on.

use super::reading::{Noted, Reading};
use super::vocabulary::{effect, field};
use crate::engine::SKIPPED;
use crate::scenario::Plan;

/// What became of the first submission that had no effect and that the scenario does not expect to
/// have none; a run without one of its tasks says nothing about it.
pub(super) fn unexpected(reading: &Reading<'_>, plan: &Plan) -> Option<String> {
    if plan.expects.iter().any(expects_refusal) {
        return None;
    }
    let submission = |action: &&Noted<'_>| action.name == "submit";
    if let Some(action) = reading.skipped.iter().find(submission) {
        let (task, why) = (action.field("as"), action.field(SKIPPED));
        return Some(format!(
            "{task} was never submitted at {}: {why}",
            action.host
        ));
    }
    let refused = |noted: &&Noted<'_>| {
        noted.name == effect::COMMAND_REFUSED && noted.field("command") == "submit"
    };
    let noted = reading.effects.iter().find(refused)?;
    let (task, why) = (noted.field(field::TASK), noted.field(field::REASON));
    Some(format!(
        "{} refused the submission of {task}: {why}",
        noted.host
    ))
}

/// Whether an `[[expect]]` asks for a refused command, which is then what the scenario is about.
fn expects_refusal(expect: &crate::scenario::Table) -> bool {
    let names = |event: &crate::scenario::Table| {
        event.text("effect") == Some(effect::COMMAND_REFUSED)
            || event
                .texts("effect")
                .iter()
                .any(|name| name == effect::COMMAND_REFUSED)
    };
    let wanted = !expect.flag("never") && expect.count("count").is_none_or(|count| count.min > 0);
    wanted && expect.table("event").is_some_and(names)
}
