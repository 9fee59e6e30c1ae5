//! One of two stores, chosen at run time.

use crate::{Batch, CommitWatch, Committed, OperationId, Row, Store, StoreError};

/// A program that can be configured for either of two stores is compiled once, for this.
#[derive(Clone, Debug)]
pub enum EitherStore<A, B> {
    /// The first.
    A(A),
    /// The other.
    B(B),
}

impl<A: Store, B: Store> Store for EitherStore<A, B> {
    async fn commit(&self, batch: Batch) -> Result<Committed, StoreError> {
        match self {
            Self::A(store) => store.commit(batch).await,
            Self::B(store) => store.commit(batch).await,
        }
    }

    async fn outcome(&self, operation: &OperationId) -> Result<Option<Committed>, StoreError> {
        match self {
            Self::A(store) => store.outcome(operation).await,
            Self::B(store) => store.outcome(operation).await,
        }
    }

    async fn read(&self, table: &str, key: &str) -> Result<Option<Row>, StoreError> {
        match self {
            Self::A(store) => store.read(table, key).await,
            Self::B(store) => store.read(table, key).await,
        }
    }

    async fn scan(&self, table: &str) -> Result<Vec<Row>, StoreError> {
        match self {
            Self::A(store) => store.scan(table).await,
            Self::B(store) => store.scan(table).await,
        }
    }

    async fn count(&self, table: &str) -> Result<u64, StoreError> {
        match self {
            Self::A(store) => store.count(table).await,
            Self::B(store) => store.count(table).await,
        }
    }

    fn watch(&self) -> Option<CommitWatch> {
        match self {
            Self::A(store) => store.watch(),
            Self::B(store) => store.watch(),
        }
    }
}
