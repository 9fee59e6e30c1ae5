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

use std::collections::BTreeMap;
use std::sync::Arc;

use portcullis_store::{Batch, OperationId, Record, Store, StoreError};
use tokio::sync::{Mutex, watch};

use crate::agent::{Progress, SubmitRequest};
use crate::config::LaterLink;
use crate::error::SubmitError;
use crate::message::{Digest, FailureReason, Outcome, Reason, TaskId};
use crate::observe::{AgentEvent, Machine};
use crate::records::{OutboundFiles, OutboundTask, RecordedOrder};
use crate::services::Services;
use crate::state::{Illegal, OriginatorEffect, OriginatorEvent, OriginatorTask, Settled};
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
}

/// What is known about the tasks of a link.
#[derive(Debug, Default)]
struct Ledger {
    entries: BTreeMap<TaskId, Entry>,
    /// The order of submission.
    order: BTreeMap<u64, TaskId>,
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
        let (ledger, greeting) = (Mutex::default(), Mutex::default());
        Self {
            services,
            link,
            ledger,
            greeting,
            arrivals: preflight::Arrivals::default(),
        }
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
        let mut ledger = self.ledger.lock().await;
        if request
            .after
            .as_ref()
            .is_some_and(|after| !ledger.entries.contains_key(after))
        {
            return Err(SubmitError::UnknownPredecessor);
        }
        let last = ledger.order.last_key_value().map_or(0, |(last, _)| *last);
        let record = OutboundTask {
            task: task.clone(),
            to: self.link.name.clone(),
            sequence: last.saturating_add(1),
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
        ledger.insert(record, BTreeMap::new());
        Ok(())
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
        let mut ledger = self.ledger.lock().await;
        let entry = ledger.entries.get_mut(task).ok_or(Unapplied::Unknown)?;
        let before = entry.record.progress;
        let (after, effects) = before
            .on(event, self.services.now())
            .map_err(Unapplied::Illegal)?;
        if after == before {
            return Ok(effects);
        }
        let mut record = entry.record.clone();
        record.progress = after;
        record.version = record.version.saturating_add(1);
        self.services
            .record(&record, record.version)
            .await
            .map_err(|_| Unapplied::Store)?;
        entry.record = record;
        if after.state != before.state {
            self.announce_state(task, before.state.name(), after);
        }
        entry.progress.send_replace(after);
        if ledger
            .entries
            .values()
            .all(|entry| entry.record.progress.state.is_final())
        {
            ledger.greeted = false;
        }
        Ok(effects)
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
        self.order.insert(record.sequence, record.task.clone());
        let (progress, _) = watch::channel(record.progress);
        self.entries.insert(
            record.task.clone(),
            Entry {
                record,
                parts,
                progress,
            },
        );
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
