//! A failing case in words: which rule broke, why, and how to see it again.

use std::collections::BTreeSet;

use portcullis_reports::timeline::{HEADING, line};
use portcullis_reports::{CaseRecord, Entry, Event, Finding, Verdict};

use crate::scenario::Clauses;

/// How many events before the break are shown.
const LEADING: usize = 14;
/// Where lines of prose are broken, and where they go on.
const WIDTH: usize = 100;
const INDENT: usize = 12;

/// Every finding of `case` that is not a pass, with its clause in words, what was expected and
/// seen; then the events that led there, what the seed decided, and the line that shows the run
/// again.
#[must_use]
pub fn explain(case: &CaseRecord, clauses: &Clauses, history: &[Entry]) -> String {
    let mut lines = Vec::new();
    say(&mut lines, "claim", &case.title);
    if !case.why.is_empty() {
        say(&mut lines, "why", &case.why);
    }
    let findings = worst(case);
    let mut told = BTreeSet::new();
    for finding in &findings {
        lines.push(String::new());
        lines.push(format!("  {} in {}", finding.verdict.name(), finding.check));
        for clause in finding.clauses.iter().filter_map(|id| clauses.find(id)) {
            let level = clause.level.name().to_uppercase();
            let rule = format!("{} ({level}, binds {})", clause.id, clause.binds);
            if told.insert(&clause.id) {
                say(&mut lines, "clause", &format!("{rule}: {}", clause.text));
            } else {
                say(&mut lines, "clause", &format!("{rule}, as above"));
            }
        }
        say(&mut lines, "expected", &finding.expected);
        say(&mut lines, "seen", &finding.seen);
    }
    if !findings.is_empty() {
        lines.push(String::new());
        lines.extend(events(&findings, history));
    }
    for drawn in case
        .plan
        .lines()
        .filter_map(|line| line.strip_prefix("# drawn: "))
    {
        say(&mut lines, "drawn", drawn);
    }
    // Not broken into lines: it is meant to be copied.
    lines.push(format!("  replay    {}", case.replay));
    lines.push(String::new());
    lines.join("\n")
}

/// The findings to explain: what is not a pass, but only the errors of a run that went wrong, which
/// says nothing else.
fn worst(case: &CaseRecord) -> Vec<&Finding> {
    let of = |wanted: fn(Verdict) -> bool| -> Vec<&Finding> {
        let findings = case.findings.iter();
        findings.filter(|finding| wanted(finding.verdict)).collect()
    };
    match case.verdict {
        Verdict::Error => of(|verdict| verdict == Verdict::Error),
        Verdict::Pass
        | Verdict::Info
        | Verdict::Unsupported
        | Verdict::Disabled
        | Verdict::Warn
        | Verdict::Inconclusive
        | Verdict::Fail => of(|verdict| verdict != Verdict::Pass),
    }
}

/// A labelled paragraph, broken into lines.
fn say(lines: &mut Vec<String>, label: &str, text: &str) {
    let mut line = format!("  {label:<8}  ");
    let mut is_empty = true;
    for word in text.split_whitespace() {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push(std::mem::replace(&mut line, " ".repeat(INDENT)));
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    lines.push(line);
}

/// The events that the findings name, and those before the last of them, as a timeline.
fn events(findings: &[&Finding], history: &[Entry]) -> Vec<String> {
    let shown = leading_events(findings, history);
    if shown.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![
        "  events that led there, those that show it marked with their clause:".to_owned(),
        format!("  {HEADING}"),
    ];
    let mut next = None;
    for index in shown {
        let Some(entry) = history.get(index) else {
            continue;
        };
        if let Some(next) = next
            && history.iter().take(index).skip(next).any(is_telling)
        {
            lines.push(format!("  {:>12}", "..."));
        }
        next = Some(index + 1);
        let mut named = findings.iter().filter(|f| f.entries.contains(&index));
        let mark = named.next().map(|finding| match finding.clauses.first() {
            Some(clause) => format!("  <- {clause}"),
            None => "  <- here".to_owned(),
        });
        lines.push(format!("  {}{}", line(entry), mark.unwrap_or_default()));
    }
    lines.push(String::new());
    lines
}

/// The entries that the findings name, and the telling ones before the last of them.
fn leading_events(findings: &[&Finding], history: &[Entry]) -> Vec<usize> {
    let named = findings
        .iter()
        .flat_map(|finding| finding.entries.iter().copied());
    let named: BTreeSet<usize> = named.collect();
    // What never happened was waited for until the end.
    let until = named.last().map_or(history.len(), |last| last + 1);
    let leading = history.iter().enumerate().take(until);
    let leading = leading.filter(|(_, entry)| is_telling(entry));
    let leading: Vec<usize> = leading.map(|(index, _)| index).collect();
    let first = leading.len().saturating_sub(LEADING);
    let mut shown: BTreeSet<usize> = leading[first..].iter().copied().collect();
    shown.extend(named);
    shown.into_iter().collect()
}

/// Whether an entry is shown: connections, messages, states, effects, steps, and packets that a
/// fault stopped.
const fn is_telling(entry: &Entry) -> bool {
    match &entry.event {
        Event::Packet(packet) => packet.by.is_some(),
        Event::Write { .. } => false,
        Event::Connection(_)
        | Event::Message(_)
        | Event::State(_)
        | Event::Effect { .. }
        | Event::Action { .. } => true,
    }
}
