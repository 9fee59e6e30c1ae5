//! Where objects belong in a site collection.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Digest;
use crate::message::{FileName, FileNameProblem};

/// The longest path, in octets of UTF-8.
pub const SITE_PATH_OCTETS_MAX: usize = 400;

/// A path within a site collection, such as `/news/page.aspx`: a slash before each name, and each
/// name one that a file has on any system. It names something below the site, never the site.
///
/// A name does not begin with a dot, so the importer's own `.portcullis` is no place for an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SitePath(Box<str>);

/// Why a text is no path within a site collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SitePathProblem {
    /// It does not begin with a slash.
    #[error("does not begin with a slash")]
    Relative,
    /// It is longer than [`SITE_PATH_OCTETS_MAX`].
    #[error("longer than 400 octets")]
    TooLong,
    /// One of its names cannot be used.
    #[error("a name in it: {0}")]
    Name(FileNameProblem),
}

impl SitePath {
    /// Checks and takes the text.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn new(text: &str) -> Result<Self, SitePathProblem> {
        let names = text.strip_prefix('/').ok_or(SitePathProblem::Relative)?;
        if text.len() > SITE_PATH_OCTETS_MAX {
            return Err(SitePathProblem::TooLong);
        }
        for name in names.split('/') {
            FileName::new(name).map_err(SitePathProblem::Name)?;
        }
        Ok(Self(text.into()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What it is in; nothing when that is the site itself.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        match self.0.rsplit_once('/') {
            None | Some(("", _)) => None,
            Some((above, _)) => Some(Self(above.into())),
        }
    }

    /// What is the same for paths that differ in case only.
    #[must_use]
    pub fn key(&self) -> Digest {
        Digest::of(self.0.to_lowercase().as_bytes())
    }

    /// The place below the directory of a site.
    pub(in crate::work) fn below(&self, site: &Path) -> PathBuf {
        let names = self.0.split('/').filter(|name| !name.is_empty());
        site.join(names.collect::<PathBuf>())
    }
}

impl TryFrom<String> for SitePath {
    type Error = SitePathProblem;

    fn try_from(text: String) -> Result<Self, SitePathProblem> {
        Self::new(&text)
    }
}

impl From<SitePath> for String {
    fn from(path: SitePath) -> Self {
        path.0.into()
    }
}

impl fmt::Display for SitePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
