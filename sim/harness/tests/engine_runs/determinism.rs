//! The same seed gives the same history, digest included, wherever it runs.

use std::io::Write;
use std::process::Command;
use std::time::Duration;

use portcullis_harness::engine::{PacketDetail, RunOutcome, RunSpec, packet};
use portcullis_network::{Latency, LinkConfig, Probability};

use crate::programs::{echo_client, echo_server, host, link, spec};

/// Four clients that compete over lossy links with jitter.
fn busy(seed: u64, packets: PacketDetail) -> RunSpec {
    let mut hosts = vec![host("server", echo_server())];
    for client in ["ada", "bob", "eve", "joe"] {
        hosts.push(host(client, echo_client(50_000)));
    }
    let mut run = spec(hosts, Vec::new(), Duration::from_secs(600));
    run.topology.default_link = LinkConfig {
        loss: Probability::percent(2),
        ..link(Latency::Uniform {
            min: Duration::from_millis(5),
            max: Duration::from_millis(25),
        })
    };
    run.finished = Box::new(|_| false);
    RunSpec {
        seed,
        packets,
        ..run
    }
}

fn outcome(seed: u64) -> RunOutcome {
    packet::run(busy(seed, PacketDetail::History))
}

#[test]
fn fifty_runs_of_one_seed_have_one_digest_and_one_history() {
    let first = outcome(1);
    for _ in 1..50 {
        let again = outcome(1);
        let differing = first
            .history
            .iter()
            .zip(&again.history)
            .find(|(one, other)| one != other);
        assert_eq!(differing, None, "the first event that differs");
        assert_eq!(first.digest, again.digest);
    }
}

#[test]
fn another_seed_gives_another_digest() {
    let mut digests: Vec<_> = (1..=10).map(|seed| outcome(seed).digest).collect();
    digests.sort_unstable();
    digests.dedup();
    assert_eq!(digests.len(), 10);
}

#[test]
fn the_digest_does_not_depend_on_what_is_kept() {
    let kept = [
        PacketDetail::Digest,
        PacketDetail::History,
        PacketDetail::Capture,
    ]
    .map(|detail| packet::run(busy(3, detail)));
    let [digest, history, capture] = &kept;
    assert_eq!(digest.digest, history.digest);
    assert_eq!(digest.digest, capture.digest);
    assert!(digest.history.len() < history.history.len());
    assert!(digest.capture.is_none() && history.capture.is_none());
    // A pcapng file begins with the type of its section header.
    let file = capture.capture.as_deref().expect("it was asked for");
    assert!(file.starts_with(&0x0A0D_0D0A_u32.to_le_bytes()));
}

/// Writes its digest past libtest's capture, for the test below to read.
#[test]
fn digest_of_one_run() {
    let digest = outcome(2).digest;
    writeln!(std::io::stdout().lock(), "\ndigest {digest:032x}").expect("stdout is open");
}

#[test]
fn another_process_computes_the_same_digest() {
    let this = std::env::current_exe().expect("a test has a path");
    let child = Command::new(this)
        .args(["--exact", "determinism::digest_of_one_run"])
        .output()
        .expect("the test binary runs");
    let printed = String::from_utf8_lossy(&child.stdout);
    let theirs = printed
        .lines()
        .find_map(|line| line.strip_prefix("digest "));
    assert_eq!(theirs, Some(&*format!("{:032x}", outcome(2).digest)));
}
