//! The originator's side: what is there to be sent.

use std::fs::{self, DirEntry, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::work::path::check_distinct;
use crate::work::{FileEntry, Manifest, PathProblem, PayloadError, RelativePath, SourceError};

/// The files below `root`, in order of their paths.
pub(super) fn list(root: &PathBuf) -> Result<Manifest, SourceError> {
    match fs::metadata(root) {
        Ok(found) if found.is_dir() => {}
        Ok(_) => return Err(named(root, PayloadError::NotDirectory)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(named(root, PayloadError::NoSource));
        }
        Err(_) => return Err(named(root, PayloadError::Unreadable)),
    }
    let mut files = Vec::new();
    let mut directories = vec![(root.clone(), String::new())];
    while let Some((directory, prefix)) = directories.pop() {
        let cannot_read = |_| named(&directory, PayloadError::Unreadable);
        for entry in fs::read_dir(&directory).map_err(cannot_read)? {
            let entry = entry.map_err(cannot_read)?;
            match listed(&entry, &prefix) {
                Ok(Listed::Directory(prefix)) => directories.push((entry.path(), prefix)),
                Ok(Listed::File(file)) => files.push(file),
                Err(why) => return Err(named(&entry.path(), why)),
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    if let Err(path) = check_distinct(files.iter().map(|file| &file.path)) {
        let why = PayloadError::Path(PathProblem::Duplicate);
        return Err(named(&root.join(path.as_str()), why));
    }
    Manifest::new(files).map_err(|why| named(root, why))
}

/// What a directory holds.
enum Listed {
    /// A file to transfer.
    File(FileEntry),
    /// A directory, by what the paths of its files begin with.
    Directory(String),
}

/// One entry of a directory whose files' paths begin with `prefix`.
fn listed(entry: &DirEntry, prefix: &str) -> Result<Listed, PayloadError> {
    let name = entry.file_name();
    let name = name
        .to_str()
        .ok_or(PayloadError::Path(PathProblem::Unprintable))?;
    let path = format!("{prefix}{name}");
    let kind = entry.file_type().map_err(unreadable)?;
    if kind.is_dir() {
        Ok(Listed::Directory(format!("{path}/")))
    } else if kind.is_file() {
        let size = entry.metadata().map_err(unreadable)?.len();
        let path = RelativePath::new(&path).map_err(PayloadError::Path)?;
        Ok(Listed::File(FileEntry { path, size }))
    } else if kind.is_symlink() {
        Err(PayloadError::Path(PathProblem::Link))
    } else {
        Err(PayloadError::Path(PathProblem::Special))
    }
}

/// `length` octets of the file at `path`, from `offset`.
pub(super) fn read(path: &Path, offset: u64, length: usize) -> Result<Bytes, PayloadError> {
    // A link that took the file's place since it was listed is not followed.
    let found = fs::symlink_metadata(path).map_err(unreadable)?;
    if found.is_symlink() {
        return Err(PayloadError::Path(PathProblem::Link));
    }
    if !found.is_file() {
        return Err(PayloadError::Path(PathProblem::Special));
    }
    let octets = read_piece(path, offset, length).map_err(unreadable)?;
    if octets.len() < length {
        return Err(PayloadError::Unreadable);
    }
    Ok(octets.into())
}

/// At most `length` octets of the file at `path`, from `offset`; fewer where it ends.
pub(super) fn read_piece(path: &Path, offset: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut octets = Vec::with_capacity(length);
    let limit = u64::try_from(length).unwrap_or(u64::MAX);
    file.take(limit).read_to_end(&mut octets)?;
    Ok(octets)
}

pub(super) fn named(path: &Path, why: PayloadError) -> SourceError {
    SourceError {
        path: path.to_string_lossy().into_owned(),
        why,
    }
}

fn unreadable(_: io::Error) -> PayloadError {
    PayloadError::Unreadable
}
