//! What can go wrong before anything runs, or while its results are kept.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use portcullis_reports::{ExitCode, RecordError};
use thiserror::Error;

use super::complain;
use crate::scenario::{LibraryError, ScenarioError};

/// Why the program could not do what it was asked for.
#[derive(Debug, Error)]
pub enum CliError {
    /// The working directory is gone or forbidden.
    #[error("cannot find the working directory")]
    WorkingDirectory(#[source] io::Error),
    /// The scenarios cannot be read, or none is meant.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// Scenario files are missing or wrong; each is printed with its problems.
    #[error(
        "{} scenario file{} cannot be used",
        unreadable.len() + wrong.len(),
        if unreadable.len() + wrong.len() == 1 { "" } else { "s" }
    )]
    Scenarios {
        /// What cannot be read or means no file.
        unreadable: Vec<LibraryError>,
        /// What is read and has problems.
        wrong: Vec<ScenarioError>,
    },
    /// No scenario matches the patterns.
    #[error("nothing ran")]
    NothingMatches(Vec<LibraryError>),
    /// The last seed would be beyond the largest number.
    #[error("{seeds} seeds from {seed} go beyond the largest seed, {}", u64::MAX)]
    Seeds {
        /// The first seed.
        seed: u64,
        /// How many.
        seeds: u64,
    },
    /// A file or directory that is to be written cannot be; found before anything runs.
    #[error("cannot write to `{}`", path.display())]
    Unwritable {
        /// As the user named it.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Exactly one scenario was wanted.
    #[error("`{pattern}` means {count} scenarios where one is wanted")]
    NotOne {
        /// What the user wrote.
        pattern: String,
        /// How many it means.
        count: usize,
    },
    /// The engine does not offer what the scenario needs.
    #[error("{engine} does not run {scenario}: {reason}")]
    NotOffered {
        /// The engine.
        engine: String,
        /// The scenario.
        scenario: String,
        /// The first reason.
        reason: String,
    },
    /// The report could not be written.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A file could not be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl CliError {
    /// The exit code that it means.
    #[must_use]
    pub const fn code(&self) -> ExitCode {
        match self {
            Self::Library(_)
            | Self::Scenarios { .. }
            | Self::Seeds { .. }
            | Self::Unwritable { .. }
            | Self::NotOne { .. }
            | Self::NotOffered { .. } => ExitCode::Usage,
            Self::NothingMatches(_) => ExitCode::NothingRan,
            Self::WorkingDirectory(_) | Self::Record(_) | Self::Write { .. } => ExitCode::Harness,
        }
    }

    /// Prints it with everything that caused it.
    pub(super) fn print(&self) {
        if let Self::Scenarios { wrong, .. } = self {
            for error in wrong {
                complain(error.render(super::ink()).trim_end());
            }
        }
        if let Self::Scenarios { unreadable, .. } | Self::NothingMatches(unreadable) = self {
            for error in unreadable {
                complain(&format!("error: {error}"));
            }
        }
        complain(&format!("error: {self}"));
        let mut cause = self.source();
        while let Some(error) = cause {
            complain(&format!("  because {error}"));
            cause = error.source();
        }
    }
}
