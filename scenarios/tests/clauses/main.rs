//! Traceability: every clause has a scenario, a reasoned exception or a pending entry, and a line
//! of code that makes it true.

mod failures;
mod lists;
mod page;

use std::collections::BTreeMap;

use toml::Table;

use lists::{Lists, ids, is_proof, tags, text};

/// The pending list only shrinks: lower this with every entry that goes, never raise it but for the
/// clauses of a new protocol.
const PENDING_AT_MOST: usize = 0;

#[test]
fn every_clause_is_in_exactly_one_place() {
    let complaints = Lists::read().complaints();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn the_pending_list_only_shrinks() {
    let count = Lists::read().pending.len();
    assert_eq!(
        count, PENDING_AT_MOST,
        "lower PENDING_AT_MOST when an entry goes, never raise it"
    );
}

#[test]
fn exceptions_and_pending_entries_say_why() {
    let lists = Lists::read();
    for (id, row) in &lists.exceptions {
        assert!(
            text(row, "reason").len() > 20,
            "{id}: a reason is a sentence"
        );
        let proof = text(row, "proof");
        assert!(is_proof(proof), "{id}: there is no `{proof}`");
    }
    for (id, row) in &lists.pending {
        assert!(
            text(row, "covered_by").len() > 20,
            "{id}: say what will cover it"
        );
    }
}

/// A clause that a scenario or an exception claims has a comment beside the code that keeps it.
#[test]
fn every_covered_clause_has_a_line_of_code() {
    let lists = Lists::read();
    let tags = tags();
    let orphans: Vec<_> = tags
        .keys()
        .filter(|id| !lists.clauses.contains_key(*id))
        .collect();
    assert!(
        orphans.is_empty(),
        "comments name clauses that no list has: {orphans:?}"
    );
    let covered = lists.scenarios.keys().chain(lists.exceptions.keys());
    let untagged: Vec<_> = covered.filter(|id| !tags.contains_key(*id)).collect();
    assert!(untagged.is_empty(), "no code comment names: {untagged:?}");
}

#[test]
fn the_clause_rules_bite() {
    let row = || Table::new();
    let one = |id: &str| BTreeMap::from([(id.to_owned(), row())]);
    let lists = Lists {
        clauses: one("ET-1"),
        scenarios: BTreeMap::from([("ET-2".to_owned(), vec!["x".to_owned()])]),
        exceptions: BTreeMap::new(),
        pending: BTreeMap::new(),
    };
    assert_eq!(
        lists.complaints().len(),
        2,
        "an orphan, and a clause in none of the three places"
    );
    let twice = Lists {
        clauses: one("ET-1"),
        scenarios: BTreeMap::from([("ET-1".to_owned(), vec!["x".to_owned()])]),
        exceptions: BTreeMap::new(),
        pending: one("ET-1"),
    };
    assert_eq!(
        twice.complaints().len(),
        1,
        "a pending clause that already has a scenario"
    );
    assert_eq!(ids(" ET-10: opener; see ET-1"), ["ET-10", "ET-1"]);
}
