//! The working folder of a job: decompressed files, and the list of objects.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use super::packages::{Files, key};
use super::site::PlaceProblem;
use super::storage;
use crate::message::{FileName, Guid};
use crate::work::ImportFailure;
use crate::work::disk::{remove, sync_directory};
use crate::work::located::Located as _;
use crate::work::manifest::{self, ContentObject, Digest, ManifestProblem, ObjectContent};

/// Where the packages of one job are decompressed: `files` with the files, and `objects`, the list
/// of what is to be placed, which is there when everything else is.
pub(super) struct WorkingFolder(PathBuf);

impl WorkingFolder {
    /// The working folder of a job, beside the folder of its uploads.
    pub(super) fn of(root: &Path, job: Guid) -> Self {
        Self(root.join(format!("{job}.work")))
    }

    /// Makes it, empty.
    pub(super) fn begin(&self) -> io::Result<()> {
        self.remove()?;
        let files = self.0.join("files");
        fs::create_dir_all(&files).at(&files)
    }

    pub(super) fn remove(&self) -> io::Result<()> {
        remove(&self.0)
    }

    /// Where a decompressed file is.
    pub(super) fn file(&self, name: &FileName) -> PathBuf {
        self.0.join("files").join(name.as_str())
    }

    /// Reads the manifest, compares it with the files, and writes the list of objects, whose number
    /// it returns.
    pub(super) fn list(&self, mut files: Files, objects_max: u32) -> Result<u32, ImportFailure> {
        files.remove(&Digest::of(manifest::FILE_NAME.as_bytes()));
        let document = self.0.join("files").join(manifest::FILE_NAME);
        let document = fs::read(&document).at(&document).map_err(storage)?;
        let mut list = ObjectList::new(&self.0).at(&self.0).map_err(storage)?;
        let count = manifest::read(&document, objects_max, |object| {
            check_file(&object, &mut files)?;
            list.add(&object).at(&self.0).map_err(storage)
        })?;
        if !files.is_empty() {
            return Err(ManifestProblem::Unlisted.into());
        }
        list.finish().at(&self.0).map_err(storage)?;
        Ok(count)
    }

    /// Object number `number`.
    pub(super) fn object(&self, number: u32) -> Result<ContentObject, PlaceProblem> {
        // Whatever is wrong with the list, it can be made again.
        ObjectList::entry(&self.0, number).map_err(|_| PlaceProblem::Lost)
    }
}

impl From<ManifestProblem> for ImportFailure {
    fn from(_: ManifestProblem) -> Self {
        Self::Manifest
    }
}

/// Takes an object's file out of `files`, so that no other object has it.
fn check_file(object: &ContentObject, files: &mut Files) -> Result<(), ManifestProblem> {
    let ObjectContent::File {
        file,
        octets,
        sha256,
    } = &object.content
    else {
        return Ok(());
    };
    let found = files.remove(&key(file));
    let found = found.ok_or(ManifestProblem::NoFile)?;
    if found.octets == *octets && found.sha256 == *sha256 {
        Ok(())
    } else {
        Err(ManifestProblem::Differs)
    }
}

/// The list of objects as a file: the entries one behind the other, and then where each begins and
/// the last one ends. So one object is found without reading the others, and no memory is needed
/// for those that are not being placed.
struct ObjectList<'a> {
    folder: &'a Path,
    out: BufWriter<File>,
    starts: Vec<u64>,
    end: u64,
}

const NAME: &str = "objects";
const UNFINISHED: &str = "objects.new";
/// The octets of a number in the file.
const NUMBER_OCTETS: usize = 8;
/// No entry is longer: a path and a name, with every letter escaped.
const ENTRY_OCTETS_MAX: u64 = 8 << 10;

impl<'a> ObjectList<'a> {
    fn new(folder: &'a Path) -> io::Result<Self> {
        let file = File::create_new(folder.join(UNFINISHED))?;
        Ok(Self {
            folder,
            out: BufWriter::new(file),
            starts: Vec::new(),
            end: 0,
        })
    }

    fn add(&mut self, object: &ContentObject) -> io::Result<()> {
        let entry = serde_json::to_vec(object)?;
        self.out.write_all(&entry)?;
        self.starts.push(self.end);
        let octets = u64::try_from(entry.len()).unwrap_or(u64::MAX);
        self.end = self.end.saturating_add(octets);
        Ok(())
    }

    /// The list is there under its name when it is complete, and then stays.
    fn finish(mut self) -> io::Result<()> {
        for position in self.starts.iter().chain([&self.end]) {
            self.out.write_all(&position.to_le_bytes())?;
        }
        self.out.into_inner()?.sync_all()?;
        fs::rename(self.folder.join(UNFINISHED), self.folder.join(NAME))?;
        sync_directory(self.folder)
    }

    fn entry(folder: &Path, number: u32) -> io::Result<ContentObject> {
        let mut file = File::open(folder.join(NAME))?;
        // The last number is where the entries end and the numbers begin.
        file.seek(SeekFrom::End(-8))?;
        let [numbers_at] = numbers(&mut file)?;
        let offset = u64::from(number).saturating_mul(8);
        file.seek(SeekFrom::Start(numbers_at.saturating_add(offset)))?;
        let [from, to] = numbers(&mut file)?;
        let octets = to
            .checked_sub(from)
            .filter(|&octets| octets <= ENTRY_OCTETS_MAX);
        file.seek(SeekFrom::Start(from))?;
        let mut entry = Vec::new();
        file.take(octets.ok_or(io::ErrorKind::InvalidData)?)
            .read_to_end(&mut entry)?;
        Ok(serde_json::from_slice(&entry)?)
    }
}

fn numbers<const N: usize>(file: &mut File) -> io::Result<[u64; N]> {
    let mut numbers = [0; N];
    for number in &mut numbers {
        let mut octets = [0; NUMBER_OCTETS];
        file.read_exact(&mut octets)?;
        *number = u64::from_le_bytes(octets);
    }
    Ok(numbers)
}
