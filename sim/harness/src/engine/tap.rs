//! What an outsider with a capture of the wire could tell: connections, and the messages in their
//! streams.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::Duration;

use portcullis_network::{Phase, Role, StackEvent, Way, Wire};
use portcullis_reports::{
    ConnectionEvent, ConnectionId, ConnectionPhase, Entry, Event, MessageEvent, Passage, Source,
};

use super::decoder::{Decoded, DecoderChoice, Flow, StreamDecoder};
use super::journal::Journal;

/// Names connections and follows their streams, over all hosts of a run.
pub(crate) struct Tap {
    journal: Arc<Journal>,
    choice: Option<DecoderChoice>,
    /// The newest connection between two ends, until both ends are done with it.
    connections: BTreeMap<Pair, Followed>,
    opened: u64,
    decoded: Vec<Decoded>,
}

/// Opener and acceptor of a connection in one word, which compares faster than addresses do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Pair(u128);

impl Pair {
    fn new(opener: SocketAddrV4, acceptor: SocketAddrV4) -> Self {
        let end = |address: SocketAddrV4| {
            (u128::from(address.ip().to_bits()) << 16) | u128::from(address.port())
        };
        Self((end(opener) << 64) | end(acceptor))
    }
}

/// One connection, and its two streams where somebody decodes them.
struct Followed {
    id: ConnectionId,
    opener_done: bool,
    acceptor_done: bool,
    streams: Option<Box<Streams>>,
}

struct Streams {
    forward: Stream,
    backward: Stream,
}

/// One direction of one connection.
#[derive(Default)]
struct Stream {
    decoder: Option<Box<dyn StreamDecoder>>,
    /// Octets up to the end of the last message that was decoded.
    decoded_to: u64,
    delivered: u64,
    /// Messages that left and have not arrived, with the offset of their end.
    underway: VecDeque<(u64, MessageEvent)>,
}

/// One end of a connection, as its host sees it.
#[derive(Clone, Copy)]
pub(crate) struct Ends {
    pub(crate) local: SocketAddrV4,
    pub(crate) remote: SocketAddrV4,
}

impl Ends {
    /// The same with the hosts' own addresses where a NAT hides them.
    pub(crate) fn looked_behind(self, wire: &Wire) -> Self {
        Self {
            local: wire.look_behind(self.local),
            remote: wire.look_behind(self.remote),
        }
    }
}

impl Tap {
    pub(crate) fn new(journal: Arc<Journal>, choice: Option<DecoderChoice>) -> Self {
        Self {
            journal,
            choice,
            connections: BTreeMap::new(),
            opened: 0,
            decoded: Vec::new(),
        }
    }

    /// Whether stacks have to report the octets of their streams.
    pub(crate) const fn reads_streams(&self) -> bool {
        self.choice.is_some()
    }

    /// Something happened in the stack of `host`.
    pub(crate) fn stack_event(&mut self, at: Duration, host: &str, event: StackEvent) {
        match event {
            StackEvent::Connection {
                phase,
                local,
                remote,
                role,
                ..
            } => self.connection(at, host, Ends { local, remote }, role, phase),
            StackEvent::Octets {
                way,
                local,
                remote,
                octets,
                ..
            } => {
                let ends = Ends { local, remote };
                self.octets(Source::Wire, at, host, ends, way, &octets);
            }
            // The capture tells of it.
            StackEvent::Blocked { .. } => {}
        }
    }

    /// Octets were given to TLS at `host`, or taken from it there.
    pub(crate) fn overhear(
        &mut self,
        at: Duration,
        host: &str,
        ends: Ends,
        way: Way,
        octets: &[u8],
    ) {
        self.octets(Source::Endpoint, at, host, ends, way, octets);
    }

    /// A connection changed its phase at `host`.
    fn connection(&mut self, at: Duration, host: &str, ends: Ends, role: Role, phase: Phase) {
        let (opener, acceptor) = match role {
            Role::Opener => (ends.local, ends.remote),
            Role::Acceptor => (ends.remote, ends.local),
        };
        let pair = Pair::new(opener, acceptor);
        let known = self.connections.get_mut(&pair);
        let followed = match known {
            Some(followed) if phase != Phase::Opening => followed,
            _ => self.open(pair, opener, acceptor),
        };
        let id = followed.id;
        match role {
            Role::Opener => followed.opener_done = is_last(phase),
            Role::Acceptor => followed.acceptor_done = is_last(phase),
        }
        // What TLS has decrypted may be read later than the last packet comes.
        if followed.opener_done && followed.acceptor_done && !followed.is_overheard() {
            self.connections.remove(&pair);
        }
        let event = ConnectionEvent {
            connection: id,
            phase: phase_of(phase),
            opener,
            acceptor,
        };
        self.journal.append(Entry {
            at,
            host: Cow::Owned(host.to_owned()),
            source: Source::Wire,
            event: Event::Connection(event),
        });
    }

    /// Octets of a stream left `host` for the first time, or arrived there in order, as `seen`.
    fn octets(
        &mut self,
        seen: Source,
        at: Duration,
        host: &str,
        ends: Ends,
        way: Way,
        octets: &[u8],
    ) {
        let (source, destination) = match way {
            Way::Sent => (ends.local, ends.remote),
            Way::Received => (ends.remote, ends.local),
        };
        let Self {
            connections,
            decoded,
            journal,
            ..
        } = self;
        let forward = Pair::new(source, destination);
        let backward = Pair::new(destination, source);
        // Where each end once opened a connection to the other between the same ports, the newer
        // one is meant.
        let age = |pair| connections.get(pair).map(|followed| followed.id);
        let opens = age(&forward) > age(&backward);
        let pair = if opens { forward } else { backward };
        let Some(followed) = connections.get_mut(&pair) else {
            return;
        };
        let (id, Some(streams)) = (followed.id, &mut followed.streams) else {
            return;
        };
        let stream = if opens {
            &mut streams.forward
        } else {
            &mut streams.backward
        };
        let decoder = stream.decoder.as_mut();
        let Some(decoder) = decoder.filter(|decoder| decoder.source() == seen) else {
            return;
        };
        let tell = |event: MessageEvent| {
            journal.append(Entry {
                at,
                host: Cow::Owned(host.to_owned()),
                source: seen,
                event: Event::Message(event),
            });
        };
        match way {
            Way::Sent => {
                decoder.feed(octets, decoded);
                for message in decoded.drain(..) {
                    let event = MessageEvent {
                        connection: id,
                        passage: Passage::Sent,
                        source,
                        destination,
                        kind: message.kind,
                        fields: message.fields,
                        octets: message.octets,
                    };
                    stream.decoded_to += message.octets;
                    stream
                        .underway
                        .push_back((stream.decoded_to, event.clone()));
                    tell(event);
                }
            }
            Way::Received => {
                stream.delivered += octets.len() as u64;
                stream.arrived(tell);
            }
        }
    }

    fn open(&mut self, pair: Pair, opener: SocketAddrV4, acceptor: SocketAddrV4) -> &mut Followed {
        self.opened += 1;
        let streams = self.choice.as_ref().map(|choice| {
            let choose = |source, destination, from_opener| Stream {
                decoder: choice(Flow {
                    source,
                    destination,
                    from_opener,
                }),
                ..Stream::default()
            };
            Box::new(Streams {
                forward: choose(opener, acceptor, true),
                backward: choose(acceptor, opener, false),
            })
        });
        let followed = Followed {
            id: ConnectionId(self.opened),
            opener_done: false,
            acceptor_done: false,
            streams,
        };
        self.connections.insert(pair, followed);
        self.connections
            .get_mut(&pair)
            .expect("it was inserted just now")
    }
}

impl Followed {
    /// Whether its messages are read at its ends.
    fn is_overheard(&self) -> bool {
        let streams = self.streams.iter();
        let mut both = streams.flat_map(|streams| [&streams.forward, &streams.backward]);
        both.any(|stream| {
            let decoder = stream.decoder.as_ref();
            decoder.is_some_and(|decoder| decoder.source() == Source::Endpoint)
        })
    }
}

impl Stream {
    /// Tells of every message that is whole at the receiver.
    fn arrived(&mut self, tell: impl Fn(MessageEvent)) {
        while let Some((end, _)) = self.underway.front()
            && *end <= self.delivered
            && let Some((_, mut event)) = self.underway.pop_front()
        {
            event.passage = Passage::Delivered;
            tell(event);
        }
    }
}

/// Whether an end is done with the connection after this phase.
const fn is_last(phase: Phase) -> bool {
    match phase {
        Phase::Opening | Phase::Established | Phase::FinSent | Phase::FinReceived => false,
        Phase::Refused
        | Phase::TimedOut
        | Phase::HostUnreachable
        | Phase::NetworkUnreachable
        | Phase::Reset
        | Phase::Closed => true,
    }
}

const fn phase_of(phase: Phase) -> ConnectionPhase {
    match phase {
        Phase::Opening => ConnectionPhase::Opening,
        Phase::Established => ConnectionPhase::Established,
        Phase::Refused => ConnectionPhase::Refused,
        Phase::TimedOut => ConnectionPhase::TimedOut,
        Phase::HostUnreachable => ConnectionPhase::HostUnreachable,
        Phase::NetworkUnreachable => ConnectionPhase::NetworkUnreachable,
        Phase::Reset => ConnectionPhase::Reset,
        Phase::FinSent => ConnectionPhase::FinSent,
        Phase::FinReceived => ConnectionPhase::FinReceived,
        Phase::Closed => ConnectionPhase::Closed,
    }
}
