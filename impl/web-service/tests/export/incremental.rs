//! What has changed is exported.

use std::fs;

use portcullis_web_service::message::Guid;
use portcullis_web_service::work::{ExportFailure, ExportOrder, Exporter as _, JobKind};

use crate::world::{World, order, tree};

fn incremental(number: u64) -> ExportOrder {
    order(number, JobKind::Incremental)
}

/// A site of two folders and three files, deployed in full by run 1.
async fn deployed() -> World {
    let world = World::new();
    world.put("default.aspx", b"Welcome.");
    world.put("news/page.aspx", b"Hello.");
    world.put("news/images/logo.png", &[7; 70_000]);
    assert_eq!(world.deploy(&order(1, JobKind::Full)).await, 5);
    world
}

#[tokio::test]
async fn what_is_new_or_changed_arrives_with_the_folders_it_is_in() {
    let mut world = deployed().await;
    assert_eq!(world.deploy(&incremental(2)).await, 0);
    world.put("news/images/logo.png", &[8; 70_000]);
    world.put("about/us/team.aspx", b"We.");
    fs::create_dir(world.source().join("empty")).unwrap();
    world.restart();
    // Two folders and the picture, two and the page, one alone.
    assert_eq!(world.deploy(&incremental(3)).await, 3 + 3 + 1);
    assert_eq!(world.placed(), tree(&world.source()));
    assert_eq!(world.deploy(&incremental(4)).await, 0);
}

#[tokio::test]
async fn everything_is_new_along_a_path_without_success() {
    let world = deployed().await;
    let other = ExportOrder {
        path: Guid::from_bits(2),
        ..incremental(2)
    };
    assert_eq!(world.deploy(&other).await, 5);
    assert_eq!(world.deploy(&incremental(3)).await, 0);
}

#[tokio::test]
async fn a_file_that_is_written_again_with_the_same_content_is_not_exported() {
    let world = deployed().await;
    world.put("default.aspx", b"Welcome.");
    assert_eq!(world.deploy(&incremental(2)).await, 0);
}

#[cfg(unix)]
#[tokio::test]
async fn a_change_that_keeps_length_and_time_is_found() {
    let world = deployed().await;
    let path = world.source().join("default.aspx");
    let time = fs::metadata(&path).unwrap().modified().unwrap();
    world.put("default.aspx", b"WELCOME.");
    let file = tokio::fs::File::options().write(true).open(&path).await;
    let file = file.unwrap().into_std().await;
    file.set_modified(time).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), time);
    assert_eq!(world.deploy(&incremental(2)).await, 1);
    assert_eq!(world.placed(), tree(&world.source()));
}

#[tokio::test]
async fn what_did_not_arrive_is_exported_again() {
    let world = deployed().await;
    world.put("default.aspx", b"Changed.");
    let failed = incremental(2);
    let files = world.export(&failed).await;
    assert_eq!(files.len(), 1);
    world.exporter.clean(failed.run).await;
    let gone = world.read(failed.run, &files[0]).await;
    assert_eq!(gone, Err(ExportFailure::Gone));
    assert_eq!(world.deploy(&incremental(3)).await, 1);
    assert_eq!(world.placed(), tree(&world.source()));
}

#[tokio::test]
async fn a_success_counts_from_the_export_not_from_when_it_is_known() {
    let mut world = deployed().await;
    world.put("default.aspx", b"Changed.");
    let first = incremental(2);
    let files = world.export(&first).await;
    world.put("default.aspx", b"Anew....");
    assert_eq!(world.import(&first, files).await, 1);
    for _ in 0..2 {
        world.restart();
        world.exporter.deployed(&first).await.unwrap();
    }
    assert_eq!(world.deploy(&incremental(3)).await, 1);
    assert_eq!(world.placed(), tree(&world.source()));
    // A repeat that comes so late changes nothing any more.
    world.exporter.deployed(&first).await.unwrap();
    assert_eq!(world.deploy(&incremental(4)).await, 0);
}

#[tokio::test]
async fn what_is_deleted_stays_at_the_target() {
    let world = deployed().await;
    fs::remove_file(world.source().join("default.aspx")).unwrap();
    assert_eq!(world.deploy(&incremental(2)).await, 0);
    assert!(world.placed().contains_key("default.aspx"));
    // So there is nothing to do when it comes back, unless it is another.
    world.put("default.aspx", b"Welcome.");
    assert_eq!(world.deploy(&incremental(3)).await, 0);
    world.put("default.aspx", b"Good bye.");
    assert_eq!(world.deploy(&incremental(4)).await, 1);
}
