//! What authors have marked is exported.

use std::fs;

use portcullis_web_service::work::{ExportOrder, Exporter as _, JobKind};

use crate::world::{World, order, tree};

fn quick(number: u64) -> ExportOrder {
    order(number, JobKind::QuickDeploy)
}

#[tokio::test]
async fn only_what_is_marked_arrives_and_once() {
    let mut world = World::new();
    world.put("default.aspx", b"Welcome.");
    world.put("news/page.aspx", b"Hello.");
    assert_eq!(world.deploy(&order(1, JobKind::Full)).await, 3);
    world.put("default.aspx", b"Draft.");
    world.put("news/page.aspx", b"Stop press!");
    world.put("news/local/page.aspx", b"Rain.");
    assert_eq!(world.deploy(&quick(2)).await, 0);
    world.mark("/news/page.aspx");
    world.mark("/news/local/page.aspx");
    world.restart();
    assert_eq!(world.deploy(&quick(3)).await, 4);
    let mut expected = tree(&world.source());
    let default = expected.get_mut("default.aspx").unwrap();
    *default = Some(b"Welcome.".to_vec());
    assert_eq!(world.placed(), expected);
    assert_eq!(world.deploy(&quick(4)).await, 0);
    // The rest is still to be deployed, and no more than that.
    assert_eq!(world.deploy(&order(5, JobKind::Incremental)).await, 1);
    assert_eq!(world.placed(), tree(&world.source()));
}

#[tokio::test]
async fn a_mark_stays_until_what_was_exported_after_it_has_arrived() {
    let world = World::new();
    world.put("page.aspx", b"One.");
    world.put("other.aspx", b"Other.");
    world.mark("/page.aspx");
    let failed = quick(1);
    assert_eq!(world.export(&failed).await.len(), 1);
    world.exporter.clean(failed.run).await;
    let second = quick(2);
    let files = world.export(&second).await;
    assert_eq!(world.import(&second, files).await, 1);
    // Both after the export: the same object again, and another one.
    world.put("page.aspx", b"Two.");
    world.mark("/page.aspx");
    world.mark("/other.aspx");
    for _ in 0..2 {
        world.exporter.deployed(&second).await.unwrap();
    }
    assert_eq!(world.deploy(&quick(3)).await, 2);
    assert_eq!(world.placed(), tree(&world.source()));
    assert_eq!(world.deploy(&quick(4)).await, 0);
}

#[tokio::test]
async fn a_mark_waits_for_what_is_gone() {
    let world = World::new();
    world.put("news/page.aspx", b"Hello.");
    world.mark("/news/page.aspx");
    fs::remove_file(world.source().join("news/page.aspx")).unwrap();
    assert_eq!(world.deploy(&quick(1)).await, 0);
    world.put("news/page.aspx", b"Here again.");
    assert_eq!(world.deploy(&quick(2)).await, 2);
    assert_eq!(world.deploy(&quick(3)).await, 0);
}

#[tokio::test]
async fn a_folder_is_marked_with_all_that_is_in_it() {
    let world = World::new();
    world.put("news/page.aspx", b"Hello.");
    world.put("news/local/page.aspx", b"Rain.");
    world.put("newsletter.aspx", b"Draft.");
    world.mark("/news");
    assert_eq!(world.deploy(&quick(1)).await, 4);
    assert_eq!(world.deploy(&quick(2)).await, 0);
}
