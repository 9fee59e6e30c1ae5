//! What the key tables cannot express and no protocol has to say: steps that undo what was never
//! done, and tables whose keys contradict each other.

use portcullis_network::{
    IDLE_TIMEOUT, NAT, NAT_EXHAUSTED, NAT_FORGOTTEN, NAT_PRIVATE, NAT_UNSOLICITED, POLICY,
    STRICT_PICKUP, TABLE_FULL,
};
use toml::de::{DeTable, DeValue};

use super::file::Scenario;
use super::problem::{Problems, suggestion};
use super::table::{Table, Value};

/// Reports what cannot be meant. What the key tables found is not said again.
pub(super) fn check(scenario: &Scenario, problems: &mut Problems) {
    if scenario.top.has("title") && scenario.title().trim().is_empty() {
        let span = scenario.top.span_of("title");
        problems.report(span, "the title is empty", "a claim is a sentence", "");
    }
    check_twice(
        &scenario.links,
        "link",
        |one, other| {
            let (from, to) = (one.text("from"), one.text("to"));
            let ends = (other.text("from"), other.text("to"));
            from.is_some() && to.is_some() && (ends == (from, to) || ends == (to, from))
        },
        problems,
    );
    check_twice(
        &scenario.paths,
        "path",
        |one, other| {
            let ends = |way: &Table| {
                (
                    way.text("from").map(str::to_owned),
                    way.text("to").map(str::to_owned),
                )
            };
            one.has("from") && one.has("to") && ends(one) == ends(other)
        },
        problems,
    );
    for middlebox in &scenario.middleboxes {
        check_sides(middlebox, problems);
        check_forwards(middlebox, problems);
    }
    let steps = &scenario.steps;
    let added = steps.iter().filter_map(|step| step.table("firewall"));
    let added = added.filter_map(|change| change.table("add"));
    for rule in scenario.firewall.iter().chain(added) {
        check_rule(rule, problems);
    }
    for what in ["partition", "hold"] {
        for cut in steps.iter().filter_map(|step| step.table(what)) {
            check_partition(what, cut, problems);
        }
    }
    for expect in &scenario.expects {
        if expect.has("never") && expect.has("count") {
            let help = "`never = true` means `count = 0`: keep one of them";
            let message = "`never` and `count` stand together";
            problems.report(expect.span_of("never"), message, "only one can hold", help);
        }
    }
    check_bounds(scenario, problems);
    check_deciders(scenario, problems);
    for (index, step) in steps.iter().enumerate() {
        check_undo(scenario, index, step, problems);
        check_clock(scenario, step, problems);
        check_kill(scenario, step, problems);
    }
}

/// Expectations that no run decides, as it ends before.
fn check_bounds(scenario: &Scenario, problems: &mut Problems) {
    let Some(ends) = scenario.top.amount("ends") else {
        return;
    };
    for expect in &scenario.expects {
        if let Some(within) = expect.amount("within").filter(|it| it.low > ends.high) {
            let message = format!("the run ends after {ends}, before {within} have passed");
            let help = "lengthen `ends`, or shorten `within`";
            problems.report(expect.span_of("within"), message, "cut short", help);
        }
    }
}

/// A step that sets a clock and says nothing about it.
fn check_clock(scenario: &Scenario, step: &Table, problems: &mut Problems) {
    // A value that could not be read is in the text all the same, and reported already.
    let sets = |clock: &Table| {
        let written = scenario.text.get(step.span_of("clock")).unwrap_or_default();
        ["offset", "drift"]
            .iter()
            .any(|key| clock.has(key) || written.contains(key))
    };
    if step.table("clock").is_some_and(|clock| !sets(clock)) {
        let message = "the step leaves the clock as it is";
        let help = "say `offset`, `drift` or both";
        problems.report(step.span_of("clock"), message, "sets nothing", help);
    }
}

/// A connection that is forgotten without consequence: neither told, nor missed.
fn check_kill(scenario: &Scenario, step: &Table, problems: &mut Problems) {
    let Some(kill) = step.table("kill").filter(|kill| !kill.flag("reset")) else {
        return;
    };
    let mut boxes = scenario.middleboxes.iter();
    let meant = boxes.find(|middlebox| middlebox.text("name") == kill.text("middlebox"));
    let is_missed = |middlebox: &Table| {
        middlebox.text("pickup") == Some("strict") || middlebox.has("idle_timeout")
    };
    if meant.is_some_and(|middlebox| !is_missed(middlebox)) {
        let message = "nothing comes of it: the middlebox lets unknown connections pass";
        let help = "add `reset = true` here, or `pickup = \"strict\"` to the middlebox";
        problems.report(step.span_of("kill"), message, "forgets in vain", help);
    }
}

/// The most hosts of a file: beyond, a run is nothing that anybody reads.
const HOSTS_MAX: usize = 250;
/// The most tables of any other section: steps are compared with each other.
const TABLES_MAX: usize = 2_000;

/// Reports sections that are too long, before anything else is made of them.
pub(super) fn check_size(tree: &DeTable<'_>, problems: &mut Problems) {
    for (name, value) in tree.iter() {
        let (length, most) = if let DeValue::Array(tables) = value.get_ref() {
            (tables.len(), TABLES_MAX)
        } else if let DeValue::Table(hosts) = value.get_ref()
            && name.get_ref() == "hosts"
        {
            (hosts.len(), HOSTS_MAX)
        } else {
            continue;
        };
        if length > most {
            let message = format!(
                "`{}` has {length} entries, of at most {most}",
                name.get_ref()
            );
            problems.report(name.span(), message, "too many", "");
        }
    }
}

/// Two descriptions of the same link or the same direction, of which one would be ignored.
fn check_twice(
    tables: &[Table],
    what: &str,
    is_same: fn(&Table, &Table) -> bool,
    problems: &mut Problems,
) {
    for (index, table) in tables.iter().enumerate() {
        if tables.iter().take(index).any(|other| is_same(table, other)) {
            let (from, to) = (table.text("from").unwrap_or_default(), table.text("to"));
            let message = format!(
                "the {what} {from} to {} is described twice",
                to.unwrap_or_default()
            );
            problems.report(table.span.clone(), message, "also described above", "");
        }
    }
}

/// Names in `by` that nothing in the file has, so that no packet can match.
fn check_deciders(scenario: &Scenario, problems: &mut Problems) {
    let steps = &scenario.steps;
    let added = steps
        .iter()
        .filter_map(|step| step.table("firewall")?.table("add"));
    let cuts = steps
        .iter()
        .filter_map(|step| step.table("partition").or(step.table("hold")));
    let named = scenario.firewall.iter().chain(&scenario.middleboxes);
    let names = named.chain(added).chain(cuts);
    let mut known: Vec<_> = names.filter_map(|table| table.text("name")).collect();
    known.extend([POLICY, IDLE_TIMEOUT, STRICT_PICKUP, TABLE_FULL]);
    known.extend([
        NAT,
        NAT_EXHAUSTED,
        NAT_FORGOTTEN,
        NAT_PRIVATE,
        NAT_UNSOLICITED,
    ]);
    let tables = scenario.expects.iter().chain(&scenario.bites).chain(steps);
    for table in tables {
        let single = ["event", "after"].into_iter();
        let single = single.filter_map(|key| table.table(key));
        for event in single.chain(table.tables("order")) {
            for name in event.texts("by") {
                if !known.contains(&name.as_str()) {
                    problems.report(
                        event.span_of("by"),
                        format!("no rule, partition or middlebox is called `{name}`"),
                        "unknown name",
                        &suggestion(name, &known),
                    );
                }
            }
        }
    }
}

fn check_sides(middlebox: &Table, problems: &mut Problems) {
    let second = middlebox.texts("second");
    if let Some(host) = middlebox
        .texts("first")
        .iter()
        .find(|host| second.contains(host))
    {
        problems.report(
            middlebox.span_of("second"),
            format!("`{host}` is on both sides of the middlebox"),
            "also in `first`",
            "",
        );
    }
    let is_pair = matches!(middlebox.texts("between"), [one, other] if one != other);
    if middlebox.has("between") && !is_pair {
        problems.report(
            middlebox.span_of("between"),
            "a middlebox stands between two different hosts",
            "not two hosts",
            "write `between = [\"one\", \"other\"]`",
        );
    }
}

/// Forwards that lead out of the inside, and ports that are forwarded twice.
fn check_forwards(middlebox: &Table, problems: &mut Problems) {
    let Some(nat) = middlebox.table("nat") else {
        return;
    };
    let between = middlebox.texts("between").first();
    let inside: Vec<_> = middlebox.texts("first").iter().chain(between).collect();
    let forwards = nat.tables("forward");
    for (index, forward) in forwards.iter().enumerate() {
        if let Some(host) = forward.text("to")
            && !inside.iter().any(|known| *known == host)
        {
            problems.report(
                forward.span_of("to"),
                format!("`{host}` is not behind the NAT"),
                "not on the first side",
                "a NAT hides the hosts of its first side",
            );
        }
        let is_same = |other: &Table| other.port("port") == forward.port("port");
        if forwards.iter().take(index).any(is_same) {
            let message = "the port is forwarded twice";
            problems.report(forward.span_of("port"), message, "also above", "");
        }
    }
}

/// Keys of a rule that its verdict does not look at.
fn check_rule(rule: &Table, problems: &mut Problems) {
    const BELONG: &[(&str, &[&str])] = &[
        ("octet", &["cut"]),
        ("then", &["cut"]),
        ("by", &["delay", "reorder"]),
    ];
    let Some(verdict) = rule.text("verdict") else {
        return;
    };
    for (key, verdicts) in BELONG {
        if rule.has(key) && !verdicts.contains(&verdict) {
            let verdicts: Vec<_> = verdicts.iter().map(|v| format!("`{v}`")).collect();
            problems.report(
                rule.span_of(key),
                format!("`{key}` has no meaning with the verdict `{verdict}`"),
                "not looked at",
                &format!("it belongs to {}", verdicts.join(" and ")),
            );
        }
    }
}

fn check_partition(what: &str, cut: &Table, problems: &mut Problems) {
    let from = cut.texts("from");
    if let Some(host) = cut.texts("to").iter().find(|host| from.contains(host)) {
        problems.report(
            cut.span_of("to"),
            format!("`{host}` is on both sides of the {what}"),
            "also in `from`",
            "a host reaches itself whatever the network does",
        );
    }
}

/// A step that takes back what another step did.
struct Undo {
    key: &'static str,
    /// What it takes back, in words.
    what: String,
    /// Whether a step did what is taken back.
    is_done_by: Box<dyn Fn(&Table) -> bool>,
    /// Whether it may be taken back once only, as a second time fails.
    is_once: bool,
}

/// Steps of the core that end an outage of a host: key, the step that begins it, and in words.
const ENDINGS: [(&str, &str, &str); 3] = [
    ("restart", "crash", "crashes"),
    ("resume", "pause", "is paused"),
    ("unstall", "stall", "is stalled"),
];

fn undo(scenario: &Scenario, step: &Table) -> Option<Undo> {
    for (key, what) in [("heal", "partition"), ("release", "hold")] {
        if let Some(name) = step.text(key).map(str::to_owned) {
            return Some(Undo {
                key,
                what: format!("the {what} `{name}` begins"),
                is_done_by: Box::new(move |other| {
                    let begun = other.table(what);
                    begun.is_some_and(|begun| begun.text("name") == Some(&name))
                }),
                is_once: true,
            });
        }
    }
    if let Some((change, name)) = removal(step) {
        let (change, name) = (change.clone(), name.to_owned());
        return Some(Undo {
            key: "firewall",
            what: format!("{} gets the rule `{name}`", place(&change)),
            is_done_by: Box::new(move |other| {
                let there = other.table("firewall");
                let added = there.filter(|there| place(there) == place(&change));
                let added = added.and_then(|there| there.table("add"));
                added.is_some_and(|rule| rule.text("name") == Some(&name))
            }),
            is_once: true,
        });
    }
    let added = scenario.protocol.keys().outages.iter();
    let added = added.map(|outage| (outage.end, outage.begin, outage.meets));
    for (key, done, what) in ENDINGS.into_iter().chain(added) {
        if let Some(host) = step.text(key).map(str::to_owned) {
            return Some(Undo {
                key,
                what: format!("`{host}` {what}"),
                is_done_by: Box::new(move |other| other.text(done) == Some(&host)),
                is_once: false,
            });
        }
    }
    None
}

fn removal(step: &Table) -> Option<(&Table, &str)> {
    let change = step.table("firewall")?;
    Some((change, change.text("remove")?))
}

fn place(table: &Table) -> String {
    let (host, middlebox) = (table.text("host"), table.text("middlebox"));
    format!("`{}`", host.or(middlebox).unwrap_or_default())
}

fn check_undo(scenario: &Scenario, index: usize, step: &Table, problems: &mut Problems) {
    let Some(undo) = undo(scenario, step) else {
        return;
    };
    let others = || scenario.steps.iter().enumerate();
    let done: Vec<_> = others()
        .filter(|(_, other)| (undo.is_done_by)(other))
        .collect();
    if done.is_empty() && !is_declared(scenario, step, undo.key) {
        return;
    }
    let from_the_start = removal(step).is_some_and(|(change, name)| {
        let mut there = scenario.firewall.iter();
        there.any(|rule| rule.text("name") == Some(name) && place(rule) == place(change))
    });
    let is_later = |(other, done): &(usize, &Table)| is_surely_later((*other, done), (index, step));
    let (message, label) = if !from_the_start && done.is_empty() {
        (format!("{} in no step", undo.what), "nothing to undo")
    } else if !from_the_start && done.iter().all(is_later) {
        (format!("this comes before {}", undo.what), "too early")
    } else if undo.is_once && others().any(|other| is_again(other, (index, step), undo.key)) {
        (
            format!("this takes back a second time that {}", undo.what),
            "nothing is left",
        )
    } else {
        return;
    };
    problems.report(step.span_of(undo.key), message, label, "");
}

/// Whether the file declares what `step` names at all; what it does not is reported already.
fn is_declared(scenario: &Scenario, step: &Table, key: &str) -> bool {
    if let Some((_, name)) = removal(step) {
        let steps = scenario.steps.iter();
        let added = steps.filter_map(|step| step.table("firewall")?.table("add"));
        let mut rules = scenario.firewall.iter().chain(added);
        return rules.any(|rule| rule.text("name") == Some(name));
    }
    // The others name what the loader has looked for already.
    let host = step
        .text(key)
        .filter(|_| !matches!(key, "heal" | "release"));
    host.is_some_and(|host| scenario.hosts.iter().any(|(name, _)| name == host))
}

/// Whether a step certainly comes after another: both have times, and steps of one time go in the
/// order of the file.
fn is_surely_later((index, step): (usize, &Table), (other, earlier): (usize, &Table)) -> bool {
    match (times(step), times(earlier)) {
        (Some((low, high)), Some((first, last))) => {
            low > last || (low == high && first == last && low == first && index > other)
        }
        _ => false,
    }
}

/// Whether `step` undoes again what `other`, a step with a time before it, has undone.
fn is_again(other: (usize, &Table), step: (usize, &Table), key: &str) -> bool {
    let is_same = match key {
        "heal" | "release" => other.1.text(key) == step.1.text(key),
        _ => match (removal(other.1), removal(step.1)) {
            (Some((there, one)), Some((here, two))) => one == two && place(there) == place(here),
            _ => false,
        },
    };
    other.0 != step.0 && is_same && is_surely_later(step, other)
}

/// The earliest and the latest time of a step, when it waits for no event.
fn times(step: &Table) -> Option<(u64, u64)> {
    if let Value::Amount(time) = &step.entry("time")?.value {
        Some((time.low, time.high))
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
