//! What a protocol adapter gives the engine, so that streams on the wire become messages.

use std::borrow::Cow;
use std::net::SocketAddrV4;
use std::sync::Arc;

use portcullis_reports::{Fields, Source};

/// Reads one direction of one connection, from its first octet on.
///
/// The engine feeds it what the sender put on the wire, or into TLS, in order and each octet once,
/// whatever the segments were. It must not fail: what it cannot read is a [`Decoded`] of kind
/// `undecodable`, after which it may go on or stay silent.
pub trait StreamDecoder: Send {
    /// Takes the next `octets` and appends every message that they complete to `messages`.
    fn feed(&mut self, octets: &[u8], messages: &mut Vec<Decoded>);

    /// Where its octets are taken: from the wire, or above TLS at the ends that are ours
    /// ([`Source::Endpoint`]).
    fn source(&self) -> Source {
        Source::Wire
    }
}

/// One message that a [`StreamDecoder`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The message's kind as the protocol names it, or `undecodable`.
    pub kind: Cow<'static, str>,
    /// What the protocol's codec read from it.
    pub fields: Fields,
    /// Its length on the wire, framing included. The lengths of all messages of a stream, in
    /// order, say where in the stream each one ends.
    pub octets: u64,
}

/// One direction of one connection, as told to the adapter when it chooses a decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// The end that sends in this direction.
    pub source: SocketAddrV4,
    /// The end that receives in this direction.
    pub destination: SocketAddrV4,
    /// Whether the sender in this direction opened the connection.
    pub from_opener: bool,
}

/// Chooses the decoder of one direction of a new connection; `None` leaves it undecoded.
pub type DecoderChoice = Arc<dyn Fn(Flow) -> Option<Box<dyn StreamDecoder>> + Send + Sync>;
