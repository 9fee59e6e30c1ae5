//! The cases of one scenario on one engine, taken together: a run over many seeds has one row.

use std::cmp::Reverse;
use std::fmt::Write;

use crate::{CaseRecord, RunRecord, Verdict};

/// Cases of a scenario that are shown in full, the worst first; the folder has all of them.
const SHOWN_MAX: usize = 3;

/// The cases of one scenario on one engine, with their places in the record, the worst first.
pub(super) struct Group<'a> {
    cases: Vec<(usize, &'a CaseRecord)>,
}

/// The groups of a record, in the order of their first cases.
pub(super) fn groups(record: &RunRecord) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for (index, case) in record.cases.iter().enumerate() {
        let known = groups.iter_mut().rev().find(|group| {
            let (_, first) = group.worst();
            (&first.scenario, &first.engine) == (&case.scenario, &case.engine)
        });
        match known {
            Some(group) => group.cases.push((index, case)),
            None => groups.push(Group {
                cases: vec![(index, case)],
            }),
        }
    }
    for group in &mut groups {
        group
            .cases
            .sort_by_key(|(index, case)| (Reverse(case.verdict), *index));
    }
    groups
}

impl<'a> Group<'a> {
    /// The case with the worst verdict, the first of several.
    pub(super) fn worst(&self) -> (usize, &'a CaseRecord) {
        self.cases[0]
    }

    /// Every case, the worst first.
    pub(super) fn all(&self) -> &[(usize, &'a CaseRecord)] {
        &self.cases
    }

    /// Those that are shown in full.
    pub(super) fn shown(&self) -> &[(usize, &'a CaseRecord)] {
        &self.cases[..self.cases.len().min(SHOWN_MAX)]
    }

    /// Its seed, or how many seeds came to what.
    pub(super) fn seeds(&self) -> String {
        if let [(_, only)] = self.cases.as_slice() {
            return only.seed.to_string();
        }
        let mut text = format!("{} seeds:", self.cases.len());
        for verdict in Verdict::ALL.into_iter().rev() {
            let count = self
                .cases
                .iter()
                .filter(|(_, case)| case.verdict == verdict)
                .count();
            if count > 0 {
                write!(text, " {count} {verdict}").expect("a String takes everything");
            }
        }
        text
    }
}
