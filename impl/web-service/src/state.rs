//! The life of an import job, of a deployment at its source, and of the timer jobs that run them,
//! as pure transition tables.
//!
//! Each function holds its whole table: `(state, event) -> Result<(state, effects), Illegal>`. The
//! shells carry the effects out; they decide nothing. The snapshot tests beside them print every
//! state against every event.

mod deployment;
mod import_job;
mod timer_job;

#[cfg(test)]
mod tests;

pub use deployment::{
    AfterTimeout, DeploymentEffect, DeploymentEvent, DeploymentFailure, DeploymentOutcome,
    DeploymentProgress, DeploymentState, DeploymentStatus, DeploymentStep,
};
pub use import_job::{JobEffect, JobEvent, JobProgress, JobState};
pub use timer_job::{Owner, TimerEvent, TimerProgress, TimerState};

/// The event must not happen in that state: a caller asks for what cannot be, or there is a bug.
///
/// Nothing has changed when a transition returns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{event} is not legal in state {state}")]
pub struct Illegal {
    /// The state's name.
    pub state: &'static str,
    /// The event's name.
    pub event: &'static str,
}
