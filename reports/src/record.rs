//! The run record: what a run leaves behind, from which every verdict can be recomputed.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Entry, Finding, Verdict};

/// The format of the record on disk; a reader refuses a newer one by name.
pub const FORMAT: u32 = 1;

/// A whole invocation of `portcullis run`: one case for each scenario and seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRecord {
    /// [`FORMAT`] of the writer.
    pub format: u32,
    /// The version of the program that ran it.
    pub program: String,
    /// The cases in the order of their scenarios, then seeds.
    pub cases: Vec<CaseRecord>,
    /// Every clause that the program knows, for the view by clause.
    pub clauses: Vec<ClauseRecord>,
}

/// One clause of a specification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClauseRecord {
    /// Its stable name, such as `ET-17`.
    pub id: String,
    /// `must`, `should` or `may`.
    pub level: String,
    /// Who has to keep it.
    pub binds: String,
    /// The statement.
    pub text: String,
    /// Why no scenario covers it, when none does: the exception's reason or what will cover it.
    pub uncovered: Option<String>,
}

/// One scenario under one seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseRecord {
    /// The scenario's path below `scenarios/`, without the ending.
    pub scenario: String,
    /// Its claim.
    pub title: String,
    /// Why the claim matters.
    pub why: String,
    /// The clauses that it checks.
    pub clauses: Vec<String>,
    /// The engine that ran it.
    pub engine: String,
    /// The seed.
    pub seed: u64,
    /// What it came to: the worst of its findings.
    pub verdict: Verdict,
    /// What each check found.
    pub findings: Vec<Finding>,
    /// The digest over every event, as 32 hexadecimal digits.
    pub digest: String,
    /// How many entries the history has.
    pub entries: usize,
    /// Simulated time from start to end, in milliseconds.
    pub simulated_ms: u64,
    /// The command that shows it again.
    pub replay: String,
    /// The plan: scenario and seed, fully resolved.
    pub plan: String,
}

/// What a case leaves besides its record.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// Everything observable, in order.
    pub history: &'a [Entry],
    /// The capture as pcapng, when one was taken.
    pub capture: Option<&'a [u8]>,
    /// The secrets of the run's TLS sessions, in the format of `SSLKEYLOGFILE`; empty without TLS.
    pub key_log: &'a str,
}

/// Why a record could not be written or read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The operating system refused.
    #[error("cannot use `{}`", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file of the record is not what it should be.
    #[error("`{}` is not a run record", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What the reader found.
        #[source]
        source: serde_json::Error,
    },
    /// The record was written by a newer program.
    #[error("record format {found} is newer than {FORMAT}, the newest known here")]
    Newer {
        /// The format that the record names.
        found: u32,
    },
}

impl CaseRecord {
    /// The folder of this case below the report's, the same for the same scenario, engine and seed.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        Path::new("cases")
            .join(&self.scenario)
            .join(format!("{}-{}", self.engine, self.seed))
    }

    /// Writes the evidence of this case below `report`: `history.jsonl`, `plan.txt`, when a capture
    /// was taken, `capture.pcapng`, and when there was TLS, `keys.log`.
    ///
    /// # Errors
    /// [`RecordError::Io`] when the system refuses.
    pub fn write_evidence(&self, report: &Path, evidence: Evidence<'_>) -> Result<(), RecordError> {
        let folder = report.join(self.folder());
        std::fs::create_dir_all(&folder).map_err(|source| io_error(&folder, source))?;
        let path = folder.join("history.jsonl");
        let mut lines = Vec::new();
        for entry in evidence.history {
            serde_json::to_writer(&mut lines, entry).map_err(|source| RecordError::Malformed {
                path: path.clone(),
                source,
            })?;
            lines.push(b'\n');
        }
        write(&path, &lines)?;
        write(&folder.join("plan.txt"), self.plan.as_bytes())?;
        if !evidence.key_log.is_empty() {
            write(&folder.join("keys.log"), evidence.key_log.as_bytes())?;
        }
        match evidence.capture {
            Some(capture) => write(&folder.join("capture.pcapng"), capture),
            None => Ok(()),
        }
    }
}

impl RunRecord {
    /// Removes the cases of an earlier record from `report`, which would look like those of the
    /// next one. A folder without a record is left as it is.
    ///
    /// # Errors
    /// [`RecordError::Io`] when the system refuses.
    pub fn clear(report: &Path) -> Result<(), RecordError> {
        let cases = report.join("cases");
        if report.join("record.json").is_file() && cases.is_dir() {
            std::fs::remove_dir_all(&cases).map_err(|source| io_error(&cases, source))?;
        }
        Ok(())
    }

    /// Writes `record.json`, `junit.xml` and `report.html` into `report`.
    ///
    /// # Errors
    /// [`RecordError::Io`] when the system refuses.
    pub fn write(&self, report: &Path) -> Result<(), RecordError> {
        std::fs::create_dir_all(report).map_err(|source| io_error(report, source))?;
        let path = report.join("record.json");
        let json = serde_json::to_vec_pretty(self).map_err(|source| RecordError::Malformed {
            path: path.clone(),
            source,
        })?;
        write(&path, &json)?;
        write(
            &report.join("junit.xml"),
            crate::junit::render(self).as_bytes(),
        )?;
        write(
            &report.join("report.html"),
            crate::html::render(self, report)?.as_bytes(),
        )
    }

    /// Reads `record.json` from `report`.
    ///
    /// # Errors
    /// [`RecordError`], by what is wrong.
    pub fn read(report: &Path) -> Result<Self, RecordError> {
        let path = report.join("record.json");
        let bytes = std::fs::read(&path).map_err(|source| io_error(&path, source))?;
        let record: Self = serde_json::from_slice(&bytes)
            .map_err(|source| RecordError::Malformed { path, source })?;
        if record.format > FORMAT {
            return Err(RecordError::Newer {
                found: record.format,
            });
        }
        Ok(record)
    }
}

/// Reads the history of a case from its folder.
///
/// # Errors
/// [`RecordError`], by what is wrong.
pub fn read_history(case: &Path) -> Result<Vec<Entry>, RecordError> {
    let path = case.join("history.jsonl");
    let text = std::fs::read_to_string(&path).map_err(|source| io_error(&path, source))?;
    text.lines()
        .map(|line| {
            serde_json::from_str(line).map_err(|source| RecordError::Malformed {
                path: path.clone(),
                source,
            })
        })
        .collect()
}

fn io_error(path: &Path, source: io::Error) -> RecordError {
    RecordError::Io {
        path: path.to_owned(),
        source,
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), RecordError> {
    std::fs::write(path, bytes).map_err(|source| io_error(path, source))
}
