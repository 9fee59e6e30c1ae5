//! The real payload: directories of the operating system.
//!
//! What blocks runs on the runtime's threads for that, in one call for each part.

#![expect(
    clippy::disallowed_types,
    reason = "the side of the work seam that has real files"
)]

mod compare;
mod disk;
#[cfg(test)]
mod in_place;
mod listing;
mod place;
mod staging;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::{Job, Manifest, Payload, PayloadError, RelativePath, SourceError};
use crate::message::{Digest, ObjectId};
use place::Place;
use staging::Staging;

/// Reads what is sent from anywhere the operator names, and puts what is received below one
/// directory, the inbox.
///
/// A transfer from environment `dev` as task `t1` is put in place as `dev/t1` below the inbox.
/// Until then it is kept in `.staging` below the inbox, on the same file system, so that one rename
/// puts a whole transfer in place. A receipt in `.receipts` tells afterwards that it was this agent
/// that did so.
///
/// Once the manifest has come, parts of large files are written where they belong in the tree that
/// will be renamed, so each octet is written once. Other parts are kept as files of their own until
/// the end.
#[derive(Clone, Debug)]
pub struct Files {
    inbox: PathBuf,
    /// The objects that are being received.
    receiving: Arc<Mutex<BTreeMap<ObjectId, Arc<Staging>>>>,
}

/// How many objects are remembered between two of their parts, those that are being written at the
/// moment apart; what is forgotten is read from the disk again.
const REMEMBERED: usize = 4;

impl Files {
    /// A payload with the given inbox, which is made when it is first needed.
    #[must_use]
    pub fn new(inbox: impl Into<PathBuf>) -> Self {
        Self {
            inbox: inbox.into(),
            receiving: Arc::default(),
        }
    }

    /// What has come of an object.
    fn staging(&self, object: &ObjectId) -> Arc<Staging> {
        let mut receiving = self.lock();
        if let Some(staging) = receiving.get(object) {
            return Arc::clone(staging);
        }
        // Two of the same object would not know of each other, so what is in use stays.
        let idle = receiving.iter().filter(|(_, s)| Arc::strong_count(s) == 1);
        let idle: Vec<_> = idle.map(|(object, _)| object.clone()).collect();
        for object in idle.iter().skip(REMEMBERED.saturating_sub(1)) {
            receiving.remove(object);
        }
        let staging = Arc::new(Staging::new(&self.inbox, object));
        receiving.insert(object.clone(), Arc::clone(&staging));
        staging
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<ObjectId, Arc<Staging>>> {
        self.receiving
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Payload for Files {
    async fn list(&self, source: &str) -> Result<Manifest, SourceError> {
        let source = PathBuf::from(source);
        let lost = listing::named(&source, PayloadError::Unreadable);
        blocking(move || listing::list(&source), lost).await
    }

    async fn read(
        &self,
        source: &str,
        file: &RelativePath,
        offset: u64,
        length: usize,
    ) -> Result<Bytes, PayloadError> {
        let path = Path::new(source).join(file.as_str());
        let read = move || listing::read(&path, offset, length);
        blocking(read, PayloadError::Unreadable).await
    }

    async fn stage(
        &self,
        object: &ObjectId,
        number: u32,
        octets: Bytes,
    ) -> Result<(), PayloadError> {
        let staging = self.staging(object);
        let keep = move || staging.keep(number, &octets).map_err(disk::storage);
        blocking(keep, PayloadError::Storage).await
    }

    async fn commit(
        &self,
        object: &ObjectId,
        parts: u32,
        digest: Digest,
        job: &Job,
    ) -> Result<(), PayloadError> {
        let place = Place::of(&self.inbox, job, digest)?;
        let staging = self.staging(object);
        let (stop, stopped) = Stop::new();
        let commit = move || place.take(&staging, parts, &stopped);
        let committed = blocking(commit, PayloadError::Storage).await;
        drop(stop);
        if committed.is_ok() {
            self.lock().remove(object);
        }
        committed
    }
}

/// Runs `work` where it may block; `lost` is what it means when that cannot be.
#[expect(
    clippy::disallowed_methods,
    reason = "real files, which no simulated run uses"
)]
async fn blocking<T: Send + 'static, E: Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
    lost: E,
) -> Result<T, E> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|_| Err(lost))
}

/// Tells blocking work, which goes on when its future is dropped, that nobody waits for it.
struct Stop(Stopped);

/// Whether nobody waits any more.
#[derive(Clone)]
struct Stopped(Arc<AtomicBool>);

impl Stop {
    fn new() -> (Self, Stopped) {
        let stopped = Stopped(Arc::default());
        (Self(stopped.clone()), stopped)
    }
}

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Release);
    }
}

impl Stopped {
    /// Ends work that nobody waits for.
    ///
    /// # Errors
    /// Which one does not matter: nobody reads it.
    fn check(&self) -> Result<(), PayloadError> {
        if self.0.load(Ordering::Acquire) {
            Err(PayloadError::Storage)
        } else {
            Ok(())
        }
    }
}
