//! What may happen to a run, and what is to be done then.

use super::states::DeploymentFailure;
use crate::message::{Guid, JobStatus};

/// What may happen to a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeploymentEvent {
    /// The timer service has claimed its timer job.
    PickedUp,
    /// The packages are on the disk.
    Exported {
        /// How many there are; without any, nothing has changed since the last deployment.
        files: u32,
    },
    /// `GetRemoteAdminServerUrl` was answered.
    Told {
        /// Where the import server's Central Administration is.
        url: String,
    },
    /// `CreateJob` was answered.
    Created {
        /// The import job.
        job: Guid,
    },
    /// The next package is at the target.
    Uploaded,
    /// `RunJob` was answered, or refused because an earlier call had taken effect.
    Started,
    /// `GetJobStatus` was answered in time.
    Polled {
        /// With this status.
        status: JobStatus,
    },
    /// CD-50: the status has not changed for as long as it may.
    NotChanged,
    /// A step failed for good.
    Failed(DeploymentFailure),
    /// A user asks for an end.
    CancelRequested,
    /// `CancelJob` was answered: with a response, or with a fault where it came too late.
    CancelCalled,
    /// `DeleteJob` was answered, or given up.
    Deleted {
        /// Why the import job may still be there, if it may.
        left: Option<String>,
    },
    /// The timer service found the run where an earlier life had left it.
    Recovered,
}

impl DeploymentEvent {
    /// The name in messages and tables.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::PickedUp => "picked-up",
            Self::Exported { .. } => "exported",
            Self::Told { .. } => "told",
            Self::Created { .. } => "created",
            Self::Uploaded => "uploaded",
            Self::Started => "started",
            Self::Polled { .. } => "polled",
            Self::NotChanged => "not-changed",
            Self::Failed(_) => "failed",
            Self::CancelRequested => "cancel-requested",
            Self::CancelCalled => "cancel-called",
            Self::Deleted { .. } => "deleted",
            Self::Recovered => "recovered",
        }
    }
}

/// What the shell does after a transition has been recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeploymentEffect {
    /// Export the content.
    Export,
    /// Call `GetRemoteAdminServerUrl`.
    Ask,
    /// Call `CreateJob`.
    Create,
    /// Upload the next package.
    Upload,
    /// Call `RunJob`.
    Run,
    /// Call `GetJobStatus` when it is time to.
    Poll,
    /// Call `CancelJob`.
    Cancel,
    /// Call `DeleteJob`.
    Delete,
    /// Remove the packages, unless they are to be kept.
    Clean,
}
