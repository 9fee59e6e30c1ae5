//! Which uploads count.

use portcullis_web_service::config::Config;
use portcullis_web_service::error::UploadRefusal;
use portcullis_web_service::message::{Guid, JobStatus};
use portcullis_web_service::work::{DepotError, ScriptedImport};
use tokio::time::sleep;

use crate::world::{ANY, DatabaseServer, Server, World, config, seconds};

async fn farm(adjust: impl FnOnce(&mut Config)) -> (World, DatabaseServer, Server) {
    let world = World::new(ScriptedImport::default());
    let served = world.serve_databases();
    let mut config = config("wfe1");
    adjust(&mut config);
    let server = world.start(config, &served.databases).await;
    (world, served, server)
}

fn names(world: &World, job: Guid) -> Vec<String> {
    let files = world.shelf.files(job).into_iter();
    files.map(|file| file.name.to_string()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_job_may_have_several_files() {
    let (world, _served, server) = farm(|_| {}).await;
    let job = server.create(ANY).await;
    for file in ["ExportedFiles2.cab", "ExportedFiles.cab"] {
        server.upload(job, file, b"MSCF").await.unwrap();
    }
    assert_eq!(
        names(&world, job),
        ["ExportedFiles.cab", "ExportedFiles2.cab"]
    );
    server.run(job).await.unwrap();
    assert_eq!(server.ended(job).await.status, JobStatus::Success);
}

/// A client whose answer was lost sends the file again.
#[tokio::test(start_paused = true)]
async fn the_same_file_again_is_accepted_and_counts_once() {
    let (world, _served, server) = farm(|config| config.limits.files_per_job_max = 1).await;
    let job = server.create(ANY).await;
    for name in ["A.cab", "A.cab", "a.CAB"] {
        server.upload(job, name, b"MSCF").await.unwrap();
    }
    assert_eq!(names(&world, job), ["A.cab"]);
    assert_eq!(world.content.durable_rows("uploaded-file").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn another_file_of_the_same_name_is_refused_and_the_first_stays() {
    let (world, _served, server) = farm(|_| {}).await;
    let job = server.create(ANY).await;
    server.upload(job, "A.cab", b"MSCF").await.unwrap();
    let first = world.shelf.files(job);
    for other in [&b"MSCE"[..], b"MSCF and more"] {
        let refused = server.upload(job, "a.cab", other).await;
        assert_eq!(refused, Err(UploadRefusal::Different));
    }
    assert_eq!(world.shelf.files(job), first);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_not_there_takes_no_file() {
    let (world, _served, server) = farm(|_| {}).await;
    let refused = server.upload(Guid::NIL, "A.cab", b"MSCF").await;
    assert_eq!(refused, Err(UploadRefusal::UnknownJob));
    assert_eq!(world.shelf.folders(), []);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_not_the_import_server_takes_no_file() {
    let (world, served, server) = farm(|_| {}).await;
    let job = server.create(ANY).await;
    let mut second = config("wfe2");
    second.is_import_server = false;
    let second = world.start(second, &served.databases).await;
    let refused = second.upload(job, "A.cab", b"MSCF").await;
    assert_eq!(refused, Err(UploadRefusal::NotAccepting));
}

#[tokio::test(start_paused = true)]
async fn a_job_has_so_many_files_and_octets() {
    let limited = |config: &mut Config| {
        config.limits.files_per_job_max = 2;
        config.limits.job_octets_max = 10;
    };
    let (_world, _served, server) = farm(limited).await;
    let job = server.create(ANY).await;
    server.upload(job, "A.cab", b"MSCF").await.unwrap();
    let refused = server.upload(job, "B.cab", b"MSCF MSCF").await;
    assert_eq!(refused, Err(UploadRefusal::JobFull));
    server.upload(job, "B.cab", b"MSCF").await.unwrap();
    assert_eq!(
        server.upload(job, "C.cab", b"").await,
        Err(UploadRefusal::JobFull)
    );
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_refuses_and_takes_the_file_later() {
    let (world, _served, server) = farm(|_| {}).await;
    let job = server.create(ANY).await;
    world.shelf.refuse_uploads(Some(DepotError::Full));
    assert_eq!(
        server.upload(job, "A.cab", b"MSCF").await,
        Err(UploadRefusal::Full)
    );
    world.shelf.refuse_uploads(None);
    server.upload(job, "A.cab", b"MSCF").await.unwrap();
}

/// CD-48 is the client's half; the farm does not hang and does not invent content.
#[tokio::test(start_paused = true)]
async fn a_job_that_is_run_without_files_fails_and_says_why() {
    let (_world, _served, server) = farm(|_| {}).await;
    let job = server.create(ANY).await;
    server.run(job).await.unwrap();
    let status = server.ended(job).await;
    assert_eq!((status.status, status.error_count), (JobStatus::Failure, 1));
    assert_eq!(status.status_message, "no package was uploaded");
}

/// The folder of a job that is deleted while its file arrives does not come back.
#[tokio::test(start_paused = true)]
async fn a_file_that_arrives_after_its_job_was_deleted_leaves_nothing() {
    let (world, _served, server) = farm(|_| {}).await;
    let job = server.create(ANY).await;
    let (uploaded, deleted) = tokio::join!(
        server.upload_slowly(job, "A.cab", b"MSCF", seconds(2)),
        async {
            sleep(seconds(1)).await;
            server.delete(job).await
        },
    );
    assert_eq!(uploaded, Err(UploadRefusal::UnknownJob));
    assert!(deleted.is_ok());
    sleep(seconds(12)).await;
    assert_eq!(world.shelf.folders(), []);
    assert!(world.content.durable_rows("uploaded-file").is_empty());
}
