//! ET-72 to ET-76: who is believed, and until when.

mod freshness;
mod impostors;

use std::time::Duration;

use portcullis_agent::AgentEvent;
use portcullis_agent::codec::{LENGTH_OCTETS, decode, encode, encode_for, read_unit};
use portcullis_agent::config::{Authentication, Key, KeyRing, LaterLink};
use portcullis_agent::error::{Failure, FailureClass};
use portcullis_agent::message::{
    Assignment, Body, Header, Message, MessageId, Outcome, Reason, Task,
};
use portcullis_agent::observe::{Phase, Warning};
use portcullis_net::Net;
use tokio::io::AsyncWriteExt;
use tokio::time::{sleep, timeout};

use crate::world::{EPOCH, World, authentication, command, key, link_key, name, task};

const MINUTE: Duration = Duration::from_secs(60);

fn message(from: &str, to: &str, body: Body) -> Message {
    Message {
        header: Header {
            id: MessageId::new("m1").unwrap(),
            from: name(from),
            to: name(to),
            sent_at: EPOCH,
            relates_to: None,
            attempt: 1,
        },
        body,
    }
}

fn deploy(id: &str) -> Message {
    let assignment = Assignment::Deploy {
        command: command("nightly"),
    };
    let task = Task {
        id: task(id),
        independent: false,
        assignment,
    };
    message("dev", "prod", Body::Task(task))
}

fn completed(from: &str, id: &str) -> Message {
    let body = Body::Completed {
        task: task(id),
        outcome: Outcome::Succeeded,
    };
    message(from, "dev", body)
}

/// The same message, sent so many seconds later.
fn later(message: &Message, seconds: i64) -> Message {
    let mut message = message.clone();
    message.header.sent_at = EPOCH + jiff::SignedDuration::from_secs(seconds);
    message
}

fn signed(message: &Message, key: &Key) -> Vec<u8> {
    encode_for(
        message,
        &Authentication::Mac(KeyRing::new(key.clone(), None)),
    )
    .unwrap()
}

/// What `host` answers at `port`, if anything.
async fn ask(world: &World, (host, port): (&str, u16), unit: &[u8]) -> Option<Message> {
    let net = world.wires.of("stranger");
    let mut stream = net.connect(host, port).await.unwrap();
    stream.write_all(unit).await.unwrap();
    let reply = timeout(10 * MINUTE, read_unit(&mut stream, 1 << 20, async |_| ()));
    let (document, ()) = reply.await.unwrap().ok()?.ok()?;
    Some(decode(&document).unwrap())
}

fn reason(reply: Option<&Message>) -> Option<Reason> {
    let Body::Rejection { reason, .. } = reply?.body else {
        return None;
    };
    Some(reason)
}

/// How often somebody was told that a request was refused for `why`.
fn refused(world: &World, why: Reason) -> usize {
    noted(world, why.name())
}

/// How often a request was refused with `why` in the log.
fn noted(world: &World, why: &str) -> usize {
    world.count(|_, event| {
        matches!(
            event,
            AgentEvent::Warning { warning: Warning::RequestRefused, detail: Some(detail), .. }
                if *detail == why
        )
    })
}

#[tokio::test(start_paused = true)]
async fn a_request_without_a_code_or_with_a_strangers_is_refused_and_noted() {
    let world = World::chain(&["dev", "prod"]).await;
    let there = ("prod", 6102);
    for unit in [
        encode(&deploy("t1")).unwrap(),
        signed(&deploy("t1"), &key("stranger")),
    ] {
        let reply = ask(&world, there, &unit).await.unwrap();
        assert_eq!(reason(Some(&reply)), Some(Reason::NotAuthenticated));
        assert_eq!(reply.header.relates_to, Some(MessageId::new("m1").unwrap()));
    }
    assert_eq!(refused(&world, Reason::NotAuthenticated), 2);
    assert!(world.states("prod", "t1").is_empty());
    let accepted = ask(
        &world,
        there,
        &signed(&deploy("t1"), &link_key("dev", "prod")),
    )
    .await;
    assert_eq!(accepted.unwrap().kind(), "accepted");
}

/// Every single octet of the document counts, those of the code and of the key's id included.
#[tokio::test(start_paused = true)]
async fn a_message_that_was_altered_anywhere_has_no_effect() {
    let world = World::chain(&["dev", "prod"]).await;
    let unit = signed(&deploy("t1"), &link_key("dev", "prod"));
    for at in LENGTH_OCTETS..unit.len() {
        let mut altered = unit.clone();
        altered[at] ^= 1;
        let reply = ask(&world, ("prod", 6102), &altered).await.unwrap();
        let why = reason(Some(&reply)).unwrap();
        // What is no document any more cannot be named; the rest is not believed.
        assert!(
            matches!(
                why,
                Reason::NotAuthenticated | Reason::Malformed | Reason::Version
            ),
            "octet {at}: {}",
            why.name()
        );
        if why != Reason::NotAuthenticated {
            assert_eq!(
                reply.header.relates_to,
                Some(MessageId::unreadable()),
                "octet {at}"
            );
        }
    }
    assert!(world.states("prod", "t1").is_empty());
    assert_eq!(world.durable("prod", "inbound-task"), 0);
}

#[tokio::test(start_paused = true)]
async fn what_has_no_readable_id_is_refused_under_the_reserved_one() {
    let world = World::chain(&["dev", "prod"]).await;
    let unit = encode(&deploy("t1")).unwrap();
    let document = &unit[LENGTH_OCTETS..unit.len() - 7];
    let length = u32::try_from(document.len() + LENGTH_OCTETS).unwrap();
    let reply = ask(
        &world,
        ("prod", 6102),
        &[&length.to_be_bytes(), document].concat(),
    )
    .await;
    let reply = reply.unwrap();
    assert_eq!(reason(Some(&reply)), Some(Reason::Malformed));
    assert_eq!(reply.header.relates_to, Some(MessageId::unreadable()));
    assert_eq!(reply.header.to, name("dev"));
    assert_eq!(refused(&world, Reason::Malformed), 1);
}

/// ET-73: the steps of the documentation, each at one end after the other, with work in between.
#[tokio::test(start_paused = true)]
async fn keys_are_rotated_without_a_message_refused() {
    let mut world = World::chain(&["dev", "prod"]).await;
    let (old, new) = (link_key("dev", "prod"), key("the next one"));
    let steps = [
        KeyRing::new(old.clone(), Some(new.clone())),
        KeyRing::new(new.clone(), Some(old)),
        KeyRing::new(new, None),
    ];
    let mut sent = 0;
    for ring in steps {
        for host in ["dev", "prod"] {
            world.agent(host).stop().await;
            let site = world.sites.get_mut(host).unwrap();
            let later = site
                .config
                .later
                .iter_mut()
                .map(|link| &mut link.authentication);
            let earlier = site
                .config
                .earlier
                .iter_mut()
                .map(|link| &mut link.authentication);
            later.chain(earlier).for_each(|of_link| {
                *of_link = Authentication::Mac(ring.clone());
            });
            world.restart(host).await;
            sent += 1;
            let id = format!("t{sent}");
            let id = world.deploy("dev", "prod", &id, MINUTE).await;
            world.ended("dev", &id).await;
            sleep(MINUTE).await;
        }
    }
    assert_eq!(world.states("prod", "t6").last(), Some(&"reported"));
    let trouble = |_: &str, event: &AgentEvent| {
        matches!(
            event,
            AgentEvent::AttemptFailed { .. } | AgentEvent::Warning { .. }
        )
    };
    assert_eq!(world.count(trouble), 0, "{}", world.transcript());
}

/// A key that one end has forgotten is no reason to give a task up: it goes when the ends agree.
#[tokio::test(start_paused = true)]
async fn a_link_with_different_keys_says_so_and_waits() {
    let mut world = World::chain(&["dev", "prod"]).await;
    world.agent("prod").stop().await;
    let site = world.sites.get_mut("prod").unwrap();
    let agreed = site.config.earlier[0].authentication.clone();
    site.config.earlier[0].authentication = authentication("other", "words");
    world.restart("prod").await;
    let id = world.deploy("dev", "prod", "t1", MINUTE).await;
    sleep(10 * MINUTE).await;
    assert_eq!(world.states("dev", "t1"), ["prepared"]);
    // The refusal is signed with a key that is as strange here as ours is there.
    assert!(failed(&world, Phase::Establish, Failure::NotAuthenticated) > 3);
    assert!(refused(&world, Reason::NotAuthenticated) > 3);
    world.agent("prod").stop().await;
    world.sites.get_mut("prod").unwrap().config.earlier[0].authentication = agreed;
    world.restart("prod").await;
    world.ended("dev", &id).await;
    assert_eq!(world.states("dev", "t1").last(), Some(&"completed"));
}

fn failed(world: &World, wanted: Phase, why: Failure) -> usize {
    world.count(|_, event| {
        matches!(
            event,
            AgentEvent::AttemptFailed { phase, failure, class: FailureClass::Auth, .. }
                if *phase == wanted && *failure == why
        )
    })
}

/// ET-75: neither another neighbour's secret nor another neighbour's link will do.
#[tokio::test(start_paused = true)]
async fn a_completion_of_another_environment_changes_nothing() {
    let world = World::chain_with(&["dev", "prod"], |config| {
        if config.name == name("dev") {
            config.later.push(LaterLink {
                name: name("other"),
                address: "other".to_owned(),
                remote_port: 6302,
                local_port: 6301,
                authentication: authentication("dev", "other"),
            });
        }
    })
    .await;
    world.deploy("dev", "prod", "t1", 60 * MINUTE).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(world.states("dev", "t1").last(), Some(&"accepted"));
    let theirs = link_key("dev", "other");
    let forged = ask(
        &world,
        ("dev", 6101),
        &signed(&completed("prod", "t1"), &theirs),
    )
    .await;
    assert_eq!(reason(forged.as_ref()), Some(Reason::NotAuthenticated));
    let honest = ask(
        &world,
        ("dev", 6301),
        &signed(&completed("other", "t1"), &theirs),
    )
    .await;
    assert_eq!(reason(honest.as_ref()), Some(Reason::UnknownTask));
    let posing = ask(
        &world,
        ("dev", 6301),
        &signed(&completed("prod", "t1"), &theirs),
    )
    .await;
    assert_eq!(reason(posing.as_ref()), Some(Reason::UnknownSender));
    assert_eq!(world.states("dev", "t1").last(), Some(&"accepted"));
}
