//! What imports take in a simulation, and what is in the files that arrive.

use bytes::Bytes;
use portcullis_reports::Source;
use portcullis_web_service::message::{FileName, Guid};
use portcullis_web_service::work::{
    Depot, DepotError, Kept, SimulatedDepot, SimulatedUpload, StoredFile, Upload,
};
use xxhash_rust::xxh3::Xxh3;

use super::announce::noted;
use super::decoder::digest;
use super::vocabulary::{effect, field};
use crate::engine::Recorder;

/// The temporary folder of a simulated host, which tells what is in the files that it keeps.
#[derive(Clone, Debug)]
pub(super) struct Witness {
    depot: SimulatedDepot,
    recorder: Recorder,
}

impl Witness {
    /// A folder that tells `recorder` what it keeps.
    pub(super) const fn new(depot: SimulatedDepot, recorder: Recorder) -> Self {
        Self { depot, recorder }
    }
}

impl Depot for Witness {
    type Upload = WitnessedUpload;

    async fn begin(&self, job: Guid, name: &FileName) -> Result<WitnessedUpload, DepotError> {
        Ok(WitnessedUpload {
            upload: self.depot.begin(job, name).await?,
            recorder: self.recorder.clone(),
            job,
            name: name.clone(),
            octets: 0,
            hash: Box::default(),
        })
    }

    async fn list(&self, job: Guid) -> Result<Vec<StoredFile>, DepotError> {
        self.depot.list(job).await
    }

    async fn remove(&self, job: Guid) -> Result<(), DepotError> {
        self.depot.remove(job).await
    }

    async fn jobs(&self) -> Result<Vec<Guid>, DepotError> {
        self.depot.jobs().await
    }
}

/// A file that arrives at a [`Witness`].
pub(super) struct WitnessedUpload {
    upload: SimulatedUpload,
    recorder: Recorder,
    job: Guid,
    name: FileName,
    octets: u64,
    hash: Box<Xxh3>,
}

impl Upload for WitnessedUpload {
    async fn write(&mut self, octets: Bytes) -> Result<(), DepotError> {
        self.hash.update(&octets);
        let count = u64::try_from(octets.len()).unwrap_or(u64::MAX);
        self.octets = self.octets.saturating_add(count);
        self.upload.write(octets).await
    }

    async fn commit(self) -> Result<Kept, DepotError> {
        let kept = self.upload.commit().await?;
        let event = stored(self.job, &self.name, self.octets, digest(&self.hash));
        self.recorder.record(Source::Inside, event);
        Ok(kept)
    }
}

/// A file is in its folder.
pub(super) fn stored(
    job: Guid,
    name: &FileName,
    octets: u64,
    digest: String,
) -> portcullis_reports::Event {
    noted(
        effect::STORED,
        [
            (field::JOB, Some(job.to_string())),
            (field::FILE, Some(name.to_string())),
            (field::SIZE, Some(octets.to_string())),
            (field::DIGEST, Some(digest)),
        ],
    )
}
