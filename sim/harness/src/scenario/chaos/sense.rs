//! What cannot be meant in a `[[chaos]]`.

use super::super::file::Scenario;
use super::super::keys;
use super::super::problem::Problems;
use super::super::table::Table;

/// Reports spaces that hold nothing, and those that meet what the file itself does.
pub(in crate::scenario) fn check(scenario: &Scenario, problems: &mut Problems) {
    for space in &scenario.chaos {
        check_bounds(space, problems);
        check_pairs(scenario, space, problems);
        check_hosts(scenario, space, problems);
        check_ways(scenario, space, problems);
    }
    if !scenario.chaos.is_empty() {
        check_names(scenario, problems);
    }
}

fn check_bounds(space: &Table, problems: &mut Problems) {
    if let (Some(from), Some(until)) = (space.amount("from"), space.amount("until"))
        && until.low <= from.high
    {
        let message = "the faults are to be over before one has begun";
        let help = "`until` comes after `from`";
        problems.report(space.span_of("until"), message, "too early", help);
    }
    if space.amount("lasts").is_some_and(|lasts| lasts.low == 0) {
        let message = "a fault that lasts no time is none";
        let help = "a range may begin at \"1ms\"";
        problems.report(space.span_of("lasts"), message, "nothing", help);
    }
    for (key, message) in [
        ("kinds", "the space has no kinds of faults"),
        ("hosts", "the space has no hosts"),
    ] {
        if space.has(key) && space.texts(key).is_empty() {
            problems.report(space.span_of(key), message, "empty", "");
        }
    }
    if space.has("after") && space.tables("after").is_empty() {
        let message = "the space has no events that a fault could follow";
        problems.report(space.span_of("after"), message, "empty", "");
    }
}

fn check_pairs(scenario: &Scenario, space: &Table, problems: &mut Problems) {
    let mut kinds = space.texts("kinds").iter();
    let paired = kinds.find(|kind| keys::PAIRED.contains(&kind.as_str()));
    if let Some(kind) = paired
        && super::pairs(scenario, &super::allowed(scenario, space)).is_empty()
    {
        problems.report(
            space.span_of("kinds"),
            format!("`{kind}` needs two hosts"),
            "only one may be hit",
            "",
        );
    }
}

/// A host that a step of the file takes down must not be taken down by a drawn fault as well: each
/// would end what the other began.
fn check_hosts(scenario: &Scenario, space: &Table, problems: &mut Problems) {
    let outages = scenario.protocol.keys().outages;
    let begins = outages.iter().map(|outage| outage.begin);
    let begins: Vec<_> = keys::ALONE.iter().copied().chain(begins).collect();
    let mut kinds = space.texts("kinds").iter();
    let Some(kind) = kinds.find(|kind| begins.contains(&kind.as_str())) else {
        return;
    };
    let allowed = super::allowed(scenario, space);
    for step in &scenario.steps {
        for key in &begins {
            if let Some(host) = step.text(key).filter(|host| allowed.contains(host)) {
                problems.report(
                    step.span_of(key),
                    format!("a fault of the kind `{kind}` may take down `{host}` too"),
                    "one would end what the other began",
                    "name the `hosts` of the [[chaos]], without this one",
                );
                return;
            }
        }
    }
}

/// The same for links.
fn check_ways(scenario: &Scenario, space: &Table, problems: &mut Problems) {
    let kinds = space.texts("kinds");
    let Some(kind) = kinds
        .iter()
        .find(|kind| matches!(kind.as_str(), "loss" | "latency"))
    else {
        return;
    };
    for key in ["link", "path"] {
        if let Some(step) = scenario.steps.iter().find(|step| step.has(key)) {
            problems.report(
                step.span_of(key),
                format!("a fault of the kind `{kind}` may change it too"),
                "one would end what the other began",
                "",
            );
        }
    }
}

/// Drawn rules and partitions are called `chaos-1` and so on.
fn check_names(scenario: &Scenario, problems: &mut Problems) {
    let steps = scenario.steps.iter();
    let rules = steps.filter_map(|step| step.table("firewall")?.table("add"));
    let cuts = scenario
        .steps
        .iter()
        .filter_map(|step| step.table("partition").or(step.table("hold")));
    for named in scenario.firewall.iter().chain(rules).chain(cuts) {
        if named
            .text("name")
            .is_some_and(|name| name.starts_with("chaos-"))
        {
            problems.report(
                named.span_of("name"),
                "names such as `chaos-1` are those of drawn faults",
                "not free",
                "choose another name",
            );
        }
    }
}
