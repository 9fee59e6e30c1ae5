//! What work is in a simulation: it takes the time that the scenario says, and files are made up.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use portcullis_agent::message::{Digest, FailureReason, ObjectId, Outcome, TaskId};
use portcullis_agent::work::{
    self as agent, Manifest, Payload, PayloadError, RelativePath, Script, Scripted, Shelf,
    SimulatedExecutor, SimulatedPayload, SourceError, Tree, Workshop,
};
use portcullis_reports::{Event, Fields, Source};

use super::station::Part;
use super::vocabulary::{effect, field};
use crate::engine::Recorder;

/// How long a simulated file system takes to keep a part or to rename a directory.
const SYNC: Duration = Duration::from_millis(5);

/// Files and commands of one simulated host.
pub(super) type Labour = Workshop<Witness, SimulatedExecutor>;

/// The payload of a simulated host, which tells what is in the files that it reads and places.
#[derive(Clone)]
pub(super) struct Witness {
    payload: SimulatedPayload,
    shelf: Shelf,
    recorder: Recorder,
    /// Whether what it keeps of a part is not what arrived.
    is_careless: bool,
}

impl Witness {
    fn tell(&self, name: &'static str, field: &'static str, value: &str, digest: Digest) {
        let fields = [
            (field, value.to_owned()),
            (field::DIGEST, digest.to_string()),
        ];
        let fields = fields.map(|(name, value)| (Cow::Borrowed(name), value));
        let (name, fields) = (Cow::Borrowed(name), Fields::from(fields));
        self.recorder
            .record(Source::Inside, Event::Effect { name, fields });
    }
}

/// What files contain: one digest over the paths and the digests of the contents.
fn digest_of(files: impl Iterator<Item = (RelativePath, Digest)>) -> Digest {
    let lines = files.map(|(path, digest)| format!("{digest} {}\n", path.as_str()));
    Digest::of(lines.collect::<String>().as_bytes())
}

impl Payload for Witness {
    async fn list(&self, source: &str) -> Result<Manifest, SourceError> {
        let manifest = self.payload.list(source).await?;
        let files = manifest.files().iter().map(|file| {
            let size = usize::try_from(file.size).unwrap_or(usize::MAX);
            let content = self.payload.content(source, &file.path, 0, size);
            (file.path.clone(), Digest::of(&content))
        });
        self.tell(effect::FILES_READ, field::FILES, source, digest_of(files));
        Ok(manifest)
    }

    async fn read(
        &self,
        source: &str,
        file: &RelativePath,
        offset: u64,
        length: usize,
    ) -> Result<Bytes, PayloadError> {
        self.payload.read(source, file, offset, length).await
    }

    async fn stage(
        &self,
        object: &ObjectId,
        number: u32,
        octets: Bytes,
    ) -> Result<(), PayloadError> {
        let mut kept = octets;
        if self.is_careless {
            let mut changed = kept.to_vec();
            changed
                .iter_mut()
                .last()
                .into_iter()
                .for_each(|octet| *octet ^= 1);
            kept = changed.into();
        }
        self.payload.stage(object, number, kept).await
    }

    async fn commit(
        &self,
        object: &ObjectId,
        parts: u32,
        digest: Digest,
        job: &agent::Job,
    ) -> Result<(), PayloadError> {
        self.payload.commit(object, parts, digest, job).await?;
        if let Some(placed) = self.shelf.placed(job) {
            let files = placed.paths().map(|path| {
                let content = placed.content(path).unwrap_or_default();
                (path.clone(), Digest::of(&content))
            });
            let task = job.task.as_str();
            self.tell(effect::FILES_PLACED, field::TASK, task, digest_of(files));
        }
        Ok(())
    }
}

/// What one task of a scenario takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Job {
    /// The task's id.
    pub(super) id: TaskId,
    /// The scenario's name of the task, under which its files are known.
    pub(super) name: String,
    /// How long the work takes.
    pub(super) lasts: Duration,
    /// Whether it succeeds.
    pub(super) succeeds: bool,
    /// The files that a transfer carries.
    pub(super) tree: Tree,
}

/// The work of a host that keeps its files on `shelf`.
pub(super) fn labour(part: &Part, shelf: Shelf, recorder: Recorder) -> Labour {
    let script = Script::default();
    let payload = SimulatedPayload::new(part.seed, shelf.clone(), script.clone(), SYNC);
    for job in part.jobs.iter() {
        let outcome = match job.succeeds {
            true => Outcome::Succeeded,
            false => Outcome::Failed(FailureReason::CommandFailed),
        };
        let lasts = job.lasts;
        script.set(job.id.clone(), Scripted { lasts, outcome });
        payload.plant(&job.name, job.tree);
    }
    Workshop {
        payload: Witness {
            payload,
            shelf,
            recorder,
            is_careless: part.is_careless,
        },
        executor: SimulatedExecutor::new(script),
    }
}
