//! The two databases of a farm: files of its only server, or PostgreSQL where servers share them.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use portcullis_net::{Host, TokioNet};
use portcullis_store::{
    EitherStore, OpenError, PostgresConfig, PostgresOpenError, PostgresStore, SqliteStore,
};
use portcullis_web_service::Databases;
use thiserror::Error;
use tokio::time::sleep;

use super::settings::{FarmSettings, SharedDatabase};
use crate::serve::state_directory::StateDirectory;

/// How long to wait before PostgreSQL is looked for again.
const REACH_REST: Duration = Duration::from_secs(5);

/// A file, or a schema in PostgreSQL.
pub(super) type Database = EitherStore<SqliteStore, PostgresStore>;

/// Why the databases cannot be opened.
#[derive(Debug, Error)]
pub(super) enum DatabaseError {
    /// The state directory cannot be used.
    #[error("cannot use the state directory {path}")]
    Directory {
        path: String,
        #[source]
        source: io::Error,
    },
    /// Another process has the state directory.
    #[error("another process owns the state directory {0}")]
    Owned(String),
    /// A file cannot be opened.
    #[error(transparent)]
    File(#[from] OpenError),
    /// PostgreSQL does not let us in.
    #[error("cannot open the database {name}")]
    Shared {
        name: String,
        #[source]
        source: PostgresOpenError,
    },
}

/// Takes the state directory at `path`, which is made where it is not there, for this process, as
/// long as what is returned is kept. Databases in files are locked besides; shared ones are not.
pub(super) fn take(path: &Path) -> Result<fs::File, DatabaseError> {
    let name = || path.display().to_string();
    let directory = |source| DatabaseError::Directory {
        path: name(),
        source,
    };
    let state = StateDirectory::create(path).map_err(directory)?;
    state.lock().map_err(|error| match error {
        fs::TryLockError::WouldBlock => DatabaseError::Owned(name()),
        fs::TryLockError::Error(source) => directory(source),
    })
}

/// The databases that `settings` name, made where they are not there.
pub(super) async fn open(
    host: &Host<TokioNet>,
    settings: &FarmSettings,
) -> Result<Databases<Database>, DatabaseError> {
    if let Some(shared) = &settings.database {
        return Ok(Databases {
            configuration: shared_store(host, shared, "configuration").await?,
            content: shared_store(host, shared, "content").await?,
        });
    }
    let file = |name: &str| {
        let opened = SqliteStore::open(&settings.state.join(name));
        opened.map(EitherStore::A).map_err(DatabaseError::File)
    };
    Ok(Databases {
        configuration: file("configuration.db")?,
        content: file("content.db")?,
    })
}

/// A schema of the shared database.
async fn shared_store(
    host: &Host<TokioNet>,
    shared: &SharedDatabase,
    schema: &str,
) -> Result<Database, DatabaseError> {
    let config = PostgresConfig {
        port: shared.port,
        password: shared.password.clone(),
        ..PostgresConfig::new(&*shared.host, &*shared.name, &*shared.user, schema)
    };
    // A machine may start its services in any order.
    let opened = loop {
        match PostgresStore::open(host, config.clone()).await {
            Err(error) if error.may_pass() => {
                let name = &shared.name;
                tracing::warn!("waiting for the database {name}: {error}");
                sleep(REACH_REST).await;
            }
            opened => break opened,
        }
    };
    let opened = opened.map_err(|source| DatabaseError::Shared {
        name: shared.name.clone(),
        source,
    });
    opened.map(EitherStore::B)
}

/// Carries out what is queued and closes both.
pub(super) async fn close(databases: Databases<Database>) {
    for database in [databases.configuration, databases.content] {
        let closed = match database {
            EitherStore::A(file) => file.close().await,
            EitherStore::B(shared) => shared.close().await,
        };
        if closed.is_err() {
            tracing::error!("a database had closed before");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_directory_has_one_owner_at_a_time() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("state");
        let first = take(&path).unwrap();
        assert!(matches!(take(&path), Err(DatabaseError::Owned(_))));
        drop(first);
        take(&path).unwrap();
    }
}
