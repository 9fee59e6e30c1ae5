//! An import job: the item in the content database of Central Administration.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Illegal;
use crate::message::JobStatus;
use crate::work::ImportFailure;

/// The states of an import job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JobState {
    /// Created; takes files, and waits until the timer service has picked it up.
    Created,
    /// The tables of contents of its packages are read. The last state that can be cancelled.
    Verifying,
    /// Its packages are decompressed.
    Decompressing,
    /// Its objects are placed into the site.
    Placing,
    /// A request to cancel it is being handled.
    CancelInProgress,
    /// Final: cancelled before its decompression began.
    Cancelled,
    /// Final: every object is in the site.
    Succeeded,
    /// Final: the import failed.
    Failed,
    /// Final: the import took longer than the farm allows.
    TimedOut,
}

impl JobState {
    /// Every state, in the order of declaration.
    pub const ALL: [Self; 9] = [
        Self::Created,
        Self::Verifying,
        Self::Decompressing,
        Self::Placing,
        Self::CancelInProgress,
        Self::Cancelled,
        Self::Succeeded,
        Self::Failed,
        Self::TimedOut,
    ];

    /// The name in histories, logs and records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Verifying => "verifying",
            Self::Decompressing => "decompressing",
            Self::Placing => "placing",
            Self::CancelInProgress => "cancel-in-progress",
            Self::Cancelled => "cancelled",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::TimedOut => "timed-out",
        }
    }

    /// Whether nothing can change it any more (CD-27).
    #[must_use]
    pub const fn is_final(self) -> bool {
        self.status().is_final()
    }

    /// What `GetJobStatus` says of it.
    #[must_use]
    pub const fn status(self) -> JobStatus {
        match self {
            // CD-12: the wire has no word for a job that nobody has run.
            Self::Created => JobStatus::ImportPreparing,
            Self::Verifying | Self::Decompressing | Self::Placing => JobStatus::ImportInProgress,
            Self::CancelInProgress => JobStatus::CancelInProgress,
            Self::Cancelled => JobStatus::Cancelled,
            Self::Succeeded => JobStatus::Success,
            Self::Failed => JobStatus::Failure,
            Self::TimedOut => JobStatus::ImportTimedOut,
        }
    }
}

/// What may happen to an import job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobEvent {
    /// The timer service has claimed its timer job.
    PickedUp,
    /// The tables of contents of all packages are in order.
    Verified,
    /// All packages are decompressed.
    Decompressed {
        /// How many objects there are to place.
        objects: u32,
    },
    /// The next object is in the site.
    Placed,
    /// Nothing is left to place.
    Finished,
    /// The import cannot succeed, or its files have expired.
    Failed(ImportFailure),
    /// `CancelJob` was called.
    CancelRequested,
    /// Nothing runs any more that the request to cancel had to stop.
    CancelHandled,
    /// An import server found the job in the middle of its import.
    Recovered,
    /// The time for the import is over.
    TimedOut,
}

impl JobEvent {
    /// The name in messages and tables.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::PickedUp => "picked-up",
            Self::Verified => "verified",
            Self::Decompressed { .. } => "decompressed",
            Self::Placed => "placed",
            Self::Finished => "finished",
            Self::Failed(_) => "failed",
            Self::CancelRequested => "cancel-requested",
            Self::CancelHandled => "cancel-handled",
            Self::Recovered => "recovered",
            Self::TimedOut => "timed-out",
        }
    }
}

/// What the shell does after a transition has been recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobEffect {
    /// Read the tables of contents.
    Verify,
    /// Decompress.
    Decompress,
    /// Place the next object.
    Place,
    /// Nothing is left to place: say so.
    Finish,
    /// See to it that nothing of the job runs, then say that the request has been handled.
    HandleCancel,
    /// Remove what the import needed in between.
    Clean,
}

/// What is recorded about the progress of an import job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobProgress {
    /// The state.
    pub state: JobState,
    /// Objects to place; 0 until the packages are decompressed.
    pub objects: u32,
    /// Objects placed so far.
    pub placed: u32,
    /// How often an import server has taken the job up.
    pub starts: u32,
    /// Why the import failed; present exactly in the state `Failed`.
    pub failure: Option<ImportFailure>,
    /// When the import began, in milliseconds since 1970 by the import server's wall clock.
    pub started_ms: Option<i64>,
    /// When the job reached its final state, likewise.
    pub ended_ms: Option<i64>,
}

impl Default for JobProgress {
    fn default() -> Self {
        Self {
            state: JobState::Created,
            objects: 0,
            placed: 0,
            starts: 0,
            failure: None,
            started_ms: None,
            ended_ms: None,
        }
    }
}

impl JobProgress {
    /// The whole table. Pure: the same arguments give the same result.
    ///
    /// # Errors
    /// [`Illegal`] when the event must not happen in the state; the job is as before.
    pub fn on(
        &self,
        event: &JobEvent,
        now: Timestamp,
    ) -> Result<(Self, &'static [JobEffect]), Illegal> {
        use JobEffect as Effect;
        use JobEvent as Event;
        use JobState as State;
        let same = || self.clone();
        // CD-27: final; what comes late changes nothing.
        if self.state.is_final() {
            let is_recovered = *event == Event::Recovered;
            // The server may have stopped before it could clean up.
            return Ok((same(), if is_recovered { &[Effect::Clean] } else { &[] }));
        }
        match (self.state, event) {
            // CD-30: what was asked for first is done first; no phase goes on from here.
            (State::CancelInProgress, Event::CancelHandled) => {
                Ok((self.ended(State::Cancelled, now), &[Effect::Clean]))
            }
            (
                State::CancelInProgress,
                Event::CancelRequested
                | Event::PickedUp
                | Event::Recovered
                | Event::Verified
                | Event::Failed(_)
                | Event::TimedOut,
            ) => Ok((same(), &[Effect::HandleCancel])),

            // CD-29: only before decompression has begun.
            (State::Created | State::Verifying, Event::CancelRequested) => {
                Ok((self.at(State::CancelInProgress), &[Effect::HandleCancel]))
            }
            (State::Decompressing | State::Placing, Event::CancelRequested) => Ok((same(), &[])),

            (State::Created, Event::PickedUp) | (State::Verifying, Event::Recovered) => {
                Ok((self.begun(State::Verifying, now), &[Effect::Verify]))
            }
            (State::Verifying, Event::Verified) => {
                Ok((self.at(State::Decompressing), &[Effect::Decompress]))
            }
            (State::Decompressing, Event::Recovered) => {
                Ok((self.begun(State::Decompressing, now), &[Effect::Decompress]))
            }
            (State::Decompressing, Event::Decompressed { objects }) => {
                Ok(self.at(State::Placing).with(*objects, 0))
            }
            (State::Placing, Event::Recovered) => {
                let begun = self.begun(State::Placing, now);
                Ok(begun.with(self.objects, self.placed))
            }
            (State::Placing, Event::Placed) if self.placed < self.objects => {
                Ok(same().with(self.objects, self.placed.saturating_add(1)))
            }
            (State::Placing, Event::Finished) if self.placed == self.objects => {
                Ok((self.ended(State::Succeeded, now), &[Effect::Clean]))
            }

            (
                State::Created | State::Verifying | State::Decompressing | State::Placing,
                Event::Failed(why),
            ) => {
                let failed = Self {
                    failure: Some(why.clone()),
                    ..self.ended(State::Failed, now)
                };
                Ok((failed, &[Effect::Clean]))
            }
            (State::Verifying | State::Decompressing | State::Placing, Event::TimedOut) => {
                Ok((self.ended(State::TimedOut, now), &[Effect::Clean]))
            }

            (state, event) => Err(Illegal {
                state: state.name(),
                event: event.name(),
            }),
        }
    }

    /// The same with so many of its objects placed, and what is to be done next.
    fn with(self, objects: u32, placed: u32) -> (Self, &'static [JobEffect]) {
        let next: &[JobEffect] = if placed < objects {
            &[JobEffect::Place]
        } else {
            &[JobEffect::Finish]
        };
        let progress = Self {
            objects,
            placed,
            ..self
        };
        (progress, next)
    }

    fn at(&self, state: JobState) -> Self {
        Self {
            state,
            ..self.clone()
        }
    }

    fn begun(&self, state: JobState, now: Timestamp) -> Self {
        Self {
            starts: self.starts.saturating_add(1),
            started_ms: self.started_ms.or(Some(now.as_millisecond())),
            ..self.at(state)
        }
    }

    fn ended(&self, state: JobState, now: Timestamp) -> Self {
        Self {
            ended_ms: Some(now.as_millisecond()),
            ..self.at(state)
        }
    }
}
