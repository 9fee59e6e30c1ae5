//! Room for messages that are being read.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What is no longer than this needs no room of its own: there is one message a connection.
pub(super) const SMALL_OCTETS: usize = 16 << 10;

/// The unit in which room is counted.
const UNIT_OCTETS: usize = 1 << 10;

/// Bounds the memory of large messages, whatever the number of connections. A client that sends one
/// and does not end it holds its room for the message timer at most.
///
/// A message takes all the room that it may need at once, or none: nobody waits for anybody.
#[derive(Clone, Debug)]
pub(super) struct MessageRoom {
    permits: Arc<Semaphore>,
    /// All the room.
    units: u32,
}

impl MessageRoom {
    /// Room for `octets_max` octets.
    pub(super) fn new(octets_max: usize) -> Self {
        let units = units(octets_max);
        let count = usize::try_from(units).unwrap_or(usize::MAX);
        let permits = Arc::new(Semaphore::new(count.min(Semaphore::MAX_PERMITS)));
        Self { permits, units }
    }

    /// Takes room for a message, if there is any; one larger than all of it has it alone.
    pub(super) fn take(&self, octets: usize) -> Result<Option<OwnedSemaphorePermit>, NoRoom> {
        if octets <= SMALL_OCTETS {
            return Ok(None);
        }
        let units = units(octets).min(self.units);
        let taken = Arc::clone(&self.permits).try_acquire_many_owned(units);
        taken.map(Some).map_err(|_| NoRoom)
    }
}

/// Other messages have the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoRoom;

fn units(octets: usize) -> u32 {
    u32::try_from(octets.div_ceil(UNIT_OCTETS))
        .unwrap_or(u32::MAX)
        .max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_messages_share_the_room_and_small_ones_need_none() {
        let room = MessageRoom::new(64 << 20);
        let all = room.take(usize::MAX).unwrap();
        assert!(all.is_some());
        assert!(room.take(SMALL_OCTETS).unwrap().is_none());
        assert!(room.take(SMALL_OCTETS + 1).is_err());
        drop(all);
        let halves = [room.take(32 << 20), room.take(32 << 20)];
        assert!(halves.iter().all(Result::is_ok));
        assert!(room.take(SMALL_OCTETS + 1).is_err());
        drop(halves);
        assert!(room.take(SMALL_OCTETS + 1).is_ok());
    }

    #[test]
    fn there_is_always_room_for_one() {
        let room = MessageRoom::new(0);
        let one = room.take(1 << 20);
        assert!(one.is_ok() && room.take(1 << 20).is_err());
    }
}
