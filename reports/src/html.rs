//! The record as one HTML page that opens offline: no scripts from elsewhere, no fonts, no images.
//!
//! Three views: every case with its verdict, every clause with the cases that check it, and for
//! each case what the checks found, a sequence diagram and the timeline.

mod diagram;
mod group;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use self::group::Group;
use crate::markup::Escaped;
use crate::{
    CaseRecord, Entry, Event, Finding, RecordError, RunRecord, Verdict, read_history, timeline,
};

/// The page's own style; verdicts differ in shape of word as well as in colour.
const STYLE: &str = include_str!("html/style.css");

/// Lines of timeline shown for a case; the file `history.jsonl` beside the page has all.
const TIMELINE_LINES_MAX: usize = 400;

/// Renders the record, reading each case's history from its folder below `report`.
///
/// # Errors
/// [`RecordError`] when a history exists but cannot be read.
pub fn render(record: &RunRecord, report: &Path) -> Result<String, RecordError> {
    let mut page = String::new();
    page.push_str("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n");
    page.push_str("<meta name=\"viewport\" content=\"width=device-width\">\n");
    page.push_str("<title>Portcullis report</title>\n<style>\n");
    page.push_str(STYLE);
    page.push_str("</style></head>\n<body>\n<h1>Portcullis report</h1>\n");
    let groups = group::groups(record);
    render_totals(&mut page, record);
    render_cases(&mut page, &groups);
    render_clauses(&mut page, record, &groups);
    page.push_str("<h2 id=\"details\">Case by case</h2>\n");
    for (index, case) in groups.iter().flat_map(Group::shown) {
        let folder = report.join(case.folder());
        let history = if folder.join("history.jsonl").exists() {
            read_history(&folder)?
        } else {
            Vec::new()
        };
        render_case(&mut page, *index, case, &history);
    }
    page.push_str("</body></html>\n");
    Ok(page)
}

fn push(page: &mut String, text: std::fmt::Arguments<'_>) {
    page.write_fmt(text).expect("a String takes everything");
}

fn badge(verdict: Verdict) -> String {
    let name = verdict.name();
    format!(
        "<span class=\"verdict {}\">{name}</span>",
        name.to_lowercase()
    )
}

fn render_totals(page: &mut String, record: &RunRecord) {
    push(page, format_args!("<p>{}: ", Escaped(&record.program)));
    for verdict in Verdict::ALL {
        let count = record
            .cases
            .iter()
            .filter(|case| case.verdict == verdict)
            .count();
        if count > 0 {
            push(page, format_args!("{} {count} ", badge(verdict)));
        }
    }
    page.push_str("</p>\n");
}

fn render_cases(page: &mut String, groups: &[Group<'_>]) {
    page.push_str(
        "<h2>Cases</h2>\n<table><thead><tr><th>No.<th>Verdict<th>Claim<th>Engine<th>Seed",
    );
    page.push_str("<th>Simulated<th>Clauses</tr></thead>\n<tbody>\n");
    for (number, group) in groups.iter().enumerate() {
        let (index, case) = group.worst();
        push(
            page,
            format_args!(
                "<tr><td>{}<td>{}<td><a href=\"#case-{index}\">{}</a><br><code>{}</code><td>{}<td>{}\
                 <td>{}<td>",
                number + 1,
                badge(case.verdict),
                Escaped(&case.title),
                Escaped(&case.scenario),
                Escaped(&case.engine),
                group.seeds(),
                timeline::time(std::time::Duration::from_millis(case.simulated_ms)),
            ),
        );
        for clause in &case.clauses {
            let clause = Escaped(clause);
            push(page, format_args!("<a href=\"#{clause}\">{clause}</a> "));
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody></table>\n");
}

/// What the cases of this run say about one clause.
#[derive(Default)]
struct Standing<'a> {
    /// The scenarios that are about it: number, and the index of the worst case of each.
    scenarios: Vec<(usize, usize, &'a CaseRecord)>,
    /// The worst finding that names it in any case, its own scenario or not.
    worst: Option<(Verdict, usize)>,
    /// How many findings name it.
    findings: usize,
}

impl Standing<'_> {
    /// Takes in one more finding, which the case at `link` shows.
    fn take(&mut self, verdict: Verdict, link: usize) {
        self.findings += 1;
        if self.worst.is_none_or(|(worst, _)| verdict > worst) {
            self.worst = Some((verdict, link));
        }
    }
}

/// Every clause that a case or a finding of the record names.
fn standings<'a>(groups: &[Group<'a>]) -> BTreeMap<&'a str, Standing<'a>> {
    let mut standings: BTreeMap<&str, Standing<'_>> = BTreeMap::new();
    for (number, group) in groups.iter().enumerate() {
        let (worst, case) = group.worst();
        for clause in &case.clauses {
            let standing = standings.entry(clause).or_default();
            standing.scenarios.push((number, worst, case));
        }
        for (index, case) in group.all() {
            let shown = group.shown().iter().any(|(shown, _)| shown == index);
            let link = if shown { *index } else { worst };
            for finding in &case.findings {
                for clause in &finding.clauses {
                    standings
                        .entry(clause)
                        .or_default()
                        .take(finding.verdict, link);
                }
            }
        }
    }
    standings
}

fn render_clauses(page: &mut String, record: &RunRecord, groups: &[Group<'_>]) {
    let standings = standings(groups);
    page.push_str("<h2>Clauses</h2>\n<table><thead><tr><th>Clause<th>Level<th>Binds<th>Statement");
    page.push_str("<th>Worst<th>Scenarios<th>Findings</tr></thead>\n<tbody>\n");
    for clause in &record.clauses {
        let id = Escaped(&clause.id);
        push(
            page,
            format_args!(
                "<tr id=\"{id}\"><td>{id}<td>{}<td>{}<td>{}<td>",
                Escaped(&clause.level),
                Escaped(&clause.binds),
                Escaped(&clause.text)
            ),
        );
        let standing = standings.get(clause.id.as_str());
        match standing.and_then(|standing| standing.worst) {
            Some((verdict, index)) => {
                push(
                    page,
                    format_args!("<a href=\"#case-{index}\">{}</a>", badge(verdict)),
                );
            }
            None => {
                let reason = clause.uncovered.as_deref().unwrap_or("not in this run");
                push(
                    page,
                    format_args!("<span class=\"uncovered\">{}</span>", Escaped(reason)),
                );
            }
        }
        page.push_str("<td>");
        for (number, index, case) in standing.iter().flat_map(|standing| &standing.scenarios) {
            push(
                page,
                format_args!(
                    "<a href=\"#case-{index}\">{} {}</a> ",
                    badge(case.verdict),
                    number + 1
                ),
            );
        }
        let findings = standing.map_or(0, |standing| standing.findings);
        push(page, format_args!("<td>{findings}</tr>\n"));
    }
    page.push_str("</tbody></table>\n");
}

fn render_case(page: &mut String, index: usize, case: &CaseRecord, history: &[Entry]) {
    let open = if case.verdict >= Verdict::Warn {
        " open"
    } else {
        ""
    };
    push(
        page,
        format_args!(
            "<details id=\"case-{index}\"{open}><summary>{} {}</summary>\n<p>{}</p>\n\
             <p>Again: <code>{}</code><br>Digest: <code>{}</code></p>\n<ul class=\"findings\">\n",
            badge(case.verdict),
            Escaped(&case.title),
            Escaped(&case.why),
            Escaped(&case.replay),
            Escaped(&case.digest)
        ),
    );
    let (passed, others): (Vec<_>, Vec<_>) = case
        .findings
        .iter()
        .partition(|finding| finding.verdict == Verdict::Pass);
    for finding in others {
        render_finding(page, finding);
    }
    let count = passed.len();
    push(
        page,
        format_args!("</ul>\n<details><summary>{count} checks passed</summary><ul>\n"),
    );
    for finding in passed {
        render_finding(page, finding);
    }
    page.push_str("</ul></details>\n");
    diagram::render(page, history);
    render_timeline(page, case, history);
    push(
        page,
        format_args!(
            "<details><summary>Plan</summary><pre>{}</pre></details>\n</details>\n",
            Preformatted(&case.plan)
        ),
    );
}

fn render_finding(page: &mut String, finding: &Finding) {
    push(
        page,
        format_args!(
            "<li>{} <b>{}</b> {}<br>expected: {}",
            badge(finding.verdict),
            Escaped(&finding.check),
            Escaped(&finding.clauses.join(" ")),
            Escaped(&finding.expected)
        ),
    );
    if !finding.seen.is_empty() {
        push(page, format_args!("<br>seen: {}", Escaped(&finding.seen)));
    }
    page.push_str("</li>\n");
}

/// Everything but packets, which the capture shows better; the end of a long run, not its start.
fn render_timeline(page: &mut String, case: &CaseRecord, history: &[Entry]) {
    let marked: Vec<usize> = case
        .findings
        .iter()
        .filter(|finding| finding.verdict >= Verdict::Warn)
        .flat_map(|finding| finding.entries.iter().copied())
        .collect();
    let shown: Vec<(usize, &Entry)> = history
        .iter()
        .enumerate()
        .filter(|(_, entry)| !matches!(entry.event, Event::Packet(_)))
        .collect();
    let skipped = shown.len().saturating_sub(TIMELINE_LINES_MAX);
    page.push_str("<details><summary>Timeline</summary><pre>");
    push(page, format_args!("{}\n", timeline::HEADING));
    if skipped > 0 {
        push(
            page,
            format_args!("  ({skipped} earlier lines: see history.jsonl)\n"),
        );
    }
    for (index, entry) in shown.iter().skip(skipped) {
        let line = timeline::line(entry);
        let line = Escaped(&line);
        if marked.contains(index) {
            push(page, format_args!("<mark>{line}</mark>\n"));
        } else {
            push(page, format_args!("{line}\n"));
        }
    }
    page.push_str("</pre></details>\n");
}

/// Escaped text that keeps its line ends.
struct Preformatted<'a>(&'a str);

impl std::fmt::Display for Preformatted<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for line in self.0.lines() {
            writeln!(f, "{}", Escaped(line))?;
        }
        Ok(())
    }
}
