//! Commands of a scenario that no environment takes on.

use super::reading::{Noted, Reading};
use super::vocabulary::{effect, field};
use crate::scenario::Plan;

/// What became of the first command that an environment refused and that the scenario does not
/// expect to be refused; a run without it says nothing about it.
///
/// What never reached an environment is the harness's to report.
pub(super) fn unexpected(reading: &Reading<'_>, plan: &Plan) -> Option<String> {
    if plan.expects.iter().any(expects_refusal) {
        return None;
    }
    let refused = |noted: &&Noted<'_>| noted.name == effect::COMMAND_REFUSED;
    let noted = reading.effects.iter().find(refused)?;
    let what = match (noted.field("command"), noted.field(field::TASK)) {
        ("submit", task) => format!("the submission of {task}"),
        (command, "") => format!("the {command}"),
        (command, task) => format!("the {command} of {task}"),
    };
    let why = noted.field(field::REASON);
    Some(format!("{} refused {what}: {why}", noted.host))
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
