//! What becomes of files that are sent.

use crate::raw::{body, field, status};
use crate::world::{CLOSED, CLOSING, JOB, World, guid, target};

/// A whole upload of `octets`, over a connection of its own.
async fn post(world: &World, target: &str, octets: &str) -> String {
    let length = octets.len();
    let request = format!(
        "POST {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n\
         {octets}"
    );
    world.say(request).await
}

#[tokio::test]
async fn a_file_is_kept_and_answered_without_a_body() {
    let world = World::open().await;
    let answer = post(&world, &target("a.cab"), "octets").await;
    assert_eq!(status(&answer), "HTTP/1.1 200 OK");
    assert_eq!(body(&answer), "");
    assert_eq!(field(&answer, "content-length"), Some("0"));
    assert_eq!(field(&answer, "content-type"), None);
    let kept = [("a.cab".to_owned(), 6)];
    assert_eq!(world.stored().await, kept);
    assert_eq!(world.memory.files(), kept);
}

#[tokio::test]
async fn quotes_are_taken_off() {
    let world = World::open().await;
    let target = target("%22Exported%20Files.cab%22").replace(JOB, &format!("%22{JOB}%22"));
    let answer = post(&world, &target, "octets").await;
    assert_eq!(status(&answer), "HTTP/1.1 200 OK");
    assert_eq!(world.stored().await, [("Exported Files.cab".to_owned(), 6)]);
}

#[tokio::test]
async fn a_client_that_asks_first_is_told_to_go_on() {
    let world = World::open().await;
    let mut client = world.connect().await;
    let target = target("a.cab");
    let head = format!(
        "POST {target} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 6\r\n\r\n"
    );
    client.send(head).await;
    assert_eq!(client.answer().await, "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("octets").await;
    assert_eq!(status(&client.answer().await), "HTTP/1.1 200 OK");
    assert_eq!(world.stored().await, [("a.cab".to_owned(), 6)]);
}

#[tokio::test]
async fn a_chunked_upload_is_an_upload_and_the_connection_stays() {
    let world = World::open().await;
    let mut client = world.connect().await;
    let target = target("a.cab");
    for _ in 0..2 {
        let head =
            format!("POST {target} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
        client.send(format!("{head}3\r\noct\r\n")).await;
        client.send("3;a=b\r\nets\r\n0\r\nTrailer: x\r\n\r\n").await;
        assert_eq!(status(&client.answer().await), "HTTP/1.1 200 OK");
    }
    assert_eq!(world.stored().await, [("a.cab".to_owned(), 6)]);
}

#[tokio::test]
async fn a_repeat_is_the_same_file_and_another_with_its_name_is_refused() {
    let world = World::open().await;
    let (upper, lower) = (target("A.cab"), target("a.cab"));
    for (target, octets, expected) in [
        (&upper, "octets", "HTTP/1.1 200 OK"),
        (&upper, "octets", "HTTP/1.1 200 OK"),
        (&lower, "octets", "HTTP/1.1 200 OK"),
        (&upper, "others", "HTTP/1.1 409 Conflict"),
        (&lower, "octet", "HTTP/1.1 409 Conflict"),
    ] {
        let answer = post(&world, target, octets).await;
        assert_eq!(status(&answer), expected, "{target} {octets}");
    }
    assert_eq!(world.stored().await, [("A.cab".to_owned(), 6)]);
    world.tasks.stop().await;
    let kept = std::fs::read(world.folder.of_job(guid(JOB)).join("A.cab")).unwrap();
    assert_eq!(kept, b"octets");
}

#[tokio::test]
async fn jobs_that_take_no_file_say_why() {
    let world = World::open().await;
    let other = "11111111-1111-1111-1111-111111111111";
    for (job, expected, why) in [
        (
            other,
            "HTTP/1.1 404 Not Found",
            "there is no such import job\n",
        ),
        (
            CLOSED,
            "HTTP/1.1 409 Conflict",
            "the job takes no more files\n",
        ),
        (
            CLOSING,
            "HTTP/1.1 409 Conflict",
            "the job takes no more files\n",
        ),
    ] {
        let answer = post(&world, &target("a.cab").replace(JOB, job), "octets").await;
        assert_eq!(status(&answer), expected, "{job}");
        assert_eq!(body(&answer), why, "{job}");
    }
    // What the records do not name does not count.
    assert_eq!(world.memory.files(), []);
    assert!(!world.folder.of_job(guid(CLOSED)).exists());
}

#[tokio::test]
async fn a_query_that_is_none_is_400_and_says_what_is_wrong() {
    let world = World::open().await;
    let page = "/_admin/Content%20Deployment/DeploymentUpload.aspx";
    for (query, named) in [
        (String::new(), "filename"),
        ("?filename=a.cab".to_owned(), "remoteJobId"),
        (format!("?remoteJobId={JOB}"), "filename"),
        (
            format!("?filename=a.cab&filename=b.cab&remoteJobId={JOB}"),
            "filename",
        ),
        ("?filename=a.cab&remoteJobId=1".to_owned(), "remoteJobId"),
    ] {
        let answer = post(&world, &format!("{page}{query}"), "octets").await;
        assert_eq!(status(&answer), "HTTP/1.1 400 Bad Request", "{query}");
        assert!(body(&answer).contains(named), "{query}: {answer}");
    }
    assert_eq!(world.file_count(), 0);
}

#[tokio::test]
async fn an_upload_that_is_cut_leaves_nothing() {
    let world = World::open().await;
    let target = target("a.cab");
    for framing in ["Content-Length: 1000000", "Transfer-Encoding: chunked"] {
        let mut client = world.connect().await;
        let head = format!("POST {target} HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n");
        client
            .send(format!("{head}7D000\r\n{}", "x".repeat(500_000)))
            .await;
        drop(client);
        world.answered(400).await;
        world.is_empty().await;
    }
    assert_eq!(world.memory.files(), []);
}

#[tokio::test]
async fn an_upload_whose_other_direction_ends_early_is_answered() {
    let world = World::open().await;
    let mut client = world.connect().await;
    let target = target("a.cab");
    let request = format!("POST {target} HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\noctets");
    client.send(request).await;
    tokio::io::AsyncWriteExt::shutdown(&mut client.stream)
        .await
        .unwrap();
    assert_eq!(status(&client.answer().await), "HTTP/1.1 200 OK");
}

#[tokio::test]
async fn an_upload_says_how_long_it_is() {
    let world = World::open().await;
    let target = target("a.cab");
    let request = format!("POST {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_eq!(
        status(&world.say(request).await),
        "HTTP/1.1 411 Length Required"
    );
    assert_eq!(world.file_count(), 0);
}
