//! The clause lists, the scenarios and the code comments, read as plain data.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use portcullis_scenarios::folder;
use toml::{Table, Value};

/// Each protocol: its folder of scenarios, which is also the stem of its clause list, and the
/// prefix of its clauses.
pub(crate) const PROTOCOLS: &[(&str, &str)] = &[
    ("environment-transfer", "ET-"),
    ("content-deployment", "CD-"),
];

/// The files below `folder` with one of the endings, in order of path.
pub(crate) fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
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

pub(crate) fn text<'a>(row: &'a Table, key: &str) -> &'a str {
    row.get(key)
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("`{key}` is missing in {row}"))
}

/// Whether `proof`, which is `<file>::<test>`, names a test that there is.
pub(crate) fn is_proof(proof: &str) -> bool {
    let (file, test) = proof.split_once("::").expect("a proof is `file::test`");
    let source = fs::read_to_string(folder().join("..").join(file)).unwrap_or_default();
    source.contains(&format!("fn {test}("))
}

/// Where each of the ids stands: clause lists, scenarios, exceptions, pending.
pub(crate) struct Lists {
    pub(crate) clauses: BTreeMap<String, Table>,
    pub(crate) scenarios: BTreeMap<String, Vec<String>>,
    pub(crate) exceptions: BTreeMap<String, Table>,
    pub(crate) pending: BTreeMap<String, Table>,
}

impl Lists {
    pub(crate) fn read() -> Self {
        let mut scenarios: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut clauses = BTreeMap::new();
        let mut paths = Vec::new();
        for (protocol, _) in PROTOCOLS {
            clauses.extend(by_id(&format!("{protocol}.toml"), "clause"));
            paths.extend(files(&folder().join(protocol), "toml"));
        }
        for path in paths {
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
            clauses,
            scenarios,
            exceptions: by_id("exceptions.toml", "exception"),
            pending: by_id("pending.toml", "pending"),
        }
    }

    /// Everything wrong with the lists, one sentence each.
    pub(crate) fn complaints(&self) -> Vec<String> {
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

/// The clauses named in comments of the source, each with the files that name it.
pub(crate) fn tags() -> BTreeMap<String, BTreeSet<String>> {
    let root = folder().join("..");
    let mut tags: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for part in ["impl", "sim", "reports"] {
        for path in files(&root.join(part), "rs") {
            let content = fs::read_to_string(&path).expect("a file of the project is UTF-8");
            let name = path
                .strip_prefix(&root)
                .expect("found below the root")
                .display()
                .to_string();
            for comment in content
                .lines()
                .filter_map(|line| Some(line.split_once("//")?.1))
            {
                for id in ids(comment) {
                    tags.entry(id).or_default().insert(name.clone());
                }
            }
        }
    }
    tags
}

/// The clause ids in a comment, ranges such as `ET-41..ET-43` not expanded.
pub(crate) fn ids(comment: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (_, prefix) in PROTOCOLS {
        for (at, _) in comment.match_indices(prefix) {
            let number: String = comment[at + prefix.len()..]
                .chars()
                .take_while(char::is_ascii_digit)
                .collect();
            if !number.is_empty() {
                found.push(format!("{prefix}{number}"));
            }
        }
    }
    found
}
