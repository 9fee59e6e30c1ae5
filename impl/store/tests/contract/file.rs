//! The SQLite file: who may open it, and what a killed process leaves behind.

use std::fs;
use std::path::Path;

use portcullis_store::{OpenErrorKind, SqliteStore, Store};

use crate::rules::{put, state};

fn refused(path: &Path) -> OpenErrorKind {
    let error = SqliteStore::open(path).expect_err("refused");
    assert!(error.to_string().contains(&path.display().to_string()));
    error.kind
}

#[tokio::test]
async fn a_store_that_is_open_is_not_opened_again() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("store.db");
    let store = SqliteStore::open(&path).expect("a new store");
    assert_eq!(refused(&path), OpenErrorKind::Owned);
    store.commit(put("1", "a", "x")).await.expect("still works");
    store.close().await.expect("closes");
    let reopened = SqliteStore::open(&path).expect("free again");
    assert_eq!(state(&reopened, "a").await.as_deref(), Some("x"));
}

#[tokio::test]
async fn what_is_on_the_medium_at_any_moment_is_a_whole_store() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("store.db");
    let store = SqliteStore::open(&path).expect("a new store");
    for n in 0..20 {
        let state_then = n.to_string();
        let operation = format!("step {n}");
        store
            .commit(put(&operation, "a", &state_then))
            .await
            .expect("done");
        // What a power cut at this moment would leave: the file and its log as they are.
        let copy = directory.path().join(format!("copy{n}.db"));
        fs::copy(&path, &copy).expect("copied");
        let log = |path: &Path| path.with_extension("db-wal");
        fs::copy(log(&path), log(&copy)).expect("the log is there");
        let survivor = SqliteStore::open(&copy).expect("recovers");
        assert_eq!(state(&survivor, "a").await, Some(state_then));
    }
}

#[test]
fn files_that_are_no_store_are_refused_by_name() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("letter.txt");
    fs::write(&path, "Dear Sir or Madam, ".repeat(100)).expect("written");
    assert_eq!(refused(&path), OpenErrorKind::NotAStore);
    let missing = directory.path().join("missing").join("store.db");
    assert_eq!(refused(&missing), OpenErrorKind::Inaccessible);

    let foreign = directory.path().join("foreign.db");
    rusqlite::Connection::open(&foreign)
        .and_then(|file| file.execute_batch("CREATE TABLE t (x); PRAGMA user_version = 1;"))
        .expect("another program's file");
    assert_eq!(refused(&foreign), OpenErrorKind::NotAStore);
}

#[tokio::test]
async fn a_newer_or_damaged_file_is_refused_by_name() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("store.db");
    let store = SqliteStore::open(&path).expect("a new store");
    for n in 0..200 {
        let name = format!("{n}{}", "x".repeat(200));
        store.commit(put(&name, &name, "x")).await.expect("done");
    }
    store.close().await.expect("closes");

    let newer = directory.path().join("newer.db");
    fs::copy(&path, &newer).expect("copied");
    rusqlite::Connection::open(&newer)
        .and_then(|file| file.pragma_update(None, "user_version", 9))
        .expect("a file of the future");
    assert_eq!(
        refused(&newer),
        OpenErrorKind::NewerFormat { found: 9, known: 1 }
    );

    let mut octets = fs::read(&path).expect("read");
    let middle = octets.len() / 2;
    octets[middle..].fill(0xA5);
    fs::write(&path, octets).expect("written");
    assert_eq!(refused(&path), OpenErrorKind::Damaged);
}
