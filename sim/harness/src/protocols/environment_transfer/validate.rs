//! What the key tables cannot express.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use portcullis_agent::message::{CommandName, EnvironmentName, Product};

use super::standing::Quality;
use super::{ENVIRONMENT, cast, stranger};
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
        addresses(scenario, link, problems);
    }
    for way in scenario.links.iter().chain(&scenario.paths) {
        quality(scenario, way, problems);
    }
    roles(scenario, problems);
    let mut earlier = BTreeMap::new();
    for step in &scenario.steps {
        if let Some(submit) = step.table("submit") {
            submission(scenario, step, submit, &mut earlier, problems);
        }
    }
}

/// Keys of a step's table that name an environment, and those that name a stranger.
const ACTORS: &[(&str, &[&str], &str)] = &[
    ("submit", &["from", "to"], ENVIRONMENT),
    ("query", &["from"], ENVIRONMENT),
    ("cancel", &["at"], ENVIRONMENT),
    ("send", &["from"], stranger::ROLE),
    ("listen", &["host"], stranger::ROLE),
];

/// Reports hosts that are told to do what their role does not do.
fn roles(scenario: &Scenario, problems: &mut Problems) {
    let role = |name: &str| {
        let host = scenario.hosts.iter().find(|(host, _)| host == name);
        host.and_then(|(_, keys)| keys.text("role"))
    };
    let mut check = |table: &Table, key: &str, wanted: &str| {
        if let Some(name) = table.text(key)
            && let Some(other) = role(name).filter(|role| *role != wanted)
        {
            let message = format!("`{name}` has the role `{other}`");
            let help = format!("this takes a host of the role `{wanted}`");
            problems.report(table.span_of(key), message, "the wrong role", &help);
        }
    };
    for link in &scenario.links {
        check(link, "from", ENVIRONMENT);
        check(link, "to", ENVIRONMENT);
    }
    for step in &scenario.steps {
        for key in ["stop", "start", "forget"] {
            check(step, key, ENVIRONMENT);
        }
        for (action, keys, wanted) in ACTORS {
            if let Some(table) = step.table(action) {
                keys.iter().for_each(|key| check(table, key, wanted));
            }
        }
    }
    for step in &scenario.steps {
        for speech in ["send", "listen"].iter().filter_map(|key| step.table(key)) {
            content(speech, problems);
        }
    }
}

/// Reports what a stranger cannot say.
fn content(speech: &Table, problems: &mut Problems) {
    let said = ["text", "hex", "message"].into_iter();
    let said: Vec<&str> = said.filter(|key| speech.has(key)).collect();
    let with_hazard = speech.has("hazard") && said.iter().any(|key| *key != "message");
    if let (Some(last), true) = (said.last(), said.len() > 1 || with_hazard) {
        let help = "one of `text`, `hex` and `message`; `hazard` stands alone or beside `message`";
        problems.report(
            speech.span_of(last),
            "too much is said",
            "one thing only",
            help,
        );
    }
    if speech
        .text("hex")
        .is_some_and(|hex| stranger::octets(hex).is_none())
    {
        let help = "two hexadecimal digits each, with or without spaces";
        problems.report(
            speech.span_of("hex"),
            "these are no octets",
            "not hexadecimal",
            help,
        );
    }
    let Some(message) = speech.table("message") else {
        return;
    };
    let is_name = |text: &str| EnvironmentName::new(text).is_ok();
    for key in ["name", "recipient", "command", "product"] {
        let is_valid = match key {
            "command" => |text: &str| CommandName::new(text).is_ok(),
            "product" => |text: &str| Product::new(text).is_ok(),
            _ => is_name,
        };
        if let Some(text) = message.text(key).filter(|text| !is_valid(text)) {
            let problem = format!("`{text}` cannot be a `{key}`");
            let help = "what a codec cannot write is said with `text` or `hazard`";
            problems.report(message.span_of(key), problem, "not writable", help);
        }
    }
}

/// A way that nothing gets through is a fault, which has to bite like any other.
fn quality(scenario: &Scenario, way: &Table, problems: &mut Problems) {
    let from = way.text("from").unwrap_or_default();
    let Some((_, keys)) = scenario.hosts.iter().find(|(name, _)| name == from) else {
        return;
    };
    let submits = scenario.steps.iter();
    let submits: Vec<_> = submits.filter_map(|step| step.table("submit")).collect();
    let fault = Quality::of(way).fault(cast::needs(from, keys, &submits), 1);
    if let (Some(fault), true) = (fault, scenario.bites.is_empty()) {
        let name = fault.name(from, way.text("to").unwrap_or_default());
        let message = format!("{name} is a fault, and nothing proves that it bites");
        let help = "add a [[bites]] such as `event = { effect = \"attempt-failed\" }`";
        problems.report(way.span.clone(), message, "a fault", help);
    }
}

/// Addresses that nothing in the file has.
fn addresses(scenario: &Scenario, link: &Table, problems: &mut Problems) {
    let hosts = scenario.hosts.iter().map(|(name, _)| name.as_str());
    let boxes = scenario.middleboxes.iter();
    let nats = boxes.filter(|middlebox| middlebox.has("nat"));
    let known: Vec<&str> = hosts
        .chain(nats.filter_map(|nat| nat.text("name")))
        .collect();
    for key in ["remote_address", "callback_address"] {
        let Some(address) = link.text(key) else {
            continue;
        };
        if !known.contains(&address) && address.parse::<Ipv4Addr>().is_err() {
            let message = format!("no host and no NAT is called `{address}`");
            let help = "a middlebox has an address of its own when it has `nat`";
            problems.report(link.span_of(key), message, "unknown address", help);
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
