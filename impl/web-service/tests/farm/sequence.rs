//! The sequence of the source: create, upload, run, poll, delete.

use std::time::Duration;

use insta::assert_snapshot;
use portcullis_web_service::message::{JobStatus, Violation};
use portcullis_web_service::work::ScriptedImport;

use crate::world::{ANY, World, config, seconds};

fn script() -> ScriptedImport {
    ScriptedImport {
        verify: seconds(2),
        decompress: seconds(20),
        place: Duration::from_millis(100),
        objects: 3,
        fails: None,
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_is_created_uploaded_run_watched_and_deleted() {
    let world = World::new(script());
    let served = world.serve_databases();
    let server = world.start(config("wfe1"), &served.databases).await;
    let job = server.prepared(ANY).await;
    assert_eq!(server.word(job).await, JobStatus::ImportPreparing);
    server.run(job).await.unwrap();
    let status = server.ended(job).await;
    assert_eq!(
        (status.status, status.imported_object_count),
        (JobStatus::Success, 3)
    );
    server.delete(job).await.unwrap();
    assert_eq!(server.status(job).await, Err(Violation::UnknownJob));
    assert_eq!(world.shelf.files(job), []);
    assert_snapshot!(world.transcript());
}
