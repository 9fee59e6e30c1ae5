//! One task from its record to the end of its work.

use std::sync::Arc;
use std::time::Duration;

use portcullis_net::Net;
use portcullis_store::Store;
use tokio::sync::watch;
use tokio::time::sleep;

use super::{Destination, Unapplied};
use crate::message::{Assignment, Outcome, TaskId};
use crate::observe::AgentEvent;
use crate::records::InboundTask;
use crate::state::{DestinationEvent, DestinationState, DestinationTask};
use crate::work::{Executor, Job, Payload, Work};

/// How long a task rests when the store does not take its record.
pub(super) const STORE_REST: Duration = Duration::from_secs(1);

#[expect(
    clippy::multiple_inherent_impl,
    reason = "one file for each concern of the role"
)]
impl<N: Net, S: Store, W: Work> Destination<N, S, W> {
    /// Begins interrupted work a second time, then drives the task on. ET-54
    pub(crate) async fn drive_again(self: Arc<Self>, task: TaskId) {
        if let Some(mut progress) = self.watch(&task).await {
            self.run(&task, &mut progress).await;
        }
        self.drive(task).await;
    }

    /// Drives one task from wherever it is to its final state.
    pub(crate) async fn drive(self: Arc<Self>, task: TaskId) {
        let Some(mut progress) = self.watch(&task).await else {
            return;
        };
        loop {
            let state = progress.borrow_and_update().state;
            match state {
                DestinationState::Recorded => self.begin(&task, &mut progress).await,
                // Not ours to begin: whoever moved it there runs it.
                DestinationState::Running => return,
                DestinationState::FinishedUnreported => self.report(&task, &progress).await,
                DestinationState::Reported | DestinationState::Parked => return,
            }
        }
    }

    /// Waits for the task's turn, then works.
    async fn begin(&self, task: &TaskId, progress: &mut watch::Receiver<DestinationTask>) {
        let (independent, previous) = {
            let ledger = self.ledger.lock().await;
            let Some(entry) = ledger.entries.get(task) else {
                return;
            };
            let independent = entry.record.task.independent;
            let previous = ledger.previous_ordered(entry.record.sequence);
            (
                independent,
                previous.map(|entry| entry.progress.subscribe()),
            )
        };
        let turn = async {
            match (independent, previous) {
                (true, _) => self.independent.acquire().await.ok(),
                // ET-56: in the order of acceptance, one at a time.
                (false, Some(mut previous)) => {
                    let ended = |task: &DestinationTask| task.state.has_outcome();
                    drop(previous.wait_for(ended).await);
                    None
                }
                (false, None) => None,
            }
        };
        let permit = tokio::select! {
            biased;
            _ = progress.wait_for(|task| task.state != DestinationState::Recorded) => return,
            permit = turn => permit,
        };
        match self.apply(task, DestinationEvent::Started).await {
            Ok(_) => self.run(task, progress).await,
            Err(Unapplied::Store) => sleep(STORE_REST).await,
            Err(Unapplied::Unknown | Unapplied::Illegal) => {}
        }
        drop(permit);
    }

    /// The work itself, until it ends or an operator stops it.
    async fn run(&self, task: &TaskId, progress: &mut watch::Receiver<DestinationTask>) {
        let Some((record, start)) = self.started(task).await else {
            return;
        };
        self.services.announce(&AgentEvent::WorkStarted {
            task: task.clone(),
            peer: self.link.name.clone(),
            kind: record.task.assignment.kind(),
            start,
        });
        let outcome = tokio::select! {
            biased;
            // Dropping the work stops it.
            _ = progress.wait_for(|task| task.state != DestinationState::Running) => {
                Outcome::Cancelled
            }
            outcome = self.work(&record) => outcome,
        };
        self.services.announce(&AgentEvent::WorkEnded {
            task: task.clone(),
            peer: self.link.name.clone(),
            outcome,
        });
        // The outcome is durable before anybody is told of it.
        while let Err(Unapplied::Store) = self.apply(task, DestinationEvent::Ended(outcome)).await {
            sleep(STORE_REST).await;
        }
    }

    async fn started(&self, task: &TaskId) -> Option<(InboundTask, u32)> {
        let ledger = self.ledger.lock().await;
        let record = ledger.entries.get(task)?.record.clone();
        let start = record.progress.starts;
        Some((record, start))
    }

    async fn work(&self, record: &InboundTask) -> Outcome {
        let task = &record.task;
        let job = Job {
            from: record.from.clone(),
            task: task.id.clone(),
        };
        match &task.assignment {
            Assignment::Transfer {
                object,
                parts,
                digest,
            } => {
                let object = self.scoped(object);
                match self
                    .services
                    .work
                    .payload()
                    .commit(&object, *parts, *digest, &job)
                    .await
                {
                    Ok(()) => Outcome::Succeeded,
                    Err(error) => Outcome::Failed(error.reason()),
                }
            }
            Assignment::Deploy { command } | Assignment::Execute { command } => {
                self.services.work.executor().run(&job, command).await
            }
        }
    }
}
