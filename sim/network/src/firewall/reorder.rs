//! Waits that let connections overtake one another and keep the order within each.

use std::time::Duration;

use indexmap::IndexMap;

use crate::hash::FixedState;
use crate::packet::Packet;
use crate::random::Stream;
use crate::time::{SimTime, nanoseconds};

/// Flows beyond which those that hold nothing back any more are forgotten.
const ROOM: usize = 1_024;

#[derive(Debug)]
pub(super) struct Reorder {
    random: Stream,
    /// When the last packet of each flow's direction is released.
    released: IndexMap<u128, SimTime, FixedState>,
}

impl Reorder {
    pub(super) fn new(seed: u64, place: &str) -> Self {
        Self {
            random: Stream::labelled(seed, &format!("firewall/{place}/reorder")),
            released: IndexMap::default(),
        }
    }

    /// How long to hold `packet`: a draw of at most `within`, and longer where an earlier packet
    /// of its own flow and direction is held longer.
    pub(super) fn hold(&mut self, now: SimTime, packet: &Packet, within: Duration) -> Duration {
        let wait = self.random.below(nanoseconds(within).saturating_add(1));
        let drawn = now + Duration::from_nanos(wait);
        if self.released.len() >= ROOM {
            self.released.retain(|_, released| *released > now);
        }
        let key = direction(packet);
        let released = match self.released.get(&key) {
            // One nanosecond, because what is due at one instant goes in no promised order.
            Some(&last) if last >= now => drawn.max(last + Duration::from_nanos(1)),
            Some(_) | None => drawn,
        };
        self.released.insert(key, released);
        released.since(now)
    }

    /// Holds nothing back any more.
    pub(super) fn clear(&mut self) {
        self.released.clear();
    }
}

/// The ends of a packet in one word, in their order.
fn direction(packet: &Packet) -> u128 {
    let (source, destination) = (packet.source_socket(), packet.destination_socket());
    let end = |address: u32, port: u16| (u128::from(address) << 16) | u128::from(port);
    (end(source.ip().to_bits(), source.port()) << 64)
        | end(destination.ip().to_bits(), destination.port())
}
