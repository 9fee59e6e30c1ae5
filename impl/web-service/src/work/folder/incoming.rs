//! One file that arrives.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;

use super::disk::{are_equal, storage};
use super::{Shelves, UNIT_OCTETS, WAITING_OCTETS_MAX, stored};
use crate::message::{FileName, Guid};
use crate::work::blocking::{Stopped, blocking};
use crate::work::disk::sync_directory;
use crate::work::located::Located as _;
use crate::work::{DepotError, Kept, Upload};

/// How many pieces of one file may wait for the disk.
const WAITING_PIECES_MAX: usize = 8;

/// After how many octets those before are sent to the disk, so that little is left to do at the
/// end.
const SYNC_OCTETS: u64 = 32 << 20;

/// A file on its way into a [`TemporaryFolder`](super::TemporaryFolder).
///
/// A thread writes what arrives while more is read. Dropped before its end, the file is removed by
/// that thread.
#[derive(Debug)]
pub struct Incoming {
    pub(super) steps: mpsc::Sender<Step>,
    pub(super) writing: JoinHandle<Result<Kept, DepotError>>,
    room: Arc<Semaphore>,
}

#[derive(Debug)]
pub(super) enum Step {
    /// These octets are next, and count as waiting until they are written.
    Write(Bytes, OwnedSemaphorePermit),
    /// That was all.
    Commit,
}

impl Incoming {
    pub(super) async fn begin(
        shelves: Arc<Shelves>,
        job: Guid,
        name: FileName,
    ) -> Result<Self, DepotError> {
        let room = Arc::clone(&shelves.room);
        let open = move |_: &Stopped| Arriving::open(shelves, job, name).map_err(storage);
        let file = blocking(open).await?;
        let (steps, coming) = mpsc::channel(WAITING_PIECES_MAX);
        #[expect(
            clippy::disallowed_methods,
            reason = "real files, which no simulated run uses"
        )]
        let writing = tokio::task::spawn_blocking(move || file.receive(coming));
        Ok(Self {
            steps,
            writing,
            room,
        })
    }

    /// Why the thread takes no more steps.
    async fn failure(&mut self) -> DepotError {
        match (&mut self.writing).await {
            Ok(Err(error)) => error,
            Ok(Ok(_)) | Err(_) => DepotError::Storage,
        }
    }
}

impl Upload for Incoming {
    async fn write(&mut self, octets: Bytes) -> Result<(), DepotError> {
        // Whatever is larger than all the room has to have it alone.
        let units = octets.len().min(WAITING_OCTETS_MAX).div_ceil(UNIT_OCTETS);
        let units = u32::try_from(units).unwrap_or(u32::MAX);
        let permit = Arc::clone(&self.room).acquire_many_owned(units).await;
        let permit = permit.map_err(|_| DepotError::Storage)?;
        match self.steps.send(Step::Write(octets, permit)).await {
            Ok(()) => Ok(()),
            Err(_) => Err(self.failure().await),
        }
    }

    async fn commit(mut self) -> Result<Kept, DepotError> {
        if self.steps.send(Step::Commit).await.is_err() {
            return Err(self.failure().await);
        }
        (&mut self.writing)
            .await
            .unwrap_or(Err(DepotError::Storage))
    }
}

/// The file itself, on its thread; removed when it is dropped before it is in its place.
struct Arriving {
    shelves: Arc<Shelves>,
    job: Guid,
    name: FileName,
    path: PathBuf,
    file: Arc<File>,
    /// Octets written since the last were sent to the disk.
    unsynced: u64,
    syncing: Option<JoinHandle<io::Result<()>>>,
}

impl Arriving {
    fn open(shelves: Arc<Shelves>, job: Guid, name: FileName) -> io::Result<Self> {
        let path = shelves.fresh();
        let file = File::options().write(true).create_new(true).open(&path);
        let file = file.at(&path)?;
        Ok(Self {
            shelves,
            job,
            name,
            path,
            file: Arc::new(file),
            unsynced: 0,
            syncing: None,
        })
    }

    /// Takes steps until the last one, or until nobody is there who could take one.
    fn receive(mut self, mut steps: mpsc::Receiver<Step>) -> Result<Kept, DepotError> {
        while let Some(step) = steps.blocking_recv() {
            match step {
                Step::Write(octets, permit) => {
                    self.write(&octets).map_err(storage)?;
                    drop((octets, permit));
                }
                Step::Commit => return self.put_in_place(),
            }
        }
        Err(DepotError::Storage)
    }

    fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        (&*self.file).write_all(octets).at(&self.path)?;
        let octets = u64::try_from(octets.len()).unwrap_or(u64::MAX);
        self.unsynced = self.unsynced.saturating_add(octets);
        let is_free = self.syncing.as_ref().is_none_or(JoinHandle::is_finished);
        if self.unsynced >= SYNC_OCTETS && is_free {
            self.unsynced = 0;
            let file = Arc::clone(&self.file);
            #[expect(
                clippy::disallowed_methods,
                reason = "real files, which no simulated run uses"
            )]
            let syncing = tokio::task::spawn_blocking(move || file.sync_data());
            self.syncing = Some(syncing);
        }
        Ok(())
    }

    /// Gives the file its name; durable when it returns.
    fn put_in_place(self) -> Result<Kept, DepotError> {
        self.file.sync_all().at(&self.path).map_err(storage)?;
        let folder = self.shelves.of_job(self.job);
        let _names = self.shelves.lock_names();
        let files = stored(&folder).map_err(storage)?;
        let folded = self.name.folded();
        let same = files.iter().find(|file| file.name.folded() == folded);
        if let Some(same) = same {
            let place = folder.join(same.name.as_str());
            return if are_equal(&self.path, &place).map_err(storage)? {
                // It may be there only since a moment before a crash.
                sync_names(&self.shelves.root, &folder).map_err(storage)?;
                Ok(Kept::Already)
            } else {
                Err(DepotError::Different)
            };
        }
        let place = folder.join(self.name.as_str());
        fs::create_dir_all(&folder).at(&folder).map_err(storage)?;
        fs::rename(&self.path, &place).at(&place).map_err(storage)?;
        sync_names(&self.shelves.root, &folder).map_err(storage)?;
        Ok(Kept::Now)
    }
}

/// Makes durable that a folder is there and what is in it.
fn sync_names(root: &Path, folder: &Path) -> io::Result<()> {
    sync_directory(folder)?;
    sync_directory(root)
}

impl Drop for Arriving {
    fn drop(&mut self) {
        // Once it is in its place there is nothing here, and what stays is removed at the next
        // start.
        fs::remove_file(&self.path).ok();
    }
}
