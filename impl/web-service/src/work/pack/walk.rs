//! What is in a directory, in a fixed order.

use std::collections::BTreeMap;
use std::fs::{self, DirEntry};
use std::path::{Path, PathBuf};

use super::{PackError, PackProblem, Stamp, disk};
use crate::work::manifest::SitePath;

/// What an import leaves in the directory of a site.
const RECORDS: &str = ".portcullis";

/// One file or folder.
pub(in crate::work) struct Found {
    pub(in crate::work) source: PathBuf,
    pub(in crate::work) path: SitePath,
    /// The length of a file; nothing for a folder.
    pub(in crate::work) octets: Option<u64>,
    /// Which state of it was found.
    pub(in crate::work) stamp: Stamp,
}

/// Everything below `directory`, by name, each folder before what is in it.
pub(in crate::work) fn walk(directory: &Path) -> Result<Vec<Found>, PackError> {
    let mut all = Vec::new();
    // Folders whose content is still to be taken, the next one last.
    let mut open = vec![entries(directory, "")?];
    while let Some(entries) = open.last_mut() {
        let Some(found) = entries.pop() else {
            open.pop();
            continue;
        };
        let inside = match found.octets {
            Some(_) => None,
            None => Some(self::entries(&found.source, found.path.as_str())?),
        };
        all.push(found);
        open.extend(inside);
    }
    Ok(all)
}

/// What is directly in `directory`, the first by name at the end.
fn entries(directory: &Path, above: &str) -> Result<Vec<Found>, PackError> {
    let mut by_name = BTreeMap::new();
    for entry in fs::read_dir(directory).map_err(disk(directory))? {
        let entry = entry.map_err(disk(directory))?;
        if above.is_empty() && entry.file_name() == RECORDS {
            continue;
        }
        let found = found(&entry, above)?;
        let folded = found.path.as_str().to_lowercase();
        if let Some(other) = by_name.insert(folded, found) {
            return Err(PackProblem::SamePlace.of(&other.source));
        }
    }
    Ok(by_name.into_values().rev().collect())
}

fn found(entry: &DirEntry, above: &str) -> Result<Found, PackError> {
    let source = entry.path();
    let name = entry.file_name();
    let name = name.to_str();
    let name = name.ok_or_else(|| PackProblem::Character.of(&source))?;
    let metadata = fs::symlink_metadata(&source).map_err(disk(&source))?;
    if metadata.is_symlink() {
        return Err(PackProblem::Link.of(&source));
    }
    if !metadata.is_dir() && !metadata.is_file() {
        return Err(PackProblem::Special.of(&source));
    }
    let path = SitePath::new(&format!("{above}/{name}"));
    let path = path.map_err(|problem| PackProblem::Name(problem).of(&source))?;
    let octets = metadata.is_file().then_some(metadata.len());
    Ok(Found {
        source,
        path,
        octets,
        stamp: Stamp::of(&metadata),
    })
}
