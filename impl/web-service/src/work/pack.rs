//! The other direction: a directory as packages that an import takes.

#![expect(
    clippy::disallowed_types,
    reason = "the side of the work seam that has real files"
)]

mod plan;
mod stamp;
mod walk;
mod write;

use std::io;
use std::path::{Path, PathBuf};

use super::cabinet::Compression;
use super::manifest::{ContentObject, SitePathProblem};
pub(in crate::work) use stamp::Stamp;
pub(in crate::work) use walk::{Found, walk};

/// How a directory is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackOptions {
    /// How the packages are compressed. The job that imports them must be created with the same.
    pub compression: Compression,
    /// Octets of one package at most. Default 10,000,000, after the product's `FileMaxSize` of
    /// 10 MB. A file that is larger is not split: its package is larger too (CD-46).
    pub package_octets_max: u64,
}

impl Default for PackOptions {
    fn default() -> Self {
        Self {
            compression: Compression::Mszip,
            package_octets_max: 10_000_000,
        }
    }
}

/// What was packed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// The packages, in the order in which they were written: `ExportedFiles.cab`,
    /// `ExportedFiles2.cab` and so on. The manifest is in the last one.
    pub packages: Vec<PathBuf>,
    /// How many objects there are.
    pub object_count: usize,
}

/// Why a directory cannot be packed, and what is to blame.
#[derive(Debug, thiserror::Error)]
#[error("{path:?}")]
pub struct PackError {
    /// The file or directory.
    pub path: PathBuf,
    /// What is wrong with it.
    #[source]
    pub why: PackProblem,
}

/// What is wrong with a file or directory.
#[derive(Debug, thiserror::Error)]
pub enum PackProblem {
    /// It cannot be read or written.
    #[error("cannot be read or written")]
    Disk(#[source] io::Error),
    /// A package of that name is there: none is replaced.
    #[error("is there already, and packages are not replaced")]
    There,
    /// It is a symbolic link.
    #[error("is a link")]
    Link,
    /// It is a device, a pipe or the like.
    #[error("is neither file nor directory")]
    Special,
    /// No site has a place of that name.
    #[error("has a name that may not be used")]
    Name(#[source] SitePathProblem),
    /// Its name is not Unicode, or has a character that XML cannot carry.
    #[error("has a name that no manifest can carry")]
    Character,
    /// Another name differs from its own in case only.
    #[error("has the same name as another but for case")]
    SamePlace,
    /// It is too large for a cabinet: about 2 GiB.
    #[error("is too large for a cabinet")]
    TooLarge,
    /// It was written to meanwhile.
    #[error("has changed while it was packed")]
    Changed,
    /// Whoever wanted the packages has given up: nobody reads this.
    #[error("is not wanted any more")]
    Unwanted,
}

impl PackProblem {
    pub(in crate::work) fn of(self, path: &Path) -> PackError {
        PackError {
            path: path.to_owned(),
            why: self,
        }
    }
}

/// What a failed read or write of `path` means.
fn disk(path: &Path) -> impl Fn(io::Error) -> PackError {
    |error| PackProblem::Disk(error).of(path)
}

/// Packs everything in `directory` into cabinets in `into`, which is made if it is missing. Blocks.
///
/// The same directory gives the same packages, octet for octet: entries are taken in the order of
/// their names, an object's id comes from its path, and time stamps are not carried. The directory
/// `.portcullis` that an import leaves in a site is left out.
///
/// # Errors
/// When a file or directory cannot be packed, or a package of that name is there already. No new
/// package is left behind then.
pub fn pack(directory: &Path, into: &Path, options: &PackOptions) -> Result<Packed, PackError> {
    let (packages, objects) = pack_found(walk(directory)?, into, options, &|| true)?;
    Ok(Packed {
        packages,
        object_count: objects.len(),
    })
}

/// Packs what was found in a directory, or some of it: with everything that is left the folders
/// are left that it is in. `is_wanted` is asked again and again. Returns the packages, and the
/// objects one for one.
///
/// An object has the id that it has among all: an import of some objects updates what an import of
/// all has placed.
pub(in crate::work) fn pack_found(
    found: Vec<Found>,
    into: &Path,
    options: &PackOptions,
    is_wanted: &dyn Fn() -> bool,
) -> Result<(Vec<PathBuf>, Vec<ContentObject>), PackError> {
    let mut plan = plan::Plan::new(found, options)?;
    std::fs::create_dir_all(into).map_err(disk(into))?;
    let packages = write::write(&mut plan, into, (options.compression, is_wanted))?;
    Ok((packages, plan.objects))
}
