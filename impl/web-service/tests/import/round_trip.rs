//! What was packed is what is in the site afterwards.

use portcullis_web_service::message::Guid;
use portcullis_web_service::work::cabinet::Compression;
use portcullis_web_service::work::pack::PackOptions;
use portcullis_web_service::work::{ImportFailure, Importer as _};
use proptest::prelude::*;

use crate::builder::{STORED, written};
use crate::world::{Tree, World, manifest, news, object, tree};

#[tokio::test]
async fn what_was_packed_is_in_the_site_afterwards() {
    for compression in [Compression::Stored, Compression::Mszip] {
        for package_octets_max in [1, 1_000, 80_000, 10_000_000] {
            let world = World::new();
            let options = PackOptions {
                compression,
                package_octets_max,
            };
            world.pack(&news(), &options);
            assert_eq!(world.import(compression).await, Ok(5));
            assert_eq!(world.placed(), news(), "{options:?}");
            assert!(!world.working().exists(), "nothing is left behind");
            assert_eq!(tree(&world.site().join(".portcullis")).len(), 6);
        }
    }
}

#[tokio::test]
async fn an_import_replaces_what_an_earlier_one_has_placed() {
    let world = World::new();
    world.pack(&news(), &PackOptions::default());
    assert_eq!(world.import(Compression::Mszip).await, Ok(5));
    let mut newer = news();
    newer.insert("/news/empty.txt".to_owned(), Some(b"no more".to_vec()));
    newer.insert("/news/new.txt".to_owned(), Some(b"new".to_vec()));
    newer.remove("/default.aspx");
    world.clear();
    world.pack(&newer, &PackOptions::default());
    assert_eq!(world.import(Compression::Mszip).await, Ok(5));
    // What is no longer in the package stays.
    newer.insert("/default.aspx".to_owned(), news()["/default.aspx"].clone());
    assert_eq!(world.placed(), newer);
}

#[tokio::test]
async fn files_may_be_spread_over_folders_and_cabinets_in_any_order() {
    let world = World::new();
    let objects = [
        object(1, "/a", None),
        object(2, "/a/x", Some(("x.dat", b"xx"))),
        object(3, "/y", Some(("y.dat", b"yyy"))),
    ];
    let list = manifest(&objects);
    // Two folders in the first cabinet, whose files come in the wrong order in the table.
    let files: [(&str, &[u8]); 2] = [("y.dat", b"yyy"), ("manifest.xml", &list)];
    let mut first = crate::builder::Cabinet::of(STORED, &files);
    let mut second = crate::builder::Cabinet::of(STORED, &[("unused", b"xx")]);
    second.files[0].folder = 1;
    second.files[0].name = b"x.dat".to_vec();
    first.folders.append(&mut second.folders);
    first.files.append(&mut second.files);
    first.files.reverse();
    // A signature would be in the reserved octets of the header.
    first.flags = 4;
    first.header_rest = vec![3, 0, 0, 0, 1, 2, 3];
    world.upload("b.cab", &first.octets());
    assert_eq!(world.import(Compression::Stored).await, Ok(3));
    let placed = Tree::from([
        ("/a".to_owned(), None),
        ("/a/x".to_owned(), Some(b"xx".to_vec())),
        ("/y".to_owned(), Some(b"yyy".to_vec())),
    ]);
    assert_eq!(world.placed(), placed);
}

#[tokio::test]
async fn without_packages_or_site_nothing_is_imported() {
    let world = World::new();
    let imported = world.import(Compression::Stored).await;
    assert_eq!(imported, Err(ImportFailure::NoPackage));
    world.pack(&news(), &PackOptions::default());
    let mut order = world.order(Compression::Mszip);
    order.order.destination_site_collection = "/sites/other".to_owned();
    let importer = world.importer();
    assert_eq!(importer.decompress(&order).await, Ok(5));
    let placed = importer.place(&order, 0).await;
    assert_eq!(placed, Err(ImportFailure::UnknownSite));
    importer.clean(order.job).await;
    // Cleaning again, or what was never there, is harmless.
    importer.clean(order.job).await;
    importer.clean(Guid::NIL).await;
}

/// Trees with files of any size up to a few blocks.
fn trees() -> impl Strategy<Value = Tree> {
    // None of these is reserved, such as `con` and `aux`.
    let name = "[d-f][a-z0-9]{0,3}";
    let content = prop_oneof![
        Just(Vec::new()),
        proptest::collection::vec(any::<u8>(), 0..200),
        (any::<u8>(), 0_usize..100_000).prop_map(|(octet, count)| vec![octet; count]),
    ];
    let file = (name, proptest::option::of(name), content);
    proptest::collection::vec(file, 1..12).prop_map(|files| {
        let mut tree = Tree::new();
        for (name, folder, content) in files {
            let path = match folder {
                None => format!("/{name}"),
                Some(folder) => {
                    tree.insert(format!("/{folder}.d"), None);
                    format!("/{folder}.d/{name}")
                }
            };
            tree.insert(path, Some(content));
        }
        tree
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_tree_comes_through(
        tree in trees(),
        is_mszip: bool,
        package_octets_max in 1_u64..200_000,
    ) {
        let compression = if is_mszip { Compression::Mszip } else { Compression::Stored };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let world = World::new();
        world.pack(&tree, &PackOptions { compression, package_octets_max });
        let imported = runtime.block_on(world.import(compression));
        prop_assert_eq!(imported, Ok(u32::try_from(tree.len()).unwrap()));
        prop_assert_eq!(world.placed(), tree);
    }
}

#[tokio::test]
async fn a_package_of_the_crate_is_read_whatever_the_number_of_its_blocks() {
    for octets in [0, 1, 32_767, 32_768, 32_769, 200_000] {
        let content: Vec<u8> = (0..octets).map(|n: u32| n.to_le_bytes()[1]).collect();
        let world = World::new();
        let list = manifest(&[object(1, "/x", Some(("x.dat", &content)))]);
        let files: [(&str, &[u8]); 2] = [("x.dat", &content), ("manifest.xml", &list)];
        world.upload("x.cab", &written(Compression::Mszip, &files));
        assert_eq!(world.import(Compression::Mszip).await, Ok(1), "{octets}");
        let placed = Tree::from([("/x".to_owned(), Some(content))]);
        assert_eq!(world.placed(), placed, "{octets}");
    }
}
