//! The seams of an agent, wrapped: each durable operation is a place at which the process may die.

use std::io::Write as _;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;

use bytes::Bytes;
use portcullis_agent::message::{CommandName, Digest, ObjectId, Outcome};
use portcullis_agent::work::{
    Executor, Job, Manifest, Payload, PayloadError, RelativePath, SourceError,
};
use portcullis_store::{Batch, CommitWatch, Committed, OperationId, Row, Store, StoreError};
use tokio::time::Instant;

use crate::plan::{Operation, Point, When};

/// Counts the durable operations of this process, and ends it at one of them.
#[derive(Clone)]
pub(crate) struct Fuse {
    counted: Arc<AtomicU32>,
    point: Option<Point>,
}

impl Fuse {
    pub(crate) fn new(point: Option<Point>) -> Self {
        let counted = Arc::default();
        Self { counted, point }
    }

    /// Carries out one durable operation, called `label`, or dies at it.
    async fn pass<T>(&self, label: &str, operation: impl Future<Output = T>) -> T {
        let number = self.counted.fetch_add(1, Ordering::Relaxed) + 1;
        let when = self.point.filter(|point| match point.operation {
            Operation::Number(wanted) => wanted == number,
            Operation::Place => label == "place",
        });
        let when = when.map(|point| point.when);
        if when == Some(When::Before) {
            die(label, When::Before);
        }
        let mut operation = pin!(operation);
        if let Some(When::During(time)) = when {
            // Asked for once: what carries it out is another thread.
            let asked = std::future::poll_fn(|cx| Poll::Ready(operation.as_mut().poll(cx))).await;
            let start = Instant::now();
            while start.elapsed() < time {
                std::hint::spin_loop();
            }
            drop(asked);
            die(label, When::During(time));
        }
        let done = operation.await;
        if when == Some(When::After) {
            die(label, When::After);
        }
        done
    }
}

/// Says where, and ends this process as the system would: without a word to anybody.
fn die(label: &str, when: When) -> ! {
    let mut out = std::io::stdout().lock();
    writeln!(out, "dies {label} {}", when.name()).expect("the test listens");
    out.flush().expect("the test listens");
    let this = rustix::process::getpid();
    rustix::process::kill_process(this, rustix::process::Signal::KILL).expect("it is ours");
    loop {
        std::hint::spin_loop();
    }
}

/// A store whose commits are such places.
#[derive(Clone)]
pub(crate) struct FusedStore<S> {
    pub(crate) inner: S,
    pub(crate) fuse: Fuse,
}

/// The record and which of its versions, without the task's name.
fn label(batch: &Batch) -> String {
    let name = batch.operation().as_str();
    let table = name.split('/').next().unwrap_or(name);
    match name.rsplit('/').next() {
        Some(version) if matches!(table, "outbound-task" | "inbound-task") => {
            format!("{table}-{version}")
        }
        _ => table.to_owned(),
    }
}

impl<S: Store> Store for FusedStore<S> {
    async fn commit(&self, batch: Batch) -> Result<Committed, StoreError> {
        let label = label(&batch);
        self.fuse.pass(&label, self.inner.commit(batch)).await
    }

    async fn outcome(&self, operation: &OperationId) -> Result<Option<Committed>, StoreError> {
        self.inner.outcome(operation).await
    }

    async fn read(&self, table: &str, key: &str) -> Result<Option<Row>, StoreError> {
        self.inner.read(table, key).await
    }

    async fn scan(&self, table: &str) -> Result<Vec<Row>, StoreError> {
        self.inner.scan(table).await
    }

    async fn count(&self, table: &str) -> Result<u64, StoreError> {
        self.inner.count(table).await
    }

    fn watch(&self) -> Option<CommitWatch> {
        self.inner.watch()
    }
}

/// A payload whose durable steps are such places.
#[derive(Clone)]
pub(crate) struct FusedPayload<P> {
    pub(crate) inner: P,
    pub(crate) fuse: Fuse,
}

impl<P: Payload> Payload for FusedPayload<P> {
    async fn list(&self, source: &str) -> Result<Manifest, SourceError> {
        self.inner.list(source).await
    }

    async fn read(
        &self,
        source: &str,
        file: &RelativePath,
        offset: u64,
        length: usize,
    ) -> Result<Bytes, PayloadError> {
        self.inner.read(source, file, offset, length).await
    }

    async fn stage(
        &self,
        object: &ObjectId,
        number: u32,
        octets: Bytes,
    ) -> Result<(), PayloadError> {
        let stage = self.inner.stage(object, number, octets);
        self.fuse.pass("stage", stage).await
    }

    async fn commit(
        &self,
        object: &ObjectId,
        parts: u32,
        digest: Digest,
        job: &Job,
    ) -> Result<(), PayloadError> {
        let commit = self.inner.commit(object, parts, digest, job);
        self.fuse.pass("place", commit).await
    }
}

/// An executor that may die around a command: it has begun or ended, and nobody knows.
#[derive(Clone)]
pub(crate) struct FusedExecutor<E> {
    pub(crate) inner: E,
    pub(crate) fuse: Fuse,
}

impl<E: Executor> Executor for FusedExecutor<E> {
    fn knows(&self, command: &CommandName) -> bool {
        self.inner.knows(command)
    }

    async fn run(&self, job: &Job, command: &CommandName) -> Outcome {
        self.fuse
            .pass("command", self.inner.run(job, command))
            .await
    }

    async fn end_left(&self, job: &Job) {
        self.inner.end_left(job).await;
    }
}
