//! The simulated side: a script of packages, durations and outcomes.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::sleep;

use super::{ExportFailure, ExportOrder, Exporter, RunId};
use crate::message::{FileName, Guid};
use crate::work::StoredFile;

/// How exports go, by the name of the content.
pub type ExportScript = BTreeMap<String, ScriptedExport>;

/// How the export of one content goes.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ScriptedExport {
    /// How long it takes.
    pub lasts: Duration,
    /// The packages, by name. An incremental export has them once after every
    /// [`Exporter::deployed`] that did not come yet: none when all has been deployed.
    pub packages: Vec<(FileName, Bytes)>,
    /// Whether it fails at its end.
    pub outcome: Option<ExportFailure>,
}

/// Exports as a script says; what it keeps survives crashes, as a disk does.
#[derive(Clone, Debug)]
pub struct ScriptedExporter {
    script: Arc<ExportScript>,
    disk: Arc<Mutex<Exported>>,
}

/// What is on the disk.
#[derive(Debug, Default)]
struct Exported {
    packages: BTreeMap<RunId, Vec<(FileName, Bytes)>>,
    /// Paths along which everything has been deployed.
    deployed: BTreeMap<Guid, BTreeSet<RunId>>,
}

impl ScriptedExporter {
    /// An exporter with an empty disk.
    #[must_use]
    pub fn new(script: ExportScript) -> Self {
        Self {
            script: Arc::new(script),
            disk: Arc::default(),
        }
    }

    /// The runs whose packages are on the disk.
    #[must_use]
    pub fn kept(&self) -> Vec<RunId> {
        self.lock().packages.keys().copied().collect()
    }

    /// How often a deployment along `path` was said to have succeeded.
    #[must_use]
    pub fn deployed_count(&self, path: Guid) -> usize {
        self.lock().deployed.get(&path).map_or(0, BTreeSet::len)
    }

    fn lock(&self) -> MutexGuard<'_, Exported> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Exporter for ScriptedExporter {
    type Package = Cursor<Bytes>;

    async fn export(&self, order: &ExportOrder) -> Result<Vec<StoredFile>, ExportFailure> {
        let scripted = self.script.get(&order.source);
        let scripted = scripted.ok_or(ExportFailure::UnknownSource)?;
        if !scripted.lasts.is_zero() {
            sleep(scripted.lasts).await;
        }
        if let Some(failure) = &scripted.outcome {
            return Err(failure.clone());
        }
        let mut disk = self.lock();
        let is_full = order.kind == super::JobKind::Full;
        let packages = if is_full || !disk.deployed.contains_key(&order.path) {
            scripted.packages.clone()
        } else {
            Vec::new()
        };
        let files = packages.iter().map(|(name, octets)| StoredFile {
            name: name.clone(),
            octets: u64::try_from(octets.len()).unwrap_or(u64::MAX),
        });
        let files = files.collect();
        disk.packages.insert(order.run, packages);
        Ok(files)
    }

    async fn open(&self, run: RunId, package: &FileName) -> Result<Cursor<Bytes>, ExportFailure> {
        let disk = self.lock();
        let packages = disk.packages.get(&run).ok_or(ExportFailure::Gone)?;
        let found = packages.iter().find(|(name, _)| name == package);
        let (_, octets) = found.ok_or(ExportFailure::Gone)?;
        Ok(Cursor::new(octets.clone()))
    }

    async fn deployed(&self, order: &ExportOrder) -> Result<(), ExportFailure> {
        let mut disk = self.lock();
        disk.deployed
            .entry(order.path)
            .or_default()
            .insert(order.run);
        Ok(())
    }

    async fn clean(&self, run: RunId) {
        self.lock().packages.remove(&run);
    }
}
