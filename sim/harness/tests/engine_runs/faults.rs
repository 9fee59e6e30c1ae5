//! Crashes, pauses, partitions and skewed clocks, as hosts and their peers see them.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use portcullis_harness::engine::{
    Action, HostChange, NetworkChange, Node, Place, Rank, Step, Trigger, packet, turmoil,
};
use portcullis_net::{Connection, Listener, Net};
use portcullis_network::{Rule, Severed, Verdict};
use portcullis_reports::{Event, Source};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::sleep;

use crate::programs::{PORT, boot, echo, echo_client, echo_server, host, run, said, say, spec};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn at(time: Duration, action: Action) -> Step {
    Step {
        trigger: Trigger::At(time),
        action,
        name: None,
    }
}

fn change(time: u64, host: &str, change: HostChange) -> Step {
    at(seconds(time), Action::Host(change, host.to_owned()))
}

fn partition(name: &str, severed: Severed) -> Action {
    Action::Network(NetworkChange::Partition {
        name: name.to_owned(),
        from: vec!["server".to_owned()],
        to: vec!["client".to_owned()],
        one_way: severed == Severed::OneWay,
    })
}

fn heal(name: &str) -> Action {
    Action::Network(NetworkChange::Heal {
        name: name.to_owned(),
    })
}

/// Tells when it is dropped.
struct Witness(Node);

impl Drop for Witness {
    fn drop(&mut self) {
        say(&self.0, "dropped", "");
    }
}

#[test]
fn a_crash_ends_every_task_of_the_host_and_a_restart_boots_it_again() {
    let server = boot(|node| async move {
        say(&node, "booted", &node.incarnation.to_string());
        let (witness, ticking) = (Witness(node.clone()), node.clone());
        node.host.spawner.spawn(async move {
            let _witness = witness;
            for tick in 0_u32.. {
                say(&ticking, "tick", &tick.to_string());
                sleep(seconds(2)).await;
            }
        });
    });
    let steps = vec![
        change(3, "server", HostChange::Crash),
        change(6, "server", HostChange::Restart),
    ];
    let quiet = boot(|_| std::future::pending());
    let outcome = run(server, quiet, steps, seconds(9));
    assert_eq!(
        said(&outcome),
        [
            "0ns server booted 0",
            "0ns server tick 0",
            "2s server tick 1",
            "3s server dropped ",
            "6s server booted 1",
            "6s server tick 0",
            "8s server tick 1",
        ]
    );
}

#[test]
fn after_power_loss_the_peer_hears_silence_and_a_reset_only_from_the_new_life() {
    let client = boot(|node| async move {
        let stream = node.host.net.connect("server", PORT).await;
        let mut stream = stream.expect("the server listens");
        sleep(seconds(2)).await;
        stream.write_all(b"anybody?").await.expect("TCP takes it");
        let read = stream.read(&mut [0; 8]).await;
        say(
            &node,
            "done",
            &format!("{:?}", read.map_err(|error| error.kind())),
        );
    });
    let steps = vec![
        change(1, "server", HostChange::Crash),
        change(60, "server", HostChange::Restart),
    ];
    let outcome = run(echo_server(), client, steps, seconds(600));
    let [heard] = &said(&outcome)[..] else {
        panic!("one line: {:?}", said(&outcome));
    };
    assert!(heard.ends_with("done Err(ConnectionReset)"), "{heard}");
    let told = outcome.history.last().expect("it said so").at;
    assert!(
        told > seconds(60),
        "silence until the restart, not {told:?}"
    );
}

#[test]
fn a_paused_host_answers_after_the_pause_and_loses_nothing() {
    let steps = vec![
        change(1, "server", HostChange::Pause),
        change(5, "server", HostChange::Resume),
    ];
    let client = boot(|node| async move {
        sleep(seconds(2)).await;
        let echoed = echo(&node, 1000).await;
        say(&node, "done", &format!("{:?}", echoed.is_ok()));
    });
    let outcome = run(echo_server(), client, steps, seconds(60));
    let told = outcome.history.last().expect("it said so").at;
    assert_eq!(said(&outcome).len(), 1);
    assert!(said(&outcome)[0].ends_with("done true"));
    assert!((seconds(5)..seconds(8)).contains(&told), "{told:?}");
}

#[test]
fn a_partition_delays_a_transfer_until_it_heals() {
    let steps = vec![
        at(
            Duration::from_millis(70),
            partition("cut", Severed::BothWays),
        ),
        at(seconds(10), heal("cut")),
    ];
    let outcome = run(echo_server(), echo_client(500_000), steps, seconds(120));
    assert!(said(&outcome)[0].ends_with("done ok"));
    assert!(outcome.history.last().expect("it said so").at > seconds(10));
    assert!(outcome.hits.partitions["cut"] > 0);
}

#[test]
fn a_one_way_partition_blocks_one_direction_only() {
    let steps = vec![at(seconds(0), partition("answers", Severed::OneWay))];
    let outcome = run(echo_server(), echo_client(10), steps, seconds(600));
    assert!(said(&outcome)[0].ends_with("done TimedOut"));
    let fates = |source_port: bool, wanted: &str| {
        outcome.history.iter().any(|entry| {
            matches!(&entry.event, Event::Packet(packet)
                if packet.fate == wanted && (packet.source.port() == PORT) == source_port)
        })
    };
    assert!(fates(false, "delivered"), "SYNs arrive");
    assert!(fates(true, "partitioned"), "their answers do not leave");
    assert!(!fates(true, "delivered"));
}

#[test]
fn a_rule_drops_until_it_is_removed_and_counts_what_it_dropped() {
    let place = || Place::Host("server".to_owned());
    let steps = vec![
        at(
            seconds(0),
            Action::Network(NetworkChange::AddRule {
                place: place(),
                rule: Rule::new("closed", Verdict::Drop),
                rank: Rank::First,
            }),
        ),
        at(
            seconds(5),
            Action::Network(NetworkChange::RemoveRule {
                place: place(),
                name: "closed".to_owned(),
            }),
        ),
    ];
    let outcome = run(echo_server(), echo_client(10), steps, seconds(60));
    assert!(said(&outcome)[0].ends_with("done ok"));
    // Linux repeats its SYN every second: those at 0 to 4 s met the rule.
    assert_eq!(outcome.hits.rules["closed"], 5);
}

#[test]
fn wall_clocks_differ_by_their_offsets_and_can_be_changed() {
    let clock = |node: Node| async move {
        say(&node, "shows", &node.host.wall.now().to_string());
        sleep(seconds(10)).await;
        say(&node, "shows", &node.host.wall.now().to_string());
    };
    let mut ahead = host("ahead", boot(clock));
    ahead.clock_offset = SignedDuration::from_hours(1);
    let back = HostChange::Clock(SignedDuration::from_secs(-5));
    let mut run = spec(
        vec![ahead, host("exact", boot(clock))],
        vec![change(5, "exact", back)],
        seconds(11),
    );
    run.epoch = "2026-11-20T12:00:00Z"
        .parse::<Timestamp>()
        .expect("RFC 3339");
    assert_eq!(
        said(&packet::run(run)),
        [
            "0ns ahead shows 2026-11-20T13:00:00Z",
            "0ns exact shows 2026-11-20T12:00:00Z",
            "10s ahead shows 2026-11-20T13:00:10Z",
            "10s exact shows 2026-11-20T12:00:05Z",
        ]
    );
}

#[test]
fn a_wall_clock_drifts_from_the_start_or_from_a_step_on() {
    let clock = |node: Node| async move {
        sleep(seconds(1_000_000)).await;
        say(&node, "shows", &node.host.wall.now().to_string());
        sleep(seconds(1_000_000)).await;
        say(&node, "shows", &node.host.wall.now().to_string());
    };
    let mut fast = host("fast", boot(clock));
    fast.clock_drift = 50_000;
    let slow = host("slow", boot(clock));
    let steps = vec![
        change(500_000, "slow", HostChange::Drift(-20_000)),
        change(1_000_000, "fast", HostChange::Drift(0)),
    ];
    let mut run = spec(vec![fast, slow], steps, seconds(2_000_001));
    run.epoch = Timestamp::UNIX_EPOCH;
    // 50 ppm of a million seconds are 50 s; -20 ppm from half of them on are -10 s, then -30 s.
    let shown = [1_000_050, 999_990, 2_000_050, 1_999_970].map(|second| {
        Timestamp::from_second(second)
            .expect("in range")
            .to_string()
    });
    let said = said(&packet::run(run));
    let said = said.iter().filter_map(|line| line.split(" shows ").nth(1));
    assert_eq!(said.collect::<Vec<_>>(), shown);
}

#[test]
fn a_stalled_host_accepts_in_its_backlog_and_answers_when_it_goes_on() {
    for run in [packet::run, turmoil::run] {
        let mut server = host("server", echo_server());
        server.backlog = 1;
        let steps = vec![
            change(1, "server", HostChange::Stall),
            change(10, "server", HostChange::Unstall),
        ];
        let client = |wait| {
            boot(move |node: Node| async move {
                sleep(seconds(wait)).await;
                let opened = node.host.net.connect("server", PORT).await;
                say(&node, "opened", &opened.is_ok().to_string());
                let mut stream = opened.expect("within the profile's patience");
                stream.write_all(b"hello").await.expect("written");
                let mut echo = [0; 5];
                stream.read_exact(&mut echo).await.expect("echoed");
                say(&node, "echoed", "");
            })
        };
        let hosts = vec![server, host("first", client(2)), host("second", client(3))];
        let outcome = run(spec(hosts, steps, seconds(30)));
        let when = |what: &str| {
            let said = said(&outcome);
            let line = said.iter().find(|line| line.contains(what));
            let line = line.unwrap_or_else(|| panic!("{what} in {said:?}"));
            let (at, _) = line.split_once(' ').expect("a time");
            at.trim_end_matches("ms").trim_end_matches('s').to_owned()
        };
        let seconds = |what: &str| when(what).parse::<f64>().expect("seconds");
        assert!(seconds("first opened true") < 3.0, "its TCP goes on");
        assert!(seconds("first echoed") >= 10.0, "nobody accepts");
        assert!(seconds("second opened true") >= 10.0, "no room for it");
    }
}

#[test]
fn a_saboteur_can_choose_its_source_port_and_others_get_a_dynamic_one() {
    let server = boot(|node| async move {
        let mut listener = node.host.net.bind(PORT).await.expect("the port is free");
        while let Ok((_, peer)) = listener.accept().await {
            say(&node, "peer", &peer.port().to_string());
        }
    });
    let client = boot(|node| async move {
        let chosen = node.host.net.connect_from("server", PORT, 6101).await;
        assert_eq!(chosen.expect("it listens").local_addr().port(), 6101);
        let drawn = node.host.net.connect("server", PORT).await;
        let port = drawn.expect("it listens").local_addr().port();
        assert!(
            (32_768..=60_999).contains(&port),
            "Linux's dynamic range, not {port}"
        );
        sleep(seconds(1)).await;
        say(&node, "done", "");
    });
    let outcome = run(server, client, Vec::new(), seconds(60));
    assert!(said(&outcome)[0].ends_with("peer 6101"));
    let unknown = Source::Wire;
    assert!(outcome.history.iter().any(|entry| entry.source == unknown));
}

#[test]
fn an_unknown_name_is_not_found_and_a_closed_port_refuses() {
    let client = boot(|node| async move {
        let kind = |result: std::io::Result<_>| result.err().map(|error| error.kind());
        let nowhere = kind(node.host.net.connect("nowhere", PORT).await);
        let closed = kind(node.host.net.connect("server", 9).await);
        say(&node, "done", &format!("{nowhere:?} {closed:?}"));
    });
    let outcome = run(echo_server(), client, Vec::new(), seconds(60));
    assert_eq!(
        said(&outcome),
        ["40ms client done Some(NotFound) Some(ConnectionRefused)"]
    );
}
