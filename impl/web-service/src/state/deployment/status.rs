//! What a user is told of a run.

/// `ContentDeploymentJobStatus` as the source farm knows it: the words of a status page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum DeploymentStatus {
    /// Never run.
    NotAvailable,
    /// Before the export.
    Preparing,
    /// Exporting.
    ExportInProgress,
    /// Talking to the target, before the import.
    TransferInProgress,
    /// The target prepares the import.
    ImportPreparing,
    /// The target imports.
    ImportInProgress,
    /// Cancelling.
    CancelInProgress,
    /// Succeeded.
    Success,
    /// Failed.
    Failure,
    /// Cancelled.
    Cancelled,
    /// Timed out.
    ImportTimedOut,
}

impl DeploymentStatus {
    /// The product's word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotAvailable => "NotAvailable",
            Self::Preparing => "Preparing",
            Self::ExportInProgress => "ExportInProgress",
            Self::TransferInProgress => "TransferInProgress",
            Self::ImportPreparing => "ImportPreparing",
            Self::ImportInProgress => "ImportInProgress",
            Self::CancelInProgress => "CancelInProgress",
            Self::Success => "Success",
            Self::Failure => "Failure",
            Self::Cancelled => "Cancelled",
            Self::ImportTimedOut => "ImportTimedOut",
        }
    }
}
