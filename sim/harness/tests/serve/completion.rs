//! Work that goes well, and work that does not.

use std::fs;
use std::path::Path;

use crate::site::{Site, logged};

/// Every file below a directory, with its content.
fn files(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(next) = directories.pop() {
        for entry in fs::read_dir(next).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                directories.push(path);
            } else {
                let name = path.strip_prefix(directory).expect("below it");
                let content = fs::read(&path).expect("a file");
                found.push((name.display().to_string(), content));
            }
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn a_directory_arrives_and_its_tasks_complete_by_callback() {
    let site = Site::new();
    // Three parts of 1 MiB: content that no two places share.
    let large: Vec<u8> = (0..750_000_u32).flat_map(u32::to_le_bytes).collect();
    site.write("project/large.bin", large);
    site.write(
        "project/tables/customer.sql",
        "CREATE TABLE customer (id INTEGER);\n",
    );
    site.write("project/tables/empty", "");
    let prod = site.serve("prod", "prod.log").await;

    let dev = site.submit("dev.log", &["--id", "first", "transfer", "project"]);
    let log = site.path("dev.log");
    let said = dev.ends_with(0).await;
    assert!(said.contains("first part 3 of 3"), "{said}");
    assert!(said.ends_with("first completed"), "{said}");
    let received = files(&site.path("prod/received/dev/first"));
    assert!(
        received == files(&site.path("project")),
        "what arrived is what was sent"
    );

    let dev = site.submit("deploy.log", &["--after", "first", "deploy", "list"]);
    assert!(dev.ends_with(0).await.ends_with("completed"));
    let dev = site.submit("execute.log", &["execute", "list"]);
    assert!(dev.ends_with(0).await.ends_with("completed"));

    // ET-17: a connection of its own, opened by prod from a dynamic port to dev's local port.
    let log = fs::read_to_string(log).expect("a log");
    let local = format!("local=127.0.0.1:{}", site.local_port);
    let openers = logged(&log, "opener", &["phase=\"completion\"", &local]);
    assert_eq!(openers.len(), 1, "{log}");
    let task_openers = logged(&log, "opener", &["phase=\"task\""]);
    assert_ne!(openers, task_openers);
    let remote = format!(":{}", site.remote_port);
    assert!(
        !openers[0].ends_with(&remote),
        "not from the configured port: {openers:?}"
    );
    prod.terminate().await;
    prod.ends_with(0).await;
}

#[tokio::test]
async fn work_that_fails_is_reported_with_its_reason() {
    let site = Site::new();
    let _prod = site.serve("prod", "prod.log").await;
    let failing = site.submit("dev.log", &["--id", "t1", "deploy", "fail"]);
    let said = failing.ends_with(1).await;
    assert!(said.ends_with("t1 failed (command-failed)"), "{said}");
    let unknown = site.submit("dev.log", &["--id", "t2", "deploy", "no-such-command"]);
    let said = unknown.ends_with(1).await;
    assert!(said.ends_with("t2 rejected (unknown-command)"), "{said}");
    let missing = site.submit("dev.log", &["transfer", "no-such-directory"]);
    assert_eq!(missing.ends().await.0, 2);
}
