//! What each part of a server needs: the farm's databases, its configuration, and who is told.
//!
//! A server has two parts, worker and timer service, and each has services of its own: they share
//! nothing but the databases.

mod cancel;
mod looks;
mod moves;
mod report;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use portcullis_net::{Host, Randomness, WallClock};
use portcullis_store::{Batch, Committed, OperationId, Store, StoreError, Stored};
use tokio::sync::OnceCell;
use tokio::time::{sleep, timeout};

use crate::config::Config;
use crate::farm::Databases;
use crate::observe::{FarmEvent, Observer};
use crate::records::{Database, Kept, Starts};
use crate::state::{Illegal, Owner};

pub(crate) use looks::Again;
pub(crate) use moves::JobItem;

/// How often a commit whose fate is unknown is sent before its fate is left open.
const COMMIT_ATTEMPTS: u32 = 3;

/// Which part of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Worker,
    TimerService,
    DeploymentDesk,
    Deployments,
}

impl Part {
    const fn name(self) -> &'static str {
        match self {
            Self::Worker => "worker",
            Self::TimerService => "timer-service",
            Self::DeploymentDesk => "deployment-desk",
            Self::Deployments => "deployments",
        }
    }
}

/// A database did not answer, or could not: the observer has been told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unanswered;

/// Why a move was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unmoved {
    /// The table does not have it; nothing was sent.
    Illegal,
    /// Somebody else has written the record meanwhile: read again.
    Refused,
    /// A database did not answer; the move may yet turn out to be made.
    Unanswered,
}

impl From<Illegal> for Unmoved {
    fn from(_: Illegal) -> Self {
        Self::Illegal
    }
}

impl From<Unanswered> for Unmoved {
    fn from(_: Unanswered) -> Self {
        Self::Unanswered
    }
}

/// A record of ours cannot be expressed: a bug, treated as a database that refuses it.
impl From<StoreError> for Unmoved {
    fn from(_: StoreError) -> Self {
        Self::Unanswered
    }
}

/// One part's share of the world.
#[derive(Debug)]
pub(crate) struct Services<S> {
    part: Part,
    databases: Databases<S>,
    pub(crate) config: Arc<Config>,
    observer: Observer,
    wall: WallClock,
    random: Randomness,
    life: OnceCell<Life>,
}

/// What is different in each start of a part.
#[derive(Debug)]
pub(crate) struct Life {
    /// Which start, counted from 1 in the configuration database.
    pub(crate) number: u64,
    /// Ids of jobs. A stream of its own for each start, because a simulated host has the same seed
    /// after a restart.
    pub(crate) ids: Randomness,
    /// How many commits were named.
    operations: AtomicU64,
}

impl<S> Services<S> {
    /// The services of one part of a server.
    pub(crate) fn new<N>(
        part: Part,
        host: &Host<N>,
        databases: Databases<S>,
        config: Arc<Config>,
        observer: Observer,
    ) -> Self {
        Self {
            part,
            databases,
            config,
            observer,
            wall: host.wall.clone(),
            random: host.random.clone(),
            life: OnceCell::new(),
        }
    }

    /// Announces one event.
    pub(crate) fn announce(&self, event: &FarmEvent) {
        self.observer.announce(event);
    }

    /// Civil time as this server believes it to be; for records, never for timers.
    pub(crate) fn now(&self) -> Timestamp {
        self.wall.now()
    }

    const fn store(&self, database: Database) -> &S {
        match database {
            Database::Configuration => &self.databases.configuration,
            Database::Content => &self.databases.content,
        }
    }
}

impl<S: Store> Services<S> {
    /// The record with `key`.
    pub(crate) async fn load<R: Kept>(&self, key: &str) -> Result<Option<Stored<R>>, Unanswered> {
        let reading = self.store(R::DATABASE).load::<R>(key);
        self.answered(R::DATABASE, reading).await
    }

    /// How many records of a kind there are.
    pub(crate) async fn count<R: Kept>(&self) -> Result<u64, Unanswered> {
        let counting = self.store(R::DATABASE).count_all::<R>();
        self.answered(R::DATABASE, counting).await
    }

    /// Every record of a kind.
    pub(crate) async fn load_all<R: Kept>(&self) -> Result<Vec<Stored<R>>, Unanswered> {
        let reading = self.store(R::DATABASE).load_all::<R>();
        self.answered(R::DATABASE, reading).await
    }

    /// An empty batch with a name that no other has.
    pub(crate) async fn batch(&self) -> Result<Batch, Unanswered> {
        let life = self.life().await?;
        let number = life.operations.fetch_add(1, Ordering::Relaxed);
        let (server, part) = (&self.config.server, self.part.name());
        let name = format!("{server}/{part}/{}/{number}", life.number);
        Ok(Batch::new(OperationId::new(name)))
    }

    /// Carries out a batch on the database of `R`, durably.
    pub(crate) async fn commit<R: Kept>(&self, batch: Batch) -> Result<Committed, Unmoved> {
        self.commit_to(R::DATABASE, batch).await
    }

    /// This start of the part, recorded when it is first needed.
    pub(crate) async fn life(&self) -> Result<&Life, Unanswered> {
        self.life.get_or_try_init(|| self.begin_life()).await
    }

    /// This life of this part, as timer jobs name it.
    pub(crate) async fn owner(&self) -> Result<Owner, Unanswered> {
        Ok(Owner {
            server: self.config.server.clone(),
            life: self.life().await?.number,
        })
    }

    async fn begin_life(&self) -> Result<Life, Unanswered> {
        let (server, part) = (&self.config.server, self.part.name());
        let key = Starts::key_of(server, part);
        loop {
            let earlier = self.load::<Starts>(&key).await?;
            let count = earlier.as_ref().map_or(0, |earlier| earlier.record.count);
            let starts = Starts {
                server: server.clone(),
                part: part.to_owned(),
                count: count.saturating_add(1),
            };
            let batch = Batch::new(OperationId::new(format!("starts/{key}/{}", starts.count)));
            let batch = match earlier {
                Some(earlier) => batch.expect_revision::<Starts>(&key, earlier.revision),
                None => batch.expect_absent::<Starts>(&key),
            };
            let batch = batch.put(&starts).map_err(|_| Unanswered)?;
            match self.commit::<Starts>(batch).await {
                Ok(_) => {
                    let label = format!("{part} of {server}, start {}", starts.count);
                    return Ok(Life {
                        number: starts.count,
                        ids: self.random.fork(&label),
                        operations: AtomicU64::new(0),
                    });
                }
                // Another server has the same name, which the configuration forbids.
                Err(Unmoved::Refused) => {}
                Err(Unmoved::Illegal | Unmoved::Unanswered) => return Err(Unanswered),
            }
        }
    }

    async fn commit_to(&self, database: Database, batch: Batch) -> Result<Committed, Unmoved> {
        let limit = self.config.timers.database;
        let mut attempt = 1;
        loop {
            let committing = self.store(database).commit(batch.clone());
            match timeout(limit, committing).await {
                Ok(Ok(committed)) => return Ok(committed),
                Ok(Err(StoreError::Refused(_))) => return Err(Unmoved::Refused),
                // The same operation again tells its fate, and writes nothing twice.
                Ok(Err(StoreError::Unknown)) if attempt < COMMIT_ATTEMPTS => {
                    sleep(self.config.timers.timer_service).await;
                    attempt = attempt.saturating_add(1);
                }
                Ok(Err(error)) => return Err(self.failed(database, Some(&error)).into()),
                Err(_) => return Err(self.failed(database, None).into()),
            }
        }
    }

    async fn answered<T>(
        &self,
        database: Database,
        reading: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, Unanswered> {
        match timeout(self.config.timers.database, reading).await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => Err(self.failed(database, Some(&error))),
            Err(_) => Err(self.failed(database, None)),
        }
    }

    /// Announces that a database gave no result; without an error there was no answer in time.
    fn failed(&self, database: Database, error: Option<&StoreError>) -> Unanswered {
        let why = error.map_or_else(|| "no answer in time".to_owned(), ToString::to_string);
        self.announce(&FarmEvent::DatabaseFailed {
            part: self.part.name(),
            database: database.name(),
            why,
        });
        Unanswered
    }
}
