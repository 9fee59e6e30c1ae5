//! How much of large frames may be in memory at a time.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::Limits;

/// What one permit stands for.
const UNIT_OCTETS: usize = 1024;

/// Room for frames above the control limit, counted in octets: many small parts or a few large ones
/// take the same memory.
#[derive(Clone, Debug)]
pub(crate) struct LargeFrames {
    permits: Arc<Semaphore>,
    all: u32,
}

impl LargeFrames {
    /// Empty room.
    pub(crate) fn new(limits: Limits) -> Self {
        let all = units(limits.part_frames_held_max).max(1);
        let permits = Arc::new(Semaphore::new(usize::try_from(all).unwrap_or(1)));
        Self { permits, all }
    }

    /// Waits for room for a frame; one larger than all of it waits until it is empty.
    pub(super) async fn enter(&self, octets: usize) -> Option<OwnedSemaphorePermit> {
        let wanted = units(octets).min(self.all);
        let permits = Arc::clone(&self.permits);
        permits.acquire_many_owned(wanted).await.ok()
    }
}

fn units(octets: usize) -> u32 {
    u32::try_from(octets.div_ceil(UNIT_OCTETS)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn frames_enter_as_long_as_their_octets_fit() {
        let room = LargeFrames::new(Limits {
            part_frames_held_max: 10 * UNIT_OCTETS,
            ..Limits::default()
        });
        let wait = Duration::from_secs(1);
        let small = room.enter(4 * UNIT_OCTETS).await;
        let other = room.enter(6 * UNIT_OCTETS).await;
        assert!(timeout(wait, room.enter(1)).await.is_err());
        drop((small, other));
        let large = timeout(wait, room.enter(100 * UNIT_OCTETS)).await;
        assert!(large.is_ok(), "what is larger than the room is alone in it");
    }
}
