//! What is to happen, in the order in which it will.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::host::{HostId, Transit};
use crate::slots::{Slot, Slots};
use crate::time::SimTime;

/// What the agenda holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// A packet reaches its host.
    Arrival(Slot),
    /// A middlebox has held the packet for as long as its rule says.
    Departure(Slot),
    /// A host's timer; the entry may be early or void.
    HostTimer(HostId),
    /// A middlebox's timer; the entry may be early or void.
    WireTimer,
}

/// A heap by time and, within one time, by the order of scheduling.
///
/// Packets lie in slots beside the heap, so that what the heap moves around is small.
#[derive(Debug)]
pub(super) struct Agenda {
    heap: BinaryHeap<Reverse<(SimTime, u64, Due)>>,
    scheduled: u64,
    transits: Slots<Transit>,
}

impl Agenda {
    pub(super) const fn new() -> Self {
        Self {
            heap: BinaryHeap::new(),
            scheduled: 0,
            transits: Slots::new(),
        }
    }

    pub(super) fn push(&mut self, at: SimTime, due: Due) {
        self.heap.push(Reverse((at, self.scheduled, due)));
        self.scheduled += 1;
    }

    pub(super) fn arrive_at(&mut self, at: SimTime, transit: Transit) {
        let slot = self.transits.insert(transit);
        self.push(at, Due::Arrival(slot));
    }

    pub(super) fn depart_at(&mut self, at: SimTime, transit: Transit) {
        let slot = self.transits.insert(transit);
        self.push(at, Due::Departure(slot));
    }

    pub(super) fn first(&self) -> Option<(SimTime, Due)> {
        self.heap.peek().map(|&Reverse((at, _, due))| (at, due))
    }

    pub(super) fn pop(&mut self) -> Option<(SimTime, Due)> {
        self.heap.pop().map(|Reverse((at, _, due))| (at, due))
    }

    /// The packet of an entry that was popped.
    pub(super) fn take(&mut self, slot: Slot) -> Option<Transit> {
        self.transits.remove(slot)
    }
}
