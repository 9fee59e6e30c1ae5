//! A task as the environment that does the work sees it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Illegal;
use crate::message::{FailureReason, Known, Outcome};

/// The destination's states of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DestinationState {
    /// Recorded durably; the work has not begun.
    Recorded,
    /// The work runs, or was running when this host stopped.
    Running,
    /// The work has ended; the originator has not acknowledged the completion.
    FinishedUnreported,
    /// Final: the originator has acknowledged the completion.
    Reported,
    /// Final: reporting was given up; the result is kept and can be asked for (ET-46).
    Parked,
}

impl DestinationState {
    /// Every state, in the order of declaration.
    pub const ALL: [Self; 5] = [
        Self::Recorded,
        Self::Running,
        Self::FinishedUnreported,
        Self::Reported,
        Self::Parked,
    ];

    /// The name on the wire, in histories, logs and records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Running => "running",
            Self::FinishedUnreported => "finished-unreported",
            Self::Reported => "reported",
            Self::Parked => "parked",
        }
    }

    /// The state of that name, if there is one.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether nothing can change it any more (ET-58).
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Reported | Self::Parked)
    }

    /// Whether the work has ended.
    #[must_use]
    pub const fn has_outcome(self) -> bool {
        matches!(
            self,
            Self::FinishedUnreported | Self::Reported | Self::Parked
        )
    }
}

/// What may happen to a task at its destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DestinationEvent {
    /// The same task has arrived again.
    Repeated,
    /// Its turn has come: the work is about to begin.
    Started,
    /// The work has ended.
    Ended(Outcome),
    /// An operator stops it.
    Cancelled,
    /// This host came up again and found the task recorded.
    Recovered {
        /// Whether work of its kind may be started a second time (ET-54).
        restartable: bool,
    },
    /// The originator acknowledged the completion.
    Acknowledged,
    /// The originator does not know the task (ET-55).
    Disowned,
    /// The last attempt at reporting ended without an acknowledgement.
    RetriesEnded,
}

impl DestinationEvent {
    /// The name in messages and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Repeated => "repeated",
            Self::Started => "started",
            Self::Ended(_) => "ended",
            Self::Cancelled => "cancelled",
            Self::Recovered { restartable: false } => "recovered",
            Self::Recovered { restartable: true } => "recovered(restartable)",
            Self::Acknowledged => "acknowledged",
            Self::Disowned => "disowned",
            Self::RetriesEnded => "retries-ended",
        }
    }
}

/// What the shell does after a transition has been recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DestinationEffect {
    /// Put the task into the queue of its link.
    Queue,
    /// Begin the work.
    Run,
    /// Stop the work if it runs.
    Stop,
    /// Begin to report the outcome to the originator.
    Report,
    /// Answer with the stored acknowledgement and the state by now.
    AcceptAgain,
    /// Tell the operator that the result could not be reported (ET-46).
    Alert,
}

/// What is recorded about the progress of a task at its destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DestinationTask {
    /// The state.
    pub state: DestinationState,
    /// How the work ended; present exactly when the state says that it has.
    pub outcome: Option<Outcome>,
    /// How often the work was begun.
    pub starts: u32,
    /// When the work ended, in milliseconds since 1970 by this host's wall clock.
    pub ended_ms: Option<i64>,
}

impl Default for DestinationTask {
    fn default() -> Self {
        Self {
            state: DestinationState::Recorded,
            outcome: None,
            starts: 0,
            ended_ms: None,
        }
    }
}

impl DestinationTask {
    /// The whole table. Pure: the same arguments give the same result.
    ///
    /// # Errors
    /// [`Illegal`] when the event must not happen in the state; the task is as before.
    pub fn on(
        self,
        event: DestinationEvent,
        now: Timestamp,
    ) -> Result<(Self, &'static [DestinationEffect]), Illegal> {
        use DestinationEffect as Effect;
        use DestinationEvent as Event;
        use DestinationState as State;
        match (self.state, event) {
            // ET-42: a repeated id never starts the work again and is never an error.
            (_, Event::Repeated) => Ok((self, &[Effect::AcceptAgain])),

            (State::Recorded, Event::Started) => Ok((self.begun(), &[Effect::Run])),
            (State::Running, Event::Ended(outcome)) => {
                Ok((self.ended(outcome, now), &[Effect::Report]))
            }
            (State::Recorded | State::Running, Event::Cancelled) => {
                let ended = self.ended(Outcome::Cancelled, now);
                Ok((ended, &[Effect::Stop, Effect::Report]))
            }
            // The work ended while an operator's stop was on its way: the stop came first.
            (State::FinishedUnreported | State::Reported | State::Parked, Event::Ended(_)) => {
                Ok((self, &[]))
            }

            // ET-53: everything that was acknowledged is taken up again.
            (State::Recorded, Event::Recovered { .. }) => Ok((self, &[Effect::Queue])),
            (State::Running, Event::Recovered { restartable: true }) => {
                Ok((self.begun(), &[Effect::Run]))
            }
            // ET-54: what was interrupted is reported as such.
            (State::Running, Event::Recovered { restartable: false }) => {
                let interrupted = Outcome::Failed(FailureReason::Interrupted);
                Ok((self.ended(interrupted, now), &[Effect::Report]))
            }
            (State::FinishedUnreported, Event::Recovered { .. }) => Ok((self, &[Effect::Report])),
            (State::Reported | State::Parked, Event::Recovered { .. }) => Ok((self, &[])),

            (State::FinishedUnreported, Event::Acknowledged) => Ok((self.at(State::Reported), &[])),
            // ET-46, ET-55: given up, but kept.
            (State::FinishedUnreported, Event::Disowned | Event::RetriesEnded) => {
                Ok((self.at(State::Parked), &[Effect::Alert]))
            }
            // ET-58: final; what comes late changes nothing.
            (
                State::Reported | State::Parked,
                Event::Acknowledged | Event::Disowned | Event::RetriesEnded,
            ) => Ok((self, &[])),

            (state, event) => Err(Illegal {
                state: state.name(),
                event: event.name(),
            }),
        }
    }

    /// What an acknowledgement or a status answer says about the task.
    #[must_use]
    pub const fn known(&self) -> Known {
        Known {
            state: self.state,
            outcome: self.outcome,
        }
    }

    const fn at(self, state: DestinationState) -> Self {
        Self { state, ..self }
    }

    const fn begun(self) -> Self {
        Self {
            state: DestinationState::Running,
            starts: self.starts.saturating_add(1),
            ..self
        }
    }

    fn ended(self, outcome: Outcome, now: Timestamp) -> Self {
        Self {
            state: DestinationState::FinishedUnreported,
            outcome: Some(outcome),
            ended_ms: Some(now.as_millisecond()),
            ..self
        }
    }
}
