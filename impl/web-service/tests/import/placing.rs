//! Objects and what is in their place already.

use std::fs;

use portcullis_web_service::work::cabinet::Compression;
use portcullis_web_service::work::manifest::ContentObject;
use portcullis_web_service::work::{ImportFailure, Importer as _};

use crate::builder::{Cabinet, STORED};
use crate::world::{Tree, World, manifest, object, tree};

/// Uploads a package of these objects, whose files all have the same content.
fn upload(world: &World, objects: &[ContentObject]) {
    let list = manifest(objects);
    let files: [(&str, &[u8]); 2] = [("x.dat", b"new"), ("manifest.xml", &list)];
    let octets = Cabinet::of(STORED, &files).octets();
    world.clear();
    world.upload("x.cab", &octets);
}

/// A file at that path.
fn file(id: u128, path: &str) -> ContentObject {
    object(id, path, Some(("x.dat", b"new")))
}

fn folder(id: u128, path: &str) -> ContentObject {
    object(id, path, None)
}

/// The import fails because something is in the way, again and again, and the site stays as it was.
async fn assert_in_the_way(world: &World, objects: &[ContentObject]) {
    upload(world, objects);
    for _ in 0..2 {
        let before = world.placed();
        let imported = world.import(Compression::Stored).await;
        assert_eq!(imported, Err(ImportFailure::TargetExists), "{objects:?}");
        assert_eq!(world.placed(), before, "{objects:?}");
    }
}

async fn assert_imported(world: &World, objects: &[ContentObject]) {
    upload(world, objects);
    let count = u32::try_from(objects.len()).unwrap();
    let imported = world.import(Compression::Stored).await;
    assert_eq!(imported, Ok(count), "{objects:?}");
}

#[tokio::test]
async fn the_same_name_with_another_id_is_in_the_way() {
    let world = World::new();
    assert_imported(&world, &[folder(1, "/a"), file(2, "/a/x")]).await;
    assert_in_the_way(&world, &[folder(1, "/a"), file(3, "/a/x")]).await;
    assert_in_the_way(&world, &[folder(4, "/a"), file(2, "/a/x")]).await;
    // In other letters it is another place only here, and not on other systems.
    assert_in_the_way(&world, &[folder(1, "/a"), file(2, "/a/X")]).await;
    assert_imported(&world, &[folder(1, "/a"), file(2, "/a/x")]).await;
}

#[tokio::test]
async fn what_no_import_has_placed_is_in_the_way() {
    let world = World::new();
    fs::create_dir_all(world.site().join("a")).unwrap();
    fs::write(world.site().join("x"), b"authored here").unwrap();
    assert_in_the_way(&world, &[file(1, "/x")]).await;
    assert_in_the_way(&world, &[folder(1, "/a"), file(2, "/a/x")]).await;
}

#[tokio::test]
async fn a_folder_is_no_place_for_a_file_nor_a_file_for_a_folder() {
    let world = World::new();
    assert_imported(&world, &[folder(1, "/a"), file(2, "/x")]).await;
    assert_in_the_way(&world, &[file(1, "/a")]).await;
    assert_in_the_way(&world, &[folder(2, "/x"), file(3, "/x/y")]).await;
}

#[tokio::test]
async fn a_place_that_was_left_can_be_taken_by_another() {
    let world = World::new();
    assert_imported(&world, &[file(1, "/x")]).await;
    fs::remove_file(world.site().join("x")).unwrap();
    assert_imported(&world, &[file(2, "/X")]).await;
    assert_in_the_way(&world, &[file(1, "/x")]).await;
    let placed = Tree::from([("/X".to_owned(), Some(b"new".to_vec()))]);
    assert_eq!(world.placed(), placed);
}

#[cfg(unix)]
#[tokio::test]
async fn links_are_never_followed() {
    use std::os::unix::fs::symlink;

    let world = World::new();
    let outside = world.path().join("outside");
    fs::create_dir_all(&outside).unwrap();
    fs::write(outside.join("x"), b"not ours").unwrap();
    fs::create_dir_all(world.site()).unwrap();
    let before = tree(&outside);
    // As the file, as the folder, and on the way.
    symlink(outside.join("x"), world.site().join("x")).unwrap();
    assert_in_the_way(&world, &[file(1, "/x")]).await;
    symlink(&outside, world.site().join("a")).unwrap();
    assert_in_the_way(&world, &[folder(1, "/a"), file(2, "/a/x")]).await;
    assert_imported(&world, &[folder(3, "/b"), file(4, "/b/x")]).await;
    fs::remove_dir_all(world.site().join("b")).unwrap();
    symlink(&outside, world.site().join("b")).unwrap();
    assert_in_the_way(&world, &[folder(3, "/b"), file(4, "/b/x")]).await;
    // One that leads nowhere would be made by following it.
    symlink(outside.join("new"), world.site().join("y")).unwrap();
    assert_in_the_way(&world, &[file(5, "/y")]).await;
    assert_eq!(tree(&outside), before);
}

#[tokio::test]
async fn placing_an_object_again_is_harmless() {
    let world = World::new();
    upload(&world, &[folder(1, "/a"), file(2, "/a/x")]);
    let order = world.order(Compression::Stored);
    let importer = world.importer();
    assert_eq!(importer.decompress(&order).await, Ok(2));
    for number in [0, 0, 1, 0, 1, 1] {
        assert_eq!(importer.place(&order, number).await, Ok(()));
    }
    assert_eq!(importer.place(&order, 2).await, Err(ImportFailure::Storage));
    assert_eq!(world.placed().len(), 2);
}

#[tokio::test]
async fn a_working_folder_that_did_not_survive_is_made_again() {
    let world = World::new();
    upload(&world, &[folder(1, "/a"), file(2, "/a/x")]);
    let order = world.order(Compression::Stored);
    let importer = world.importer();
    assert_eq!(importer.decompress(&order).await, Ok(2));
    assert_eq!(importer.place(&order, 0).await, Ok(()));
    let damages: [fn(&World); 5] = [
        |world| fs::remove_dir_all(world.working()).unwrap(),
        |world| fs::remove_file(world.working().join("files/x.dat")).unwrap(),
        |world| fs::write(world.working().join("files/x.dat"), b"\0\0\0").unwrap(),
        |world| fs::write(world.working().join("objects"), b"").unwrap(),
        |world| fs::write(world.working().join("objects"), [0xFF; 100]).unwrap(),
    ];
    for damage in damages {
        damage(&world);
        // Also by an importer that knows nothing of the earlier one.
        assert_eq!(world.importer().place(&order, 1).await, Ok(()));
        assert_eq!(world.placed()["/a/x"].as_deref(), Some(b"new".as_slice()));
    }
    // If the packages are gone as well, there is nothing to begin again from.
    fs::remove_dir_all(world.working()).unwrap();
    world.clear();
    let placed = importer.place(&order, 1).await;
    assert_eq!(placed, Err(ImportFailure::Storage));
}
