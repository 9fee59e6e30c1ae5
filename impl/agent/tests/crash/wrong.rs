//! Seams that are wrong on purpose: what the checks have to notice.

use std::time::Duration;

use bytes::Bytes;
use portcullis_agent::message::{Digest, ObjectId};
use portcullis_agent::work::{Job, Manifest, Payload, PayloadError, RelativePath, SourceError};
use portcullis_net::Spawner;
use portcullis_store::{
    Batch, CommitWatch, Committed, OperationId, Revision, Row, Store, StoreError,
};
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

use crate::plan::Wrong;

/// How long after its answer a wrong seam does what it has said it did.
const LATE: Duration = Duration::from_millis(15);

/// A store that may answer before the record is durable. Whoever reads finds the record.
#[derive(Clone)]
pub(crate) struct MaybeEarly<S> {
    inner: S,
    /// Where batches wait, if it does.
    waiting: Option<mpsc::Sender<Batch>>,
    /// How many wait.
    count: watch::Sender<usize>,
}

impl<S: Store> MaybeEarly<S> {
    pub(crate) fn new(inner: S, wrong: Wrong, spawner: &Spawner) -> Self {
        let (count, _) = watch::channel(0);
        let waiting = (wrong == Wrong::EarlyStore).then(|| {
            let (sender, mut batches) = mpsc::channel(1000);
            let (store, done) = (inner.clone(), count.clone());
            spawner.spawn(async move {
                while let Some(batch) = batches.recv().await {
                    sleep(LATE).await;
                    // Refused, for want of an earlier one that was lost: it said yes already.
                    drop(store.commit(batch).await);
                    done.send_modify(|count| *count -= 1);
                }
            });
            sender
        });
        Self {
            inner,
            waiting,
            count,
        }
    }

    async fn nothing_waits(&self) {
        let mut count = self.count.subscribe();
        count
            .wait_for(|count| *count == 0)
            .await
            .expect("is counted");
    }
}

impl<S: Store> Store for MaybeEarly<S> {
    async fn commit(&self, batch: Batch) -> Result<Committed, StoreError> {
        match &self.waiting {
            None => self.inner.commit(batch).await,
            Some(waiting) => {
                self.count.send_modify(|count| *count += 1);
                waiting.send(batch).await.expect("somebody takes them");
                let revision = Revision(0);
                Ok(Committed { revision })
            }
        }
    }

    async fn outcome(&self, operation: &OperationId) -> Result<Option<Committed>, StoreError> {
        self.nothing_waits().await;
        self.inner.outcome(operation).await
    }

    async fn read(&self, table: &str, key: &str) -> Result<Option<Row>, StoreError> {
        self.nothing_waits().await;
        self.inner.read(table, key).await
    }

    async fn scan(&self, table: &str) -> Result<Vec<Row>, StoreError> {
        self.nothing_waits().await;
        self.inner.scan(table).await
    }

    async fn count(&self, table: &str) -> Result<u64, StoreError> {
        self.nothing_waits().await;
        self.inner.count(table).await
    }

    fn watch(&self) -> Option<CommitWatch> {
        None
    }
}

/// A payload that may answer before the part is durable.
#[derive(Clone)]
pub(crate) struct MaybeEarlyStage<P> {
    pub(crate) inner: P,
    pub(crate) is_early: bool,
    pub(crate) spawner: Spawner,
}

impl<P: Payload> Payload for MaybeEarlyStage<P> {
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
        if !self.is_early {
            return self.inner.stage(object, number, octets).await;
        }
        let (payload, object) = (self.inner.clone(), object.clone());
        self.spawner.spawn(async move {
            sleep(LATE).await;
            payload
                .stage(&object, number, octets)
                .await
                .expect("the disk works");
        });
        Ok(())
    }

    async fn commit(
        &self,
        object: &ObjectId,
        parts: u32,
        digest: Digest,
        job: &Job,
    ) -> Result<(), PayloadError> {
        self.inner.commit(object, parts, digest, job).await
    }
}
