//! What judges a history: expectations that follow it entry by entry, and invariants that read it
//! whole.

use std::time::Duration;

use portcullis_reports::Entry;

use crate::engine::Aliases;

/// The judge of one `[[expect]]` or `[[bites]]`.
///
/// It follows the history with a cursor of its own, so that asking it during a run costs nothing.
/// The same judge, fed the same history again, comes to the same outcome: it keeps no other state.
pub trait Expectation: Send {
    /// What has to hold, in words, as the middle of a sentence: `t1 becomes completed at dev`.
    fn expected(&self) -> String;

    /// Takes in the next entry, `index` in the history. Called once for each, in order.
    fn observe(&mut self, index: usize, entry: &Entry, aliases: &Aliases);

    /// Whether the run has to go on for its sake: something that it waits for may yet happen.
    ///
    /// What must *not* happen holds the run open only until its `within` has passed.
    fn holds_open(&self, now: Duration) -> bool;

    /// The outcome if the history ends at `end`.
    fn conclude(&self, end: Duration) -> Outcome;
}

/// What came of one check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// What had to hold held.
    Holds,
    /// It did not.
    Broken {
        /// What was seen instead, in words.
        seen: String,
        /// Indexes into the history of the entries that show it, the last one last.
        entries: Vec<usize>,
    },
    /// It could not be told, such as when the run ended before the bound had passed.
    Unknown {
        /// Why not, in words.
        reason: String,
    },
}

impl Outcome {
    /// A broken expectation, shown by `entries`.
    #[must_use]
    pub fn broken(seen: impl Into<String>, entries: impl Into<Vec<usize>>) -> Self {
        Self::Broken {
            seen: seen.into(),
            entries: entries.into(),
        }
    }
}

/// What every run of a protocol has to keep, without being named in a scenario.
#[derive(Clone, Copy, Debug)]
pub struct Invariant {
    /// Its name in kebab case, stable: reports and saboteurs refer to it.
    pub name: &'static str,
    /// The clauses that it states.
    pub clauses: &'static [&'static str],
    /// What has to hold, in words.
    pub expected: &'static str,
}
