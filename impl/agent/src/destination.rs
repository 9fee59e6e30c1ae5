//! The receiving side of one link: its tasks, their records, and what drives them.
//!
//! Requests arrive at the remote port ([`TaskDesk`]); each accepted task is driven from its record
//! to the acknowledged completion ([`Destination::drive`]). Every move goes through
//! [`Destination::apply`]: transition, durable record, announcement, in that order.

mod desk;
mod drive;
mod preflight;
mod report;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use portcullis_store::Store;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, watch};

use crate::config::EarlierLink;
use crate::error::{CancelError, UnknownTask};
use crate::message::{FailureReason, Known, ObjectId, Outcome, TaskId};
use crate::observe::{AgentEvent, Machine};
use crate::records::InboundTask;
use crate::services::Services;
use crate::state::{DestinationEffect, DestinationEvent, DestinationState, DestinationTask};
use crate::work::{Executor, Job, Work};

pub(crate) use desk::TaskDesk;

/// The receiving side of one link.
#[derive(Debug)]
pub(crate) struct Destination<N, S, W> {
    services: Arc<Services<N, S, W>>,
    link: EarlierLink,
    ledger: Mutex<Ledger>,
    /// One permit for each independent task that may run.
    independent: Semaphore,
    /// Held while the way back is tried: one preflight at a time (ET-81).
    probing: Mutex<()>,
    /// The parts that are being written.
    arriving: std::sync::Mutex<BTreeSet<(ObjectId, u32)>>,
    /// One permit for each connection that may be open.
    turns: Arc<Semaphore>,
}

/// What is known about the tasks of a link.
#[derive(Debug, Default)]
struct Ledger {
    entries: BTreeMap<TaskId, Entry>,
    /// The order of acceptance.
    order: BTreeMap<u64, TaskId>,
    /// The same of those that keep to it (ET-56).
    ordered: BTreeMap<u64, TaskId>,
    /// How many have not begun.
    waiting: usize,
}

#[derive(Debug)]
struct Entry {
    record: InboundTask,
    progress: watch::Sender<DestinationTask>,
    /// Held from one state to the next: moves of one task follow each other, and those of many
    /// tasks share the store's syncs.
    moving: Arc<Mutex<()>>,
}

/// Why an event had no effect.
#[derive(Debug)]
pub(crate) enum Unapplied {
    Unknown,
    Illegal,
    Store,
}

impl<N, S: Store, W> Destination<N, S, W> {
    /// The receiving side of `link`, without tasks.
    pub(crate) fn new(services: Arc<Services<N, S, W>>, link: EarlierLink) -> Self {
        let limits = services.config.limits;
        Self {
            services,
            link,
            ledger: Mutex::default(),
            probing: Mutex::default(),
            independent: Semaphore::new(limits.independent_at_a_time),
            arriving: std::sync::Mutex::default(),
            turns: Arc::new(Semaphore::new(limits.connections_at_a_time.max(1))),
        }
    }

    /// Waits for the right to one of the link's connections. ET-24: a peer that counts them is not
    /// given more than it takes.
    async fn next_connection(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.turns).acquire_owned().await.ok()
    }

    /// The link.
    pub(crate) const fn link(&self) -> &EarlierLink {
        &self.link
    }

    /// Takes up a record of an earlier run. ET-53
    pub(crate) async fn recover(&self, record: InboundTask) {
        let (progress, reason) = (record.progress, reason(record.progress));
        self.services.announce(&AgentEvent::Found {
            machine: Machine::DestinationTask,
            task: record.task.id.clone(),
            peer: self.link.name.clone(),
            state: progress.state.name(),
            outcome: progress.outcome,
            reason,
        });
        self.ledger.lock().await.insert(record);
    }

    /// Tells each recovered task that the host came up again; returns what is to be driven on, in
    /// the order of acceptance, with what comes next.
    pub(crate) async fn resume(&self) -> Vec<(TaskId, DestinationEffect)>
    where
        W: Work,
    {
        let recovered: Vec<_> = {
            let ledger = self.ledger.lock().await;
            let kind =
                |task: &TaskId| Some(ledger.entries.get(task)?.record.task.assignment.kind());
            let order = ledger.order.values();
            order
                .filter_map(|task| Some((task.clone(), kind(task)?)))
                .collect()
        };
        let mut resumed = Vec::new();
        for (task, kind) in recovered {
            self.end_left(&task).await;
            // ET-54: only kinds that the operator declares restartable are started again.
            let restartable = self.services.config.restartable.contains(&kind);
            let effects = loop {
                match self
                    .apply(&task, DestinationEvent::Recovered { restartable })
                    .await
                {
                    Ok(effects) => break effects,
                    Err(Unapplied::Store) => tokio::time::sleep(drive::STORE_REST).await,
                    Err(Unapplied::Unknown | Unapplied::Illegal) => break &[],
                }
            };
            if let Some(next) = effects.first() {
                resumed.push((task, *next));
            }
        }
        resumed
    }

    /// ET-54: work that is reported as interrupted or cancelled does not go on behind the report,
    /// and work that is begun again does not run beside itself.
    async fn end_left(&self, task: &TaskId)
    where
        W: Work,
    {
        let progress = {
            let ledger = self.ledger.lock().await;
            ledger.entries.get(task).map(|entry| entry.record.progress)
        };
        let was_stopped = progress.is_some_and(|progress| match progress.state {
            DestinationState::Running => true,
            DestinationState::FinishedUnreported => progress.outcome == Some(Outcome::Cancelled),
            DestinationState::Recorded | DestinationState::Reported | DestinationState::Parked => {
                false
            }
        });
        if was_stopped {
            let job = Job {
                from: self.link.name.clone(),
                task: task.clone(),
            };
            self.services.work.executor().end_left(&job).await;
        }
    }

    /// One event: transition, durable record, announcement.
    ///
    /// # Errors
    /// When the task is not known, the event is illegal, or the store refuses; nothing has changed.
    async fn apply(
        &self,
        task: &TaskId,
        event: DestinationEvent,
    ) -> Result<&'static [DestinationEffect], Unapplied> {
        let moving = {
            let ledger = self.ledger.lock().await;
            let entry = ledger.entries.get(task).ok_or(Unapplied::Unknown)?;
            Arc::clone(&entry.moving)
        };
        let _one_at_a_time = moving.lock().await;
        let mut record = self.record_of(task).await.ok_or(Unapplied::Unknown)?;
        let before = record.progress;
        let (after, effects) = before
            .on(event, self.services.now())
            .map_err(|_| Unapplied::Illegal)?;
        if after == before {
            return Ok(effects);
        }
        record.progress = after;
        record.version = record.version.saturating_add(1);
        self.services
            .record(&record, record.version)
            .await
            .map_err(|_| Unapplied::Store)?;
        let mut ledger = self.ledger.lock().await;
        if after.state != before.state {
            self.announce_state(task, before.state.name(), after);
        }
        ledger.put(record);
        Ok(effects)
    }

    async fn record_of(&self, task: &TaskId) -> Option<InboundTask> {
        let ledger = self.ledger.lock().await;
        ledger.entries.get(task).map(|entry| entry.record.clone())
    }

    fn announce_state(&self, task: &TaskId, from: &'static str, after: DestinationTask) {
        self.services.announce(&AgentEvent::State {
            machine: Machine::DestinationTask,
            task: task.clone(),
            peer: self.link.name.clone(),
            from,
            to: after.state.name(),
            outcome: after.outcome,
            reason: reason(after),
        });
    }

    /// Stops a task before its work ends, on an operator's word.
    ///
    /// # Errors
    /// When the task is not known, its work has ended, or the store refuses.
    pub(crate) async fn cancel(&self, task: &TaskId) -> Result<(), CancelError> {
        match self.apply(task, DestinationEvent::Cancelled).await {
            Ok(_) => Ok(()),
            Err(Unapplied::Unknown) => Err(CancelError::Unknown(UnknownTask(task.clone()))),
            Err(Unapplied::Illegal) => Err(CancelError::TooLate),
            Err(Unapplied::Store) => Err(CancelError::Store),
        }
    }

    /// Every task, in the order of acceptance.
    pub(crate) async fn received(&self) -> Vec<(Job, Known)> {
        let ledger = self.ledger.lock().await;
        let entry = |task: &TaskId| {
            let known = ledger.entries.get(task)?.record.progress.known();
            let job = Job {
                from: self.link.name.clone(),
                task: task.clone(),
            };
            Some((job, known))
        };
        ledger.order.values().filter_map(entry).collect()
    }

    async fn watch(&self, task: &TaskId) -> Option<watch::Receiver<DestinationTask>> {
        let ledger = self.ledger.lock().await;
        ledger
            .entries
            .get(task)
            .map(|entry| entry.progress.subscribe())
    }
}

/// Why a task failed, if it did.
fn reason(progress: DestinationTask) -> Option<&'static str> {
    let reason = progress.outcome.and_then(Outcome::reason);
    reason.map(FailureReason::name)
}

impl Ledger {
    fn insert(&mut self, record: InboundTask) {
        self.order.insert(record.sequence, record.task.id.clone());
        if !record.task.independent {
            self.ordered.insert(record.sequence, record.task.id.clone());
        }
        self.count(None, Some(record.progress.state));
        let (progress, _) = watch::channel(record.progress);
        let task = record.task.id.clone();
        let moving = Arc::default();
        let entry = Entry {
            record,
            progress,
            moving,
        };
        self.entries.insert(task, entry);
    }

    /// Takes a task's record after a move, which is durable, and tells who follows it.
    fn put(&mut self, record: InboundTask) {
        if let Some(entry) = self.entries.get_mut(&record.task.id) {
            let (before, after) = (entry.record.progress, record.progress);
            entry.record = record;
            entry.progress.send_replace(after);
            self.count(Some(before.state), Some(after.state));
        }
    }

    /// Counts the tasks whose work has not begun.
    fn count(&mut self, before: Option<DestinationState>, after: Option<DestinationState>) {
        let waits = |state| usize::from(state == Some(DestinationState::Recorded));
        self.waiting = self
            .waiting
            .saturating_add(waits(after))
            .saturating_sub(waits(before));
    }

    /// The task whose work must have ended before that of `sequence` begins. ET-56
    fn previous_ordered(&self, sequence: u64) -> Option<&Entry> {
        let (_, previous) = self.ordered.range(..sequence).next_back()?;
        self.entries.get(previous)
    }
}
