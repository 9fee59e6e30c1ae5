//! The simulated side of the seam: a seeded tree of files, a shelf that survives crashes, and a
//! script of durations and outcomes. Parts, digests and reassembly are the real code.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::time::sleep;

use super::object::Unpacking;
use super::{Executor, FileEntry, Job, Manifest, Payload, PayloadError, RelativePath, SourceError};
use crate::message::{CommandName, Digest, ObjectId, Outcome, TaskId};

/// What a simulated disk keeps of transfers: staged parts and what is in place.
///
/// Belongs to the host and not to the agent: hand the same shelf to the agent after a crash.
/// Clones are handles to the same shelf.
#[derive(Clone, Debug, Default)]
pub struct Shelf(Arc<Mutex<Contents>>);

#[derive(Debug, Default)]
struct Contents {
    staged: BTreeMap<ObjectId, BTreeMap<u32, Bytes>>,
    placed: BTreeMap<Job, Placed>,
}

/// A transfer that is in place.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Placed {
    files: BTreeMap<RelativePath, Vec<Bytes>>,
    /// The object that it was; what has none was not put there by a commit.
    digest: Option<Digest>,
}

impl Placed {
    /// The paths, in order.
    pub fn paths(&self) -> impl Iterator<Item = &RelativePath> {
        self.files.keys()
    }

    /// The content of one file.
    #[must_use]
    pub fn content(&self, path: &RelativePath) -> Option<Vec<u8>> {
        self.files.get(path).map(|pieces| pieces.concat())
    }
}

impl Shelf {
    /// What is in place for a job, if the transfer was committed.
    #[must_use]
    pub fn placed(&self, job: &Job) -> Option<Placed> {
        self.lock().placed.get(job).cloned()
    }

    /// How many parts of all objects are staged.
    #[must_use]
    pub fn staged_parts(&self) -> usize {
        self.lock().staged.values().map(BTreeMap::len).sum()
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The shape of a simulated directory: files `file-00000`, `file-00001`, ... of one size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tree {
    /// How many files.
    pub files: u32,
    /// Octets of each.
    pub octets: u64,
}

impl Tree {
    fn manifest(self) -> Result<Manifest, PayloadError> {
        let file = |index: u32| {
            let path =
                RelativePath::new(&format!("file-{index:05}")).map_err(PayloadError::Path)?;
            Ok(FileEntry {
                path,
                size: self.octets,
            })
        };
        Manifest::new((0..self.files).map(file).collect::<Result<_, _>>()?)
    }
}

/// How the work of one task goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scripted {
    /// How long it takes.
    pub lasts: Duration,
    /// How it ends. A transfer that is scripted to fail fails with `storage`.
    pub outcome: Outcome,
}

impl Default for Scripted {
    fn default() -> Self {
        Self {
            lasts: Duration::ZERO,
            outcome: Outcome::Succeeded,
        }
    }
}

/// How the work of each task goes; what is not scripted succeeds at once. Clones share the script,
/// so tasks may be added while the agent runs.
#[derive(Clone, Debug, Default)]
pub struct Script(Arc<Mutex<BTreeMap<TaskId, Scripted>>>);

impl Script {
    /// Says how the work of `task` goes.
    pub fn set(&self, task: TaskId, scripted: Scripted) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(task, scripted);
    }

    fn of(&self, task: &TaskId) -> Scripted {
        let script = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        script.get(task).copied().unwrap_or_default()
    }
}

/// A payload whose files exist only as a seed.
#[derive(Clone, Debug)]
pub struct SimulatedPayload {
    seed: u64,
    shelf: Shelf,
    script: Script,
    sync: Duration,
    trees: Arc<Mutex<BTreeMap<String, Tree>>>,
}

impl SimulatedPayload {
    /// A payload that stages on `shelf`. What it stages becomes durable after `sync`: a crash
    /// before that leaves nothing.
    #[must_use]
    pub fn new(seed: u64, shelf: Shelf, script: Script, sync: Duration) -> Self {
        Self {
            seed,
            shelf,
            script,
            sync,
            trees: Arc::default(),
        }
    }

    /// Makes a directory exist under the name `source`.
    pub fn plant(&self, source: &str, tree: Tree) {
        let mut trees = self.trees.lock().unwrap_or_else(PoisonError::into_inner);
        trees.insert(source.to_owned(), tree);
    }

    /// What a planted file contains: the same for the same seed, source and path.
    #[must_use]
    pub fn content(&self, source: &str, path: &RelativePath, offset: u64, length: usize) -> Bytes {
        let key = path
            .as_str()
            .bytes()
            .chain(source.bytes())
            .fold(self.seed, |key, octet| scatter(key ^ u64::from(octet)));
        let first = offset / 8;
        let skip = usize::try_from(offset % 8).unwrap_or(0);
        let mut content = BytesMut::with_capacity(length.saturating_add(16));
        let words = length.saturating_add(skip).div_ceil(8);
        for word in (first..).take(words) {
            content.extend_from_slice(&scatter(key.wrapping_add(word)).to_le_bytes());
        }
        content.freeze().slice(skip..skip.saturating_add(length))
    }
}

/// One step of splitmix64: distinct inputs give unrelated outputs, at any position at once.
const fn scatter(state: u64) -> u64 {
    let z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

async fn rest(duration: Duration) {
    if !duration.is_zero() {
        sleep(duration).await;
    }
}

impl Payload for SimulatedPayload {
    async fn list(&self, source: &str) -> Result<Manifest, SourceError> {
        let tree = {
            let trees = self.trees.lock().unwrap_or_else(PoisonError::into_inner);
            trees.get(source).copied().ok_or(PayloadError::NoSource)
        };
        tree.and_then(Tree::manifest).map_err(|why| SourceError {
            path: source.to_owned(),
            why,
        })
    }

    async fn read(
        &self,
        source: &str,
        file: &RelativePath,
        offset: u64,
        length: usize,
    ) -> Result<Bytes, PayloadError> {
        Ok(self.content(source, file, offset, length))
    }

    async fn stage(
        &self,
        object: &ObjectId,
        number: u32,
        octets: Bytes,
    ) -> Result<(), PayloadError> {
        rest(self.sync).await;
        self.shelf
            .lock()
            .staged
            .entry(object.clone())
            .or_default()
            .insert(number, octets);
        Ok(())
    }

    async fn commit(
        &self,
        object: &ObjectId,
        parts: u32,
        digest: Digest,
        job: &Job,
    ) -> Result<(), PayloadError> {
        let scripted = self.script.of(&job.task);
        rest(scripted.lasts).await;
        if scripted.outcome != Outcome::Succeeded {
            return Err(PayloadError::Storage);
        }
        rest(self.sync).await;
        let mut contents = self.shelf.lock();
        match contents.placed.get(job) {
            Some(placed) if placed.digest == Some(digest) => return Ok(()),
            Some(_) => return Err(PayloadError::TargetExists),
            None => {}
        }
        let staged = contents.staged.get(object).ok_or(PayloadError::Storage)?;
        let mut placed = unpack(staged, parts)?;
        placed.digest = Some(digest);
        contents.placed.insert(job.clone(), placed);
        contents.staged.remove(object);
        Ok(())
    }
}

/// Puts staged parts together, without copying them.
fn unpack(staged: &BTreeMap<u32, Bytes>, parts: u32) -> Result<Placed, PayloadError> {
    let mut unpacking = Unpacking::default();
    let mut placed = Placed::default();
    for number in 1..=parts {
        let octets = staged.get(&number).ok_or(PayloadError::Storage)?;
        let before = unpacking.manifest().is_some();
        let extents = unpacking.take(octets)?;
        let files = unpacking.manifest().map_or(&[][..], Manifest::files);
        if !before {
            placed
                .files
                .extend(files.iter().map(|file| (file.path.clone(), Vec::new())));
        }
        for extent in extents {
            let file = files.get(extent.file).ok_or(PayloadError::Manifest)?;
            if let Some(pieces) = placed.files.get_mut(&file.path) {
                pieces.push(octets.slice(extent.from..extent.to));
            }
        }
    }
    if unpacking.is_complete() {
        Ok(placed)
    } else {
        Err(PayloadError::Manifest)
    }
}

/// An executor whose commands only take time.
#[derive(Clone, Debug)]
pub struct SimulatedExecutor {
    script: Script,
    unknown: BTreeSet<CommandName>,
}

impl SimulatedExecutor {
    /// An executor that knows every command and follows the script.
    #[must_use]
    pub const fn new(script: Script) -> Self {
        Self {
            script,
            unknown: BTreeSet::new(),
        }
    }

    /// The same, without the given commands.
    #[must_use]
    pub fn without(self, unknown: BTreeSet<CommandName>) -> Self {
        Self { unknown, ..self }
    }
}

impl Executor for SimulatedExecutor {
    fn knows(&self, command: &CommandName) -> bool {
        !self.unknown.contains(command)
    }

    async fn run(&self, job: &Job, _: &CommandName) -> Outcome {
        let scripted = self.script.of(&job.task);
        rest(scripted.lasts).await;
        scripted.outcome
    }
}
