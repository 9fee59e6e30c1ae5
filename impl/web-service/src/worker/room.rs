//! Room for messages that are being read.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What is no longer than this needs no room of its own: there is one message a connection.
const SMALL_OCTETS: u64 = 16 << 10;

/// The unit in which room is counted.
const UNIT_OCTETS: u64 = 1 << 10;

/// All the room, in units: 64 MiB.
const UNIT_COUNT: u32 = 64 << 10;

/// Bounds the memory of large messages, whatever the number of connections. A client that sends one
/// and does not end it holds its room for the message timer at most.
#[derive(Clone, Debug)]
pub(super) struct MessageRoom(Arc<Semaphore>);

impl MessageRoom {
    pub(super) fn new() -> Self {
        let units = usize::try_from(UNIT_COUNT).unwrap_or(usize::MAX);
        Self(Arc::new(Semaphore::new(units)))
    }

    /// Waits for room for a message; one larger than all of it waits until it is empty.
    pub(super) async fn enter(&self, octets: u64) -> Option<OwnedSemaphorePermit> {
        if octets <= SMALL_OCTETS {
            return None;
        }
        let units = u32::try_from(octets.div_ceil(UNIT_OCTETS)).unwrap_or(u32::MAX);
        let permits = Arc::clone(&self.0);
        permits.acquire_many_owned(units.min(UNIT_COUNT)).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn large_messages_wait_for_each_other_and_small_ones_for_nobody() {
        let (room, wait) = (MessageRoom::new(), Duration::from_secs(1));
        let all = room.enter(u64::MAX).await;
        assert!(all.is_some());
        assert!(timeout(wait, room.enter(SMALL_OCTETS)).await.is_ok());
        assert!(timeout(wait, room.enter(SMALL_OCTETS + 1)).await.is_err());
        drop(all);
        let halves = [room.enter(32 << 20).await, room.enter(32 << 20).await];
        assert!(timeout(wait, room.enter(SMALL_OCTETS + 1)).await.is_err());
        drop(halves);
    }
}
