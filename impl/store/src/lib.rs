//! Durable records: what a protocol implementation must not forget.
//!
//! A [`Store`] holds typed [`Record`]s in tables and changes them by [`Batch`]es, each of which is
//! carried out as a whole or not at all and is durable when [`Store::commit`] returns. A batch may
//! state what it expects of the rows it touches, so that of two writers that claim one row exactly
//! one succeeds. Each batch has an [`OperationId`]: when an answer is lost, the caller reads again
//! by it ([`Store::outcome`]) or commits the same batch again, which writes nothing twice.
//!
//! # Module map
//! - [`Store`], [`Batch`], [`Record`], [`StoreError`]: the seam.
//! - [`SqliteStore`]: the embedded store of a real host.
//! - [`PostgresStore`]: the store that several servers share, in a PostgreSQL database.
//! - [`SimStore`] on a [`Disk`]: the store of a simulated host, with crashes that hit a write.
//! - [`serve_store`] and [`RemoteStore`]: a store on another host, reached over [`Net`], so that a
//!   simulated network can come between a commit and its answer.
//! - [`EitherStore`]: one of two, chosen at run time.
//! - [`CommitWatch`]: word of the commits to a store whose medium has one owner, for who would
//!   otherwise look again and again.
//!
//! Every store is a handle, a bounded queue and one owner of the medium. What goes through the
//! queue are values that serde can carry, so a store on another host is the same owner behind a
//! listener.
//!
//! [`Net`]: portcullis_net::Net
//!
//! # Example: claim a row, once
//! ```
//! use portcullis_net::{Randomness, Spawner};
//! use portcullis_store::{Batch, Disk, OperationId, Record, SimStore, Store, StoreError};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Debug, PartialEq, Serialize, Deserialize)]
//! struct Job {
//!     id: String,
//!     owner: String,
//! }
//!
//! impl Record for Job {
//!     const TABLE: &'static str = "jobs";
//!     const SCHEMA: u32 = 1;
//!     fn key(&self) -> String {
//!         self.id.clone()
//!     }
//! }
//!
//! async fn claim(store: &SimStore, owner: &str) -> Result<(), StoreError> {
//!     let job = Job { id: "j1".into(), owner: owner.into() };
//!     let batch = Batch::new(OperationId::new(format!("claim/{owner}")))
//!         .expect_absent::<Job>("j1")
//!         .put(&job)?;
//!     store.commit(batch).await.map(|_| ())
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! let disk = Disk::new(&Randomness::from_seed(1), std::time::Duration::ZERO);
//! let store = SimStore::open(&disk, &Spawner::tokio());
//! claim(&store, "anna").await?;
//! assert!(matches!(claim(&store, "bo").await, Err(StoreError::Refused(_))));
//! let job = store.load::<Job>("j1").await?.expect("it was written");
//! assert_eq!(job.record.owner, "anna");
//! # Ok::<(), StoreError>(()) }).unwrap();
//! ```

mod batch;
mod disk;
mod either;
mod error;
mod ledger;
mod postgres;
mod queue;
mod record;
mod remote;
mod sim_store;
mod sqlite;
mod store;
mod watch;

pub use batch::{Batch, Committed, OperationId, Revision, Row};
pub use disk::{Disk, Write, WriteHook};
pub use either::EitherStore;
pub use error::{Conflict, StoreError};
pub use ledger::OPERATIONS_REMEMBERED;
pub use postgres::{PostgresConfig, PostgresOpenError, PostgresStore};
pub use record::{Record, Stored};
pub use remote::{RemoteConfig, RemoteStore, serve_store};
pub use sim_store::SimStore;
pub use sqlite::{OpenError, OpenErrorKind, SqliteStore};
pub use store::Store;
pub use watch::CommitWatch;
