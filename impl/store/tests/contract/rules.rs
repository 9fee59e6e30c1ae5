//! The rules that every store keeps, each as a test of any store that is empty at first.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use portcullis_net::Spawner;
use portcullis_store::{
    Batch, CommitWatch, Conflict, OperationId, Record, Revision, Store, StoreError,
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

pub(crate) async fn state(store: &impl Store, id: &str) -> Option<String> {
    let found = store.load::<Task>(id).await.expect("readable");
    found.map(|stored| stored.record.state)
}

pub(crate) async fn what_was_committed_is_read(store: impl Store) {
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

pub(crate) async fn a_batch_is_carried_out_whole_or_not_at_all(store: impl Store) {
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

pub(crate) async fn of_two_writers_that_claim_one_row_one_succeeds(store: impl Store) {
    of_two_servers_that_claim_one_row_one_succeeds(store.clone(), store).await;
}

/// The same, each with a handle of its own, many times.
pub(crate) async fn of_two_servers_that_claim_one_row_one_succeeds(
    one: impl Store,
    other: impl Store,
) {
    for row in 0..20 {
        let row = row.to_string();
        let claim = |who: &str| put(&format!("{who} {row}"), &row, who).expect_absent::<Task>(&row);
        let (anna, bo) = tokio::join!(one.commit(claim("anna")), other.commit(claim("bo")));
        let winner = match (&anna, &bo) {
            (Ok(_), Err(StoreError::Refused(_))) => "anna",
            (Err(StoreError::Refused(_)), Ok(_)) => "bo",
            answers => panic!("one succeeds and one is refused, not {answers:?}"),
        };
        assert_eq!(state(&one, &row).await.as_deref(), Some(winner));
        assert_eq!(state(&other, &row).await.as_deref(), Some(winner));
    }
}

pub(crate) async fn a_row_that_moved_on_is_not_overwritten(store: impl Store) {
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

pub(crate) async fn of_several_changes_of_a_row_the_last_one_counts(store: impl Store) {
    let changes = put("1", "a", "1")
        .delete::<Task>("a")
        .put(&task("a", "2"))
        .expect("json")
        .put(&task("b", "1"))
        .expect("json")
        .delete::<Task>("b");
    store.commit(changes).await.expect("done");
    assert_eq!(state(&store, "a").await.as_deref(), Some("2"));
    assert_eq!(state(&store, "b").await, None);
}

pub(crate) async fn keys_are_any_text_and_sorted_by_octets(store: impl Store) {
    let sorted = ["", "\0", "A b", "Z", "a", "a'\"\\", "ä", "ﬁ", "😀"];
    for key in sorted.iter().rev() {
        store.commit(put(key, key, key)).await.expect("done");
        let outcome = store.outcome(&OperationId::new(*key)).await;
        assert!(outcome.expect("read").is_some(), "{key:?}");
        assert_eq!(state(&store, key).await.as_deref(), Some(*key));
    }
    let all = store.load_all::<Task>().await.expect("read");
    let keys: Vec<&str> = all.iter().map(|stored| stored.record.id.as_str()).collect();
    assert_eq!(keys, sorted);
}

pub(crate) async fn a_repeated_operation_writes_once(store: impl Store) {
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
pub(crate) async fn a_commit_whose_answer_is_lost_is_found_by_operation(store: impl Store) {
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

pub(crate) async fn a_record_of_a_newer_schema_is_refused_by_name(store: impl Store) {
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

pub(crate) async fn many_writers_are_all_served(store: impl Store) {
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

/// Hands the names of all rules to the macro `$each`.
/// Where others commit past a store, it promises nothing.
pub(crate) async fn who_watches_is_told_of_a_commit_before_its_writer(store: impl Store) {
    let Some(mut watch) = store.watch() else {
        return;
    };
    let tables = [Task::TABLE];
    assert_eq!(watch.count(&tables), 0);
    store.commit(put("1", "a", "new")).await.expect("done");
    assert_eq!(watch.count(&tables), 1);
    watch.changed(&tables, 0).await;
    let refused = put("2", "a", "newer").expect_absent::<Task>("a");
    let refused = store.commit(refused).await;
    assert!(matches!(refused, Err(StoreError::Refused(_))));
    assert_eq!(watch.count(&tables), 1);
    let is_told = |watch: &mut CommitWatch, tables: &[&str], seen| {
        let changed = pin!(watch.changed(tables, seen));
        let mut cx = Context::from_waker(Waker::noop());
        changed.poll(&mut cx).is_ready()
    };
    assert!(!is_told(&mut watch, &tables, 1));
    assert!(!is_told(&mut watch, &["another"], 0));
    store
        .commit(batch("3").delete::<Task>("a"))
        .await
        .expect("done");
    assert!(is_told(&mut watch, &["another", Task::TABLE], 1));
}

macro_rules! for_each_rule {
    ($each:ident) => {
        $each! {
            what_was_committed_is_read,
            a_batch_is_carried_out_whole_or_not_at_all,
            of_two_writers_that_claim_one_row_one_succeeds,
            a_row_that_moved_on_is_not_overwritten,
            of_several_changes_of_a_row_the_last_one_counts,
            keys_are_any_text_and_sorted_by_octets,
            a_repeated_operation_writes_once,
            a_commit_whose_answer_is_lost_is_found_by_operation,
            a_record_of_a_newer_schema_is_refused_by_name,
            many_writers_are_all_served,
            who_watches_is_told_of_a_commit_before_its_writer,
        }
    };
}
pub(crate) use for_each_rule;
