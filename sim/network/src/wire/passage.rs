//! What becomes of a packet on its way.

use std::sync::Arc;
use std::time::Duration;

use crate::capture::Fate;
use crate::firewall::RuleName;
use crate::packet::Packet;

/// What becomes of a packet between the hosts.
#[derive(Debug, Default)]
pub struct Passage {
    /// Packets to carry on towards the destination, each after a wait: the packet itself, and what
    /// a middlebox sends to that side. All middleboxes of the path have decided when it left; a
    /// wait at one does not delay the decisions of the next.
    pub onward: Vec<(Packet, Duration)>,
    /// What middleboxes send back to the sender. It passes no middlebox on its way, but NATs
    /// translate it.
    pub back: Vec<Packet>,
    /// What NATs made of the packet, in order: what they say comes before all else.
    pub translations: Vec<Translated>,
    /// Where and why the packet was stopped.
    pub stopped: Option<Stopped>,
    /// The middlebox that sent what it sends on its own.
    pub answered_by: Option<Arc<str>>,
}

/// A packet that a NAT has changed.
#[derive(Debug)]
pub struct Translated {
    /// The middlebox.
    pub place: Arc<str>,
    /// The packet as it came.
    pub before: Packet,
    /// The packet as it goes on.
    pub after: Packet,
}

/// A packet that did not get through.
#[derive(Debug)]
pub struct Stopped {
    /// The partition or middlebox.
    pub place: Arc<str>,
    /// What became of the packet.
    pub fate: Fate,
    /// The partition, or the middlebox's rule.
    pub by: RuleName,
    /// The packet.
    pub packet: Packet,
}
