//! Everything is exported.

use portcullis_web_service::work::{ExportOrder, JobKind};

use crate::world::{World, order, tree};

#[tokio::test]
async fn three_thousand_files_arrive_in_packages_of_the_size_asked_for() {
    let world = World::new();
    for number in 0..3_000_u32 {
        let octets = number.to_be_bytes().repeat(60);
        world.put(&format!("{}/{number}.txt", number % 7), &octets);
    }
    // CD-46: is not split.
    world.put("large.bin", &vec![7; 1_000_000]);
    for (number, is_compressed) in [(1, false), (2, true)] {
        let order = ExportOrder {
            is_compressed,
            // The manifest alone is nearly as long.
            package_octets_max: 600_000,
            ..order(number, JobKind::Full)
        };
        let files = world.export(&order).await;
        assert!(files.len() > 3, "{files:?}");
        let large = files.iter().filter(|file| file.octets > 600_000);
        assert_eq!(large.count(), usize::from(!is_compressed), "{files:?}");
        if is_compressed {
            assert_eq!(world.import(&order, files).await, 3_000 + 7 + 1);
        }
    }
    assert_eq!(world.placed(), tree(&world.source()));
}

#[tokio::test]
async fn everything_is_exported_again_each_time() {
    let world = World::new();
    world.put("news/page.aspx", b"Hello.");
    assert_eq!(world.deploy(&order(1, JobKind::Full)).await, 2);
    assert_eq!(world.deploy(&order(2, JobKind::Full)).await, 2);
}
