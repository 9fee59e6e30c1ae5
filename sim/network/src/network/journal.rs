//! What the network tells the world: packets to the capture, events to the driver.

use std::collections::VecDeque;
use std::sync::Arc;

use super::NetworkEvent;
use crate::capture::{Capture, Fate, Observation};
use crate::firewall::RuleName;
use crate::packet::Packet;
use crate::time::SimTime;

#[derive(Debug)]
pub(super) struct Journal {
    pub(super) capture: Capture,
    pub(super) events: VecDeque<NetworkEvent>,
    /// Packets numbered so far.
    numbered: u64,
}

impl Journal {
    pub(super) const fn new(capture: Capture) -> Self {
        Self {
            capture,
            events: VecDeque::new(),
            numbered: 0,
        }
    }

    /// The number of a packet that has not been seen yet.
    pub(super) const fn next_number(&mut self) -> u64 {
        self.numbered += 1;
        self.numbered
    }

    /// Notes that a packet has left, and numbers it.
    pub(super) fn sent(&mut self, at: SimTime, place: &Arc<str>, packet: &Packet) -> u64 {
        let number = self.next_number();
        self.note(at, place, (Fate::Sent, None), number, packet);
        number
    }

    /// Notes what became of a packet, and what decided it.
    pub(super) fn note(
        &mut self,
        at: SimTime,
        place: &Arc<str>,
        (fate, by): (Fate, Option<&RuleName>),
        number: u64,
        packet: &Packet,
    ) {
        self.capture.observe(&Observation {
            at,
            place,
            fate,
            by,
            number,
            packet,
        });
    }
}
