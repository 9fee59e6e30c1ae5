//! The states of a run, and how it may end.

use serde::{Deserialize, Serialize};

/// The states of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeploymentState {
    /// Ordered; its timer job has not been picked up.
    Preparing,
    /// The content is exported into packages.
    Exporting,
    /// `GetRemoteAdminServerUrl`: which server imports.
    Asking,
    /// `CreateJob`.
    Creating,
    /// The packages are uploaded, one after the other.
    Uploading,
    /// `RunJob`.
    Starting,
    /// `GetJobStatus`, again and again.
    Importing,
    /// `CancelJob`.
    Cancelling,
    /// How the run ended is decided; `DeleteJob`.
    Deleting,
    /// Final: the import succeeded.
    Succeeded,
    /// Final: something failed, here or there.
    Failed,
    /// Final: cancelled.
    Cancelled,
    /// Final: the status did not change for too long, or the target said that it took too long.
    TimedOut,
}

impl DeploymentState {
    /// Every state, in the order of declaration.
    pub const ALL: [Self; 13] = [
        Self::Preparing,
        Self::Exporting,
        Self::Asking,
        Self::Creating,
        Self::Uploading,
        Self::Starting,
        Self::Importing,
        Self::Cancelling,
        Self::Deleting,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
        Self::TimedOut,
    ];

    /// The name in histories, logs and records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Preparing => "preparing",
            Self::Exporting => "exporting",
            Self::Asking => "asking",
            Self::Creating => "creating",
            Self::Uploading => "uploading",
            Self::Starting => "starting",
            Self::Importing => "importing",
            Self::Cancelling => "cancelling",
            Self::Deleting => "deleting",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::TimedOut => "timed-out",
        }
    }

    /// Whether nothing can change it any more.
    #[must_use]
    pub const fn is_final(self) -> bool {
        match self {
            Self::Succeeded | Self::Failed | Self::Cancelled | Self::TimedOut => true,
            Self::Preparing
            | Self::Exporting
            | Self::Asking
            | Self::Creating
            | Self::Uploading
            | Self::Starting
            | Self::Importing
            | Self::Cancelling
            | Self::Deleting => false,
        }
    }
}

/// How a run ended, decided before its import job is deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeploymentOutcome {
    /// The import succeeded, or there was nothing to deploy.
    Succeeded,
    /// Something failed.
    Failed(DeploymentFailure),
    /// Cancelled.
    Cancelled,
    /// CD-50, CD-51: the status did not change for too long.
    NotChanged,
    /// The target says that the import took longer than it allows.
    ImportTimedOut,
}

impl DeploymentOutcome {
    pub(super) const fn state(&self) -> DeploymentState {
        match self {
            Self::Succeeded => DeploymentState::Succeeded,
            Self::Failed(_) => DeploymentState::Failed,
            Self::Cancelled => DeploymentState::Cancelled,
            Self::NotChanged | Self::ImportTimedOut => DeploymentState::TimedOut,
        }
    }
}

/// A step of a run that can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeploymentStep {
    /// The export.
    Export,
    /// `GetRemoteAdminServerUrl`.
    Ask,
    /// `CreateJob`.
    Create,
    /// An upload.
    Upload,
    /// `RunJob`.
    Run,
    /// `GetJobStatus`: what it reports, too.
    Poll,
}

impl DeploymentStep {
    /// The name in histories, logs and on pages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Export => "export",
            Self::Ask => "ask",
            Self::Create => "create",
            Self::Upload => "upload",
            Self::Run => "run",
            Self::Poll => "poll",
        }
    }
}

/// Why a run failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentFailure {
    /// At which step.
    pub step: DeploymentStep,
    /// The rule that a fault names, a status code, or what happened in words.
    pub reason: String,
}
