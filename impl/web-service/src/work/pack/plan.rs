//! Which file goes into which package.

use std::path::PathBuf;

use super::walk::Found;
use super::{PackError, PackOptions, PackProblem};
use crate::message::{FileName, Guid};
use crate::work::manifest::{self, ContentObject, Digest, ObjectContent, SitePath};

/// Octets of a cabinet's header, and of its one folder.
const TABLES_OCTETS: u64 = 36 + 8;
/// Octets of a file in the table, apart from its name.
const FILE_OCTETS: u64 = 17;
/// What a block is decompressed to.
const BLOCK_OCTETS: u64 = 0x8000;
/// What a block may have beyond that: its head, and the mark and the head of a stored MSZIP block.
const BLOCK_OVERHEAD: u64 = 8 + 7;
/// Files of one cabinet.
const FILES_MAX: usize = 65_535;
/// Octets of a cabinet.
const CABINET_OCTETS_MAX: u64 = 0x7FFF_FFFF;

/// The objects, and the packages into which their files go.
pub(super) struct Plan {
    /// In the order of placing. Digests are put in when the files have been read.
    pub(super) objects: Vec<ContentObject>,
    /// Never empty. The manifest goes into the last one, behind what is listed.
    pub(super) packages: Vec<Package>,
}

/// The files of one package.
#[derive(Default)]
pub(super) struct Package {
    pub(super) files: Vec<PlannedFile>,
    octets: u64,
    names_octets: u64,
}

/// A file that belongs to an object.
pub(super) struct PlannedFile {
    pub(super) source: PathBuf,
    /// Its name in the package.
    pub(super) name: FileName,
    /// The index of its object.
    pub(super) object: usize,
    pub(super) octets: u64,
}

impl Plan {
    pub(super) fn new(found: Vec<Found>, options: &PackOptions) -> Result<Self, PackError> {
        let mut objects = Vec::new();
        let mut packages = vec![Package::default()];
        for (number, found) in found.into_iter().enumerate() {
            let content = match found.octets {
                None => ObjectContent::Folder,
                Some(octets) => {
                    let name = FileName::new(&format!("{number:08}.dat"));
                    let name = name.map_err(|_| PackProblem::TooLarge.of(&found.source))?;
                    let file = PlannedFile {
                        source: found.source,
                        name: name.clone(),
                        object: number,
                        octets,
                    };
                    add(&mut packages, file, options.package_octets_max)?;
                    ObjectContent::File {
                        file: name,
                        octets,
                        // As long as the one that takes its place.
                        sha256: Digest::of(b""),
                    }
                }
            };
            objects.push(ContentObject {
                id: id(&found.path),
                path: found.path,
                content,
            });
        }
        // What XML cannot carry is found before anything is written.
        let manifest = manifest::write(&objects);
        let manifest = manifest.map_err(|_| unwritable(&objects))?;
        let octets = u64::try_from(manifest.len()).unwrap_or(u64::MAX);
        let room = packages.last().is_some_and(|last| {
            last.takes(manifest::FILE_NAME, octets, options.package_octets_max)
        });
        if !room {
            packages.push(Package::default());
        }
        Ok(Self { objects, packages })
    }
}

impl Package {
    /// Whether a file fits that comes last, however badly its content can be compressed.
    fn takes(&self, name: &str, octets: u64, octets_max: u64) -> bool {
        self.files.is_empty() || self.with(name, octets) <= octets_max
    }

    /// The octets of the cabinet with one more file, at most.
    fn with(&self, name: &str, octets: u64) -> u64 {
        let name = u64::try_from(name.len()).unwrap_or(u64::MAX);
        let content = self.octets.saturating_add(octets);
        let blocks = content.div_ceil(BLOCK_OCTETS);
        let files = u64::try_from(self.files.len()).unwrap_or(u64::MAX);
        let files = files.saturating_add(1).saturating_mul(FILE_OCTETS);
        TABLES_OCTETS
            .saturating_add(files)
            .saturating_add(self.names_octets)
            .saturating_add(name)
            .saturating_add(content)
            .saturating_add(blocks.saturating_mul(BLOCK_OVERHEAD))
    }
}

/// Puts a file into the last package, or into a new one.
fn add(packages: &mut Vec<Package>, file: PlannedFile, octets_max: u64) -> Result<(), PackError> {
    let alone = Package::default().with(file.name.as_str(), file.octets);
    if alone > CABINET_OCTETS_MAX {
        return Err(PackProblem::TooLarge.of(&file.source));
    }
    let octets_max = octets_max.min(CABINET_OCTETS_MAX);
    let room = packages.last().is_some_and(|last| {
        // One file less, so that the manifest has a place.
        let is_full = last.files.len().saturating_add(1) >= FILES_MAX;
        !is_full && last.takes(file.name.as_str(), file.octets, octets_max)
    });
    if !room {
        packages.push(Package::default());
    }
    if let Some(last) = packages.last_mut() {
        let name = u64::try_from(file.name.as_str().len()).unwrap_or(u64::MAX);
        last.octets = last.octets.saturating_add(file.octets);
        last.names_octets = last.names_octets.saturating_add(name);
        last.files.push(file);
    }
    Ok(())
}

/// The id of what is at `path`: the same in every export, and a guid of version 8, whose bits are
/// the exporter's own.
fn id(path: &SitePath) -> Guid {
    let digest = Digest::of(path.as_str().as_bytes()).octets();
    let bits = digest.iter().take(16);
    let bits = bits.fold(0_u128, |bits, octet| bits << 8 | u128::from(*octet));
    let free = !((0xF << 76) | (0b11 << 62));
    Guid::from_bits(bits & free | 0x8 << 76 | 0b10 << 62)
}

/// The first object that no manifest can carry.
fn unwritable(objects: &[ContentObject]) -> PackError {
    let is_written =
        |object: &&ContentObject| manifest::write(std::slice::from_ref(object)).is_ok();
    let mut refused = objects.iter().skip_while(is_written);
    let path = refused.next().map(|object| object.path.as_str());
    PackProblem::Character.of(path.unwrap_or_default().as_ref())
}
