//! The way from a handle to the one that owns the medium: questions in order, answers when durable.

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use crate::{Batch, CommitWatch, Committed, OperationId, Row, StoreError};

/// Requests that wait for the owner of the medium; who sends one more waits.
const QUEUE_LENGTH: usize = 256;

/// How many requests share one sync at most.
pub(crate) const GROUP_MAX: usize = 128;

/// One operation, as a value that also crosses a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Question {
    Commit(Batch),
    Outcome(OperationId),
    Read { table: String, key: String },
    Scan { table: String },
    Count { table: String },
}

impl Question {
    /// What it means when it was asked and no answer comes.
    pub(crate) const fn unanswered(&self) -> StoreError {
        match self {
            Self::Commit(_) => StoreError::Unknown,
            Self::Outcome(_) | Self::Read { .. } | Self::Scan { .. } | Self::Count { .. } => {
                StoreError::Unavailable
            }
        }
    }
}

/// What comes of a question, of the same kind as it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Answer {
    Commit(Committed),
    Outcome(Option<Committed>),
    Read(Option<Row>),
    Scan(Vec<Row>),
    Count(u64),
}

/// Where the answer to a request goes.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// What the owner of the medium is asked for.
#[derive(Debug)]
pub(crate) enum Request {
    Ask(Question, Reply<Answer>),
    Close(Reply<()>),
}

impl Request {
    /// Takes out what is to be committed, for an owner who answers the request later.
    pub(crate) fn take_batch(&mut self) -> Option<Batch> {
        match self {
            Self::Ask(Question::Commit(batch), _) => {
                let nothing = Batch::new(OperationId::new(String::new()));
                Some(std::mem::replace(batch, nothing))
            }
            Self::Ask(..) | Self::Close(_) => None,
        }
    }
}

/// Refuses what was `asked` of an owner who has no medium, and everything that waits for it; true
/// when that closes the store.
pub(crate) fn refuse(
    asked: impl IntoIterator<Item = Request>,
    requests: &mut mpsc::Receiver<Request>,
) -> bool {
    let waiting = std::iter::from_fn(|| requests.try_recv().ok());
    let mut closes = false;
    for request in asked.into_iter().chain(waiting) {
        match request {
            Request::Ask(_, reply) => answer(reply, Err(StoreError::Unavailable)),
            Request::Close(reply) => {
                answer(reply, Ok(()));
                closes = true;
            }
        }
    }
    closes
}

/// The sending end, which a store's handle holds.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    requests: mpsc::Sender<Request>,
    /// Where nobody else owns the medium.
    commits: Option<CommitWatch>,
}

/// A queue and its receiving end.
pub(crate) fn queue(commits: Option<CommitWatch>) -> (Queue, mpsc::Receiver<Request>) {
    let (requests, receiver) = mpsc::channel(QUEUE_LENGTH);
    (Queue { requests, commits }, receiver)
}

impl Queue {
    /// Word of the commits of the medium's only owner.
    pub(crate) fn watch(&self) -> Option<CommitWatch> {
        self.commits.clone()
    }

    /// Asks and waits for the answer.
    pub(crate) async fn ask(&self, question: Question) -> Result<Answer, StoreError> {
        let unanswered = question.unanswered();
        self.send(|reply| Request::Ask(question, reply), unanswered)
            .await
    }

    /// Has what is queued carried out and the store closed.
    pub(crate) async fn close(&self) -> Result<(), StoreError> {
        self.send(Request::Close, StoreError::Unavailable).await
    }

    /// Sends a request and waits for its answer; `lost` is what it means when none comes.
    async fn send<T>(
        &self,
        request: impl FnOnce(Reply<T>) -> Request,
        lost: StoreError,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.requests
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

/// Writes the operations of [`Store`](crate::Store) as questions to a `Queue` in the field `queue`.
/// An answer of another kind is as good as none.
macro_rules! store_by_queue {
    ($store:ty) => {
        impl crate::Store for $store {
            async fn commit(
                &self,
                batch: crate::Batch,
            ) -> Result<crate::Committed, crate::StoreError> {
                let question = crate::queue::Question::Commit(batch);
                let crate::queue::Answer::Commit(committed) = self.queue.ask(question).await?
                else {
                    return Err(crate::StoreError::Unknown);
                };
                Ok(committed)
            }

            async fn outcome(
                &self,
                operation: &crate::OperationId,
            ) -> Result<Option<crate::Committed>, crate::StoreError> {
                let question = crate::queue::Question::Outcome(operation.clone());
                let crate::queue::Answer::Outcome(outcome) = self.queue.ask(question).await? else {
                    return Err(crate::StoreError::Unavailable);
                };
                Ok(outcome)
            }

            async fn read(
                &self,
                table: &str,
                key: &str,
            ) -> Result<Option<crate::Row>, crate::StoreError> {
                let (table, key) = (table.into(), key.into());
                let question = crate::queue::Question::Read { table, key };
                let crate::queue::Answer::Read(row) = self.queue.ask(question).await? else {
                    return Err(crate::StoreError::Unavailable);
                };
                Ok(row)
            }

            async fn scan(&self, table: &str) -> Result<Vec<crate::Row>, crate::StoreError> {
                let table = table.into();
                let question = crate::queue::Question::Scan { table };
                let crate::queue::Answer::Scan(rows) = self.queue.ask(question).await? else {
                    return Err(crate::StoreError::Unavailable);
                };
                Ok(rows)
            }

            async fn count(&self, table: &str) -> Result<u64, crate::StoreError> {
                let table = table.into();
                let question = crate::queue::Question::Count { table };
                let crate::queue::Answer::Count(count) = self.queue.ask(question).await? else {
                    return Err(crate::StoreError::Unavailable);
                };
                Ok(count)
            }

            fn watch(&self) -> Option<crate::CommitWatch> {
                self.queue.watch()
            }
        }
    };
}
pub(crate) use store_by_queue;
