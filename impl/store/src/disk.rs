//! A simulated medium, which survives the crash of its host.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use portcullis_net::Randomness;

use crate::batch::Change;
use crate::ledger::Ledger;
use crate::{Batch, Committed, OperationId, Revision, Row, StoreError};

/// One row became durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// The row's table.
    pub table: Cow<'static, str>,
    /// The row's key.
    pub key: String,
    /// The commit that wrote it.
    pub revision: Revision,
    /// The operation that the commit was.
    pub operation: OperationId,
}

/// Is told of every row that becomes durable, before the writer's answer.
pub type WriteHook = Arc<dyn Fn(Write) + Send + Sync>;

/// A batch that was to be synced, and what came of it.
pub(crate) type Synced = (Batch, Result<Committed, StoreError>);

/// A host's durable medium in a simulation; clones are handles to the same medium.
///
/// Keep it outside the host and give it to each incarnation's [`SimStore`](crate::SimStore). A
/// write that was not yet being synced when the host crashed is lost; for one that was, a coin of
/// the medium's own randomness decides whether all of it or nothing of it is found afterwards.
#[derive(Clone)]
pub struct Disk(Arc<Mutex<Medium>>);

struct Medium {
    ledger: Ledger,
    /// What is being synced at this moment.
    syncing: Vec<Batch>,
    /// Which [`SimStore`](crate::SimStore) owns the medium; older ones are dead.
    incarnation: u64,
    sync_latency: Duration,
    coin: Randomness,
    hook: Option<WriteHook>,
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Disk")
    }
}

impl Disk {
    /// An empty medium on which a sync takes `sync_latency`. `random` decides the fate of a write
    /// that a crash meets during its sync.
    #[must_use]
    pub fn new(random: &Randomness, sync_latency: Duration) -> Self {
        Self(Arc::new(Mutex::new(Medium {
            ledger: Ledger::default(),
            syncing: Vec::new(),
            incarnation: 0,
            sync_latency,
            coin: random.fork("crash during sync"),
            hook: None,
        })))
    }

    /// Has `hook` called for every row that becomes durable from now on, in place of the hook
    /// before.
    ///
    /// It is called while the medium is locked: it must not use the medium.
    pub fn on_write(&self, hook: WriteHook) {
        self.with(|medium| medium.hook = Some(hook));
    }

    /// Decides what becomes of a sync that is under way: the host has just crashed.
    ///
    /// Happens by itself when the tasks of the host are dropped, and at the latest when the next
    /// incarnation opens the medium; calling it again changes nothing.
    pub fn crash(&self) {
        self.with(Medium::crash);
    }

    /// The rows of `table` that are durable, without asking the store: for checks after a run.
    #[must_use]
    pub fn durable_rows(&self, table: &str) -> Vec<Row> {
        self.with(|medium| medium.ledger.scan(table))
    }

    /// A new owner takes over.
    pub(crate) fn open(&self) -> (u64, Duration) {
        self.with(|medium| {
            medium.crash();
            medium.incarnation += 1;
            (medium.incarnation, medium.sync_latency)
        })
    }

    /// The sync of `batches` begins; false when `incarnation` no longer owns the medium.
    pub(crate) fn begin_sync(&self, incarnation: u64, batches: Vec<Batch>) -> bool {
        self.with(|medium| {
            let owns = medium.incarnation == incarnation;
            if owns {
                medium.syncing = batches;
            }
            owns
        })
    }

    /// The owner was dropped while a sync may have been under way.
    pub(crate) fn abandon(&self, incarnation: u64) {
        self.with(|medium| {
            if medium.incarnation == incarnation {
                medium.crash();
            }
        });
    }

    /// The sync is done: the batches are durable from here on, each with what came of it.
    pub(crate) fn end_sync(&self, incarnation: u64) -> Vec<Synced> {
        self.with(|medium| {
            if medium.incarnation == incarnation {
                medium.apply()
            } else {
                Vec::new()
            }
        })
    }

    /// Reads what is durable.
    pub(crate) fn inspect<T>(&self, read: impl FnOnce(&Ledger) -> T) -> T {
        self.with(|medium| read(&medium.ledger))
    }

    fn with<T>(&self, change: impl FnOnce(&mut Medium) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Medium {
    fn crash(&mut self) {
        if self.syncing.is_empty() {
            return;
        }
        if self.coin.below(2) == 0 {
            self.syncing.clear();
        } else {
            self.apply();
        }
    }

    fn apply(&mut self) -> Vec<Synced> {
        let batches = std::mem::take(&mut self.syncing);
        let mut apply = |batch: &Batch| match self.ledger.apply(batch) {
            Err(conflict) => Err(StoreError::Refused(conflict)),
            Ok((committed, false)) => Ok(committed),
            Ok((committed, true)) => {
                if let Some(hook) = &self.hook {
                    announce(hook, batch, committed);
                }
                Ok(committed)
            }
        };
        let synced = batches.into_iter().map(|batch| {
            let result = apply(&batch);
            (batch, result)
        });
        synced.collect()
    }
}

fn announce(hook: &WriteHook, batch: &Batch, committed: Committed) {
    for change in batch.changes() {
        let (Change::Put { table, key, .. } | Change::Delete { table, key }) = change;
        hook(Write {
            table: table.clone(),
            key: key.clone(),
            revision: committed.revision,
            operation: batch.operation().clone(),
        });
    }
}
