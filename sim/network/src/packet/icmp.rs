//! ICMP destination unreachable, the only ICMP message there is here.

use std::fmt;
use std::net::SocketAddrV4;

use super::Sequence;

/// ICMP header, quoted IPv4 header and the first eight octets of the quoted segment (RFC 792).
pub(super) const ICMP_LEN: usize = 8 + 20 + 8;

/// An ICMP destination-unreachable message and what it quotes of the packet that caused it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IcmpError {
    /// What could not be reached.
    pub kind: Unreachable,
    /// Identification of the quoted packet.
    pub identification: u16,
    /// Sender of the quoted packet.
    pub source: SocketAddrV4,
    /// Receiver of the quoted packet.
    pub destination: SocketAddrV4,
    /// Sequence number of the quoted segment.
    pub sequence: Sequence,
    /// Length of the quoted packet in octets.
    pub length: u16,
}

/// The kinds of destination-unreachable that firewalls answer with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unreachable {
    /// Code 0.
    Net,
    /// Code 1.
    Host,
    /// Code 3: the opener sees a refusal.
    Port,
    /// Code 13, communication administratively prohibited: the opener sees an unreachable host.
    AdminProhibited,
}

impl Unreachable {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Net, Self::Host, Self::Port, Self::AdminProhibited];

    /// The code field of the ICMP header.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Net => 0,
            Self::Host => 1,
            Self::Port => 3,
            Self::AdminProhibited => 13,
        }
    }
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Net => "net unreachable",
            Self::Host => "host unreachable",
            Self::Port => "port unreachable",
            Self::AdminProhibited => "administratively prohibited",
        })
    }
}
