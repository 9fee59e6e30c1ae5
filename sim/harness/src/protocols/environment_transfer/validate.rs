//! What the key tables cannot express.

use std::collections::BTreeMap;

use portcullis_agent::message::{CommandName, EnvironmentName, Product};

use crate::scenario::{Problems, Scenario, Table, Value};

/// Reports what cannot be played: names that the protocol cannot carry, tasks along missing links.
pub(super) fn validate(scenario: &Scenario, problems: &mut Problems) {
    for (name, host) in &scenario.hosts {
        if EnvironmentName::new(name).is_err() {
            let message = format!("`{name}` cannot be the name of an environment");
            problems.report(
                host.span.clone(),
                message,
                "letters, digits, `.`, `_`, `-` only",
                "",
            );
        }
        if let Some(product) = host
            .text("product")
            .filter(|text| Product::new(text).is_err())
        {
            let message = format!("`{product}` cannot be a product version");
            problems.report(host.span_of("product"), message, "visible ASCII only", "");
        }
    }
    for link in &scenario.links {
        if let (Some(from), Some(to)) = (link.text("from"), link.text("to"))
            && from == to
        {
            let message = format!("{from} cannot follow itself");
            let help = "a link joins two consecutive environments of a chain (ET-1)";
            problems.report(link.span_of("to"), message, "the same environment", help);
        }
    }
    let mut earlier = BTreeMap::new();
    for step in &scenario.steps {
        if let Some(submit) = step.table("submit") {
            submission(scenario, step, submit, &mut earlier, problems);
        }
    }
}

/// A submission further up in the file.
struct Submission<'s> {
    from: &'s str,
    to: &'s str,
    /// When it comes at the earliest; `None` when an event triggers it.
    time: Option<u64>,
}

fn submission<'s>(
    scenario: &'s Scenario,
    step: &'s Table,
    submit: &'s Table,
    known: &mut BTreeMap<&'s str, Submission<'s>>,
    problems: &mut Problems,
) {
    let from = submit.text("from").unwrap_or_default();
    let Some(to) = next(scenario, submit, from, problems) else {
        return;
    };
    let time = match step.entry("time").map(|time| &time.value) {
        Some(Value::Amount(time)) => Some(*time),
        _ => None,
    };
    if let Some(name) = submit.text("depends_on") {
        let help = "a task may only depend on an earlier one of the same link (ET-57)";
        let mut wrong = |message: String, label: &str| {
            problems.report(submit.span_of("depends_on"), message, label, help);
        };
        match known.get(name) {
            Some(first) if (first.from, first.to) == (from, to) => {
                // Where both come at some time, one order must at least be possible.
                if let (Some(first), Some(time)) = (first.time, time)
                    && first > time.high
                {
                    wrong(format!("`{name}` is submitted later than this"), "later");
                }
            }
            _ => {
                let link = format!("on the link {from} to {to}");
                let message = format!("`{name}` is not submitted before {link}");
                wrong(message, "not on this link, or not before");
            }
        }
    }
    if let Some(name) = submit.text("as") {
        if CommandName::new(name).is_err() || name.len() > NAME_OCTETS_MAX {
            let message = format!("`{name}` cannot be the name of a task");
            let help = "";
            problems.report(
                submit.span_of("as"),
                message,
                "short, and letters first",
                help,
            );
        }
        // Only now: a task cannot wait for itself.
        let time = time.map(|time| time.low);
        known.insert(name, Submission { from, to, time });
    }
}

/// Leaves room for what makes a task's id unique.
const NAME_OCTETS_MAX: usize = 40;

/// The environment that a submitted task goes to, if there is exactly one.
fn next<'s>(
    scenario: &'s Scenario,
    submit: &'s Table,
    from: &str,
    problems: &mut Problems,
) -> Option<&'s str> {
    let links = || {
        scenario
            .links
            .iter()
            .filter(|link| link.text("from") == Some(from))
    };
    let following: Vec<&str> = links().filter_map(|link| link.text("to")).collect();
    match (submit.text("to"), following.as_slice()) {
        (Some(to), _) if following.contains(&to) => Some(to),
        (Some(to), _) => {
            let message = format!("there is no link from {from} to {to} (ET-2)");
            problems.report(
                submit.span_of("to"),
                message,
                "no such link",
                "add a [[link]]",
            );
            None
        }
        (None, [only]) => Some(only),
        (None, []) => {
            let message = format!("no environment follows {from}");
            problems.report(
                submit.span_of("from"),
                message,
                "no link from here",
                "add a [[link]]",
            );
            None
        }
        (None, _) => {
            let message = format!("several environments follow {from}");
            let help = format!("say which: `to = \"{}\"`", following[0]);
            problems.report(submit.span_of("from"), message, "to which?", &help);
            None
        }
    }
}
