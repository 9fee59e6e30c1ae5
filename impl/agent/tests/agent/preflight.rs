//! The preflight between agents on a network in memory, under paused time. ET-81

use std::io;
use std::time::Duration;

use portcullis_agent::error::{Failure, FailureClass};
use portcullis_agent::message::{Product, Reason};
use portcullis_agent::preflight::{Direction, Finding, Preflight, Way};
use tokio::time::Instant;

use crate::world::{Fault, World, name};

/// What `host` finds out about its one link with `peer`.
async fn preflight(world: &World, host: &str, peer: &str) -> Preflight {
    let mut found = world.agent(host).preflight(&name(peer)).await;
    assert_eq!(found.len(), 1);
    found.remove(0)
}

fn findings(preflight: &Preflight) -> Vec<(Direction, Finding)> {
    let ways = preflight.ways.iter();
    ways.map(|way| (way.direction, way.finding)).collect()
}

#[tokio::test(start_paused = true)]
async fn both_directions_are_tried_by_real_connections() {
    let world = World::chain_with(&["dev", "prod"], |config| {
        config.dynamic_ports = Some(49152..=65535);
    })
    .await;
    let found = preflight(&world, "dev", "prod").await;
    assert!(found.is_open());
    let way = |direction, address: &str, port| Way {
        direction,
        address: Some(address.to_owned()),
        port,
        source_ports: Some(49152..=65535),
        finding: Finding::Open,
    };
    // ET-40: the callback place is the one that prod's configuration names.
    let ways = [
        way(Direction::Forward, "prod", 6102),
        way(Direction::Reverse, "dev", 6101),
    ];
    assert_eq!(found.ways, ways);
    // The greeting and the question; the probe.
    assert_eq!(world.wires.attempts("prod", 6102), 2);
    assert_eq!(world.wires.attempts("dev", 6101), 1);
    assert!(
        world
            .transcript()
            .contains("preflight with prod, reverse, port 6101: open")
    );
}

#[tokio::test(start_paused = true)]
async fn a_closed_forward_direction_is_found_and_the_reverse_one_left_untried() {
    let world = World::chain(&["dev", "prod"]).await;
    world.wires.break_next("prod", 6102, Fault::Drop, 1);
    let found = preflight(&world, "dev", "prod").await;
    let timed_out = Failure::Connect(io::ErrorKind::TimedOut);
    assert_eq!(
        timed_out.to_string(),
        "failed to connect: filtered or not listening"
    );
    let expected = [
        (Direction::Forward, Finding::Failed(timed_out)),
        (Direction::Reverse, Finding::Untried),
    ];
    assert_eq!(findings(&found), expected);
    assert!(!found.is_open());
    assert_eq!(world.wires.attempts("dev", 6101), 0);
}

#[tokio::test(start_paused = true)]
async fn a_closed_reverse_direction_is_reported_within_the_probes_timer() {
    let world = World::chain(&["dev", "prod"]).await;
    for fault in [Fault::Drop, Fault::LoseReply] {
        world.wires.break_next("dev", 6101, fault, 1);
        let start = Instant::now();
        let found = preflight(&world, "dev", "prod").await;
        let expected = [
            (Direction::Forward, Finding::Open),
            (
                Direction::Reverse,
                Finding::Reported(FailureClass::TimedOut),
            ),
        ];
        assert_eq!(findings(&found), expected, "{fault:?}");
        assert!(start.elapsed() <= Duration::from_secs(10), "{fault:?}");
    }
    world.agent("dev").stop().await;
    let found = preflight(&world, "prod", "dev").await;
    let refused = Failure::Connect(io::ErrorKind::ConnectionRefused);
    let expected = [(Direction::Reverse, Finding::Failed(refused))];
    assert_eq!(findings(&found), expected);
}

#[tokio::test(start_paused = true)]
async fn an_answer_from_somebody_else_is_not_taken_for_an_open_way() {
    let world = World::chain_with(&["dev", "prod"], |config| {
        for link in &mut config.earlier {
            link.address = "twin".to_owned();
        }
    })
    .await;
    let _twin = world.start_twin("dev", "twin").await;
    let found = preflight(&world, "dev", "prod").await;
    let [forward, reverse] = found.ways.as_slice() else {
        panic!("two directions: {found:?}");
    };
    assert_eq!(forward.finding, Finding::Open);
    assert_eq!(reverse.finding, Finding::Elsewhere);
    assert_eq!(reverse.address.as_deref(), Some("twin"));
}

#[tokio::test(start_paused = true)]
async fn a_peer_of_another_version_is_told_apart_from_a_closed_port() {
    let world = World::chain_with(&["dev", "prod"], |config| {
        if config.later.is_empty() {
            config.product = Product::new("19.1").unwrap();
        }
    })
    .await;
    let found = preflight(&world, "dev", "prod").await;
    let version = Finding::Failed(Failure::Refused(Reason::Version));
    assert_eq!(found.ways[0].finding, version);
    assert_eq!(version.name(), "version");
}

#[tokio::test(start_paused = true)]
async fn the_later_environment_tries_its_own_direction_and_one_at_a_time() {
    let world = World::chain(&["dev", "prod"]).await;
    let found = preflight(&world, "prod", "dev").await;
    assert_eq!(findings(&found), [(Direction::Reverse, Finding::Open)]);
    assert!(
        world
            .agent("prod")
            .preflight(&name("test"))
            .await
            .is_empty()
    );

    world.wires.break_next("dev", 6101, Fault::Drop, 1);
    let (own, asked) = tokio::join!(
        preflight(&world, "prod", "dev"),
        preflight(&world, "dev", "prod"),
    );
    let timed_out = Failure::Connect(io::ErrorKind::TimedOut);
    assert_eq!(own.ways[0].finding, Finding::Failed(timed_out));
    let busy = Finding::Failed(Failure::Refused(Reason::Busy));
    assert_eq!(asked.ways[1].finding, busy);
}
