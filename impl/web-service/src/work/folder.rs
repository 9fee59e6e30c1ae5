//! The real depot: a folder of the operating system.
//!
//! What blocks runs on the runtime's threads for that: one for each upload under way.

#![expect(
    clippy::disallowed_types,
    reason = "the side of the work seam that has real files"
)]

mod disk;
mod incoming;
#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

use super::blocking::blocking;
use super::disk::{found, remove, sync_directory};
use super::located::Located as _;
use super::{Depot, DepotError, StoredFile};
use crate::message::{FileName, Guid};
use disk::storage;
pub use incoming::Incoming;

/// Where files are until they are whole. No job and no file has such a name.
const INCOMING: &str = ".incoming";

/// The unit in which waiting octets are counted.
const UNIT_OCTETS: usize = 1024;

/// How much may wait for the disk, in all uploads together.
const WAITING_OCTETS_MAX: usize = 1 << 20;

/// The temporary folder of an import server (CD-44): below it one folder for each import job, named
/// after the job, and in it the job's files.
///
/// A file is received beside these folders, on the same file system, and put in its place by one
/// rename when all of it is on the disk. Names that differ in case only are one name, as on the
/// file systems of the product. One process at a time may use a folder.
///
/// Memory does not grow with the length of files or the number of uploads: all uploads together
/// have at most 1 MiB waiting for the disk.
#[derive(Clone, Debug)]
pub struct TemporaryFolder(Arc<Shelves>);

#[derive(Debug)]
struct Shelves {
    root: PathBuf,
    /// The number of the next file that arrives.
    next: AtomicU64,
    /// Room for what waits for the disk.
    room: Arc<Semaphore>,
    /// Locked as long as this process uses the folder.
    _lock: fs::File,
    /// Held while files get their names, so that of two with one name the second sees the first.
    naming: Mutex<()>,
}

impl TemporaryFolder {
    /// The folder at `root`, made if it is not there. What a process that crashed was receiving is
    /// removed. Blocks.
    ///
    /// # Errors
    /// When the folder cannot be made or written in, another process uses it, or it has something
    /// in it and was never such a folder: what is in one may be removed.
    pub fn open(root: impl Into<PathBuf>) -> io::Result<Self> {
        let root = root.into();
        let lock = lock(&root)?;
        let incoming = root.join(INCOMING);
        remove(&incoming)?;
        fs::create_dir_all(&incoming).at(&incoming)?;
        sync_directory(&root)?;
        Ok(Self(Arc::new(Shelves {
            root,
            _lock: lock,
            next: AtomicU64::new(0),
            room: Arc::new(Semaphore::new(WAITING_OCTETS_MAX / UNIT_OCTETS)),
            naming: Mutex::new(()),
        })))
    }

    /// The folder of a job, whether it is there or not.
    #[must_use]
    pub fn of_job(&self, job: Guid) -> PathBuf {
        self.0.of_job(job)
    }
}

/// The folder's lock, which also marks it as one.
const LOCK: &str = ".lock";

/// Takes a folder for this process.
fn lock(root: &Path) -> io::Result<fs::File> {
    fs::create_dir_all(root).at(root)?;
    let path = root.join(LOCK);
    if found(&path)?.is_none() && fs::read_dir(root).at(root)?.next().is_some() {
        let why = "it is not empty, and no temporary folder";
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, why));
    }
    let lock = fs::File::options().create(true).append(true).open(&path);
    let lock = lock.at(&path)?;
    lock.try_lock().map_err(|error| match error {
        fs::TryLockError::WouldBlock => {
            io::Error::new(io::ErrorKind::ResourceBusy, "another process uses it")
        }
        fs::TryLockError::Error(error) => error,
    })?;
    Ok(lock)
}

impl Shelves {
    fn of_job(&self, job: Guid) -> PathBuf {
        self.root.join(job.to_string())
    }

    /// A path that no other file that arrives has.
    fn fresh(&self) -> PathBuf {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.root.join(INCOMING).join(format!("{number}.part"))
    }

    fn lock_names(&self) -> MutexGuard<'_, ()> {
        self.naming.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Depot for TemporaryFolder {
    type Upload = Incoming;

    async fn begin(&self, job: Guid, name: &FileName) -> Result<Incoming, DepotError> {
        Incoming::begin(Arc::clone(&self.0), job, name.clone()).await
    }

    async fn list(&self, job: Guid) -> Result<Vec<StoredFile>, DepotError> {
        let folder = self.of_job(job);
        blocking(move |_| {
            let mut files = stored(&folder).map_err(storage)?;
            files.sort_by(|one, other| one.name.cmp(&other.name));
            Ok(files)
        })
        .await
    }

    async fn remove(&self, job: Guid) -> Result<(), DepotError> {
        let shelves = Arc::clone(&self.0);
        blocking(move |_| {
            let _names = shelves.lock_names();
            remove(&shelves.of_job(job)).map_err(storage)?;
            sync_directory(&shelves.root).map_err(storage)
        })
        .await
    }

    async fn jobs(&self) -> Result<Vec<Guid>, DepotError> {
        let shelves = Arc::clone(&self.0);
        blocking(move |_| {
            let mut jobs = jobs_in(&shelves.root).map_err(storage)?;
            jobs.sort_unstable();
            Ok(jobs)
        })
        .await
    }
}

/// The files of a folder, in any order; none when it is not there. What has a name that no upload
/// can have is not ours.
fn stored(folder: &Path) -> io::Result<Vec<StoredFile>> {
    if found(folder)?.is_none() {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).at(folder)? {
        let entry = entry.at(folder)?;
        let metadata = entry.metadata().at(&entry.path())?;
        let name = entry.file_name().to_str().map(FileName::new);
        if let (true, Some(Ok(name))) = (metadata.is_file(), name) {
            let octets = metadata.len();
            files.push(StoredFile { name, octets });
        }
    }
    Ok(files)
}

fn jobs_in(root: &Path) -> io::Result<Vec<Guid>> {
    let mut jobs = Vec::new();
    for entry in fs::read_dir(root).at(root)? {
        let entry = entry.at(root)?;
        let name = entry.file_name();
        let job = name.to_str().and_then(|name| name.parse().ok());
        if let (true, Some(job)) = (entry.file_type().at(&entry.path())?.is_dir(), job) {
            jobs.push(job);
        }
    }
    Ok(jobs)
}
