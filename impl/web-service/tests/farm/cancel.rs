//! Cancelling, in every state and while the timer service is away.

use std::time::Duration;

use insta::assert_snapshot;
use portcullis_web_service::config::{Config, LateCancel};
use portcullis_web_service::message::{Guid, JobStatus, Response, Violation};
use portcullis_web_service::work::{FailsIn, ScriptedImport};
use tokio::time::sleep;

use crate::world::{ANY, DatabaseServer, Server, Way, World, config, seconds};

/// An import that is in each phase for long: from 0 s, 100 s and 200 s after it was picked up.
const SLOW: ScriptedImport = ScriptedImport {
    verify: seconds(100),
    decompress: seconds(100),
    place: seconds(100),
    objects: 2,
    fails: None,
};

async fn farm(
    script: ScriptedImport,
    adjust: impl FnOnce(&mut Config),
) -> (World, DatabaseServer, Server) {
    let world = World::new(script);
    let served = world.serve_databases();
    let mut config = config("wfe1");
    adjust(&mut config);
    let server = world.start(config, &served.databases).await;
    (world, served, server)
}

/// A job whose import began `before` ago.
async fn running(server: &Server, before: Duration) -> Guid {
    let job = server.prepared(ANY).await;
    server.run(job).await.unwrap();
    sleep(before + seconds(2)).await;
    job
}

#[tokio::test(start_paused = true)]
async fn a_job_that_was_never_run_is_cancelled_at_once_and_cannot_be_run() {
    let (world, _served, server) = farm(SLOW, |_| {}).await;
    let job = server.prepared(ANY).await;
    assert_eq!(server.cancel(job).await, Ok(Response::CancelJob));
    assert_eq!(server.word(job).await, JobStatus::Cancelled);
    assert_eq!(server.run(job).await, Err(Violation::JobRunAlready));
    assert!(
        world.start.elapsed() < seconds(1),
        "no round was waited for"
    );
    assert_eq!(
        world.states(job),
        ["created", "cancel-in-progress", "cancelled"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_due_is_cancelled_before_it_begins() {
    let (world, _served, server) = farm(SLOW, |_| {}).await;
    let job = server.prepared(ANY).await;
    server.run(job).await.unwrap();
    assert_eq!(server.cancel(job).await, Ok(Response::CancelJob));
    sleep(seconds(1000)).await;
    assert_eq!(server.word(job).await, JobStatus::Cancelled);
    assert_eq!(
        world.states(job),
        ["created", "cancel-in-progress", "cancelled"]
    );
}

#[tokio::test(start_paused = true)]
async fn verification_is_stopped_by_a_cancel() {
    let (world, _served, server) = farm(SLOW, |_| {}).await;
    let job = running(&server, seconds(50)).await;
    assert_eq!(server.word(job).await, JobStatus::ImportInProgress);
    assert_eq!(server.cancel(job).await, Ok(Response::CancelJob));
    assert_eq!(server.word(job).await, JobStatus::Cancelled);
    sleep(seconds(1000)).await;
    assert!(world.shelf.placed(job).is_empty());
    assert_snapshot!(world.transcript());
}

#[tokio::test(start_paused = true)]
async fn a_cancel_after_decompression_has_begun_changes_nothing() {
    for before in [seconds(150), seconds(250)] {
        let (world, _served, server) = farm(SLOW, |_| {}).await;
        let job = running(&server, before).await;
        let status = server.status(job).await;
        assert_eq!(server.cancel(job).await, Ok(Response::CancelJob));
        assert_eq!(server.status(job).await, status);
        assert_eq!(server.ended(job).await.status, JobStatus::Success);
        assert_eq!(world.shelf.placed(job).len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancel_that_is_too_late_is_a_fault_where_the_farm_is_set_so() {
    let late = |config: &mut Config| config.late_cancel = LateCancel::Fault;
    let (_world, _served, server) = farm(SLOW, late).await;
    let job = running(&server, seconds(150)).await;
    assert_eq!(server.cancel(job).await, Err(Violation::DecompressionBegun));
    assert_eq!(server.ended(job).await.status, JobStatus::Success);
    assert_eq!(server.cancel(job).await, Err(Violation::DecompressionBegun));

    let job = server.prepared(ANY).await;
    assert_eq!(server.cancel(job).await, Ok(Response::CancelJob));
    assert_eq!(
        server.cancel(job).await,
        Ok(Response::CancelJob),
        "again is harmless"
    );
}

#[tokio::test(start_paused = true)]
async fn a_final_state_is_not_changed_by_a_cancel() {
    let failing = ScriptedImport {
        fails: Some(FailsIn::Verify),
        ..ScriptedImport::default()
    };
    let (world, _served, server) = farm(failing, |_| {}).await;
    let job = running(&server, seconds(1)).await;
    assert_eq!(server.word(job).await, JobStatus::Failure);
    assert_eq!(server.cancel(job).await, Ok(Response::CancelJob));
    assert_eq!(server.word(job).await, JobStatus::Failure);
    assert_eq!(world.states(job), ["created", "verifying", "failed"]);
}

/// CD-28, CD-30: the answer comes when the request has been handled, or after `timers.cancel`; then
/// the status says what is going on until somebody handles it.
#[tokio::test(start_paused = true)]
async fn a_cancel_waits_for_the_import_server_but_not_for_ever() {
    let (world, served, importing) = farm(SLOW, |_| {}).await;
    let mut second = config("wfe2");
    second.is_import_server = false;
    let second = world.start(second, &served.databases).await;
    let job = running(&importing, seconds(50)).await;
    importing.crash().await;
    let asked = world.start.elapsed();
    assert_eq!(second.cancel(job).await, Ok(Response::CancelJob));
    let waited = world.start.elapsed().saturating_sub(asked);
    assert!((seconds(30)..seconds(31)).contains(&waited), "{waited:?}");
    assert_eq!(second.word(job).await, JobStatus::CancelInProgress);
    assert_eq!(second.delete(job).await, Err(Violation::JobBusy));

    let _importing = world.start(config("wfe1"), &served.databases).await;
    sleep(seconds(2)).await;
    assert_eq!(second.word(job).await, JobStatus::Cancelled);
    assert_eq!(second.delete(job).await, Ok(Response::DeleteJob));
}

/// A worker that recorded the request and stopped is finished by the timer service.
#[tokio::test(start_paused = true)]
async fn a_cancel_whose_worker_is_gone_is_handled_all_the_same() {
    let (world, served, importing) = farm(SLOW, |_| {}).await;
    let mut second = config("wfe2");
    second.is_import_server = false;
    let second = world.start(second, &served.databases).await;
    // Its first commit counts the start of the second server, in the configuration database.
    second.create(ANY).await;
    let job = importing.prepared(ANY).await;
    second.ways.configuration.set(Way::Refused);
    assert_eq!(second.cancel(job).await, Err(Violation::Unavailable));
    sleep(seconds(12)).await;
    assert_eq!(importing.word(job).await, JobStatus::Cancelled);
    assert_eq!(importing.run(job).await, Err(Violation::JobRunAlready));
}
