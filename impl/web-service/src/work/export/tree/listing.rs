//! What was deployed along a path, so that the next export knows what is new.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::work::manifest::{ContentObject, Digest, ObjectContent};
use crate::work::pack::Found;

/// How much of a file is read at a time.
const PIECE_OCTETS: usize = 64 << 10;

/// The objects of a tree, by their paths.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Listing {
    pub(super) objects: BTreeMap<String, Listed>,
    /// What authors had marked for quick deployment, and this export has taken.
    pub(super) marks: BTreeSet<String>,
}

/// One object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Listed {
    Folder,
    File {
        octets: u64,
        modified_ns: u64,
        sha256: Digest,
    },
}

impl Listing {
    /// The listing of what was exported.
    pub(super) fn of(found: &BTreeMap<String, u64>, objects: Vec<ContentObject>) -> Self {
        let listed = objects.into_iter().map(|object| {
            let path = object.path.as_str().to_owned();
            let listed = match object.content {
                ObjectContent::Folder => Listed::Folder,
                ObjectContent::File { octets, sha256, .. } => Listed::File {
                    octets,
                    modified_ns: found.get(&path).copied().unwrap_or(0),
                    sha256,
                },
            };
            (path, listed)
        });
        Self {
            objects: listed.collect(),
            marks: BTreeSet::new(),
        }
    }

    /// Whether an object is as it was deployed. A file is read only when its time or length says
    /// that it may have changed.
    pub(super) fn has(&self, found: &Found) -> io::Result<bool> {
        match (self.objects.get(found.path.as_str()), found.octets) {
            (Some(Listed::Folder), None) => Ok(true),
            (
                Some(Listed::File {
                    octets,
                    modified_ns,
                    sha256,
                }),
                Some(now),
            ) if *octets == now => {
                let is_untouched = *modified_ns == found.modified_ns && *modified_ns != 0;
                Ok(is_untouched || digest(&found.source)? == *sha256)
            }
            _ => Ok(false),
        }
    }
}

fn digest(path: &Path) -> io::Result<Digest> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut piece = vec![0; PIECE_OCTETS];
    loop {
        let count = file.read(&mut piece)?;
        if count == 0 {
            return Ok(Digest::finished(hash));
        }
        hash.update(piece.get(..count).unwrap_or_default());
    }
}

/// Reads a file of ours, if it is there.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match fs::read(path) {
        Ok(text) => Ok(Some(serde_json::from_slice(&text)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes a file of ours in place of what is there; durable when it returns.
pub(super) fn write<T: Serialize>(path: &Path, value: &T) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let fresh = path.with_extension("new");
    let mut file = File::create(&fresh)?;
    file.write_all(&serde_json::to_vec(value)?)?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    super::sync_directory(folder)
}
