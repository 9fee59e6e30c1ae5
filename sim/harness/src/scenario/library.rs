//! All scenario files and clause lists: from the `scenarios/` of a checkout, or embedded.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use portcullis_reports::ClauseRecord;
use serde::Deserialize;
use thiserror::Error;

use super::clauses::{Clauses, ClausesError};
use super::file::{Known, Scenario};
use super::problem::{ScenarioError, nearest};
use super::protocol::Protocol;

/// Path below `scenarios/` and text of every file; empty in debug builds.
const EMBEDDED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// The scenario files and clause lists that the program knows.
pub struct Library {
    /// The directory that it was read from; `None` when it is the embedded one.
    root: Option<PathBuf>,
    protocols: Vec<&'static dyn Protocol>,
    /// Scenario files by name.
    files: BTreeMap<String, Arc<str>>,
    /// Clause lists by protocol.
    clauses: BTreeMap<String, Arc<Clauses>>,
    /// Why no scenario covers a clause, by its id.
    uncovered: BTreeMap<String, String>,
}

impl std::fmt::Debug for Library {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Library")
            .field("root", &self.root)
            .field("files", &self.files.len())
            .finish_non_exhaustive()
    }
}

/// One scenario file, not loaded yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioFile {
    /// Its path below `scenarios/` without the ending; elsewhere the path itself.
    pub name: String,
    /// The path for diagnostics.
    pub path: String,
    /// Its text.
    pub text: Arc<str>,
}

/// Why the scenarios cannot be used.
#[derive(Debug, Error)]
pub enum LibraryError {
    /// A file or directory cannot be read.
    #[error("cannot read `{}`", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A clause list is malformed.
    #[error(transparent)]
    Clauses(#[from] ClausesError),
    /// There is neither a `scenarios/` nor an embedded one.
    #[error(
        "there is no `scenarios/` here or above, and this build has none embedded: change to a \
         checkout of portcullis"
    )]
    Missing,
    /// A file that the user named is not there or not a text.
    #[error("cannot read `{path}`: {reason}")]
    Unreadable {
        /// What the user wrote.
        path: String,
        /// `no such file`, for example.
        reason: String,
    },
    /// A path or pattern on the command line means nothing.
    #[error("no scenario matches `{pattern}`{}", did_you_mean(nearest.as_deref()))]
    NoMatch {
        /// What the user wrote.
        pattern: String,
        /// A scenario's name that is nearly it.
        nearest: Option<String>,
    },
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map_or(String::new(), |name| format!(": did you mean `{name}`?"))
}

#[derive(Default, Deserialize)]
struct Uncovered {
    #[serde(default)]
    exception: Vec<Reason>,
    #[serde(default)]
    pending: Vec<Reason>,
}

#[derive(Deserialize)]
struct Reason {
    id: String,
    #[serde(alias = "by", alias = "covered-by", alias = "until")]
    reason: Option<String>,
}

impl Library {
    /// The library of the checkout that `from` lies in, or else the embedded one.
    ///
    /// # Errors
    /// [`LibraryError`], by what is wrong.
    pub fn find(from: &Path, protocols: Vec<&'static dyn Protocol>) -> Result<Self, LibraryError> {
        let root = from.ancestors().map(|above| above.join("scenarios"));
        let root = root.into_iter().find(|root| root.join("clauses").is_dir());
        if let Some(root) = root {
            let mut files = BTreeMap::new();
            collect(&root, &root, &mut files)?;
            return Self::new(Some(root), files, protocols);
        }
        if EMBEDDED.is_empty() {
            return Err(LibraryError::Missing);
        }
        let files = EMBEDDED
            .iter()
            .map(|(name, text)| ((*name).to_owned(), Arc::from(*text)));
        Self::new(None, files.collect(), protocols)
    }

    fn new(
        root: Option<PathBuf>,
        all: BTreeMap<String, Arc<str>>,
        protocols: Vec<&'static dyn Protocol>,
    ) -> Result<Self, LibraryError> {
        let mut library = Self {
            root,
            protocols,
            files: BTreeMap::new(),
            clauses: BTreeMap::new(),
            uncovered: BTreeMap::new(),
        };
        for (path, text) in all {
            let name = path.trim_end_matches(".toml");
            let (directory, stem) = name.split_once('/').unwrap_or(("", name));
            let of_protocol = |name: &str| library.protocols.iter().any(|p| p.name() == name);
            if directory == "clauses" && of_protocol(stem) {
                let clauses = Arc::new(Clauses::parse(stem, &text)?);
                library.clauses.insert(stem.to_owned(), clauses);
            } else if directory == "clauses" {
                // A reason is a courtesy of the report: the traceability test reads these files
                // strictly.
                let reasons: Uncovered = toml::from_str(&text).unwrap_or_default();
                for entry in reasons.exception.into_iter().chain(reasons.pending) {
                    library
                        .uncovered
                        .insert(entry.id, entry.reason.unwrap_or_default());
                }
            } else if of_protocol(directory) {
                library.files.insert(name.to_owned(), text);
            }
        }
        Ok(library)
    }

    /// Every scenario file, in the order of their names.
    pub fn files(&self) -> impl Iterator<Item = ScenarioFile> {
        self.files.iter().map(|(name, text)| ScenarioFile {
            name: name.clone(),
            path: match &self.root {
                Some(root) => root.join(format!("{name}.toml")).display().to_string(),
                None => format!("{name}.toml"),
            },
            text: Arc::clone(text),
        })
    }

    /// The files that the user means by `patterns`: names, directories, globs or paths of files.
    /// All of them when there is no pattern. A directory means every `.toml` file below it.
    ///
    /// Beside them, for each pattern that means nothing or nothing readable, why.
    #[must_use]
    pub fn select(&self, patterns: &[String]) -> (Vec<ScenarioFile>, Vec<LibraryError>) {
        let mut selected: BTreeMap<String, ScenarioFile> = BTreeMap::new();
        for file in self.files() {
            if patterns.is_empty() || patterns.iter().any(|p| self.means(p, &file.name)) {
                selected.insert(file.name.clone(), file);
            }
        }
        let mut errors = Vec::new();
        // One file may be named in several ways.
        let mut known = BTreeSet::new();
        for pattern in patterns {
            if self.files().any(|file| self.means(pattern, &file.name)) {
                continue;
            }
            let files = self.outside(pattern).unwrap_or_else(|error| {
                errors.push(error);
                Vec::new()
            });
            for path in files {
                let name = path.display().to_string();
                if !known.insert(path.canonicalize().unwrap_or_else(|_| path.clone())) {
                    continue;
                }
                match read(&path, &name) {
                    Ok(file) => drop(selected.insert(name, file)),
                    Err(error) => errors.push(error),
                }
            }
        }
        (selected.into_values().collect(), errors)
    }

    /// The files outside the library that `pattern` means: itself, or all below it.
    fn outside(&self, pattern: &str) -> Result<Vec<PathBuf>, LibraryError> {
        let path = Path::new(pattern);
        if path.is_dir() {
            let mut files = Vec::new();
            below(path, &mut files)?;
            files.sort();
            if files.is_empty() {
                let reason = "is a directory without `.toml` files".to_owned();
                let path = pattern.to_owned();
                return Err(LibraryError::Unreadable { path, reason });
            }
            return Ok(files);
        }
        let is_name = !pattern.ends_with(".toml") || pattern.contains(['*', '?']);
        if is_name && !path.exists() {
            let nearest = nearest(pattern, self.files.keys().map(String::as_str));
            return Err(LibraryError::NoMatch {
                pattern: pattern.to_owned(),
                nearest: nearest.map(str::to_owned),
            });
        }
        Ok(vec![path.to_owned()])
    }

    /// Loads one file.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn load(&self, file: &ScenarioFile) -> Result<Scenario, ScenarioError> {
        let known = Known {
            protocols: &self.protocols,
            clauses: &|protocol| self.clauses_of(protocol),
        };
        Scenario::load(&file.name, &file.path, Arc::clone(&file.text), known)
    }

    /// Loads several files; their titles are compared with each other, and those of files in the
    /// library with all its others.
    #[must_use]
    pub fn load_all(&self, files: &[ScenarioFile]) -> (Vec<Scenario>, Vec<ScenarioError>) {
        let mut titles: BTreeMap<String, String> = BTreeMap::new();
        for file in self.files() {
            if let Ok(tree) = toml::from_str::<Title>(&file.text) {
                titles.entry(tree.title).or_insert(file.name);
            }
        }
        let mut given: BTreeMap<String, String> = BTreeMap::new();
        let mut scenarios = Vec::new();
        let mut errors = Vec::new();
        for file in files {
            let scenario = match self.load(file) {
                Ok(scenario) => scenario,
                Err(error) => {
                    errors.push(error);
                    continue;
                }
            };
            let title = scenario.title().to_owned();
            let in_library = self.files.contains_key(&scenario.name);
            let others = titles.get(&title).filter(|_| in_library);
            let mut others = others.into_iter().chain(given.get(&title));
            if let Some(other) = others.find(|other| **other != scenario.name) {
                let message = format!("the title is already that of `{other}`");
                errors.push(scenario.title_problem(message, "a title names one claim"));
            } else {
                given.insert(title, scenario.name.clone());
                scenarios.push(scenario);
            }
        }
        (scenarios, errors)
    }

    /// The clauses of a protocol; none when it has no list.
    #[must_use]
    pub fn clauses_of(&self, protocol: &str) -> Arc<Clauses> {
        self.clauses.get(protocol).cloned().unwrap_or_default()
    }

    /// All clauses of all protocols, for the report.
    #[must_use]
    pub fn clause_records(&self) -> Vec<ClauseRecord> {
        let clauses = self.clauses.values().flat_map(|clauses| clauses.iter());
        clauses
            .map(|clause| ClauseRecord {
                uncovered: self.uncovered.get(&clause.id).cloned(),
                ..ClauseRecord::from(clause)
            })
            .collect()
    }

    /// Whether `pattern` means the scenario called `name`.
    fn means(&self, pattern: &str, name: &str) -> bool {
        let inside = self.root.as_ref().and_then(|root| {
            let path = Path::new(pattern).canonicalize().ok()?;
            let below = path.strip_prefix(root.canonicalize().ok()?).ok()?;
            Some(below.display().to_string())
        });
        let pattern = inside.as_deref().unwrap_or(pattern);
        let pattern = pattern.strip_prefix("scenarios/").unwrap_or(pattern);
        let pattern = pattern.trim_end_matches('/').trim_end_matches(".toml");
        pattern.is_empty()
            || pattern == name
            || name.rsplit('/').next() == Some(pattern)
            || name
                .strip_prefix(pattern)
                .is_some_and(|rest| rest.starts_with('/'))
            || glob(pattern.as_bytes(), name.as_bytes())
    }
}

#[derive(Deserialize)]
struct Title {
    title: String,
}

/// Whether `*` (within a segment), `**` (across segments) and `?` make `pattern` mean `name`.
fn glob(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern, name) {
        ([], []) => true,
        ([b'*', b'*', rest @ ..], _) => {
            let rest = rest.strip_prefix(b"/").unwrap_or(rest);
            (0..=name.len()).any(|skip| name.get(skip..).is_some_and(|tail| glob(rest, tail)))
        }
        ([b'*', rest @ ..], _) => {
            let segment = name.iter().position(|b| *b == b'/').unwrap_or(name.len());
            (0..=segment).any(|skip| name.get(skip..).is_some_and(|tail| glob(rest, tail)))
        }
        ([b'?', rest @ ..], [other, tail @ ..]) if *other != b'/' => glob(rest, tail),
        ([first, rest @ ..], [other, tail @ ..]) => first == other && glob(rest, tail),
        _ => false,
    }
}

/// Every `.toml` file below `folder`.
fn below(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), LibraryError> {
    let error = |source| LibraryError::Io {
        path: folder.to_owned(),
        source,
    };
    for entry in std::fs::read_dir(folder).map_err(error)? {
        let path = entry.map_err(error)?.path();
        if path.is_dir() {
            below(&path, files)?;
        } else if path.extension().is_some_and(|ending| ending == "toml") {
            files.push(path);
        }
    }
    Ok(())
}

fn read(path: &Path, name: &str) -> Result<ScenarioFile, LibraryError> {
    let unreadable = |reason: String| LibraryError::Unreadable {
        path: name.to_owned(),
        reason,
    };
    let octets = std::fs::read(path).map_err(|error| {
        unreadable(if error.kind() == io::ErrorKind::NotFound {
            "no such file".to_owned()
        } else {
            error.to_string()
        })
    })?;
    let text = String::from_utf8(octets).map_err(|error| {
        unreadable(format!(
            "not UTF-8 at byte {}",
            error.utf8_error().valid_up_to()
        ))
    })?;
    Ok(ScenarioFile {
        name: name.to_owned(),
        path: name.to_owned(),
        text: text.into(),
    })
}

/// Every `.toml` file in a directory below `root`.
fn collect(
    root: &Path,
    folder: &Path,
    files: &mut BTreeMap<String, Arc<str>>,
) -> Result<(), LibraryError> {
    let error = |source| LibraryError::Io {
        path: folder.to_owned(),
        source,
    };
    for entry in std::fs::read_dir(folder).map_err(error)? {
        let path = entry.map_err(error)?.path();
        let name = path
            .strip_prefix(root)
            .unwrap_or(&path)
            .display()
            .to_string();
        if path.is_dir() {
            collect(root, &path, files)?;
        } else if name.contains('/') && name.ends_with(".toml") {
            let file = read(&path, &name)?;
            files.insert(name, file.text);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_stay_within_a_segment_unless_doubled() {
        let table = [
            ("a/*", "a/b", true),
            ("a/*", "a/b/c", false),
            ("a/**", "a/b/c", true),
            ("**/c", "a/b/c", true),
            ("**/c", "c", true),
            ("*/b/*", "a/b/c", true),
            ("a/b?", "a/bc", true),
            ("a/b?", "a/b/", false),
            ("a", "ab", false),
        ];
        for (pattern, name, means) in table {
            assert_eq!(
                glob(pattern.as_bytes(), name.as_bytes()),
                means,
                "{pattern} {name}"
            );
        }
    }
}
