//! Hosts for the tests: an echo server, clients, and the runs they take part in.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use portcullis_harness::engine::{
    BACKLOG, Boot, End, HostFuture, HostSpec, Node, PacketDetail, RunOutcome, RunSpec, Step,
    Topology, packet,
};
use portcullis_net::{Listener, Net};
use portcullis_network::{Latency, LinkConfig, Profile};
use portcullis_reports::{Entry, Event, Fields, Source};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub(crate) const PORT: u16 = 7;

/// One-way latency of every link.
pub(crate) const LATENCY: Duration = Duration::from_millis(20);

/// A program from a function of its node.
pub(crate) fn boot<F>(main: impl Fn(Node) -> F + Send + Sync + 'static) -> Boot
where
    F: Future<Output = ()> + Send + 'static,
{
    Arc::new(move |node| -> HostFuture { Box::pin(main(node)) })
}

pub(crate) fn host(name: &str, boot: Boot) -> HostSpec {
    HostSpec {
        name: name.to_owned(),
        profile: Profile::LINUX,
        stealth: false,
        backlog: BACKLOG,
        clock_offset: SignedDuration::ZERO,
        clock_drift: 0,
        boot,
    }
}

/// A lossless link.
pub(crate) fn link(latency: Latency) -> LinkConfig {
    LinkConfig {
        latency,
        ..LinkConfig::default()
    }
}

/// A run of `hosts` that ends after `ends`, unless one of them says `done` before.
pub(crate) fn spec(hosts: Vec<HostSpec>, steps: Vec<Step>, ends: Duration) -> RunSpec {
    RunSpec {
        seed: 7,
        epoch: Timestamp::UNIX_EPOCH,
        topology: Topology {
            hosts,
            default_link: link(Latency::Fixed(LATENCY)),
            ..Topology::default()
        },
        steps,
        decoder: None,
        packets: PacketDetail::History,
        finished: Box::new(|history| history.iter().any(|entry| is_effect(entry, "done"))),
        ends,
    }
}

/// Runs two hosts, `server` and `client`, and insists that the engine had no trouble.
pub(crate) fn run(server: Boot, client: Boot, steps: Vec<Step>, ends: Duration) -> RunOutcome {
    let hosts = vec![host("server", server), host("client", client)];
    let outcome = packet::run(spec(hosts, steps, ends));
    assert!(
        !matches!(outcome.end, End::Error(_)),
        "the run went wrong: {:?}",
        outcome.end
    );
    outcome
}

/// Adds an effect to the history on behalf of `node`.
pub(crate) fn say(node: &Node, name: &'static str, value: &str) {
    let fields = Fields::from([(Cow::Borrowed("value"), value.to_owned())]);
    let name = Cow::Borrowed(name);
    node.recorder
        .record(Source::Inside, Event::Effect { name, fields });
}

pub(crate) fn is_effect(entry: &Entry, wanted: &str) -> bool {
    matches!(&entry.event, Event::Effect { name, .. } if name == wanted)
}

/// What hosts said, as `time host name value` lines.
pub(crate) fn said(outcome: &RunOutcome) -> Vec<String> {
    let line = |entry: &Entry| match &entry.event {
        Event::Effect { name, fields } => {
            let value = fields.get("value").map_or("", String::as_str);
            Some(format!("{:?} {} {name} {value}", entry.at, entry.host))
        }
        Event::Packet(_)
        | Event::Connection(_)
        | Event::Message(_)
        | Event::State(_)
        | Event::Write { .. }
        | Event::Action { .. } => None,
    };
    outcome.history.iter().filter_map(line).collect()
}

/// Sends back what it reads, on every connection.
pub(crate) fn echo_server() -> Boot {
    boot(|node| async move {
        let mut listener = node.host.net.bind(PORT).await.expect("the port is free");
        while let Ok((mut stream, _)) = listener.accept().await {
            node.host.spawner.spawn(async move {
                let mut octets = [0; 4096];
                while let Ok(count @ 1..) = stream.read(&mut octets).await {
                    if stream.write_all(&octets[..count]).await.is_err() {
                        return;
                    }
                }
            });
        }
    })
}

/// Connects, has `octets` octets echoed, closes and says `done`.
pub(crate) fn echo_client(octets: usize) -> Boot {
    boot(move |node| async move {
        let echoed = echo(&node, octets).await;
        let value = echoed.map_or_else(|error| format!("{:?}", error.kind()), |()| "ok".into());
        say(&node, "done", &value);
    })
}

/// One connection to the server on which `octets` octets are echoed.
pub(crate) async fn echo(node: &Node, octets: usize) -> std::io::Result<()> {
    let stream = node.host.net.connect("server", PORT).await?;
    let (mut reader, mut writer) = tokio::io::split(stream);
    let sent: Vec<u8> = (0..octets).map(|index| (index % 251) as u8).collect();
    let mut heard = vec![0; octets];
    let writing = async {
        writer.write_all(&sent).await?;
        writer.shutdown().await
    };
    let reading = reader.read_exact(&mut heard);
    tokio::try_join!(biased; writing, reading)?;
    assert_eq!(heard, sent, "TCP delivers what was sent, in order");
    Ok(())
}
