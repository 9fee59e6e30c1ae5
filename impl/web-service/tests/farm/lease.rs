//! Two import servers, and databases that do not answer.

use std::time::Duration;

use insta::assert_snapshot;
use portcullis_web_service::FarmEvent;
use portcullis_web_service::config::Config;
use portcullis_web_service::message::{Guid, JobStatus, Request, Violation};
use portcullis_web_service::work::ScriptedImport;
use tokio::time::sleep;

use crate::world::{ANY, DatabaseServer, Server, Way, World, config, new_job, seconds};

/// Ten minutes of placing, an object every five seconds.
const LONG: ScriptedImport = ScriptedImport {
    verify: Duration::ZERO,
    decompress: Duration::ZERO,
    place: seconds(5),
    objects: 120,
    fails: None,
};

fn adjusted(server: &str) -> Config {
    let mut config = config(server);
    config.timers.lease = seconds(40);
    config
}

/// A farm of two import servers; the first has a job under way since a minute.
async fn two_servers() -> (World, DatabaseServer, Server, Server, Guid) {
    let world = World::new(LONG);
    let served = world.serve_databases();
    let first = world.start(adjusted("wfe1"), &served.databases).await;
    let job = first.prepared(ANY).await;
    first.run(job).await.unwrap();
    sleep(seconds(5)).await;
    let second = world.start(adjusted("wfe2"), &served.databases).await;
    sleep(seconds(55)).await;
    (world, served, first, second, job)
}

/// When `server` announced that it took the timer job, after the first time.
fn takeovers(world: &World, server: &str) -> usize {
    world.count(|at, event| {
        matches!(
            event,
            FarmEvent::TimerJob {
                from: "running",
                to: "running",
                ..
            }
        ) && at == server
    })
}

#[tokio::test(start_paused = true)]
async fn the_second_server_takes_over_after_the_lease_and_not_before() {
    let (world, _served, first, second, job) = two_servers().await;
    let before = world.shelf.placed(job).len();
    assert_eq!(
        takeovers(&world, "wfe2"),
        0,
        "an owner that lives is left alone"
    );
    first.crash().await;
    sleep(seconds(29)).await;
    assert_eq!(
        takeovers(&world, "wfe2"),
        0,
        "the lease lasts from the last sign of life"
    );
    sleep(seconds(13)).await;
    assert_eq!(takeovers(&world, "wfe2"), 1);
    assert_eq!(second.ended(job).await.status, JobStatus::Success);
    let placed = world.shelf.placed(job);
    assert_eq!(placed.len(), 120);
    assert!(before > 5 && placed.values().all(|times| *times <= 2));
}

/// Whoever cannot renew its lease has stopped when somebody else begins.
#[tokio::test(start_paused = true)]
async fn an_owner_that_is_cut_off_stops_before_another_begins() {
    for way in [Way::Refused, Way::Silent] {
        let (world, _served, first, second, job) = two_servers().await;
        first.ways.configuration.set(way);
        assert_eq!(second.ended(job).await.status, JobStatus::Success);
        let by_first =
            world.last(|at, event| at == "wfe1" && matches!(event, FarmEvent::Placed { .. }));
        let taken = world.first(|at, event| {
            at == "wfe2"
                && matches!(
                    event,
                    FarmEvent::TimerJob {
                        from: "running",
                        ..
                    }
                )
        });
        assert!(
            by_first.is_some() && by_first < taken,
            "{by_first:?} {taken:?}"
        );
        assert_eq!(world.shelf.placed(job).len(), 120);

        // Back again, it leaves the job alone.
        first.ways.configuration.set(Way::Open);
        sleep(seconds(100)).await;
        assert_eq!(second.word(job).await, JobStatus::Success);
        assert_eq!(takeovers(&world, "wfe1"), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn an_import_goes_on_when_its_databases_were_away_for_longer_than_the_lease() {
    let world = World::new(LONG);
    let served = world.serve_databases();
    let server = world.start(adjusted("wfe1"), &served.databases).await;
    let job = server.prepared(ANY).await;
    server.run(job).await.unwrap();
    sleep(seconds(60)).await;
    for gate in [&server.ways.configuration, &server.ways.content] {
        gate.set(Way::Silent);
    }
    sleep(seconds(300)).await;
    let placed = world.shelf.placed(job).len();
    assert!((8..25).contains(&placed), "{placed}");
    for gate in [&server.ways.configuration, &server.ways.content] {
        gate.set(Way::Open);
    }
    let status = server.ended(job).await;
    assert_eq!(
        (status.status, status.imported_object_count),
        (JobStatus::Success, 120)
    );
    assert_eq!(takeovers(&world, "wfe1"), 1);
}

/// A short outage is waited out: the phase goes on, its lease is kept.
#[tokio::test(start_paused = true)]
async fn an_import_is_not_disturbed_by_a_short_outage() {
    let world = World::new(ScriptedImport {
        verify: seconds(3),
        decompress: seconds(60),
        objects: 2,
        ..LONG
    });
    let served = world.serve_databases();
    let server = world.start(adjusted("wfe1"), &served.databases).await;
    let job = server.prepared(ANY).await;
    server.run(job).await.unwrap();
    sleep(seconds(20)).await;
    server.ways.configuration.set(Way::Refused);
    sleep(seconds(20)).await;
    server.ways.configuration.set(Way::Open);
    server.ended(job).await;
    assert_eq!(takeovers(&world, "wfe1"), 0);
    let failures = world.count(|_, event| {
        matches!(
            event,
            FarmEvent::DatabaseFailed {
                part: "timer-service",
                database: "configuration",
                ..
            }
        )
    });
    assert!(failures > 2, "{failures}");
    let begun = world.count(|_, event| matches!(event, FarmEvent::DecompressionStarted { .. }));
    assert_eq!(begun, 1);
}

#[tokio::test(start_paused = true)]
async fn a_worker_without_databases_faults_and_recovers() {
    let world = World::new(LONG);
    let served = world.serve_databases();
    let server = world.start(adjusted("wfe1"), &served.databases).await;
    let job = server.prepared(ANY).await;
    for way in [Way::Refused, Way::Silent] {
        server.ways.content.set(way);
        assert_eq!(server.status(job).await, Err(Violation::Unavailable));
        assert_eq!(server.run(job).await, Err(Violation::Unavailable));
        assert_eq!(server.delete(job).await, Err(Violation::Unavailable));
        assert_eq!(server.cancel(job).await, Err(Violation::Unavailable));
        assert!(server.upload(job, "Other.cab", b"MSCF").await.is_err());
        server.ways.content.set(Way::Open);
        assert_eq!(server.word(job).await, JobStatus::ImportPreparing);
    }
    server.ways.configuration.set(Way::Refused);
    assert_eq!(
        server.word(job).await,
        JobStatus::ImportPreparing,
        "status needs the other only"
    );
    assert_eq!(server.run(job).await, Err(Violation::Unavailable));
    let created = server.ask(Request::CreateJob(new_job(ANY))).await;
    assert_eq!(created, Err(Violation::Unavailable));
    server.ways.configuration.set(Way::Open);
    assert!(server.run(job).await.is_ok());
}

/// The answer to a commit is lost once, at each place where one can be: asked again, the database
/// tells what became of it, and no move is made twice.
#[tokio::test(start_paused = true)]
async fn a_commit_whose_answer_is_lost_is_asked_after() {
    let world = World::new(ScriptedImport::default());
    let served = world.serve_databases();
    let server = world.start(adjusted("wfe1"), &served.databases).await;
    let lose = || {
        server.ways.configuration.set(Way::LosesAnswer);
        server.ways.content.set(Way::LosesAnswer);
    };
    lose();
    let job = server.create(ANY).await;
    lose();
    server.upload(job, "A.cab", b"MSCF").await.unwrap();
    lose();
    server.run(job).await.unwrap();
    lose();
    assert_eq!(server.ended(job).await.status, JobStatus::Success);
    lose();
    server.delete(job).await.unwrap();
    sleep(seconds(10)).await;
    assert_snapshot!(world.transcript());
}

/// Further imports wait for one that ends, in the order in which they were run.
#[tokio::test(start_paused = true)]
async fn a_server_runs_so_many_imports_at_a_time() {
    let world = World::new(ScriptedImport {
        decompress: seconds(100),
        place: Duration::ZERO,
        ..LONG
    });
    let served = world.serve_databases();
    let mut two = adjusted("wfe1");
    two.limits.imports_max = 2;
    // Imports into one site collection would wait for each other anyway.
    let sites = ["/", "/sites/news", "/sites/old"].map(ToOwned::to_owned);
    two.web_applications[0].site_collections = sites.clone().into();
    let server = world.start(two, &served.databases).await;
    let mut jobs = Vec::new();
    for site in sites {
        let job = server.prepared_for(ANY, &site).await;
        server.run(job).await.unwrap();
        jobs.push(job);
    }
    sleep(seconds(50)).await;
    let mut words = Vec::new();
    for job in &jobs {
        words.push(server.word(*job).await);
    }
    let (runs, waits) = (JobStatus::ImportInProgress, JobStatus::ImportPreparing);
    assert_eq!(words, [runs, runs, waits]);
    for job in jobs {
        assert_eq!(server.ended(job).await.status, JobStatus::Success);
    }
    let elapsed = world.start.elapsed();
    assert!(
        (seconds(200)..seconds(240)).contains(&elapsed),
        "{elapsed:?}"
    );
}

/// Two imports into one site collection would leave a mixture of two versions.
#[tokio::test(start_paused = true)]
async fn imports_into_one_site_collection_wait_for_each_other() {
    let world = World::new(ScriptedImport {
        decompress: seconds(100),
        place: Duration::ZERO,
        ..LONG
    });
    let served = world.serve_databases();
    let server = world.start(adjusted("wfe1"), &served.databases).await;
    let mut jobs = Vec::new();
    for _ in 0..2 {
        let job = server.prepared(ANY).await;
        server.run(job).await.unwrap();
        jobs.push(job);
    }
    sleep(seconds(50)).await;
    assert_eq!(server.word(jobs[0]).await, JobStatus::ImportInProgress);
    assert_eq!(server.word(jobs[1]).await, JobStatus::ImportPreparing);
    // Also when the server has started anew in the middle.
    server.crash().await;
    let server = world.start(adjusted("wfe1"), &served.databases).await;
    sleep(seconds(10)).await;
    assert_eq!(server.word(jobs[1]).await, JobStatus::ImportPreparing);
    for job in jobs {
        assert_eq!(server.ended(job).await.status, JobStatus::Success);
    }
}
