//! The real payload: directories of the operating system.

mod compare;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use tokio::fs;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

use super::object::Unpacking;
use super::path::check_distinct;
use super::{
    FileEntry, Job, Manifest, PathProblem, Payload, PayloadError, RelativePath, SourceError,
};
use crate::message::{Digest, ObjectId};

/// Reads what is sent from anywhere the operator names, and puts what is received below one
/// directory, the inbox.
///
/// A transfer from environment `dev` as task `t1` is put in place as `dev/t1` below the inbox.
/// Parts are kept in `.staging` below the inbox until then, on the same file system, so that one
/// rename puts a whole transfer in place. A receipt in `.receipts` tells afterwards that it was
/// this agent that did so.
#[derive(Clone, Debug)]
pub struct Files {
    inbox: PathBuf,
}

impl Files {
    /// A payload with the given inbox, which is made when it is first needed.
    #[must_use]
    pub fn new(inbox: impl Into<PathBuf>) -> Self {
        Self {
            inbox: inbox.into(),
        }
    }

    fn staging(&self, object: &ObjectId) -> PathBuf {
        self.inbox.join(".staging").join(object.as_str())
    }

    /// The object's files in a durable tree inside its staging directory.
    async fn unpacked(&self, staging: &Path, parts: u32) -> Result<PathBuf, PayloadError> {
        let tree = staging.join("tree");
        if fs::symlink_metadata(&tree).await.is_ok() {
            fs::remove_dir_all(&tree).await.map_err(storage)?;
        }
        fs::create_dir_all(&tree).await.map_err(storage)?;
        self.unpack(staging, parts, &tree).await?;
        sync_tree(&tree).await?;
        Ok(tree)
    }

    /// Writes the object's files below `tree`, which is new.
    async fn unpack(&self, staging: &Path, parts: u32, tree: &Path) -> Result<(), PayloadError> {
        let mut unpacking = Unpacking::default();
        let mut open: Option<(usize, fs::File)> = None;
        for number in 1..=parts {
            let octets = fs::read(part_path(staging, number))
                .await
                .map_err(storage)?;
            let before = unpacking.manifest().is_some();
            let extents = unpacking.take(&octets)?;
            let Some(manifest) = unpacking.manifest() else {
                continue;
            };
            if !before {
                make_tree(tree, manifest).await?;
            }
            for extent in extents {
                if open.as_ref().is_none_or(|(index, _)| *index != extent.file) {
                    finish(open.take()).await?;
                    let file = manifest
                        .files()
                        .get(extent.file)
                        .ok_or(PayloadError::Manifest)?;
                    let path = tree.join(file.path.as_str());
                    let file = fs::OpenOptions::new().append(true).open(path).await;
                    open = Some((extent.file, file.map_err(storage)?));
                }
                let piece = octets.get(extent.from..extent.to).unwrap_or_default();
                if let Some((_, file)) = &mut open {
                    file.write_all(piece).await.map_err(storage)?;
                }
            }
        }
        finish(open.take()).await?;
        if unpacking.is_complete() {
            Ok(())
        } else {
            Err(PayloadError::Manifest)
        }
    }
}

impl Payload for Files {
    async fn list(&self, source: &str) -> Result<Manifest, SourceError> {
        let root = PathBuf::from(source);
        match fs::metadata(&root).await {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return Err(named(&root, PayloadError::NotDirectory)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(named(&root, PayloadError::NoSource));
            }
            Err(_) => return Err(named(&root, PayloadError::Unreadable)),
        }
        let mut files = Vec::new();
        let mut directories = vec![(root.clone(), String::new())];
        while let Some((directory, prefix)) = directories.pop() {
            let unreadable = |_| named(&directory, PayloadError::Unreadable);
            let mut entries = fs::read_dir(&directory).await.map_err(unreadable)?;
            while let Some(entry) = entries.next_entry().await.map_err(unreadable)? {
                match listed(&entry, &prefix).await {
                    Ok(Listed::Directory(prefix)) => directories.push((entry.path(), prefix)),
                    Ok(Listed::File(file)) => files.push(file),
                    Err(why) => return Err(named(&entry.path(), why)),
                }
            }
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        if let Err(path) = check_distinct(files.iter().map(|file| &file.path)) {
            let why = PayloadError::Path(PathProblem::Duplicate);
            return Err(named(&root.join(path.as_str()), why));
        }
        Manifest::new(files).map_err(|why| named(&root, why))
    }

    async fn read(
        &self,
        source: &str,
        file: &RelativePath,
        offset: u64,
        length: usize,
    ) -> Result<Bytes, PayloadError> {
        let path = Path::new(source).join(file.as_str());
        // A link that took the file's place since it was listed is not followed.
        let found = fs::symlink_metadata(&path).await.map_err(unreadable)?;
        if found.is_symlink() {
            return Err(PayloadError::Path(PathProblem::Link));
        }
        if !found.is_file() {
            return Err(PayloadError::Path(PathProblem::Special));
        }
        let mut file = fs::File::open(path).await.map_err(unreadable)?;
        file.seek(io::SeekFrom::Start(offset))
            .await
            .map_err(unreadable)?;
        let mut octets = vec![0; length];
        file.read_exact(&mut octets).await.map_err(unreadable)?;
        Ok(octets.into())
    }

    async fn stage(
        &self,
        object: &ObjectId,
        number: u32,
        octets: Bytes,
    ) -> Result<(), PayloadError> {
        let staging = self.staging(object);
        fs::create_dir_all(&staging).await.map_err(storage)?;
        let path = part_path(&staging, number);
        let unfinished = path.with_extension("unfinished");
        let mut file = fs::File::create(&unfinished).await.map_err(storage)?;
        file.write_all(&octets).await.map_err(storage)?;
        file.sync_all().await.map_err(storage)?;
        fs::rename(&unfinished, &path).await.map_err(storage)?;
        sync_directory(&staging).await
    }

    async fn commit(
        &self,
        object: &ObjectId,
        parts: u32,
        digest: Digest,
        job: &Job,
    ) -> Result<(), PayloadError> {
        // A task's id is chosen by its sender: it has to pass as a file name here.
        let name = RelativePath::new(job.task.as_str()).map_err(PayloadError::Path)?;
        let sender = RelativePath::new(job.from.as_str()).map_err(PayloadError::Path)?;
        let home = self.inbox.join(sender.as_str());
        let place = home.join(name.as_str());
        let receipts = self.inbox.join(".receipts").join(sender.as_str());
        let receipt = Receipt::new(receipts, &name, digest);
        let staging = self.staging(object);
        let is_taken = is_there(&place).await?;
        // The receipt is written before the first part is let go of, and is asked only when one is
        // missing: as long as all are here, what is in place can be compared with them.
        let is_done = is_taken && !has_parts(&staging, parts).await && receipt.is_written().await;
        if !is_done {
            let tree = self.unpacked(&staging, parts).await?;
            if is_taken {
                // The host stopped between the rename and the receipt, or this is not ours.
                let is_ours = compare::same_tree(&tree, &place).await.map_err(storage)?;
                fs::remove_dir_all(&tree).await.map_err(storage)?;
                if !is_ours {
                    return Err(PayloadError::TargetExists);
                }
            } else {
                fs::create_dir_all(&home).await.map_err(storage)?;
                fs::rename(&tree, &place).await.map_err(taken_or_storage)?;
            }
            sync_directory(&home).await?;
            receipt.write().await?;
            // The two directories may be new themselves.
            sync_directory(&self.inbox.join(".receipts")).await?;
            sync_directory(&self.inbox).await?;
        }
        match fs::remove_dir_all(&staging).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(storage(error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

/// What a directory holds.
enum Listed {
    /// A file to transfer.
    File(FileEntry),
    /// A directory, by what the paths of its files begin with.
    Directory(String),
}

/// One entry of a directory whose files' paths begin with `prefix`.
async fn listed(entry: &fs::DirEntry, prefix: &str) -> Result<Listed, PayloadError> {
    let name = entry.file_name();
    let name = name
        .to_str()
        .ok_or(PayloadError::Path(PathProblem::Unprintable))?;
    let path = format!("{prefix}{name}");
    let kind = entry.file_type().await.map_err(unreadable)?;
    if kind.is_dir() {
        Ok(Listed::Directory(format!("{path}/")))
    } else if kind.is_file() {
        let size = entry.metadata().await.map_err(unreadable)?.len();
        let path = RelativePath::new(&path).map_err(PayloadError::Path)?;
        Ok(Listed::File(FileEntry { path, size }))
    } else if kind.is_symlink() {
        Err(PayloadError::Path(PathProblem::Link))
    } else {
        Err(PayloadError::Path(PathProblem::Special))
    }
}

fn named(path: &Path, why: PayloadError) -> SourceError {
    SourceError {
        path: path.to_string_lossy().into_owned(),
        why,
    }
}

/// The proof that an object was put in place: a file apart from what was, with its digest.
struct Receipt {
    directory: PathBuf,
    path: PathBuf,
    digest: String,
}

impl Receipt {
    fn new(directory: PathBuf, name: &RelativePath, digest: Digest) -> Self {
        Self {
            path: directory.join(name.as_str()),
            directory,
            digest: digest.to_string(),
        }
    }

    async fn is_written(&self) -> bool {
        let written = fs::read(&self.path).await;
        written.is_ok_and(|written| written == self.digest.as_bytes())
    }

    async fn write(&self) -> Result<(), PayloadError> {
        fs::create_dir_all(&self.directory).await.map_err(storage)?;
        let mut file = fs::File::create(&self.path).await.map_err(storage)?;
        file.write_all(self.digest.as_bytes())
            .await
            .map_err(storage)?;
        file.sync_all().await.map_err(storage)?;
        sync_directory(&self.directory).await
    }
}

async fn has_parts(staging: &Path, parts: u32) -> bool {
    for number in 1..=parts {
        if fs::metadata(part_path(staging, number)).await.is_err() {
            return false;
        }
    }
    true
}

/// Whether anything is at `place`, a link that leads nowhere included.
async fn is_there(place: &Path) -> Result<bool, PayloadError> {
    match fs::symlink_metadata(place).await {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(storage(error)),
    }
}

/// Why a tree could not take its place: something has got there since it was looked at.
fn taken_or_storage(error: io::Error) -> PayloadError {
    if matches!(
        error.kind(),
        io::ErrorKind::AlreadyExists
            | io::ErrorKind::DirectoryNotEmpty
            | io::ErrorKind::NotADirectory
    ) {
        PayloadError::TargetExists
    } else {
        storage(error)
    }
}

fn part_path(staging: &Path, number: u32) -> PathBuf {
    staging.join(format!("{number:010}.part"))
}

/// Makes every directory and every file of a manifest, the files empty. All of them are new: a
/// second one of the same name is refused, and no link can be among them.
async fn make_tree(tree: &Path, manifest: &Manifest) -> Result<(), PayloadError> {
    for file in manifest.files() {
        let path = tree.join(file.path.as_str());
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).await.map_err(storage)?;
        }
        let created = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(path)
            .await;
        created.map_err(storage)?;
    }
    Ok(())
}

async fn finish(file: Option<(usize, fs::File)>) -> Result<(), PayloadError> {
    match file {
        Some((_, file)) => file.sync_all().await.map_err(storage),
        None => Ok(()),
    }
}

/// Makes the names in a tree durable, as the content of the files is already.
async fn sync_tree(tree: &Path) -> Result<(), PayloadError> {
    let mut directories = vec![tree.to_owned()];
    while let Some(directory) = directories.pop() {
        sync_directory(&directory).await?;
        let mut entries = fs::read_dir(&directory).await.map_err(storage)?;
        while let Some(entry) = entries.next_entry().await.map_err(storage)? {
            if entry.file_type().await.map_err(storage)?.is_dir() {
                directories.push(entry.path());
            }
        }
    }
    Ok(())
}

/// Makes the names in one directory durable, where the operating system lets a directory be opened.
async fn sync_directory(directory: &Path) -> Result<(), PayloadError> {
    if cfg!(unix) {
        let directory = fs::File::open(directory).await.map_err(storage)?;
        directory.sync_all().await.map_err(storage)?;
    }
    Ok(())
}

/// What the operating system said is of no use to the peer, and of little to the operator: the
/// class is what the protocol carries.
fn storage(_: io::Error) -> PayloadError {
    PayloadError::Storage
}

fn unreadable(_: io::Error) -> PayloadError {
    PayloadError::Unreadable
}
