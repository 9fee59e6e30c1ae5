//! The content of one folder, decompressed once from its start to its end.

use std::io::{self, Read, Seek, SeekFrom};

use super::{Cabinet, CabinetProblem, Compression, Folder, PackedFile};

/// How much is handed on at a time: a block.
const PIECE_OCTETS: usize = 0x8000;

/// The name of the one file that stands for a folder.
const NAME: &str = "f";

pub(super) fn extract<R: Read + Seek, E: From<CabinetProblem>>(
    cabinet: &Cabinet,
    folder: &Folder,
    source: &mut R,
    put: &mut impl FnMut(&PackedFile, &[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let view = View::new(cabinet, folder, source).ok_or(CabinetProblem::Damaged)?;
    let mut view = cab::Cabinet::new(view).map_err(damaged)?;
    let mut content = view.read_file(NAME).map_err(damaged)?;
    let mut piece = vec![0; PIECE_OCTETS];
    for file in &folder.files {
        let mut left = file.octets;
        while left > 0 {
            let wanted = usize::try_from(left).map_or(PIECE_OCTETS, |left| left.min(PIECE_OCTETS));
            let wanted = piece.get_mut(..wanted).unwrap_or_default();
            let read = content.read(wanted).map_err(damaged)?;
            let piece = piece.get(..read).unwrap_or_default();
            if piece.is_empty() {
                return Err(CabinetProblem::Damaged.into());
            }
            left = left.saturating_sub(u64::try_from(read).unwrap_or(u64::MAX));
            put(file, piece)?;
        }
        put(file, &[])?;
    }
    Ok(())
}

/// What the crate could not read or decompress. It marks its own errors with a text; those of the
/// operating system have a number.
#[expect(
    clippy::needless_pass_by_value,
    reason = "the form that `map_err` calls"
)]
fn damaged(error: io::Error) -> CabinetProblem {
    if error.raw_os_error().is_some() {
        CabinetProblem::Disk
    } else {
        CabinetProblem::Damaged
    }
}

/// A folder as a cabinet of its own: tables that are true, and behind them the folder's blocks as
/// they lie in `source`.
struct View<'a, R> {
    tables: Vec<u8>,
    source: &'a mut R,
    /// Where the blocks begin in `source`, and how many octets they are.
    blocks: (u64, u64),
    position: u64,
}

impl<'a, R> View<'a, R> {
    /// Nothing when the numbers do not fit their fields, which the limits of a cabinet exclude.
    fn new(cabinet: &Cabinet, folder: &Folder, source: &'a mut R) -> Option<Self> {
        let compression = match cabinet.compression {
            Compression::Stored => 0_u16,
            Compression::Mszip => 1,
        };
        let octets = u32::try_from(folder.octets).ok()?;
        let [files_at, blocks_at] = [44_u32, 62];
        let blocks_octets = folder.end.checked_sub(folder.at)?;
        let length = u32::try_from(blocks_octets).ok()?.checked_add(blocks_at)?;
        let tables = [
            // The header: version 1.3, one folder, one file.
            b"MSCF\0\0\0\0".as_slice(),
            &length.to_le_bytes(),
            &[0; 4],
            &files_at.to_le_bytes(),
            b"\0\0\0\0\x03\x01\x01\0\x01\0\0\0\0\0\0\0",
            // The folder.
            &blocks_at.to_le_bytes(),
            &folder.block_count.to_le_bytes(),
            &compression.to_le_bytes(),
            // The file: all of the folder.
            &octets.to_le_bytes(),
            b"\0\0\0\0\0\0\x21\0\0\0\0\0",
            NAME.as_bytes(),
            &[0],
        ]
        .concat();
        Some(Self {
            tables,
            source,
            blocks: (folder.at, blocks_octets),
            position: 0,
        })
    }

    fn length(&self) -> u64 {
        let tables = u64::try_from(self.tables.len()).unwrap_or(u64::MAX);
        tables.saturating_add(self.blocks.1)
    }
}

impl<R: Read + Seek> Read for View<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let from = usize::try_from(self.position).unwrap_or(usize::MAX);
        let count = match self.tables.get(from..) {
            Some(mut tables) if !tables.is_empty() => tables.read(buffer)?,
            _ => {
                let tables = u64::try_from(self.tables.len()).unwrap_or(u64::MAX);
                let passed = self.position.saturating_sub(tables);
                let (at, octets) = self.blocks;
                self.source
                    .seek(SeekFrom::Start(at.saturating_add(passed)))?;
                let left = octets.saturating_sub(passed);
                self.source.by_ref().take(left).read(buffer)?
            }
        };
        let passed = u64::try_from(count).unwrap_or(u64::MAX);
        self.position = self.position.saturating_add(passed);
        Ok(count)
    }
}

impl<R: Read + Seek> Seek for View<'_, R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(distance) => self.position.checked_add_signed(distance),
            SeekFrom::End(distance) => self.length().checked_add_signed(distance),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
