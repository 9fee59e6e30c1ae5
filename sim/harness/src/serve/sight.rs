//! What a watcher sees of a task, as values that also cross the control channel.

use std::time::Duration;

use portcullis_agent::error::QueryError;
use portcullis_agent::message::{FailureReason, Outcome, Reason, TaskId};
use portcullis_agent::state::{DestinationState, OriginatorState, Settled};
use portcullis_agent::work::Work;
use portcullis_agent::{Agent, Progress};
use portcullis_net::Net;
use portcullis_store::Store;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::trouble::Troubles;

/// How often progress is looked at.
const GLANCE: Duration = Duration::from_millis(100);

/// How often a watched task's destination is asked.
pub(super) const ASK_EVERY: Duration = Duration::from_secs(5);

/// One thing to show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "sight", rename_all = "kebab-case")]
pub(super) enum Sight {
    /// How far the task has come, as its originator knows.
    Progress(Standing),
    /// What the destination has recorded, asked just now (ET-50).
    Recorded(Recorded),
    /// The destination does not know the task.
    NotRecorded,
    /// Nor does this environment: nobody was asked.
    NotSent,
    /// Something stands in the way of the task.
    Trouble {
        /// What, in words.
        words: String,
    },
    /// The destination gave no answer.
    NoAnswer {
        /// Why, in words.
        why: String,
    },
}

/// How far a task has come at its originator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Standing {
    /// The state.
    pub(super) state: OriginatorState,
    /// How it ended, in the final states.
    pub(super) settled: Option<Settled>,
    /// Parts acknowledged so far.
    pub(super) parts_done: u32,
    /// Parts in all; 0 for a task without files.
    pub(super) parts: u32,
}

/// What the destination has recorded of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Recorded {
    /// The state there.
    pub(super) state: DestinationState,
    /// How the work ended, when it has.
    pub(super) outcome: Option<Outcome>,
}

impl Sight {
    /// Whether the destination has ended a task of which no completion has come here.
    const fn is_unheard(&self) -> bool {
        let Self::Recorded(recorded) = self else {
            return false;
        };
        matches!(
            recorded.state,
            DestinationState::FinishedUnreported | DestinationState::Parked
        )
    }
}

impl From<Progress> for Standing {
    fn from(progress: Progress) -> Self {
        Self {
            state: progress.state,
            settled: progress.settled,
            parts_done: progress.parts_done,
            parts: progress.parts,
        }
    }
}

impl Standing {
    /// Whether the task has been sent and has not ended: then the destination can be asked.
    const fn is_away(&self) -> bool {
        matches!(
            self.state,
            OriginatorState::Accepted | OriginatorState::InDoubt
        )
    }
}

/// `succeeded`, `failed (interrupted)`.
pub(super) fn outcome_words(outcome: Outcome) -> String {
    match outcome.reason().map(FailureReason::name) {
        Some(reason) => format!("{} ({reason})", outcome.name()),
        None => outcome.name().to_owned(),
    }
}

/// A state in words, with the reason where there is one: `failed (interrupted)`.
pub(super) fn standing_words(standing: Standing) -> String {
    let reason = match standing.settled {
        Some(Settled::Ended(outcome)) => outcome.reason().map(FailureReason::name),
        Some(Settled::Rejected(reason)) => Some(Reason::name(reason)),
        None => None,
    };
    let state = standing.state.name();
    reason.map_or_else(|| state.to_owned(), |reason| format!("{state} ({reason})"))
}

/// One status query. The answer also moves the task at its originator.
pub(super) async fn ask<N: Net, S: Store, W: Work>(agent: &Agent<N, S, W>, task: &TaskId) -> Sight {
    match agent.query(task).await {
        Ok(Some(known)) => Sight::Recorded(Recorded {
            state: known.state,
            outcome: known.outcome,
        }),
        Ok(None) => Sight::NotRecorded,
        Err(QueryError::Failed(failure)) => Sight::NoAnswer {
            why: failure.to_string(),
        },
        Err(QueryError::Unknown(_)) => Sight::NotSent,
    }
}

/// Sends a sight each time that the task has moved on, until it has ended, nobody receives, or
/// `stop`, which still gets a last look. With `every`, the destination is asked that often once the
/// task has been sent.
pub(super) async fn follow<N: Net, S: Store, W: Work>(
    agent: &Agent<N, S, W>,
    troubles: &Troubles,
    task: &TaskId,
    every: Option<Duration>,
    stop: &CancellationToken,
    sights: mpsc::Sender<Sight>,
) {
    let (mut shown, mut told) = (None, None);
    let mut asked: Option<tokio::time::Instant> = None;
    while !sights.is_closed() {
        let is_last = stop.is_cancelled();
        let Ok(progress) = agent.progress(task).await else {
            drop(sights.send(Sight::NotSent).await);
            return;
        };
        let standing = Standing::from(progress);
        if shown != Some(standing) {
            shown = Some(standing);
            drop(sights.send(Sight::Progress(standing)).await);
        }
        if is_last || standing.state.is_final() {
            return;
        }
        let trouble = troubles.of(task);
        if trouble != told {
            told.clone_from(&trouble);
            if let Some(words) = trouble {
                drop(sights.send(Sight::Trouble { words }).await);
            }
        }
        let due = |every| asked.is_none_or(|asked| asked.elapsed() >= every);
        if standing.is_away() && every.is_some_and(due) {
            let answer = ask(agent, task).await;
            let is_unheard = answer.is_unheard();
            drop(sights.send(answer).await);
            // ET-80: the work is over, and only asking has brought that to light.
            if is_unheard {
                let words = troubles.way_back(task);
                drop(sights.send(Sight::Trouble { words }).await);
            }
            asked = Some(tokio::time::Instant::now());
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            () = tokio::time::sleep(GLANCE) => {}
        }
    }
}
