//! A process that writes and is killed: what it acknowledged is there afterwards, and the file is
//! free for the next process. Has its own `main`, because it starts itself as the process to kill.

use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use portcullis_store::{Batch, OpenErrorKind, OperationId, Record, SqliteStore, Store};
use serde::{Deserialize, Serialize};

/// A record of the test.
#[derive(Serialize, Deserialize)]
struct Mark {
    number: usize,
}

impl Record for Mark {
    const TABLE: &'static str = "marks";
    const SCHEMA: u32 = 1;

    fn key(&self) -> String {
        self.number.to_string()
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime")
}

/// Writes for ever and says so after each acknowledgement.
fn write_until_killed(path: &Path) {
    let store = SqliteStore::open(path).expect("a new store");
    let mut out = std::io::stdout();
    runtime().block_on(async {
        for number in 0.. {
            let batch = Batch::new(OperationId::new(format!("mark {number}")))
                .put(&Mark { number })
                .expect("json");
            store.commit(batch).await.expect("done");
            writeln!(out, "{number}").expect("the test listens");
        }
    });
}

/// What is acknowledged survives `kill -9`, and the lock does not.
fn what_a_killed_process_acknowledged_is_there() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("store.db");
    let program = std::env::current_exe().expect("this test");
    let mut child = Command::new(program)
        .arg("--write")
        .arg(&path)
        .stdout(Stdio::piped())
        .spawn()
        .expect("started");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut acknowledged = Vec::new();
    while acknowledged.len() < 50 {
        let line = lines.next().expect("it writes on").expect("text");
        acknowledged.push(line);
    }
    let error = SqliteStore::open(&path).expect_err("the other process owns it");
    assert_eq!(error.kind, OpenErrorKind::Owned);
    child.kill().expect("killed");
    acknowledged.extend(lines.map_while(Result::ok));
    child.wait().expect("gone");

    let store = SqliteStore::open(&path).expect("recovers");
    runtime().block_on(async {
        for number in &acknowledged {
            let found = store.load::<Mark>(number).await.expect("read");
            assert!(found.is_some(), "mark {number} was acknowledged");
        }
    });
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.as_slice() {
        [_, flag, path] if flag == "--write" => write_until_killed(Path::new(path)),
        _ => {
            what_a_killed_process_acknowledged_is_there();
            let mut out = std::io::stdout();
            writeln!(
                out,
                "test what_a_killed_process_acknowledged_is_there ... ok"
            )
            .expect("somebody listens");
        }
    }
}
