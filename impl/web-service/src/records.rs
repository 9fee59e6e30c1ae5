//! What a farm must not forget, as typed records of its two databases.
//!
//! Worker and timer service, and a farm's desk and its deployments, meet in these records and
//! nowhere else.

use portcullis_store::Record;
use serde::{Deserialize, Serialize};

use crate::message::{FileName, Guid, NewJob};
use crate::state::{JobProgress, TimerProgress};

/// Which database of the farm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Database {
    /// Timer jobs, and how often the farm's servers have started.
    Configuration,
    /// Everything about import jobs.
    Content,
}

impl Database {
    /// The name in histories and logs.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Content => "content",
        }
    }
}

/// A record that has its place in one of the two databases.
pub(crate) trait Kept: Record {
    /// Where it is kept.
    const DATABASE: Database;
}

/// Implements [`Record`] and [`Kept`] for a record whose key is an expression of its fields.
macro_rules! kept {
    ($record:ty, $table:literal in $database:ident, |$this:ident| $key:expr) => {
        impl Record for $record {
            const TABLE: &'static str = $table;
            const SCHEMA: u32 = 1;

            fn key(&self) -> String {
                let $this = self;
                $key
            }
        }

        impl Kept for $record {
            const DATABASE: Database = Database::$database;
        }
    };
}

mod deployment;

pub(crate) use deployment::{
    CancelDeployment, CurrentRun, DeploymentItem, DeploymentReport, DeploymentTimerJob,
    ExportedPackages, PathItem,
};

/// The one-time execution unit of an import job (CD-22).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TimerJob {
    /// The import job that it runs.
    pub(crate) job: Guid,
    pub(crate) progress: TimerProgress,
    /// Counts the signs of life of all owners.
    pub(crate) renewals: u64,
}

kept!(TimerJob, "timer-job" in Configuration, |this| this.job.to_string());

/// How often a part of a server has started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Starts {
    pub(crate) server: String,
    pub(crate) part: String,
    pub(crate) count: u64,
}

impl Starts {
    /// The key for one part of one server.
    pub(crate) fn key_of(server: &str, part: &str) -> String {
        format!("{server}/{part}")
    }
}

kept!(Starts, "starts" in Configuration, |this| Starts::key_of(&this.server, &this.part));

/// An import job: what it is to do, and how far it has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ImportJob {
    pub(crate) job: Guid,
    pub(crate) order: NewJob,
    pub(crate) progress: JobProgress,
    /// How many files were uploaded.
    pub(crate) files: u32,
    /// Octets of all of them.
    pub(crate) octets: u64,
    /// When this record was last written, in milliseconds since 1970 by the writer's wall clock.
    pub(crate) changed_ms: i64,
}

kept!(ImportJob, "import-job" in Content, |this| this.job.to_string());

/// A file that was uploaded, by its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UploadedFile {
    pub(crate) job: Guid,
    pub(crate) name: FileName,
    pub(crate) octets: u64,
}

impl UploadedFile {
    /// The key of a job's file: names that differ in case only are one file.
    pub(crate) fn key_of(job: Guid, name: &FileName) -> String {
        format!("{job}/{}", name.folded())
    }
}

kept!(UploadedFile, "uploaded-file" in Content, |this| {
    UploadedFile::key_of(this.job, &this.name)
});

/// Which file of a job has which number, so that they can be read without those of other jobs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileNumber {
    pub(crate) job: Guid,
    /// From 0, in the order of arrival.
    pub(crate) number: u32,
    pub(crate) name: FileName,
}

impl FileNumber {
    /// The key of file number `number` of a job.
    pub(crate) fn key_of(job: Guid, number: u32) -> String {
        format!("{job}/{number:010}")
    }
}

kept!(FileNumber, "file-number" in Content, |this| FileNumber::key_of(this.job, this.number));

/// The job-report item of an import job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct JobReport {
    pub(crate) job: Guid,
    pub(crate) lines: Vec<ReportLine>,
}

impl JobReport {
    /// How many lines are that severe.
    pub(crate) fn count(&self, severity: Severity) -> u32 {
        let of_it = self.lines.iter().filter(|line| line.severity == severity);
        u32::try_from(of_it.count()).unwrap_or(u32::MAX)
    }
}

kept!(JobReport, "job-report" in Content, |this| this.job.to_string());

/// One line of a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReportLine {
    /// In milliseconds since 1970 by the writer's wall clock.
    pub(crate) at_ms: i64,
    pub(crate) severity: Severity,
    pub(crate) text: String,
}

/// How severe a line of a report is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Something happened as it should.
    Message,
    /// Something is left over.
    Warning,
    /// Something failed.
    Error,
}

impl Severity {
    /// The name in logs and on pages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// The import logs of one content deployment job of the source (CD-37). They outlive the import
/// jobs that made them (CD-32).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ImportLogs {
    pub(crate) source: Guid,
    /// The oldest first.
    pub(crate) logs: Vec<ImportLog>,
}

kept!(ImportLogs, "import-logs" in Content, |this| this.source.to_string());

/// The log of one import job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ImportLog {
    pub(crate) job: Guid,
    pub(crate) lines: Vec<ReportLine>,
}

/// A request to cancel that is being handled: the timer service finishes it if the worker that took
/// it cannot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CancelRequest {
    pub(crate) job: Guid,
}

kept!(CancelRequest, "cancel-request" in Content, |this| this.job.to_string());

/// A deleted job whose files the import server has still to remove.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Removal {
    pub(crate) job: Guid,
}

kept!(Removal, "removal" in Content, |this| this.job.to_string());
