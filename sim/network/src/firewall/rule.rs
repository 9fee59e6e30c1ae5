//! What a rule matches and what it does.

use std::fmt;
use std::net::Ipv4Addr;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use crate::packet::{Packet, Transport, Unreachable};

/// The name of a rule, or of what else decided a packet's fate. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleName(Arc<str>);

impl RuleName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for RuleName {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

impl fmt::Display for RuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which way a packet passes a firewall.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// Towards the host; on a middlebox, from its second side to its first.
    In,
    /// From the host; on a middlebox, from its first side to its second.
    Out,
}

impl Direction {
    /// The other way.
    #[must_use]
    pub const fn reversed(self) -> Self {
        match self {
            Self::In => Self::Out,
            Self::Out => Self::In,
        }
    }
}

/// A range of IPv4 addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Prefix {
    address: Ipv4Addr,
    bits: u8,
}

impl Prefix {
    /// Every address.
    pub const ANY: Self = Self {
        address: Ipv4Addr::UNSPECIFIED,
        bits: 0,
    };

    /// The addresses that share their first `bits` bits (32 at most) with `address`.
    #[must_use]
    pub const fn new(address: Ipv4Addr, bits: u8) -> Self {
        Self {
            address,
            bits: if bits > 32 { 32 } else { bits },
        }
    }

    /// Whether `address` is one of them.
    #[must_use]
    pub const fn contains(self, address: Ipv4Addr) -> bool {
        let differing = self.address.to_bits() ^ address.to_bits();
        differing.leading_zeros() >= self.bits as u32
    }
}

impl From<Ipv4Addr> for Prefix {
    fn from(address: Ipv4Addr) -> Self {
        Self::new(address, 32)
    }
}

/// What a flow is to the firewall when a packet of it arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FlowState {
    /// A SYN that opens a flow, or one that repeats it before any reply was seen.
    New,
    /// The flow has been answered, or the packet is the answer or an ICMP error about the flow.
    Established,
    /// A packet from the middle of a flow that is not, or no longer, in the table.
    Untracked,
}

/// What happens to a packet that a rule matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It passes.
    Accept,
    /// It vanishes.
    Drop,
    /// It vanishes and its sender gets an RST.
    Reset,
    /// It vanishes and its sender gets an ICMP error.
    Unreachable(Unreachable),
    /// It passes after a wait.
    Delay(Duration),
    /// It passes after a wait drawn uniformly from zero to this, but never before an earlier
    /// packet of its own connection and direction: connections overtake one another, and each
    /// keeps its order. [`LinkConfig::reorder`] reorders within connections as well.
    ///
    /// [`LinkConfig::reorder`]: crate::LinkConfig::reorder
    Reorder(Duration),
    /// The first so many payload octets of this direction of each flow pass; a segment that
    /// crosses the limit is truncated at it. Empty segments pass.
    Cut {
        /// How many octets pass.
        after: u32,
        /// What happens to segments beyond.
        then: CutEnd,
    },
    /// The handshake passes; once its last ACK has passed, nothing does, in either direction. A
    /// packet that answers a matching one matches too.
    Blackhole,
}

/// What [`Verdict::Cut`] does with the octets beyond its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CutEnd {
    /// They vanish, and so do their retransmissions: the sender times out.
    Drop,
    /// They vanish and both ends get an RST.
    Reset,
}

/// One line of a firewall. The first rule that matches a packet decides.
///
/// [`Rule::new`] matches every packet; narrow it by setting fields. ICMP has no ports: a rule that
/// names ports never matches it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// By which it is counted and removed.
    pub name: RuleName,
    /// Only packets that pass this way; both when none.
    pub direction: Option<Direction>,
    /// Only packets from here.
    pub source: Prefix,
    /// Only packets to here.
    pub destination: Prefix,
    /// Only packets from these ports.
    pub source_ports: RangeInclusive<u16>,
    /// Only packets to these ports.
    pub destination_ports: RangeInclusive<u16>,
    /// Only packets of flows in this state; any state when none.
    pub state: Option<FlowState>,
    /// What happens to them.
    pub verdict: Verdict,
}

const ALL_PORTS: RangeInclusive<u16> = 0..=u16::MAX;

impl Rule {
    /// A rule that decides every packet.
    #[must_use]
    pub fn new(name: &str, verdict: Verdict) -> Self {
        Self {
            name: name.into(),
            direction: None,
            source: Prefix::ANY,
            destination: Prefix::ANY,
            source_ports: ALL_PORTS,
            destination_ports: ALL_PORTS,
            state: None,
            verdict,
        }
    }

    /// Whether the rule decides this packet.
    pub(super) fn matches(&self, direction: Direction, state: FlowState, packet: &Packet) -> bool {
        let ways = match self.verdict {
            Verdict::Blackhole => self.matches_ends(direction.reversed(), &Ends::swapped(packet)),
            Verdict::Accept
            | Verdict::Drop
            | Verdict::Reset
            | Verdict::Unreachable(_)
            | Verdict::Delay(_)
            | Verdict::Reorder(_)
            | Verdict::Cut { .. } => false,
        };
        self.state.is_none_or(|wanted| wanted == state)
            && (ways || self.matches_ends(direction, &Ends::of(packet)))
    }

    fn matches_ends(&self, direction: Direction, ends: &Ends) -> bool {
        self.direction.is_none_or(|wanted| wanted == direction)
            && self.source.contains(ends.source)
            && self.destination.contains(ends.destination)
            && match ends.ports {
                Some((source, destination)) => {
                    self.source_ports.contains(&source)
                        && self.destination_ports.contains(&destination)
                }
                None => self.source_ports == ALL_PORTS && self.destination_ports == ALL_PORTS,
            }
    }
}

/// A packet's ends as a rule looks at them.
struct Ends {
    source: Ipv4Addr,
    destination: Ipv4Addr,
    ports: Option<(u16, u16)>,
}

impl Ends {
    const fn of(packet: &Packet) -> Self {
        let ports = match &packet.transport {
            Transport::Tcp(segment) => Some((segment.source_port, segment.destination_port)),
            Transport::Icmp(_) => None,
        };
        Self {
            source: packet.source,
            destination: packet.destination,
            ports,
        }
    }

    fn swapped(packet: &Packet) -> Self {
        let ends = Self::of(packet);
        Self {
            source: ends.destination,
            destination: ends.source,
            ports: ends
                .ports
                .map(|(source, destination)| (destination, source)),
        }
    }
}
