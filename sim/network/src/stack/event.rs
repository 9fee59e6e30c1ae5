//! What a stack tells its driver.

use std::net::SocketAddrV4;

use bytes::Bytes;

use super::SocketId;
use crate::capture::Fate;
use crate::firewall::{Direction, RuleName};
use crate::packet::Packet;

/// Something that happened inside a stack, in order.
#[derive(Clone, Debug)]
pub enum StackEvent {
    /// A connection changed its phase.
    Connection {
        /// The socket concerned.
        socket: SocketId,
        /// What happened.
        phase: Phase,
        /// This end.
        local: SocketAddrV4,
        /// The other end.
        remote: SocketAddrV4,
        /// Which end sent the first SYN.
        role: Role,
    },
    /// Octets moved, each exactly once and in order; only with [`StackConfig::observe_streams`].
    ///
    /// [`StackConfig::observe_streams`]: super::StackConfig::observe_streams
    Octets {
        /// The socket concerned.
        socket: SocketId,
        /// Left for the first time, or arrived with nothing missing before them.
        way: Way,
        /// This end.
        local: SocketAddrV4,
        /// The other end.
        remote: SocketAddrV4,
        /// The octets.
        octets: Bytes,
    },
    /// The host's firewall let a packet not pass.
    Blocked {
        /// On its way in or out.
        direction: Direction,
        /// What became of it.
        fate: Fate,
        /// The rule that decided, or the firewall's policy.
        rule: RuleName,
        /// The packet.
        packet: Packet,
    },
}

impl StackEvent {
    /// The same with both ends of its connection as `look` has them: for who looks behind NATs.
    #[must_use]
    pub fn with_ends(mut self, look: impl Fn(SocketAddrV4) -> SocketAddrV4) -> Self {
        match &mut self {
            Self::Connection { local, remote, .. } | Self::Octets { local, remote, .. } => {
                *local = look(*local);
                *remote = look(*remote);
            }
            Self::Blocked { .. } => {}
        }
        self
    }
}

/// What happened to a connection at one of its ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// The opener sent its first SYN.
    Opening,
    /// The handshake is complete at this end.
    Established,
    /// The opening failed: RST, or ICMP port unreachable.
    Refused,
    /// The opening failed, or the connection was given up, after silence.
    TimedOut,
    /// The opening failed: ICMP host unreachable or administratively prohibited, or no host has
    /// the address.
    HostUnreachable,
    /// The opening failed: ICMP net unreachable, or no route. Without a route no
    /// [`Phase::Opening`] comes before.
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

/// Which end of a connection this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Sent the first SYN.
    Opener,
    /// Listened.
    Acceptor,
}

/// Which way octets moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// They left this host for the first time.
    Sent,
    /// They arrived at this host in order.
    Received,
}
