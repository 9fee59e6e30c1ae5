//! The seam between protocol code and what it must not forget.

use std::future::Future;

use crate::{Batch, CommitWatch, Committed, OperationId, Record, Row, StoreError, Stored, record};

/// Durable records. Clones are handles to the same store.
///
/// Operations of one handle and its clones take effect in the order in which they were sent, and a
/// commit that reached the store is carried out even when its future is dropped.
pub trait Store: Clone + Send + Sync + 'static {
    /// Carries out `batch`; durable when it returns (ET-41).
    ///
    /// # Errors
    /// [`StoreError::Refused`] when an expectation does not hold; [`StoreError::Unknown`] when the
    /// answer was lost; [`StoreError::Unavailable`] and [`StoreError::Full`] when nothing was done.
    fn commit(&self, batch: Batch) -> impl Future<Output = Result<Committed, StoreError>> + Send;

    /// What came of the commit called `operation`; none when it was never carried out.
    ///
    /// A store remembers at least its last [`OPERATIONS_REMEMBERED`](crate::OPERATIONS_REMEMBERED)
    /// operations.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    fn outcome(
        &self,
        operation: &OperationId,
    ) -> impl Future<Output = Result<Option<Committed>, StoreError>> + Send;

    /// The row with `key` in `table`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    fn read(
        &self,
        table: &str,
        key: &str,
    ) -> impl Future<Output = Result<Option<Row>, StoreError>> + Send;

    /// Every row of `table`, by key.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    fn scan(&self, table: &str) -> impl Future<Output = Result<Vec<Row>, StoreError>> + Send;

    /// How many rows `table` has: what needs no more should not read them.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    fn count(&self, table: &str) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Word of every commit; none where others commit past this store, so that only looking tells.
    fn watch(&self) -> Option<CommitWatch>;

    /// The record with `key`.
    ///
    /// # Errors
    /// Those of [`Store::read`], [`StoreError::NewerSchema`] and [`StoreError::Damaged`].
    fn load<R: Record>(
        &self,
        key: &str,
    ) -> impl Future<Output = Result<Option<Stored<R>>, StoreError>> + Send {
        async move {
            match self.read(R::TABLE, key).await? {
                Some(row) => record::decode(&row).map(Some),
                None => Ok(None),
            }
        }
    }

    /// How many records of a kind there are.
    ///
    /// # Errors
    /// Those of [`Store::count`].
    fn count_all<R: Record>(&self) -> impl Future<Output = Result<u64, StoreError>> + Send {
        self.count(R::TABLE)
    }

    /// Every record of a kind, by key.
    ///
    /// # Errors
    /// As [`Store::load`], for the first record that cannot be read.
    fn load_all<R: Record>(
        &self,
    ) -> impl Future<Output = Result<Vec<Stored<R>>, StoreError>> + Send {
        async move {
            let rows = self.scan(R::TABLE).await?;
            rows.iter().map(record::decode).collect()
        }
    }
}
