//! TLS between simulated hosts: what is inside it is seen at its ends, and the seed decides it all.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use portcullis_harness::engine::{
    Boot, Decoded, End, Node, PacketDetail, RunOutcome, RunSpec, SecuredNet, StreamDecoder, packet,
    turmoil,
};
use portcullis_net::{Connection, Host, Listener, Net, Randomness};
use portcullis_reports::{Event, Fields, Passage, Source};
use portcullis_tls::Reach;
use portcullis_tls::simulated::Authority;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::programs::{PORT, boot, host, say, spec};

/// The host as one with a certificate for its name.
fn secured(node: &Node) -> Host<SecuredNet> {
    let span = node.epoch..node.epoch + Duration::from_secs(3600);
    let authority = Authority::new("authority", span.clone(), &Randomness::from_seed(1));
    let identity = authority.issue(&node.host.name, span, &authority);
    node.secured(Some((&identity, Reach::Everything)))
        .expect("the identity was made for it")
}

fn server() -> Boot {
    boot(|node| async move {
        let mut listener = secured(&node).net.bind(PORT).await.expect("a free port");
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut heard = Vec::new();
            stream.read_to_end(&mut heard).await.ok();
            stream.write_all(&heard).await.ok();
            stream.shutdown().await.ok();
        }
    })
}

fn client() -> Boot {
    boot(|node| async move {
        let net = secured(&node).net;
        let mut stream = net.connect("server", PORT).await.expect("it listens");
        assert_eq!(stream.peer_names(), Some(&["server".to_owned()][..]));
        stream.write_all(b"first line\nsecond line\n").await.ok();
        stream.shutdown().await.ok();
        let mut heard = String::new();
        stream.read_to_string(&mut heard).await.ok();
        say(&node, "done", &heard);
    })
}

/// Every line is a message.
struct Lines {
    source: Source,
    rest: Vec<u8>,
}

impl StreamDecoder for Lines {
    fn feed(&mut self, octets: &[u8], messages: &mut Vec<Decoded>) {
        self.rest.extend_from_slice(octets);
        while let Some(end) = self.rest.iter().position(|octet| *octet == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            messages.push(Decoded {
                kind: Cow::Owned(String::from_utf8_lossy(&line[..end]).into_owned()),
                fields: Fields::new(),
                octets: line.len() as u64,
            });
        }
    }

    fn source(&self) -> Source {
        self.source
    }
}

fn conversation(seed: u64, source: Source) -> RunSpec {
    let hosts = vec![host("server", server()), host("client", client())];
    let decoder = move |_| {
        let rest = Vec::new();
        Some(Box::new(Lines { source, rest }) as Box<dyn StreamDecoder>)
    };
    RunSpec {
        seed,
        decoder: Some(Arc::new(decoder)),
        packets: PacketDetail::Capture,
        ..spec(hosts, Vec::new(), Duration::from_secs(60))
    }
}

/// Messages as sender, passage and kind.
fn messages(outcome: &RunOutcome) -> Vec<(&str, Passage, &str)> {
    let messages = outcome.history.iter().filter_map(|entry| {
        let Event::Message(message) = &entry.event else {
            return None;
        };
        assert_eq!(entry.source, Source::Endpoint);
        Some((&*entry.host, message.passage, &*message.kind))
    });
    messages.collect()
}

#[test]
fn messages_inside_tls_are_read_at_its_ends() {
    let outcome = packet::run(conversation(7, Source::Endpoint));
    assert_eq!(outcome.end, End::Finished);
    let lines = ["first line", "second line"];
    let said = |host, passage| lines.map(|line| (host, passage, line));
    let expected = [
        said("client", Passage::Sent),
        said("server", Passage::Delivered),
        said("server", Passage::Sent),
        said("client", Passage::Delivered),
    ];
    assert_eq!(messages(&outcome), expected.concat());
    let connections = outcome.history.iter().filter_map(|entry| {
        if let Event::Connection(event) = &entry.event {
            return Some(event.connection);
        }
        let Event::Message(event) = &entry.event else {
            return None;
        };
        Some(event.connection)
    });
    let mut connections: Vec<_> = connections.collect();
    connections.dedup();
    assert_eq!(connections.len(), 1, "they belong to the one connection");
}

#[test]
fn nothing_inside_tls_is_seen_on_the_wire() {
    let outcome = packet::run(conversation(7, Source::Wire));
    let read = outcome.history.iter().filter_map(|entry| {
        let Event::Message(message) = &entry.event else {
            return None;
        };
        Some(message.kind.as_ref())
    });
    assert!(!read.into_iter().any(|kind| kind.contains("line")));
    let capture = outcome.capture.expect("it was asked for");
    assert!(!capture.windows(10).any(|octets| octets == b"first line"));
}

#[test]
fn the_seed_decides_every_octet() {
    let run = |seed| packet::run(conversation(seed, Source::Endpoint));
    let (first, again, other) = (run(1), run(1), run(2));
    assert_eq!(first.history, again.history);
    assert_eq!(first.digest, again.digest);
    assert_eq!(first.key_log, again.key_log);
    assert_ne!(first.key_log, other.key_log);
    assert_ne!(first.digest, other.digest);
}

#[test]
fn the_secrets_are_kept_with_the_run_and_in_its_capture() {
    let outcome = packet::run(conversation(3, Source::Endpoint));
    let lines: Vec<&str> = outcome.key_log.lines().collect();
    // Five secrets of one session, each told once although both ends know it.
    assert_eq!(lines.len(), 5, "{lines:?}");
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with("CLIENT_TRAFFIC_SECRET_0 "))
    );
    let capture = outcome.capture.expect("it was asked for");
    let log = outcome.key_log.as_bytes();
    assert!(capture.windows(log.len()).any(|octets| octets == log));
}

#[test]
fn both_engines_see_the_same_inside() {
    let packet = packet::run(conversation(5, Source::Endpoint));
    let turmoil = turmoil::run(conversation(5, Source::Endpoint));
    assert_eq!(turmoil.end, End::Finished);
    assert_eq!(messages(&packet), messages(&turmoil));
}
