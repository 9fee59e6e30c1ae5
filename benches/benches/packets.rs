//! What one packet costs, and that it does not grow with the number of hosts.
//!
//! Pairs of hosts exchange 64 octets back and forth over one connection each, with latency, so that
//! every round trip is two data segments with acknowledgements riding along. Throughput is in
//! packets that arrived, time is CPU time.

mod cpu_time;

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group};
use jiff::{SignedDuration, Timestamp};
use portcullis_harness::engine::{
    BACKLOG, Boot, End, HostSpec, Node, PacketDetail, RunOutcome, RunSpec, Topology, packet,
};
use portcullis_net::{Listener, Net};
use portcullis_network::{Latency, LinkConfig, Profile};
use portcullis_reports::{Entry, Event};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use cpu_time::CpuTime;

const PORT: u16 = 7;
const HOSTS: [usize; 4] = [2, 20, 100, 200];
/// Round trips of all pairs together, however many pairs there are.
const ROUND_TRIPS: usize = 20_000;

fn echo_server() -> Boot {
    Arc::new(|node: Node| {
        Box::pin(async move {
            let mut listener = node.host.net.bind(PORT).await.expect("the port is free");
            let (mut stream, _) = listener.accept().await.expect("the client connects");
            let mut octets = [0; 64];
            while let Ok(count @ 1..) = stream.read(&mut octets).await {
                stream
                    .write_all(&octets[..count])
                    .await
                    .expect("the client reads");
            }
        })
    })
}

fn client(server: String, round_trips: usize) -> Boot {
    Arc::new(move |node: Node| {
        let server = server.clone();
        Box::pin(async move {
            let connected = node.host.net.connect(&server, PORT).await;
            let mut stream = connected.expect("the server listens");
            let mut octets = [b'x'; 64];
            for _ in 0..round_trips {
                stream.write_all(&octets).await.expect("the server reads");
                stream
                    .read_exact(&mut octets)
                    .await
                    .expect("the server echoes");
            }
        })
    })
}

/// Runs `hosts` hosts in pairs.
fn run(hosts: usize, packets: PacketDetail) -> RunOutcome {
    let pairs = hosts / 2;
    let round_trips = ROUND_TRIPS / pairs;
    let host = |name: String, boot| HostSpec {
        name,
        profile: Profile::LINUX,
        stealth: false,
        backlog: BACKLOG,
        clock_offset: SignedDuration::ZERO,
        clock_drift: 0,
        boot,
    };
    let pair = |pair: usize| {
        let server = format!("server{pair}");
        let client = client(server.clone(), round_trips);
        [
            host(server, echo_server()),
            host(format!("client{pair}"), client),
        ]
    };
    let latency = Latency::Fixed(Duration::from_millis(1));
    let outcome = packet::run(RunSpec {
        seed: 1,
        epoch: Timestamp::UNIX_EPOCH,
        topology: Topology {
            hosts: (0..pairs).flat_map(pair).collect(),
            default_link: LinkConfig {
                latency,
                ..LinkConfig::default()
            },
            ..Topology::default()
        },
        steps: Vec::new(),
        decoder: None,
        packets,
        finished: Box::new(|_| false),
        ends: Duration::from_secs(3_600),
    });
    assert_eq!(
        outcome.end,
        End::Deadline,
        "a bench must measure a run that works"
    );
    outcome
}

/// How many packets arrive in such a run.
fn arrivals(hosts: usize) -> u64 {
    let arrived = |entry: &&Entry| match &entry.event {
        Event::Packet(packet) => packet.fate == "delivered",
        Event::Connection(_)
        | Event::Message(_)
        | Event::State(_)
        | Event::Write { .. }
        | Event::Effect { .. }
        | Event::Action { .. } => false,
    };
    let history = run(hosts, PacketDetail::History).history;
    history.iter().filter(arrived).count() as u64
}

fn packets(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("packets");
    group.sample_size(10);
    for hosts in HOSTS {
        group.throughput(Throughput::Elements(arrivals(hosts)));
        group.bench_with_input(
            BenchmarkId::from_parameter(hosts),
            &hosts,
            |bencher, hosts| {
                bencher.iter(|| run(*hosts, PacketDetail::Digest));
            },
        );
    }
    group.finish();
}

fn print_costs() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\nmicroseconds of CPU time per packet, best of five")?;
    for hosts in HOSTS {
        let packets = arrivals(hosts);
        let fastest = (0..5)
            .map(|_| {
                let start = cpu_time::now();
                run(hosts, PacketDetail::Digest);
                cpu_time::now().saturating_sub(start)
            })
            .min()
            .unwrap_or_default();
        let cost = fastest.as_secs_f64() * 1e6 / packets as f64;
        writeln!(out, "{hosts:>4} hosts  {cost:.2}  ({packets} packets)")?;
    }
    Ok(())
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(CpuTime);
    targets = packets
}

fn main() -> std::io::Result<()> {
    benches();
    Criterion::default().configure_from_args().final_summary();
    // `cargo test --benches` only wants to know whether it runs.
    if std::env::args().any(|argument| argument == "--bench") {
        print_costs()?;
    }
    Ok(())
}
