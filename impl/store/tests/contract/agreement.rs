//! The stores agree: the same operations in the same order get the same answers.

use std::time::Duration;

use portcullis_net::{Randomness, Spawner};
use portcullis_store::{Disk, SimStore, SqliteStore};
use proptest::prelude::*;

use crate::remote::World;
use crate::steps::{answers, steps};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn all_stores_answer_alike(steps in steps()) {
        let directory = tempfile::tempdir().expect("a directory");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build();
        runtime.expect("a runtime").block_on(async {
            let disk = Disk::new(&Randomness::from_seed(1), Duration::ZERO);
            let simulated = SimStore::open(&disk, &Spawner::tokio());
            let expected = answers(&simulated, &steps).await;
            let sqlite = SqliteStore::open(&directory.path().join("store.db")).expect("new");
            prop_assert_eq!(answers(&sqlite, &steps).await, expected.as_slice());
            let remote = World::new().await.open();
            prop_assert_eq!(answers(&remote, &steps).await, expected);
            Ok(())
        })?;
    }
}
