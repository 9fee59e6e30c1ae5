//! What is kept, and for how long: logs, final states, temporary files.

use portcullis_store::Row;
use portcullis_web_service::config::Config;
use portcullis_web_service::message::{Guid, JobStatus, NewJob, Request, Response, Violation};
use portcullis_web_service::work::{FailsIn, ScriptedImport};
use tokio::time::sleep;

use crate::world::{ANY, DatabaseServer, SOURCE, Server, World, config, new_job, seconds};

const HOUR: u64 = 3600;

async fn farm(adjust: impl FnOnce(&mut Config)) -> (World, DatabaseServer, Server) {
    let world = World::new(ScriptedImport::default());
    let served = world.serve_databases();
    let mut config = config("wfe1");
    adjust(&mut config);
    let server = world.start(config, &served.databases).await;
    (world, served, server)
}

/// Seven hours, looked at every ten minutes.
const fn forgetful(config: &mut Config) {
    config.temporary_files_kept = seconds(7 * HOUR);
    config.timers.timer_service = seconds(60);
}

async fn imported(server: &Server) -> Guid {
    let job = server.prepared(ANY).await;
    server.run(job).await.unwrap();
    server.ended(job).await;
    job
}

fn logs(world: &World) -> Vec<Row> {
    world.content.durable_rows("import-logs")
}

/// CD-32, CD-33, CD-34, CD-37.
#[tokio::test(start_paused = true)]
async fn logs_outlive_their_jobs_and_go_with_those_of_the_same_source_only() {
    let (world, _served, server) = farm(|_| {}).await;
    let first = imported(&server).await;
    let second = imported(&server).await;
    let other = NewJob {
        source_id: Guid::from_bits(0xCAFE),
        ..new_job(ANY)
    };
    let Ok(Response::CreateJob(elsewhere)) = server.ask(Request::CreateJob(other)).await else {
        panic!("it is created");
    };
    server.run(elsewhere).await.unwrap();
    server.ended(elsewhere).await;
    for job in [first, second, elsewhere] {
        server.delete(job).await.unwrap();
    }
    assert_eq!(logs(&world).len(), 2);
    // The import job's own id is not what logs are kept by.
    for source_job in [first, SOURCE, SOURCE] {
        let answer = server.ask(Request::DeleteImportLogs { source_job }).await;
        assert_eq!(answer, Ok(Response::DeleteImportLogs));
    }
    let left = logs(&world);
    assert_eq!(left.len(), 1);
    assert!(left[0].value.contains(&elsewhere.to_string()), "{left:?}");
}

#[tokio::test(start_paused = true)]
async fn only_the_newest_logs_of_a_source_are_kept() {
    let (world, _served, server) = farm(|config| config.reports_kept = 2).await;
    let mut jobs = Vec::new();
    for _ in 0..3 {
        jobs.push(imported(&server).await.to_string());
    }
    let kept = &logs(&world)[0].value;
    let found: Vec<_> = jobs.iter().map(|job| kept.contains(job)).collect();
    assert_eq!(found, [false, true, true]);
}

/// CD-27
#[tokio::test(start_paused = true)]
async fn a_final_status_is_told_until_the_job_is_deleted() {
    let (world, served, server) = farm(forgetful).await;
    let failing = ScriptedImport {
        fails: Some(FailsIn::Place(0)),
        ..ScriptedImport::default()
    };
    world.script.set("fails", failing);
    let succeeded = imported(&server).await;
    let failed = server.prepared("fails").await;
    server.run(failed).await.unwrap();
    server.ended(failed).await;
    sleep(seconds(10 * HOUR)).await;
    server.crash().await;
    let server = world.start(config("wfe1"), &served.databases).await;
    assert_eq!(server.word(succeeded).await, JobStatus::Success);
    let status = server.status(failed).await.unwrap();
    assert_eq!(status.status, JobStatus::Failure);
    assert_eq!(
        status.status_message,
        "object 1 of 1: the script says that the import fails"
    );
    for job in [succeeded, failed] {
        assert_eq!(
            world.shelf.files(job),
            [],
            "temporary files are not kept as long"
        );
        server.delete(job).await.unwrap();
        assert_eq!(server.status(job).await, Err(Violation::UnknownJob));
        assert_eq!(server.delete(job).await, Err(Violation::UnknownJob));
    }
}

#[tokio::test(start_paused = true)]
async fn files_of_a_job_that_nobody_runs_expire_and_the_job_fails() {
    let (world, _served, server) = farm(forgetful).await;
    let job = server.prepared(ANY).await;
    sleep(seconds(6 * HOUR)).await;
    // Whatever changes the job makes it young again.
    server.upload(job, "Second.cab", b"MSCF").await.unwrap();
    sleep(seconds(6 * HOUR)).await;
    assert_eq!(world.shelf.files(job).len(), 2);
    assert_eq!(server.word(job).await, JobStatus::ImportPreparing);
    sleep(seconds(2 * HOUR)).await;
    assert_eq!(world.shelf.folders(), []);
    let status = server.status(job).await.unwrap();
    assert_eq!(status.status, JobStatus::Failure);
    assert_eq!(server.run(job).await, Err(Violation::JobRunAlready));
    server.delete(job).await.unwrap();
}

/// A folder whose job was deleted at another server, while the import server was down.
#[tokio::test(start_paused = true)]
async fn an_import_server_removes_the_files_of_jobs_that_were_deleted_elsewhere() {
    let (world, served, importing) = farm(|_| {}).await;
    let mut second = config("wfe2");
    second.is_import_server = false;
    let second = world.start(second, &served.databases).await;
    let (early, late) = (importing.prepared(ANY).await, importing.prepared(ANY).await);
    second.delete(early).await.unwrap();
    sleep(seconds(12)).await;
    assert_eq!(world.shelf.folders(), [late]);
    importing.crash().await;
    second.delete(late).await.unwrap();
    sleep(seconds(100)).await;
    assert_eq!(world.shelf.folders(), [late], "nobody else can");
    let _importing = world.start(config("wfe1"), &served.databases).await;
    sleep(seconds(2)).await;
    assert_eq!(world.shelf.folders(), []);
}

/// The time counts from when the import began, also across a restart.
#[tokio::test(start_paused = true)]
async fn an_import_that_takes_too_long_times_out() {
    let script = ScriptedImport {
        verify: seconds(10),
        decompress: seconds(1000),
        ..ScriptedImport::default()
    };
    let world = World::new(script);
    let served = world.serve_databases();
    let mut limited = config("wfe1");
    limited.timers.import = Some(seconds(600));
    let server = world.start(limited.clone(), &served.databases).await;
    let job = server.prepared(ANY).await;
    server.run(job).await.unwrap();
    sleep(seconds(400)).await;
    server.crash().await;
    let server = world.start(limited, &served.databases).await;
    let status = server.ended(job).await;
    assert_eq!(
        (status.status, status.error_count),
        (JobStatus::ImportTimedOut, 1)
    );
    let elapsed = world.start.elapsed();
    assert!(
        (seconds(600)..seconds(620)).contains(&elapsed),
        "{elapsed:?}"
    );
    assert!(world.shelf.placed(job).is_empty() && !world.shelf.is_working(job));
}

/// A server that is stopped in an orderly way gives its imports up where they are.
#[tokio::test(start_paused = true)]
async fn a_stopped_server_runs_nothing_and_its_successor_goes_on() {
    let world = World::new(ScriptedImport {
        place: seconds(10),
        objects: 20,
        ..ScriptedImport::default()
    });
    let served = world.serve_databases();
    let server = world.start(config("wfe1"), &served.databases).await;
    let job = server.prepared(ANY).await;
    server.run(job).await.unwrap();
    sleep(seconds(60)).await;
    server.farm.stop().await;
    let placed = world.shelf.placed(job).len();
    sleep(seconds(100)).await;
    assert_eq!(world.shelf.placed(job).len(), placed);
    let successor = world.start(config("wfe1"), &served.databases).await;
    assert_eq!(successor.ended(job).await.status, JobStatus::Success);
    let placed = world.shelf.placed(job);
    assert!(
        placed.len() == 20 && placed.values().sum::<u32>() <= 21,
        "{placed:?}"
    );
}
