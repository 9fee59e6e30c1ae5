//! The tables, as the store's rules ask for them: one method for each statement.

use std::collections::BTreeMap;

use tokio::try_join;
use tokio_postgres::{Client, Error, Statement};

use crate::batch::{Change, Remembered};
use crate::{Batch, Committed, OperationId, Revision, Row};

/// Takes the turn: whoever holds the row may commit.
const TAKE_TURN: &str = "SELECT revision FROM head FOR UPDATE";
const ADVANCE: &str = "UPDATE head SET revision = $1";
const REMEMBERED: &str = "SELECT revision, fingerprint FROM operations WHERE id = $1";
const REMEMBER: &str = "INSERT INTO operations (id, revision, fingerprint) VALUES ($1, $2, $3)";
const FORGET: &str = "DELETE FROM operations WHERE revision <= $1";
/// The revisions of rows, or nulls, in the order of the rows.
const REVISIONS: &str = "
    SELECT records.revision
    FROM unnest($1::bytea[], $2::bytea[]) WITH ORDINALITY AS wanted (tab, key, place)
    LEFT JOIN records USING (tab, key)
    ORDER BY place";
const PUT: &str = "
    INSERT INTO records (tab, key, value, revision)
    SELECT tab, key, value, $4 FROM unnest($1::bytea[], $2::bytea[], $3::bytea[])
        AS written (tab, key, value)
    ON CONFLICT (tab, key) DO UPDATE SET value = excluded.value, revision = excluded.revision";
const DELETE: &str = "
    DELETE FROM records USING unnest($1::bytea[], $2::bytea[]) AS gone (tab, key)
    WHERE records.tab = gone.tab AND records.key = gone.key";
const READ: &str = "SELECT key, revision, value FROM records WHERE tab = $1 AND key = $2";
const SCAN: &str = "SELECT key, revision, value FROM records WHERE tab = $1 ORDER BY key";
const COUNT: &str = "SELECT count(*) FROM records WHERE tab = $1";

/// The tables through one connection, for which the server has parsed the statements.
pub(super) struct Tables {
    client: Client,
    take_turn: Statement,
    advance: Statement,
    remembered: Statement,
    remember: Statement,
    forget: Statement,
    revisions: Statement,
    put: Statement,
    delete: Statement,
    read: Statement,
    scan: Statement,
    count: Statement,
}

impl Tables {
    pub(super) async fn prepare(client: Client) -> Result<Self, Error> {
        Ok(Self {
            take_turn: client.prepare(TAKE_TURN).await?,
            advance: client.prepare(ADVANCE).await?,
            remembered: client.prepare(REMEMBERED).await?,
            remember: client.prepare(REMEMBER).await?,
            forget: client.prepare(FORGET).await?,
            revisions: client.prepare(REVISIONS).await?,
            put: client.prepare(PUT).await?,
            delete: client.prepare(DELETE).await?,
            read: client.prepare(READ).await?,
            scan: client.prepare(SCAN).await?,
            count: client.prepare(COUNT).await?,
            client,
        })
    }

    /// Whether the connection is gone.
    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Begins a transaction and waits for its turn among all servers; returns the last revision.
    pub(super) async fn begin(&self) -> Result<i64, Error> {
        let (_, head) = try_join!(
            self.client.batch_execute("BEGIN"),
            self.client.query_one(&self.take_turn, &[]),
        )?;
        head.try_get(0)
    }

    pub(super) async fn commit(&self) -> Result<(), Error> {
        self.client.batch_execute("COMMIT").await
    }

    pub(super) async fn undo(&self) -> Result<(), Error> {
        self.client.batch_execute("ROLLBACK").await
    }

    /// Writes down the last revision.
    pub(super) async fn advance(&self, last: i64) -> Result<u64, Error> {
        self.client.execute(&self.advance, &[&last]).await
    }

    /// Forgets the operations up to `last`.
    pub(super) async fn forget(&self, last: i64) -> Result<u64, Error> {
        self.client.execute(&self.forget, &[&last]).await
    }

    pub(super) async fn remember(&self, batch: &Batch, revision: i64) -> Result<u64, Error> {
        let id = octets(batch.operation().as_str());
        let fingerprint = batch.fingerprint().cast_signed();
        self.client
            .execute(&self.remember, &[&id, &revision, &fingerprint])
            .await
    }

    pub(super) async fn remembered(
        &self,
        operation: &OperationId,
    ) -> Result<Option<Remembered>, Error> {
        let id = octets(operation.as_str());
        let row = self.client.query_opt(&self.remembered, &[&id]).await?;
        row.map(|row| {
            Ok(Remembered {
                committed: Committed {
                    revision: revision(row.try_get(0)?),
                },
                fingerprint: row.try_get::<_, i64>(1)?.cast_unsigned(),
            })
        })
        .transpose()
    }

    /// The revisions of the rows that `batch` expects something of, in that order.
    pub(super) async fn revisions(&self, batch: &Batch) -> Result<Vec<Option<Revision>>, Error> {
        if batch.expectations().is_empty() {
            return Ok(Vec::new());
        }
        let mut wanted = Rows::default();
        for row in batch.expectations() {
            wanted.push(&row.table, &row.key, "");
        }
        let rows = self
            .client
            .query(&self.revisions, &[&wanted.tables, &wanted.keys])
            .await?;
        rows.iter()
            .map(|row| Ok(row.try_get::<_, Option<i64>>(0)?.map(revision)))
            .collect()
    }

    pub(super) async fn put(&self, rows: &Rows<'_>, next: i64) -> Result<u64, Error> {
        if rows.keys.is_empty() {
            return Ok(0);
        }
        self.client
            .execute(&self.put, &[&rows.tables, &rows.keys, &rows.values, &next])
            .await
    }

    pub(super) async fn delete(&self, rows: &Rows<'_>) -> Result<u64, Error> {
        if rows.keys.is_empty() {
            return Ok(0);
        }
        self.client
            .execute(&self.delete, &[&rows.tables, &rows.keys])
            .await
    }

    pub(super) async fn read(&self, table: &str, key: &str) -> Result<Option<Row>, Error> {
        let row = self
            .client
            .query_opt(&self.read, &[&octets(table), &octets(key)])
            .await?;
        row.as_ref().map(found).transpose()
    }

    pub(super) async fn scan(&self, table: &str) -> Result<Vec<Row>, Error> {
        let rows = self.client.query(&self.scan, &[&octets(table)]).await?;
        rows.iter().map(found).collect()
    }

    pub(super) async fn count(&self, table: &str) -> Result<u64, Error> {
        let row = self
            .client
            .query_one(&self.count, &[&octets(table)])
            .await?;
        row.try_get::<_, i64>(0).map(i64::cast_unsigned)
    }
}

/// Rows as the statements take them: one list for each column.
#[derive(Debug, Default)]
pub(super) struct Rows<'a> {
    tables: Vec<&'a [u8]>,
    keys: Vec<&'a [u8]>,
    values: Vec<&'a [u8]>,
}

impl<'a> Rows<'a> {
    fn push(&mut self, table: &'a str, key: &'a str, value: &'a str) {
        self.tables.push(octets(table));
        self.keys.push(octets(key));
        self.values.push(octets(value));
    }

    /// What `batch` writes and what it deletes; of several changes of one row the last one counts.
    pub(super) fn changed(batch: &'a Batch) -> (Self, Self) {
        let mut last = BTreeMap::new();
        for change in batch.changes() {
            let value = match change {
                Change::Put { value, .. } => Some(value),
                Change::Delete { .. } => None,
            };
            last.insert(change.row(), value);
        }
        let (mut puts, mut deletions) = (Self::default(), Self::default());
        for ((table, key), value) in last {
            match value {
                Some(value) => puts.push(table, key, value),
                None => deletions.push(table, key, ""),
            }
        }
        (puts, deletions)
    }
}

const fn octets(text: &str) -> &[u8] {
    text.as_bytes()
}

/// PostgreSQL's integers are signed; ours never go below zero.
const fn revision(number: i64) -> Revision {
    Revision(number.cast_unsigned())
}

fn found(row: &tokio_postgres::Row) -> Result<Row, Error> {
    // What is not UTF-8 was not written by us and is found damaged when it is decoded.
    let text = |column| {
        let octets = row.try_get(column)?;
        Ok::<_, Error>(String::from_utf8_lossy(octets).into_owned())
    };
    Ok(Row {
        key: text(0)?,
        revision: revision(row.try_get(1)?),
        value: text(2)?,
    })
}
