//! Cabinets: the tables, checked before anything is decompressed, and the content of the files.
//!
//! The `cab` crate decompresses, but what must be checked first it does not show: where a file
//! begins in its folder, where a folder begins in the cabinet, what the blocks claim. The tables
//! are therefore read here, within [`CabinetLimits`], and the crate is shown each folder as a
//! cabinet of its own, with one folder and one file. So no table that others wrote reaches the
//! crate, and each folder is decompressed once from its start to its end, however many files it
//! has; the crate alone would begin it again for each.
//!
//! Only what an import needs is taken: a cabinet that is complete in itself, stored or MSZIP.

mod content;
mod fields;
mod table;

use std::io::{Read, Seek};

use crate::message::{FileName, FileNameProblem, NewJob};

/// How the files of a cabinet are compressed: all in the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    Stored,
    /// MSZIP.
    Mszip,
}

impl Compression {
    /// What `fileCompression` of a job says.
    #[must_use]
    pub const fn of_job(order: &NewJob) -> Self {
        if order.file_compression {
            Self::Mszip
        } else {
            Self::Stored
        }
    }
}

/// How much one cabinet may declare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CabinetLimits {
    /// Files.
    pub files_max: u32,
    /// Octets of one file, decompressed.
    pub file_octets_max: u64,
    /// Octets of all files, decompressed.
    pub octets_max: u64,
    /// Octets of the names of all files.
    pub names_octets_max: u64,
    /// Octets of all files, decompressed, for each octet of the cabinet.
    pub ratio_max: u64,
}

/// Why a cabinet is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CabinetProblem {
    /// The disk does not give it.
    #[error("the file cannot be read")]
    Disk,
    /// It does not begin as a cabinet of version 1.3 does.
    #[error("no cabinet of version 1.3")]
    Header,
    /// It ends early, or is not as long as its header says.
    #[error("not as long as it says")]
    Length,
    /// It is one of a set, or a file of it begins or ends in another.
    #[error("goes on in another cabinet")]
    Spanning,
    /// Octets are reserved in its blocks, of which nobody here knows what they mean.
    #[error("octets reserved in blocks")]
    Reserve,
    /// A table or a folder's blocks lie in one another, or a file is in a folder that is not there.
    #[error("tables or folders that lie in one another")]
    Layout,
    /// A block is empty, longer than 32,768 octets, or stored with two lengths.
    #[error("a block of a length that no block has")]
    Block,
    /// The files do not follow one another without gap from the start of their folder to its end.
    #[error("files that do not fill their folder one after another")]
    Files,
    /// A name that no file within one folder has.
    #[error("a name that may not be used: {0}")]
    Name(FileNameProblem),
    /// A name with other octets than UTF-8, or than ASCII where it does not say that it is UTF-8.
    #[error("a name in an unknown character set")]
    NameEncoding,
    /// A folder is compressed in another way than expected.
    #[error("compressed in another way")]
    Compression,
    /// More files, or names longer in all, than the limits allow.
    #[error("too many files")]
    TooMany,
    /// More octets than the limits allow.
    #[error("too many octets")]
    TooLarge,
    /// More octets than so few can be decompressed to.
    #[error("more octets than the cabinet can have")]
    Ratio,
    /// A block cannot be decompressed, gives fewer octets than it says, or has another check sum.
    #[error("a damaged block")]
    Damaged,
}

/// One file of a cabinet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackedFile {
    /// Its name; never a path.
    pub name: FileName,
    /// Its length, decompressed.
    pub octets: u64,
}

/// The tables of a cabinet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cabinet {
    compression: Compression,
    folders: Vec<Folder>,
}

/// A run of blocks that are decompressed as one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Folder {
    /// Where the blocks begin in the cabinet.
    at: u64,
    /// Where they end.
    end: u64,
    block_count: u16,
    /// Decompressed.
    octets: u64,
    /// In the order of their content, which they fill from its start to its end.
    files: Vec<PackedFile>,
}

impl Cabinet {
    /// Reads the tables and the heads of all blocks, and checks everything that can be checked
    /// without decompressing. Time and memory grow with the tables, not with what they declare.
    ///
    /// Two files of one name pass: whether names are unique is a matter of all packages of a job.
    ///
    /// # Errors
    /// The first rule that the cabinet breaks.
    pub fn read(
        source: &mut (impl Read + Seek),
        compression: Compression,
        limits: &CabinetLimits,
    ) -> Result<Self, CabinetProblem> {
        table::read(source, compression, limits)
    }

    /// The files, folder by folder, in the order of their content.
    pub fn files(&self) -> impl Iterator<Item = &PackedFile> {
        self.folders.iter().flat_map(|folder| &folder.files)
    }

    /// Decompressed octets of all files.
    #[must_use]
    pub fn octets(&self) -> u64 {
        let octets = self.folders.iter().map(|folder| folder.octets);
        octets.fold(0, u64::saturating_add)
    }

    /// Decompresses `source`, whose tables these are, and hands `put` the content of each file in
    /// pieces, in the order of [`Cabinet::files`]; an empty piece ends a file. Needs 4 MiB at
    /// most, whatever the cabinet holds, and never gives a file more octets than it declares.
    ///
    /// The check sum of a block is verified where the block has one; none is written as 0.
    ///
    /// # Errors
    /// [`CabinetProblem::Damaged`] or [`CabinetProblem::Disk`], or whatever `put` returns.
    pub fn extract<R: Read + Seek, E: From<CabinetProblem>>(
        &self,
        source: &mut R,
        mut put: impl FnMut(&PackedFile, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        for folder in &self.folders {
            content::extract(self, folder, source, &mut put)?;
        }
        Ok(())
    }
}
