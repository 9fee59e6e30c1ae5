//! Packages on the disk.

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _, Write};
use std::path::{Path, PathBuf};

use cab::{CabinetBuilder, CabinetWriter, CompressionType};
use sha2::{Digest as _, Sha256};

use super::plan::{Plan, PlannedFile};
use super::{PackError, PackProblem, Stamp, disk};
use crate::work::cabinet::Compression;
use crate::work::manifest::{self, Digest, ObjectContent};

/// How much of a file is read at a time.
const PIECE_OCTETS: usize = 64 << 10;

/// Writes the packages of a plan, and the digests of the files into its objects. Returns where the
/// packages are; none stays when one cannot be written.
pub(super) fn write(
    plan: &mut Plan,
    into: &Path,
    how: (Compression, &dyn Fn() -> bool),
) -> Result<Vec<PathBuf>, PackError> {
    let mut written = Vec::new();
    for index in 0..plan.packages.len() {
        let path = into.join(name(index));
        let result = File::create_new(&path)
            .map_err(|error| {
                if error.kind() == ErrorKind::AlreadyExists {
                    PackProblem::There.of(&path)
                } else {
                    PackProblem::Disk(error).of(&path)
                }
            })
            .and_then(|file| {
                written.push(path.clone());
                write_package(plan, index, (&path, file), how)
            });
        if let Err(error) = result {
            for path in &written {
                // The first error is the one that is told.
                let _left_over = fs::remove_file(path).is_err();
            }
            return Err(error);
        }
    }
    Ok(written)
}

fn name(index: usize) -> String {
    match index {
        0 => "ExportedFiles.cab".to_owned(),
        _ => format!("ExportedFiles{}.cab", index.saturating_add(1)),
    }
}

fn write_package(
    plan: &mut Plan,
    index: usize,
    (path, file): (&Path, File),
    (compression, is_wanted): (Compression, &dyn Fn() -> bool),
) -> Result<(), PackError> {
    let Plan { objects, packages } = plan;
    let is_last = index.saturating_add(1) == packages.len();
    let files = packages.get(index).map(|package| package.files.as_slice());
    let files = files.unwrap_or_default();
    let mut names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    names.extend(is_last.then_some(manifest::FILE_NAME));
    let mut cabinet = begin(&names, file, compression).map_err(disk(path))?;
    for file in files {
        let next = cabinet.next_file().map_err(disk(path))?;
        let mut out = next.ok_or_else(|| PackProblem::Changed.of(path))?;
        let digest = copy(file, (path, &mut out), is_wanted)?;
        if let Some(object) = objects.get_mut(file.object)
            && let ObjectContent::File { sha256, .. } = &mut object.content
        {
            *sha256 = digest;
        }
    }
    if is_last {
        let document = manifest::write(objects);
        let document = document.map_err(|_| PackProblem::Character.of(path))?;
        let next = cabinet.next_file().map_err(disk(path))?;
        let mut out = next.ok_or_else(|| PackProblem::Changed.of(path))?;
        out.write_all(&document).map_err(disk(path))?;
    }
    let file = cabinet.finish().map_err(disk(path))?;
    file.sync_all().map_err(disk(path))
}

/// A cabinet with one folder, whose tables are written and whose content comes next.
fn begin(
    names: &[&str],
    file: File,
    compression: Compression,
) -> std::io::Result<CabinetWriter<File>> {
    let mut builder = CabinetBuilder::new();
    let folder = builder.add_folder(match compression {
        Compression::Stored => CompressionType::None,
        Compression::Mszip => CompressionType::MsZip,
    });
    for name in names {
        // Becomes the earliest time that a cabinet can say, the same in every export.
        folder
            .add_file(*name)
            .set_datetime(time::PrimitiveDateTime::MIN);
    }
    builder.build(file)
}

/// Copies a file into a package, and returns its digest.
fn copy(
    file: &PlannedFile,
    (path, out): (&Path, &mut impl Write),
    is_wanted: &dyn Fn() -> bool,
) -> Result<Digest, PackError> {
    let source = &file.source;
    let mut content = File::open(source).map_err(disk(source))?;
    let stamp = |content: &File| content.metadata().map(|metadata| Stamp::of(&metadata));
    let before = stamp(&content).map_err(disk(source))?;
    let mut hash = Sha256::new();
    let mut octets = 0_u64;
    let mut piece = vec![0; PIECE_OCTETS];
    loop {
        if !is_wanted() {
            return Err(PackProblem::Unwanted.of(source));
        }
        let count = content.read(&mut piece).map_err(disk(source))?;
        let piece = piece.get(..count).unwrap_or_default();
        octets = octets.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        // Also while it grows: the plan has no room for more.
        if piece.is_empty() || octets > file.octets {
            break;
        }
        hash.update(piece);
        out.write_all(piece).map_err(disk(path))?;
    }
    let after = stamp(&content).map_err(disk(source))?;
    if octets == file.octets && before == after {
        Ok(Digest::finished(hash))
    } else {
        Err(PackProblem::Changed.of(source))
    }
}
