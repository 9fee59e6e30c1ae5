//! The store of a farm: tables in a PostgreSQL database that several servers share.

mod schema;
mod session;
mod tables;

use std::error::Error as _;
use std::fmt;
use std::io;
use std::time::Duration;

use portcullis_net::{Host, Net};
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_postgres::error::SqlState;

use self::session::Session;
use crate::StoreError;
use crate::queue::{GROUP_MAX, Queue, Request, answer, queue, refuse, store_by_queue};

/// Where the database is, as whom to use it, and where in it the store is.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresConfig {
    /// The server's host.
    pub server: String,
    /// The server's port. Default 5432, PostgreSQL's own.
    pub port: u16,
    /// The database's name; the database must exist.
    pub database: String,
    /// The role to use. It owns the schema, or may create it.
    pub user: String,
    /// The role's password. Default none, for servers that trust this host.
    pub password: Option<String>,
    /// The schema that holds the store, so that several stores share one database. Created when
    /// absent. A lower-case letter first, then lower-case letters, digits and underscores, 63 at
    /// most.
    pub schema: String,
    /// How long a connection may take to come about, and a group of operations to be answered.
    /// Default 5 s; ours. The server itself ends what takes longer, so that a server that is cut
    /// off holds up the others for no longer than this.
    pub timeout: Duration,
}

impl PostgresConfig {
    /// The store in `schema` of `database` on `server`, used as `user`, with the defaults.
    pub fn new(
        server: impl Into<String>,
        database: impl Into<String>,
        user: impl Into<String>,
        schema: impl Into<String>,
    ) -> Self {
        Self {
            server: server.into(),
            port: 5432,
            database: database.into(),
            user: user.into(),
            password: None,
            schema: schema.into(),
            timeout: Duration::from_secs(5),
        }
    }

    /// Whether the schema's name is one, and cannot be anything else inside a statement.
    fn has_schema_name(&self) -> bool {
        let is_letter = |octet: &u8| octet.is_ascii_lowercase();
        let is_other = |octet: &u8| octet.is_ascii_digit() || *octet == b'_';
        let octets = self.schema.as_bytes();
        octets.len() <= 63
            && octets.first().is_some_and(is_letter)
            && octets
                .iter()
                .all(|octet| is_letter(octet) || is_other(octet))
    }
}

/// Without the password.
impl fmt::Debug for PostgresConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresConfig")
            .field("server", &self.server)
            .field("port", &self.port)
            .field("database", &self.database)
            .field("user", &self.user)
            .field("schema", &self.schema)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// Why a store in a database was not opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PostgresOpenError {
    /// The schema's name is not as [`PostgresConfig::schema`] says.
    #[error("the schema's name is not 1 to 63 lower-case letters, digits and underscores")]
    SchemaName,
    /// There is no connection to the server.
    #[error("the database's server cannot be reached: {0}")]
    Unreachable(#[source] io::Error),
    /// The server took longer than the timeout.
    #[error("the database's server did not answer in time")]
    TimedOut,
    /// The server does not let us in, or has other tables there.
    #[error("the database refuses: {}", said(.0))]
    Refused(#[from] tokio_postgres::Error),
    /// A newer version of this program made it.
    #[error("the store has format {found}, this program knows up to {known}")]
    NewerFormat {
        /// The store's format.
        found: u32,
        /// The newest format this program can read.
        known: u32,
    },
}

impl PostgresOpenError {
    /// Whether it may be opened later as things are: the server is not there or not ready yet, as
    /// when its machine has just started, goes down, or has too many connections.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        const PASSING: [SqlState; 4] = [
            SqlState::CANNOT_CONNECT_NOW,
            SqlState::ADMIN_SHUTDOWN,
            SqlState::CRASH_SHUTDOWN,
            SqlState::TOO_MANY_CONNECTIONS,
        ];
        match self {
            Self::Unreachable(_) | Self::TimedOut => true,
            Self::Refused(error) => {
                error.is_closed() || error.code().is_some_and(|code| PASSING.contains(code))
            }
            Self::SchemaName | Self::NewerFormat { .. } => false,
        }
    }
}

/// The library's own words are few; what the server said is their source.
fn said(error: &tokio_postgres::Error) -> String {
    error
        .source()
        .map_or_else(|| error.to_string(), ToString::to_string)
}

/// A store in a PostgreSQL database, which several servers may use at the same time.
///
/// One task owns one connection. Operations of this handle that wait together share one transaction
/// (group commit); those of all servers take turns by a lock, so that revisions grow by one as in
/// the other stores. An answer follows the server's commit with `synchronous_commit` on.
///
/// A lost connection is opened again for the next operation. Until that succeeds operations fail
/// with [`StoreError::Unavailable`], each no later than twice the timeout after its turn has come.
/// A commit whose answer was lost is [`StoreError::Unknown`]; what
/// [`Store::outcome`](crate::Store::outcome) then says stays true, because it waits for the end of
/// the transaction in doubt.
///
/// There is no TLS to the database: it belongs on this machine or on a trusted network. Passwords
/// do not cross the network when the server asks for SCRAM. A pooler in between has to keep a
/// session for each connection. The table, the key and the operation id are indexed, so that
/// PostgreSQL limits each to some 2,600 octets; a longer one is unavailable.
#[derive(Clone, Debug)]
pub struct PostgresStore {
    queue: Queue,
}

store_by_queue!(PostgresStore);

impl PostgresStore {
    /// Opens the store, which is created when absent. The tasks behind it belong to `host`.
    ///
    /// # Errors
    /// [`PostgresOpenError`].
    pub async fn open<N: Net>(
        host: &Host<N>,
        config: PostgresConfig,
    ) -> Result<Self, PostgresOpenError> {
        if !config.has_schema_name() {
            return Err(PostgresOpenError::SchemaName);
        }
        let session = connect(host, &config).await?;
        let (queue, requests) = queue(None);
        let owner = serve(host.clone(), config, session, requests);
        host.spawner.spawn(owner);
        Ok(Self { queue })
    }

    /// Carries out what is queued and ends the connection.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it was closed before.
    pub async fn close(self) -> Result<(), StoreError> {
        self.queue.close().await
    }
}

async fn connect<N: Net>(
    host: &Host<N>,
    config: &PostgresConfig,
) -> Result<Session, PostgresOpenError> {
    timeout(config.timeout, Session::open(host, config))
        .await
        .unwrap_or(Err(PostgresOpenError::TimedOut))
}

/// The owner of the connection: one group of requests, one transaction, then the answers.
async fn serve<N: Net>(
    host: Host<N>,
    config: PostgresConfig,
    mut session: Session,
    mut requests: mpsc::Receiver<Request>,
) {
    let mut group = Vec::new();
    while requests.recv_many(&mut group, GROUP_MAX).await > 0 {
        if session.is_lost() {
            let Ok(renewed) = connect(&host, &config).await else {
                if refuse(group.drain(..), &mut requests) {
                    return;
                }
                continue;
            };
            session = renewed;
        }
        let (mut questions, mut replies, mut closing) = (Vec::new(), Vec::new(), None);
        for request in group.drain(..) {
            match request {
                Request::Ask(question, reply) => {
                    questions.push(question);
                    replies.push(reply);
                }
                Request::Close(reply) => closing = Some(reply),
            }
        }
        let results = session.carry_out(&questions).await;
        for (reply, result) in replies.into_iter().zip(results) {
            answer(reply, result);
        }
        if let Some(reply) = closing {
            return answer(reply, Ok(()));
        }
    }
}
