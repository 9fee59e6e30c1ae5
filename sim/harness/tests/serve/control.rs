//! The control channel: who does not own the store reaches the process that does.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use crate::site::{Site, logged};

#[tokio::test]
async fn tasks_are_submitted_to_the_owner_and_watched_there() {
    let site = Site::new();
    let _prod = site.serve("prod", "prod.log").await;
    let dev = site.serve("dev", "dev.log").await;

    let mut submit = site.submit("submit.log", &["--id", "t1", "deploy", "wait"]);
    submit.says("t1 accepted").await;
    let mut watch = site.start("watch.log", &["watch", "--config", "dev.toml", "t1"]);
    watch.says("t1 destination: running").await;
    let query = site.start("query.log", &["query", "--config", "dev.toml", "t1"]);
    assert_eq!(query.ends_with(3).await, "t1 destination: running");

    drop(site.running_work().await);
    assert!(submit.ends_with(0).await.ends_with("t1 completed"));
    assert!(watch.ends_with(0).await.ends_with("t1 completed"));
    let query = site.start("query.log", &["query", "--config", "dev.toml", "t1"]);
    assert_eq!(
        query.ends_with(0).await,
        "t1 destination: reported, succeeded"
    );
    assert_eq!(
        logged(&dev.log(), "phase", &["phase=\"task\""]).len(),
        1,
        "the owner sent it"
    );
}

#[tokio::test]
async fn the_owner_transfers_a_directory_that_the_caller_names() {
    let site = Site::new();
    site.write("project/a.txt", "A");
    let _prod = site.serve("prod", "prod.log").await;
    let _dev = site.serve("dev", "dev.log").await;
    let said = site.submit("submit.log", &["--id", "t1", "transfer", "project"]);
    let said = said.ends_with(0).await;
    assert!(
        said.contains("t1 part 1 of 1") && said.ends_with("t1 completed"),
        "{said}"
    );
    let arrived = fs::read_to_string(site.path("prod/received/dev/t1/a.txt"));
    assert_eq!(arrived.expect("it arrived"), "A");
    let unknown = site.start("watch.log", &["watch", "--config", "dev.toml", "t2"]);
    assert_eq!(unknown.ends_with(3).await, "no task t2 was sent from here");
}

#[tokio::test]
async fn a_foreground_originator_can_be_watched_too() {
    let site = Site::new();
    let _prod = site.serve("prod", "prod.log").await;
    let mut submit = site.submit("submit.log", &["--id", "t1", "deploy", "wait"]);
    submit.says("t1 accepted").await;
    let mut second = site.submit("second.log", &["--id", "t2", "execute", "list"]);
    second.says("t2 ").await;
    drop(site.running_work().await);
    assert!(second.ends_with(0).await.contains("t2 completed"));
    submit.ends_with(0).await;
}

#[cfg(unix)]
#[tokio::test]
async fn only_who_can_read_the_token_is_heard() {
    use std::os::unix::fs::PermissionsExt as _;

    let site = Site::new();
    let _dev = site.serve("dev", "dev.log").await;
    let file = site.path("dev/control.json");
    let mode = fs::metadata(&file).expect("the file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mode = fs::metadata(site.path("dev"))
        .expect("made")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);

    let text = fs::read_to_string(file).expect("ours");
    let (_, port) = text.split_once("\"port\":").expect("a port");
    let digits: String = port.chars().take_while(char::is_ascii_digit).collect();
    let port: u16 = digits.parse().expect("a number");
    for letter in [
        "{\"token\":\"0\",\"ask\":{\"query\":\"t1\"}}\n",
        "GET / HTTP/1.1\r\n",
    ] {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("it listens");
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .expect("set");
        stream.write_all(letter.as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answered");
        assert!(answer.starts_with("{\"refused\":"), "{answer}");
    }
}

#[tokio::test]
async fn without_an_owner_a_query_and_a_watcher_are_the_originator() {
    let site = Site::new();
    let _prod = site.serve("prod", "prod.log").await;
    let mut dev = site.submit("dev.log", &["--id", "t1", "deploy", "wait"]);
    dev.says("t1 accepted").await;
    let work = site.running_work().await;
    dev.kill().await;

    let query = ["query", "--config", "dev.toml", "t1"];
    let open = site.start("query.log", &query).ends_with(3).await;
    assert_eq!(open, "t1 destination: running");
    let mut watch = site.start("watch.log", &["watch", "--config", "dev.toml", "t1"]);
    watch.says("t1 destination: running").await;
    drop(work);
    assert!(watch.ends_with(0).await.ends_with("t1 completed"));
    let ended = site.start("query.log", &query).ends_with(0).await;
    assert_eq!(ended, "t1 destination: reported, succeeded");
    let unknown = site.start("query.log", &["query", "--config", "dev.toml", "t2"]);
    assert_eq!(unknown.ends_with(3).await, "no task t2 was sent from here");
}

#[tokio::test]
async fn an_operator_of_the_destination_cancels_a_task() {
    let site = Site::new();
    let _prod = site.serve("prod", "prod.log").await;
    let mut submit = site.submit("submit.log", &["--id", "t1", "deploy", "wait"]);
    submit.says("t1 accepted").await;
    let _work = site.running_work().await;
    let cancel = |task: &'static str| ["cancel", "--config", "prod.toml", task];
    let said = site.start("cancel.log", &cancel("t1")).ends_with(0).await;
    assert_eq!(said, "t1 cancelled");
    let said = submit.ends_with(1).await;
    assert!(said.ends_with("t1 cancelled"), "{said}");
    for (task, why) in [("t1", "the work has already ended"), ("t2", "no task t2")] {
        site.start("cancel.log", &cancel(task)).ends_with(1).await;
        let log = fs::read_to_string(site.path("cancel.log")).expect("a log");
        assert!(log.contains(why), "{log}");
    }
}

#[tokio::test]
async fn who_waits_for_a_task_is_told_what_stands_in_its_way() {
    let site = Site::new();
    let mut submit = site.submit("submit.log", &["--id", "t1", "deploy", "list"]);
    let port = site.remote_port;
    submit
        .says(&format!(
            "t1 establish to prod port {port}: refused, failed to connect: nobody listens"
        ))
        .await;
    let _prod = site.serve("prod", "prod.log").await;
    assert!(submit.ends_with(0).await.ends_with("t1 completed"));
}

#[tokio::test]
async fn a_second_owner_is_refused() {
    let site = Site::new();
    let _dev = site.serve("dev", "dev.log").await;
    let second = site.start("second.log", &["serve", "agent", "--config", "dev.toml"]);
    second.ends_with(2).await;
    let log = fs::read_to_string(site.path("second.log")).expect("a log");
    assert!(log.contains("another process owns the store"), "{log}");
}

#[tokio::test]
async fn who_finds_an_owner_that_is_about_to_end_takes_its_place() {
    let site = Site::new();
    let _prod = site.serve("prod", "prod.log").await;
    let mut submit = site.submit("submit.log", &["--id", "t1", "deploy", "wait"]);
    submit.says("t1 accepted").await;
    let work = site.running_work().await;
    // An owner that ends takes its address back before it unlocks the store.
    fs::remove_file(site.path("dev/control.json")).expect("an open channel");
    let watch = ["watch", "--config", "dev.toml", "--log", "debug", "t1"];
    let watch = site.start("watch.log", &watch);
    drop(work);
    assert!(submit.ends_with(0).await.ends_with("t1 completed"));
    assert!(watch.ends_with(0).await.ends_with("t1 completed"));
}
