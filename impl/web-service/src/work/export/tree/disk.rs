//! Where things are below the export directory, and how they get there.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::message::FileName;
pub(super) use crate::work::disk::{make_directory, remove, sync_directory};
use crate::work::export::RunId;
use crate::work::located::Located as _;
use crate::work::pack::Stamp;

/// The end of the name of a folder that is not complete.
const UNFINISHED: &str = "part";

/// What is being recorded.
const NEW: &str = ".new";

/// The folder of one run: packages, and beside them what they consist of. No package has a name
/// that begins with a dot.
pub(super) struct RunFolder {
    /// That of the job.
    above: PathBuf,
    folder: PathBuf,
    /// Where it is made.
    pub(super) unfinished: PathBuf,
}

impl RunFolder {
    pub(super) fn of(root: &Path, run: RunId) -> Self {
        let above = root.join(run.job.to_string());
        let folder = above.join(run.number.to_string());
        Self {
            above,
            unfinished: folder.with_added_extension(UNFINISHED),
            folder,
        }
    }

    /// Makes it anew, unfinished and empty. Returns the time, by the clock of the file system.
    pub(super) fn begin(&self) -> io::Result<Stamp> {
        self.remove()?;
        make_directory(&self.unfinished)?;
        let made = fs::symlink_metadata(&self.unfinished).at(&self.unfinished)?;
        Ok(Stamp::of(&made))
    }

    /// Records what the packages consist of, and puts the folder in its place; durable when it
    /// returns.
    pub(super) fn finish(&self, content: &impl Serialize) -> io::Result<()> {
        write(&listing(&self.unfinished), content)?;
        fs::rename(&self.unfinished, &self.folder).at(&self.folder)?;
        sync_directory(&self.above)
    }

    /// Removes whatever there is of it, and the folder of the job when it is the last.
    pub(super) fn remove(&self) -> io::Result<()> {
        remove(&self.unfinished)?;
        remove(&self.folder)?;
        match fs::remove_dir(&self.above) {
            Ok(()) => self.above.parent().map_or(Ok(()), sync_directory),
            // Other runs are in it, or there is none.
            Err(_) if self.above.exists() => sync_directory(&self.above),
            Err(_) => Ok(()),
        }
    }

    pub(super) fn package(&self, name: &FileName) -> PathBuf {
        self.folder.join(name.as_str())
    }

    /// What the packages consist of, while that is not recorded as deployed.
    pub(super) fn content<T: DeserializeOwned>(&self) -> io::Result<Option<T>> {
        read(&listing(&self.folder))
    }

    /// Records that this is deployed: a repeat, however late, is none any more.
    pub(super) fn set_deployed(&self) -> io::Result<()> {
        let deployed = self.folder.join(".deployed");
        fs::rename(listing(&self.folder), &deployed).at(&deployed)?;
        sync_directory(&self.folder)
    }
}

fn listing(folder: &Path) -> PathBuf {
    folder.join(".listing")
}

/// Removes what a process that crashed has left unfinished in the folders of jobs in `runs`.
pub(super) fn remove_unfinished(runs: &Path) -> io::Result<()> {
    for job in fs::read_dir(runs).at(runs)? {
        let job = job.at(runs)?.path();
        for run in fs::read_dir(&job).at(&job)? {
            let run = run.at(&job)?.path();
            if run.extension().is_some_and(|end| end == UNFINISHED) {
                remove(&run)?;
            }
        }
    }
    Ok(())
}

/// What is recorded at `path`; nothing when nothing is there.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match fs::read(path) {
        Ok(record) => {
            let record = serde_json::from_slice(&record).map_err(io::Error::from);
            record.map(Some).at(path)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).at(path),
    }
}

/// Records something in the place of what may be at `path`; durable when it returns.
pub(super) fn write(path: &Path, record: &impl Serialize) -> io::Result<()> {
    let new = path.with_file_name(NEW);
    let mut file = File::create(&new).at(&new)?;
    let written = file.write_all(&serde_json::to_vec(record)?);
    written.and_then(|()| file.sync_all()).at(&new)?;
    fs::rename(&new, path).at(path)?;
    path.parent().map_or(Ok(()), sync_directory)
}
