//! The work seam: what a task does, as two traits, each with a real and a simulated side.
//!
//! [`Payload`] reads the files of a transfer at the originator, and stages and commits them at the
//! destination; [`Executor`] runs the commands that deploy and execute tasks name. Parts, digests,
//! frames and reassembly are the same code above either side.
//!
//! The octets of an object are one data unit with the [`Manifest`], then the content of its files
//! in the manifest's order; parts cut that stream into equal pieces.

mod files;
mod manifest;
mod object;
mod path;
mod process;
mod simulated;

use std::future::Future;

use bytes::Bytes;

use crate::message::{
    CommandName, Digest, EnvironmentName, FailureReason, ObjectId, Outcome, TaskId,
};

pub use files::Files;
pub use manifest::{FileEntry, Manifest};
pub(crate) use object::Layout;
pub use path::{PathProblem, RelativePath};
pub use process::{Captured, CommandLine, OUTPUT_OCTETS_MAX, Processes};
pub use simulated::{Placed, Script, Scripted, Shelf, SimulatedExecutor, SimulatedPayload, Tree};

/// Both halves of the seam, as an agent is given them.
pub trait Work: Clone + Send + Sync + 'static {
    /// The half that moves files.
    type Payload: Payload;
    /// The half that runs commands.
    type Executor: Executor;

    /// The half that moves files.
    fn payload(&self) -> &Self::Payload;
    /// The half that runs commands.
    fn executor(&self) -> &Self::Executor;
}

/// Any payload beside any executor.
#[derive(Clone, Debug)]
pub struct Workshop<P, E> {
    /// The half that moves files.
    pub payload: P,
    /// The half that runs commands.
    pub executor: E,
}

impl<P: Payload, E: Executor> Work for Workshop<P, E> {
    type Payload = P;
    type Executor = E;

    fn payload(&self) -> &P {
        &self.payload
    }

    fn executor(&self) -> &E {
        &self.executor
    }
}

/// Moves the files of a transfer.
pub trait Payload: Clone + Send + Sync + 'static {
    /// The files under `source`, an operator's name for a directory, in a fixed order.
    ///
    /// # Errors
    /// When it cannot be read, or holds a link or a name that no destination would take.
    fn list(&self, source: &str) -> impl Future<Output = Result<Manifest, SourceError>> + Send;

    /// `length` octets of one listed file, from `offset`.
    ///
    /// # Errors
    /// When they cannot be read, or the file has become shorter.
    fn read(
        &self,
        source: &str,
        file: &RelativePath,
        offset: u64,
        length: usize,
    ) -> impl Future<Output = Result<Bytes, PayloadError>> + Send;

    /// Keeps one part of an object; durable when it returns. Repeating it is harmless.
    ///
    /// # Errors
    /// When it cannot be kept.
    fn stage(
        &self,
        object: &ObjectId,
        number: u32,
        octets: Bytes,
    ) -> impl Future<Output = Result<(), PayloadError>> + Send;

    /// Puts an object whose parts are all staged in place under the name of its job, in one atomic
    /// step, and lets go of the parts; durable when it returns. `digest` is that of the object.
    ///
    /// Repeating it is harmless: what an earlier commit of the same object put in place is
    /// recognised and stays. That something is there is no proof that it is that.
    ///
    /// # Errors
    /// When the manifest cannot be read, a path in it may not be used, the place is taken, or the
    /// disk refuses. Nothing of the object is in place then.
    fn commit(
        &self,
        object: &ObjectId,
        parts: u32,
        digest: Digest,
        job: &Job,
    ) -> impl Future<Output = Result<(), PayloadError>> + Send;
}

/// Runs commands that the destination's configuration names.
pub trait Executor: Clone + Send + Sync + 'static {
    /// Whether there is a command of that name.
    fn knows(&self, command: &CommandName) -> bool;

    /// Runs the command to its end. Dropping the future stops it.
    fn run(&self, job: &Job, command: &CommandName) -> impl Future<Output = Outcome> + Send;

    /// Ends what an earlier run of the job has left running: the agent in which it ran did not
    /// live to stop it. Asked before the work is reported as interrupted or begun again (ET-54).
    fn end_left(&self, job: &Job) -> impl Future<Output = ()> + Send {
        let _ = job;
        async {}
    }
}

/// The task whose work is done, among those of all senders.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Job {
    /// The environment that sent it.
    pub from: EnvironmentName,
    /// The task.
    pub task: TaskId,
}

/// What of the operator's own files cannot be transferred, and why.
///
/// Names a path of this host: it is for the one who asked for the transfer, and never sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path:?}")]
pub struct SourceError {
    /// The file or directory. What is not Unicode in it is replaced.
    pub path: String,
    /// Why not.
    #[source]
    pub why: PayloadError,
}

/// Why files cannot be moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// There is no such source.
    #[error("no such directory to transfer")]
    NoSource,
    /// The source is something else.
    #[error("is not a directory")]
    NotDirectory,
    /// The source cannot be read, or has changed since it was listed.
    #[error("the files cannot be read")]
    Unreadable,
    /// A path may not be used.
    #[error("the path cannot be used")]
    Path(#[source] PathProblem),
    /// The manifest is not one, or does not fit the parts.
    #[error("the manifest cannot be read")]
    Manifest,
    /// The manifest or the object is larger than can be sent.
    #[error("too many files or octets")]
    TooLarge,
    /// Something that is not this object is where it belongs; it stays untouched.
    #[error("something else is in its place")]
    TargetExists,
    /// The disk refused.
    #[error("the disk refused")]
    Storage,
}

impl PayloadError {
    /// The reason code that a failed task carries.
    #[must_use]
    pub const fn reason(self) -> FailureReason {
        match self {
            Self::NoSource | Self::NotDirectory | Self::Unreadable | Self::TooLarge => {
                FailureReason::SourceUnreadable
            }
            Self::Path(_) => FailureReason::PathRefused,
            Self::Manifest => FailureReason::ManifestMalformed,
            Self::TargetExists => FailureReason::TargetExists,
            Self::Storage => FailureReason::Storage,
        }
    }
}
