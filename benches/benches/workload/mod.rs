//! What the benched hosts do: every ten seconds each client connects to the one server, exchanges
//! something small and closes.

pub(crate) mod http;
pub(crate) mod idle_turmoil;

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use portcullis_harness::engine::{
    BACKLOG, Boot, End, HostSpec, Node, PacketDetail, RunOutcome, RunSpec, Topology, packet,
};
use portcullis_net::{Listener, Net};
use portcullis_network::{Latency, LinkConfig, Profile};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub(crate) const PORT: u16 = 7;
pub(crate) const INTERVAL: Duration = Duration::from_secs(10);
pub(crate) const LATENCY: Duration = Duration::from_millis(10);
pub(crate) const PAYLOAD: [u8; 64] = [b'x'; 64];

/// Runs one server and `hosts - 1` clients for `simulated` time on the packet engine, and checks
/// that the clients got what they wanted.
pub(crate) fn run(hosts: usize, simulated: Duration, server: &Boot, client: &Boot) -> RunOutcome {
    let host = |index: usize| HostSpec {
        name: if index == 0 {
            "server".to_owned()
        } else {
            format!("client{index}")
        },
        profile: Profile::LINUX,
        stealth: false,
        backlog: BACKLOG,
        clock_offset: SignedDuration::ZERO,
        clock_drift: 0,
        boot: Arc::clone(if index == 0 { server } else { client }),
    };
    let topology = Topology {
        hosts: (0..hosts).map(host).collect(),
        default_link: LinkConfig {
            latency: Latency::Fixed(LATENCY),
            ..LinkConfig::default()
        },
        ..Topology::default()
    };
    let outcome = packet::run(RunSpec {
        seed: 1,
        epoch: Timestamp::UNIX_EPOCH,
        topology,
        steps: Vec::new(),
        decoder: None,
        packets: PacketDetail::Digest,
        finished: Box::new(|_| false),
        ends: simulated,
    });
    assert_eq!(
        outcome.end,
        End::Deadline,
        "a bench must measure a run that works"
    );
    outcome
}

/// A server that sends back what it reads.
pub(crate) fn echo_server() -> Boot {
    Arc::new(|node: Node| {
        Box::pin(async move {
            let host = node.host;
            let mut listener = host.net.bind(PORT).await.expect("the port is free");
            while let Ok((mut stream, _)) = listener.accept().await {
                host.spawner.spawn(async move {
                    let mut octets = [0; 64];
                    while let Ok(count @ 1..) = stream.read(&mut octets).await {
                        if stream.write_all(&octets[..count]).await.is_err() {
                            return;
                        }
                    }
                });
            }
        })
    })
}

/// A client that connects, has 64 octets echoed and closes, every ten seconds.
pub(crate) fn echo_client() -> Boot {
    Arc::new(|node: Node| {
        Box::pin(async move {
            loop {
                tokio::time::sleep(INTERVAL).await;
                let connected = node.host.net.connect("server", PORT).await;
                let mut stream = connected.expect("the server listens");
                stream.write_all(&PAYLOAD).await.expect("the server reads");
                let mut octets = [0; 64];
                stream
                    .read_exact(&mut octets)
                    .await
                    .expect("the server echoes");
            }
        })
    })
}
