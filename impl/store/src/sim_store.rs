//! The store of a simulated host.

use portcullis_net::Spawner;
use tokio::sync::mpsc;

use crate::queue::{GROUP_MAX, Queue, Request, answer, queue, store_by_queue};
use crate::{Batch, Committed, Disk, Row, StoreError};

/// A store on a simulated [`Disk`], with the queue, the group commit and the answers after the sync
/// of the real one. Its one task belongs to the host and dies with it.
#[derive(Clone, Debug)]
pub struct SimStore {
    queue: Queue,
}

store_by_queue!(SimStore);

impl SimStore {
    /// Opens the medium for one incarnation of a host; `spawner` is that host's.
    #[must_use]
    pub fn open(disk: &Disk, spawner: &Spawner) -> Self {
        let (queue, requests) = queue();
        let (incarnation, sync_latency) = disk.open();
        let owner = Owner {
            disk: disk.clone(),
            incarnation,
        };
        spawner.spawn(async move {
            serve(requests, &owner, sync_latency).await;
        });
        Self { queue }
    }

    /// Carries out what is queued and closes the store.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it was closed before.
    pub async fn close(self) -> Result<(), StoreError> {
        self.queue
            .ask(Request::Close, StoreError::Unavailable)
            .await
    }
}

/// The right to write to the medium. Dropped while a sync is under way, it leaves the outcome to
/// the medium's coin.
struct Owner {
    disk: Disk,
    incarnation: u64,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.disk.abandon(self.incarnation);
    }
}

async fn serve(
    mut requests: mpsc::Receiver<Request>,
    owner: &Owner,
    sync_latency: std::time::Duration,
) {
    let mut group = Vec::new();
    while requests.recv_many(&mut group, GROUP_MAX).await > 0 {
        let batches: Vec<Batch> = group
            .iter()
            .filter_map(|request| match request {
                Request::Commit(batch, _) => Some(batch.clone()),
                Request::Outcome(..)
                | Request::Read { .. }
                | Request::Scan(..)
                | Request::Close(_) => None,
            })
            .collect();
        let mut results = Vec::new();
        if !batches.is_empty() {
            if !owner.disk.begin_sync(owner.incarnation, batches) {
                return;
            }
            tokio::time::sleep(sync_latency).await;
            results = owner.disk.end_sync(owner.incarnation);
        }
        let mut results = results.into_iter();
        for request in group.drain(..) {
            let disk = &owner.disk;
            match request {
                Request::Commit(_, reply) => {
                    answer(reply, results.next().unwrap_or(Err(StoreError::Unknown)));
                }
                Request::Outcome(operation, reply) => {
                    answer(reply, Ok(disk.inspect(|ledger| ledger.outcome(&operation))));
                }
                Request::Read { table, key, reply } => {
                    answer(reply, Ok(disk.inspect(|ledger| ledger.read(&table, &key))));
                }
                Request::Scan(table, reply) => {
                    answer(reply, Ok(disk.inspect(|ledger| ledger.scan(&table))));
                }
                Request::Close(reply) => {
                    answer(reply, Ok(()));
                    return;
                }
            }
        }
    }
}
