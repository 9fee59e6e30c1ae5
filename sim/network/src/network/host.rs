//! A host as the network keeps it.

use std::collections::VecDeque;

use crate::packet::Packet;
use crate::stack::Stack;
use crate::time::SimTime;

/// Packets that wait while their host is paused; more are dropped.
const PAUSED_QUEUE_MAX: usize = 1_024;

/// Names a host of one network: hosts are numbered in the order in which they were added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(pub(super) u32);

impl HostId {
    /// The host that was added after `index` others: for a [`Wire`](crate::Wire) of its own.
    #[must_use]
    pub const fn new(index: u32) -> Self {
        Self(index)
    }

    /// How many hosts were added before.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Whether a host takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Running {
    Up,
    /// Handles nothing; packets wait.
    Paused,
    /// Has no memory and answers nothing.
    Down,
}

#[derive(Debug)]
pub(super) struct Host {
    pub(super) stack: Stack,
    pub(super) running: Running,
    pub(super) waiting: VecDeque<Transit>,
    /// The earliest timer entry that the agenda holds for this host.
    pub(super) timer_at: Option<SimTime>,
}

impl Host {
    pub(super) const fn new(stack: Stack) -> Self {
        Self {
            stack,
            running: Running::Up,
            waiting: VecDeque::new(),
            timer_at: None,
        }
    }

    pub(super) fn has_room(&self) -> bool {
        self.waiting.len() < PAUSED_QUEUE_MAX
    }

    /// When the stack next needs attention; never while the host handles nothing.
    pub(super) fn poll_timeout(&mut self) -> Option<SimTime> {
        match self.running {
            Running::Up => self.stack.poll_timeout(),
            Running::Paused | Running::Down => None,
        }
    }
}

/// A packet under way, with its number.
#[derive(Clone, Debug)]
pub(super) struct Transit {
    pub(super) from: HostId,
    pub(super) to: HostId,
    pub(super) number: u64,
    pub(super) packet: Packet,
}
