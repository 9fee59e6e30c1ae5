//! The sending side of one link: its tasks, their records, and what drives them.
//!
//! One task of the host drives each task of the link from its state to the next
//! ([`Originator::drive`]); completions arrive at the local port and move the same records
//! ([`CompletionDesk`]). Every move goes through [`Originator::apply`]: transition, durable record,
//! announcement, in that order.

mod completion;
mod drive;
mod part;
mod preflight;
mod turn;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use portcullis_store::{Batch, OperationId, Record, Store, StoreError};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, watch};

use crate::agent::{Progress, SubmitRequest};
use crate::config::LaterLink;
use crate::error::SubmitError;
use crate::message::{Digest, FailureReason, Outcome, Reason, TaskId};
use crate::observe::{AgentEvent, Machine};
use crate::records::{OutboundFiles, OutboundTask, RecordedOrder};
use crate::services::Services;
use crate::state::{
    Illegal, OriginatorEffect, OriginatorEvent, OriginatorState, OriginatorTask, Settled,
};
use crate::work::Manifest;

pub(crate) use completion::CompletionDesk;

/// The sending side of one link.
#[derive(Debug)]
pub(crate) struct Originator<N, S, W> {
    services: Arc<Services<N, S, W>>,
    link: LaterLink,
    ledger: Mutex<Ledger>,
    /// Held while a greeting is under way, so that there is one a session.
    greeting: Mutex<()>,
    /// Whether the probe of a preflight has come.
    arrivals: preflight::Arrivals,
    /// One permit for each connection that may be open.
    turns: Arc<Semaphore>,
}

/// What is known about the tasks of a link.
#[derive(Debug, Default)]
struct Ledger {
    entries: BTreeMap<TaskId, Entry>,
    /// The order of submission.
    order: BTreeMap<u64, TaskId>,
    /// The same of those that keep to it (ET-56).
    ordered: BTreeMap<u64, TaskId>,
    /// The places of the tasks that have not ended.
    open: BTreeSet<u64>,
    /// Those of them that are in doubt (ET-51).
    in_doubt: BTreeSet<u64>,
    /// The last place in the order of submission that was given away.
    last: u64,
    /// Whether a session is open: the greeting was acknowledged, no attempt has failed since, and
    /// some task is not in a final state (ET-12).
    greeted: bool,
}

#[derive(Debug)]
struct Entry {
    record: OutboundTask,
    /// The parts that the destination has acknowledged.
    parts: BTreeMap<u32, Digest>,
    progress: watch::Sender<OriginatorTask>,
    /// Held from one state to the next: moves of one task follow each other, and those of many
    /// tasks share the store's syncs.
    moving: Arc<Mutex<()>>,
}

/// Why an event had no effect.
#[derive(Debug)]
pub(crate) enum Unapplied {
    Unknown,
    Illegal(Illegal),
    Store,
}

/// What a task is to do, with what was found out about its files.
pub(crate) struct Prepared {
    pub(crate) order: RecordedOrder,
    pub(crate) manifest: Option<Manifest>,
}

#[expect(
    clippy::multiple_inherent_impl,
    reason = "one file for each concern of the role"
)]
impl<N, S: Store, W> Originator<N, S, W> {
    /// The sending side of `link`, without tasks.
    pub(crate) fn new(services: Arc<Services<N, S, W>>, link: LaterLink) -> Self {
        let turns = Semaphore::new(services.config.limits.connections_at_a_time.max(1));
        Self {
            services,
            link,
            arrivals: preflight::Arrivals::default(),
            ledger: Mutex::default(),
            greeting: Mutex::default(),
            turns: Arc::new(turns),
        }
    }

    /// Waits for the right to one of the link's connections. ET-24: a peer that counts them is not
    /// given more than it takes.
    async fn next_connection(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.turns).acquire_owned().await.ok()
    }

    /// The link.
    pub(crate) const fn link(&self) -> &LaterLink {
        &self.link
    }

    /// Takes up a record of an earlier run. ET-53
    pub(crate) async fn recover(&self, record: OutboundTask, parts: BTreeMap<u32, Digest>) {
        let (outcome, reason) = ended(record.progress);
        self.services.announce(&AgentEvent::Found {
            machine: Machine::OriginatorTask,
            task: record.task.clone(),
            peer: self.link.name.clone(),
            state: record.progress.state.name(),
            outcome,
            reason,
        });
        self.ledger.lock().await.insert(record, parts);
    }

    /// Records a new task; durable when it returns.
    ///
    /// # Errors
    /// When the id is taken, the predecessor is not known, or the store refuses.
    pub(crate) async fn prepare_record(
        &self,
        task: TaskId,
        request: &SubmitRequest,
        prepared: Prepared,
    ) -> Result<(), SubmitError> {
        let sequence = self.next_place(request.after.as_ref()).await?;
        let record = OutboundTask {
            task: task.clone(),
            to: self.link.name.clone(),
            sequence,
            independent: request.independent,
            after: request.after.clone(),
            order: prepared.order,
            progress: OriginatorTask::default(),
            version: 0,
        };
        // Named by content as well as by id: the same submission may be repeated after a refusal.
        let operation = OperationId::new(format!("submit/{task}/{}", self.services.new_id()));
        let mut batch = Batch::new(operation).expect_absent::<OutboundTask>(task.as_str());
        let mut written = vec![(OutboundTask::TABLE, record.key())];
        if let Some(manifest) = prepared.manifest {
            let files = OutboundFiles {
                task: task.clone(),
                manifest,
            };
            written.push((OutboundFiles::TABLE, files.key()));
            batch = batch.put(&files).map_err(SubmitError::Store)?;
        }
        let batch = batch.put(&record).map_err(SubmitError::Store)?;
        self.services
            .commit(batch, &written)
            .await
            .map_err(|error| {
                if matches!(error, StoreError::Refused(_)) {
                    SubmitError::Conflict
                } else {
                    SubmitError::Store(error)
                }
            })?;
        self.announce_state(&task, "", record.progress);
        self.ledger.lock().await.insert(record, BTreeMap::new());
        Ok(())
    }

    /// The next place in the order of submission, for a task to be sent after another one.
    async fn next_place(&self, after: Option<&TaskId>) -> Result<u64, SubmitError> {
        let mut ledger = self.ledger.lock().await;
        if after.is_some_and(|after| !ledger.entries.contains_key(after)) {
            return Err(SubmitError::UnknownPredecessor);
        }
        ledger.last = ledger.last.saturating_add(1);
        Ok(ledger.last)
    }

    /// Whether `request` asks for exactly what is recorded under `task`; `None` when nothing is.
    pub(crate) async fn repeats(&self, task: &TaskId, request: &SubmitRequest) -> Option<bool> {
        let ledger = self.ledger.lock().await;
        let record = &ledger.entries.get(task)?.record;
        let same_order = match (&record.order, &request.order) {
            (RecordedOrder::Transfer { source, .. }, crate::Order::Transfer { source: wanted }) => {
                source == wanted
            }
            (RecordedOrder::Deploy { command }, crate::Order::Deploy { command: wanted })
            | (RecordedOrder::Execute { command }, crate::Order::Execute { command: wanted }) => {
                command == wanted
            }
            _ => false,
        };
        let same_place = record.after == request.after && record.independent == request.independent;
        Some(same_order && same_place && record.to == request.to)
    }

    /// One event: transition, durable record, announcement.
    ///
    /// # Errors
    /// When the task is not known, the event is illegal, or the store refuses; nothing has changed.
    async fn apply(
        &self,
        task: &TaskId,
        event: OriginatorEvent,
    ) -> Result<&'static [OriginatorEffect], Unapplied> {
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
            .map_err(Unapplied::Illegal)?;
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

    async fn record_of(&self, task: &TaskId) -> Option<OutboundTask> {
        let ledger = self.ledger.lock().await;
        ledger.entries.get(task).map(|entry| entry.record.clone())
    }

    fn announce_state(&self, task: &TaskId, from: &'static str, after: OriginatorTask) {
        let (outcome, reason) = ended(after);
        self.services.announce(&AgentEvent::State {
            machine: Machine::OriginatorTask,
            task: task.clone(),
            peer: self.link.name.clone(),
            from,
            to: after.state.name(),
            outcome,
            reason,
        });
    }

    /// Follows the progress of a task.
    pub(crate) async fn watch(&self, task: &TaskId) -> Option<watch::Receiver<OriginatorTask>> {
        let ledger = self.ledger.lock().await;
        ledger
            .entries
            .get(task)
            .map(|entry| entry.progress.subscribe())
    }

    /// How far a task has come.
    pub(crate) async fn progress(&self, task: &TaskId) -> Option<Progress> {
        self.ledger
            .lock()
            .await
            .entries
            .get(task)
            .map(Entry::progress)
    }

    /// Every task, in the order of submission.
    pub(crate) async fn tasks(&self) -> Vec<(TaskId, Progress)> {
        let ledger = self.ledger.lock().await;
        let entry = |task: &TaskId| Some((task.clone(), ledger.entries.get(task)?.progress()));
        ledger.order.values().filter_map(entry).collect()
    }

    /// The tasks that are not in a final state, in the order of submission.
    pub(crate) async fn open_tasks(&self) -> Vec<TaskId> {
        let tasks = self.tasks().await.into_iter();
        tasks
            .filter(|(_, progress)| !progress.state.is_final())
            .map(|(task, _)| task)
            .collect()
    }
}

/// How a task ended and why, if it did.
fn ended(progress: OriginatorTask) -> (Option<Outcome>, Option<&'static str>) {
    match progress.settled {
        Some(Settled::Ended(outcome)) => (Some(outcome), outcome.reason().map(FailureReason::name)),
        Some(Settled::Rejected(reason)) => (None, Some(Reason::name(reason))),
        None => (None, None),
    }
}

#[expect(
    clippy::multiple_inherent_impl,
    reason = "the other one decides whose turn it is"
)]
impl Ledger {
    fn insert(&mut self, record: OutboundTask, parts: BTreeMap<u32, Digest>) {
        self.last = self.last.max(record.sequence);
        self.order.insert(record.sequence, record.task.clone());
        if !record.independent {
            self.ordered.insert(record.sequence, record.task.clone());
        }
        self.sort(record.sequence, record.progress.state);
        let (progress, _) = watch::channel(record.progress);
        self.entries.insert(
            record.task.clone(),
            Entry {
                record,
                parts,
                progress,
                moving: Arc::default(),
            },
        );
    }

    /// Remembers what stands at a place of the order.
    fn sort(&mut self, sequence: u64, state: OriginatorState) {
        if state.is_final() {
            self.open.remove(&sequence);
        } else {
            self.open.insert(sequence);
        }
        if state == OriginatorState::InDoubt {
            self.in_doubt.insert(sequence);
        } else {
            self.in_doubt.remove(&sequence);
        }
    }

    /// Takes a task's record after a move, which is durable, and tells who follows it.
    fn put(&mut self, record: OutboundTask) {
        self.sort(record.sequence, record.progress.state);
        if self.open.is_empty() {
            self.greeted = false;
        }
        if let Some(entry) = self.entries.get_mut(&record.task) {
            let progress = record.progress;
            entry.record = record;
            entry.progress.send_replace(progress);
        }
    }
}

impl Entry {
    fn progress(&self) -> Progress {
        Progress {
            state: self.record.progress.state,
            settled: self.record.progress.settled,
            parts_done: u32::try_from(self.parts.len()).unwrap_or(u32::MAX),
            parts: self.record.order.parts(),
        }
    }
}
