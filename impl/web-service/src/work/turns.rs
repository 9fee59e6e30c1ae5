//! One user at a time of what has a name.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A lock for each of many things; nothing is kept of those that nobody uses.
#[derive(Debug)]
pub(super) struct Turns<K>(Mutex<BTreeMap<K, Arc<Mutex<()>>>>);

impl<K> Default for Turns<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Copy + Ord> Turns<K> {
    /// Does something while nobody else uses `thing`; waits for who does. Blocks.
    pub(super) fn alone<T>(&self, thing: K, work: impl FnOnce() -> T) -> T {
        let busy = Arc::clone(lock(&self.0).entry(thing).or_default());
        let done = {
            let _alone = lock(&busy);
            work()
        };
        let mut things = lock(&self.0);
        // One is in the map, one is ours: nobody waits.
        if Arc::strong_count(&busy) <= 2 {
            things.remove(&thing);
        }
        done
    }
}

/// What it protects is on the disk, where a panic leaves nothing that the next user cannot see.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
