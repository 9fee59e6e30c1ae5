//! Typed records and their form in the store.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{Revision, Row, StoreError};

/// Something that is stored.
pub trait Record: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The table's name; one type, one table.
    const TABLE: &'static str;
    /// The version of the record's form, 1 at first. A program that meets a newer one refuses the
    /// record by name; an older one is read as it is, so a field added later has
    /// `#[serde(default)]`.
    const SCHEMA: u32;

    /// The key within the table.
    fn key(&self) -> String;
}

/// A record as found, with what [`Batch::expect_revision`](crate::Batch::expect_revision) wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored<R> {
    /// The record.
    pub record: R,
    /// The commit that last wrote it.
    pub revision: Revision,
}

/// The form on the medium.
#[derive(Serialize)]
struct Written<'a, R> {
    schema: u32,
    record: &'a R,
}

/// The same as it is read.
#[derive(Deserialize)]
struct Found<R> {
    schema: u32,
    record: R,
}

/// The same, of which only the schema is understood.
#[derive(Deserialize)]
struct Schema {
    schema: u32,
}

pub(crate) fn encode<R: Record>(record: &R) -> Result<String, StoreError> {
    let written = Written {
        schema: R::SCHEMA,
        record,
    };
    serde_json::to_string(&written).map_err(|_| StoreError::Unencodable { table: R::TABLE })
}

pub(crate) fn decode<R: Record>(row: &Row) -> Result<Stored<R>, StoreError> {
    let found: Result<Found<R>, _> = serde_json::from_str(&row.value);
    let schema = match &found {
        Ok(found) => found.schema,
        // A record of a newer form may be anything.
        Err(_) => serde_json::from_str::<Schema>(&row.value).map_or(0, |found| found.schema),
    };
    if schema > R::SCHEMA {
        return Err(StoreError::NewerSchema {
            table: R::TABLE,
            found: schema,
            known: R::SCHEMA,
        });
    }
    match found {
        Ok(found) => Ok(Stored {
            record: found.record,
            revision: row.revision,
        }),
        Err(_) => Err(StoreError::Damaged {
            table: R::TABLE,
            key: row.key.clone(),
        }),
    }
}
