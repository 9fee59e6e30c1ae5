//! How much there may be of things, and what is beyond.

use std::time::Duration;

use portcullis_web_service::FarmEvent;

use crate::raw::{Client, body, field, status};
use crate::world::{World, target};

const SERVICE: &str = "/_vti_adm/ContentDeploymentRemoteImport.asmx";

const TOO_LARGE: usize = 64 << 20;

async fn small() -> World {
    World::with(|config| config.limits.upload_octets_max = 1000).await
}

#[tokio::test]
async fn an_upload_over_the_limit_is_404_before_any_body() {
    let world = small().await;
    let mut client = world.connect().await;
    let target = target("a.cab");
    let head = format!(
        "POST {target} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\
         Content-Length: {TOO_LARGE}\r\n\r\n"
    );
    client.send(head).await;
    let answer = client.rest().await;
    assert_eq!(status(&answer), "HTTP/1.1 404 Not Found");
    assert_eq!(body(&answer), "");
    let announced = FarmEvent::Answered {
        what: "upload",
        status: 404,
        violation: Some("too-large"),
    };
    assert_eq!(world.event().await, announced);
}

#[tokio::test]
async fn who_sends_all_of_it_reads_404_and_no_reset() {
    let world = small().await;
    let target = target("a.cab");
    let octets = vec![7; TOO_LARGE];
    let head = format!("POST {target} HTTP/1.1\r\nHost: a\r\nContent-Length: {TOO_LARGE}\r\n\r\n");
    let mut client = world.connect().await;
    client.send(head).await;
    client.send(&octets).await;
    assert_eq!(status(&client.rest().await), "HTTP/1.1 404 Not Found");

    let head = format!("POST {target} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    let mut client = world.connect().await;
    client.send(head).await;
    for piece in octets.chunks(1 << 20) {
        client.send("100000\r\n").await;
        client.send(piece).await;
        client.send("\r\n").await;
    }
    client.send("0\r\n\r\n").await;
    assert_eq!(status(&client.rest().await), "HTTP/1.1 404 Not Found");
    world.is_empty().await;
}

#[tokio::test]
async fn a_chunked_upload_is_404_as_soon_as_it_is_over_the_limit() {
    let world = small().await;
    let target = target("a.cab");
    let head = format!("POST {target} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    let mut client = world.connect().await;
    client
        .send(format!("{head}3E8\r\n{}\r\n", "x".repeat(1000)))
        .await;
    client.send("1\r\nx\r\n").await;
    // The client has not ended its body, and reads the answer all the same.
    assert_eq!(status(&client.rest().await), "HTTP/1.1 404 Not Found");
    world.is_empty().await;
}

#[tokio::test]
async fn who_never_stops_sending_is_cut_off_after_the_drain_timer() {
    let world = World::with(|config| {
        config.limits.upload_octets_max = 1000;
        config.timers.drain = Duration::from_millis(100);
    })
    .await;
    let mut client = world.connect().await;
    let target = target("a.cab");
    let head = format!(
        "POST {target} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n",
        u64::MAX / 4
    );
    client.send(head).await;
    let piece = vec![7; 1 << 16];
    while tokio::io::AsyncWriteExt::write_all(&mut client.stream, &piece)
        .await
        .is_ok()
    {}
}

#[tokio::test]
async fn a_file_of_exactly_the_limit_is_taken() {
    let world = small().await;
    let target = target("a.cab");
    let fields = "Host: a\r\nConnection: close";
    let octets = "x".repeat(1000);
    let request =
        format!("POST {target} HTTP/1.1\r\n{fields}\r\nContent-Length: 1000\r\n\r\n{octets}");
    assert_eq!(status(&world.say(request).await), "HTTP/1.1 200 OK");
    let request = format!(
        "POST {target} HTTP/1.1\r\n{fields}\r\nTransfer-Encoding: chunked\r\n\r\n\
         3E8\r\n{octets}\r\n0\r\n\r\n"
    );
    assert_eq!(status(&world.say(request).await), "HTTP/1.1 200 OK");
}

#[tokio::test]
async fn a_message_over_the_limit_is_413() {
    let world = World::with(|config| config.limits.message_octets_max = 1000).await;
    let fields = "Host: a\r\nContent-Type: text/xml";
    for request in [
        format!("POST {SERVICE} HTTP/1.1\r\n{fields}\r\nContent-Length: 1001\r\n\r\n"),
        format!(
            "POST {SERVICE} HTTP/1.1\r\n{fields}\r\nTransfer-Encoding: chunked\r\n\r\n\
             3E9\r\n{}\r\n0\r\n\r\n",
            "x".repeat(1001)
        ),
    ] {
        let answer = world.say(request).await;
        assert_eq!(status(&answer), "HTTP/1.1 413 Payload Too Large");
    }
}

#[tokio::test]
async fn messages_that_do_not_end_share_one_room() {
    let world = World::with(|config| config.limits.message_room_octets_max = 100 << 10).await;
    let head = format!("POST {SERVICE} HTTP/1.1\r\nHost: a\r\nContent-Type: text/xml\r\n");
    let of = |octets: usize| format!("{head}Content-Length: {octets}\r\n\r\n");
    let mut first = world.connect().await;
    let asks = of(90 << 10).replace("Host: a", "Host: a\r\nExpect: 100-continue");
    first.send(asks).await;
    assert_eq!(first.answer().await, "HTTP/1.1 100 Continue\r\n\r\n");

    // Whether a client says how long its message is or not: the first octet too many is not kept.
    let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n");
    let piece = "4000\r\n".to_owned() + &"x".repeat(16 << 10) + "\r\n";
    for message in [of(17 << 10), format!("{chunked}{piece}1\r\nx\r\n")] {
        let answer = world.say(message).await;
        assert_eq!(status(&answer), "HTTP/1.1 503 Service Unavailable");
        assert_eq!(field(&answer, "retry-after"), Some("5"));
        let announced = FarmEvent::Answered {
            what: "soap",
            status: 503,
            violation: Some("message-limit"),
        };
        assert_eq!(world.answered(503).await, announced);
    }
    // A short one needs no room.
    let fault = "HTTP/1.1 500 Internal Server Error";
    for message in [
        of(16 << 10) + &"x".repeat(16 << 10),
        format!("{chunked}{piece}0\r\n\r\n"),
    ] {
        let mut client = world.connect().await;
        client.send(message).await;
        assert_eq!(status(&client.answer().await), fault);
    }
    // There is room again as soon as the first message is whole.
    first.send("x".repeat(90 << 10)).await;
    assert_eq!(status(&first.answer().await), fault);
    first.send(of(90 << 10) + &"x".repeat(90 << 10)).await;
    assert_eq!(status(&first.answer().await), fault);
}

#[tokio::test]
async fn heads_have_limits() {
    let world = World::open().await;
    let many: String = (0..101).map(|n| format!("X-{n}: a\r\n")).collect();
    let few: String = (0..97).map(|n| format!("X-{n}: a\r\n")).collect();
    let long = format!("X: {}\r\n", "a".repeat(70_000));
    let too_large = "HTTP/1.1 431 Request Header Fields Too Large";
    for (fields, expected) in [
        (&many, too_large),
        (&long, too_large),
        (&few, "HTTP/1.1 200 OK"),
    ] {
        let get = format!("GET {SERVICE} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{fields}\r\n");
        let answer = world.say(get).await;
        assert_eq!(status(&answer), expected);
        assert_eq!(field(&answer, "connection"), Some("close"));
        if expected == too_large {
            assert_eq!(world.event().await, FarmEvent::BadRequest);
        } else {
            world.answered(200).await;
        }
    }
    // A head that does not end is not waited for beyond its limit.
    let mut client = world.connect().await;
    client.send(format!("GET /{} ", "a".repeat(66_000))).await;
    assert_eq!(status(&client.rest().await), too_large);
}

#[tokio::test]
async fn more_uploads_than_may_be_under_way_are_told_to_come_again() {
    let world = World::with(|config| config.limits.uploads_max = 1).await;
    let begin = |file: &str| {
        let target = target(file);
        format!(
            "POST {target} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
        )
    };
    let mut first = world.connect().await;
    first.send(begin("a.cab")).await;
    assert_eq!(first.answer().await, "HTTP/1.1 100 Continue\r\n\r\n");
    let answer = world.say(begin("b.cab")).await;
    assert_eq!(status(&answer), "HTTP/1.1 503 Service Unavailable");
    assert_eq!(field(&answer, "retry-after"), Some("5"));
    first.send("abc").await;
    assert_eq!(status(&first.answer().await), "HTTP/1.1 200 OK");
    let mut second = world.connect().await;
    second.send(begin("b.cab")).await;
    assert_eq!(second.answer().await, "HTTP/1.1 100 Continue\r\n\r\n");
}

#[tokio::test]
async fn idle_connections_keep_nobody_out() {
    let world = World::with(|config| {
        config.limits.connections_max = 1000;
        config.limits.connections_per_peer_max = 1000;
    })
    .await;
    let mut idle: Vec<Client> = Vec::new();
    for _ in 0..1200 {
        idle.push(world.connect().await);
    }
    let get = format!("GET {SERVICE} HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut client = world.connect().await;
    client.send(&get).await;
    assert_eq!(status(&client.answer().await), "HTTP/1.1 200 OK");
    // Those that gave way are the first ones; the last one still may speak.
    assert_eq!(idle[0].rest().await, "");
    let last = idle.last_mut().unwrap();
    last.send(&get).await;
    assert_eq!(status(&last.answer().await), "HTTP/1.1 200 OK");
    assert_eq!(world.event().await, FarmEvent::ConnectionLimit);
}

#[tokio::test]
async fn an_exchange_under_way_does_not_give_way() {
    let world = World::with(|config| config.limits.connections_per_peer_max = 2).await;
    let target = target("a.cab");
    let head = format!(
        "POST {target} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
    );
    let mut busy = world.connect().await;
    busy.send(head).await;
    assert_eq!(busy.answer().await, "HTTP/1.1 100 Continue\r\n\r\n");
    let mut idle: Vec<Client> = Vec::new();
    for _ in 0..5 {
        idle.push(world.connect().await);
    }
    for client in idle.iter_mut().take(4) {
        assert_eq!(client.rest().await, "");
    }
    busy.send("abc").await;
    assert_eq!(status(&busy.answer().await), "HTTP/1.1 200 OK");
}
