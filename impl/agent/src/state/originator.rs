//! A task as the environment that sent it sees it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{DestinationState, Illegal};
use crate::message::{FailureReason, Known, Outcome, Reason};

/// The originator's states of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OriginatorState {
    /// Recorded here; its message has not been sent. Parts may be on their way.
    Prepared,
    /// Its message may have been sent; no acknowledgement has come.
    Sending,
    /// The destination has recorded it.
    Accepted,
    /// It was sent, and what became of it is not known (ET-49).
    InDoubt,
    /// Final: the work was done.
    Completed,
    /// Final: the work was not done, or not to its end.
    Failed,
    /// Final: an operator of the destination stopped it.
    Cancelled,
    /// Final: the destination refused it.
    Rejected,
}

impl OriginatorState {
    /// Every state, in the order of declaration.
    pub const ALL: [Self; 8] = [
        Self::Prepared,
        Self::Sending,
        Self::Accepted,
        Self::InDoubt,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
        Self::Rejected,
    ];

    /// The name in histories, logs and records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Prepared => "prepared",
            Self::Sending => "sending",
            Self::Accepted => "accepted",
            Self::InDoubt => "in-doubt",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Rejected => "rejected",
        }
    }

    /// Whether nothing can change it any more (ET-58).
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(
            self,
            Self::Completed | Self::Failed | Self::Cancelled | Self::Rejected
        )
    }
}

/// How a task ended, as its originator knows it: the answer to whoever waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Settled {
    /// It ended at the destination, or failed here before it was sent.
    Ended(Outcome),
    /// The destination refused it.
    Rejected(Reason),
}

/// What may happen to a task at its originator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OriginatorEvent {
    /// The connection that carries the task's message is about to be opened.
    Sent,
    /// The destination acknowledged: it has recorded the task.
    Accepted,
    /// The destination refused the task, or the session for it.
    Rejected(Reason),
    /// The last attempt at sending ended without an acknowledgement.
    RetriesEnded,
    /// The task's deadline has passed.
    DeadlineExpired,
    /// The destination reports the end.
    Completed(Outcome),
    /// The destination answered a status query; `None` when it does not know the task.
    Status(Option<Known>),
    /// It cannot be sent at all, for a reason found here.
    FailedHere(FailureReason),
}

impl OriginatorEvent {
    /// The name in messages and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Accepted => "accepted",
            Self::Rejected(_) => "rejected",
            Self::RetriesEnded => "retries-ended",
            Self::DeadlineExpired => "deadline-expired",
            Self::Completed(_) => "completed",
            Self::Status(None) => "status(unknown)",
            Self::Status(Some(Known { outcome: None, .. })) => "status(open)",
            Self::Status(Some(Known {
                outcome: Some(_), ..
            })) => "status(ended)",
            Self::FailedHere(_) => "failed-here",
        }
    }
}

/// What the shell does after a transition has been recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OriginatorEffect {
    /// Send the task's message.
    Send,
    /// Wait for the completion, for as long as the deadline allows.
    AwaitCompletion,
    /// Ask the destination for its recorded state.
    AskStatus,
    /// Answer the completion with an acknowledgement.
    Acknowledge,
    /// Tell whoever waits; let go of the tasks that wait for this one.
    Settle,
}

/// What is recorded about the progress of a task at its originator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OriginatorTask {
    /// The state.
    pub state: OriginatorState,
    /// When the acceptance became known, in milliseconds since 1970 by this host's wall clock.
    pub accepted_ms: Option<i64>,
    /// How it ended; present exactly in the final states.
    pub settled: Option<Settled>,
}

impl Default for OriginatorTask {
    fn default() -> Self {
        Self {
            state: OriginatorState::Prepared,
            accepted_ms: None,
            settled: None,
        }
    }
}

impl OriginatorTask {
    /// The whole table. Pure: the same arguments give the same result.
    ///
    /// # Errors
    /// [`Illegal`] when the event must not happen in the state; the task is as before.
    pub fn on(
        self,
        event: OriginatorEvent,
        now: Timestamp,
    ) -> Result<(Self, &'static [OriginatorEffect]), Illegal> {
        use OriginatorEffect as Effect;
        use OriginatorEvent as Event;
        use OriginatorState as State;
        let illegal = Illegal {
            state: self.state.name(),
            event: event.name(),
        };
        match (self.state, event) {
            // ET-58: a final state never changes; what confirms it is a no-op, what contradicts
            // it is an error of the sender.
            (state, event) if state.is_final() => self.on_after_end(event).ok_or(illegal),

            (State::Prepared | State::Sending, Event::Sent) => {
                Ok((self.at(State::Sending), &[Effect::Send]))
            }
            (
                State::Sending,
                Event::Accepted | Event::Status(Some(Known { outcome: None, .. })),
            ) => Ok((
                self.at(State::Accepted).accepted(now),
                &[Effect::AwaitCompletion],
            )),
            (
                State::Accepted,
                Event::Accepted | Event::Status(Some(Known { outcome: None, .. })),
            ) => Ok((self, &[])),
            // The destination works on it still: doubt ends with the outcome, not before.
            (
                State::InDoubt,
                Event::Accepted | Event::Status(Some(Known { outcome: None, .. })),
            ) => Ok((self.accepted(now), &[])),
            (State::Prepared | State::Sending, Event::Rejected(reason)) => {
                Ok((self.settled(Settled::Rejected(reason)), &[Effect::Settle]))
            }
            (State::Prepared, Event::FailedHere(reason)) => {
                let settled = Settled::Ended(Outcome::Failed(reason));
                Ok((self.settled(settled), &[Effect::Settle]))
            }

            // ET-51: what became of it is asked, never guessed.
            (State::Sending, Event::RetriesEnded) => {
                Ok((self.at(State::InDoubt), &[Effect::AskStatus]))
            }
            // ET-49: an expired deadline is doubt, never failure.
            (State::Accepted, Event::DeadlineExpired) => {
                Ok((self.at(State::InDoubt), &[Effect::AskStatus]))
            }
            (State::Accepted | State::InDoubt, Event::RetriesEnded)
            | (State::Sending | State::InDoubt, Event::DeadlineExpired)
            | (State::Prepared | State::Sending, Event::Status(None)) => Ok((self, &[])),
            // ET-52: the destination's record is authoritative, also when it has none.
            (State::InDoubt, Event::Status(None)) => Ok((self.forgotten(), &[Effect::Send])),
            (State::Accepted, Event::Status(None)) => {
                Ok((self.at(State::InDoubt), &[Effect::AskStatus]))
            }

            // ET-48: a completion may come before the acceptance.
            (State::Sending | State::Accepted | State::InDoubt, Event::Completed(outcome)) => {
                let settled = Settled::Ended(outcome);
                Ok((
                    self.settled(settled),
                    &[Effect::Acknowledge, Effect::Settle],
                ))
            }
            (
                State::Sending | State::Accepted | State::InDoubt,
                Event::Status(Some(Known {
                    outcome: Some(outcome),
                    ..
                })),
            ) => Ok((self.settled(Settled::Ended(outcome)), &[Effect::Settle])),

            (_, _) => Err(illegal),
        }
    }

    /// What a final state answers; `None` when the event contradicts it.
    fn on_after_end(self, event: OriginatorEvent) -> Option<(Self, &'static [OriginatorEffect])> {
        use OriginatorEffect as Effect;
        use OriginatorEvent as Event;
        match event {
            Event::Completed(outcome) if self.settled == Some(Settled::Ended(outcome)) => {
                Some((self, &[Effect::Acknowledge]))
            }
            Event::Status(Some(Known {
                outcome: Some(outcome),
                ..
            })) if self.settled != Some(Settled::Ended(outcome)) => None,
            Event::Accepted | Event::RetriesEnded | Event::DeadlineExpired | Event::Status(_) => {
                Some((self, &[]))
            }
            Event::Sent | Event::Rejected(_) | Event::Completed(_) | Event::FailedHere(_) => None,
        }
    }

    /// Whether the destination is known to have recorded the task.
    #[must_use]
    pub const fn is_accepted(&self) -> bool {
        self.accepted_ms.is_some() || matches!(self.settled, Some(Settled::Ended(_)))
    }

    const fn at(self, state: OriginatorState) -> Self {
        Self { state, ..self }
    }

    /// To be sent again, under the same id: the deadline counts from the next acceptance.
    const fn forgotten(self) -> Self {
        Self {
            state: OriginatorState::Sending,
            accepted_ms: None,
            ..self
        }
    }

    fn accepted(self, now: Timestamp) -> Self {
        Self {
            accepted_ms: self.accepted_ms.or(Some(now.as_millisecond())),
            ..self
        }
    }

    const fn settled(self, settled: Settled) -> Self {
        let state = match settled {
            Settled::Ended(Outcome::Succeeded) => OriginatorState::Completed,
            Settled::Ended(Outcome::Failed(_)) => OriginatorState::Failed,
            Settled::Ended(Outcome::Cancelled) => OriginatorState::Cancelled,
            Settled::Rejected(_) => OriginatorState::Rejected,
        };
        Self {
            state,
            settled: Some(settled),
            ..self
        }
    }
}

impl Known {
    /// What a destination in that state says, if the outcome belongs to the state.
    #[must_use]
    pub const fn new(state: DestinationState, outcome: Option<Outcome>) -> Option<Self> {
        if state.has_outcome() == outcome.is_some() {
            Some(Self { state, outcome })
        } else {
            None
        }
    }
}
