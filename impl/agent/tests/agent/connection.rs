//! What an acceptor does with connections that are not as they should be.

use std::time::Duration;

use crate::world::{
    EPOCH, MemoryStream, World, authentication, command, deploy_request, link_key, name, task,
};
use portcullis_agent::codec::{LENGTH_OCTETS, decode, encode, encode_for, read_unit, seal};
use portcullis_agent::message::{
    Assignment, Body, Digest, Header, Message, MessageId, ObjectId, Outcome, Part, Product, Reason,
    Task, TaskId,
};
use portcullis_agent::observe::{ClosedBy, Phase, Warning};
use portcullis_agent::{AgentEvent, SubmitRequest};
use portcullis_net::Net;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout};

const MINUTE: Duration = Duration::from_secs(60);

fn request(body: Body) -> Message {
    Message {
        header: Header {
            id: MessageId::new("m1").unwrap(),
            from: name("dev"),
            to: name("prod"),
            sent_at: EPOCH,
            relates_to: None,
            attempt: 1,
        },
        body,
    }
}

/// The data unit of a message on the link.
fn signed(message: &Message) -> Vec<u8> {
    encode_for(message, &authentication("dev", "prod")).unwrap()
}

fn deploy(id: &str) -> Body {
    let assignment = Assignment::Deploy {
        command: command("nightly"),
    };
    Body::Task(Task {
        id: task(id),
        independent: false,
        assignment,
    })
}

async fn connect(world: &World, port: u16) -> MemoryStream {
    let host = if port == 6101 { "dev" } else { "prod" };
    world
        .wires
        .of("stranger")
        .connect(host, port)
        .await
        .unwrap()
}

/// Sends octets and returns the reply, or `None` when the connection ends without one.
async fn say(stream: &mut MemoryStream, octets: &[u8]) -> Option<Message> {
    stream.write_all(octets).await.unwrap();
    let unit = timeout(10 * MINUTE, read_unit(stream, 1 << 20, async |_| ()))
        .await
        .unwrap();
    let (document, ()) = unit.ok()?.ok()?;
    Some(decode(&document).unwrap())
}

async fn ask(world: &World, port: u16, message: &Message) -> Option<Message> {
    let mut stream = connect(world, port).await;
    say(&mut stream, &signed(message)).await
}

fn reason(reply: Option<Message>) -> Option<Reason> {
    let Body::Rejection { reason, .. } = reply?.body else {
        return None;
    };
    Some(reason)
}

fn closed(world: &World, phase: Phase, by: ClosedBy) -> usize {
    world.count(|_, event| {
        matches!(
            event,
            AgentEvent::Connection { phase: p, closed_by, .. } if *p == phase && *closed_by == by
        )
    })
}

fn warned(world: &World, wanted: Warning) -> usize {
    world.count(
        |_, event| matches!(event, AgentEvent::Warning { warning, .. } if *warning == wanted),
    )
}

#[tokio::test(start_paused = true)]
async fn a_reply_is_sent_also_to_an_opener_that_has_half_closed() {
    let world = World::chain(&["dev", "prod"]).await;
    let mut stream = connect(&world, 6102).await;
    stream
        .write_all(&signed(&request(deploy("t1"))))
        .await
        .unwrap();
    stream.shutdown().await.unwrap();
    let reply = say(&mut stream, b"").await.unwrap();
    assert_eq!(reply.kind(), "accepted");
    assert_eq!(reply.header.relates_to, Some(MessageId::new("m1").unwrap()));
}

#[tokio::test(start_paused = true)]
async fn an_acceptor_closes_after_the_linger_time_when_the_opener_does_not() {
    let world = World::chain(&["dev", "prod"]).await;
    let mut stream = connect(&world, 6102).await;
    let reply = say(&mut stream, &signed(&request(deploy("t1")))).await;
    assert!(reply.is_some());
    let start = Instant::now();
    assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
    assert_eq!(start.elapsed().as_secs(), 5);
    assert_eq!(closed(&world, Phase::Task, ClosedBy::Acceptor), 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_trickles_is_cut_off_by_the_frame_timer() {
    let world = World::chain(&["dev", "prod"]).await;
    let mut stream = connect(&world, 6102).await;
    let start = Instant::now();
    for octet in signed(&request(deploy("t1"))) {
        if stream.write_all(&[octet]).await.is_err() {
            break;
        }
        sleep(Duration::from_secs(1)).await;
    }
    // The write that meets the closed connection is the one of the next second.
    assert!((60..=61).contains(&start.elapsed().as_secs()));
    assert!(world.states("prod", "t1").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_truncated_or_oversized_request_has_no_effect() {
    let world = World::chain(&["dev", "prod"]).await;
    let unit = signed(&request(deploy("t1")));
    let mut stream = connect(&world, 6102).await;
    stream.write_all(&unit[..unit.len() - 1]).await.unwrap();
    drop(stream);
    let mut stream = connect(&world, 6102).await;
    assert_eq!(say(&mut stream, b"GET / HTTP/1.1\r\n").await, None);
    sleep(MINUTE).await;
    assert!(world.states("prod", "t1").is_empty());
    assert_eq!(warned(&world, Warning::RequestRefused), 2);
}

#[tokio::test(start_paused = true)]
async fn octets_after_the_message_are_an_error_and_no_second_message() {
    let world = World::chain(&["dev", "prod"]).await;
    let both = [
        signed(&request(deploy("t1"))),
        signed(&request(deploy("t2"))),
    ];
    let mut stream = connect(&world, 6102).await;
    assert_eq!(
        say(&mut stream, &both.concat()).await.unwrap().kind(),
        "accepted"
    );
    sleep(MINUTE).await;
    assert_eq!(warned(&world, Warning::OctetsAfterMessage), 1);
    assert!(!world.states("prod", "t1").is_empty());
    assert!(world.states("prod", "t2").is_empty());
}

async fn is_closed(stream: &mut MemoryStream) -> bool {
    matches!(
        timeout(Duration::from_millis(10), stream.read(&mut [0; 1])).await,
        Ok(Ok(0))
    )
}

#[tokio::test(start_paused = true)]
async fn at_the_limit_the_oldest_silent_connection_gives_way() {
    let world = World::chain_with(&["dev", "prod"], |config| {
        config.limits.connections_per_peer_max = 2;
    })
    .await;
    let mut first = connect(&world, 6102).await;
    // Half a request does not count: a part of a data unit is as cheap as none.
    first.write_all(&[0, 0, 1]).await.unwrap();
    let mut second = connect(&world, 6102).await;
    assert!(!is_closed(&mut first).await);
    let mut third = connect(&world, 6102).await;
    assert!(is_closed(&mut first).await);
    assert!(!is_closed(&mut second).await);
    assert_eq!(warned(&world, Warning::ConnectionLimit), 1);
    let unit = signed(&request(deploy("t1")));
    assert_eq!(say(&mut third, &unit).await.unwrap().kind(), "accepted");
}

#[tokio::test(start_paused = true)]
async fn idle_connections_of_a_peer_do_not_keep_it_out() {
    let world = World::chain(&["dev", "prod"]).await;
    let mut idle = Vec::new();
    for _ in 0..100 {
        idle.push(connect(&world, 6102).await);
    }
    let start = Instant::now();
    assert!(ask(&world, 6102, &request(deploy("t1"))).await.is_some());
    // Simulated time: what the disk takes, and no timer.
    assert!(start.elapsed() < Duration::from_secs(1));
    let mut open = 0;
    for stream in &mut idle {
        open += usize::from(!is_closed(stream).await);
    }
    // One of the 32 gave way to the request.
    assert_eq!(open, 31);
}

/// A new connection is closed unread when all others within the limit have sent their request.
#[tokio::test(start_paused = true)]
async fn connections_that_have_spoken_do_not_give_way() {
    let world = World::chain_with(&["dev", "prod"], |config| {
        config.limits.connections_per_peer_max = 2;
    })
    .await;
    let unit = |id: &str| signed(&request(deploy(id)));
    let (mut first, mut second) = (connect(&world, 6102).await, connect(&world, 6102).await);
    assert!(say(&mut first, &unit("t1")).await.is_some());
    assert!(say(&mut second, &unit("t2")).await.is_some());
    // Both wait for their opener to close, within the linger time.
    let mut third = connect(&world, 6102).await;
    assert!(is_closed(&mut third).await);
    assert_eq!(warned(&world, Warning::ConnectionLimit), 1);
    assert!(!is_closed(&mut first).await && !is_closed(&mut second).await);
    drop(first);
    sleep(Duration::from_secs(1)).await;
    assert!(ask(&world, 6102, &request(deploy("t3"))).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn at_the_total_limit_a_silent_connection_of_any_peer_gives_way() {
    let world = World::chain_with(&["dev", "prod"], |config| {
        config.limits.connections_max = 2;
    })
    .await;
    let other = world.wires.of("other");
    let mut first = other.connect("prod", 6102).await.unwrap();
    let mut second = connect(&world, 6102).await;
    assert!(ask(&world, 6102, &request(deploy("t1"))).await.is_some());
    assert!(is_closed(&mut first).await);
    assert!(!is_closed(&mut second).await);
}

#[tokio::test(start_paused = true)]
async fn a_repeated_task_is_answered_with_its_state_and_another_one_is_a_conflict() {
    let world = World::chain(&["dev", "prod"]).await;
    world.scripted("prod", "t1", 10 * MINUTE);
    let first = ask(&world, 6102, &request(deploy("t1"))).await.unwrap();
    let Body::Accepted { known, .. } = first.body else {
        panic!("{first:?}")
    };
    assert_eq!(known.state.name(), "recorded");
    sleep(MINUTE).await;
    let again = ask(&world, 6102, &request(deploy("t1"))).await.unwrap();
    let Body::Accepted { known, .. } = again.body else {
        panic!("{again:?}")
    };
    assert_eq!((known.state.name(), known.outcome), ("running", None));
    assert_eq!(again.header.id, first.header.id);
    let other = Body::Task(Task {
        id: task("t1"),
        independent: false,
        assignment: Assignment::Execute {
            command: command("nightly"),
        },
    });
    assert_eq!(
        reason(ask(&world, 6102, &request(other)).await),
        Some(Reason::Conflict)
    );
}

#[tokio::test(start_paused = true)]
async fn strangers_and_misplaced_messages_are_refused() {
    let world = World::chain(&["dev", "prod"]).await;
    let mut message = request(deploy("t1"));
    message.header.to = name("test");
    assert_eq!(
        reason(ask(&world, 6102, &message).await),
        Some(Reason::WrongRecipient)
    );
    message.header.to = name("prod");
    message.header.from = name("test");
    assert_eq!(
        reason(ask(&world, 6102, &message).await),
        Some(Reason::UnknownSender)
    );
    let completed = Body::Completed {
        task: task("t1"),
        outcome: Outcome::Succeeded,
    };
    assert_eq!(
        reason(ask(&world, 6102, &request(completed)).await),
        Some(Reason::Misplaced)
    );
    let other = Body::Hello(Product::new("1").unwrap());
    assert_eq!(
        reason(ask(&world, 6102, &request(other)).await),
        Some(Reason::Version)
    );
    assert!(world.states("prod", "t1").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_status_query_tells_what_is_recorded() {
    let world = World::chain(&["dev", "prod"]).await;
    let query = |id: &str| request(Body::Query { task: task(id) });
    let unknown = ask(&world, 6102, &query("t1")).await.unwrap().body;
    assert_eq!(
        unknown,
        Body::Status {
            task: task("t1"),
            known: None
        }
    );
    ask(&world, 6102, &request(deploy("t1"))).await.unwrap();
    sleep(MINUTE).await;
    let Body::Status {
        known: Some(known), ..
    } = ask(&world, 6102, &query("t1")).await.unwrap().body
    else {
        panic!("the task is known");
    };
    assert_eq!(known.outcome, Some(Outcome::Succeeded));
}

#[tokio::test(start_paused = true)]
async fn completions_of_unknown_tasks_are_disowned_and_of_ended_ones_acknowledged_again() {
    let world = World::chain(&["dev", "prod"]).await;
    let completed = |id: &str, outcome| Message {
        header: Header {
            from: name("prod"),
            to: name("dev"),
            ..request(deploy(id)).header
        },
        body: Body::Completed {
            task: task(id),
            outcome,
        },
    };
    let unknown = ask(&world, 6101, &completed("t9", Outcome::Succeeded)).await;
    assert_eq!(reason(unknown), Some(Reason::UnknownTask));
    let request = SubmitRequest {
        id: Some(task("t1")),
        ..deploy_request("prod")
    };
    let t1: TaskId = world.agent("dev").submit(request).await.unwrap();
    world.ended("dev", &t1).await;
    let again = ask(&world, 6101, &completed("t1", Outcome::Succeeded))
        .await
        .unwrap();
    assert_eq!(again.body, Body::CompletedAck { task: t1 });
    let conflict = ask(&world, 6101, &completed("t1", Outcome::Cancelled)).await;
    assert_eq!(reason(conflict), Some(Reason::Conflict));
    assert_eq!(world.states("dev", "t1").last(), Some(&"completed"));
}

#[tokio::test(start_paused = true)]
async fn parts_are_idempotent_and_a_transfer_needs_all_of_them() {
    let world = World::chain(&["dev", "prod"]).await;
    let object = ObjectId::new("o1").unwrap();
    let part = |number: u32, octets: &'static [u8], digest: Digest| {
        let octets = octets.into();
        request(Body::Part(Part {
            object: object.clone(),
            number,
            of: 2,
            digest,
            octets,
        }))
    };
    let transfer = |digest: Digest| {
        let assignment = Assignment::Transfer {
            object: object.clone(),
            parts: 2,
            digest,
        };
        request(Body::Task(Task {
            id: task("t1"),
            independent: false,
            assignment,
        }))
    };
    let (one, two) = (Digest::of(b"one"), Digest::of(b"two"));
    let wrong = ask(&world, 6102, &part(1, b"one", two)).await;
    assert_eq!(reason(wrong), Some(Reason::DigestMismatch));
    for _ in 0..2 {
        let acked = ask(&world, 6102, &part(1, b"one", one)).await.unwrap().body;
        assert_eq!(
            acked,
            Body::PartAck {
                object: object.clone(),
                number: 1
            }
        );
    }
    assert_eq!(world.sites["prod"].shelf.staged_parts(), 1);
    assert_eq!(
        reason(ask(&world, 6102, &part(1, b"two", two)).await),
        Some(Reason::Conflict)
    );
    let whole = Digest::of_parts(&[one, two]);
    let early = ask(&world, 6102, &transfer(whole)).await;
    assert_eq!(reason(early), Some(Reason::Incomplete));
    ask(&world, 6102, &part(2, b"two", two)).await.unwrap();
    let other = ask(&world, 6102, &transfer(one)).await;
    assert_eq!(reason(other), Some(Reason::DigestMismatch));
    assert_eq!(
        ask(&world, 6102, &transfer(whole)).await.unwrap().kind(),
        "accepted"
    );
}

#[tokio::test(start_paused = true)]
async fn a_refusal_echoes_nothing_of_the_request() {
    let world = World::chain(&["dev", "prod"]).await;
    let unit = signed(&request(deploy("secret-1")));
    let document = String::from_utf8_lossy(&unit[LENGTH_OCTETS..]).replace("deploy", "explode");
    let mut document = document.into_bytes();
    seal(&mut document, &link_key("dev", "prod")).unwrap();
    let length = u32::try_from(document.len() + LENGTH_OCTETS)
        .unwrap()
        .to_be_bytes();
    let mut stream = connect(&world, 6102).await;
    let reply = say(&mut stream, &[&length[..], &document].concat())
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&encode(&reply).unwrap()).into_owned();
    assert_eq!(reason(Some(reply)), Some(Reason::UnknownTaskKind));
    assert!(
        !said.contains("secret") && !said.contains("explode"),
        "{said}"
    );
}

/// ET-41, ET-19, ET-32: what is acknowledged survives a crash at the moment of the acknowledgement.
#[tokio::test(start_paused = true)]
async fn what_is_acknowledged_is_durable() {
    let world = World::chain(&["dev", "prod"]).await;
    ask(&world, 6102, &request(deploy("t1"))).await.unwrap();
    assert_eq!(world.durable("prod", "inbound-task"), 1);

    let (object, octets) = (ObjectId::new("o1").unwrap(), &b"one"[..]);
    let digest = Digest::of(octets);
    let part = Part {
        object,
        number: 1,
        of: 1,
        digest,
        octets: octets.into(),
    };
    ask(&world, 6102, &request(Body::Part(part))).await.unwrap();
    assert_eq!(world.durable("prod", "inbound-part"), 1);
    assert_eq!(world.sites["prod"].shelf.staged_parts(), 1);

    let request = SubmitRequest {
        id: Some(task("t2")),
        ..deploy_request("prod")
    };
    world.agent("dev").submit(request).await.unwrap();
    assert_eq!(world.durable("dev", "outbound-task"), 1);
}
