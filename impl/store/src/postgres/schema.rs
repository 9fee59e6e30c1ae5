//! The tables of a store, and what a session is set to.

use tokio_postgres::Client;

use super::{PostgresConfig, PostgresOpenError};

/// The newest format of the tables.
const FORMAT: i32 = 1;

/// Taken while tables are made, so that of several servers that start together one makes them.
const CREATION_LOCK: i64 = 0x5043_5331;

/// What every session is set to, whatever the database's defaults are. The server itself ends what
/// takes longer than we wait: a transaction that is cut off from us would hold up all others.
fn settings(config: &PostgresConfig) -> String {
    let milliseconds = config.timeout.as_millis().clamp(1, 1_000_000_000);
    format!(
        "SET search_path TO \"{schema}\";
         SET synchronous_commit TO on;
         SET default_transaction_isolation TO 'read committed';
         SET default_transaction_read_only TO off;
         SET statement_timeout TO {milliseconds};
         SET idle_in_transaction_session_timeout TO {milliseconds};",
        schema = config.schema,
    )
}

/// The tables. Texts are kept as octets in UTF-8: sorted by octet, with any character, whatever the
/// database's encoding and collation are. `head` has one row, which is locked by whoever commits.
fn creation(schema: &str) -> String {
    format!(
        "BEGIN;
         SELECT pg_advisory_xact_lock({CREATION_LOCK});
         DO $$ BEGIN
             IF to_regnamespace('{schema}') IS NULL THEN CREATE SCHEMA \"{schema}\"; END IF;
         END $$;
         CREATE TABLE IF NOT EXISTS records (
             tab bytea NOT NULL,
             key bytea NOT NULL,
             revision bigint NOT NULL,
             value bytea NOT NULL,
             PRIMARY KEY (tab, key)
         );
         CREATE TABLE IF NOT EXISTS operations (
             id bytea NOT NULL PRIMARY KEY,
             revision bigint NOT NULL UNIQUE,
             fingerprint bigint NOT NULL
         );
         CREATE TABLE IF NOT EXISTS head (
             single boolean NOT NULL PRIMARY KEY DEFAULT true CHECK (single),
             format integer NOT NULL,
             revision bigint NOT NULL
         );
         INSERT INTO head (format, revision) VALUES ({FORMAT}, 0) ON CONFLICT DO NOTHING;
         COMMIT;"
    )
}

/// Makes the session and the tables what [`super::PostgresStore`] promises.
pub(super) async fn prepare(
    client: &Client,
    config: &PostgresConfig,
) -> Result<(), PostgresOpenError> {
    client.batch_execute(&settings(config)).await?;
    let schema = &config.schema;
    let exists = format!("SELECT to_regclass('\"{schema}\".head') IS NOT NULL");
    if !client.query_one(&exists, &[]).await?.try_get(0)? {
        client.batch_execute(&creation(schema)).await?;
    }
    let head = client.query_one("SELECT format FROM head", &[]).await?;
    let found: i32 = head.try_get(0)?;
    if found > FORMAT {
        return Err(PostgresOpenError::NewerFormat {
            found: found.cast_unsigned(),
            known: FORMAT.cast_unsigned(),
        });
    }
    Ok(())
}
