//! Files other than scenarios that are read by key tables, with the same diagnostics.

use std::sync::Arc;

use toml::de::DeTable;

use super::key::Key;
use super::problem::{Problems, ScenarioError};
use super::table::Table;
use super::walk::Walk;

/// Reads a TOML file whose top table has `keys`, and lets `build` make a value of it, or report
/// what the keys cannot say. Keys that do not conform are not in the table that it gets, not even
/// if they are required: it gives no value then, or one that is thrown away.
///
/// # Errors
/// Everything that is wrong with the file, at once.
///
/// # Panics
/// When all keys conform, and `build` gives no value and reports nothing.
pub fn read_settings<T>(
    what: &str,
    path: &str,
    text: impl Into<Arc<str>>,
    keys: &'static [Key],
    build: impl FnOnce(&Table, &mut Problems) -> Option<T>,
) -> Result<T, ScenarioError> {
    let text: Arc<str> = text.into();
    let (tree, syntax) = DeTable::parse_recoverable(&text);
    let mut problems = Problems::default();
    for error in syntax {
        let span = error.span().unwrap_or(0..0);
        problems.report(span, error.message(), "not valid TOML", "");
    }
    if !problems.is_empty() {
        return Err(problems.into_error(path, &text));
    }
    let mut walk = Walk::new(Vec::new());
    let table = walk.table(what, &[keys], tree.get_ref(), 0..0);
    walk.resolve();
    problems = walk.problems;
    // What is wrong with a key is left out of the table: the rest is looked at all the same.
    let built = build(&table, &mut problems);
    if problems.is_empty() {
        Ok(built.expect("what could not be built was reported"))
    } else {
        Err(problems.into_error(path, &text))
    }
}
