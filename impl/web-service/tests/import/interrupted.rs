//! Imports that are given up at any point and begun again.

use std::future::Future;
use std::pin::pin;
use std::task::Poll;

use portcullis_web_service::work::cabinet::Compression;
use portcullis_web_service::work::pack::PackOptions;
use portcullis_web_service::work::{ImportFailure, ImportOrder, Importer as _, SiteImporter};
use proptest::prelude::*;

use crate::world::{Tree, World};

/// Where an import is given up.
#[derive(Clone, Copy, Debug)]
struct Cut {
    /// In the call of this number.
    call: u32,
    /// When so many files and folders are new since that call began, or at its end.
    progress: usize,
}

/// Enough files that a call can be given up at many points.
fn content() -> Tree {
    let mut content = Tree::from([("/d".to_owned(), None)]);
    for number in 0..12_u8 {
        let octets = vec![number; usize::from(number) * 9_000];
        content.insert(format!("/d/{number:02}"), Some(octets));
    }
    content
}

/// Runs a call to its end, or drops it when it has come so far.
async fn until<T>(world: &World, wanted: usize, call: impl Future<Output = T>) -> Option<T> {
    let mut call = pin!(call);
    let wanted = world.progress() + wanted;
    std::future::poll_fn(|context| match call.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending if world.progress() >= wanted => Poll::Ready(None),
        Poll::Pending => {
            context.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await
}

/// An import that is given up where `cut` says, or ends before. Numbers are kept outside, as the
/// farm's databases keep them.
async fn begin(
    world: &World,
    importer: &SiteImporter,
    order: &ImportOrder,
    cut: Cut,
    (count, placed): (&mut Option<u32>, &mut u32),
) -> Result<(), ImportFailure> {
    for call in 0.. {
        let wanted = if call == cut.call {
            cut.progress
        } else {
            usize::MAX / 2
        };
        let Some(count) = *count else {
            match until(world, wanted, importer.decompress(order)).await {
                Some(result) => *count = Some(result?),
                None => return Ok(()),
            }
            continue;
        };
        if *placed == count {
            break;
        }
        match until(world, wanted, importer.place(order, *placed)).await {
            Some(result) => {
                result?;
                *placed += 1;
            }
            None => return Ok(()),
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn an_import_given_up_anywhere_ends_as_if_it_had_not_been(
        cuts in proptest::collection::vec((0_u32..6, 0_usize..8), 1..5),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (world, whole_site) = (World::new(), content());
        world.pack(&whole_site, &PackOptions { package_octets_max: 200_000, ..PackOptions::default() });
        let order = world.order(Compression::Mszip);
        let importer = world.importer();
        let (mut count, mut placed) = (None, 0);
        runtime.block_on(async {
            prop_assert_eq!(importer.verify(&order).await, Ok(()));
            let whole = Cut { call: u32::MAX, progress: 0 };
            let cuts = cuts.into_iter().map(|(call, progress)| Cut { call, progress });
            for cut in cuts.chain([whole]) {
                let done = begin(&world, &importer, &order, cut, (&mut count, &mut placed)).await;
                prop_assert_eq!(done, Ok(()), "{:?}", cut);
                // What is in the site is whole at any time.
                for (path, octets) in world.placed() {
                    prop_assert_eq!(whole_site.get(&path), Some(&octets), "{}", path);
                }
            }
            importer.clean(order.job).await;
            Ok(())
        })?;
        prop_assert_eq!(world.placed(), whole_site);
        prop_assert!(!world.working().exists());
    }
}
