//! The tables of a cabinet, and the heads of its blocks.

use std::io::{BufReader, Read, Seek, SeekFrom};

use super::fields::{Fields, reading};
use super::{Cabinet, CabinetLimits, CabinetProblem, Compression, Folder, PackedFile};
use crate::message::FileName;

/// There is a cabinet before or behind this one.
const FLAGS_SPANNING: u16 = 0x1 | 0x2;
/// The header says how many octets are reserved in the tables.
const FLAG_RESERVE: u16 = 0x4;
/// The compression of a folder, apart from its parameters.
const COMPRESSION_MASK: u16 = 0x000F;
/// From here on, the number of a file's folder says that the file begins or ends elsewhere.
const FOLDER_ELSEWHERE: u16 = 0xFFFD;
/// The name is in UTF-8.
const ATTRIBUTE_UTF8: u16 = 0x80;
/// The longest cabinet.
const CABINET_OCTETS_MAX: u64 = 0x7FFF_FFFF;
/// The octets before the content of a block.
const BLOCK_HEAD_OCTETS: u64 = 8;
/// The most that one block is decompressed to.
const BLOCK_OCTETS_MAX: u16 = 0x8000;

/// What the header says.
struct Header {
    length: u64,
    files_at: u64,
    folder_count: u16,
    file_count: u16,
    folder_reserve: u8,
}

/// A file as the table has it.
struct Entry {
    folder: usize,
    offset: u64,
    file: PackedFile,
}

pub(super) fn read(
    source: &mut (impl Read + Seek),
    compression: Compression,
    limits: &CabinetLimits,
) -> Result<Cabinet, CabinetProblem> {
    let length = source.seek(SeekFrom::End(0)).map_err(reading)?;
    source.seek(SeekFrom::Start(0)).map_err(reading)?;
    let mut fields = Fields::new(BufReader::new(&mut *source));
    let header = Header::read(&mut fields, length)?;
    if u32::from(header.file_count) > limits.files_max {
        return Err(CabinetProblem::TooMany);
    }
    // Each folder has a file, so what follows is bounded by the number of files.
    if header.folder_count > header.file_count {
        return Err(CabinetProblem::Layout);
    }
    let mut folders = Vec::new();
    for _ in 0..header.folder_count {
        folders.push(folder(&mut fields, &header, compression)?);
    }
    let gap = header.files_at.checked_sub(fields.position());
    fields.skip(gap.ok_or(CabinetProblem::Layout)?)?;
    let mut entries = Vec::new();
    let mut names_octets = 0_u64;
    for _ in 0..header.file_count {
        let entry = entry(&mut fields, header.folder_count, limits)?;
        let name = u64::try_from(entry.file.name.as_str().len()).unwrap_or(u64::MAX);
        names_octets = names_octets.saturating_add(name);
        if names_octets > limits.names_octets_max {
            return Err(CabinetProblem::TooMany);
        }
        entries.push(entry);
    }
    let tables_end = fields.position();
    walk(source, tables_end, &header, &mut folders, compression)?;
    check_octets(&folders, header.length, limits)?;
    fill(&mut folders, entries)?;
    Ok(Cabinet {
        compression,
        folders,
    })
}

impl Header {
    fn read<R: Read>(fields: &mut Fields<R>, length: u64) -> Result<Self, CabinetProblem> {
        if fields.array()? != *b"MSCF" {
            return Err(CabinetProblem::Header);
        }
        let _reserved = fields.u32()?;
        let declared = u64::from(fields.u32()?);
        let _reserved = fields.u32()?;
        let files_at = u64::from(fields.u32()?);
        let _reserved = fields.u32()?;
        if fields.array()? != [3, 1] {
            return Err(CabinetProblem::Header);
        }
        let folder_count = fields.u16()?;
        let file_count = fields.u16()?;
        let flags = fields.u16()?;
        let [_set, _number] = [fields.u16()?, fields.u16()?];
        if flags & FLAGS_SPANNING != 0 {
            return Err(CabinetProblem::Spanning);
        }
        if flags & !FLAG_RESERVE != 0 {
            return Err(CabinetProblem::Header);
        }
        if declared != length || length > CABINET_OCTETS_MAX {
            return Err(CabinetProblem::Length);
        }
        let mut folder_reserve = 0;
        if flags & FLAG_RESERVE != 0 {
            let header_reserve = fields.u16()?;
            folder_reserve = fields.u8()?;
            if fields.u8()? != 0 {
                return Err(CabinetProblem::Reserve);
            }
            fields.skip(header_reserve.into())?;
        }
        Ok(Self {
            length,
            files_at,
            folder_count,
            file_count,
            folder_reserve,
        })
    }
}

/// A folder, of which only the start of its blocks and their number are known yet.
fn folder<R: Read>(
    fields: &mut Fields<R>,
    header: &Header,
    compression: Compression,
) -> Result<Folder, CabinetProblem> {
    let at = u64::from(fields.u32()?);
    let block_count = fields.u16()?;
    let found = match fields.u16()? & COMPRESSION_MASK {
        0 => Some(Compression::Stored),
        1 => Some(Compression::Mszip),
        // Quantum, LZX, and what nobody knows.
        _ => None,
    };
    if found != Some(compression) {
        return Err(CabinetProblem::Compression);
    }
    fields.skip(header.folder_reserve.into())?;
    Ok(Folder {
        at,
        end: at,
        block_count,
        octets: 0,
        files: Vec::new(),
    })
}

fn entry<R: Read>(
    fields: &mut Fields<R>,
    folder_count: u16,
    limits: &CabinetLimits,
) -> Result<Entry, CabinetProblem> {
    let octets = u64::from(fields.u32()?);
    let offset = u64::from(fields.u32()?);
    let folder = fields.u16()?;
    let [_date, _time] = [fields.u16()?, fields.u16()?];
    let attributes = fields.u16()?;
    let name = fields.text()?;
    if folder >= FOLDER_ELSEWHERE {
        return Err(CabinetProblem::Spanning);
    }
    if folder >= folder_count {
        return Err(CabinetProblem::Layout);
    }
    if octets > limits.file_octets_max {
        return Err(CabinetProblem::TooLarge);
    }
    if attributes & ATTRIBUTE_UTF8 == 0 && !name.is_ascii() {
        return Err(CabinetProblem::NameEncoding);
    }
    let name = std::str::from_utf8(&name).map_err(|_| CabinetProblem::NameEncoding)?;
    let name = FileName::new(name).map_err(CabinetProblem::Name)?;
    Ok(Entry {
        folder: folder.into(),
        offset,
        file: PackedFile { name, octets },
    })
}

/// Follows the blocks of all folders from head to head. Folders lie one behind the other, so no
/// octet of a cabinet is read twice, however many folders there are.
fn walk(
    source: &mut (impl Read + Seek),
    tables_end: u64,
    header: &Header,
    folders: &mut [Folder],
    compression: Compression,
) -> Result<(), CabinetProblem> {
    let mut free_from = tables_end;
    for folder in folders {
        // A folder without blocks is nowhere.
        if folder.block_count == 0 {
            continue;
        }
        if folder.at < free_from {
            return Err(CabinetProblem::Layout);
        }
        for _ in 0..folder.block_count {
            source.seek(SeekFrom::Start(folder.end)).map_err(reading)?;
            let mut fields = Fields::new(&mut *source);
            let _check_sum = fields.u32()?;
            let packed = fields.u16()?;
            let octets = fields.u16()?;
            // 0 octets are a block that goes on in the next cabinet.
            if octets == 0 || packed == 0 || octets > BLOCK_OCTETS_MAX {
                return Err(CabinetProblem::Block);
            }
            if compression == Compression::Stored && packed != octets {
                return Err(CabinetProblem::Block);
            }
            let end = folder.end.saturating_add(BLOCK_HEAD_OCTETS);
            let end = end.saturating_add(packed.into());
            if end > header.length {
                return Err(CabinetProblem::Length);
            }
            folder.end = end;
            folder.octets = folder.octets.saturating_add(octets.into());
        }
        free_from = folder.end;
    }
    Ok(())
}

/// What the blocks declare, against the limits and against what can be true.
fn check_octets(
    folders: &[Folder],
    length: u64,
    limits: &CabinetLimits,
) -> Result<(), CabinetProblem> {
    let octets = folders.iter().map(|folder| folder.octets);
    let octets = octets.fold(0, u64::saturating_add);
    if octets > limits.octets_max {
        return Err(CabinetProblem::TooLarge);
    }
    if octets > length.saturating_mul(limits.ratio_max) {
        return Err(CabinetProblem::Ratio);
    }
    Ok(())
}

/// Gives each folder its files, which must fill it: so none overlaps another, and nothing is
/// decompressed that belongs to no file.
fn fill(folders: &mut [Folder], mut entries: Vec<Entry>) -> Result<(), CabinetProblem> {
    entries.sort_by_key(|entry| (entry.folder, entry.offset, entry.file.octets));
    let mut filled = vec![0_u64; folders.len()];
    for entry in entries {
        let folder = folders.get_mut(entry.folder);
        let filled = filled.get_mut(entry.folder);
        let (Some(folder), Some(filled)) = (folder, filled) else {
            return Err(CabinetProblem::Layout);
        };
        if entry.offset != *filled {
            return Err(CabinetProblem::Files);
        }
        *filled = filled.saturating_add(entry.file.octets);
        folder.files.push(entry.file);
    }
    let is_full = |(folder, filled): (&Folder, &u64)| folder.octets == *filled;
    if !folders.iter().zip(&filled).all(is_full) {
        return Err(CabinetProblem::Files);
    }
    if folders.iter().any(|folder| folder.files.is_empty()) {
        return Err(CabinetProblem::Files);
    }
    Ok(())
}
