//! The list of files that begins an object's octets.

use super::path::check_distinct;
use super::{PayloadError, RelativePath};

/// The files of a transfer, in the order in which their content follows.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Manifest {
    files: Vec<FileEntry>,
}

/// One file of a transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEntry {
    /// Where it belongs.
    pub path: RelativePath,
    /// Its size in octets.
    pub size: u64,
}

impl Manifest {
    /// Takes a list of files, in the order given.
    ///
    /// # Errors
    /// When some file system would take two of the paths for one, or the sizes exceed what can be
    /// counted.
    pub fn new(files: Vec<FileEntry>) -> Result<Self, PayloadError> {
        check_distinct(files.iter().map(|file| &file.path)).map_err(PayloadError::Path)?;
        let mut total = 0_u64;
        for file in &files {
            total = total.checked_add(file.size).ok_or(PayloadError::TooLarge)?;
        }
        Ok(Self { files })
    }

    /// The files.
    #[must_use]
    pub fn files(&self) -> &[FileEntry] {
        &self.files
    }

    /// The octets of all files.
    #[must_use]
    pub fn octets(&self) -> u64 {
        self.files
            .iter()
            .fold(0, |sum, file| sum.saturating_add(file.size))
    }
}
