//! The way from a handle to the one that owns the medium: requests in order, answers when durable.

use tokio::sync::{mpsc, oneshot};

use crate::{Batch, Committed, OperationId, Row, StoreError};

/// Requests that wait for the owner of the medium; who sends one more waits.
const QUEUE_LENGTH: usize = 256;

/// How many requests share one sync at most.
pub(crate) const GROUP_MAX: usize = 128;

/// Where the answer to a request goes.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// One operation on its way.
#[derive(Debug)]
pub(crate) enum Request {
    Commit(Batch, Reply<Committed>),
    Outcome(OperationId, Reply<Option<Committed>>),
    Read {
        table: String,
        key: String,
        reply: Reply<Option<Row>>,
    },
    Scan(String, Reply<Vec<Row>>),
    Close(Reply<()>),
}

/// The sending end, which a store's handle holds.
#[derive(Clone, Debug)]
pub(crate) struct Queue(mpsc::Sender<Request>);

/// A queue and its receiving end.
pub(crate) fn queue() -> (Queue, mpsc::Receiver<Request>) {
    let (sender, receiver) = mpsc::channel(QUEUE_LENGTH);
    (Queue(sender), receiver)
}

impl Queue {
    /// Sends a request and waits for its answer; `lost` is what it means when none comes.
    pub(crate) async fn ask<T>(
        &self,
        request: impl FnOnce(Reply<T>) -> Request,
        lost: StoreError,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.0
            .send(request(reply))
            .await
            .map_err(|_| StoreError::Unavailable)?;
        answer.await.unwrap_or(Err(lost))
    }
}

/// Sends an answer; who asked may be gone.
pub(crate) fn answer<T>(reply: Reply<T>, result: Result<T, StoreError>) {
    drop(reply.send(result));
}

/// Writes the operations of [`Store`](crate::Store) as requests to a `Queue` in the field `queue`.
macro_rules! store_by_queue {
    ($store:ty) => {
        impl crate::Store for $store {
            async fn commit(&self, batch: crate::Batch) -> Result<Committed, StoreError> {
                let request = |reply| Request::Commit(batch, reply);
                self.queue.ask(request, StoreError::Unknown).await
            }

            async fn outcome(
                &self,
                operation: &crate::OperationId,
            ) -> Result<Option<Committed>, StoreError> {
                let request = |reply| Request::Outcome(operation.clone(), reply);
                self.queue.ask(request, StoreError::Unavailable).await
            }

            async fn read(&self, table: &str, key: &str) -> Result<Option<Row>, StoreError> {
                let request = |reply| Request::Read {
                    table: table.into(),
                    key: key.into(),
                    reply,
                };
                self.queue.ask(request, StoreError::Unavailable).await
            }

            async fn scan(&self, table: &str) -> Result<Vec<Row>, StoreError> {
                let request = |reply| Request::Scan(table.into(), reply);
                self.queue.ask(request, StoreError::Unavailable).await
            }
        }
    };
}
pub(crate) use store_by_queue;
