//! The contract of [`Store`], held by every implementation.

mod agreement;
mod crash;
mod file;

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use portcullis_net::{Randomness, Spawner};
use portcullis_store::{
    Batch, Conflict, Disk, OPERATIONS_REMEMBERED, OperationId, Record, Revision, SimStore,
    SqliteStore, Store, StoreError,
};
use serde::{Deserialize, Serialize};

/// A record of the tests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Task {
    pub(crate) id: String,
    pub(crate) state: String,
}

impl Record for Task {
    const TABLE: &'static str = "tasks";
    const SCHEMA: u32 = 2;

    fn key(&self) -> String {
        self.id.clone()
    }
}

/// The same table as a later version of the program has it.
#[derive(Serialize, Deserialize)]
struct LaterTask {
    id: String,
}

impl Record for LaterTask {
    const TABLE: &'static str = "tasks";
    const SCHEMA: u32 = 3;

    fn key(&self) -> String {
        self.id.clone()
    }
}

pub(crate) fn task(id: &str, state: &str) -> Task {
    Task {
        id: id.into(),
        state: state.into(),
    }
}

pub(crate) fn batch(operation: &str) -> Batch {
    Batch::new(OperationId::new(operation))
}

pub(crate) fn put(operation: &str, id: &str, state: &str) -> Batch {
    batch(operation)
        .put(&task(id, state))
        .expect("a task has a form in json")
}

async fn state(store: &impl Store, id: &str) -> Option<String> {
    let found = store.load::<Task>(id).await.expect("readable");
    found.map(|stored| stored.record.state)
}

async fn what_was_committed_is_read(store: impl Store) {
    assert_eq!(store.load::<Task>("a").await, Ok(None));
    let first = store.commit(put("1", "a", "new")).await.expect("done");
    let second = store.commit(put("2", "b", "new")).await.expect("done");
    assert!(first.revision < second.revision);
    let a = store.load::<Task>("a").await.expect("read").expect("there");
    assert_eq!((a.record, a.revision), (task("a", "new"), first.revision));
    let all = store.load_all::<Task>().await.expect("read");
    let ids: Vec<&str> = all.iter().map(|stored| stored.record.id.as_str()).collect();
    assert_eq!(ids, ["a", "b"]);
    let removal = batch("3").delete::<Task>("a").delete::<Task>("never there");
    store.commit(removal).await.expect("done");
    assert_eq!(state(&store, "a").await, None);
}

async fn a_batch_is_carried_out_whole_or_not_at_all(store: impl Store) {
    let both = put("1", "a", "x").put(&task("b", "x")).expect("json");
    store.commit(both).await.expect("done");
    let refused = put("2", "a", "y")
        .put(&task("b", "y"))
        .expect("json")
        .expect_absent::<Task>("b");
    assert_eq!(
        store.commit(refused).await,
        Err(StoreError::Refused(Conflict::Row {
            table: "tasks".into(),
            key: "b".into(),
            found: Some(Revision(1)),
        }))
    );
    assert_eq!(state(&store, "a").await.as_deref(), Some("x"));
    assert_eq!(store.outcome(&OperationId::new("2")).await, Ok(None));
}

async fn of_two_writers_that_claim_one_row_one_succeeds(store: impl Store) {
    let claim = |who: &str| put(who, "row", who).expect_absent::<Task>("row");
    let (anna, bo) = tokio::join!(store.commit(claim("anna")), store.commit(claim("bo")));
    let winner = match (&anna, &bo) {
        (Ok(_), Err(StoreError::Refused(_))) => "anna",
        (Err(StoreError::Refused(_)), Ok(_)) => "bo",
        other => panic!("one succeeds and one is refused, not {other:?}"),
    };
    assert_eq!(state(&store, "row").await.as_deref(), Some(winner));
}

async fn a_row_that_moved_on_is_not_overwritten(store: impl Store) {
    let first = store
        .commit(put("1", "a", "1"))
        .await
        .expect("done")
        .revision;
    let move_on =
        |operation: &str| put(operation, "a", operation).expect_revision::<Task>("a", first);
    store.commit(move_on("2")).await.expect("the first to move");
    assert!(matches!(
        store.commit(move_on("3")).await,
        Err(StoreError::Refused(Conflict::Row {
            found: Some(Revision(2)),
            ..
        }))
    ));
    let gone = put("4", "b", "x").expect_revision::<Task>("b", first);
    assert!(matches!(
        store.commit(gone).await,
        Err(StoreError::Refused(Conflict::Row { found: None, .. }))
    ));
}

async fn a_repeated_operation_writes_once(store: impl Store) {
    let first = store.commit(put("1", "a", "1")).await.expect("done");
    store.commit(put("2", "a", "2")).await.expect("done");
    assert_eq!(store.commit(put("1", "a", "1")).await, Ok(first));
    assert_eq!(state(&store, "a").await.as_deref(), Some("2"));
    assert_eq!(
        store.commit(put("1", "a", "other")).await,
        Err(StoreError::Refused(Conflict::OperationReused))
    );
}

/// The caller is gone after the commit was sent: its answer is lost, its write is not.
async fn a_commit_whose_answer_is_lost_is_found_by_operation(store: impl Store) {
    {
        let mut commit = pin!(store.commit(put("lost", "a", "1")));
        let mut cx = Context::from_waker(Waker::noop());
        assert_eq!(commit.as_mut().poll(&mut cx), Poll::Pending);
    }
    let found = store
        .outcome(&OperationId::new("lost"))
        .await
        .expect("read");
    assert!(found.is_some());
    assert_eq!(state(&store, "a").await.as_deref(), Some("1"));
    assert_eq!(store.commit(put("lost", "a", "1")).await.ok(), found);
    assert_eq!(store.outcome(&OperationId::new("never")).await, Ok(None));
}

async fn a_record_of_a_newer_schema_is_refused_by_name(store: impl Store) {
    let later = LaterTask { id: "a".into() };
    let written = batch("1").put(&later).expect("json");
    store.commit(written).await.expect("done");
    assert_eq!(
        store.load::<Task>("a").await,
        Err(StoreError::NewerSchema {
            table: "tasks",
            found: 3,
            known: 2
        })
    );
    let older = store.load::<LaterTask>("a").await.expect("its own schema");
    assert!(older.is_some());
}

async fn many_writers_are_all_served(store: impl Store) {
    let (done, mut revisions) = tokio::sync::mpsc::channel(500);
    for n in 0..500 {
        let (store, done) = (store.clone(), done.clone());
        Spawner::tokio().spawn(async move {
            let n = n.to_string();
            let committed = store.commit(put(&n, &n, "x")).await.expect("done");
            done.send(committed.revision).await.expect("the test waits");
        });
    }
    drop(done);
    let mut seen = std::collections::BTreeSet::new();
    while let Some(revision) = revisions.recv().await {
        seen.insert(revision);
    }
    assert_eq!(seen, (1..=500).map(Revision).collect());
    assert_eq!(store.load_all::<Task>().await.expect("read").len(), 500);
}

/// Runs one test of the contract on both stores.
macro_rules! contract {
    ($($test:ident),* $(,)?) => {
        mod simulated {
            use super::*;
            $(
                #[tokio::test(start_paused = true)]
                async fn $test() {
                    let disk = Disk::new(&Randomness::from_seed(1), Duration::from_millis(5));
                    super::$test(SimStore::open(&disk, &Spawner::tokio())).await;
                }
            )*
        }

        mod sqlite {
            use super::*;
            $(
                #[tokio::test]
                async fn $test() {
                    let directory = tempfile::tempdir().expect("a directory");
                    let store = SqliteStore::open(&directory.path().join("store.db"));
                    super::$test(store.expect("a new store")).await;
                }
            )*
        }
    };
}

contract!(
    what_was_committed_is_read,
    a_batch_is_carried_out_whole_or_not_at_all,
    of_two_writers_that_claim_one_row_one_succeeds,
    a_row_that_moved_on_is_not_overwritten,
    a_repeated_operation_writes_once,
    a_commit_whose_answer_is_lost_is_found_by_operation,
    a_record_of_a_newer_schema_is_refused_by_name,
    many_writers_are_all_served,
);

#[tokio::test(start_paused = true)]
async fn old_operations_are_forgotten_and_recent_ones_are_not() {
    let disk = Disk::new(&Randomness::from_seed(1), Duration::ZERO);
    let store = SimStore::open(&disk, &Spawner::tokio());
    let last = OPERATIONS_REMEMBERED + 1;
    for n in 1..=last {
        store.commit(batch(&n.to_string())).await.expect("done");
    }
    assert_eq!(store.outcome(&OperationId::new("1")).await, Ok(None));
    for n in [2, last] {
        let found = store.outcome(&OperationId::new(n.to_string())).await;
        assert_eq!(found.map(|found| found.is_some()), Ok(true));
    }
}
