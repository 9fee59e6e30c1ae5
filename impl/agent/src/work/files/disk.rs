//! What it takes for files and names to be on the disk.

use std::fs::{self, File};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use crate::work::PayloadError;

/// Makes the names in one directory durable, where the operating system lets a directory be opened.
pub(super) fn sync_directory(directory: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(directory)?.sync_all()?;
    }
    Ok(())
}

/// Makes the names in a tree durable, as the content of the files is already.
pub(super) fn sync_tree(tree: &Path) -> io::Result<()> {
    let mut directories = vec![tree.to_owned()];
    while let Some(directory) = directories.pop() {
        sync_directory(&directory)?;
        for entry in fs::read_dir(&directory)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                directories.push(entry.path());
            }
        }
    }
    Ok(())
}

/// Opens a file, made if it is missing, to write at any place of it. What leads to it is made too.
pub(super) fn open_to_write(path: &Path) -> io::Result<File> {
    let open = || {
        let mut options = File::options();
        options.write(true).create(true).truncate(false).open(path)
    };
    match open() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if let Some(directory) = path.parent() {
                fs::create_dir_all(directory)?;
            }
            open()
        }
        opened => opened,
    }
}

/// Writes at a place of a file.
pub(super) fn write_at(mut file: &File, offset: u64, octets: &[u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(offset))?;
    file.write_all(octets)
}

/// Whether anything is at `path`, a link that leads nowhere included.
pub(super) fn is_there(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Removes a directory with everything in it, if there is one.
pub(super) fn remove(directory: &Path) -> io::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// What the operating system said is of no use to the peer, and of little to the operator: the
/// class is what the protocol carries.
pub(super) fn storage(_: io::Error) -> PayloadError {
    PayloadError::Storage
}
