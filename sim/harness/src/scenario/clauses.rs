//! The clause lists: `scenarios/clauses/<protocol>.toml`.

use indexmap::IndexMap;
use portcullis_reports::{ClauseRecord, Verdict};
use serde::Deserialize;
use thiserror::Error;

/// How binding a clause is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Truly optional: a departure is recorded as INFO.
    May,
    /// There may be reasons to depart: WARN.
    Should,
    /// No reason suffices: FAIL.
    Must,
}

impl Level {
    /// As written in the clause list.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::May => "may",
            Self::Should => "should",
            Self::Must => "must",
        }
    }

    /// The verdict on a broken clause of this level.
    #[must_use]
    pub const fn broken(self) -> Verdict {
        match self {
            Self::May => Verdict::Info,
            Self::Should => Verdict::Warn,
            Self::Must => Verdict::Fail,
        }
    }
}

/// One testable statement of a specification.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clause {
    /// Its stable name, such as `ET-17`.
    pub id: String,
    /// How binding it is.
    pub level: Level,
    /// Who has to keep it.
    pub binds: String,
    /// Where it comes from.
    pub evidence: String,
    /// The group of clauses that it belongs to.
    pub topic: String,
    /// The statement.
    pub text: String,
}

/// The clauses of one protocol, in the order of its list.
#[derive(Clone, Debug, Default)]
pub struct Clauses {
    by_id: IndexMap<String, Clause>,
}

/// Why a clause list cannot be used.
#[derive(Debug, Error)]
#[error("the clause list of {protocol} is malformed")]
pub struct ClausesError {
    /// The list's protocol.
    protocol: String,
    /// What the reader found.
    #[source]
    source: toml::de::Error,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClauseFile {
    clause: Vec<Clause>,
}

impl Clauses {
    /// Reads a clause list.
    ///
    /// # Errors
    /// [`ClausesError`] with the place at which it is malformed.
    pub fn parse(protocol: &str, text: &str) -> Result<Self, ClausesError> {
        let file: ClauseFile = toml::from_str(text).map_err(|source| ClausesError {
            protocol: protocol.to_owned(),
            source,
        })?;
        let by_id = file.clause.into_iter().map(|c| (c.id.clone(), c)).collect();
        Ok(Self { by_id })
    }

    /// The clause called `id`.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&Clause> {
        self.by_id.get(id)
    }

    /// All clauses, in the order of the list.
    pub fn iter(&self) -> impl Iterator<Item = &Clause> {
        self.by_id.values()
    }

    /// The strictest clause among `ids`, the first of several; unknown ids do not count.
    #[must_use]
    pub fn strictest<'i, I: IntoIterator<Item = &'i str>>(&self, ids: I) -> Option<&Clause> {
        ids.into_iter()
            .filter_map(|id| self.find(id))
            .reduce(|best, next| if next.level > best.level { next } else { best })
    }
}

impl From<&Clause> for ClauseRecord {
    fn from(clause: &Clause) -> Self {
        Self {
            id: clause.id.clone(),
            level: clause.level.name().to_owned(),
            binds: clause.binds.clone(),
            text: clause.text.clone(),
            uncovered: None,
        }
    }
}
