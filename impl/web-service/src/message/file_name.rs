//! Names of uploaded files.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The longest name of an uploaded file, in octets of UTF-8.
pub const FILE_NAME_OCTETS_MAX: usize = 255;

/// Names that a Windows server cannot have as files, whatever follows behind a dot.
const RESERVED: &[&str] = &[
    "con", "prn", "aux", "nul", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8",
    "com9", "lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
];

/// The name of one uploaded file: a name within one folder on any system, never a path (CD-44).
///
/// Two names that differ in case only are the same file; [`FileName::folded`] is what decides.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FileName(Arc<str>);

/// Why a text is no name for an uploaded file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileNameProblem {
    /// There is no text.
    #[error("empty")]
    Empty,
    /// It is longer than [`FILE_NAME_OCTETS_MAX`].
    #[error("longer than 255 octets")]
    TooLong,
    /// It has a separator, a colon, a wildcard, a quote or a control character.
    #[error("has a character that no file name has")]
    Character,
    /// It is `.` or `..`, or begins or ends in a way that a file system would change.
    #[error("begins or ends as no file name does")]
    Edge,
    /// A Windows device has that name.
    #[error("the name of a device")]
    Reserved,
}

impl FileName {
    /// Checks and takes the text.
    ///
    /// # Errors
    /// When it is no name of a file within one folder.
    pub fn new(text: &str) -> Result<Self, FileNameProblem> {
        if text.is_empty() {
            return Err(FileNameProblem::Empty);
        }
        if text.len() > FILE_NAME_OCTETS_MAX {
            return Err(FileNameProblem::TooLong);
        }
        let illegal = |letter: char| letter.is_control() || r#"/\:*?"<>|"#.contains(letter);
        if text.chars().any(illegal) {
            return Err(FileNameProblem::Character);
        }
        if text.starts_with(['.', ' ']) || text.ends_with(['.', ' ']) {
            return Err(FileNameProblem::Edge);
        }
        let stem = text.split('.').next().unwrap_or(text).trim_end();
        if RESERVED.iter().any(|name| stem.eq_ignore_ascii_case(name)) {
            return Err(FileNameProblem::Reserved);
        }
        Ok(Self(text.into()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text by which names are compared.
    #[must_use]
    pub fn folded(&self) -> String {
        self.0.to_lowercase()
    }
}

impl FromStr for FileName {
    type Err = FileNameProblem;

    fn from_str(text: &str) -> Result<Self, FileNameProblem> {
        Self::new(text)
    }
}

impl TryFrom<String> for FileName {
    type Error = FileNameProblem;

    fn try_from(text: String) -> Result<Self, FileNameProblem> {
        Self::new(&text)
    }
}

impl From<FileName> for String {
    fn from(name: FileName) -> Self {
        name.as_str().to_owned()
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_in_their_folder() {
        use FileNameProblem as Problem;
        for (text, problem) in [
            ("", Problem::Empty),
            ("..", Problem::Edge),
            (".", Problem::Edge),
            (".hidden", Problem::Edge),
            ("a.", Problem::Edge),
            ("../x.cab", Problem::Character),
            ("..\\x.cab", Problem::Character),
            ("C:x.cab", Problem::Character),
            ("a/b.cab", Problem::Character),
            ("a\0.cab", Problem::Character),
            ("nul", Problem::Reserved),
            ("Com1.cab", Problem::Reserved),
        ] {
            assert_eq!(FileName::new(text), Err(problem), "{text:?}");
        }
        let long = "x".repeat(FILE_NAME_OCTETS_MAX + 1);
        assert_eq!(FileName::new(&long), Err(Problem::TooLong));
        let good = FileName::new("Exported Files (2).cab").unwrap();
        assert_eq!(good.folded(), "exported files (2).cab");
    }
}
