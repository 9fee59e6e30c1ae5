//! From a history to findings and a verdict.

use std::borrow::Cow;
use std::time::Duration;

use portcullis_reports::{Entry, Event, Finding, Verdict};

use super::expectation::Outcome;
use super::refusals;
use super::set::{Checks, Concluded, MISSED, Part};
use crate::scenario::{Plan, Table};

/// What the checks made of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The worst of the findings.
    pub verdict: Verdict,
    /// One for each expectation, bite and invariant, in this order, then what went wrong otherwise.
    pub findings: Vec<Finding>,
    /// Whether the seed was to draw faults and none of them did anything. Such a run proves little;
    /// that one of several seeds is like that is in the nature of drawing.
    pub is_quiet: bool,
}

/// Judges a run by its history alone, which `end` closes.
///
/// The same plan and history give the same judgement anywhere. `error` is what went wrong in the
/// harness, if anything did; the run then says nothing about the implementation.
#[must_use]
pub fn judge(plan: &Plan, history: &[Entry], end: Duration, error: Option<&str>) -> Judgement {
    judge_followed(plan, &mut Checks::new(plan), history, end, error)
}

/// As [`judge`], with `checks` that may have followed the first part of `history` already.
pub(crate) fn judge_followed(
    plan: &Plan,
    checks: &mut Checks,
    history: &[Entry],
    end: Duration,
    error: Option<&str>,
) -> Judgement {
    checks.follow(history);
    let mut is_quiet = false;
    let mut findings = Vec::new();
    for concluded in checks.conclude(end) {
        is_quiet |= is_chaos(plan, &concluded) && concluded.outcome != Outcome::Holds;
        findings.push(of_file(plan, concluded));
    }
    let invariants = plan.protocol.invariants().iter();
    let outcomes = plan.protocol.outcomes(plan, history);
    findings.extend(invariants.zip(outcomes).map(|(invariant, outcome)| {
        let clauses = invariant.clauses.iter().copied().map(Cow::Borrowed);
        finding(
            plan,
            Cow::Borrowed(invariant.name),
            clauses.collect(),
            invariant.expected.to_owned(),
            outcome,
        )
    }));
    findings.extend(refusals::unexpected(plan, history));
    findings.extend(missed(history));
    if let Some(error) = error {
        findings.push(Finding {
            check: Cow::Borrowed("harness"),
            clauses: Vec::new(),
            verdict: Verdict::Error,
            binds: Cow::Borrowed("harness"),
            expected: "the run goes through".to_owned(),
            seen: error.to_owned(),
            entries: Vec::new(),
        });
    }
    let verdict = findings.iter().map(|finding| finding.verdict).max();
    Judgement {
        verdict: verdict.unwrap_or(Verdict::Pass),
        findings,
        is_quiet,
    }
}

/// A claim about steps of which one did not happen is not tested.
fn missed(history: &[Entry]) -> Option<Finding> {
    let missed = history.iter().filter_map(|entry| match &entry.event {
        Event::Action { name, fields } if name == MISSED => {
            let field = |name| fields.get(name).map_or("", String::as_str);
            Some(format!("line {}: {}", field("on-line"), field("why")))
        }
        Event::Packet(_)
        | Event::Connection(_)
        | Event::Message(_)
        | Event::State(_)
        | Event::Write { .. }
        | Event::Effect { .. }
        | Event::Action { .. } => None,
    });
    let missed: Vec<_> = missed.collect();
    (!missed.is_empty()).then(|| Finding {
        check: Cow::Borrowed("every-step-happens"),
        clauses: Vec::new(),
        verdict: Verdict::Inconclusive,
        binds: Cow::Borrowed("harness"),
        expected: "every step that is not `optional` has an effect".to_owned(),
        seen: missed.join("; "),
        entries: Vec::new(),
    })
}

/// Whether it is asked of all seeds together rather than of each.
fn is_chaos(plan: &Plan, concluded: &Concluded) -> bool {
    let Part::Bite(index) = concluded.part else {
        return false;
    };
    plan.bites
        .get(index)
        .is_some_and(|table| table.has("chaos"))
}

/// The finding of an `[[expect]]` or a `[[bites]]`.
fn of_file(plan: &Plan, concluded: Concluded) -> Finding {
    let (what, table) = match concluded.part {
        Part::Expect(index) => ("expect", plan.expects.get(index)),
        Part::Bite(index) => ("bites", plan.bites.get(index)),
    };
    let line = table.map_or(0, |table| plan.line(table));
    let check = Cow::Owned(format!("{what} on line {line}"));
    if let Part::Expect(_) = concluded.part {
        let clauses = clauses_of(plan, table);
        return finding(plan, check, clauses, concluded.expected, concluded.outcome);
    }
    let is_chaos = is_chaos(plan, &concluded);
    // A fault that did not happen proves nothing, whatever the expectations came to.
    let (verdict, seen, entries) = match concluded.outcome {
        Outcome::Broken { seen, .. } if is_chaos => (Verdict::Pass, seen, Vec::new()),
        Outcome::Holds => (Verdict::Pass, String::new(), Vec::new()),
        Outcome::Broken { seen, entries } => (Verdict::Inconclusive, seen, entries),
        Outcome::Unknown { reason } => (Verdict::Inconclusive, reason, Vec::new()),
    };
    Finding {
        check,
        clauses: Vec::new(),
        verdict,
        binds: Cow::Borrowed("harness"),
        expected: concluded.expected,
        seen,
        entries,
    }
}

fn clauses_of(plan: &Plan, table: Option<&Table>) -> Vec<Cow<'static, str>> {
    let own = table
        .map(|table| table.texts("clauses"))
        .unwrap_or_default();
    let ids = if own.is_empty() {
        plan.clause_ids()
    } else {
        own
    };
    ids.iter().cloned().map(Cow::Owned).collect()
}

/// The finding of a check; the strictest of its clauses says how bad a break is and whom it binds.
fn finding(
    plan: &Plan,
    check: Cow<'static, str>,
    clauses: Vec<Cow<'static, str>>,
    expected: String,
    outcome: Outcome,
) -> Finding {
    let strictest = plan.clauses.strictest(clauses.iter().map(AsRef::as_ref));
    let (verdict, seen, entries) = match outcome {
        Outcome::Holds => (Verdict::Pass, String::new(), Vec::new()),
        Outcome::Broken { seen, entries } => {
            let verdict = strictest.map_or(Verdict::Fail, |clause| clause.level.broken());
            (verdict, seen, entries)
        }
        Outcome::Unknown { reason } => (Verdict::Inconclusive, reason, Vec::new()),
    };
    let binds = strictest.map(|clause| Cow::Owned(clause.binds.clone()));
    Finding {
        check,
        clauses,
        verdict,
        binds: binds.unwrap_or_default(),
        expected,
        seen,
        entries,
    }
}
