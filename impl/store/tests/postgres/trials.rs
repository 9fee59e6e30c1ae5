//! What happens between a farm and its database.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use portcullis_net::{Host, Listener, Net, Randomness, Spawner, TokioNet};
use portcullis_store::{
    Disk, OPERATIONS_REMEMBERED, OperationId, PostgresConfig, PostgresOpenError, PostgresStore,
    SimStore, Store, StoreError,
};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use tokio::time::Instant;
use tokio_postgres::NoTls;

use crate::cluster::{Cluster, Outcome, Programs, host};
use crate::rules::{self, batch, put, state};
use crate::steps::{answers, steps};
use crate::way::Way;

pub(crate) async fn of_two_servers_that_claim_one_row_one_succeeds(
    cluster: Arc<Cluster>,
) -> Outcome<()> {
    let (one, other) = (cluster.open("claims").await?, cluster.open("claims").await?);
    rules::of_two_servers_that_claim_one_row_one_succeeds(one, other).await;
    Ok(())
}

pub(crate) async fn two_servers_that_open_at_once_share_one_store(
    cluster: Arc<Cluster>,
) -> Outcome<()> {
    for n in 0..5 {
        let schema = format!("at_once_{n}");
        let (one, other, third) = tokio::try_join!(
            cluster.open(&schema),
            cluster.open(&schema),
            cluster.open(&schema)
        )?;
        let commit = |store: &PostgresStore, id: &str| {
            let store = store.clone();
            let batch = put(id, id, "x");
            async move { store.commit(batch).await }
        };
        let committed =
            tokio::try_join!(commit(&one, "1"), commit(&other, "2"), commit(&third, "3"))?;
        let mut revisions = [committed.0, committed.1, committed.2].map(|done| done.revision.0);
        revisions.sort_unstable();
        assert_eq!(revisions, [1, 2, 3]);
        assert_eq!(one.scan("tasks").await?, other.scan("tasks").await?);
    }
    Ok(())
}

pub(crate) async fn stores_in_two_schemas_know_nothing_of_each_other(
    cluster: Arc<Cluster>,
) -> Outcome<()> {
    let configuration = cluster.open("configuration").await?;
    let content = cluster.open("content").await?;
    let first = configuration.commit(put("1", "a", "x")).await?;
    assert_eq!(state(&content, "a").await, None);
    assert_eq!(content.outcome(&OperationId::new("1")).await?, None);
    assert_eq!(content.commit(put("1", "a", "y")).await?, first);
    assert_eq!(state(&configuration, "a").await.as_deref(), Some("x"));
    Ok(())
}

/// A store whose connections go through the returned way.
async fn open_behind(
    cluster: &Cluster,
    schema: &str,
    timeout: Duration,
) -> Outcome<(PostgresStore, Way)> {
    let mut config = cluster.config(schema);
    config.timeout = timeout;
    let (way, net) = (Way::default(), TokioNet::new(Ipv4Addr::LOCALHOST.into()));
    let mut listener = net.bind(0).await?;
    let database = std::mem::replace(&mut config.port, listener.local_addr().port());
    let relays = way.clone();
    Spawner::tokio().spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            if let Ok(far) = net.connect("127.0.0.1", database).await {
                Spawner::tokio().spawn(relays.clone().relay(near, far));
            }
        }
    });
    Ok((PostgresStore::open(&host(), config).await?, way))
}

pub(crate) async fn a_commit_whose_answer_the_network_loses_is_found_by_operation(
    cluster: Arc<Cluster>,
) -> Outcome<()> {
    let (store, way) = open_behind(&cluster, "lost_answer", Duration::from_secs(5)).await?;
    way.lose_answer_to("COMMIT");
    let lost = store.commit(put("1", "a", "x")).await;
    assert_eq!(lost, Err(StoreError::Unknown));
    let found = store.outcome(&OperationId::new("1")).await?;
    assert!(found.is_some());
    assert_eq!(store.commit(put("1", "a", "x")).await.ok(), found);
    way.lose_answer_to("BEGIN");
    let undone = store.commit(put("2", "b", "x")).await;
    assert_eq!(undone, Err(StoreError::Unavailable));
    assert_eq!(store.outcome(&OperationId::new("2")).await?, None);
    Ok(())
}

pub(crate) async fn a_commit_that_is_stuck_does_not_arrive_after_its_outcome_was_asked(
    cluster: Arc<Cluster>,
) -> Outcome<()> {
    let limit = Duration::from_secs(2);
    let (store, way) = open_behind(&cluster, "stuck", limit).await?;
    let other = cluster.open("stuck").await?;
    let id = OperationId::new("1");
    let stuck = way.hold_up("COMMIT");
    let start = Instant::now();
    let question = async {
        stuck.is_stuck.notified().await;
        // The answer waits for the transaction in doubt, which the database ends.
        let outcome = other.outcome(&id).await;
        stuck.release.notify_one();
        outcome
    };
    let (answer, outcome) = tokio::join!(store.commit(put("1", "a", "x")), question);
    assert_eq!((answer, outcome), (Err(StoreError::Unknown), Ok(None)));
    assert!(start.elapsed() < limit * 3);
    store.commit(put("2", "b", "x")).await?;
    assert_eq!(other.outcome(&id).await?, None);
    assert_eq!(state(&other, "a").await, None);
    Ok(())
}

pub(crate) async fn a_key_too_long_for_an_index_fails_alone(cluster: Arc<Cluster>) -> Outcome<()> {
    let store = cluster.open("long_key").await?;
    // PostgreSQL compresses what repeats itself.
    let random = Randomness::from_seed(1);
    let long: String = (0..500)
        .map(|_| format!("{:x}", random.next_u64()))
        .collect();
    let (before, at, after) = tokio::join!(
        store.commit(put("1", "a", "x")),
        store.commit(put("2", &long, "x")),
        store.commit(put("3", "b", "x")),
    );
    assert_eq!(at, Err(StoreError::Unavailable));
    assert_eq!((before?.revision.0, after?.revision.0), (1, 2));
    assert_eq!(store.scan("tasks").await?.len(), 2);
    Ok(())
}

/// Runs SQL beside the stores.
async fn execute(cluster: &Cluster, sql: &str) -> Outcome<()> {
    let config = cluster.config("unused");
    let net = TokioNet::new(Ipv4Addr::LOCALHOST.into());
    let stream = net.connect(&config.server, config.port).await?;
    let (client, connection) = tokio_postgres::Config::new()
        .dbname(&config.database)
        .user(&config.user)
        .password(config.password.unwrap_or_default())
        .connect_raw(stream, NoTls)
        .await?;
    Spawner::tokio().spawn(async move { drop(connection.await) });
    Ok(client.batch_execute(sql).await?)
}

pub(crate) async fn old_operations_are_forgotten_and_recent_ones_are_not(
    cluster: Arc<Cluster>,
) -> Outcome<()> {
    let store = cluster.open("memory").await?;
    let first = OperationId::new("1");
    store.commit(batch("1")).await?;
    let many_later = OPERATIONS_REMEMBERED - 1;
    let advance = format!("UPDATE memory.head SET revision = {many_later}");
    execute(&cluster, &advance).await?;
    store.commit(batch("2")).await?;
    assert!(store.outcome(&first).await?.is_some());
    let last = store.commit(batch("3")).await?;
    assert_eq!(last.revision.0, OPERATIONS_REMEMBERED + 1);
    assert_eq!(store.outcome(&first).await?, None);
    assert!(store.outcome(&OperationId::new("2")).await?.is_some());
    Ok(())
}

pub(crate) async fn it_answers_as_the_simulated_store(cluster: Arc<Cluster>) -> Outcome<()> {
    let mut runner = TestRunner::default();
    for number in 0..30 {
        let steps = steps().new_tree(&mut runner).expect("drawn").current();
        let store = cluster.open(&format!("agreement_{number}")).await?;
        let disk = Disk::new(&Randomness::from_seed(1), Duration::ZERO);
        let simulated = SimStore::open(&disk, &Spawner::tokio());
        let expected = answers(&simulated, &steps).await;
        assert_eq!(answers(&store, &steps).await, expected, "{steps:?}");
    }
    Ok(())
}

async fn refused(host: &Host<TokioNet>, config: PostgresConfig) -> Outcome<PostgresOpenError> {
    let opened = PostgresStore::open(host, config).await;
    Ok(opened.err().ok_or("it was opened")?)
}

pub(crate) async fn what_cannot_be_opened_is_refused_by_name(cluster: Arc<Cluster>) -> Outcome<()> {
    let host = host();
    let config = cluster.config("newer");
    let with = |change: fn(&mut PostgresConfig)| {
        let mut config = config.clone();
        change(&mut config);
        config
    };
    for name in ["", "a b", "A", "1a", "a\";"] {
        let mut config = config.clone();
        config.schema = name.to_owned();
        let error = refused(&host, config).await?;
        assert!(matches!(error, PostgresOpenError::SchemaName), "{error}");
    }
    let error = refused(&host, with(|config| config.port = 1)).await?;
    assert!(
        matches!(error, PostgresOpenError::Unreachable(_)),
        "{error}"
    );
    assert!(error.may_pass());
    let guess = with(|config| config.password = Some("open sesame".to_owned()));
    let error = refused(&host, guess).await?.to_string();
    assert!(error.contains("password authentication failed"), "{error}");
    let silent = with(|config| config.password = None);
    let error = refused(&host, silent).await?.to_string();
    assert!(error.contains("password"), "{error}");
    let elsewhere = with(|config| config.database = "elsewhere".to_owned());
    let error = refused(&host, elsewhere).await?;
    assert!(!error.may_pass());
    let error = error.to_string();
    assert!(error.contains("\"elsewhere\" does not exist"), "{error}");

    let sql = "CREATE ROLE crowded LOGIN CONNECTION LIMIT 0 PASSWORD 'crowded'";
    execute(&cluster, sql).await?;
    let crowded = with(|config| {
        config.user = "crowded".to_owned();
        config.password = Some("crowded".to_owned());
    });
    let error = refused(&host, crowded).await?;
    assert!(error.may_pass(), "{error}");
    let error = error.to_string();
    assert!(error.contains("too many connections"), "{error}");

    cluster.open("newer").await?.close().await?;
    execute(&cluster, "UPDATE newer.head SET format = 9").await?;
    let error = refused(&host, config).await?;
    let PostgresOpenError::NewerFormat { found: 9, known: 1 } = error else {
        return Err(error.into());
    };
    Ok(())
}

pub(crate) async fn what_was_acknowledged_survives_the_kill_of_the_server(
    _: Arc<Cluster>,
) -> Outcome<()> {
    let programs = Programs::find().ok_or("not installed")?;
    let mut cluster = Cluster::start(&programs).await?;
    let store = cluster.open("kills").await?;
    let (acknowledge, mut acknowledged) = tokio::sync::mpsc::channel(100_000);
    for writer in 0..4 {
        let (store, acknowledge) = (store.clone(), acknowledge.clone());
        Spawner::tokio().spawn(async move {
            for n in 0.. {
                let id = format!("{writer}-{n}");
                if store.commit(put(&id, &id, "x")).await.is_err() {
                    break;
                }
                acknowledge.send(id).await.expect("the test listens");
            }
        });
    }
    drop(acknowledge);
    let mut ids = Vec::new();
    for _ in 0..200 {
        ids.push(acknowledged.recv().await.ok_or("it writes on")?);
    }
    cluster.kill()?;
    while let Some(id) = acknowledged.recv().await {
        ids.push(id);
    }
    let start = Instant::now();
    let down = store.commit(put("down", "down", "x")).await;
    assert_eq!(down, Err(StoreError::Unavailable));
    assert!(start.elapsed() < Duration::from_secs(5));

    cluster.restart().await?;
    // The same handle finds the server again.
    for id in ids {
        let found = store.outcome(&OperationId::new(id.as_str())).await?;
        assert!(found.is_some(), "{id} was acknowledged");
        assert_eq!(state(&store, &id).await.as_deref(), Some("x"));
    }
    assert_eq!(store.outcome(&OperationId::new("down")).await?, None);
    store.commit(put("up", "up", "x")).await?;
    Ok(())
}
