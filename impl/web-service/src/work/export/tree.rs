//! The real side: directories as packages.
//!
//! What blocks runs on the runtime's threads for that, one call of the seam in one.

#![expect(
    clippy::disallowed_types,
    reason = "the side of the work seam that has real files"
)]

mod disk;
mod listing;
mod marks;

use std::collections::BTreeMap;
use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};

use super::{ExportFailure, ExportOrder, Exporter, JobKind, RunId};
use crate::message::{FileName, Guid};
use crate::work::StoredFile;
use crate::work::blocking::{Stopped, blocking};
use crate::work::cabinet::Compression;
use crate::work::located::{Located as _, located};
use crate::work::manifest::{Digest, SitePath};
use crate::work::pack::{Found, PackError, PackOptions, PackProblem, Stamp, pack_found, walk};
use crate::work::turns::{Turns, lock};
use disk::RunFolder;
use listing::{Difference, Listing, with_folders};
use marks::{Marked, Marks};

/// Exports directories of this machine, each under a name, as [`pack`](crate::work::pack::pack)
/// does.
///
/// ```text
/// <root>/runs/<job>/<run>/          the packages of a run, until it is cleaned
/// <root>/runs/<job>/<run>.part/     the same while they are made
/// <root>/listings/<path>.json       what was deployed along a path: length and digest
/// <root>/marked/<source>.json       what authors have marked; the name is a digest
/// ```
///
/// What each kind of job exports:
///
/// - full: everything.
/// - incremental: what is new or has another content than at the path's last success; everything
///   before the first. Files are compared by their digests. One is not read again whose length is
///   the same, and which the operating system says has not changed since it was read; where that is
///   the time of modification only (not on Unix), a change is missed that keeps length and time.
/// - quick deploy: what is marked, by [`TreeExporter::mark`], and is there.
///
/// Folders that an object is in are exported with it. **Nothing is ever removed from a target**:
/// packages cannot say that something is gone, so what is deleted at the source stays where it was
/// deployed, in every kind of job.
///
/// What is recorded as deployed is right if the runs on one path are imported one after the other.
/// Clones are handles to the same exporter; one process at a time may use the directory.
#[derive(Clone, Debug)]
pub struct TreeExporter(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    root: PathBuf,
    sources: BTreeMap<String, PathBuf>,
    /// Held while listings and marks are read and replaced, and while folders come and go.
    records: Mutex<()>,
    /// The runs whose folders are in use. An export that is given up goes on until it sees that,
    /// and the next call waits for it here.
    busy: Turns<RunId>,
}

/// What the packages of a run consist of.
#[derive(Debug, Default, Serialize, Deserialize)]
struct RunContent {
    packed: Listing,
    /// What an incremental export has left out.
    same: Listing,
    /// The marks that a quick deployment has followed.
    marks: Marked,
}

impl TreeExporter {
    /// An exporter of the directories `sources`, by the names that paths know them by, which has
    /// the directory `root` for itself; that is made if it is not there. What a process that
    /// crashed was exporting is removed. Blocks.
    ///
    /// # Errors
    /// When `root` cannot be made or read.
    pub fn open(root: impl Into<PathBuf>, sources: BTreeMap<String, PathBuf>) -> io::Result<Self> {
        let root = std::path::absolute(root.into())?;
        for folder in [RUNS, LISTINGS, MARKED] {
            disk::make_directory(&root.join(folder))?;
        }
        disk::remove_unfinished(&root.join(RUNS))?;
        Ok(Self(Arc::new(Shared {
            root,
            sources,
            records: Mutex::default(),
            busy: Turns::default(),
        })))
    }

    /// Marks what is at `path` in a source, a file or a folder with all that is in it, for the next
    /// quick deployment; durable when it returns. Blocks.
    ///
    /// The mark stays until a quick deployment has succeeded that was exported later. The first
    /// path along which that happens takes it: marks are those of a source.
    ///
    /// # Errors
    /// When there is no such source or nothing at the path, or the disk refuses.
    pub fn mark(&self, source: &str, path: &SitePath) -> Result<(), ExportFailure> {
        let directory = self.0.source(source)?;
        if std::fs::symlink_metadata(path.below(directory)).is_err() {
            let nothing = format!("there is nothing at {path}");
            return Err(ExportFailure::Content(nothing));
        }
        let _records = lock(&self.0.records);
        let mut marks = self.0.marks(source).map_err(storage)?;
        marks.add(path.clone());
        disk::write(&self.0.marks_at(source), &marks).map_err(storage)
    }
}

/// Where the folders of runs are.
const RUNS: &str = "runs";
/// Where the listings of paths are.
const LISTINGS: &str = "listings";
/// Where the marks of sources are.
const MARKED: &str = "marked";

impl Exporter for TreeExporter {
    type Package = tokio::fs::File;

    async fn export(&self, order: &ExportOrder) -> Result<Vec<StoredFile>, ExportFailure> {
        let (shared, order) = (Arc::clone(&self.0), order.clone());
        blocking(move |stopped| {
            shared
                .busy
                .alone(order.run, || shared.export(&order, stopped))
        })
        .await
    }

    async fn open(&self, run: RunId, package: &FileName) -> Result<tokio::fs::File, ExportFailure> {
        let package = self.0.folder(run).package(package);
        match tokio::fs::File::open(&package).await {
            Ok(file) => Ok(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(ExportFailure::Gone),
            Err(error) => Err(storage(located(&package, &error))),
        }
    }

    async fn deployed(&self, order: &ExportOrder) -> Result<(), ExportFailure> {
        let (shared, order) = (Arc::clone(&self.0), order.clone());
        blocking(move |_| shared.busy.alone(order.run, || shared.deployed(&order))).await
    }

    async fn clean(&self, run: RunId) {
        let shared = Arc::clone(&self.0);
        let cleaned = blocking(move |_| {
            shared.busy.alone(run, || {
                let _records = lock(&shared.records);
                shared.folder(run).remove().map_err(storage)
            })
        });
        if let Err(error) = cleaned.await {
            tracing::warn!(%run, "the packages of a run stay: {error}");
        }
    }
}

impl Shared {
    fn export(
        &self,
        order: &ExportOrder,
        stopped: &Stopped,
    ) -> Result<Vec<StoredFile>, ExportFailure> {
        let source = self.source(&order.source)?;
        stopped.check()?;
        let folder = self.folder(order.run);
        let exported = self.pack(order, (source, &folder), stopped);
        if exported.is_err() {
            let _records = lock(&self.records);
            // What stays is removed when the run is cleaned, or at the next start.
            let _left_over = folder.remove().is_err();
        }
        exported
    }

    fn pack(
        &self,
        order: &ExportOrder,
        (source, folder): (&Path, &RunFolder),
        stopped: &Stopped,
    ) -> Result<Vec<StoredFile>, ExportFailure> {
        let begun = {
            let _records = lock(&self.records);
            folder.begin()
        };
        let now = begun.map_err(storage)?;
        let is_wanted = || stopped.is_wanted();
        let found = walk(source).map_err(|error| self.failure(&error))?;
        let (chosen, mut content) = self.choose(order, (found, now), &is_wanted)?;
        if chosen.is_empty() && order.kind != JobKind::Full {
            let _records = lock(&self.records);
            folder.remove().map_err(storage)?;
            // A run without packages is over.
            self.record(order, content).map_err(storage)?;
            return Ok(Vec::new());
        }
        let stamps: Vec<_> = chosen.iter().map(|found| found.stamp).collect();
        let options = PackOptions {
            compression: if order.is_compressed {
                Compression::Mszip
            } else {
                Compression::Stored
            },
            package_octets_max: order.package_octets_max,
        };
        let packed = pack_found(chosen, &folder.unfinished, &options, &is_wanted);
        let (packages, objects) = packed.map_err(|error| self.failure(&error))?;
        content.packed = Listing::packed(objects, &stamps, now);
        let files: Result<_, _> = packages.iter().map(|package| stored(package)).collect();
        stopped.check()?;
        folder.finish(&content).map_err(storage)?;
        files
    }

    /// What of all that was found at `now` is to be packed, and why.
    fn choose(
        &self,
        order: &ExportOrder,
        (found, now): (Vec<Found>, Stamp),
        is_wanted: &dyn Fn() -> bool,
    ) -> Result<(Vec<Found>, RunContent), ExportFailure> {
        let mut content = RunContent::default();
        let chosen = match order.kind {
            JobKind::Full => found,
            JobKind::Incremental => {
                let listing = self.listing(order.path).map_err(storage)?;
                let difference = listing.difference(&found, now, is_wanted);
                let Difference { new, same } = difference.map_err(|error| self.failure(&error))?;
                content.same = same;
                with_folders(found, new)
            }
            JobKind::QuickDeploy => {
                let marks = self.marks(&order.source).map_err(storage)?;
                let chosen;
                (chosen, content.marks) = marks.among(&found);
                with_folders(found, chosen)
            }
        };
        Ok((chosen, content))
    }

    /// Also when it is repeated after the packages were removed.
    fn deployed(&self, order: &ExportOrder) -> Result<(), ExportFailure> {
        let folder = self.folder(order.run);
        let _records = lock(&self.records);
        let Some(content) = folder.content::<RunContent>().map_err(storage)? else {
            return Ok(());
        };
        let recorded = self.record(order, content);
        recorded
            .and_then(|()| folder.set_deployed())
            .map_err(storage)
    }

    /// Records that what a run consists of is at the target. The records are locked.
    fn record(&self, order: &ExportOrder, content: RunContent) -> io::Result<()> {
        let earlier = match order.kind {
            JobKind::Full => None,
            JobKind::Incremental | JobKind::QuickDeploy => Some(self.listing(order.path)?),
        };
        let mut listing = earlier.clone().unwrap_or_default();
        listing.merge(content.packed, content.same);
        if earlier.as_ref() != Some(&listing) {
            disk::write(&self.listing_at(order.path), &listing)?;
        }
        if content.marks.is_empty() {
            return Ok(());
        }
        let mut marks = self.marks(&order.source)?;
        marks.remove(&content.marks);
        disk::write(&self.marks_at(&order.source), &marks)
    }

    fn folder(&self, run: RunId) -> RunFolder {
        RunFolder::of(&self.root.join(RUNS), run)
    }

    fn source(&self, name: &str) -> Result<&Path, ExportFailure> {
        let source = self.sources.get(name).map(PathBuf::as_path);
        source.ok_or(ExportFailure::UnknownSource)
    }

    fn listing(&self, path: Guid) -> io::Result<Listing> {
        Ok(disk::read(&self.listing_at(path))?.unwrap_or_default())
    }

    fn listing_at(&self, path: Guid) -> PathBuf {
        self.root.join(LISTINGS).join(format!("{path}.json"))
    }

    fn marks(&self, source: &str) -> io::Result<Marks> {
        Ok(disk::read(&self.marks_at(source))?.unwrap_or_default())
    }

    /// A source's name may have any character, so that of its file is made of a digest.
    fn marks_at(&self, source: &str) -> PathBuf {
        let digest = Digest::of(source.as_bytes());
        self.root.join(MARKED).join(format!("{digest}.json"))
    }

    /// What it means for an export that something could not be packed.
    fn failure(&self, error: &PackError) -> ExportFailure {
        if matches!(error.why, PackProblem::Unwanted) {
            return ExportFailure::Storage;
        }
        let told = format!("{} {}", error.path.display(), words(&error.why));
        if !error.path.starts_with(&self.root) {
            return ExportFailure::Content(told);
        }
        let kind = if let PackProblem::Disk(error) = &error.why {
            error.kind()
        } else {
            io::ErrorKind::Other
        };
        storage(io::Error::new(kind, told))
    }
}

/// A package as whoever uploads it needs to know it.
fn stored(package: &Path) -> Result<StoredFile, ExportFailure> {
    let name = package.file_name().and_then(|name| name.to_str());
    let name = name.and_then(|name| FileName::new(name).ok());
    let metadata = std::fs::metadata(package).at(package);
    let octets = metadata.map_err(storage)?.len();
    let name = name.ok_or(ExportFailure::Storage)?;
    Ok(StoredFile { name, octets })
}

/// An error with its causes.
fn words(error: &dyn Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {}", words(cause)),
        None => error.to_string(),
    }
}

/// What the operating system said is for the log: it is of little use to whoever reads the report.
#[expect(clippy::needless_pass_by_value, reason = "the form that map_err wants")]
fn storage(error: io::Error) -> ExportFailure {
    tracing::warn!("an export: {error}");
    if matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    ) {
        ExportFailure::Full
    } else {
        ExportFailure::Storage
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_without_room_is_told_from_one_that_cannot_be_written() {
        let exporter = tempfile::tempdir().unwrap();
        let exporter = TreeExporter::open(exporter.path(), BTreeMap::new()).unwrap();
        let failure = |kind: io::ErrorKind, path: &Path| {
            let why = PackProblem::Disk(kind.into());
            let path = path.to_owned();
            exporter.0.failure(&PackError { path, why })
        };
        let package = exporter.0.root.join("runs/a.cab");
        let full = failure(io::ErrorKind::StorageFull, &package);
        assert_eq!(full, ExportFailure::Full);
        let refused = failure(io::ErrorKind::PermissionDenied, &package);
        assert_eq!(refused, ExportFailure::Storage);
        let unread = failure(io::ErrorKind::PermissionDenied, Path::new("/srv/content/a"));
        assert!(matches!(unread, ExportFailure::Content(_)), "{unread}");
    }
}
