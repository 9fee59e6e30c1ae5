//! What is written in one step, and what comes of it.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Conflict, Record, StoreError, record};

/// Names one commit for ever, so that its fate can be asked after when the answer was lost.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OperationId(String);

impl OperationId {
    /// The operation called `name`, such as `t1/accepted`. A store refuses a second batch with
    /// other content under the same name.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The number of the commit that last wrote a row; grows by one with each commit of a store.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Revision(pub u64);

/// One row as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The record's key within its table.
    pub key: String,
    /// The commit that last wrote it.
    pub revision: Revision,
    /// The encoded record.
    pub value: String,
}

/// A commit that is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Committed {
    /// The commit's number, which its rows now have as their revision.
    pub revision: Revision,
}

/// One change to one row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Change {
    Put {
        table: Cow<'static, str>,
        key: String,
        value: String,
    },
    Delete {
        table: Cow<'static, str>,
        key: String,
    },
}

impl Change {
    /// The table and the key of the row.
    pub(crate) fn row(&self) -> (&str, &str) {
        match self {
            Self::Put { table, key, .. } | Self::Delete { table, key } => (table, key),
        }
    }
}

/// What must be true of a row for the batch to be carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Expectation {
    pub(crate) table: Cow<'static, str>,
    pub(crate) key: String,
    /// None: the row must be absent.
    pub(crate) revision: Option<Revision>,
}

/// What a store remembers of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Remembered {
    pub(crate) committed: Committed,
    /// [`Batch::fingerprint`] of what was committed.
    pub(crate) fingerprint: u64,
}

/// Changes that are carried out together or not at all.
///
/// A batch without expectations overwrites what is there. Committing the same batch again is safe:
/// the store remembers its [`OperationId`] and answers as the first time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    operation: OperationId,
    changes: Vec<Change>,
    expectations: Vec<Expectation>,
}

impl Batch {
    /// An empty batch.
    #[must_use]
    pub const fn new(operation: OperationId) -> Self {
        Self {
            operation,
            changes: Vec::new(),
            expectations: Vec::new(),
        }
    }

    /// Writes `record`, whatever is there.
    ///
    /// # Errors
    /// [`StoreError::Unencodable`] when serde cannot express the record in JSON.
    pub fn put<R: Record>(mut self, record: &R) -> Result<Self, StoreError> {
        self.changes.push(Change::Put {
            table: R::TABLE.into(),
            key: record.key(),
            value: record::encode(record)?,
        });
        Ok(self)
    }

    /// Removes the record with `key`, when there is one.
    #[must_use]
    pub fn delete<R: Record>(mut self, key: &str) -> Self {
        self.changes.push(Change::Delete {
            table: R::TABLE.into(),
            key: key.into(),
        });
        self
    }

    /// Refuses the batch when there is a record with `key`: how a row is claimed.
    #[must_use]
    pub fn expect_absent<R: Record>(self, key: &str) -> Self {
        self.expect::<R>(key, None)
    }

    /// Refuses the batch when the record with `key` was written since `revision`, or removed.
    #[must_use]
    pub fn expect_revision<R: Record>(self, key: &str, revision: Revision) -> Self {
        self.expect::<R>(key, Some(revision))
    }

    /// The operation's name.
    #[must_use]
    pub const fn operation(&self) -> &OperationId {
        &self.operation
    }

    /// Whether there is nothing to write.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    pub(crate) fn changes(&self) -> &[Change] {
        &self.changes
    }

    pub(crate) fn expectations(&self) -> &[Expectation] {
        &self.expectations
    }

    fn expect<R: Record>(mut self, key: &str, revision: Option<Revision>) -> Self {
        self.expectations.push(Expectation {
            table: R::TABLE.into(),
            key: key.into(),
            revision,
        });
        self
    }

    /// The rule of every store: whether the batch is to be carried out (none), is answered as the
    /// first time, or is refused. `remembered` is what the store knows of the operation, `found`
    /// has the revisions of the expected rows, in the order of the expectations.
    pub(crate) fn judge(
        &self,
        remembered: Option<Remembered>,
        found: &[Option<Revision>],
    ) -> Result<Option<Committed>, Conflict> {
        if let Some(known) = remembered {
            return if known.fingerprint == self.fingerprint() {
                Ok(Some(known.committed))
            } else {
                Err(Conflict::OperationReused)
            };
        }
        let mut rows = self.expectations.iter().zip(found);
        match rows.find(|(expectation, found)| expectation.revision != **found) {
            None => Ok(None),
            Some((expectation, found)) => Err(Conflict::Row {
                table: expectation.table.to_string(),
                key: expectation.key.clone(),
                found: *found,
            }),
        }
    }

    /// A number that tells batches of different content apart (FNV-1a); not a defence against
    /// malice, because operations are named by our own code.
    pub(crate) fn fingerprint(&self) -> u64 {
        let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
        let mut add = |text: &str| {
            for octet in text.bytes().chain([0xFF]) {
                hash = (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3);
            }
        };
        for change in &self.changes {
            let (table, key) = change.row();
            add(table);
            add(key);
            match change {
                Change::Put { value, .. } => add(value),
                Change::Delete { .. } => add("\u{0}"),
            }
        }
        hash
    }
}
