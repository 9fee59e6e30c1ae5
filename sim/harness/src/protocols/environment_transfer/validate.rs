//! What the key tables cannot express.

use std::collections::BTreeMap;

use portcullis_agent::message::{CommandName, EnvironmentName, Product};

use crate::scenario::{Problems, Scenario, Table};

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
    let mut links: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    for submit in scenario
        .steps
        .iter()
        .filter_map(|step| step.table("submit"))
    {
        let from = submit.text("from").unwrap_or_default();
        let Some(to) = next(scenario, submit, from, problems) else {
            continue;
        };
        if let Some(name) = submit.text("as") {
            if CommandName::new(name).is_err() || name.len() > NAME_OCTETS_MAX {
                let message = format!("`{name}` cannot be the name of a task");
                problems.report(
                    submit.span_of("as"),
                    message,
                    "short, and letters first",
                    "",
                );
            }
            links.insert(name, (from, to));
        }
        if let Some(earlier) = submit.text("depends_on")
            && links.get(earlier) != Some(&(from, to))
        {
            let message = format!("`{earlier}` is not submitted before on the link {from} to {to}");
            let help = "a task may only depend on an earlier one of the same link (ET-57)";
            problems.report(
                submit.span_of("depends_on"),
                message,
                "not on this link",
                help,
            );
        }
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
