//! Where an object belongs, and the one step that puts it there.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::Stopped;
use super::compare::is_object;
use super::disk::{is_there, storage, sync_directory};
use super::staging::Staging;
use crate::message::Digest;
use crate::work::{Job, PayloadError, RelativePath};

/// Where one object belongs.
pub(super) struct Place {
    inbox: PathBuf,
    /// The directory of everything that came from its sender.
    home: PathBuf,
    place: PathBuf,
    receipt: Receipt,
    digest: Digest,
}

impl Place {
    /// The place of a job's object below `inbox`.
    ///
    /// # Errors
    /// A task's id is chosen by its sender: it has to pass as a file name here.
    pub(super) fn of(inbox: &Path, job: &Job, digest: Digest) -> Result<Self, PayloadError> {
        let name = RelativePath::new(job.task.as_str()).map_err(PayloadError::Path)?;
        let sender = RelativePath::new(job.from.as_str()).map_err(PayloadError::Path)?;
        let home = inbox.join(sender.as_str());
        let receipts = inbox.join(".receipts").join(sender.as_str());
        Ok(Self {
            inbox: inbox.to_owned(),
            place: home.join(name.as_str()),
            home,
            receipt: Receipt::new(receipts, &name, digest),
            digest,
        })
    }

    /// Puts the object in its place and lets go of what is staged; durable when it returns.
    pub(super) fn take(
        &self,
        staging: &Staging,
        parts: u32,
        stop: &Stopped,
    ) -> Result<(), PayloadError> {
        let is_taken = is_there(&self.place).map_err(storage)?;
        // The receipt is written before the first part is let go of, and is asked only when one is
        // missing: as long as all are here, what is in place can be compared with them.
        let complete = is_taken.then(|| staging.complete(parts)).flatten();
        if !is_taken || complete.is_some() || !self.receipt.is_written() {
            match complete {
                // The host stopped between the rename and the receipt, or this is not ours.
                Some(layout) => {
                    let digest = self.digest;
                    if !is_object(&self.place, &layout, parts, digest).map_err(storage)? {
                        return Err(PayloadError::TargetExists);
                    }
                }
                None => {
                    let tree = staging.assembled(parts, stop)?;
                    if is_taken {
                        return Err(PayloadError::TargetExists);
                    }
                    fs::create_dir_all(&self.home).map_err(storage)?;
                    stop.check()?;
                    fs::rename(&tree, &self.place).map_err(taken_or_storage)?;
                }
            }
            self.finish().map_err(storage)?;
        }
        staging.let_go().map_err(storage)
    }

    /// Makes the rename durable and writes the receipt.
    fn finish(&self) -> io::Result<()> {
        sync_directory(&self.home)?;
        self.receipt.write()?;
        // The two directories may be new themselves.
        sync_directory(&self.inbox.join(".receipts"))?;
        sync_directory(&self.inbox)
    }
}

/// The proof that an object was put in place: a file apart from what was, with its digest.
struct Receipt {
    directory: PathBuf,
    path: PathBuf,
    digest: String,
}

impl Receipt {
    fn new(directory: PathBuf, name: &RelativePath, digest: Digest) -> Self {
        Self {
            path: directory.join(name.as_str()),
            directory,
            digest: digest.to_string(),
        }
    }

    fn is_written(&self) -> bool {
        let written = fs::read(&self.path);
        written.is_ok_and(|written| written == self.digest.as_bytes())
    }

    fn write(&self) -> io::Result<()> {
        fs::create_dir_all(&self.directory)?;
        let mut file = File::create(&self.path)?;
        file.write_all(self.digest.as_bytes())?;
        file.sync_all()?;
        sync_directory(&self.directory)
    }
}

/// Why a tree could not take its place: something has got there since it was looked at.
fn taken_or_storage(error: io::Error) -> PayloadError {
    if matches!(
        error.kind(),
        io::ErrorKind::AlreadyExists
            | io::ErrorKind::DirectoryNotEmpty
            | io::ErrorKind::NotADirectory
    ) {
        PayloadError::TargetExists
    } else {
        storage(error)
    }
}
