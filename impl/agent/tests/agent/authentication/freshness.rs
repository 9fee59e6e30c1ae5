//! ET-74: how old a message may be, and how far ahead.

use std::time::Duration;

use portcullis_agent::AgentEvent;
use portcullis_agent::error::Failure;
use portcullis_agent::message::{Body, Digest, ObjectId, Part, Reason};
use portcullis_agent::observe::{Phase, Warning};
use tokio::time::sleep;

use super::{MINUTE, ask, completed, deploy, failed, later, message, reason, signed};
use crate::world::{World, link_key, task};

fn skews(world: &World, at: &str) -> Vec<i64> {
    let events = world.events.lock().unwrap();
    let skews = events.iter().filter_map(|(_, host, event)| {
        let AgentEvent::Warning {
            warning: Warning::ClockSkew,
            ahead_ms,
            ..
        } = event
        else {
            return None;
        };
        ahead_ms.filter(|_| host == at)
    });
    skews.collect()
}

#[tokio::test(start_paused = true)]
async fn old_messages_and_those_of_the_future_are_stale_unless_known() {
    let world = World::chain(&["dev", "prod"]).await;
    let (there, link) = (("prod", 6102), link_key("dev", "prod"));
    sleep(10 * MINUTE).await;
    // Ten minutes have passed; five are tolerated.
    for seconds in [0, 299, 901, 1_000_000] {
        let reply = ask(
            &world,
            there,
            &signed(&later(&deploy("t1"), seconds), &link),
        )
        .await;
        assert_eq!(reason(reply.as_ref()), Some(Reason::Stale), "{seconds}");
    }
    let told = skews(&world, "prod");
    assert_eq!((told[0] / 1000, told[1] / 1000), (-600, -301));
    assert_eq!((told[2] / 1000, told[3] / 1000), (300, 999_399));
    assert!(world.states("prod", "t1").is_empty());
    for seconds in [301, 899] {
        let id = format!("t{seconds}");
        let reply = ask(&world, there, &signed(&later(&deploy(&id), seconds), &link)).await;
        assert_eq!(reply.unwrap().kind(), "accepted", "{seconds}");
    }
    assert_eq!(skews(&world, "prod").len(), 4);
    // A repetition of what is known is answered as ever (ET-42), and the difference is noted.
    sleep(60 * MINUTE).await;
    let known = later(&deploy("t301"), 301);
    let reply = ask(&world, there, &signed(&known, &link)).await.unwrap();
    assert_eq!(reply.kind(), "accepted");
    assert_eq!(skews(&world, "prod").len(), 5);
    let query = message("dev", "prod", Body::Query { task: task("t301") });
    let reply = ask(&world, there, &signed(&query, &link)).await;
    assert_eq!(
        reason(reply.as_ref()),
        Some(Reason::Stale),
        "a query is never known"
    );
}

#[tokio::test(start_paused = true)]
async fn parts_and_completions_that_are_known_are_never_stale() {
    let world = World::chain(&["dev", "prod"]).await;
    let link = link_key("dev", "prod");
    let part = Part {
        object: ObjectId::new("o1").unwrap(),
        number: 1,
        of: 1,
        digest: Digest::of(b"one"),
        octets: b"one"[..].into(),
    };
    let part = signed(&message("dev", "prod", Body::Part(part)), &link);
    assert_eq!(
        ask(&world, ("prod", 6102), &part).await.unwrap().kind(),
        "part-ack"
    );
    let id = world.deploy("dev", "prod", "t1", Duration::ZERO).await;
    world.deploy("dev", "prod", "t2", 600 * MINUTE).await;
    world.ended("dev", &id).await;
    sleep(10 * MINUTE).await;
    assert_eq!(
        ask(&world, ("prod", 6102), &part).await.unwrap().kind(),
        "part-ack"
    );
    let again = ask(
        &world,
        ("dev", 6101),
        &signed(&completed("prod", "t1"), &link),
    )
    .await;
    assert_eq!(again.unwrap().kind(), "completed-ack");
    // A completion that is news must be fresh.
    let news = ask(
        &world,
        ("dev", 6101),
        &signed(&completed("prod", "t2"), &link),
    )
    .await;
    assert_eq!(reason(news.as_ref()), Some(Reason::Stale));
    assert_eq!(world.states("dev", "t2").last(), Some(&"accepted"));
}

/// Row 40 of the failure table: nothing but time is lost, and both ends say by how much.
#[tokio::test(start_paused = true)]
async fn clocks_too_far_apart_hold_a_task_up_until_one_is_set_right() {
    let world = World::chain(&["dev", "prod"]).await;
    world.set_clock("prod", 3600);
    let id = world.deploy("dev", "prod", "t1", MINUTE).await;
    sleep(10 * MINUTE).await;
    assert_eq!(world.states("dev", "t1"), ["prepared"]);
    assert!(failed(&world, Phase::Establish, Failure::Stale) > 3);
    assert!(
        skews(&world, "prod")
            .iter()
            .all(|ahead| ahead / 1000 == -3600)
    );
    assert!(
        skews(&world, "dev")
            .iter()
            .all(|ahead| ahead / 1000 == 3600)
    );
    assert!(!skews(&world, "dev").is_empty() && !skews(&world, "prod").is_empty());
    world.set_clock("prod", 0);
    world.ended("dev", &id).await;
    assert_eq!(world.states("dev", "t1").last(), Some(&"completed"));
}
