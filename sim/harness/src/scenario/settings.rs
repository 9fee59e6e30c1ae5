//! Files other than scenarios that are read by key tables, with the same diagnostics.

use std::sync::Arc;

use toml::de::DeTable;

use super::key::Key;
use super::problem::{Problems, ScenarioError};
use super::table::Table;
use super::walk::Walk;

/// Reads a TOML file whose top table has `keys`, and lets `check` add what the keys cannot say.
///
/// # Errors
/// Everything that is wrong with the file, at once; `check` is asked only when the keys conform.
pub fn read_settings(
    what: &str,
    path: &str,
    text: impl Into<Arc<str>>,
    keys: &'static [Key],
    check: impl FnOnce(&Table, &mut Problems),
) -> Result<Table, ScenarioError> {
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
    let mut walk = Walk::new(&[]);
    let table = walk.table(what, &[keys], tree.get_ref(), 0..0);
    walk.resolve();
    problems = walk.problems;
    if problems.is_empty() {
        check(&table, &mut problems);
    }
    if problems.is_empty() {
        Ok(table)
    } else {
        Err(problems.into_error(path, &text))
    }
}
