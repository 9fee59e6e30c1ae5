//! The store on another host: what its network may do, and what its peers may say.

use std::time::Duration;

use portcullis_net::{Host, Net, Randomness, Spawner, WallClock};
use portcullis_store::{
    Disk, OperationId, RemoteConfig, RemoteStore, SimStore, Store, StoreError, serve_store,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout};

use crate::crash;
use crate::rules::{self, put, state};
use crate::wires::{UNREACHABLE, Wires};

const PORT: u16 = 7000;
const SYNC: Duration = Duration::from_millis(5);
const TIMEOUT: Duration = Duration::from_secs(5);

/// A host with a store, and the network to it.
pub(crate) struct World {
    pub(crate) wires: Wires,
    disk: Disk,
}

impl World {
    pub(crate) async fn new() -> Self {
        let disk = Disk::new(&Randomness::from_seed(1), SYNC);
        let wires = Wires::default();
        let world = Self { wires, disk };
        world.serve(Spawner::tokio()).await;
        world
    }

    /// Starts the host with the store.
    async fn serve(&self, spawner: Spawner) {
        let store = SimStore::open(&self.disk, &spawner);
        let port = serve_store(&self.host("db", spawner), PORT, store).await;
        assert_eq!(port.expect("bound"), PORT);
    }

    pub(crate) fn open(&self) -> RemoteStore {
        self.open_at("db", PORT)
    }

    fn open_at(&self, server: &str, port: u16) -> RemoteStore {
        let host = self.host("web", Spawner::tokio());
        RemoteStore::open(&host, RemoteConfig::new(server, port))
    }

    fn host(&self, name: &str, spawner: Spawner) -> Host<Wires> {
        Host {
            name: name.into(),
            net: self.wires.clone(),
            spawner,
            wall: WallClock::system(),
            random: Randomness::from_seed(1),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn of_two_servers_that_claim_one_row_one_succeeds() {
    let world = World::new().await;
    rules::of_two_servers_that_claim_one_row_one_succeeds(world.open(), world.open()).await;
}

#[tokio::test(start_paused = true)]
async fn a_commit_whose_answer_the_network_loses_is_found_by_operation() {
    let world = World::new().await;
    let store = world.open();
    world.wires.way.lose_answer_to("Commit");
    let lost = store.commit(put("1", "a", "x")).await;
    assert_eq!(lost, Err(StoreError::Unknown));
    let found = store.outcome(&OperationId::new("1")).await.expect("read");
    assert!(found.is_some());
    assert_eq!(store.commit(put("1", "a", "x")).await.ok(), found);
    assert_eq!(world.disk.durable_rows("tasks").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_is_stuck_does_not_arrive_after_its_outcome_was_asked() {
    let world = World::new().await;
    let store = world.open();
    let id = OperationId::new("1");
    assert_eq!(store.outcome(&id).await, Ok(None));
    let stuck = world.wires.way.hold_up("Commit");
    let start = Instant::now();
    let answer = store.commit(put("1", "a", "x")).await;
    assert_eq!(
        (answer, start.elapsed()),
        (Err(StoreError::Unknown), TIMEOUT)
    );
    assert_eq!(store.outcome(&id).await, Ok(None));
    stuck.release.notify_one();
    sleep(TIMEOUT).await;
    assert_eq!(store.outcome(&id).await, Ok(None));
    store.commit(put("1", "a", "y")).await.expect("free again");
    assert_eq!(state(&store, "a").await.as_deref(), Some("y"));
}

#[tokio::test(start_paused = true)]
async fn without_a_connection_nothing_is_available_at_once_or_in_time() {
    let world = World::new().await;
    let start = Instant::now();
    let refused = world.open_at("db", PORT + 1);
    let answer = refused.commit(put("1", "a", "x")).await;
    assert_eq!(answer, Err(StoreError::Unavailable));
    assert_eq!(start.elapsed(), Duration::ZERO);

    let dropped = world.open_at(UNREACHABLE, PORT);
    let (commit, read) = tokio::join!(
        dropped.commit(put("1", "a", "x")),
        dropped.read("tasks", "a")
    );
    assert_eq!(commit, Err(StoreError::Unavailable));
    assert_eq!(read, Err(StoreError::Unavailable));
    assert_eq!(start.elapsed(), TIMEOUT);
}

/// Commits while the host of the store crashes during the sync; what is found after its restart.
async fn crash_during_sync(seed: u64) -> bool {
    let disk = Disk::new(&Randomness::from_seed(seed), SYNC);
    let wires = Wires::default();
    let (world, host) = (World { wires, disk }, crash::Host::default());
    world.serve(Spawner::new(host.clone())).await;
    let store = world.open();
    let crash = async {
        sleep(SYNC / 2).await;
        host.crash().await;
    };
    let (answer, ()) = tokio::join!(store.commit(put("1", "a", "x")), crash);
    assert_eq!(answer, Err(StoreError::Unknown));
    let down = store.outcome(&OperationId::new("1")).await;
    assert_eq!(down, Err(StoreError::Unavailable));
    world.serve(Spawner::tokio()).await;
    let outcome = store.outcome(&OperationId::new("1")).await;
    let is_there = state(&store, "a").await.is_some();
    assert_eq!(outcome.map(|found| found.is_some()), Ok(is_there));
    is_there
}

#[tokio::test(start_paused = true)]
async fn after_a_crash_of_the_store_the_outcome_says_what_is_there() {
    let mut kept = 0;
    for seed in 0..20 {
        kept += u32::from(crash_during_sync(seed).await);
    }
    assert!((1..20).contains(&kept), "{kept} of 20 were kept");
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_use_is_closed_and_opened_again() {
    let world = World::new().await;
    let store = world.open();
    for n in 0..3_u16 {
        let n_text = n.to_string();
        store.commit(put(&n_text, "a", "x")).await.expect("done");
        store.commit(put(&n_text, "a", "x")).await.expect("done");
        assert_eq!(world.wires.opened(), n + 1);
        sleep(Duration::from_secs(61)).await;
    }
}

/// A frame that claims to have `length` octets.
fn frame(length: usize, octets: &[u8]) -> Vec<u8> {
    let length = u32::try_from(length).expect("short").to_be_bytes();
    [&length, octets].concat()
}

/// Says `octets` to the store and waits until it closes the connection; how long that took.
async fn dismissed_after(world: &World, octets: &[u8]) -> Duration {
    let start = Instant::now();
    let mut stream = world.wires.connect("db", PORT).await.expect("connected");
    stream.write_all(octets).await.expect("written");
    let mut heard = Vec::new();
    stream.read_to_end(&mut heard).await.expect("closed");
    assert!(heard.is_empty(), "nothing is answered");
    start.elapsed()
}

#[tokio::test(start_paused = true)]
async fn who_talks_garbage_or_too_slowly_loses_the_connection() {
    let world = World::new().await;
    let hello = br#"{"superseded":[]}"#;
    let hello = frame(hello.len(), hello);
    let garbage = frame(5, b"hello");
    let after_hello = [hello.as_slice(), &garbage].concat();
    let endless = [hello.as_slice(), &frame(1 << 30, b"{")].concat();
    for octets in [&garbage, &after_hello, &endless] {
        assert_eq!(dismissed_after(&world, octets).await, Duration::ZERO);
    }
    assert_eq!(dismissed_after(&world, &hello[..9]).await, TIMEOUT);
    let idle = dismissed_after(&world, &hello).await;
    assert_eq!(idle, Duration::from_secs(120));
    let store = world.open();
    store.commit(put("1", "a", "x")).await.expect("served");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_nobody_takes_ends_the_connection() {
    let world = World::new().await;
    let store = world.open();
    let large = "x".repeat(1024 * 1024);
    store.commit(put("1", "a", &large)).await.expect("done");
    let read = br#"{"number":1,"question":{"Read":{"table":"tasks","key":"a"}}}"#;
    let hello = br#"{"superseded":[]}"#;
    let mut stream = world.wires.connect("db", PORT).await.expect("connected");
    let frames = [frame(hello.len(), hello), frame(read.len(), read)].concat();
    stream.write_all(&frames).await.expect("written");
    sleep(TIMEOUT * 2).await;
    let mut heard = Vec::new();
    stream.read_to_end(&mut heard).await.expect("closed");
    assert!(heard.len() < large.len(), "{} octets", heard.len());
    let there = state(&store, "a").await.expect("still served");
    assert_eq!(there.len(), large.len());
}

/// Large questions and large answers at the same time, more than the network holds.
#[tokio::test(start_paused = true)]
async fn neither_end_waits_for_the_other_to_read_first() {
    let world = World::new().await;
    let store = world.open();
    let large = "x".repeat(300_000);
    store.commit(put("0", "0", &large)).await.expect("done");
    let both = (1..9).map(|n| {
        let (store, id) = (store.clone(), n.to_string());
        let commit = put(&id, &id, &large);
        async move {
            let (rows, committed) = tokio::join!(store.scan("tasks"), store.commit(commit));
            assert!(rows.is_ok() && committed.is_ok());
        }
    });
    let all = futures_util::future::join_all(both);
    timeout(TIMEOUT * 2, all).await.expect("both go on");
}

#[tokio::test(start_paused = true)]
async fn a_closed_store_has_asked_everything() {
    let world = World::new().await;
    let store = world.open();
    let (committed, closed) = tokio::join!(store.commit(put("1", "a", "x")), store.clone().close());
    assert_eq!((committed.is_ok(), closed), (true, Ok(())));
    let answer = store.commit(put("2", "a", "x")).await;
    assert_eq!(answer, Err(StoreError::Unavailable));
}
