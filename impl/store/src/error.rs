//! What can come of an operation other than success.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::Revision;

/// Why an operation gave no result.
///
/// Only [`StoreError::Unknown`] leaves open whether something was written: read again by operation
/// id ([`Store::outcome`](crate::Store::outcome)), or commit the same batch again.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Nothing was written: somebody else was there first.
    #[error("refused: {0}")]
    Refused(Conflict),
    /// The connection to the store was lost after the commit was sent.
    #[error("the store did not answer; the commit's fate is unknown")]
    Unknown,
    /// Nothing was written: the store is closed, or its medium failed.
    #[error("the store is not available")]
    Unavailable,
    /// The medium is full; nothing was written.
    #[error("the store's medium is full")]
    Full,
    /// A record was written by a newer version of this program.
    #[error("record in table `{table}` has schema {found}, this program knows up to {known}")]
    NewerSchema {
        /// The record's table.
        table: &'static str,
        /// The schema it was written with.
        found: u32,
        /// The newest schema this program can read.
        known: u32,
    },
    /// A record cannot be read as what its table holds.
    #[error("record `{key}` in table `{table}` is damaged")]
    Damaged {
        /// The record's table.
        table: &'static str,
        /// The record's key.
        key: String,
    },
    /// A record cannot be written as JSON, such as a map whose keys are not strings.
    #[error("record of table `{table}` has no form in json")]
    Unencodable {
        /// The record's table.
        table: &'static str,
    },
}

/// Why a batch was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum Conflict {
    /// A row is not as the batch expected it.
    #[error("row `{key}` in table `{table}` is not as expected")]
    Row {
        /// The row's table.
        table: String,
        /// The row's key.
        key: String,
        /// The revision it has; none when it is absent.
        found: Option<Revision>,
    },
    /// The operation id was used before, for other content.
    #[error("operation id used before for other content")]
    OperationReused,
}
