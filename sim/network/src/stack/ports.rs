//! Dynamic source ports.

use std::ops::RangeInclusive;

use indexmap::IndexMap;

use crate::error::SocketError;
use crate::hash::FixedState;
use crate::random::Stream;

/// Which local ports outgoing connections hold, and the choice of the next one.
#[derive(Debug)]
pub(super) struct Ports {
    range: RangeInclusive<u16>,
    random: Stream,
    /// Outgoing connections by local port.
    held: IndexMap<u16, u32, FixedState>,
}

impl Ports {
    pub(super) fn new(range: RangeInclusive<u16>, random: Stream) -> Self {
        Self {
            range,
            random,
            held: IndexMap::default(),
        }
    }

    /// A port of the range that is not `taken`, from an unpredictable place on (RFC 6056).
    pub(super) fn choose(&mut self, taken: impl Fn(u16) -> bool) -> Option<u16> {
        let (first, last) = (u64::from(*self.range.start()), u64::from(*self.range.end()));
        let count = last - first + 1;
        let start = self.random.below(count);
        (0..count)
            .map(|step| (first + (start + step) % count) as u16)
            .find(|&port| !taken(port))
    }

    /// A port of the range that is neither `taken` nor held by any outgoing connection.
    pub(super) fn choose_free(&mut self, taken: impl Fn(u16) -> bool) -> Result<u16, SocketError> {
        let held = std::mem::take(&mut self.held);
        let port = self.choose(|port| taken(port) || held.contains_key(&port));
        self.held = held;
        port.ok_or(SocketError::AddrNotAvailable)
    }

    pub(super) fn hold(&mut self, port: u16) {
        *self.held.entry(port).or_insert(0) += 1;
    }

    pub(super) fn release(&mut self, port: u16) {
        if let Some(count) = self.held.get_mut(&port) {
            *count -= 1;
            if *count == 0 {
                self.held.swap_remove(&port);
            }
        }
    }

    /// Whether an outgoing connection holds the port, so that nothing may listen on it.
    pub(super) fn is_held(&self, port: u16) -> bool {
        self.held.contains_key(&port)
    }

    pub(super) fn clear(&mut self) {
        self.held.clear();
    }
}
