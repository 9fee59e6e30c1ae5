//! Commands of a scenario that nobody takes on.

use std::borrow::Cow;

use portcullis_reports::{Entry, Event, Fields, Finding, Verdict};

use crate::scenario::{Plan, Table};

/// The name of the effect with which protocols record a command of the scenario that is refused;
/// its fields are `command`, `reason`, and what the command is about.
pub const COMMAND_REFUSED: &str = "command-refused";

/// The first command that was refused and that the scenario does not expect to be refused: a run
/// without it says nothing about it.
pub(super) fn unexpected(plan: &Plan, history: &[Entry]) -> Option<Finding> {
    if plan.expects.iter().any(expects_refusal) {
        return None;
    }
    let seen = history.iter().find_map(|entry| {
        let Event::Effect { name, fields } = &entry.event else {
            return None;
        };
        let is_refusal = name == COMMAND_REFUSED;
        is_refusal.then(|| format!("{} refused {}", entry.host, words(fields)))
    });
    seen.map(|seen| Finding {
        check: Cow::Borrowed("every-command-is-taken-on"),
        clauses: Vec::new(),
        verdict: Verdict::Inconclusive,
        binds: Cow::Borrowed("harness"),
        expected: "no command is refused, or an `[[expect]]` asks for that".to_owned(),
        seen,
        entries: Vec::new(),
    })
}

fn words(fields: &Fields) -> String {
    let field = |name| fields.get(name).map_or("", String::as_str);
    let subject = fields.iter().filter(|(name, value)| {
        !matches!(name.as_ref(), "command" | "reason") && !value.is_empty()
    });
    let subject = subject.map(|(name, value)| format!(" {name}={value}"));
    let (command, why) = (field("command"), field("reason"));
    format!("`{command}{}`: {why}", subject.collect::<String>())
}

/// Whether an `[[expect]]` asks for a refused command, which is then what the scenario is about.
fn expects_refusal(expect: &Table) -> bool {
    let names = |event: &Table| {
        event.text("effect") == Some(COMMAND_REFUSED)
            || event
                .texts("effect")
                .iter()
                .any(|name| name == COMMAND_REFUSED)
    };
    let wanted = !expect.flag("never") && expect.count("count").is_none_or(|count| count.min > 0);
    wanted && expect.table("event").is_some_and(names)
}
