//! What a user sees of a job: from its items here, never from the target (CD-53).

use serde::{Deserialize, Serialize};

use crate::client::reason_in_words;
use crate::message::Guid;
use crate::records::{DeploymentItem, DeploymentReport, PathItem, Severity};
use crate::state::{DeploymentOutcome, DeploymentProgress, DeploymentState, DeploymentStatus};
use crate::work::JobKind;

/// A content deployment job, as its items say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentView {
    /// Its id, which is the source id of its import jobs (CD-37).
    pub id: Guid,
    /// Its name.
    pub name: String,
    /// The path's name.
    pub path: String,
    /// Whether no run may begin along the path.
    pub is_path_disabled: bool,
    /// How much it exports.
    pub kind: JobKind,
    /// When it is due next, in milliseconds since 1970.
    pub due_ms: Option<i64>,
    /// Which run is the newest, counted from 1; 0 before the first.
    pub run_number: u64,
    /// The status in the product's words.
    pub status: DeploymentStatus,
    /// How far the newest run has come; none before the first.
    pub progress: Option<DeploymentProgress>,
    /// When it was ordered, likewise.
    pub ordered_ms: Option<i64>,
    /// When the target last told its status, likewise.
    pub polled_ms: Option<i64>,
    /// Objects that the target had placed by then.
    pub imported_object_count: u32,
    /// What it said besides.
    pub remote_message: String,
    /// Whether the job is being deleted.
    pub is_leaving: bool,
    /// The report of the newest run, the oldest line first.
    pub lines: Vec<LineView>,
}

/// When a job runs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextRun {
    /// Then, in milliseconds since 1970.
    At(i64),
    /// It is due, and waits for its newest run to end.
    AfterItsRun,
    /// Whatever its schedule says, not before its path is enabled.
    NotWhileDisabled,
}

impl NextRun {
    /// The same in words, where `moment` writes times.
    #[must_use]
    pub fn words(self, moment: impl FnOnce(i64) -> String) -> String {
        match self {
            Self::At(due_ms) => moment(due_ms),
            Self::AfterItsRun => "when this run has ended".to_owned(),
            Self::NotWhileDisabled => "not while its path is disabled".to_owned(),
        }
    }
}

/// One line of a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineView {
    /// In milliseconds since 1970.
    pub at_ms: i64,
    /// How much it means.
    pub severity: Severity,
    /// What happened.
    pub text: String,
}

impl DeploymentView {
    /// Of a job, its path and the report of its newest run; without the latter of a list's.
    pub(crate) fn of(
        item: DeploymentItem,
        path: Option<&PathItem>,
        report: Option<DeploymentReport>,
    ) -> Self {
        let run = item.run;
        let progress = run.as_ref().map(|run| run.progress.clone());
        let status = progress.as_ref().map(DeploymentProgress::status);
        let lines = report.map_or_else(Vec::new, |report| report.lines);
        let lines = lines.into_iter().map(|line| LineView {
            at_ms: line.at_ms,
            severity: line.severity,
            text: line.text,
        });
        Self {
            id: item.id,
            name: item.name,
            path: item.path,
            is_path_disabled: path.is_some_and(|path| !path.path.is_enabled),
            kind: item.kind,
            due_ms: item.due_ms,
            run_number: run.as_ref().map_or(0, |run| run.number),
            status: status.unwrap_or(DeploymentStatus::NotAvailable),
            progress,
            ordered_ms: run.as_ref().map(|run| run.ordered_ms),
            polled_ms: run.as_ref().and_then(|run| run.polled_ms),
            imported_object_count: run.as_ref().map_or(0, |run| run.imported_object_count),
            remote_message: run.map_or_else(String::new, |run| run.remote_message),
            is_leaving: item.is_leaving,
            lines: lines.collect(),
        }
    }

    /// Whether a run is on its way, or the job is being deleted.
    #[must_use]
    pub fn is_open(&self) -> bool {
        let progress = self.progress.as_ref();
        self.is_leaving || progress.is_some_and(|progress| !progress.state.is_final())
    }

    /// When the job runs next by its schedule; none without one.
    #[must_use]
    pub fn next_run(&self, now_ms: i64) -> Option<NextRun> {
        let due_ms = self.due_ms?;
        Some(if self.is_path_disabled {
            NextRun::NotWhileDisabled
        } else if self.is_open() && due_ms <= now_ms {
            NextRun::AfterItsRun
        } else {
            NextRun::At(due_ms)
        })
    }

    /// The path's name, and that it is disabled if it is.
    #[must_use]
    pub fn path_words(&self) -> String {
        if self.is_path_disabled {
            format!("{} (disabled)", self.path)
        } else {
            self.path.clone()
        }
    }

    /// What the newest run does, or how it ended, in words.
    #[must_use]
    pub fn words(&self) -> String {
        if self.is_leaving {
            return "is being deleted".to_owned();
        }
        let Some(progress) = &self.progress else {
            return "never run".to_owned();
        };
        if let Some(outcome) = &progress.outcome {
            return outcome_words(outcome);
        }
        match progress.state {
            DeploymentState::Preparing => "waits for the timer service".to_owned(),
            DeploymentState::Exporting => "exports".to_owned(),
            DeploymentState::Asking => "asks which server imports".to_owned(),
            DeploymentState::Creating => "creates the import job".to_owned(),
            DeploymentState::Uploading => {
                let (uploaded, files) = (progress.uploaded, progress.files);
                format!("uploads: {uploaded} of {files} packages")
            }
            DeploymentState::Starting => "starts the import".to_owned(),
            DeploymentState::Cancelling => "cancels".to_owned(),
            DeploymentState::Importing if self.polled_ms.is_none() => "imports".to_owned(),
            DeploymentState::Importing => {
                format!("imports: {} objects", self.imported_object_count)
            }
            // These have an outcome.
            DeploymentState::Deleting
            | DeploymentState::Succeeded
            | DeploymentState::Failed
            | DeploymentState::Cancelled
            | DeploymentState::TimedOut => progress.state.name().to_owned(),
        }
    }
}

fn outcome_words(outcome: &DeploymentOutcome) -> String {
    match outcome {
        DeploymentOutcome::Succeeded => "succeeded".to_owned(),
        DeploymentOutcome::Failed(why) => {
            let reason = reason_in_words(&why.reason);
            format!("failed ({}): {reason}", why.step.name())
        }
        DeploymentOutcome::Cancelled => "cancelled".to_owned(),
        DeploymentOutcome::NotChanged => {
            "timed out: the status of the import did not change for too long".to_owned()
        }
        DeploymentOutcome::ImportTimedOut => "timed out at the target".to_owned(),
    }
}
