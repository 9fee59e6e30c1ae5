//! Exports that do not come to their end.

use std::fs;
use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::task::Poll;

use portcullis_web_service::work::{ExportFailure, ExportOrder, Exporter as _, JobKind};
use tokio::io::{AsyncSeekExt as _, AsyncWriteExt as _};

use crate::world::{JOB, World, order, tree};

/// Waits for the first move of a future, and drops it.
async fn give_up<T>(work: impl Future<Output = T>) {
    let mut work = pin!(work);
    std::future::poll_fn(|context| {
        assert!(work.as_mut().poll(context).is_pending());
        Poll::Ready(())
    })
    .await;
}

#[tokio::test]
async fn what_a_crash_has_left_unfinished_is_removed() {
    let mut world = World::new();
    world.put("page.aspx", b"Hello.");
    let order = order(1, JobKind::Full);
    let unfinished = world.runs().join(format!("{JOB}/1.part"));
    fs::create_dir_all(&unfinished).unwrap();
    fs::write(unfinished.join("ExportedFiles.cab"), b"MSCF").unwrap();
    // Also without a restart.
    assert_eq!(world.export(&order).await.len(), 1);
    assert!(!unfinished.exists());
    fs::create_dir_all(&unfinished).unwrap();
    world.restart();
    assert!(!unfinished.exists());
    // The run itself was complete.
    world.exporter.deployed(&order).await.unwrap();
}

#[tokio::test]
async fn an_export_can_be_repeated() {
    let world = World::new();
    world.put("a.aspx", &[1; 90_000]);
    world.put("b.aspx", &[2; 90_000]);
    let order = ExportOrder {
        is_compressed: false,
        ..order(1, JobKind::Full)
    };
    assert_eq!(world.export(&order).await.len(), 2);
    fs::remove_file(world.source().join("b.aspx")).unwrap();
    let files = world.export(&order).await;
    assert_eq!(files.len(), 1);
    let mut packages = tree(&world.folder_of(order.run));
    packages.retain(|name, _| !name.starts_with('.'));
    let names: Vec<_> = packages.keys().map(String::as_str).collect();
    assert_eq!(names, [files[0].name.as_str()]);
}

#[tokio::test]
async fn an_export_that_is_given_up_leaves_nothing_once_it_is_cleaned() {
    let world = World::new();
    for number in 0..200_u8 {
        world.put(&format!("{number}.bin"), &vec![number; 50_000]);
    }
    let order = order(1, JobKind::Full);
    for _ in 0..3 {
        give_up(world.exporter.export(&order)).await;
    }
    world.exporter.clean(order.run).await;
    assert!(!world.runs().join(JOB.to_string()).exists());
    give_up(world.exporter.export(&order)).await;
    // Waits for the one before.
    let files = world.export(&order).await;
    assert_eq!(world.import(&order, files).await, 200);
    assert_eq!(world.placed(), tree(&world.source()));
}

#[cfg(unix)]
#[tokio::test]
async fn what_cannot_be_packed_is_told_and_leaves_nothing() {
    let link: fn(&Path) = |at| std::os::unix::fs::symlink("a", at).unwrap();
    let empty: fn(&Path) = |at| fs::write(at, b"").unwrap();
    let socket: fn(&Path) = |at| drop(std::os::unix::net::UnixListener::bind(at).unwrap());
    let cases = [
        ("link", link, "is a link"),
        ("socket", socket, "is neither file nor directory"),
        ("a:b", empty, "has a name that may not be used"),
        ("A", empty, "has the same name as another but for case"),
    ];
    for (name, make, why) in cases {
        let world = World::new();
        world.put("a", b"");
        let place = world.source().join(name);
        make(&place);
        for (number, kind) in (1..).zip(JobKind::ALL) {
            let failed = world.exporter.export(&order(number, kind)).await;
            let Err(ExportFailure::Content(words)) = failed else {
                panic!("{name}: {failed:?}");
            };
            assert!(words.contains(why), "{words}");
            assert!(!world.runs().join(JOB.to_string()).exists());
        }
    }
}

/// Also when it keeps its length.
#[tokio::test]
async fn a_file_that_is_written_to_while_it_is_packed_is_told() {
    let world = World::new();
    world.put("large.bin", &vec![7; 20_000_000]);
    let mut options = tokio::fs::File::options();
    let opened = options.write(true).open(world.source().join("large.bin"));
    let mut file = opened.await.unwrap();
    let writing = async {
        loop {
            file.rewind().await.unwrap();
            file.write_all(b"8").await.unwrap();
            file.flush().await.unwrap();
        }
    };
    let order = order(1, JobKind::Full);
    let exported = tokio::select! {
        biased;
        exported = world.exporter.export(&order) => exported,
        () = writing => unreachable!("it writes without end"),
    };
    let Err(ExportFailure::Content(words)) = exported else {
        panic!("{exported:?}");
    };
    let why = "large.bin has changed while it was packed";
    assert!(words.ends_with(why), "{words}");
    assert!(!world.runs().join(JOB.to_string()).exists());
}

#[tokio::test]
async fn content_that_is_not_there_fails() {
    let world = World::new();
    let other = ExportOrder {
        source: "other".to_owned(),
        ..order(1, JobKind::Full)
    };
    let failed = world.exporter.export(&other).await;
    assert_eq!(failed, Err(ExportFailure::UnknownSource));
    fs::remove_dir(world.source()).unwrap();
    let failed = world.exporter.export(&order(1, JobKind::Full)).await;
    assert!(
        matches!(failed, Err(ExportFailure::Content(_))),
        "{failed:?}"
    );
}
