//! The contract of [`Store`], held by every implementation. `tests/postgres` has the fourth.

mod agreement;
mod crash;
mod file;
mod remote;
mod rules;
mod steps;
mod way;
mod wires;

use std::time::Duration;

use portcullis_net::{Randomness, Spawner};
use portcullis_store::{
    Disk, EitherStore, OPERATIONS_REMEMBERED, OperationId, SimStore, SqliteStore, Store,
};

use crate::rules::{batch, for_each_rule};

/// Runs one rule on each store.
macro_rules! contract {
    ($($rule:ident),* $(,)?) => {
        mod simulated {
            use super::*;
            $(
                #[tokio::test(start_paused = true)]
                async fn $rule() {
                    let disk = Disk::new(&Randomness::from_seed(1), Duration::from_millis(5));
                    rules::$rule(SimStore::open(&disk, &Spawner::tokio())).await;
                }
            )*
        }

        mod sqlite {
            use super::*;
            $(
                #[tokio::test]
                async fn $rule() {
                    let directory = tempfile::tempdir().expect("a directory");
                    let store = SqliteStore::open(&directory.path().join("store.db"));
                    rules::$rule(store.expect("a new store")).await;
                }
            )*
        }

        mod remote_over_simulated {
            use super::*;
            $(
                #[tokio::test(start_paused = true)]
                async fn $rule() {
                    rules::$rule(remote::World::new().await.open()).await;
                }
            )*
        }

        mod either {
            use super::*;
            $(
                #[tokio::test(start_paused = true)]
                async fn $rule() {
                    let disk = Disk::new(&Randomness::from_seed(1), Duration::from_millis(5));
                    let store = SimStore::open(&disk, &Spawner::tokio());
                    rules::$rule(EitherStore::<SqliteStore, _>::B(store)).await;
                }
            )*
        }
    };
}

for_each_rule!(contract);

#[tokio::test(start_paused = true)]
async fn who_owns_the_medium_tells_of_commits_and_who_shares_it_does_not() {
    let disk = Disk::new(&Randomness::from_seed(1), Duration::ZERO);
    let simulated = SimStore::open(&disk, &Spawner::tokio());
    assert!(simulated.watch().is_some());
    let directory = tempfile::tempdir().expect("a directory");
    let file = SqliteStore::open(&directory.path().join("store.db"));
    assert!(file.expect("a new store").watch().is_some());
    assert!(remote::World::new().await.open().watch().is_none());
}

#[tokio::test(start_paused = true)]
async fn old_operations_are_forgotten_and_recent_ones_are_not() {
    let disk = Disk::new(&Randomness::from_seed(1), Duration::ZERO);
    let store = SimStore::open(&disk, &Spawner::tokio());
    let last = OPERATIONS_REMEMBERED + 1;
    for n in 1..=last {
        store.commit(batch(&n.to_string())).await.expect("done");
    }
    assert_eq!(store.outcome(&OperationId::new("1")).await, Ok(None));
    for n in [2, last] {
        let found = store.outcome(&OperationId::new(n.to_string())).await;
        assert_eq!(found.map(|found| found.is_some()), Ok(true));
    }
}
