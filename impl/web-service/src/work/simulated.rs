//! The simulated side of the seam: a shelf that survives crashes, and a script of durations and
//! outcomes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tokio::time::sleep;

use super::{Depot, DepotError, ImportFailure, ImportOrder, Importer, Kept, StoredFile, Upload};
use crate::message::{FileName, Guid};

/// What a simulated disk keeps: the temporary folder, working folders, and the sites.
///
/// Belongs to the host and not to the farm: hand the same shelf to the server after a crash.
/// Clones are handles to the same shelf.
#[derive(Clone, Debug, Default)]
pub struct Shelf(Arc<Mutex<Contents>>);

#[derive(Debug, Default)]
struct Contents {
    /// Uploaded files by job and folded name.
    folders: BTreeMap<Guid, BTreeMap<String, ShelvedFile>>,
    /// Jobs whose packages are decompressed.
    working: BTreeSet<Guid>,
    /// The files that were decompressed for a job.
    decompressed: BTreeMap<Guid, Vec<StoredFile>>,
    /// How often each object of a job was placed.
    sites: BTreeMap<Guid, BTreeMap<u32, u32>>,
    /// What the disk refuses uploads with.
    refuses: Option<DepotError>,
}

/// A file on a shelf: what it was, not its octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShelvedFile {
    /// Its name.
    pub name: FileName,
    /// Its length.
    pub octets: u64,
    /// The SHA-256 of its octets.
    pub digest: [u8; 32],
}

impl Shelf {
    /// The files in a job's folder, by name without regard to case.
    #[must_use]
    pub fn files(&self, job: Guid) -> Vec<ShelvedFile> {
        let contents = self.lock();
        let folder = contents.folders.get(&job);
        folder.map_or_else(Vec::new, |folder| folder.values().cloned().collect())
    }

    /// The jobs that have a folder.
    #[must_use]
    pub fn folders(&self) -> Vec<Guid> {
        self.lock().folders.keys().copied().collect()
    }

    /// The objects that a job has put into its site, each with how often it was placed there.
    #[must_use]
    pub fn placed(&self, job: Guid) -> BTreeMap<u32, u32> {
        self.lock().sites.get(&job).cloned().unwrap_or_default()
    }

    /// The files of which a job's import consisted; empty when it was not decompressed.
    #[must_use]
    pub fn decompressed(&self, job: Guid) -> Vec<StoredFile> {
        self.lock()
            .decompressed
            .get(&job)
            .cloned()
            .unwrap_or_default()
    }

    /// Whether a job has a working folder.
    #[must_use]
    pub fn is_working(&self, job: Guid) -> bool {
        self.lock().working.contains(&job)
    }

    /// From now on every upload is refused with `error`; `None` lets them pass again.
    pub fn refuse_uploads(&self, error: Option<DepotError>) {
        self.lock().refuses = error;
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A temporary folder on a [`Shelf`].
#[derive(Clone, Debug)]
pub struct SimulatedDepot {
    shelf: Shelf,
    sync: Duration,
}

impl SimulatedDepot {
    /// The temporary folder on `shelf`. A file is durable after `sync`: a crash before that leaves
    /// nothing of it.
    #[must_use]
    pub const fn new(shelf: Shelf, sync: Duration) -> Self {
        Self { shelf, sync }
    }
}

impl Depot for SimulatedDepot {
    type Upload = SimulatedUpload;

    async fn begin(&self, job: Guid, name: &FileName) -> Result<SimulatedUpload, DepotError> {
        refused(&self.shelf)?;
        Ok(SimulatedUpload {
            shelf: self.shelf.clone(),
            sync: self.sync,
            job,
            name: name.clone(),
            octets: 0,
            hash: Sha256::new(),
        })
    }

    async fn list(&self, job: Guid) -> Result<Vec<StoredFile>, DepotError> {
        let files = self.shelf.files(job).into_iter();
        let files = files.map(|file| StoredFile {
            name: file.name,
            octets: file.octets,
        });
        Ok(files.collect())
    }

    async fn remove(&self, job: Guid) -> Result<(), DepotError> {
        rest(self.sync).await;
        self.shelf.lock().folders.remove(&job);
        Ok(())
    }

    async fn jobs(&self) -> Result<Vec<Guid>, DepotError> {
        Ok(self.shelf.folders())
    }
}

/// A file that arrives at a [`SimulatedDepot`].
#[derive(Debug)]
pub struct SimulatedUpload {
    shelf: Shelf,
    sync: Duration,
    job: Guid,
    name: FileName,
    octets: u64,
    hash: Sha256,
}

impl Upload for SimulatedUpload {
    async fn write(&mut self, octets: Bytes) -> Result<(), DepotError> {
        refused(&self.shelf)?;
        let length = u64::try_from(octets.len()).unwrap_or(u64::MAX);
        self.octets = self.octets.saturating_add(length);
        self.hash.update(&octets);
        Ok(())
    }

    async fn commit(self) -> Result<Kept, DepotError> {
        rest(self.sync).await;
        refused(&self.shelf)?;
        let file = ShelvedFile {
            octets: self.octets,
            digest: self.hash.finalize().into(),
            name: self.name,
        };
        let mut contents = self.shelf.lock();
        let folder = contents.folders.entry(self.job).or_default();
        match folder.get(&file.name.folded()) {
            Some(known) if (known.octets, known.digest) == (file.octets, file.digest) => {
                Ok(Kept::Already)
            }
            Some(_) => Err(DepotError::Different),
            None => {
                folder.insert(file.name.folded(), file);
                Ok(Kept::Now)
            }
        }
    }
}

fn refused(shelf: &Shelf) -> Result<(), DepotError> {
    shelf.lock().refuses.map_or(Ok(()), Err)
}

/// How the import of one job goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScriptedImport {
    /// How long reading the tables of contents takes.
    pub verify: Duration,
    /// How long decompression takes.
    pub decompress: Duration,
    /// How long placing one object takes.
    pub place: Duration,
    /// How many objects there are.
    pub objects: u32,
    /// Where it fails, at the end of that phase; `None`: it succeeds.
    pub fails: Option<FailsIn>,
}

impl Default for ScriptedImport {
    /// One object, at once.
    fn default() -> Self {
        Self {
            verify: Duration::ZERO,
            decompress: Duration::ZERO,
            place: Duration::ZERO,
            objects: 1,
            fails: None,
        }
    }
}

impl ScriptedImport {
    fn passes(&self, phase: FailsIn) -> Result<(), ImportFailure> {
        if self.fails == Some(phase) {
            Err(ImportFailure::Scripted)
        } else {
            Ok(())
        }
    }
}

/// Where an import fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailsIn {
    /// While its packages are verified.
    Verify,
    /// While they are decompressed.
    Decompress,
    /// While this object is placed, counted from 0.
    Place(u32),
}

/// How the import of each job goes, by the job's description; what is not scripted goes as the
/// default says. Clones share the script, so jobs may be added while the farm runs.
#[derive(Clone, Debug, Default)]
pub struct ImportScript(Arc<Mutex<Scripts>>);

#[derive(Debug, Default)]
struct Scripts {
    by_description: BTreeMap<String, ScriptedImport>,
    otherwise: ScriptedImport,
}

impl ImportScript {
    /// A script by which every job that is not named goes like `otherwise`.
    #[must_use]
    pub fn new(otherwise: ScriptedImport) -> Self {
        Self(Arc::new(Mutex::new(Scripts {
            by_description: BTreeMap::new(),
            otherwise,
        })))
    }

    /// Says how jobs with this description go.
    pub fn set(&self, description: &str, import: ScriptedImport) {
        let mut scripts = self.lock();
        scripts
            .by_description
            .insert(description.to_owned(), import);
    }

    fn of(&self, order: &ImportOrder) -> ScriptedImport {
        let scripts = self.lock();
        let named = scripts.by_description.get(&order.order.description);
        named.copied().unwrap_or(scripts.otherwise)
    }

    fn lock(&self) -> MutexGuard<'_, Scripts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An importer that follows a script, and places objects on a [`Shelf`].
#[derive(Clone, Debug)]
pub struct ScriptedImporter {
    shelf: Shelf,
    script: ImportScript,
}

impl ScriptedImporter {
    /// An importer of what lies on `shelf`.
    #[must_use]
    pub const fn new(shelf: Shelf, script: ImportScript) -> Self {
        Self { shelf, script }
    }
}

impl Importer for ScriptedImporter {
    async fn verify(&self, order: &ImportOrder) -> Result<(), ImportFailure> {
        let script = self.script.of(order);
        rest(script.verify).await;
        if order.files.is_empty() {
            return Err(ImportFailure::NoPackage);
        }
        let shelved = self.shelf.files(order.job);
        for wanted in &order.files {
            let is_there = shelved
                .iter()
                .any(|file| file.name == wanted.name && file.octets == wanted.octets);
            if !is_there {
                return Err(ImportFailure::Unreadable(wanted.name.clone()));
            }
        }
        script.passes(FailsIn::Verify)
    }

    async fn decompress(&self, order: &ImportOrder) -> Result<u32, ImportFailure> {
        let script = self.script.of(order);
        rest(script.decompress).await;
        script.passes(FailsIn::Decompress)?;
        let mut contents = self.shelf.lock();
        contents.working.insert(order.job);
        contents.decompressed.insert(order.job, order.files.clone());
        Ok(script.objects)
    }

    async fn place(&self, order: &ImportOrder, number: u32) -> Result<(), ImportFailure> {
        let script = self.script.of(order);
        rest(script.place).await;
        script.passes(FailsIn::Place(number))?;
        let mut contents = self.shelf.lock();
        if !contents.working.contains(&order.job) {
            return Err(ImportFailure::Storage);
        }
        let times = contents.sites.entry(order.job).or_default();
        let times = times.entry(number).or_default();
        *times = times.saturating_add(1);
        Ok(())
    }

    async fn clean(&self, job: Guid) {
        self.shelf.lock().working.remove(&job);
    }
}

async fn rest(duration: Duration) {
    if !duration.is_zero() {
        sleep(duration).await;
    }
}
