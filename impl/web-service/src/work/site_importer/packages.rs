//! The packages of a job: checked together, and decompressed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Write as _};
use std::path::PathBuf;

use sha2::{Digest as _, Sha256};

use super::ImportLimits;
use super::storage;
use super::working::WorkingFolder;
use crate::message::FileName;
use crate::work::blocking::{Abandoned, Stopped};
use crate::work::cabinet::{Cabinet, CabinetLimits, CabinetProblem, Compression, PackedFile};
use crate::work::located::{Located as _, located};
use crate::work::manifest::{self, Digest};
use crate::work::{ImportFailure, ImportOrder, StoredFile};

/// The packages of one job, where they were uploaded to.
pub(super) struct Packages<'a> {
    pub(super) order: &'a ImportOrder,
    pub(super) folder: PathBuf,
    pub(super) limits: &'a ImportLimits,
    pub(super) stopped: &'a Stopped,
}

/// The files that were decompressed, by the digest of their names: there may be a hundred thousand
/// long ones.
pub(super) type Files = BTreeMap<Digest, Unpacked>;

/// By what a file is found in [`Files`].
pub(super) fn key(name: &FileName) -> Digest {
    Digest::of(name.as_str().as_bytes())
}

/// What a file was decompressed to.
pub(super) struct Unpacked {
    pub(super) octets: u64,
    pub(super) sha256: Digest,
}

impl Packages<'_> {
    /// Reads all tables and decompresses nothing (CD-29).
    pub(super) fn verify(&self) -> Result<(), ImportFailure> {
        if self.order.files.is_empty() {
            return Err(ImportFailure::NoPackage);
        }
        let mut names = BTreeSet::new();
        let mut has_manifest = false;
        let mut left = self.limits_of_all();
        for stored in &self.order.files {
            let package = || stored.name.clone();
            let (_, cabinet) = self.open(stored, &left)?;
            for file in cabinet.files() {
                if file.name.as_str() == manifest::FILE_NAME {
                    has_manifest = true;
                    if file.octets > self.limits.manifest_octets_max {
                        return Err(ImportFailure::TooLarge(package()));
                    }
                }
                let name = file.name.folded();
                left.files_max = left.files_max.saturating_sub(1);
                let octets = u64::try_from(name.len()).unwrap_or(u64::MAX);
                left.names_octets_max = left.names_octets_max.saturating_sub(octets);
                // All packages are decompressed into one folder.
                if !names.insert(Digest::of(name.as_bytes())) {
                    return Err(ImportFailure::Name(package()));
                }
            }
            left.octets_max = left.octets_max.saturating_sub(cabinet.octets());
        }
        if has_manifest {
            Ok(())
        } else {
            Err(ImportFailure::Manifest)
        }
    }

    /// Decompresses all packages into `working`, each file into one that is new there.
    pub(super) fn extract(&self, working: &WorkingFolder) -> Result<Files, ImportFailure> {
        // The tables are read twice and not kept: those of all packages together may be large.
        self.verify()?;
        let limits = self.limits_of_all();
        let mut files = Files::new();
        for stored in &self.order.files {
            let (mut source, cabinet) = self.open(stored, &limits)?;
            let mut begun: Option<Begun> = None;
            let put = |file: &PackedFile, piece: &[u8]| -> Result<(), Halt> {
                self.stopped.check()?;
                let mut now = match begun.take() {
                    Some(begun) => begun,
                    None => Begun::new(working, file)?,
                };
                if piece.is_empty() {
                    files.insert(key(&file.name), now.end(file));
                } else {
                    now.write(piece)?;
                    begun = Some(now);
                }
                Ok(())
            };
            cabinet
                .extract(&mut source, put)
                .map_err(|halt| match halt {
                    Halt::Cabinet(problem) => self.failure(problem, &stored.name),
                    Halt::Failure(failure) => failure,
                })?;
        }
        Ok(files)
    }

    fn open(
        &self,
        stored: &StoredFile,
        limits: &CabinetLimits,
    ) -> Result<(File, Cabinet), ImportFailure> {
        self.stopped.check()?;
        let path = self.path(&stored.name);
        let mut source = File::open(&path).at(&path).map_err(storage)?;
        let octets = source.metadata().at(&path).map_err(storage)?.len();
        if octets != stored.octets {
            let why = format!("{octets} octets, and not {}", stored.octets);
            return Err(storage(located(&path, &io::Error::other(why))));
        }
        let compression = Compression::of_job(&self.order.order);
        let limits = CabinetLimits {
            files_max: limits.files_max.min(self.limits.files_per_package_max),
            ..*limits
        };
        let cabinet = Cabinet::read(&mut source, compression, &limits);
        let cabinet = cabinet.map_err(|problem| self.failure(problem, &stored.name))?;
        Ok((source, cabinet))
    }

    /// Where a package lies.
    fn path(&self, package: &FileName) -> PathBuf {
        self.folder.join(package.as_str())
    }

    /// What is told of a refused cabinet.
    fn failure(&self, problem: CabinetProblem, package: &FileName) -> ImportFailure {
        if problem == CabinetProblem::Disk {
            let why = io::Error::other("cannot be read");
            return storage(located(&self.path(package), &why));
        }
        failure(problem, package)
    }

    /// What one package may have if there is no other.
    fn limits_of_all(&self) -> CabinetLimits {
        CabinetLimits {
            files_max: self.limits.files_max,
            file_octets_max: self.limits.file_octets_max,
            octets_max: self.limits.octets_max,
            names_octets_max: self.limits.names_octets_max,
            ratio_max: self.limits.ratio_max,
        }
    }
}

/// A file that is being decompressed.
struct Begun {
    path: PathBuf,
    file: File,
    hash: Sha256,
}

impl Begun {
    fn new(working: &WorkingFolder, file: &PackedFile) -> Result<Self, Halt> {
        let path = working.file(&file.name);
        let file = File::create_new(&path).at(&path);
        let file = file.map_err(|error| Halt::Failure(storage(error)))?;
        let hash = Sha256::new();
        Ok(Self { path, file, hash })
    }

    fn write(&mut self, piece: &[u8]) -> Result<(), Halt> {
        self.hash.update(piece);
        let written = self.file.write_all(piece).at(&self.path);
        written.map_err(|error| Halt::Failure(storage(error)))
    }

    fn end(self, file: &PackedFile) -> Unpacked {
        Unpacked {
            octets: file.octets,
            sha256: Digest::finished(self.hash),
        }
    }
}

/// Why decompressing ended early.
enum Halt {
    Cabinet(CabinetProblem),
    Failure(ImportFailure),
}

impl From<Abandoned> for Halt {
    fn from(abandoned: Abandoned) -> Self {
        Self::Failure(abandoned.into())
    }
}

impl From<CabinetProblem> for Halt {
    fn from(problem: CabinetProblem) -> Self {
        Self::Cabinet(problem)
    }
}

/// The failure that a problem is.
fn failure(problem: CabinetProblem, package: &FileName) -> ImportFailure {
    let package = package.clone();
    match problem {
        CabinetProblem::Disk => ImportFailure::Storage,
        CabinetProblem::Header
        | CabinetProblem::Length
        | CabinetProblem::Spanning
        | CabinetProblem::Reserve
        | CabinetProblem::Layout
        | CabinetProblem::Block
        | CabinetProblem::Files
        | CabinetProblem::Damaged => ImportFailure::Unreadable(package),
        CabinetProblem::Name(_) | CabinetProblem::NameEncoding => ImportFailure::Name(package),
        CabinetProblem::Compression => ImportFailure::Compression(package),
        CabinetProblem::TooMany | CabinetProblem::TooLarge | CabinetProblem::Ratio => {
            ImportFailure::TooLarge(package)
        }
    }
}
