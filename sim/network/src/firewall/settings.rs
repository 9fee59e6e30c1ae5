//! What a firewall does besides its rules.

use std::net::SocketAddrV4;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::rule::{Prefix, Verdict};
use crate::packet::Unreachable;

/// The name under which the policy's decisions are counted.
pub const POLICY: &str = "policy";
/// The name under which packets of flows forgotten for idleness are counted.
pub const IDLE_TIMEOUT: &str = "idle-timeout";
/// The name under which packets of unknown flows are counted where pickup is strict.
pub const STRICT_PICKUP: &str = "strict-pickup";
/// The name under which packets are counted that would have opened a flow in a full table.
pub const TABLE_FULL: &str = "table-full";
/// The name under which killed flows are counted: flows, not packets.
pub const KILLED: &str = "killed";

/// What happens to a packet that opens a flow, or belongs to none, when no rule matches it.
/// Packets of established flows pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// It passes.
    #[default]
    Accept,
    /// It vanishes.
    Drop,
    /// It vanishes and its sender gets an RST.
    Reset,
    /// It vanishes and its sender gets an ICMP error.
    Unreachable(Unreachable),
}

impl From<Policy> for Verdict {
    fn from(policy: Policy) -> Self {
        match policy {
            Policy::Accept => Self::Accept,
            Policy::Drop => Self::Drop,
            Policy::Reset => Self::Reset,
            Policy::Unreachable(kind) => Self::Unreachable(kind),
        }
    }
}

/// How a firewall treats flows that are silent for long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Idle {
    /// How long a flow may be silent. Section 8.5: 4 min (Azure), 350 s (AWS), 2 h 4 min (NAT).
    pub timeout: Duration,
    /// What happens then.
    pub on_expiry: OnExpiry,
}

/// What happens to a flow that was silent for too long, or is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OnExpiry {
    /// It is forgotten; its later packets vanish, because only a SYN opens a flow.
    Silent,
    /// It is forgotten and both ends get an RST at that time.
    Reset,
}

/// What a firewall does with a packet from the middle of a flow that its table does not have:
/// because it has just started, forgot the flow, or never saw its beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pickup {
    /// It is left to rules and policy, and the flow stays unknown. With an [`Idle`] timeout the
    /// packet vanishes: what was forgotten must not pass.
    #[default]
    ByRules,
    /// It vanishes: only a SYN opens a flow (`nf_conntrack_tcp_loose` = 0).
    Strict,
    /// It opens the flow anew, unless it is a SYN-ACK or an RST (`nf_conntrack_tcp_loose` = 1).
    Loose,
}

/// Which flows are to be killed: those that match in all three respects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowSelector {
    /// Where they were opened.
    pub opener: Prefix,
    /// Where they were accepted.
    pub acceptor: Prefix,
    /// The ports at which they were accepted.
    pub ports: RangeInclusive<u16>,
}

impl FlowSelector {
    /// Every flow.
    pub const ALL: Self = Self {
        opener: Prefix::ANY,
        acceptor: Prefix::ANY,
        ports: 0..=u16::MAX,
    };

    pub(super) fn means(&self, opener: SocketAddrV4, acceptor: SocketAddrV4) -> bool {
        self.opener.contains(*opener.ip())
            && self.acceptor.contains(*acceptor.ip())
            && self.ports.contains(&acceptor.port())
    }
}
