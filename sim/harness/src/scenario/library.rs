//! All scenario files and clause lists: from the `scenarios/` of a checkout, or embedded.

use std::collections::BTreeMap;
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
    /// All of them when there is no pattern.
    ///
    /// # Errors
    /// [`LibraryError::NoMatch`] for a pattern that means nothing.
    pub fn select(&self, patterns: &[String]) -> Result<Vec<ScenarioFile>, LibraryError> {
        let mut selected: BTreeMap<String, ScenarioFile> = BTreeMap::new();
        for file in self.files() {
            if patterns.is_empty() || patterns.iter().any(|p| self.means(p, &file.name)) {
                selected.insert(file.name.clone(), file);
            }
        }
        for pattern in patterns {
            if self.files().any(|file| self.means(pattern, &file.name)) {
                continue;
            }
            let path = Path::new(pattern);
            if !path.is_file() {
                let nearest = nearest(pattern, self.files.keys().map(String::as_str));
                return Err(LibraryError::NoMatch {
                    pattern: pattern.clone(),
                    nearest: nearest.map(str::to_owned),
                });
            }
            selected.insert(pattern.clone(), read(path, pattern)?);
        }
        Ok(selected.into_values().collect())
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

    /// Loads several files; the titles of those in the library are compared with all its others.
    #[must_use]
    pub fn load_all(&self, files: &[ScenarioFile]) -> (Vec<Scenario>, Vec<ScenarioError>) {
        let mut titles: BTreeMap<String, String> = BTreeMap::new();
        for file in self.files() {
            if let Ok(tree) = toml::from_str::<Title>(&file.text) {
                titles.entry(tree.title).or_insert(file.name);
            }
        }
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
            match titles.get(scenario.title()) {
                Some(other)
                    if *other != scenario.name && self.files.contains_key(&scenario.name) =>
                {
                    let message = format!("the title is already that of `{other}`");
                    errors.push(scenario.title_problem(message, "a title names one claim"));
                }
                _ => scenarios.push(scenario),
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

fn read(path: &Path, name: &str) -> Result<ScenarioFile, LibraryError> {
    let text = std::fs::read_to_string(path).map_err(|source| LibraryError::Io {
        path: path.to_owned(),
        source,
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
