//! A failing case in words: which rule broke, why, and how to see it again.

use std::fmt::Write;

use portcullis_reports::timeline::{HEADING, line};
use portcullis_reports::{CaseRecord, Entry, Event, Finding, Verdict};

use crate::scenario::Clauses;

/// How many events before the break are shown.
const LEADING: usize = 14;

/// Every finding of `case` that is not a pass, with its clause in words, what was expected and
/// seen, and the events that led there; at the end the line that shows the run again.
#[must_use]
pub fn explain(case: &CaseRecord, clauses: &Clauses, history: &[Entry]) -> String {
    let mut text = String::new();
    let mut say = |line: &str| {
        writeln!(text, "{line}").expect("a String takes everything");
    };
    say(&format!("  claim     {}", case.title));
    if !case.why.is_empty() {
        say(&format!("  why       {}", case.why));
    }
    let worst = case.findings.iter().filter(|f| f.verdict != Verdict::Pass);
    for finding in worst {
        say("");
        say(&format!("  {:<9} {}", finding.verdict.name(), finding.check));
        for clause in finding.clauses.iter().filter_map(|id| clauses.find(id)) {
            let level = clause.level.name().to_uppercase();
            say(&format!(
                "  clause    {} ({level}, binds {}): {}",
                clause.id, clause.binds, clause.text
            ));
        }
        say(&format!("  expected  {}", finding.expected));
        say(&format!("  seen      {}", finding.seen));
        let shown = leading_events(finding, history);
        if !shown.is_empty() {
            say("  events that led there:");
            say(&format!("  {HEADING}  clause"));
        }
        for index in shown {
            let Some(entry) = history.get(index) else {
                continue;
            };
            let mark = if finding.entries.contains(&index) {
                finding.clauses.first().map_or("here", AsRef::as_ref)
            } else {
                ""
            };
            say(format!("  {}  {mark}", line(entry)).trim_end());
        }
    }
    say("");
    say(&format!("  replay    {}", case.replay));
    text
}

/// The entries that a finding names, and those before the last of them: connections, messages,
/// states, effects, steps, and packets that a fault stopped.
fn leading_events(finding: &Finding, history: &[Entry]) -> Vec<usize> {
    let last = finding.entries.iter().max().copied();
    let until = last.map_or(history.len(), |index| index + 1);
    let telling = |(_, entry): &(usize, &Entry)| match &entry.event {
        Event::Packet(packet) => packet.by.is_some(),
        Event::Write { .. } => false,
        Event::Connection(_)
        | Event::Message(_)
        | Event::State(_)
        | Event::Effect { .. }
        | Event::Action { .. } => true,
    };
    let leading = history.iter().enumerate().take(until).filter(telling);
    let mut shown: Vec<usize> = leading.map(|(index, _)| index).collect();
    shown.drain(..shown.len().saturating_sub(LEADING));
    shown.extend(&finding.entries);
    shown.sort_unstable();
    shown.dedup();
    shown
}
