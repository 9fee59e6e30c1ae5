//! The record as JUnit XML, for build servers: one file, one test case a scenario and seed.

use std::fmt::Write;

use crate::markup::Escaped;
use crate::{CaseRecord, RunRecord, Verdict};

/// Renders the record.
///
/// FAIL becomes `failure`; ERROR and INCONCLUSIVE become `error`; UNSUPPORTED and DISABLED become
/// `skipped`; the others pass. JUnit knows four states only, so the exact verdict is a property.
#[must_use]
pub fn render(record: &RunRecord) -> String {
    let count = |wanted: &[Verdict]| {
        record
            .cases
            .iter()
            .filter(|case| wanted.contains(&case.verdict))
            .count()
    };
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let (failures, errors) = (
        count(&[Verdict::Fail]),
        count(&[Verdict::Error, Verdict::Inconclusive]),
    );
    let skipped = count(&[Verdict::Unsupported, Verdict::Disabled]);
    let tests = record.cases.len();
    writeln!(
        out,
        "<testsuite name=\"portcullis\" tests=\"{tests}\" failures=\"{failures}\" \
         errors=\"{errors}\" skipped=\"{skipped}\">"
    )
    .expect("a String takes everything");
    for case in &record.cases {
        render_case(&mut out, case);
    }
    out.push_str("</testsuite>\n");
    out
}

fn render_case(out: &mut String, case: &CaseRecord) {
    let (folder, name) = case
        .scenario
        .rsplit_once('/')
        .unwrap_or(("", &case.scenario));
    let class = Escaped(folder).to_string().replace('/', ".");
    let seconds = case.simulated_ms / 1000;
    let millis = case.simulated_ms % 1000;
    let mut line = |text: std::fmt::Arguments<'_>| {
        out.write_fmt(text).expect("a String takes everything");
        out.push('\n');
    };
    line(format_args!(
        "  <testcase classname=\"{class}\" name=\"{} [{} seed {}]\" time=\"{seconds}.{millis:03}\">",
        Escaped(name),
        Escaped(&case.engine),
        case.seed
    ));
    line(format_args!("    <properties>"));
    for (key, value) in [
        ("verdict", case.verdict.name()),
        ("seed", &case.seed.to_string()),
        ("engine", &case.engine),
        ("clauses", &case.clauses.join(" ")),
        ("replay", &case.replay),
        ("digest", &case.digest),
    ] {
        line(format_args!(
            "      <property name=\"{key}\" value=\"{}\"/>",
            Escaped(value)
        ));
    }
    line(format_args!("    </properties>"));
    let element = match case.verdict {
        Verdict::Fail => Some("failure"),
        Verdict::Error | Verdict::Inconclusive => Some("error"),
        Verdict::Unsupported | Verdict::Disabled => Some("skipped"),
        Verdict::Pass | Verdict::Info | Verdict::Warn => None,
    };
    if let Some(element) = element {
        let worst: Vec<String> = case
            .findings
            .iter()
            .filter(|finding| finding.verdict == case.verdict)
            .map(|finding| {
                format!(
                    "{}: expected {}; {}",
                    finding.check, finding.expected, finding.seen
                )
            })
            .collect();
        line(format_args!(
            "    <{element} message=\"{}\"/>",
            Escaped(&worst.join("\n"))
        ));
    }
    line(format_args!("  </testcase>"));
}
