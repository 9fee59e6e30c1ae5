//! What it takes for files and names to be on the disk.

#![expect(
    clippy::disallowed_types,
    reason = "the side of the work seam that has real files"
)]

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind};
use std::path::Path;

use super::located::Located as _;

/// Makes the names in one directory durable, where the operating system lets a directory be opened.
pub(super) fn sync_directory(directory: &Path) -> io::Result<()> {
    if cfg!(unix) {
        let synced = File::open(directory).and_then(|directory| directory.sync_all());
        synced.at(directory)?;
    }
    Ok(())
}

/// Makes a directory, and its name durable, if there is none; what it is in too.
pub(super) fn make_directory(directory: &Path) -> io::Result<()> {
    match fs::create_dir(directory) {
        Ok(()) => directory.parent().map_or(Ok(()), sync_directory),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let Some(above) = directory.parent() else {
                return Err(error).at(directory);
            };
            make_directory(above)?;
            make_directory(directory)
        }
        Err(error) => Err(error).at(directory),
    }
}

/// What is at `path`, a link that leads nowhere included; links are not followed.
pub(super) fn found(path: &Path) -> io::Result<Option<Metadata>> {
    match fs::symlink_metadata(path) {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).at(path),
    }
}

/// Removes a directory with everything in it, if there is one.
pub(super) fn remove(directory: &Path) -> io::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error).at(directory),
        Ok(()) | Err(_) => Ok(()),
    }
}
