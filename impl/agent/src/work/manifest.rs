//! The list of files that begins an object's octets.

use portcullis_xml::{Document, Limits, Writer, XmlError};
use serde::{Deserialize, Serialize};

use super::path::check_distinct;
use super::{PathProblem, PayloadError, RelativePath};
use crate::codec::{LENGTH_OCTETS, NAMESPACE, canonical};

/// The files of a transfer, in the order in which their content follows.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "Vec<FileEntry>", into = "Vec<FileEntry>")]
pub struct Manifest {
    files: Vec<FileEntry>,
}

/// One file of a transfer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
        check_distinct(files.iter().map(|file| &file.path))
            .map_err(|_| PayloadError::Path(PathProblem::Duplicate))?;
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

    /// The data unit that begins the object: a length that counts itself, and a document
    /// `<manifest><file path=".." size=".."/>..</manifest>` in the namespace of the messages.
    ///
    /// # Errors
    /// [`PayloadError::TooLarge`] when a receiver would refuse a document of that size.
    pub fn encode(&self) -> Result<Vec<u8>, PayloadError> {
        let mut writer = Writer::new();
        writer.open("manifest").attribute("xmlns", NAMESPACE);
        for file in &self.files {
            writer
                .open("file")
                .attribute("path", &file.path)
                .attribute("size", file.size)
                .close();
        }
        writer.close();
        let document = writer.finish().map_err(|_| PayloadError::Manifest)?;
        let length = document.len().saturating_add(LENGTH_OCTETS);
        let limits = Limits::transfer_part();
        let elements = self.files.len().saturating_add(1);
        if length > limits.octets_max() || elements > FILES_MAX {
            return Err(PayloadError::TooLarge);
        }
        let length = u32::try_from(length).map_err(|_| PayloadError::TooLarge)?;
        Ok([&length.to_be_bytes(), document.as_slice()].concat())
    }

    /// Reads the document of that data unit, through the same gate as every message.
    ///
    /// # Errors
    /// [`PayloadError::Manifest`] when it is not one, [`PayloadError::Path`] when a path in it may
    /// not be used.
    pub fn decode(document: &[u8]) -> Result<Self, PayloadError> {
        let malformed = |_: XmlError| PayloadError::Manifest;
        let document = Document::parse(document, &Limits::transfer_part()).map_err(malformed)?;
        let mut root = document
            .expect_root(NAMESPACE, "manifest")
            .map_err(malformed)?;
        let mut files = Vec::new();
        while let Some(mut file) = root.optional_child("file").map_err(malformed)? {
            let path = file.attribute("path").map_err(malformed)?;
            let path = RelativePath::new(path).map_err(PayloadError::Path)?;
            let size = canonical(&mut file, "size").map_err(malformed)?;
            file.finish().map_err(malformed)?;
            files.push(FileEntry { path, size });
        }
        root.finish().map_err(malformed)?;
        // What is too large to be sent has not been sent: the sizes are wrong.
        Self::new(files).map_err(|error| {
            if error == PayloadError::TooLarge {
                PayloadError::Manifest
            } else {
                error
            }
        })
    }
}

/// Files and the root of a manifest: the elements that the gate allows in one document.
const FILES_MAX: usize = 1_000_000;

impl TryFrom<Vec<FileEntry>> for Manifest {
    type Error = PayloadError;

    fn try_from(files: Vec<FileEntry>) -> Result<Self, PayloadError> {
        Self::new(files)
    }
}

impl From<Manifest> for Vec<FileEntry> {
    fn from(manifest: Manifest) -> Self {
        manifest.files
    }
}
