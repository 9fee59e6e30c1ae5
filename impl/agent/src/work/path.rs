//! The paths that a transfer may carry.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A path below the root of a transfer: `/` between its parts, none of them special anywhere.
///
/// Checked on both sides, and by the same rule on every operating system, so that what leaves one
/// environment can be put in place at the next.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RelativePath(Box<str>);

/// Why a path is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathProblem {
    /// It begins with `/` or `\\`, or with a drive and one of these.
    #[error("absolute path")]
    Absolute,
    /// Two paths differ in case only, or not at all; or one is a directory of another.
    #[error("two paths that some file system takes for one")]
    Duplicate,
    /// An empty part, `.` or `..`.
    #[error("path leaves its place")]
    Escape,
    /// A part holds one of `\\ : * ? " < > |`.
    #[error("contains a character that Windows reserves")]
    Character,
    /// A part holds a control character, one that XML cannot carry, or what is not Unicode.
    #[error("contains a character that a manifest cannot carry")]
    Unprintable,
    /// It is a symbolic link.
    #[error("is a link")]
    Link,
    /// It is a device, a pipe or the like.
    #[error("neither file nor directory")]
    Special,
    /// The path is longer than 1024 octets, or a part longer than 255.
    #[error("path too long")]
    Long,
    /// A part has a name that Windows reserves for a device.
    #[error("has a name that Windows reserves")]
    Reserved,
    /// A part ends in a dot or space, which Windows drops.
    #[error("ends in a dot or space")]
    Trailing,
}

impl RelativePath {
    /// Checks and takes a path.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn new(path: &str) -> Result<Self, PathProblem> {
        let drive = matches!(path.as_bytes(), [letter, b':', b'/' | b'\\', ..]
            if letter.is_ascii_alphabetic());
        if path.starts_with(['/', '\\']) || drive {
            return Err(PathProblem::Absolute);
        }
        if path.len() > 1024 {
            return Err(PathProblem::Long);
        }
        path.split('/').try_for_each(check_part)?;
        Ok(Self(path.into()))
    }

    /// The path, with `/` between its parts.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form in which two paths are compared: what a file system without case would take for
    /// the same is the same.
    fn folded(&self) -> String {
        self.0.chars().flat_map(char::to_lowercase).collect()
    }
}

impl TryFrom<String> for RelativePath {
    type Error = PathProblem;

    fn try_from(path: String) -> Result<Self, PathProblem> {
        Self::new(&path)
    }
}

impl From<RelativePath> for String {
    fn from(path: RelativePath) -> Self {
        path.0.into()
    }
}

impl fmt::Display for RelativePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn check_part(part: &str) -> Result<(), PathProblem> {
    if matches!(part, "" | "." | "..") {
        return Err(PathProblem::Escape);
    }
    if part.len() > 255 {
        return Err(PathProblem::Long);
    }
    if part.contains(['\\', ':', '*', '?', '"', '<', '>', '|']) {
        return Err(PathProblem::Character);
    }
    // XML 1.0 cannot carry these two, so no manifest could name them.
    if part.contains(|c: char| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}')) {
        return Err(PathProblem::Unprintable);
    }
    if is_reserved(part) {
        return Err(PathProblem::Reserved);
    }
    if part.ends_with(['.', ' ']) {
        return Err(PathProblem::Trailing);
    }
    Ok(())
}

/// Names that Windows gives to devices, with any extension.
fn is_reserved(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or(part).trim_end();
    let stem = stem.to_ascii_lowercase();
    let numbered = |prefix: &str| {
        stem.strip_prefix(prefix).is_some_and(|rest| {
            matches!(
                rest,
                "0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9"
            ) || matches!(rest, "\u{b9}" | "\u{b2}" | "\u{b3}")
        })
    };
    matches!(
        stem.as_str(),
        "con" | "prn" | "aux" | "nul" | "conin$" | "conout$"
    ) || numbered("com")
        || numbered("lpt")
}

/// Refuses a set of paths in which some file system would take two for one, or a file for a
/// directory; returns one of the two.
pub(crate) fn check_distinct<'a>(
    paths: impl IntoIterator<Item = &'a RelativePath>,
) -> Result<(), &'a RelativePath> {
    let mut files = BTreeMap::new();
    for path in paths {
        if files.insert(path.folded(), path).is_some() {
            return Err(path);
        }
    }
    for (folded, path) in &files {
        let mut ancestors = folded
            .match_indices('/')
            .filter_map(|(at, _)| folded.get(..at));
        if ancestors.any(|ancestor| files.contains_key(ancestor)) {
            return Err(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_paths_pass() {
        for path in [
            "a", "a/b.txt", "ä/ö ü", "con-fig", "com10", "a..b", ".hidden", "a b/c",
        ] {
            assert!(RelativePath::new(path).is_ok(), "{path}");
        }
    }

    #[test]
    fn paths_that_leave_their_place_or_mean_something_elsewhere_are_refused() {
        use PathProblem as Problem;
        for (path, problem) in [
            ("/etc/passwd", Problem::Absolute),
            ("\\\\server\\share", Problem::Absolute),
            ("C:/x", Problem::Absolute),
            ("c:\\x", Problem::Absolute),
            ("c:x", Problem::Character),
            ("a:b", Problem::Character),
            ("../x", Problem::Escape),
            ("a/../../x", Problem::Escape),
            ("a/./b", Problem::Escape),
            ("a//b", Problem::Escape),
            ("", Problem::Escape),
            ("a/", Problem::Escape),
            ("a\\..\\b", Problem::Character),
            ("a/b:stream", Problem::Character),
            ("a\0b", Problem::Unprintable),
            ("a\nb", Problem::Unprintable),
            ("NUL", Problem::Reserved),
            ("a/con.txt", Problem::Reserved),
            ("Lpt1", Problem::Reserved),
            ("a.", Problem::Trailing),
            ("a /b", Problem::Trailing),
        ] {
            assert_eq!(RelativePath::new(path), Err(problem), "{path}");
        }
        assert_eq!(RelativePath::new(&"x".repeat(256)), Err(Problem::Long));
        assert_eq!(RelativePath::new(&"x/".repeat(600)), Err(Problem::Long));
    }

    #[test]
    fn paths_that_some_file_system_takes_for_one_are_refused() {
        let check = |paths: &[&str]| {
            let paths: Vec<_> = paths
                .iter()
                .filter_map(|p| RelativePath::new(p).ok())
                .collect();
            check_distinct(&paths).map_err(|path| path.as_str().to_owned())
        };
        assert_eq!(check(&["a", "b/a", "b/c"]), Ok(()));
        assert_eq!(check(&["a", "A"]), Err("A".to_owned()));
        assert_eq!(check(&["Ä", "ä"]), Err("ä".to_owned()));
        assert_eq!(check(&["a", "A/b"]), Err("A/b".to_owned()));
    }
}
