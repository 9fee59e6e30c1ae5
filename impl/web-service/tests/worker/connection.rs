//! How connections are kept and ended.

use std::time::Duration;

use portcullis_web_service::FarmEvent;
use tokio::time::timeout;

use crate::raw::{field, status, try_connect};
use crate::world::{World, target};

const SERVICE: &str = "/_vti_adm/ContentDeploymentRemoteImport.asmx";

/// Long enough for anything that is not waited for.
const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_client_that_wants_to_close_is_told_so() {
    let world = World::open().await;
    let get = |version: &str, connection: &str| {
        format!("GET {SERVICE} {version}\r\nHost: a\r\n{connection}\r\n")
    };
    for (version, connection, told) in [
        ("HTTP/1.1", "Connection: close\r\n", Some("close")),
        ("HTTP/1.1", "connection: Close\r\n", Some("close")),
        (
            "HTTP/1.1",
            "Connection: keep-alive, close\r\n",
            Some("close"),
        ),
        ("HTTP/1.0", "", None),
        ("HTTP/1.0", "Connection: close\r\n", None),
    ] {
        // `say` returns when the server has ended its direction.
        let answer = world.say(get(version, connection)).await;
        assert_eq!(status(&answer), format!("{version} 200 OK"));
        assert_eq!(field(&answer, "connection"), told, "{version} {connection}");
    }
}

#[tokio::test]
async fn a_client_that_says_nothing_of_it_keeps_its_connection() {
    let world = World::open().await;
    for (version, connection, told) in [
        ("HTTP/1.1", "", None),
        ("HTTP/1.1", "Connection: keep-alive\r\n", None),
        ("HTTP/1.0", "Connection: keep-alive\r\n", Some("keep-alive")),
    ] {
        let mut client = world.connect().await;
        for _ in 0..3 {
            let get = format!("GET {SERVICE} {version}\r\nHost: a\r\n{connection}\r\n");
            client.send(get).await;
            let answer = client.answer().await;
            assert_eq!(field(&answer, "connection"), told, "{version} {connection}");
        }
    }
}

#[tokio::test]
async fn requests_that_come_together_are_answered_in_their_order() {
    let world = World::open().await;
    let mut client = world.connect().await;
    let upload = |file: &str, octets: &str| {
        let (target, length) = (target(file), octets.len());
        format!("POST {target} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{octets}")
    };
    let get = format!("GET {SERVICE} HTTP/1.1\r\nHost: a\r\n\r\n");
    let nowhere = "GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n".to_owned();
    let all = [
        upload("a.cab", "first"),
        get,
        upload("b.cab", "second"),
        nowhere,
    ];
    client.send(all.concat()).await;
    for expected in ["200 OK", "200 OK", "200 OK", "404 Not Found"] {
        let answer = client.answer().await;
        assert_eq!(status(&answer), format!("HTTP/1.1 {expected}"));
    }
    let stored = [("a.cab".to_owned(), 5), ("b.cab".to_owned(), 6)];
    assert_eq!(world.stored().await, stored);
}

#[tokio::test]
async fn a_body_that_nobody_reads_is_not_taken_for_a_request() {
    let world = World::open().await;
    let mut client = world.connect().await;
    let inside = format!("GET {SERVICE} HTTP/1.1\r\nHost: a\r\n\r\n");
    let length = inside.len() + 100_000;
    let head = format!("POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
    client.send(head + &inside + &"x".repeat(100_000)).await;
    let all = client.rest().await;
    assert_eq!(status(&all), "HTTP/1.1 404 Not Found");
    assert_eq!(all.matches("HTTP/1.1").count(), 1, "{all}");
}

#[tokio::test]
async fn a_body_of_two_lengths_is_no_request() {
    let world = World::open().await;
    let target = target("a.cab");
    for framing in [
        "Content-Length: 3\r\nContent-Length: 4",
        "Content-Length: 3, 4",
        "Content-Length: -3",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked",
    ] {
        let head = format!("POST {target} HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n");
        let answer = world.say(head + "abc").await;
        assert_eq!(status(&answer), "HTTP/1.1 400 Bad Request", "{framing}");
        assert_eq!(world.event().await, FarmEvent::BadRequest, "{framing}");
    }
    // Both framings: the chunks count, and nothing behind them is taken for a request.
    let both = format!(
        "POST {target} HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\
         Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n\
         GET {SERVICE} HTTP/1.1\r\nHost: a\r\n\r\n"
    );
    let all = world.say(both).await;
    assert_eq!(status(&all), "HTTP/1.1 200 OK");
    assert_eq!(all.matches("HTTP/1.1").count(), 1, "{all}");
    assert_eq!(field(&all, "connection"), Some("close"));
    assert_eq!(world.stored().await, [("a.cab".to_owned(), 3)]);
}

#[tokio::test]
async fn a_slow_head_is_ended_with_408_and_silence_without() {
    let world = World::with(|config| {
        config.timers.head = Duration::from_millis(50);
    })
    .await;
    let mut client = world.connect().await;
    client.send("GET / HTTP/1.1\r\nHo").await;
    let answer = client.rest().await;
    assert_eq!(status(&answer), "HTTP/1.1 408 Request Timeout");
    assert_eq!(field(&answer, "connection"), Some("close"));
    assert_eq!(world.event().await, FarmEvent::BadRequest);
    let mut silent = world.connect().await;
    assert_eq!(silent.rest().await, "");
}

/// A whole request of each framing, and the status of its answer.
fn requests() -> [(String, &'static str); 4] {
    let (target, fields) = (target("a.cab"), "Host: a\r\nContent-Type: text/xml");
    [
        (
            format!("GET {SERVICE} HTTP/1.1\r\nHost: a\r\n\r\n"),
            "HTTP/1.1 200 OK",
        ),
        (
            "GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
            "HTTP/1.1 404 Not Found",
        ),
        (
            format!("POST {SERVICE} HTTP/1.1\r\n{fields}\r\nContent-Length: 2\r\n\r\n<a"),
            "HTTP/1.1 500 Internal Server Error",
        ),
        (
            format!(
                "POST {target} HTTP/1.1\r\n{fields}\r\nTransfer-Encoding: chunked\r\n\r\n\
                 1\r\nx\r\n0\r\n\r\n"
            ),
            "HTTP/1.1 200 OK",
        ),
    ]
}

#[tokio::test]
async fn a_head_that_begins_behind_a_request_has_the_head_timer() {
    for (request, expected) in requests() {
        let world = World::with(|config| {
            config.timers.head = Duration::from_millis(50);
            config.timers.keep_alive = Duration::from_secs(3600);
        })
        .await;
        let mut client = world.connect().await;
        client.send(request.clone() + "GE").await;
        assert_eq!(status(&client.answer().await), expected, "{request}");
        let late = client.rest().await;
        assert_eq!(
            status(&late),
            "HTTP/1.1 408 Request Timeout",
            "behind {request}"
        );
        assert!(matches!(world.event().await, FarmEvent::Answered { .. }));
        assert_eq!(world.event().await, FarmEvent::BadRequest);
    }
}

#[tokio::test]
async fn a_head_that_begins_behind_a_request_may_end_later() {
    let world = World::open().await;
    for (request, expected) in requests() {
        let mut client = world.connect().await;
        for begun in [1, 30, request.len() - 1] {
            client.send(request.clone() + &request[..begun]).await;
            assert_eq!(status(&client.answer().await), expected, "{request}");
            client.send(&request[begun..]).await;
            assert_eq!(status(&client.answer().await), expected, "{request}");
        }
    }
}

#[tokio::test]
async fn an_empty_line_behind_a_request_is_no_head() {
    let world = World::with(|config| {
        config.timers.head = Duration::from_secs(3600);
        config.timers.keep_alive = Duration::from_millis(50);
    })
    .await;
    let mut client = world.connect().await;
    let get = format!("GET {SERVICE} HTTP/1.1\r\nHost: a\r\n\r\n\r\n");
    client.send(get).await;
    assert_eq!(status(&client.answer().await), "HTTP/1.1 200 OK");
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn a_head_that_begins_in_time_has_all_of_its_own_timer() {
    let keep_alive = Duration::from_millis(500);
    let world = World::with(|config| config.timers.keep_alive = keep_alive).await;
    let mut client = world.connect().await;
    let get = format!("GET {SERVICE} HTTP/1.1\r\nHost: a\r\n\r\n");
    client.send(&get).await;
    assert_eq!(status(&client.answer().await), "HTTP/1.1 200 OK");
    client.send(&get[..2]).await;
    tokio::time::sleep(keep_alive * 2).await;
    client.send(&get[2..]).await;
    assert_eq!(status(&client.answer().await), "HTTP/1.1 200 OK");
}

#[tokio::test]
async fn octets_that_come_one_by_one_do_not_prolong_a_head() {
    let world = World::with(|config| {
        config.timers.head = Duration::from_millis(100);
        config.timers.drain = Duration::from_millis(1);
    })
    .await;
    let mut client = world.connect().await;
    client.send("GET / HTTP/1.1\r\nX: ").await;
    // Until the server has ended the connection, which it then says.
    let dripping = async {
        let drip = tokio::time::interval(Duration::from_millis(5));
        tokio::pin!(drip);
        while tokio::io::AsyncWriteExt::write_all(&mut client.stream, b"x")
            .await
            .is_ok()
        {
            drip.as_mut().get_mut().tick().await;
        }
    };
    timeout(SOON, dripping).await.unwrap();
}

#[tokio::test]
async fn a_slow_body_is_ended_with_408_and_leaves_nothing() {
    let world = World::with(|config| {
        config.timers.body_idle = Duration::from_millis(50);
        config.timers.message = Duration::from_secs(3600);
    })
    .await;
    for place in [target("a.cab"), SERVICE.to_owned()] {
        let mut client = world.connect().await;
        let head = format!("POST {place} HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
        client.send(head).await;
        let answer = client.rest().await;
        assert_eq!(status(&answer), "HTTP/1.1 408 Request Timeout", "{place}");
        assert_eq!(field(&answer, "connection"), Some("close"));
    }
    world.is_empty().await;
}

#[tokio::test]
async fn a_message_has_a_timer_for_the_whole_of_it() {
    let world = World::with(|config| {
        config.timers.body_idle = Duration::from_secs(3600);
        config.timers.message = Duration::from_millis(50);
    })
    .await;
    let head = format!("POST {SERVICE} HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
    let answer = world.say(head).await;
    assert_eq!(status(&answer), "HTTP/1.1 408 Request Timeout");
}

#[tokio::test]
async fn a_connection_that_is_not_used_is_closed() {
    let world = World::with(|config| {
        config.timers.keep_alive = Duration::from_millis(50);
        config.timers.head = Duration::from_secs(3600);
    })
    .await;
    let mut client = world.connect().await;
    client
        .send(format!("GET {SERVICE} HTTP/1.1\r\nHost: a\r\n\r\n"))
        .await;
    assert_eq!(status(&client.answer().await), "HTTP/1.1 200 OK");
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn stopping_closes_what_is_idle_and_lets_an_exchange_end() {
    let world = World::open().await;
    let mut idle = world.connect().await;
    let mut busy = world.connect().await;
    let target = target("a.cab");
    let head = format!(
        "POST {target} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 6\r\n\r\n"
    );
    busy.send(head).await;
    assert_eq!(busy.answer().await, "HTTP/1.1 100 Continue\r\n\r\n");
    let stopping = timeout(SOON, world.tasks.stop());
    let seen = async {
        assert_eq!(idle.rest().await, "");
        busy.send("octets").await;
        assert_eq!(status(&busy.answer().await), "HTTP/1.1 200 OK");
        drop((idle, busy));
    };
    let (stopped, ()) = tokio::join!(stopping, seen);
    stopped.unwrap();
    let refused = try_connect(world.port).await.map(drop);
    assert_eq!(
        refused.unwrap_err().kind(),
        std::io::ErrorKind::ConnectionRefused
    );
}
