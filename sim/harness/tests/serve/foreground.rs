//! An originator in the foreground, whose store holds more than the task that it is there for.

use std::fs;
use std::process::Stdio;

use crate::site::Site;

/// Leaves `t1` open in dev's store; it goes on until the gate is dropped.
async fn open_task(site: &Site) -> fs::File {
    let mut first = site.submit("first.log", &["--id", "t1", "deploy", "wait"]);
    first.says("t1 accepted").await;
    let gate = site.running_work().await;
    first.kill().await;
    gate
}

#[tokio::test]
async fn a_submission_ends_with_its_own_task_and_leaves_the_others_open() {
    let site = Site::new();
    let _prod = site.serve("prod", "prod.log").await;
    let gate = open_task(&site).await;
    let own = ["--id", "t2", "--independent", "execute", "list"];
    let said = site.submit("own.log", &own).ends_with(0).await;
    assert!(said.ends_with("t2 completed"), "{said}");
    let log = fs::read_to_string(site.path("own.log")).expect("a log");
    let left = "1 task is unfinished: `submit resume` goes on with it";
    assert!(log.lines().any(|line| line == left), "{log}");

    // A repeated submission has nothing to wait for, and neither has a query.
    site.submit("own.log", &own).ends_with(0).await;
    let query = ["query", "--config", "dev.toml", "t2"];
    let said = site.start("query.log", &query).ends_with(0).await;
    assert_eq!(said, "t2 destination: reported, succeeded");
    let log = fs::read_to_string(site.path("query.log")).expect("a log");
    assert!(log.contains(left), "{log}");

    drop(gate);
    let resumed = site.submit("resumed.log", &["resume"]).ends_with(0).await;
    assert!(resumed.ends_with("t1 completed"), "{resumed}");
    let log = fs::read_to_string(site.path("resumed.log")).expect("a log");
    assert!(!log.contains("unfinished"), "{log}");
}

#[tokio::test]
async fn an_older_task_that_fails_does_not_decide_how_a_submission_ends() {
    let site = Site::new();
    let prod = site.serve("prod", "prod.log").await;
    let gate = open_task(&site).await;
    prod.kill().await;
    drop(gate);
    // It finds the work interrupted, and reports that until it is heard.
    let _prod = site.serve("prod", "restarted.log").await;
    let own = ["--id", "t2", "execute", "list"];
    let said = site.submit("own.log", &own).ends_with(0).await;
    assert!(said.ends_with("t2 completed"), "{said}");
    let query = ["query", "--config", "dev.toml", "t1"];
    let said = site.start("query.log", &query).ends_with(1).await;
    assert!(said.contains("failed (interrupted)"), "{said}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_could_not_be_said_is_no_success() {
    let site = Site::new();
    let _prod = site.serve("prod", "prod.log").await;
    for arguments in [
        &["preflight", "--config", "dev.toml"][..],
        &["submit", "--config", "dev.toml", "execute", "list"],
    ] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full");
        let mut program = tokio::process::Command::new(env!("CARGO_BIN_EXE_portcullis"));
        let program = program.args(arguments).current_dir(site.path(""));
        let program = program.stdout(full.expect("Linux has /dev/full"));
        let program = program.stderr(Stdio::piped()).kill_on_drop(true).spawn();
        let ended = program.expect("it starts").wait_with_output().await;
        let ended = ended.expect("it ends");
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(70), "{arguments:?}: {said}");
        assert!(said.contains("cannot write to standard output"), "{said}");
    }
}
