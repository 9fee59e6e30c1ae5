//! The embedded store: one SQLite file, one thread that owns it.

mod file;

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use thiserror::Error;
use tokio::sync::mpsc;

use crate::StoreError;
use crate::queue::{Answer, GROUP_MAX, Question, Queue, Request, answer, queue, store_by_queue};
use crate::watch::{CommitNews, news};

/// Why a store's file was not opened.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("cannot open the store {}: {kind}", path.display())]
pub struct OpenError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub kind: OpenErrorKind,
}

/// What is wrong with a store's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OpenErrorKind {
    /// It cannot be created or read: directory missing, permission.
    #[error("it cannot be created or read")]
    Inaccessible,
    /// Another process has it open.
    #[error("another process owns it; stop that process, or reach it over its control channel")]
    Owned,
    /// It is no SQLite file, or one of another program.
    #[error("it is not a store of this program")]
    NotAStore,
    /// SQLite's own check finds it damaged.
    #[error("it is damaged; restore it from a backup")]
    Damaged,
    /// A newer version of this program made it.
    #[error("it has format {found}, this program knows up to {known}")]
    NewerFormat {
        /// The file's format.
        found: u32,
        /// The newest format this program can read.
        known: u32,
    },
    /// The system gave no thread.
    #[error("the system gave no thread for it")]
    NoThread,
}

/// A store in one SQLite file.
///
/// A dedicated thread owns the file behind a bounded queue. Requests that wait together share one
/// transaction and one sync (group commit); every answer follows the sync (write-ahead log,
/// `synchronous=FULL`). The file is locked as long as the store is open. When the last handle is
/// dropped the thread carries out what is queued and closes the file; [`SqliteStore::close`] waits
/// for that.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    queue: Queue,
}

store_by_queue!(SqliteStore);

impl SqliteStore {
    /// Opens the store at `path`, which is created when absent; its directory must exist.
    ///
    /// Blocks while SQLite checks the file, which takes longer for larger files.
    ///
    /// # Errors
    /// [`OpenError`], which names the file.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let error = |kind| OpenError {
            path: path.into(),
            kind,
        };
        let connection = file::open(path).map_err(error)?;
        let (news, watch) = news();
        let (queue, requests) = queue(Some(watch));
        std::thread::Builder::new()
            .name("store".into())
            .spawn(move || serve(connection, requests, &news))
            .map_err(|_| error(OpenErrorKind::NoThread))?;
        Ok(Self { queue })
    }

    /// Carries out what is queued and closes the file, so that another process may open it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it was closed before.
    pub async fn close(self) -> Result<(), StoreError> {
        self.queue.close().await
    }
}

/// The thread: one group of requests, one transaction, one sync, then the answers.
fn serve(mut connection: Connection, mut requests: mpsc::Receiver<Request>, news: &CommitNews) {
    while let Some(first) = requests.blocking_recv() {
        let mut group = vec![first];
        while group.len() < GROUP_MAX
            && let Ok(request) = requests.try_recv()
        {
            group.push(request);
        }
        // Without a transaction nothing was done: the requests are dropped and the store closes.
        let Ok(transaction) = connection.transaction() else {
            return;
        };
        let mut closing = None;
        let mut verdict = Ok(());
        let (mut pending, mut batches) = (Vec::new(), Vec::new());
        for request in group {
            match request {
                Request::Ask(question, reply) => {
                    let result = step(&transaction, &question, &mut verdict);
                    if let (Question::Commit(batch), Ok(_)) = (question, &result) {
                        batches.push(batch);
                    }
                    pending.push((reply, result));
                }
                Request::Close(reply) => closing = Some(reply),
            }
        }
        // Dropping the transaction of a failed group undoes it.
        if verdict.is_ok() {
            verdict = transaction
                .commit()
                .map_err(|error| file::at_commit(&error));
        } else {
            drop(transaction);
        }
        if verdict.is_ok() {
            news.tell(&batches);
        }
        // What made the whole group fail comes first.
        for (reply, result) in pending {
            answer(reply, verdict.clone().and(result));
        }
        if let Some(reply) = closing {
            // The file is free before the answer.
            drop(connection);
            answer(reply, Ok(()));
            return;
        }
        // After a failed sync nobody knows what the file holds: whoever asks again finds the store
        // gone, and the next start reads what is really there.
        if verdict == Err(StoreError::Unknown) {
            return;
        }
    }
}

/// Answers one question inside the group's transaction; a failed statement fails the whole group.
fn step(
    transaction: &Connection,
    question: &Question,
    verdict: &mut Result<(), StoreError>,
) -> Result<Answer, StoreError> {
    let result = match question {
        Question::Commit(batch) => match file::apply(transaction, batch) {
            Ok(Ok(committed)) => Ok(Answer::Commit(committed)),
            Ok(Err(conflict)) => return Err(StoreError::Refused(conflict)),
            Err(error) => Err(error),
        },
        Question::Outcome(operation) => file::outcome(transaction, operation).map(Answer::Outcome),
        Question::Read { table, key } => file::read(transaction, table, key).map(Answer::Read),
        Question::Scan { table } => file::scan(transaction, table).map(Answer::Scan),
        Question::Count { table } => file::count(transaction, table).map(Answer::Count),
    };
    result.map_err(|error| {
        let error = file::before_commit(&error);
        *verdict = Err(error.clone());
        error
    })
}
