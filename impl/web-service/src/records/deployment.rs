//! What a deploying farm must not forget.

use portcullis_store::Record;
use serde::{Deserialize, Serialize};

use super::{Database, Kept, ReportLine};
use crate::deploying::{DeploymentPath, Schedule};
use crate::message::Guid;
use crate::state::{DeploymentProgress, TimerProgress};
use crate::work::{JobKind, RunId, StoredFile};

/// A content deployment path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PathItem {
    pub(crate) id: Guid,
    pub(crate) path: DeploymentPath,
}

kept!(PathItem, "deployment-path" in Content, |this| this.path.name.clone());

/// The content deployment job list item: what it deploys, and how its newest run goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DeploymentItem {
    pub(crate) id: Guid,
    pub(crate) name: String,
    /// The path's name.
    pub(crate) path: String,
    pub(crate) kind: JobKind,
    pub(crate) schedule: Option<Schedule>,
    /// When it is due next, in milliseconds since 1970 by the farm's wall clock.
    pub(crate) due_ms: Option<i64>,
    /// The newest run; none before the first.
    pub(crate) run: Option<CurrentRun>,
    /// Whether a user wants it gone, and before that its import logs at the target.
    #[serde(default)]
    pub(crate) is_leaving: bool,
}

impl DeploymentItem {
    /// The newest run by its number.
    pub(crate) fn run_id(&self) -> Option<RunId> {
        let run = self.run.as_ref()?;
        Some(RunId {
            job: self.id,
            number: run.number,
        })
    }

    /// Whether a run is on its way.
    pub(crate) fn is_open(&self) -> bool {
        let progress = self.run.as_ref().map(|run| &run.progress);
        progress.is_some_and(|progress| !progress.state.is_final())
    }

    /// Whether the timer service has something to do about it: no other run may begin.
    pub(crate) fn is_busy(&self) -> bool {
        self.is_open() || self.is_leaving
    }
}

kept!(DeploymentItem, "deployment-job" in Content, |this| this.name.clone());

/// The newest run of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CurrentRun {
    /// Counted from 1.
    pub(crate) number: u64,
    pub(crate) progress: DeploymentProgress,
    /// When it was ordered, likewise.
    pub(crate) ordered_ms: i64,
    /// When the target last told its status, likewise.
    pub(crate) polled_ms: Option<i64>,
    /// Objects that the target had placed by then.
    pub(crate) imported_object_count: u32,
    /// What it said besides.
    pub(crate) remote_message: String,
}

/// The job report item of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DeploymentReport {
    pub(crate) run: RunId,
    pub(crate) lines: Vec<ReportLine>,
}

impl DeploymentReport {
    pub(crate) fn key_of(run: RunId) -> String {
        format!("{}/{:010}", run.job, run.number)
    }
}

kept!(DeploymentReport, "deployment-report" in Content, |this| {
    DeploymentReport::key_of(this.run)
});

/// The packages of a run, in the order in which they are uploaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ExportedPackages {
    pub(crate) run: RunId,
    pub(crate) files: Vec<StoredFile>,
}

kept!(ExportedPackages, "exported-packages" in Content, |this| {
    DeploymentReport::key_of(this.run)
});

/// A user's wish to cancel a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CancelDeployment {
    pub(crate) run: RunId,
}

kept!(CancelDeployment, "cancel-deployment" in Content, |this| {
    DeploymentReport::key_of(this.run)
});

/// The one-time timer job of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DeploymentTimerJob {
    pub(crate) run: RunId,
    /// The job's name.
    pub(crate) name: String,
    /// The path's name.
    pub(crate) path: String,
    pub(crate) progress: TimerProgress,
}

kept!(DeploymentTimerJob, "deployment-timer-job" in Configuration, |this| {
    DeploymentReport::key_of(this.run)
});
