//! Checks: pure functions from a history to findings and verdicts.
//!
//! # Module map
//! - [`Expectation`], [`Invariant`], [`Outcome`]: what judges a history.
//! - [`Counted`], [`Ordered`]: the core's forms of `[[expect]]`; protocols add their own.
//! - [`Checks`]: all expectations of a plan, which also tell when a run may end.
//! - [`judge`]: the findings and the verdict of one run.
//! - [`explain`]: a failing case in words.

mod chaos;
mod counted;
mod expectation;
mod explain;
mod judge;
mod ordered;
pub mod pattern;
mod refusals;
mod set;

pub use counted::{Counted, Window};
pub use expectation::{Expectation, Invariant, Outcome};
pub use explain::explain;
pub(crate) use judge::judge_followed;
pub use judge::{Judgement, judge};
pub use ordered::Ordered;
pub use refusals::COMMAND_REFUSED;
pub use set::{Checks, HITS, MISSED, needs_packets};

#[cfg(test)]
mod tests;
