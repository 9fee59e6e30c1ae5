//! The history of one run: everything observable, in order.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddrV4;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Names and values of an event, in a fixed order.
pub type Fields = BTreeMap<Cow<'static, str>, String>;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Since the start of the run.
    pub at: Duration,
    /// The host at which it was observed; empty for what concerns no single host.
    pub host: Cow<'static, str>,
    /// Who could have seen it.
    pub source: Source,
    /// What happened.
    pub event: Event,
}

/// Who could have seen an event, which decides what a check may claim about a foreign party.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// Anybody with a capture of the wire.
    Wire,
    /// Anybody with a capture of the wire and the key log of the run: read above TLS at an end that
    /// is ours.
    Endpoint,
    /// Only our implementations, which announce it through their observer.
    Inside,
    /// The harness itself: faults, commands, restarts.
    Harness,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A packet met its fate.
    Packet(PacketEvent),
    /// A connection changed its phase, as `host` saw it.
    Connection(ConnectionEvent),
    /// A whole protocol message was seen in a connection's stream.
    Message(MessageEvent),
    /// A state machine moved.
    State(StateEvent),
    /// A record became durable.
    Write {
        /// The table written to.
        table: Cow<'static, str>,
        /// The record's key.
        key: String,
    },
    /// Anything else that an implementation announces: work started, attempt given up, audit entry.
    Effect {
        /// What it is, in kebab case.
        name: Cow<'static, str>,
        /// Its particulars.
        fields: Fields,
    },
    /// The harness did something to the world: a fault, its repair, a command.
    Action {
        /// What it is, in kebab case: `crash`, `restart`, `partition`, `submit`.
        name: Cow<'static, str>,
        /// Its particulars.
        fields: Fields,
    },
}

/// One packet's fate at one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PacketEvent {
    /// What became of it.
    pub fate: Cow<'static, str>,
    /// The rule, partition or middlebox that decided, when one did.
    pub by: Option<String>,
    /// Where it came from.
    pub source: SocketAddrV4,
    /// Where it was going.
    pub destination: SocketAddrV4,
    /// TCP flags as letters, such as `S`, `SA`, `A`, `FA`, `R`; `I` for ICMP.
    pub flags: Cow<'static, str>,
    /// TCP sequence number.
    pub sequence: u32,
    /// Payload length in octets.
    pub octets: u32,
}

/// A number that names one connection within a run, in order of opening.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct ConnectionId(pub u64);

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "c{}", self.0)
    }
}

/// A connection as one of its ends saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionEvent {
    /// Which connection.
    pub connection: ConnectionId,
    /// What happened to it.
    pub phase: ConnectionPhase,
    /// The end that sent the first SYN.
    pub opener: SocketAddrV4,
    /// The end that listened.
    pub acceptor: SocketAddrV4,
}

/// What happened to a connection at one of its ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConnectionPhase {
    /// The opener sent its first SYN.
    Opening,
    /// The handshake is complete at this end.
    Established,
    /// The opening failed: RST, or ICMP port unreachable.
    Refused,
    /// The opening failed, or the established connection was given up, after silence.
    TimedOut,
    /// The opening failed: ICMP host unreachable or administratively prohibited.
    HostUnreachable,
    /// The opening failed: ICMP net unreachable, or no route.
    NetworkUnreachable,
    /// An RST ended the established connection at this end.
    Reset,
    /// This end sent its FIN.
    FinSent,
    /// This end received the other's FIN.
    FinReceived,
    /// This end is done: both FINs exchanged, or aborted by this end.
    Closed,
}

impl ConnectionPhase {
    /// The name used in scenario files and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Established => "established",
            Self::Refused => "refused",
            Self::TimedOut => "timed-out",
            Self::HostUnreachable => "host-unreachable",
            Self::NetworkUnreachable => "network-unreachable",
            Self::Reset => "reset",
            Self::FinSent => "fin-sent",
            Self::FinReceived => "fin-received",
            Self::Closed => "closed",
        }
    }
}

/// A protocol message in a connection's stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageEvent {
    /// The connection that carried it.
    pub connection: ConnectionId,
    /// Whether it left its sender whole or arrived whole.
    pub passage: Passage,
    /// Sender's end.
    pub source: SocketAddrV4,
    /// Receiver's end.
    pub destination: SocketAddrV4,
    /// The message's kind as the protocol names it, or `undecodable`.
    pub kind: Cow<'static, str>,
    /// What the protocol's codec read from it.
    pub fields: Fields,
    /// Its length on the wire, framing included.
    pub octets: u64,
}

/// Where on its way a message was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Passage {
    /// Its last octet left the sender for the first time.
    Sent,
    /// All its octets reached the receiving host in order.
    Delivered,
}

/// A state machine's move.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateEvent {
    /// Which kind of machine, such as `originator-task` or `destination-task`.
    pub machine: Cow<'static, str>,
    /// Which instance, such as a task id.
    pub id: String,
    /// The state left; empty for a new instance.
    pub from: Cow<'static, str>,
    /// The state entered.
    pub to: Cow<'static, str>,
    /// Particulars, such as an outcome.
    pub fields: Fields,
}
