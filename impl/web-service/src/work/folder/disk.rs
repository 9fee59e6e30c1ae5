//! What it takes for files and names to be on the disk.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use crate::work::DepotError;
use crate::work::located::Located as _;

/// How much of two files is compared at once.
const PIECE_OCTETS: usize = 64 << 10;

/// Makes the names in one folder durable, where the operating system lets a folder be opened.
pub(super) fn sync_directory(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.at(folder)?;
    }
    Ok(())
}

/// Whether anything is at `path`, a link that leads nowhere included.
pub(super) fn is_there(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).at(path),
    }
}

/// Removes a folder with everything in it, if there is one.
pub(super) fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).at(folder),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Whether two files have the same octets.
pub(super) fn are_equal(one: &Path, other: &Path) -> io::Result<bool> {
    let (mut ones, mut others) = (File::open(one).at(one)?, File::open(other).at(other)?);
    if ones.metadata().at(one)?.len() != others.metadata().at(other)?.len() {
        return Ok(false);
    }
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let piece = u64::try_from(PIECE_OCTETS).unwrap_or(u64::MAX);
    loop {
        ours.clear();
        theirs.clear();
        (&mut ones).take(piece).read_to_end(&mut ours).at(one)?;
        (&mut others)
            .take(piece)
            .read_to_end(&mut theirs)
            .at(other)?;
        if ours != theirs {
            return Ok(false);
        }
        if ours.is_empty() {
            return Ok(true);
        }
    }
}

/// What the operating system said is for the log: the client is answered the class.
#[expect(clippy::needless_pass_by_value, reason = "the form that map_err wants")]
pub(super) fn storage(error: io::Error) -> DepotError {
    tracing::warn!("the temporary folder: {error}");
    #[expect(clippy::wildcard_enum_match_arm, reason = "the list of kinds is open")]
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => DepotError::Full,
        _ => DepotError::Storage,
    }
}
