//! What was deployed, and what differs from it.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::work::manifest::{ContentObject, Digest, ObjectContent, SitePath};
use crate::work::pack::{Found, PackError, PackProblem, Stamp};

/// How much of a file is read at a time.
const PIECE_OCTETS: usize = 64 << 10;

/// Objects that a target has, or will have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Listing(BTreeMap<SitePath, Listed>);

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Listed {
    Folder,
    File {
        octets: u64,
        sha256: Digest,
        /// The state of the file that has this content; none where a later one might not be told
        /// from it.
        stamp: Option<Stamp>,
    },
}

/// How a directory differs from a listing.
#[derive(Debug, Default)]
pub(super) struct Difference {
    /// What is not in the listing, or otherwise.
    pub(super) new: BTreeSet<SitePath>,
    /// The rest, as it was found.
    pub(super) same: Listing,
}

impl Listing {
    /// What was packed, in the states in which it was found at `now`.
    pub(super) fn packed(objects: Vec<ContentObject>, stamps: &[Stamp], now: Stamp) -> Self {
        let listed = |(object, stamp): (ContentObject, &Stamp)| {
            let listed = match object.content {
                ObjectContent::Folder => Listed::Folder,
                ObjectContent::File { octets, sha256, .. } => Listed::File {
                    octets,
                    sha256,
                    stamp: settled(*stamp, now),
                },
            };
            (object.path, listed)
        };
        Self(objects.into_iter().zip(stamps).map(listed).collect())
    }

    /// How what was found at `now` differs. Only those files are read that have the length that is
    /// listed, and another stamp.
    pub(super) fn difference(
        &self,
        found: &[Found],
        now: Stamp,
        is_wanted: &dyn Fn() -> bool,
    ) -> Result<Difference, PackError> {
        let mut difference = Difference::default();
        for found in found {
            let path = found.path.clone();
            match self.same(found, now, is_wanted)? {
                Some(listed) => _ = difference.same.0.insert(path, listed),
                None => _ = difference.new.insert(path),
            }
        }
        Ok(difference)
    }

    /// The entry of what was found, unless it is new or changed.
    fn same(
        &self,
        found: &Found,
        now: Stamp,
        is_wanted: &dyn Fn() -> bool,
    ) -> Result<Option<Listed>, PackError> {
        let (octets, sha256, stamp) = match (self.0.get(&found.path), found.octets) {
            (Some(Listed::Folder), None) => return Ok(Some(Listed::Folder)),
            (
                Some(&Listed::File {
                    octets,
                    sha256,
                    stamp,
                }),
                Some(now),
            ) if octets == now => (octets, sha256, stamp),
            _ => return Ok(None),
        };
        if stamp != Some(found.stamp) && digest(&found.source, is_wanted)? != sha256 {
            return Ok(None);
        }
        Ok(Some(Listed::File {
            octets,
            sha256,
            stamp: settled(found.stamp, now),
        }))
    }

    /// What there is after a deployment of `packed`, which left `same` as it was.
    pub(super) fn merge(&mut self, packed: Self, same: Self) {
        for (path, seen) in same.0 {
            if let Some(listed) = self.0.get_mut(&path)
                && listed.has_content_of(&seen)
            {
                *listed = seen;
            }
        }
        self.0.extend(packed.0);
    }
}

impl Listed {
    fn has_content_of(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File { sha256, .. }, Self::File { sha256: other, .. }) => sha256 == other,
            (Self::Folder, Self::Folder) => true,
            (Self::File { .. }, Self::Folder) | (Self::Folder, Self::File { .. }) => false,
        }
    }
}

/// The chosen objects of those that were found, with all folders that they are in.
pub(super) fn with_folders(found: Vec<Found>, chosen: BTreeSet<SitePath>) -> Vec<Found> {
    let mut wanted = BTreeSet::new();
    for path in chosen {
        let mut next = Some(path);
        while let Some(path) = next {
            next = path.parent();
            if !wanted.insert(path) {
                break;
            }
        }
    }
    let is_wanted = |found: &Found| wanted.contains(&found.path);
    found.into_iter().filter(is_wanted).collect()
}

fn settled(stamp: Stamp, now: Stamp) -> Option<Stamp> {
    stamp.is_settled(now).then_some(stamp)
}

fn digest(source: &Path, is_wanted: &dyn Fn() -> bool) -> Result<Digest, PackError> {
    let disk = |error: io::Error| PackProblem::Disk(error).of(source);
    let mut content = File::open(source).map_err(disk)?;
    let mut hash = Sha256::new();
    let mut piece = vec![0; PIECE_OCTETS];
    loop {
        if !is_wanted() {
            return Err(PackProblem::Unwanted.of(source));
        }
        let count = content.read(&mut piece).map_err(disk)?;
        let piece = piece.get(..count).unwrap_or_default();
        if piece.is_empty() {
            return Ok(Digest::finished(hash));
        }
        hash.update(piece);
    }
}
