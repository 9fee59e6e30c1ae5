//! Databases whose way from one server can be closed.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use portcullis_store::{
    Batch, CommitWatch, Committed, OperationId, Row, SimStore, Store, StoreError,
};
use portcullis_web_service::Databases;

/// How a database answers one server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Way {
    /// It does.
    #[default]
    Open,
    /// It does, but each request is a millisecond on its way.
    Slow,
    /// Not at all: connections are refused.
    Refused,
    /// Requests disappear.
    Silent,
    /// The next commit is carried out, but its answer is lost; then the way is open again.
    LosesAnswer,
}

/// The ways from one server to both databases.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ways {
    pub(crate) configuration: Gate,
    pub(crate) content: Gate,
}

impl Ways {
    /// The databases as that server sees them.
    pub(crate) fn to(&self, databases: &Databases<SimStore>) -> Databases<GatedStore> {
        let gated = |inner: &SimStore, gate: &Gate| GatedStore {
            inner: inner.clone(),
            gate: gate.clone(),
        };
        Databases {
            configuration: gated(&databases.configuration, &self.configuration),
            content: gated(&databases.content, &self.content),
        }
    }
}

/// The way to one database.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gate(Arc<Mutex<Way>>);

impl Gate {
    pub(crate) fn set(&self, way: Way) {
        *self.0.lock().unwrap() = way;
    }

    async fn pass(&self) -> Result<(), StoreError> {
        let way = *self.0.lock().unwrap();
        match way {
            Way::Open | Way::LosesAnswer => Ok(()),
            Way::Slow => {
                tokio::time::sleep(Duration::from_millis(1)).await;
                Ok(())
            }
            Way::Refused => Err(StoreError::Unavailable),
            Way::Silent => std::future::pending().await,
        }
    }

    /// Whether the answer to a commit is lost.
    fn loses(&self) -> bool {
        let mut way = self.0.lock().unwrap();
        let loses = *way == Way::LosesAnswer;
        if loses {
            *way = Way::Open;
        }
        loses
    }
}

/// A database behind a gate.
#[derive(Clone, Debug)]
pub(crate) struct GatedStore {
    inner: SimStore,
    gate: Gate,
}

impl Store for GatedStore {
    async fn commit(&self, batch: Batch) -> Result<Committed, StoreError> {
        self.gate.pass().await?;
        let committed = self.inner.commit(batch).await;
        if self.gate.loses() {
            return Err(StoreError::Unknown);
        }
        committed
    }

    async fn outcome(&self, operation: &OperationId) -> Result<Option<Committed>, StoreError> {
        self.gate.pass().await?;
        self.inner.outcome(operation).await
    }

    async fn read(&self, table: &str, key: &str) -> Result<Option<Row>, StoreError> {
        self.gate.pass().await?;
        self.inner.read(table, key).await
    }

    async fn scan(&self, table: &str) -> Result<Vec<Row>, StoreError> {
        self.gate.pass().await?;
        self.inner.scan(table).await
    }

    async fn count(&self, table: &str) -> Result<u64, StoreError> {
        self.gate.pass().await?;
        self.inner.count(table).await
    }

    fn watch(&self) -> Option<CommitWatch> {
        None
    }
}
