//! The other end of the work seam: what a deploying farm exports, real and simulated.

mod simulated;
mod tree;

use std::future::Future;

use tokio::io::AsyncRead;

use super::StoredFile;
use crate::message::{FileName, Guid};

pub use simulated::{ExportScript, ScriptedExport, ScriptedExporter};
pub use tree::TreeExporter;

/// What a content deployment job exports.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum JobKind {
    /// Everything, each time.
    Full,
    /// What has changed since the path's last deployment that succeeded.
    Incremental,
    /// What authors have marked for quick deployment since then.
    QuickDeploy,
}

impl JobKind {
    /// Every kind, in the order of declaration.
    pub const ALL: [Self; 3] = [Self::Full, Self::Incremental, Self::QuickDeploy];

    /// The name in records, logs and on pages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Incremental => "incremental",
            Self::QuickDeploy => "quick-deploy",
        }
    }
}

/// One run of one content deployment job: its export has a folder of its own.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub struct RunId {
    /// The content deployment job.
    pub job: Guid,
    /// Its run, counted from 1.
    pub number: u64,
}

impl std::fmt::Display for RunId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.job, self.number)
    }
}

/// What is to be exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportOrder {
    /// For which run.
    pub run: RunId,
    /// The path that is deployed along: what is incremental is so since the last success on it.
    pub path: Guid,
    /// The content, as the exporter knows it by name.
    pub source: String,
    /// How much of it.
    pub kind: JobKind,
    /// Whether the packages are compressed.
    pub is_compressed: bool,
    /// Octets of one package at most; a file that is larger is not split (CD-46).
    pub package_octets_max: u64,
}

/// Exports content into packages, and keeps them until the run has ended.
pub trait Exporter: Clone + Send + Sync + 'static {
    /// A package that is read.
    type Package: AsyncRead + Send + Unpin;

    /// Exports; the packages are durable when it returns. Without any there is nothing to deploy.
    /// Repeating it for one run begins anew.
    ///
    /// # Errors
    /// When the content cannot be exported.
    fn export(
        &self,
        order: &ExportOrder,
    ) -> impl Future<Output = Result<Vec<StoredFile>, ExportFailure>> + Send;

    /// Opens a package of a run.
    ///
    /// # Errors
    /// When it is not there or cannot be read.
    fn open(
        &self,
        run: RunId,
        package: &FileName,
    ) -> impl Future<Output = Result<Self::Package, ExportFailure>> + Send;

    /// The import of a run's packages has succeeded: what is incremental starts from here. Durable
    /// when it returns; repeating it is harmless.
    ///
    /// # Errors
    /// When that cannot be recorded: the next incremental export then has too much, never too
    /// little.
    fn deployed(
        &self,
        order: &ExportOrder,
    ) -> impl Future<Output = Result<(), ExportFailure>> + Send;

    /// Removes the packages of a run; harmless when there are none.
    fn clean(&self, run: RunId) -> impl Future<Output = ()> + Send;
}

/// Why content cannot be exported: the run's report says so in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExportFailure {
    /// No content has that name.
    #[error("there is no content of that name")]
    UnknownSource,
    /// Something in it cannot be packed; which, and why.
    #[error("{0}")]
    Content(String),
    /// A package is not there any more.
    #[error("a package is gone")]
    Gone,
    /// The disk has no room.
    #[error("the disk is full")]
    Full,
    /// The disk refused.
    #[error("the disk refused")]
    Storage,
    /// Only in a simulation: the script says so.
    #[error("the script says that the export fails")]
    Scripted,
}
