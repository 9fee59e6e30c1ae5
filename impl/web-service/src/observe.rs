//! What a farm announces: to the observer given at construction, and to `tracing`.

use std::sync::Arc;

use crate::message::{FileName, Guid, JobStatus};
use crate::state::DeploymentOutcome;
use crate::work::RunId;

/// Receives everything that a farm announces, in order, on the farm's own tasks: it must not block.
#[derive(Clone)]
pub struct Observer(Arc<dyn Fn(&FarmEvent) + Send + Sync>);

impl Observer {
    /// An observer that calls `observe`.
    pub fn new(observe: impl Fn(&FarmEvent) + Send + Sync + 'static) -> Self {
        Self(Arc::new(observe))
    }

    /// An observer that ignores everything.
    #[must_use]
    pub fn none() -> Self {
        Self::new(|_| {})
    }

    /// Announces `event`: the one place from which a farm logs.
    pub(crate) fn announce(&self, event: &FarmEvent) {
        tracing::debug!(?event);
        (self.0)(event);
    }
}

impl std::fmt::Debug for Observer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Observer")
    }
}

/// One thing that a farm announces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FarmEvent {
    /// An import job moved from one state to another, or was created (`from` is empty) or deleted
    /// (`to` is empty). Announced after the move is durable.
    Job {
        /// Which job.
        job: Guid,
        /// The state left, by name.
        from: &'static str,
        /// The state entered, by name.
        to: &'static str,
        /// Why, in the states that say so: the text of the failure.
        reason: Option<String>,
    },
    /// A timer job moved likewise.
    TimerJob {
        /// The import job that it belongs to.
        job: Guid,
        /// The state left, by name.
        from: &'static str,
        /// The state entered, by name.
        to: &'static str,
    },
    /// An uploaded file is durable.
    Uploaded {
        /// The job.
        job: Guid,
        /// The file.
        file: FileName,
        /// Its length.
        octets: u64,
    },
    /// The decompression of a job's packages begins.
    DecompressionStarted {
        /// The job.
        job: Guid,
    },
    /// An object is in the site.
    Placed {
        /// The job.
        job: Guid,
        /// Its number, from 0.
        number: u32,
        /// How many there are.
        count: u32,
    },
    /// Something about a deployment of this farm to another.
    Deploying(DeployingEvent),
    /// A request was answered.
    Answered {
        /// The operation, `upload`, or what else was asked for.
        what: &'static str,
        /// The HTTP status.
        status: u16,
        /// The rule that was broken, by name, if one was.
        violation: Option<&'static str>,
    },
    /// A database did not answer.
    DatabaseFailed {
        /// `worker` or `timer-service`.
        part: &'static str,
        /// `configuration` or `content`.
        database: &'static str,
        /// Why, in words.
        why: String,
    },
    /// A connection was closed because too many are open.
    ConnectionLimit,
    /// The request line or head could not be read (CD-42).
    BadRequest,
}

/// One thing that a deploying farm announces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeployingEvent {
    /// A run of a content deployment job moved, or was ordered (`from` is empty). Announced after
    /// the move is durable.
    Moved {
        /// Which run.
        run: RunId,
        /// The job's name.
        name: String,
        /// The state left, by name.
        from: &'static str,
        /// The state entered, by name.
        to: &'static str,
        /// Why, once it has failed or timed out.
        reason: Option<String>,
    },
    /// A run knows its import job from here on.
    RemoteJob {
        /// Which run.
        run: RunId,
        /// The job's name.
        name: String,
        /// The import job at the target.
        job: Guid,
    },
    /// A run is over.
    Ended {
        /// Which run.
        run: RunId,
        /// The job's name.
        name: String,
        /// How.
        outcome: DeploymentOutcome,
        /// The last status that the target reported.
        status: Option<JobStatus>,
    },
    /// A job was due, and was not run because its path is disabled.
    Skipped {
        /// Its name.
        name: String,
    },
    /// A job was deleted with all that was recorded of its runs.
    Removed {
        /// Its name.
        name: String,
    },
    /// A job was to be deleted and stays: import logs may be left at its target.
    Kept {
        /// Its name.
        name: String,
        /// Why.
        why: String,
    },
}
