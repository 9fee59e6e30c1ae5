//! A run of a content deployment job at the source: the job's item in the content database.

mod events;
mod states;
mod status;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Illegal;
use crate::message::{Guid, JobStatus};

pub use events::{DeploymentEffect, DeploymentEvent};
pub use states::{DeploymentFailure, DeploymentOutcome, DeploymentState, DeploymentStep};
pub use status::DeploymentStatus;

/// What is recorded about the progress of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentProgress {
    /// The state.
    pub state: DeploymentState,
    /// Packages; 0 until the export has ended.
    pub files: u32,
    /// Packages uploaded so far.
    pub uploaded: u32,
    /// Where everything goes after `GetRemoteAdminServerUrl`.
    pub server_url: Option<String>,
    /// The import job.
    pub remote_job: Option<Guid>,
    /// Whether an earlier `RunJob` may have taken effect.
    pub run_may_have_started: bool,
    /// The status of the last successful poll.
    pub remote_status: Option<JobStatus>,
    /// When that changed last, or the import was started, in milliseconds since 1970 by the export
    /// server's wall clock. Read after a restart only: a life's own timer is monotonic.
    pub changed_ms: Option<i64>,
    /// Whether `CancelJob` has been called; whether it was in time, the status tells.
    pub cancel_is_called: bool,
    /// How it ended; present from `Deleting` on.
    pub outcome: Option<DeploymentOutcome>,
    /// When its timer job was picked up, likewise.
    pub started_ms: Option<i64>,
    /// When it reached its final state, likewise.
    pub ended_ms: Option<i64>,
}

impl Default for DeploymentProgress {
    fn default() -> Self {
        Self {
            state: DeploymentState::Preparing,
            files: 0,
            uploaded: 0,
            server_url: None,
            remote_job: None,
            run_may_have_started: false,
            remote_status: None,
            changed_ms: None,
            cancel_is_called: false,
            outcome: None,
            started_ms: None,
            ended_ms: None,
        }
    }
}

/// Whether `DeleteJob` is sent after the status did not change for too long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AfterTimeout {
    /// No: what becomes of the import job is the import farm's business.
    #[default]
    Leave,
    /// Yes.
    Delete,
}

type Next = (DeploymentProgress, &'static [DeploymentEffect]);

impl DeploymentProgress {
    /// The whole table. Pure: the same arguments give the same result.
    ///
    /// # Errors
    /// [`Illegal`] when the event must not happen in the state; the run is as before.
    pub fn on(
        &self,
        event: &DeploymentEvent,
        now: Timestamp,
        after_timeout: AfterTimeout,
    ) -> Result<Next, Illegal> {
        use DeploymentEvent as Event;
        use DeploymentState as State;
        match (self.state, event) {
            (_, Event::Recovered) => Ok(self.recovered()),
            // CD-51: final; what comes late changes nothing.
            (State::Succeeded | State::Failed | State::Cancelled | State::TimedOut, _) => {
                Ok((self.clone(), &[]))
            }
            (_, Event::CancelRequested) => Ok(self.cancel_requested(now)),
            // Decided already.
            (State::Deleting, Event::Failed(_)) => Err(self.illegal(event)),
            (_, Event::Failed(why)) => Ok(self.over(DeploymentOutcome::Failed(why.clone()), now)),
            (State::Importing, Event::Polled { status }) => Ok(self.polled(*status, now)),
            (State::Importing | State::Cancelling, Event::NotChanged) => {
                Ok(self.not_changed(after_timeout, now))
            }
            (State::Cancelling, Event::CancelCalled) => {
                let next = Self {
                    cancel_is_called: true,
                    ..self.at(State::Importing)
                };
                Ok((next, &[DeploymentEffect::Poll]))
            }
            (State::Deleting, Event::Deleted { .. }) => {
                let outcome = self.outcome.clone().unwrap_or(DeploymentOutcome::Succeeded);
                Ok(self.ended(outcome, now))
            }
            (_, event) => self.forward(event, now),
        }
    }

    /// CD-47: from one step to the next, in this order and no other.
    fn forward(&self, event: &DeploymentEvent, now: Timestamp) -> Result<Next, Illegal> {
        use DeploymentEffect as Effect;
        use DeploymentEvent as Event;
        use DeploymentState as State;
        let now_ms = Some(now.as_millisecond());
        let (next, effects): Next = match (self.state, event) {
            (State::Preparing, Event::PickedUp) => {
                let next = self.at(State::Exporting);
                (
                    Self {
                        started_ms: now_ms,
                        ..next
                    },
                    &[Effect::Export],
                )
            }
            (State::Exporting, Event::Exported { files: 0 }) => {
                self.ended(DeploymentOutcome::Succeeded, now)
            }
            (State::Exporting, Event::Exported { files }) => {
                let next = self.at(State::Asking);
                (
                    Self {
                        files: *files,
                        ..next
                    },
                    &[Effect::Ask],
                )
            }
            (State::Asking, Event::Told { url }) => {
                let server_url = Some(url.clone());
                let next = self.at(State::Creating);
                (Self { server_url, ..next }, &[Effect::Create])
            }
            (State::Creating, Event::Created { job }) => {
                let remote_job = Some(*job);
                let next = self.at(State::Uploading);
                (Self { remote_job, ..next }, &[Effect::Upload])
            }
            (State::Uploading, Event::Uploaded) if self.uploaded < self.files => {
                let uploaded = self.uploaded.saturating_add(1);
                let next = Self {
                    uploaded,
                    ..self.clone()
                };
                if uploaded < self.files {
                    (next, &[Effect::Upload])
                } else {
                    // CD-48: after the last one only.
                    (next.at(State::Starting), &[Effect::Run])
                }
            }
            (State::Starting, Event::Started) => {
                // CD-50: the timer starts with the answer to RunJob.
                let next = self.at(State::Importing);
                (
                    Self {
                        changed_ms: now_ms,
                        ..next
                    },
                    &[Effect::Poll],
                )
            }
            (_, event) => return Err(self.illegal(event)),
        };
        Ok((next, effects))
    }

    const fn illegal(&self, event: &DeploymentEvent) -> Illegal {
        Illegal {
            state: self.state.name(),
            event: event.name(),
        }
    }

    /// What a poll says.
    fn polled(&self, status: JobStatus, now: Timestamp) -> Next {
        // CD-50: the status value alone, against the last successful poll.
        let is_changed = self.remote_status.is_some_and(|last| last != status);
        let next = Self {
            remote_status: Some(status),
            changed_ms: if is_changed {
                Some(now.as_millisecond())
            } else {
                self.changed_ms
            },
            ..self.clone()
        };
        let failed = |reason: &str| {
            DeploymentOutcome::Failed(DeploymentFailure {
                step: DeploymentStep::Poll,
                reason: reason.to_owned(),
            })
        };
        // CD-52: the import has ended, and its job goes.
        match status {
            JobStatus::Success => next.over(DeploymentOutcome::Succeeded, now),
            JobStatus::Failure => next.over(failed("the import failed"), now),
            JobStatus::Cancelled => next.over(DeploymentOutcome::Cancelled, now),
            JobStatus::ImportTimedOut => next.over(DeploymentOutcome::ImportTimedOut, now),
            JobStatus::ImportInProgress
            | JobStatus::CancelInProgress
            | JobStatus::ImportPreparing => (next, &[DeploymentEffect::Poll]),
        }
    }

    /// CD-51: a timeout it is, whatever the import does later.
    fn not_changed(&self, after_timeout: AfterTimeout, now: Timestamp) -> Next {
        match after_timeout {
            AfterTimeout::Leave => self.ended(DeploymentOutcome::NotChanged, now),
            AfterTimeout::Delete => self.over(DeploymentOutcome::NotChanged, now),
        }
    }

    fn cancel_requested(&self, now: Timestamp) -> Next {
        use DeploymentState as State;
        match self.state {
            // Nothing that could run is at the target; a job that was made without our knowing is
            // never run.
            State::Preparing | State::Exporting | State::Asking | State::Creating => {
                self.ended(DeploymentOutcome::Cancelled, now)
            }
            State::Uploading | State::Starting | State::Importing if !self.cancel_is_called => {
                let next = Self {
                    // From here on the target has to show that it does something.
                    changed_ms: self.changed_ms.or(Some(now.as_millisecond())),
                    ..self.at(State::Cancelling)
                };
                (next, &[DeploymentEffect::Cancel])
            }
            State::Uploading
            | State::Starting
            | State::Importing
            | State::Cancelling
            | State::Deleting
            | State::Succeeded
            | State::Failed
            | State::Cancelled
            | State::TimedOut => (self.clone(), &[]),
        }
    }

    /// Over as far as the outcome is concerned: an import job is deleted first.
    fn over(&self, outcome: DeploymentOutcome, now: Timestamp) -> Next {
        if self.remote_job.is_none() {
            return self.ended(outcome, now);
        }
        let outcome = Some(outcome);
        let next = Self {
            outcome,
            ..self.at(DeploymentState::Deleting)
        };
        (next, &[DeploymentEffect::Delete])
    }

    fn ended(&self, outcome: DeploymentOutcome, now: Timestamp) -> Next {
        let next = Self {
            ended_ms: Some(now.as_millisecond()),
            ..self.at(outcome.state())
        };
        let outcome = Some(outcome);
        (Self { outcome, ..next }, &[DeploymentEffect::Clean])
    }

    fn recovered(&self) -> Next {
        use DeploymentEffect as Effect;
        match self.state {
            DeploymentState::Preparing => (self.clone(), &[]),
            DeploymentState::Exporting => (self.clone(), &[Effect::Export]),
            DeploymentState::Asking => (self.clone(), &[Effect::Ask]),
            // A job that was made without our knowing is never run: its farm removes it.
            DeploymentState::Creating => (self.clone(), &[Effect::Create]),
            DeploymentState::Uploading => (self.clone(), &[Effect::Upload]),
            DeploymentState::Starting => {
                let next = Self {
                    run_may_have_started: true,
                    ..self.clone()
                };
                (next, &[Effect::Run])
            }
            DeploymentState::Importing => (self.clone(), &[Effect::Poll]),
            DeploymentState::Cancelling => (self.clone(), &[Effect::Cancel]),
            DeploymentState::Deleting => (self.clone(), &[Effect::Delete]),
            DeploymentState::Succeeded
            | DeploymentState::Failed
            | DeploymentState::Cancelled
            | DeploymentState::TimedOut => (self.clone(), &[Effect::Clean]),
        }
    }

    fn at(&self, state: DeploymentState) -> Self {
        Self {
            state,
            ..self.clone()
        }
    }

    /// What a user is told: the product's own enumeration, of which the wire has seven.
    #[must_use]
    pub fn status(&self) -> DeploymentStatus {
        use DeploymentState as State;
        let state = match (self.state, &self.outcome) {
            // How it ends is decided.
            (State::Deleting, Some(outcome)) => outcome.state(),
            (state, _) => state,
        };
        match state {
            State::Preparing => DeploymentStatus::Preparing,
            State::Exporting => DeploymentStatus::ExportInProgress,
            State::Asking | State::Creating | State::Uploading | State::Starting => {
                DeploymentStatus::TransferInProgress
            }
            State::Cancelling => DeploymentStatus::CancelInProgress,
            State::Importing | State::Deleting => match self.remote_status {
                Some(JobStatus::ImportInProgress) => DeploymentStatus::ImportInProgress,
                Some(JobStatus::CancelInProgress) => DeploymentStatus::CancelInProgress,
                Some(JobStatus::ImportPreparing) | None => DeploymentStatus::ImportPreparing,
                Some(JobStatus::Success) => DeploymentStatus::Success,
                Some(JobStatus::Failure) => DeploymentStatus::Failure,
                Some(JobStatus::Cancelled) => DeploymentStatus::Cancelled,
                Some(JobStatus::ImportTimedOut) => DeploymentStatus::ImportTimedOut,
            },
            State::Succeeded => DeploymentStatus::Success,
            State::Failed => DeploymentStatus::Failure,
            State::Cancelled => DeploymentStatus::Cancelled,
            State::TimedOut => DeploymentStatus::ImportTimedOut,
        }
    }
}
