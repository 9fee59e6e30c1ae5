//! Processes that are killed or told to stop, and what the next ones make of it.

use std::net::{Ipv4Addr, TcpListener};

use crate::site::{Site, logged};

#[tokio::test]
async fn an_originator_killed_before_the_callback_resumes_from_its_store() {
    let site = Site::new();
    let prod = site.serve("prod", "prod.log").await;
    let mut dev = site.submit("dev.log", &["--id", "t1", "deploy", "wait"]);
    dev.says("t1 accepted").await;
    let work = site.running_work().await;
    dev.kill().await;
    drop(work);

    let resumed = site.submit("resumed.log", &["resume"]);
    let said = resumed.ends_with(0).await;
    assert!(said.ends_with("t1 completed"), "{said}");
    let starts = logged(&prod.log(), "task", &["work started"]);
    assert_eq!(starts, ["t1"], "the work was done once");
}

#[tokio::test]
async fn a_submission_repeated_after_a_kill_does_the_work_once() {
    let site = Site::new();
    let prod = site.serve("prod", "prod.log").await;
    let mut dev = site.submit("dev.log", &["--id", "t1", "deploy", "wait"]);
    dev.says("t1 accepted").await;
    let work = site.running_work().await;
    dev.kill().await;
    drop(work);

    let again = site.submit("again.log", &["--id", "t1", "deploy", "wait"]);
    assert!(again.ends_with(0).await.ends_with("t1 completed"));
    let other = site.submit("other.log", &["--id", "t1", "deploy", "list"]);
    assert_eq!(other.ends().await.0, 2, "the id is taken");
    assert_eq!(logged(&prod.log(), "task", &["work started"]), ["t1"]);
}

#[tokio::test]
async fn work_that_a_killed_destination_left_is_reported_interrupted() {
    let site = Site::new();
    let prod = site.serve("prod", "prod.log").await;
    let mut dev = site.submit("dev.log", &["--id", "t1", "deploy", "wait"]);
    dev.says("t1 accepted").await;
    let work = site.running_work().await;
    prod.kill().await;
    drop(work);

    let prod = site.serve("prod", "restarted.log").await;
    let said = dev.ends_with(1).await;
    assert!(said.ends_with("t1 failed (interrupted)"), "{said}");
    assert!(logged(&prod.log(), "task", &["work started"]).is_empty());
}

#[tokio::test]
async fn a_signal_closes_the_listeners_and_the_store() {
    for signal in ["-TERM", "-INT"] {
        let site = Site::new();
        let prod = site.serve("prod", "prod.log").await;
        assert!(TcpListener::bind((Ipv4Addr::LOCALHOST, site.remote_port)).is_err());
        prod.signal(signal).await;
        prod.ends_with(0).await;
        assert!(TcpListener::bind((Ipv4Addr::LOCALHOST, site.remote_port)).is_ok());
        assert!(!site.path("prod/control.json").exists());
        // SQLite removes its log when it closes the file.
        assert!(!site.path("prod/store.db-wal").exists());
    }
}

#[tokio::test]
async fn a_signal_ends_a_foreground_originator_that_can_be_resumed() {
    let site = Site::new();
    let _prod = site.serve("prod", "prod.log").await;
    let mut dev = site.submit("dev.log", &["--id", "t1", "deploy", "wait"]);
    dev.says("t1 accepted").await;
    let work = site.running_work().await;
    dev.terminate().await;
    dev.ends_with(3).await;
    drop(work);
    let resumed = site.submit("resumed.log", &["resume"]);
    assert!(resumed.ends_with(0).await.ends_with("t1 completed"));
}

#[tokio::test]
async fn work_that_a_signal_ended_is_reported_interrupted_after_the_restart() {
    let site = Site::new();
    let prod = site.serve("prod", "prod.log").await;
    let mut dev = site.submit("dev.log", &["--id", "t1", "deploy", "wait"]);
    dev.says("t1 accepted").await;
    let _work = site.running_work().await;
    prod.terminate().await;
    prod.ends_with(0).await;
    let _prod = site.serve("prod", "restarted.log").await;
    assert!(dev.ends_with(1).await.ends_with("t1 failed (interrupted)"));
}
