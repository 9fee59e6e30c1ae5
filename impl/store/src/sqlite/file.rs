//! The SQLite file: its format, its checks, and the store's rules as statements.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OptionalExtension, Transaction, params};

use super::OpenErrorKind;
use crate::batch::{Change, Remembered};
use crate::{
    Batch, Committed, Conflict, OPERATIONS_REMEMBERED, OperationId, Revision, Row, StoreError,
};

/// Marks the file as ours: "PCS1".
const APPLICATION: u32 = 0x5043_5331;

/// The newest format of the file.
const FORMAT: u32 = 1;

const TABLES: &str = "
    CREATE TABLE records (
        tab TEXT NOT NULL,
        key TEXT NOT NULL,
        revision INTEGER NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (tab, key)
    ) WITHOUT ROWID;
    CREATE TABLE operations (
        id TEXT NOT NULL PRIMARY KEY,
        revision INTEGER NOT NULL UNIQUE,
        fingerprint INTEGER NOT NULL
    ) WITHOUT ROWID;";

/// Opens and checks the file, locks it, and makes it what [`super::SqliteStore`] promises.
pub(super) fn open(path: &Path) -> Result<Connection, OpenErrorKind> {
    let connection = Connection::open(path).map_err(|_| OpenErrorKind::Inaccessible)?;
    prepare(&connection)?;
    Ok(connection)
}

fn prepare(connection: &Connection) -> Result<(), OpenErrorKind> {
    let error = |error: rusqlite::Error| open_kind(&error);
    // An owner stays for as long as it runs: waiting for it is of no use.
    connection.busy_timeout(Duration::ZERO).map_err(error)?;
    // Exclusive from the first access on: no other process can open the file, and the write-ahead
    // log needs no shared memory.
    connection
        .pragma_update(None, "locking_mode", "EXCLUSIVE")
        .map_err(error)?;
    connection
        .pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))
        .map_err(error)?;
    connection
        .pragma_update(None, "synchronous", "FULL")
        .map_err(error)?;
    let transaction =
        Transaction::new_unchecked(connection, rusqlite::TransactionBehavior::Exclusive)
            .map_err(error)?;
    let number = |name| transaction.pragma_query_value(None, name, |row| row.get::<_, u32>(0));
    let application = number("application_id").map_err(error)?;
    let found = number("user_version").map_err(error)?;
    let is_new = application == 0 && found == 0 && is_empty(&transaction).map_err(error)?;
    if is_new {
        transaction.execute_batch(TABLES).map_err(error)?;
        transaction
            .pragma_update(None, "application_id", APPLICATION)
            .map_err(error)?;
        transaction
            .pragma_update(None, "user_version", FORMAT)
            .map_err(error)?;
    } else if application != APPLICATION {
        return Err(OpenErrorKind::NotAStore);
    } else if found > FORMAT {
        return Err(OpenErrorKind::NewerFormat {
            found,
            known: FORMAT,
        });
    }
    let verdict: String = transaction
        .pragma_query_value(None, "quick_check", |row| row.get(0))
        .map_err(error)?;
    if verdict != "ok" {
        return Err(OpenErrorKind::Damaged);
    }
    transaction.commit().map_err(error)
}

fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| {
        row.get(0)
    })
}

fn open_kind(error: &rusqlite::Error) -> OpenErrorKind {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OpenErrorKind::Owned,
        Some(ErrorCode::NotADatabase) => OpenErrorKind::NotAStore,
        Some(ErrorCode::DatabaseCorrupt) => OpenErrorKind::Damaged,
        _ => OpenErrorKind::Inaccessible,
    }
}

/// What a failed statement means: the transaction is undone.
pub(super) fn before_commit(error: &rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::Full,
        _ => StoreError::Unavailable,
    }
}

/// What a failed commit means: after a failed sync nobody knows what the medium holds.
pub(super) fn at_commit(error: &rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::Full,
        _ => StoreError::Unknown,
    }
}

pub(super) fn read(
    connection: &Connection,
    table: &str,
    key: &str,
) -> rusqlite::Result<Option<Row>> {
    connection
        .prepare_cached("SELECT key, revision, value FROM records WHERE tab = ?1 AND key = ?2")?
        .query_row(params![table, key], row)
        .optional()
}

pub(super) fn scan(connection: &Connection, table: &str) -> rusqlite::Result<Vec<Row>> {
    connection
        .prepare_cached("SELECT key, revision, value FROM records WHERE tab = ?1 ORDER BY key")?
        .query_map(params![table], row)?
        .collect()
}

pub(super) fn count(connection: &Connection, table: &str) -> rusqlite::Result<u64> {
    connection
        .prepare_cached("SELECT count(*) FROM records WHERE tab = ?1")?
        .query_row(params![table], |row| {
            row.get::<_, i64>(0).map(i64::cast_unsigned)
        })
}

/// SQLite's integers are signed; ours never go below zero.
const fn revision(number: i64) -> Revision {
    Revision(number.cast_unsigned())
}

fn row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    Ok(Row {
        key: row.get(0)?,
        revision: revision(row.get(1)?),
        value: row.get(2)?,
    })
}

pub(super) fn outcome(
    connection: &Connection,
    operation: &OperationId,
) -> rusqlite::Result<Option<Committed>> {
    Ok(remembered(connection, operation)?.map(|known| known.committed))
}

fn remembered(
    connection: &Connection,
    operation: &OperationId,
) -> rusqlite::Result<Option<Remembered>> {
    connection
        .prepare_cached("SELECT revision, fingerprint FROM operations WHERE id = ?1")?
        .query_row(params![operation.as_str()], |row| {
            let revision = revision(row.get(0)?);
            Ok(Remembered {
                committed: Committed { revision },
                fingerprint: row.get::<_, i64>(1)?.cast_unsigned(),
            })
        })
        .optional()
}

/// Carries out `batch` inside the transaction of its group; a refused batch has written nothing.
pub(super) fn apply(
    connection: &Connection,
    batch: &Batch,
) -> rusqlite::Result<Result<Committed, Conflict>> {
    let remembered = remembered(connection, batch.operation())?;
    let mut found = Vec::new();
    for row in batch.expectations() {
        found.push(read(connection, &row.table, &row.key)?.map(|row| row.revision));
    }
    match batch.judge(remembered, &found) {
        Ok(None) => {}
        Ok(Some(committed)) => return Ok(Ok(committed)),
        Err(conflict) => return Ok(Err(conflict)),
    }
    let next: i64 = connection
        .prepare_cached("SELECT coalesce(max(revision), 0) + 1 FROM operations")?
        .query_row([], |row| row.get(0))?;
    for change in batch.changes() {
        write(connection, change, next)?;
    }
    connection
        .prepare_cached("INSERT INTO operations (id, revision, fingerprint) VALUES (?1, ?2, ?3)")?
        .execute(params![
            batch.operation().as_str(),
            next,
            batch.fingerprint().cast_signed()
        ])?;
    let remembered_from = revision(next).0.saturating_sub(OPERATIONS_REMEMBERED);
    connection
        .prepare_cached("DELETE FROM operations WHERE revision <= ?1")?
        .execute(params![remembered_from.cast_signed()])?;
    let revision = revision(next);
    Ok(Ok(Committed { revision }))
}

fn write(connection: &Connection, change: &Change, revision: i64) -> rusqlite::Result<()> {
    match change {
        Change::Put { table, key, value } => connection
            .prepare_cached(
                "INSERT OR REPLACE INTO records (tab, key, revision, value)
                 VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![table, key, revision, value])?,
        Change::Delete { table, key } => connection
            .prepare_cached("DELETE FROM records WHERE tab = ?1 AND key = ?2")?
            .execute(params![table, key])?,
    };
    Ok(())
}
