//! Whether a directory holds an object.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use super::listing::read_piece;
use crate::message::Digest;
use crate::work::Manifest;
use crate::work::object::{Layout, Piece};

/// Whether `tree` holds the files of a manifest, each of its size, the directories that these are
/// in, and nothing else. A link is the same as nothing.
///
/// # Errors
/// When it cannot be read.
pub(super) fn is_listing_of(tree: &Path, manifest: &Manifest) -> io::Result<bool> {
    let mut directories = BTreeSet::from([tree.to_owned()]);
    for file in manifest.files() {
        let path = tree.join(file.path.as_str());
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_file() && found.len() == file.size => {}
            Ok(_) => return Ok(false),
            Err(error) if is_absence(&error) => return Ok(false),
            Err(error) => return Err(error),
        }
        let above = path.ancestors().skip(1);
        directories.extend(
            above
                .take_while(|above| above.starts_with(tree))
                .map(Path::to_owned),
        );
    }
    // Every file and every directory is there; so what is more is something else.
    let known = manifest.files().len().saturating_add(directories.len());
    let mut found = 1_usize;
    for directory in &directories {
        if !fs::symlink_metadata(directory)?.is_dir() {
            return Ok(false);
        }
        for entry in fs::read_dir(directory)? {
            entry?;
            found = found.saturating_add(1);
        }
    }
    Ok(found == known)
}

fn is_absence(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// Whether `place` holds the object of `parts` parts with the given digest, and nothing else.
///
/// # Errors
/// When it cannot be read.
pub(super) fn is_object(
    place: &Path,
    layout: &Layout,
    parts: u32,
    digest: Digest,
) -> io::Result<bool> {
    if !fs::symlink_metadata(place)?.is_dir() || !is_listing_of(place, layout.manifest())? {
        return Ok(false);
    }
    let mut digests = Vec::new();
    for number in 1..=parts {
        let mut part = Vec::with_capacity(layout.octets_of(number));
        for piece in layout.pieces(number) {
            match piece {
                Piece::Head(octets) => part.extend_from_slice(&octets),
                Piece::File {
                    path,
                    offset,
                    length,
                    ..
                } => part.extend(read_piece(&place.join(path.as_str()), offset, length)?),
            }
        }
        digests.push(Digest::of(&part));
    }
    Ok(Digest::of_parts(&digests) == digest)
}
