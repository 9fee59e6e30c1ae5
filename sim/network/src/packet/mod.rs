//! Packets as they are on the wire: an IPv4 header and a TCP segment or an ICMP error.

mod codec;
mod icmp;
mod segment;
mod sequence;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};

pub use codec::DecodeError;
pub use icmp::{IcmpError, Unreachable};
pub use segment::{TcpFlags, TcpSegment};
pub use sequence::Sequence;

/// One IPv4 packet.
///
/// Headers hold what the wire holds and nothing else, so that `decode(encode(p)) == p`. Fragments,
/// IP options, UDP and IPv6 do not exist here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Sender's address.
    pub source: Ipv4Addr,
    /// Receiver's address.
    pub destination: Ipv4Addr,
    /// IPv4 identification: each sender counts its own packets.
    pub identification: u16,
    /// What the packet carries.
    pub transport: Transport,
}

/// What an IPv4 packet carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A TCP segment.
    Tcp(TcpSegment),
    /// An ICMP destination-unreachable message.
    Icmp(IcmpError),
}

impl Packet {
    /// Address and port of the sender; port 0 for ICMP.
    #[must_use]
    pub fn source_socket(&self) -> SocketAddrV4 {
        let port = self.tcp().map_or(0, |segment| segment.source_port);
        SocketAddrV4::new(self.source, port)
    }

    /// Address and port of the receiver; port 0 for ICMP.
    #[must_use]
    pub fn destination_socket(&self) -> SocketAddrV4 {
        let port = self.tcp().map_or(0, |segment| segment.destination_port);
        SocketAddrV4::new(self.destination, port)
    }

    /// The TCP segment, when there is one.
    #[must_use]
    pub const fn tcp(&self) -> Option<&TcpSegment> {
        match &self.transport {
            Transport::Tcp(segment) => Some(segment),
            Transport::Icmp(_) => None,
        }
    }

    /// Length on the wire in octets, IPv4 header included.
    #[must_use]
    pub fn wire_len(&self) -> usize {
        codec::IPV4_HEADER_LEN
            + match &self.transport {
                Transport::Tcp(segment) => segment.header_len() + segment.payload.len(),
                Transport::Icmp(_) => icmp::ICMP_LEN,
            }
    }

    /// The packet's octets, with correct checksums.
    ///
    /// # Panics
    /// When the packet is longer than 65,535 octets, which no stack of this crate makes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// Reads a packet from its octets.
    ///
    /// # Errors
    /// When they are no whole, unfragmented IPv4 packet of a known kind with right checksums.
    pub fn decode(octets: &[u8]) -> Result<Self, DecodeError> {
        codec::decode(octets)
    }

    /// The RST that a firewall or a host without the connection answers this packet with (RFC 9293
    /// section 3.10.7.1); none for an RST or for ICMP.
    #[must_use]
    pub fn reset_answer(&self) -> Option<Self> {
        let segment = self.tcp().filter(|segment| !segment.flags.rst())?;
        let mut answer = TcpSegment::between(segment.destination_port, segment.source_port);
        if segment.flags.ack() {
            answer.flags = TcpFlags::RST;
            answer.sequence = segment.acknowledgement;
        } else {
            answer.flags = TcpFlags::RST | TcpFlags::ACK;
            answer.acknowledgement = segment.sequence + segment.sequence_len();
        }
        Some(Self {
            source: self.destination,
            destination: self.source,
            identification: 0,
            transport: Transport::Tcp(answer),
        })
    }

    /// The ICMP error that `reporter` answers this packet with; none for RST and for ICMP.
    #[must_use]
    pub fn unreachable_answer(&self, reporter: Ipv4Addr, kind: Unreachable) -> Option<Self> {
        let segment = self.tcp().filter(|segment| !segment.flags.rst())?;
        Some(Self {
            source: reporter,
            destination: self.source,
            identification: 0,
            transport: Transport::Icmp(IcmpError {
                kind,
                identification: self.identification,
                source: self.source_socket(),
                destination: self.destination_socket(),
                sequence: segment.sequence,
                length: u16::try_from(self.wire_len()).unwrap_or(u16::MAX),
            }),
        })
    }
}

impl fmt::Display for Packet {
    /// One line: `10.0.0.1:49152 > 10.0.0.2:6102 S seq 7 ack 0 win 65535 len 0`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.transport {
            Transport::Tcp(segment) => write!(
                f,
                "{} > {} {} seq {} ack {} win {} len {}",
                self.source_socket(),
                self.destination_socket(),
                segment.flags,
                segment.sequence.0,
                segment.acknowledgement.0,
                segment.window,
                segment.payload.len()
            ),
            Transport::Icmp(error) => write!(
                f,
                "{} > {} ICMP {} for {} > {}",
                self.source, self.destination, error.kind, error.source, error.destination
            ),
        }
    }
}

#[cfg(test)]
mod tests;
