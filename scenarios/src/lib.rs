//! The scenario files of the project, as data.
//!
//! `clauses/` lists the testable statements of each protocol; `<protocol>/<topic>/<claim>.toml` is
//! one scenario each. The test targets run every scenario as a test of its own and check that every
//! clause is covered, excepted or pending.

use std::path::Path;

/// The folder that holds the clause lists and the scenarios.
#[must_use]
pub fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
