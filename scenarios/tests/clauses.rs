//! Traceability: every clause has a scenario, a reasoned exception or a pending entry, and a line of
//! code that makes it true.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use portcullis_scenarios::folder;
use toml::{Table, Value};

/// The pending list only shrinks: lower this with every entry that goes, never raise it.
const PENDING_AT_MOST: usize = 0;

/// The files below `folder` with one of the endings, in order of path.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder of the project is readable") {
        let path = entry.expect("a folder of the project is readable").path();
        if path.is_dir() {
            if path.file_name().is_none_or(|name| name != "target") {
                found.extend(files(&path, ending));
            }
        } else if path
            .extension()
            .is_some_and(|extension| extension == ending)
        {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn table(path: &Path) -> Table {
    let text = fs::read_to_string(path).expect("a file of the project is UTF-8");
    text.parse()
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The tables in the array called `array` of a file, by their id.
fn by_id(file: &str, array: &str) -> BTreeMap<String, Table> {
    let content = table(&folder().join("clauses").join(file));
    let rows = content
        .get(array)
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let count = rows.len();
    let named: BTreeMap<String, Table> = rows
        .into_iter()
        .map(|row| {
            let row = row.as_table().expect("an array of tables").clone();
            (text(&row, "id").to_owned(), row)
        })
        .collect();
    assert_eq!(named.len(), count, "clauses/{file} names an id twice");
    named
}

fn text<'a>(row: &'a Table, key: &str) -> &'a str {
    row.get(key)
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("`{key}` is missing in {row}"))
}

/// Where each of the ids stands: clause lists, scenarios, exceptions, pending.
struct Lists {
    clauses: BTreeMap<String, Table>,
    scenarios: BTreeMap<String, Vec<String>>,
    exceptions: BTreeMap<String, Table>,
    pending: BTreeMap<String, Table>,
}

impl Lists {
    fn read() -> Self {
        let mut scenarios: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for path in files(&folder().join("environment-transfer"), "toml") {
            let name = path
                .strip_prefix(folder())
                .expect("found below")
                .display()
                .to_string();
            let content = table(&path);
            let ids = content
                .get("clauses")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default();
            for id in &ids {
                let id = id.as_str().expect("a clause id is a string").to_owned();
                scenarios.entry(id).or_default().push(name.clone());
            }
        }
        Self {
            clauses: by_id("environment-transfer.toml", "clause"),
            scenarios,
            exceptions: by_id("exceptions.toml", "exception"),
            pending: by_id("pending.toml", "pending"),
        }
    }

    /// Everything wrong with the lists, one sentence each.
    fn complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        let listed = self
            .scenarios
            .keys()
            .chain(self.exceptions.keys())
            .chain(self.pending.keys());
        for id in listed.collect::<BTreeSet<_>>() {
            if !self.clauses.contains_key(id) {
                complaints.push(format!("{id} is an orphan: no clause list has it"));
            }
        }
        for id in self.clauses.keys() {
            let scenario = self.scenarios.get(id);
            let places = [
                scenario.is_some(),
                self.exceptions.contains_key(id),
                self.pending.contains_key(id),
            ];
            match (places.iter().filter(|there| **there).count(), scenario) {
                (0, _) => complaints.push(format!(
                    "{id} has neither scenario nor exception nor an entry in pending.toml"
                )),
                (1, _) => {}
                (_, Some(names)) => complaints.push(format!(
                    "{id} has a scenario ({}): take it off the other lists",
                    names[0]
                )),
                (_, None) => complaints.push(format!("{id} is both an exception and pending")),
            }
        }
        complaints
    }
}

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
        let proof = text(row, "proof").split("::").next().unwrap_or_default();
        assert!(
            folder().join("..").join(proof).exists(),
            "{id}: proof `{proof}` leads nowhere"
        );
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
    let mut tagged = BTreeSet::new();
    for part in ["impl", "sim", "reports"] {
        for path in files(&folder().join("..").join(part), "rs") {
            let content = fs::read_to_string(&path).expect("a file of the project is UTF-8");
            for line in content.lines() {
                if let Some((_, comment)) = line.split_once("//") {
                    tagged.extend(ids(comment));
                }
            }
        }
    }
    let orphans: Vec<_> = tagged
        .iter()
        .filter(|id| !lists.clauses.contains_key(*id))
        .collect();
    assert!(
        orphans.is_empty(),
        "comments name clauses that no list has: {orphans:?}"
    );
    let covered = lists.scenarios.keys().chain(lists.exceptions.keys());
    let untagged: Vec<_> = covered.filter(|id| !tagged.contains(*id)).collect();
    assert!(untagged.is_empty(), "no code comment names: {untagged:?}");
}

/// The clause ids in a comment, ranges such as `ET-41..ET-43` not expanded.
fn ids(comment: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in comment.match_indices("ET-") {
        let number: String = comment[at + 3..]
            .chars()
            .take_while(char::is_ascii_digit)
            .collect();
        if !number.is_empty() {
            found.push(format!("ET-{number}"));
        }
    }
    found
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
