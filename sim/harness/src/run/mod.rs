//! Runs plans on engines and judges them.
//!
//! # Module map
//! - [`Engine`], [`attempt`], [`Attempt`]: one run.
//! - [`run_spec`], [`judged`]: its two halves, for tests that tamper with what runs.
//! - [`Job`]: many runs on all cores, in a fixed order, with a check of determinism.
//! - [`summary`]: the lines that `portcullis run` prints.

mod case;
mod compile;
mod runner;
pub mod summary;

pub use case::{Attempt, Engine, attempt, disabled, judged, replay_line};
pub(crate) use compile::EPOCH;
pub use compile::run_spec;
pub use runner::{Case, Divergence, Done, Job, Repeats, first_difference};

#[cfg(test)]
mod tests;
