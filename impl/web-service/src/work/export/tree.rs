//! The real side: directories of the operating system, exported into cabinets.
//!
//! What blocks runs on the runtime's threads for that.

#![expect(
    clippy::disallowed_types,
    reason = "the side of the work seam that has real files"
)]

mod listing;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::{ExportFailure, ExportOrder, Exporter, JobKind, RunId};
use crate::message::{FileName, Guid};
use crate::work::StoredFile;
use crate::work::cabinet::Compression;
use crate::work::manifest::{Digest, SitePath};
use crate::work::pack::{Found, PackError, PackOptions, found_in, pack_found};
use listing::Listing;

/// The listing of what a run has exported, beside its packages.
const LISTING: &str = "listing.json";

/// What the name of a folder ends with that is not whole.
const PART: &str = "part";

/// Exports directories of this machine, each under a name.
///
/// Below its own folder it keeps the packages of each run, one folder a run, and a listing of what
/// was deployed along each path. An incremental export has the files and folders that are not in
/// that listing as they are now, with the folders above them. What is gone from the source is not
/// removed at the target: packages have no word for that. A file whose time and length are those of
/// the listing is taken for unchanged. Clones are handles to the same one; one process at a time
/// may use a folder.
#[derive(Clone, Debug)]
pub struct TreeExporter(Arc<Trees>);

#[derive(Debug)]
struct Trees {
    root: PathBuf,
    sources: BTreeMap<String, PathBuf>,
    /// Held while marks are changed.
    marking: Mutex<()>,
}

impl TreeExporter {
    /// An exporter of `sources`, directories by the names that paths know them by, with its own
    /// folder at `root`, which is made if it is not there. Half an export of a process that crashed
    /// is removed. Blocks.
    ///
    /// # Errors
    /// When the folder cannot be made or written in.
    pub fn open(root: impl Into<PathBuf>, sources: BTreeMap<String, PathBuf>) -> io::Result<Self> {
        let root = root.into();
        fs::create_dir_all(root.join("runs"))?;
        for job in fs::read_dir(root.join("runs"))? {
            let job = job?.path();
            for run in fs::read_dir(&job)? {
                let run = run?.path();
                if run.extension().is_some_and(|end| end == PART) {
                    fs::remove_dir_all(run)?;
                }
            }
        }
        let marking = Mutex::new(());
        Ok(Self(Arc::new(Trees {
            root,
            sources,
            marking,
        })))
    }

    /// Marks what is at `path` in a source, a file or a folder with all that is in it, for the next
    /// quick deployment; durable when it returns. Blocks.
    ///
    /// # Errors
    /// When there is no such source or nothing at the path, or the disk refuses.
    pub fn mark(&self, source: &str, path: &SitePath) -> Result<(), ExportFailure> {
        let directory = self.0.sources.get(source);
        let directory = directory.ok_or(ExportFailure::UnknownSource)?;
        let place = directory.join(path.as_str().trim_start_matches('/'));
        if fs::symlink_metadata(place).is_err() {
            let nothing = format!("there is nothing at {}", path.as_str());
            return Err(ExportFailure::Content(nothing));
        }
        self.0.change_marks(source, |marks| {
            marks.insert(path.as_str().to_owned());
        })
    }
}

impl Trees {
    fn run(&self, run: RunId) -> PathBuf {
        let job = self.root.join("runs").join(run.job.to_string());
        job.join(run.number.to_string())
    }

    fn listing(&self, path: Guid) -> PathBuf {
        self.root.join("listings").join(format!("{path}.json"))
    }

    /// A source's name may have any character, so that of its file is made of a digest.
    fn marks(&self, source: &str) -> PathBuf {
        let digest = Digest::of(source.as_bytes());
        self.root.join("marked").join(format!("{digest}.json"))
    }

    fn change_marks(
        &self,
        source: &str,
        change: impl FnOnce(&mut BTreeSet<String>),
    ) -> Result<(), ExportFailure> {
        let _turn = self.marking.lock().unwrap_or_else(PoisonError::into_inner);
        let path = self.marks(source);
        let mut marks = listing::read(&path).map_err(storage)?.unwrap_or_default();
        change(&mut marks);
        listing::write(&path, &marks).map_err(storage)
    }

    fn export(&self, order: &ExportOrder) -> Result<Vec<StoredFile>, ExportFailure> {
        let directory = self.sources.get(&order.source);
        let directory = directory.ok_or(ExportFailure::UnknownSource)?;
        let run = self.run(order.run);
        remove(&run).map_err(storage)?;
        let found = found_in(directory).map_err(content)?;
        let (found, marks) = self.wanted(order, found)?;
        if found.is_empty() && order.kind != JobKind::Full {
            return Ok(Vec::new());
        }
        let part = run.with_extension(PART);
        remove(&part).map_err(storage)?;
        let options = PackOptions {
            compression: if order.is_compressed {
                Compression::Mszip
            } else {
                Compression::Stored
            },
            package_octets_max: order.package_octets_max,
        };
        let times = found.iter().map(|found| {
            let path = found.path.as_str().to_owned();
            (path, found.modified_ns)
        });
        let times = times.collect();
        let (packed, objects) = pack_found(found, &part, &options).map_err(content)?;
        let listing = Listing {
            marks,
            ..Listing::of(&times, objects)
        };
        listing::write(&part.join(LISTING), &listing).map_err(storage)?;
        let packages = packed.packages.iter().map(|path| stored(path));
        let packages = packages.collect::<Result<_, _>>()?;
        fs::rename(&part, &run).map_err(storage)?;
        let job = run.parent().unwrap_or(&self.root);
        sync_directory(job).map_err(storage)?;
        sync_directory(&self.root.join("runs")).map_err(storage)?;
        Ok(packages)
    }

    /// What of a tree is to be exported, and the marks that this takes.
    fn wanted(
        &self,
        order: &ExportOrder,
        found: Vec<Found>,
    ) -> Result<(Vec<Found>, BTreeSet<String>), ExportFailure> {
        let mut marks = BTreeSet::new();
        let mut wanted = BTreeSet::new();
        match order.kind {
            JobKind::Full => return Ok((found, marks)),
            JobKind::Incremental => {
                let listing = listing::read::<Listing>(&self.listing(order.path));
                let listing = listing.map_err(storage)?.unwrap_or_default();
                for object in &found {
                    if !listing.has(object).map_err(storage)? {
                        wanted.insert(object.path.as_str().to_owned());
                    }
                }
            }
            JobKind::QuickDeploy => {
                let marked = listing::read::<BTreeSet<String>>(&self.marks(&order.source));
                for mark in marked.map_err(storage)?.unwrap_or_default() {
                    let is_in = |path: &str| path == mark || is_below(path, &mark);
                    let paths = found.iter().map(|object| object.path.as_str());
                    let paths: Vec<&str> = paths.filter(|path| is_in(path)).collect();
                    if !paths.is_empty() {
                        wanted.extend(paths.into_iter().map(ToOwned::to_owned));
                        marks.insert(mark);
                    }
                }
            }
        }
        // An object needs the folders that it is in.
        let above: BTreeSet<String> = wanted.iter().flat_map(|path| folders_of(path)).collect();
        let is_wanted = |object: &Found| {
            let path = object.path.as_str();
            wanted.contains(path) || above.contains(path)
        };
        let found = found.into_iter().filter(is_wanted).collect();
        Ok((found, marks))
    }

    fn deployed(&self, order: &ExportOrder) -> Result<(), ExportFailure> {
        let exported = listing::read::<Listing>(&self.run(order.run).join(LISTING));
        // Nothing was exported, or this was done before the packages were removed.
        let Some(exported) = exported.map_err(storage)? else {
            return Ok(());
        };
        let path = self.listing(order.path);
        let mut listing = if order.kind == JobKind::Full {
            Listing::default()
        } else {
            let earlier = listing::read::<Listing>(&path).map_err(storage)?;
            earlier.unwrap_or_default()
        };
        listing.objects.extend(exported.objects);
        listing::write(&path, &listing).map_err(storage)?;
        if exported.marks.is_empty() {
            return Ok(());
        }
        self.change_marks(&order.source, |marks| {
            marks.retain(|mark| !exported.marks.contains(mark));
        })
    }
}

impl Exporter for TreeExporter {
    type Package = tokio::fs::File;

    async fn export(&self, order: &ExportOrder) -> Result<Vec<StoredFile>, ExportFailure> {
        let (trees, order) = (Arc::clone(&self.0), order.clone());
        blocking(move || trees.export(&order)).await
    }

    async fn open(&self, run: RunId, package: &FileName) -> Result<Self::Package, ExportFailure> {
        let path = self.0.run(run).join(package.as_str());
        match tokio::fs::File::open(path).await {
            Ok(file) => Ok(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(ExportFailure::Gone),
            Err(error) => Err(storage(error)),
        }
    }

    async fn deployed(&self, order: &ExportOrder) -> Result<(), ExportFailure> {
        let (trees, order) = (Arc::clone(&self.0), order.clone());
        blocking(move || trees.deployed(&order)).await
    }

    async fn clean(&self, run: RunId) {
        let path = self.0.run(run);
        let removed = blocking(move || remove(&path).map_err(storage)).await;
        if let Err(error) = removed {
            tracing::warn!(%run, "the packages of a run stay: {error}");
        }
    }
}

/// Whether `path` is somewhere in the folder `above`.
fn is_below(path: &str, above: &str) -> bool {
    let rest = path.strip_prefix(above);
    rest.is_some_and(|rest| rest.starts_with('/'))
}

/// The folders that `path` is in, by their paths.
fn folders_of(path: &str) -> impl Iterator<Item = String> {
    let slashes = path.match_indices('/').map(|(at, _)| at);
    slashes
        .filter(|at| *at > 0)
        .filter_map(|at| path.get(..at).map(ToOwned::to_owned))
}

fn stored(path: &Path) -> Result<StoredFile, ExportFailure> {
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.and_then(|name| FileName::new(name).ok());
    Ok(StoredFile {
        name: name.ok_or(ExportFailure::Storage)?,
        octets: fs::metadata(path).map_err(storage)?.len(),
    })
}

/// Removes a folder with everything in it, if there is one.
fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Makes the names in a folder durable, where the operating system lets a folder be opened.
fn sync_directory(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "the form that map_err wants")]
fn storage(error: io::Error) -> ExportFailure {
    tracing::warn!("an export: {error}");
    ExportFailure::Storage
}

/// What cannot be packed, with the reason behind it.
#[expect(clippy::needless_pass_by_value, reason = "the form that map_err wants")]
fn content(error: PackError) -> ExportFailure {
    ExportFailure::Content(format!("{} {}", error.path.display(), error.why))
}

/// Runs `work` where it may block.
#[expect(
    clippy::disallowed_methods,
    reason = "real files, which no simulated run uses"
)]
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ExportFailure> + Send + 'static,
) -> Result<T, ExportFailure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or(Err(ExportFailure::Storage))
}
