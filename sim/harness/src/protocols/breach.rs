//! Breaches of a protocol's rules, and what they make of a run, for every adapter alike.

use crate::check::Outcome;

/// The most breaches that a finding points at.
pub(super) const SHOWN: usize = 8;

/// What a check needs to see, which decides whether it can judge somebody else's implementation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// The wire alone.
    Wire,
    /// What our implementations announce from inside.
    Inside,
}

/// One place where a rule was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// The event that broke it, as an index into the history.
    pub position: usize,
    /// What should have been.
    pub expected: String,
    /// What was.
    pub seen: String,
}

impl Breach {
    /// A breach by the event at `position`.
    #[must_use]
    pub fn at(position: usize, expected: impl Into<String>, seen: impl Into<String>) -> Self {
        Self {
            position,
            expected: expected.into(),
            seen: seen.into(),
        }
    }
}

/// What the breaches of one rule make of it.
pub(super) fn outcome(breaches: &[Breach]) -> Outcome {
    let Some(first) = breaches.first() else {
        return Outcome::Holds;
    };
    let more = match breaches.len() - 1 {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    let seen = format!("{}, instead of {}{more}", first.seen, first.expected);
    let positions = breaches.iter().take(SHOWN).map(|breach| breach.position);
    Outcome::broken(seen, positions.collect::<Vec<_>>())
}
