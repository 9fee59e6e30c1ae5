//! The same run on the packet engine and on real turmoil hosts.

use std::time::Duration;

use portcullis_harness::engine::{
    Action, Boot, Decoded, End, EngineError, HostChange, NetworkChange, Place, Rank, RunSpec, Step,
    StreamDecoder, Trigger, disagreement, packet, turmoil,
};
use portcullis_net::{Listener, Net};
use portcullis_network::{Latency, LinkConfig, Probability, Rule, Verdict};
use portcullis_reports::Fields;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::sleep;

use crate::programs::{
    LATENCY, PORT, boot, echo, echo_client, echo_server, host, is_effect, said, say, spec,
};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn at(time: Duration, action: Action) -> Step {
    let trigger = Trigger::At(time);
    Step {
        trigger,
        action,
        name: None,
    }
}

fn change(time: u64, change: HostChange) -> Step {
    at(seconds(time), Action::Host(change, "server".to_owned()))
}

/// One message for each connection: the whole stream.
struct FirstOctets(bool);

impl StreamDecoder for FirstOctets {
    fn feed(&mut self, octets: &[u8], messages: &mut Vec<Decoded>) {
        if !std::mem::replace(&mut self.0, true) {
            messages.push(Decoded {
                kind: "first".into(),
                fields: Fields::new(),
                octets: octets.len() as u64,
            });
        }
    }
}

/// Runs the same on both engines, and insists that they agree within two latencies.
fn both(server: &Boot, client: &Boot, steps: &[Step]) -> Vec<String> {
    let make = || {
        let hosts = vec![
            host("server", server.clone()),
            host("client", client.clone()),
        ];
        let mut run = spec(hosts, steps.to_vec(), seconds(1200));
        run.decoder = Some(std::sync::Arc::new(|_| Some(Box::new(FirstOctets(false)))));
        run
    };
    let (one, other) = (packet::run(make()), turmoil::run(make()));
    assert_eq!(one.end, End::Finished);
    assert_eq!(other.end, End::Finished);
    // The predicate is asked between ticks on one engine and at once on the other.
    let differ = disagreement(&one.history, &other.history, 2 * LATENCY);
    let (mine, theirs) = (said(&one), said(&other));
    assert_eq!(differ, None, "{mine:#?} against {theirs:#?}");
    mine
}

#[test]
fn a_transfer_takes_the_same_course() {
    both(&echo_server(), &echo_client(200_000), &[]);
}

#[test]
fn a_closed_port_refuses_and_a_dropping_rule_times_out() {
    let client = boot(|node| async move {
        let closed = node.host.net.connect("server", 9).await;
        say(&node, "closed", &format!("{:?}", closed.is_err()));
        let dropped = echo(&node, 10).await.map_err(|error| error.kind());
        say(&node, "done", &format!("{dropped:?}"));
    });
    let mut rule = Rule::new("no-echo", Verdict::Drop);
    rule.destination_ports = PORT..=PORT;
    let drop = NetworkChange::AddRule {
        place: Place::Host("server".to_owned()),
        rule,
        rank: Rank::First,
    };
    let steps = [at(Duration::ZERO, Action::Network(drop))];
    let told = both(&echo_server(), &client, &steps);
    assert!(told[1].ends_with("done Err(TimedOut)"), "{told:?}");
}

#[test]
fn a_partition_stalls_a_conversation_that_recovers_when_it_heals() {
    let client = boot(|node| async move {
        let stream = node.host.net.connect("server", PORT).await;
        let mut stream = stream.expect("the server listens");
        for second in 0..8 {
            stream.write_all(&[second]).await.expect("TCP takes it");
            let mut octet = [0];
            stream.read_exact(&mut octet).await.expect("it recovers");
            say(&node, "heard", &octet[0].to_string());
            sleep(seconds(1)).await;
        }
        say(&node, "done", "");
    });
    let name = "cut".to_owned();
    let cut = NetworkChange::Partition {
        name: name.clone(),
        from: vec!["server".to_owned()],
        to: vec!["client".to_owned()],
        one_way: false,
    };
    let steps = [
        at(Duration::from_millis(2_500), Action::Network(cut)),
        at(seconds(10), Action::Network(NetworkChange::Heal { name })),
    ];
    both(&echo_server(), &client, &steps);
}

#[test]
fn packets_on_hold_arrive_at_the_release() {
    let client = boot(|node| async move {
        for second in 0..4 {
            let echoed = echo(&node, 100).await;
            say(&node, "echoed", &format!("{second} {:?}", echoed.is_ok()));
            sleep(seconds(1)).await;
        }
        say(&node, "done", "");
    });
    let name = "jam".to_owned();
    let hold = NetworkChange::Hold {
        name: name.clone(),
        from: vec!["server".to_owned()],
        to: vec!["client".to_owned()],
    };
    let release = NetworkChange::Release { name };
    let steps = [
        at(Duration::from_millis(1_500), Action::Network(hold)),
        at(seconds(9), Action::Network(release)),
    ];
    let told = both(&echo_server(), &client, &steps);
    let echoed = |nth: &str| told.iter().find(|line| line.contains(nth)).cloned();
    assert!(
        echoed("echoed 2").is_some_and(|line| line.starts_with("9.") && line.ends_with("true")),
        "{told:?}"
    );
}

#[test]
fn power_loss_is_silence_and_the_next_life_resets() {
    let server = boot(|node| async move {
        say(&node, "booted", &node.incarnation.to_string());
        let mut listener = node.host.net.bind(PORT).await.expect("the port is free");
        let mut kept = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            say(&node, "accepted", "");
            kept.push(stream);
        }
    });
    let client = boot(|node| async move {
        let stream = node.host.net.connect("server", PORT).await;
        let mut stream = stream.expect("the server listens");
        sleep(seconds(3)).await;
        stream.write_all(b"anybody?").await.expect("TCP takes it");
        let read = stream.read(&mut [0; 8]).await.map_err(|error| error.kind());
        say(&node, "done", &format!("{read:?}"));
    });
    let steps = [
        change(2, HostChange::Crash),
        change(20, HostChange::Restart),
    ];
    let told = both(&server, &client, &steps);
    assert!(
        told.iter()
            .any(|line| line.ends_with("Err(ConnectionReset)")),
        "{told:?}"
    );
}

#[test]
fn a_pause_delays_and_loses_nothing() {
    let client = boot(|node| async move {
        sleep(seconds(2)).await;
        let echoed = echo(&node, 1_000).await;
        say(&node, "done", &format!("{:?}", echoed.is_ok()));
    });
    let steps = [change(1, HostChange::Pause), change(5, HostChange::Resume)];
    both(&echo_server(), &client, &steps);
}

fn transfer() -> RunSpec {
    let hosts = vec![
        host("server", echo_server()),
        host("client", echo_client(100_000)),
    ];
    spec(hosts, Vec::new(), seconds(60))
}

#[test]
fn turmoil_runs_of_one_seed_have_one_digest() {
    let first = turmoil::run(transfer());
    assert!(first.history.iter().any(|entry| is_effect(entry, "done")));
    for _ in 0..10 {
        assert_eq!(turmoil::run(transfer()).digest, first.digest);
    }
}

#[test]
fn what_turmoil_cannot_do_alike_is_refused_with_a_reason() {
    let mut lossy = transfer();
    lossy.topology.default_link = LinkConfig {
        loss: Probability::percent(1),
        latency: Latency::Fixed(LATENCY),
        ..LinkConfig::default()
    };
    let reason = "random loss, duplication or reordering on a link".to_owned();
    let refused = EngineError::Unsupported { reason };
    assert_eq!(turmoil::run(lossy).end, End::Error(refused));
}
