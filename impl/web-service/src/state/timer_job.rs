//! A timer job: the one-time execution unit of an import job, in the configuration database.

use serde::{Deserialize, Serialize};

use super::Illegal;

/// The states of a timer job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TimerState {
    /// Created with its import job; nothing runs it (CD-21).
    Stopped,
    /// `RunJob` was called; the next timer service that looks runs it.
    Due,
    /// A timer service runs it.
    Running,
    /// Final: it has run, once and for all (CD-22).
    Done,
    /// Final: it will never run.
    Withdrawn,
}

impl TimerState {
    /// Every state, in the order of declaration.
    pub const ALL: [Self; 5] = [
        Self::Stopped,
        Self::Due,
        Self::Running,
        Self::Done,
        Self::Withdrawn,
    ];

    /// The name in histories, logs and records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Due => "due",
            Self::Running => "running",
            Self::Done => "done",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// One life of one server's timer service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The server's name.
    pub server: String,
    /// Which start of its timer service, counted from 1.
    pub life: u64,
}

/// What may happen to a timer job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimerEvent {
    /// `RunJob` was called.
    Run,
    /// A timer service takes it.
    Claimed(Owner),
    /// A timer service takes it from an owner whose lease has ended, or from a life of its own
    /// that has.
    TakenOver(Owner),
    /// Its owner gives a sign of life.
    Renewed(Owner),
    /// Its owner has run it to the end.
    Ended(Owner),
    /// It is not to run: its import job was cancelled or has expired.
    Withdrawn,
}

impl TimerEvent {
    /// The name in messages and tables.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Claimed(_) => "claimed",
            Self::TakenOver(_) => "taken-over",
            Self::Renewed(_) => "renewed",
            Self::Ended(_) => "ended",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// What is recorded about a timer job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimerProgress {
    /// The state.
    pub state: TimerState,
    /// Whose it is; present once it has been claimed.
    pub owner: Option<Owner>,
}

impl Default for TimerProgress {
    fn default() -> Self {
        Self {
            state: TimerState::Stopped,
            owner: None,
        }
    }
}

impl TimerProgress {
    /// The whole table. Pure: the same arguments give the same result.
    ///
    /// # Errors
    /// [`Illegal`] when the event must not happen in the state; the timer job is as before.
    pub fn on(&self, event: &TimerEvent) -> Result<Self, Illegal> {
        use TimerEvent as Event;
        use TimerState as State;
        match (self.state, event) {
            // CD-22, CD-24: once, and from here only.
            (State::Stopped, Event::Run) => Ok(self.at(State::Due)),
            (State::Due, Event::Claimed(owner)) | (State::Running, Event::TakenOver(owner)) => {
                Ok(Self {
                    state: State::Running,
                    owner: Some(owner.clone()),
                })
            }
            (State::Running, Event::Renewed(owner)) if self.belongs_to(owner) => Ok(self.clone()),
            (State::Running, Event::Ended(owner)) if self.belongs_to(owner) => {
                Ok(self.at(State::Done))
            }
            (State::Stopped | State::Due, Event::Withdrawn) => Ok(self.at(State::Withdrawn)),
            // Nothing of it runs any more.
            (State::Done | State::Withdrawn, Event::Withdrawn) => Ok(self.clone()),
            (state, event) => Err(Illegal {
                state: state.name(),
                event: event.name(),
            }),
        }
    }

    /// Whether `owner` holds it.
    #[must_use]
    pub fn belongs_to(&self, owner: &Owner) -> bool {
        self.owner.as_ref() == Some(owner)
    }

    fn at(&self, state: TimerState) -> Self {
        Self {
            state,
            ..self.clone()
        }
    }
}
