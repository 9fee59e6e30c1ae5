//! The store of a simulated host.

use portcullis_net::Spawner;
use tokio::sync::mpsc;

use crate::queue::{Answer, GROUP_MAX, Question, Queue, Request, answer, queue, store_by_queue};
use crate::watch::{CommitNews, news};
use crate::{Batch, Disk, StoreError};

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
        let (news, watch) = news();
        let (queue, requests) = queue(Some(watch));
        let (incarnation, sync_latency) = disk.open();
        let owner = Owner {
            disk: disk.clone(),
            incarnation,
            news,
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
        self.queue.close().await
    }
}

/// The right to write to the medium. Dropped while a sync is under way, it leaves the outcome to
/// the medium's coin.
struct Owner {
    disk: Disk,
    incarnation: u64,
    news: CommitNews,
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
        let batches: Vec<Batch> = group.iter_mut().filter_map(Request::take_batch).collect();
        let mut synced = Vec::new();
        if !batches.is_empty() {
            if !owner.disk.begin_sync(owner.incarnation, batches) {
                return;
            }
            tokio::time::sleep(sync_latency).await;
            synced = owner.disk.end_sync(owner.incarnation);
            let carried_out = synced.iter().filter(|(_, result)| result.is_ok());
            owner.news.tell(carried_out.map(|(batch, _)| batch));
        }
        let mut results = synced.into_iter().map(|(_, result)| result);
        for request in group.drain(..) {
            match request {
                Request::Ask(Question::Commit(_), reply) => {
                    let result = results.next().unwrap_or(Err(StoreError::Unknown));
                    answer(reply, result.map(Answer::Commit));
                }
                Request::Ask(question, reply) => answer(reply, look(&owner.disk, &question)),
                Request::Close(reply) => {
                    answer(reply, Ok(()));
                    return;
                }
            }
        }
    }
}

/// Answers from what is durable.
fn look(disk: &Disk, question: &Question) -> Result<Answer, StoreError> {
    disk.inspect(|ledger| match question {
        Question::Commit(_) => Err(StoreError::Unknown),
        Question::Outcome(operation) => Ok(Answer::Outcome(ledger.outcome(operation))),
        Question::Read { table, key } => Ok(Answer::Read(ledger.read(table, key))),
        Question::Scan { table } => Ok(Answer::Scan(ledger.scan(table))),
        Question::Count { table } => Ok(Answer::Count(ledger.count(table))),
    })
}
