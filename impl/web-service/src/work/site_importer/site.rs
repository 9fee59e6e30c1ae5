//! The directory of a site collection, and what an import places into it.
//!
//! Beside what was placed there is `.portcullis`, which no object can be called: `objects` has a
//! record for each place that an import has taken, which says whose it is, and what is being
//! written bears the name of its job until it is complete.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::storage;
use super::working::WorkingFolder;
use crate::message::Guid;
use crate::work::ImportFailure;
use crate::work::blocking::{Abandoned, Stopped};
use crate::work::disk::{found, make_directory, sync_directory};
use crate::work::located::{Located as _, located};
use crate::work::manifest::{ContentObject, Digest, ObjectContent, SitePath};
use crate::work::turns::lock;

/// How much of a file is copied at a time.
const PIECE_OCTETS: usize = 64 << 10;

/// The directory of one site collection.
#[derive(Debug)]
pub(super) struct Site {
    directory: PathBuf,
    /// Held while an object is placed, so that two jobs cannot both find a place free.
    placing: Mutex<()>,
}

/// Why an object is not in its place.
pub(super) enum PlaceProblem {
    /// The working folder lacks it, or has something else.
    Lost,
    /// It cannot be placed.
    Failure(ImportFailure),
}

impl From<ImportFailure> for PlaceProblem {
    fn from(failure: ImportFailure) -> Self {
        Self::Failure(failure)
    }
}

impl From<Abandoned> for PlaceProblem {
    fn from(abandoned: Abandoned) -> Self {
        Self::Failure(abandoned.into())
    }
}

impl From<io::Error> for PlaceProblem {
    fn from(error: io::Error) -> Self {
        Self::Failure(storage(error))
    }
}

impl From<PlaceProblem> for ImportFailure {
    fn from(problem: PlaceProblem) -> Self {
        match problem {
            PlaceProblem::Lost => Self::Storage,
            PlaceProblem::Failure(failure) => failure,
        }
    }
}

/// Whose a place is.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    id: Guid,
    path: SitePath,
}

impl Site {
    pub(super) const fn new(directory: PathBuf) -> Self {
        let placing = Mutex::new(());
        Self { directory, placing }
    }

    /// Puts an object in its place; durable when it returns. What an earlier import has placed
    /// there under the same id is replaced, anything else stays.
    pub(super) fn place(
        &self,
        job: Guid,
        object: &ContentObject,
        working: &WorkingFolder,
        stopped: &Stopped,
    ) -> Result<(), PlaceProblem> {
        let _alone = lock(&self.placing);
        stopped.check()?;
        make_directory(&self.records())?;
        self.take_place(job, object)?;
        let target = object.path.below(&self.directory);
        match &object.content {
            ObjectContent::Folder => make_directory(&target)?,
            ObjectContent::File {
                file,
                octets,
                sha256,
            } => {
                let source = working.file(file);
                let new = self.unfinished(job);
                copy(&source, &new, (*octets, *sha256), stopped)?;
                fs::rename(&new, &target).at(&target)?;
                target.parent().map_or(Ok(()), sync_directory)?;
            }
        }
        Ok(())
    }

    /// Removes what a job has left behind unfinished.
    pub(super) fn clean(&self, job: Guid) {
        let _alone = lock(&self.placing);
        // Whatever stays is replaced when the job, or one of its name, writes again.
        let _left_over = fs::remove_file(self.unfinished(job)).is_err();
    }

    /// Makes sure that the place is free or the object's own, and records that it is.
    fn take_place(&self, job: Guid, object: &ContentObject) -> Result<(), PlaceProblem> {
        self.check_way(&object.path)?;
        let there = found(&object.path.below(&self.directory))?;
        let fits = there.as_ref().is_none_or(|there| match object.content {
            ObjectContent::Folder => there.is_dir(),
            ObjectContent::File { .. } => there.is_file(),
        });
        if !fits {
            return Err(ImportFailure::TargetExists.into());
        }
        let ours = Record {
            id: object.id,
            path: object.path.clone(),
        };
        let record_at = self.records().join(object.path.key().to_string());
        let is_taken = match record(&record_at)? {
            Some(record) if record == ours => return Ok(()),
            // Another object, or this one in other letters, which may be gone.
            Some(other) => there.is_some() || found(&other.path.below(&self.directory))?.is_some(),
            // No import has placed it.
            None => there.is_some(),
        };
        if is_taken {
            return Err(ImportFailure::TargetExists.into());
        }
        let new = self.unfinished(job);
        let mut file = create(&new)?;
        let written = file.write_all(&serde_json::to_vec(&ours).map_err(io::Error::from)?);
        written.and_then(|()| file.sync_all()).at(&new)?;
        fs::rename(&new, &record_at).at(&record_at)?;
        sync_directory(&self.records())?;
        Ok(())
    }

    /// Everything on the way to a path is a folder. Links are not followed, wherever they lead.
    fn check_way(&self, path: &SitePath) -> Result<(), PlaceProblem> {
        let mut above = path.parent();
        while let Some(folder) = above {
            match found(&folder.below(&self.directory))? {
                Some(there) if there.is_dir() => {}
                Some(_) => return Err(ImportFailure::TargetExists.into()),
                // It was placed before; somebody has removed it.
                None => {
                    let gone = io::Error::from(ErrorKind::NotFound);
                    return Err(located(&folder.below(&self.directory), &gone).into());
                }
            }
            above = folder.parent();
        }
        Ok(())
    }

    fn records(&self) -> PathBuf {
        self.directory.join(".portcullis").join("objects")
    }

    /// What a job is writing, in the file system of the site.
    fn unfinished(&self, job: Guid) -> PathBuf {
        self.directory.join(".portcullis").join(job.to_string())
    }
}

/// The record of a place, if there is one.
fn record(path: &Path) -> io::Result<Option<Record>> {
    match fs::read(path) {
        Ok(record) => {
            let record = serde_json::from_slice(&record).map_err(io::Error::from);
            record.at(path)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).at(path),
    }
}

/// A new file in the place of what may be there unfinished.
fn create(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error).at(path),
        Ok(()) | Err(_) => {}
    }
    File::create_new(path).at(path)
}

/// Copies a decompressed file, which must still be what the manifest said; durable when it returns.
fn copy(
    from: &Path,
    to: &Path,
    expected: (u64, Digest),
    stopped: &Stopped,
) -> Result<(), PlaceProblem> {
    let mut source = match File::open(from) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(PlaceProblem::Lost),
        opened => opened.at(from)?,
    };
    let mut target = create(to)?;
    let mut hash = Sha256::new();
    let mut octets = 0_u64;
    let mut piece = vec![0; PIECE_OCTETS];
    loop {
        stopped.check()?;
        let count = source.read(&mut piece).at(from)?;
        let piece = piece.get(..count).unwrap_or_default();
        if piece.is_empty() {
            break;
        }
        hash.update(piece);
        target.write_all(piece).at(to)?;
        octets = octets.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
    }
    if (octets, Digest::finished(hash)) != expected {
        return Err(PlaceProblem::Lost);
    }
    target.sync_all().at(to)?;
    Ok(())
}
