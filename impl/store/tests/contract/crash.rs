//! Crashes of a simulated host: what its disk holds afterwards.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use portcullis_net::{Randomness, Spawn, Spawner};
use portcullis_store::{Disk, SimStore, Store, StoreError, Write};
use tokio::task::JoinSet;

use crate::rules::{put, state, task};

const SYNC: Duration = Duration::from_millis(5);

/// A host whose tasks can be dropped all at once.
#[derive(Clone, Default)]
pub(crate) struct Host(Arc<Mutex<JoinSet<()>>>);

impl Spawn for Host {
    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>) {
        self.0.lock().expect("not poisoned").spawn(task);
    }
}

impl Host {
    pub(crate) async fn crash(&self) {
        let mut tasks = std::mem::take(&mut *self.0.lock().expect("not poisoned"));
        tasks.shutdown().await;
    }
}

fn disk(seed: u64) -> Disk {
    Disk::new(&Randomness::from_seed(seed), SYNC)
}

/// Commits `a` and crashes the host `after` the commit was sent; what the next incarnation reads.
async fn survivor(seed: u64, after: Duration) -> (Result<(), StoreError>, Option<String>) {
    let (disk, host) = (disk(seed), Host::default());
    let store = SimStore::open(&disk, &Spawner::new(host.clone()));
    let commit = async { store.commit(put("1", "a", "x")).await.map(|_| ()) };
    let crash = async {
        tokio::time::sleep(after).await;
        host.crash().await;
    };
    let (answer, ()) = tokio::join!(commit, crash);
    let reopened = SimStore::open(&disk, &Spawner::tokio());
    (answer, state(&reopened, "a").await)
}

#[tokio::test(start_paused = true)]
async fn an_acknowledged_write_survives_every_crash() {
    for seed in 0..20 {
        let (answer, found) = survivor(seed, SYNC * 2).await;
        assert_eq!((answer, found.as_deref()), (Ok(()), Some("x")));
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_during_the_sync_leaves_all_or_nothing_by_the_coin() {
    let mut kept = 0;
    for seed in 0..40 {
        let (answer, found) = survivor(seed, SYNC / 2).await;
        assert_eq!(answer, Err(StoreError::Unknown), "its answer is lost");
        let again = survivor(seed, SYNC / 2).await;
        assert_eq!(again.1, found, "the seed decides");
        kept += usize::from(found.is_some());
    }
    assert!(
        (5..35).contains(&kept),
        "both happen: {kept} of 40 were kept"
    );
}

#[tokio::test(start_paused = true)]
async fn a_write_that_waits_for_its_turn_is_lost_in_a_crash() {
    for seed in 0..20 {
        let (disk, host) = (disk(seed), Host::default());
        let store = SimStore::open(&disk, &Spawner::new(host.clone()));
        let first = store.commit(put("1", "a", "x"));
        let second = async {
            tokio::time::sleep(SYNC / 4).await;
            store.commit(put("2", "b", "x")).await
        };
        let crash = async {
            tokio::time::sleep(SYNC / 2).await;
            host.crash().await;
        };
        let (_, answer, ()) = tokio::join!(first, second, crash);
        assert_eq!(answer, Err(StoreError::Unknown));
        let reopened = SimStore::open(&disk, &Spawner::tokio());
        assert_eq!(state(&reopened, "b").await, None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_incarnation_writes_nothing_more() {
    let disk = disk(1);
    let old = SimStore::open(&disk, &Spawner::tokio());
    let new = SimStore::open(&disk, &Spawner::tokio());
    assert!(old.commit(put("1", "a", "old")).await.is_err());
    new.commit(put("2", "a", "new"))
        .await
        .expect("the owner writes");
    assert_eq!(state(&new, "a").await.as_deref(), Some("new"));
    assert_eq!(disk.durable_rows("tasks").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn every_durable_row_is_announced_once_before_the_answer() {
    let disk = disk(1);
    let seen: Arc<Mutex<Vec<Write>>> = Arc::default();
    let log = Arc::clone(&seen);
    disk.on_write(Arc::new(move |write| {
        log.lock().expect("not poisoned").push(write);
    }));
    let store = SimStore::open(&disk, &Spawner::tokio());
    let two = put("1", "a", "x").put(&task("b", "x")).expect("json");
    for _ in 0..2 {
        store.commit(two.clone()).await.expect("done");
    }
    let keys: Vec<String> = seen
        .lock()
        .expect("not poisoned")
        .iter()
        .map(|write| format!("{} {} {}", write.table, write.key, write.operation))
        .collect();
    assert_eq!(keys, ["tasks a 1", "tasks b 1"]);
}

#[tokio::test(start_paused = true)]
async fn writes_that_wait_together_share_one_sync() {
    let store = SimStore::open(&disk(1), &Spawner::tokio());
    let start = tokio::time::Instant::now();
    let (a, b, c) = tokio::join!(
        store.commit(put("1", "a", "x")),
        store.commit(put("2", "b", "x")),
        store.commit(put("3", "c", "x")),
    );
    assert!(a.is_ok() && b.is_ok() && c.is_ok());
    assert_eq!(start.elapsed(), SYNC);
}

#[tokio::test(start_paused = true)]
async fn a_closed_store_is_not_available() {
    let store = SimStore::open(&disk(1), &Spawner::tokio());
    store.clone().close().await.expect("closes once");
    assert_eq!(
        store.commit(put("1", "a", "x")).await,
        Err(StoreError::Unavailable)
    );
}
