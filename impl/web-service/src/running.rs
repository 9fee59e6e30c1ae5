//! What a timer service runs itself.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// What runs here, by its id. Clones are handles to the same set.
#[derive(Clone, Debug)]
pub(crate) struct Running<K> {
    ids: Arc<Mutex<BTreeSet<K>>>,
    ended: Arc<Notify>,
}

impl<K> Default for Running<K> {
    fn default() -> Self {
        Self {
            ids: Arc::default(),
            ended: Arc::default(),
        }
    }
}

impl<K: Copy + Ord> Running<K> {
    /// Notes that `id` runs here, until the note is dropped.
    pub(crate) fn begin(&self, id: K) -> Note<K> {
        self.lock().insert(id);
        Note {
            running: self.clone(),
            id,
        }
    }

    /// Whether `id` runs here.
    pub(crate) fn contains(&self, id: &K) -> bool {
        self.lock().contains(id)
    }

    /// How much runs here.
    pub(crate) fn count(&self) -> usize {
        self.lock().len()
    }

    /// Returns when something has ended since the last call; for one caller.
    pub(crate) async fn ended(&self) {
        self.ended.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<K>> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The note that something runs here.
#[must_use = "what it notes has ended when it is dropped"]
pub(crate) struct Note<K: Copy + Ord> {
    running: Running<K>,
    id: K,
}

impl<K: Copy + Ord> Drop for Note<K> {
    fn drop(&mut self) {
        self.running.lock().remove(&self.id);
        self.running.ended.notify_one();
    }
}
