//! What has come of an object, on the disk, until all of it is there.
//!
//! The directory of an object holds
//! - `NNNNNNNNNN.part`: a part as it came. Always those that hold octets of the manifest; others
//!   when they came before it, or are made of many small files.
//! - `tree/`: the files of the object. What belongs to other parts is in them already.
//! - `placed`: one octet for each part, 1 when that part is in the tree. A single octet is on the
//!   disk or is not: no crash leaves half of it.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Stopped;
use super::compare::is_listing_of;
use super::disk::{is_there, open_to_write, remove, storage, sync_directory, sync_tree, write_at};
use crate::message::ObjectId;
use crate::work::PayloadError;
use crate::work::object::{Layout, Piece, Unpacking};

/// A part of more pieces than this is kept as it came: to sync it takes one file, not many.
const PIECES_MAX: usize = 4;

/// What has come of one object.
#[derive(Debug)]
pub(super) struct Staging {
    inbox: PathBuf,
    directory: PathBuf,
    known: Mutex<Known>,
}

/// What need not be asked of the disk again.
#[derive(Debug, Default)]
struct Known {
    layout: Option<Arc<Layout>>,
    /// The manifest has come and is none.
    is_malformed: bool,
    /// The directory's own name is durable.
    is_rooted: bool,
    /// The name of `placed` is durable.
    has_map: bool,
    /// The files of the tree whose names are durable.
    named: BTreeSet<usize>,
}

impl Staging {
    pub(super) fn new(inbox: &Path, object: &ObjectId) -> Self {
        Self {
            inbox: inbox.to_owned(),
            directory: inbox.join(".staging").join(object.as_str()),
            known: Mutex::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tree(&self) -> PathBuf {
        self.directory.join("tree")
    }

    fn map(&self) -> PathBuf {
        self.directory.join("placed")
    }

    fn part(&self, number: u32) -> PathBuf {
        self.directory.join(format!("{number:010}.part"))
    }

    /// Keeps one part; durable when it returns. ET-32
    pub(super) fn keep(&self, number: u32, octets: &[u8]) -> io::Result<()> {
        fs::create_dir_all(&self.directory)?;
        if !self.known().is_rooted {
            sync_directory(&self.inbox.join(".staging"))?;
            sync_directory(&self.inbox)?;
            self.known().is_rooted = true;
        }
        if let Some(layout) = self.layout()
            // What cannot be placed, as somebody else's disk may have it, is refused at the end.
            && self.place(&layout, number, octets).unwrap_or(false)
        {
            return Ok(());
        }
        self.put_aside(number, octets)
    }

    /// Keeps a part as it came.
    fn put_aside(&self, number: u32, octets: &[u8]) -> io::Result<()> {
        let path = self.part(number);
        let unfinished = path.with_extension("unfinished");
        let mut file = File::create(&unfinished)?;
        file.write_all(octets)?;
        file.sync_all()?;
        fs::rename(&unfinished, &path)?;
        sync_directory(&self.directory)
    }

    /// Writes a part where it belongs; false when it has to be put aside.
    fn place(&self, layout: &Layout, number: u32, octets: &[u8]) -> io::Result<bool> {
        let pieces = layout.pieces(number);
        if number <= layout.head_parts()
            || octets.len() != layout.octets_of(number)
            || pieces.len() > PIECES_MAX
            // It came before the manifest, and its file is what counts.
            || is_there(&self.part(number))?
        {
            return Ok(false);
        }
        let mut rest = octets;
        for piece in pieces {
            let Piece::File {
                file: index,
                path,
                offset,
                length,
            } = piece
            else {
                return Ok(false);
            };
            let Some((here, after)) = rest.split_at_checked(length) else {
                return Ok(false);
            };
            rest = after;
            let path = self.tree().join(path.as_str());
            let file = open_to_write(&path)?;
            write_at(&file, offset, here)?;
            file.sync_data()?;
            self.name(index, &path)?;
        }
        self.mark(number)?;
        Ok(true)
    }

    /// Makes the name of a file of the tree durable.
    fn name(&self, index: usize, path: &Path) -> io::Result<()> {
        if self.known().named.contains(&index) {
            return Ok(());
        }
        let above = path.ancestors().skip(1);
        for directory in above.take_while(|above| above.starts_with(&self.directory)) {
            sync_directory(directory)?;
        }
        self.known().named.insert(index);
        Ok(())
    }

    /// Records that a part is in the tree, after it is.
    fn mark(&self, number: u32) -> io::Result<()> {
        let map = open_to_write(&self.map())?;
        write_at(&map, u64::from(number.saturating_sub(1)), &[1])?;
        map.sync_data()?;
        if !self.known().has_map {
            sync_directory(&self.directory)?;
            self.known().has_map = true;
        }
        Ok(())
    }

    /// How the object is laid out, once its manifest has come.
    fn layout(&self) -> Option<Arc<Layout>> {
        let mut known = self.known();
        if known.layout.is_none() && !known.is_malformed {
            match self.read_layout() {
                Ok(layout) => known.layout = layout.map(Arc::new),
                Err(error) => known.is_malformed = error != PayloadError::Storage,
            }
        }
        known.layout.clone()
    }

    /// Reads the manifest from the first parts; `None` when one of them is missing.
    fn read_layout(&self) -> Result<Option<Layout>, PayloadError> {
        let mut unpacking = Unpacking::default();
        let mut part_octets = 0;
        for number in 1.. {
            let octets = match fs::read(self.part(number)) {
                Ok(octets) => octets,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(storage(error)),
            };
            if number == 1 {
                part_octets = octets.len();
            }
            unpacking.take_head(&octets)?;
            if unpacking.manifest().is_some() {
                break;
            }
        }
        Ok(unpacking.into_layout(part_octets))
    }

    /// How the object is laid out, if every one of its parts is here.
    pub(super) fn complete(&self, parts: u32) -> Option<Arc<Layout>> {
        let layout = self.layout()?;
        let map = fs::read(self.map()).unwrap_or_default();
        let is_here = |number: u32| is_placed(&map, number) || self.part(number).exists();
        (1..=parts).all(is_here).then_some(layout)
    }

    /// Puts the parts that were put aside in their places, and returns the tree, complete and
    /// durable.
    ///
    /// # Errors
    /// When a part is missing, or parts and manifest do not fit each other.
    pub(super) fn assembled(&self, parts: u32, stop: &Stopped) -> Result<PathBuf, PayloadError> {
        // Whatever was remembered is read again: this decides.
        *self.known() = Known::default();
        let layout = match self.read_layout()? {
            Some(layout) => layout,
            // Every part is here, and together they end inside the manifest.
            None if (1..=parts).all(|number| self.part(number).exists()) => {
                return Err(PayloadError::Manifest);
            }
            None => return Err(PayloadError::Storage),
        };
        let tree = self.tree();
        let map = fs::read(self.map()).unwrap_or_default();
        if map.is_empty() {
            remove(&tree).map_err(storage)?;
        }
        fs::create_dir_all(&tree).map_err(storage)?;
        let mut filling = Filling::new(&tree, &layout);
        for number in 1..=parts {
            stop.check()?;
            match fs::read(self.part(number)) {
                Ok(octets) => filling.part(number, &octets)?,
                Err(_) if is_placed(&map, number) => {}
                Err(error) => return Err(storage(error)),
            }
        }
        if layout.parts() != Ok(parts) {
            return Err(PayloadError::Manifest);
        }
        filling.finish()?;
        if !is_listing_of(&tree, layout.manifest()).map_err(storage)? {
            return Err(PayloadError::Storage);
        }
        sync_tree(&tree).map_err(storage)?;
        Ok(tree)
    }

    /// Lets go of everything.
    pub(super) fn let_go(&self) -> io::Result<()> {
        remove(&self.directory)
    }
}

fn is_placed(map: &[u8], number: u32) -> bool {
    let index = usize::try_from(number).unwrap_or(usize::MAX);
    map.get(index.saturating_sub(1)) == Some(&1)
}

/// Writes parts in ascending order into the files of a tree, one of which is open.
struct Filling<'a> {
    tree: &'a Path,
    layout: &'a Layout,
    open: Option<(usize, File)>,
}

impl<'a> Filling<'a> {
    const fn new(tree: &'a Path, layout: &'a Layout) -> Self {
        let open = None;
        Self { tree, layout, open }
    }

    fn part(&mut self, number: u32, octets: &[u8]) -> Result<(), PayloadError> {
        if octets.len() != self.layout.octets_of(number) {
            return Err(PayloadError::Manifest);
        }
        let mut rest = octets;
        for piece in self.layout.pieces(number) {
            let length = match &piece {
                Piece::Head(head) => head.len(),
                Piece::File { length, .. } => *length,
            };
            let (here, after) = rest
                .split_at_checked(length)
                .ok_or(PayloadError::Manifest)?;
            rest = after;
            if let Piece::File {
                file: index,
                path,
                offset,
                ..
            } = piece
            {
                let path = self.tree.join(path.as_str());
                self.write(index, &path, offset, here).map_err(storage)?;
            }
        }
        Ok(())
    }

    fn write(&mut self, index: usize, path: &Path, offset: u64, octets: &[u8]) -> io::Result<()> {
        if self.open.as_ref().is_none_or(|(open, _)| *open != index) {
            self.close()?;
            self.open = Some((index, open_to_write(path)?));
        }
        match &self.open {
            Some((_, file)) => write_at(file, offset, octets),
            None => Ok(()),
        }
    }

    fn close(&mut self) -> io::Result<()> {
        match self.open.take() {
            Some((_, file)) => file.sync_all(),
            None => Ok(()),
        }
    }

    /// Makes the files that no part has octets of.
    fn finish(mut self) -> Result<(), PayloadError> {
        self.close().map_err(storage)?;
        let files = self.layout.manifest().files().iter();
        for file in files.filter(|file| file.size == 0) {
            let path = self.tree.join(file.path.as_str());
            let made = open_to_write(&path).and_then(|file| file.sync_all());
            made.map_err(storage)?;
        }
        Ok(())
    }
}
