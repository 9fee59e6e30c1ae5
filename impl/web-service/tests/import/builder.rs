//! A builder of cabinets that can lie about everything.

use std::io::Write as _;

use portcullis_web_service::work::cabinet::Compression;

pub(crate) const STORED: u16 = 0;
pub(crate) const MSZIP: u16 = 1;

/// A cabinet, part by part. What is `None` is written as it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cabinet {
    pub(crate) mark: Option<[u8; 4]>,
    pub(crate) length: Option<u32>,
    pub(crate) files_at: Option<u32>,
    pub(crate) version: Option<[u8; 2]>,
    pub(crate) folder_count: Option<u16>,
    pub(crate) file_count: Option<u16>,
    pub(crate) flags: u16,
    /// What follows the header when the flags say so.
    pub(crate) header_rest: Vec<u8>,
    pub(crate) folders: Vec<Folder>,
    pub(crate) files: Vec<File>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Folder {
    pub(crate) at: Option<u32>,
    pub(crate) block_count: Option<u16>,
    pub(crate) compression: u16,
    pub(crate) blocks: Vec<Block>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Block {
    pub(crate) check_sum: Option<u32>,
    pub(crate) packed_octets: Option<u16>,
    pub(crate) octets: u16,
    pub(crate) packed: Vec<u8>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct File {
    pub(crate) octets: u32,
    pub(crate) offset: u32,
    pub(crate) folder: u16,
    pub(crate) attributes: u16,
    pub(crate) name: Vec<u8>,
}

impl Cabinet {
    /// A true cabinet with these files in one folder.
    pub(crate) fn of(compression: u16, files: &[(&str, &[u8])]) -> Self {
        let mut cabinet = Self::default();
        let mut content = Vec::new();
        for (name, octets) in files {
            cabinet.files.push(File {
                octets: u32::try_from(octets.len()).unwrap(),
                offset: u32::try_from(content.len()).unwrap(),
                name: name.as_bytes().to_vec(),
                ..File::default()
            });
            content.extend_from_slice(octets);
        }
        let blocks = content.chunks(0x8000).map(|piece| match compression {
            STORED => Block::stored(piece),
            _ => Block::mszip(piece),
        });
        cabinet.folders.push(Folder {
            compression,
            blocks: blocks.collect(),
            ..Folder::default()
        });
        cabinet
    }

    /// Says how many octets are reserved.
    pub(crate) fn reserve(&mut self, counts: [u8; 4]) {
        self.flags = 4;
        self.header_rest = counts.to_vec();
    }

    /// The first block.
    pub(crate) fn block(&mut self) -> &mut Block {
        &mut self.folders[0].blocks[0]
    }

    /// The first file once more, under another name.
    pub(crate) fn again(&mut self, name: &str) {
        let mut file = self.files[0].clone();
        file.name = name.as_bytes().to_vec();
        self.files.push(file);
    }

    pub(crate) fn octets(&self) -> Vec<u8> {
        let tables = 36 + self.header_rest.len() + 8 * self.folders.len();
        let names: usize = self.files.iter().map(|file| 17 + file.name.len()).sum();
        let mut blocks_at = tables + names;
        let mut folders = Vec::new();
        let mut content = Vec::new();
        for folder in &self.folders {
            let at = folder.at.unwrap_or(u32::try_from(blocks_at).unwrap());
            let count = u16::try_from(folder.blocks.len()).unwrap_or(u16::MAX);
            folders.extend(at.to_le_bytes());
            folders.extend(folder.block_count.unwrap_or(count).to_le_bytes());
            folders.extend(folder.compression.to_le_bytes());
            let blocks: Vec<u8> = folder.blocks.iter().flat_map(Block::octets_of).collect();
            blocks_at += blocks.len();
            content.extend(blocks);
        }
        let mut files = Vec::new();
        for file in &self.files {
            files.extend(file.octets.to_le_bytes());
            files.extend(file.offset.to_le_bytes());
            files.extend(file.folder.to_le_bytes());
            files.extend([0x21, 0, 0, 0]);
            files.extend(file.attributes.to_le_bytes());
            files.extend(&file.name);
            files.push(0);
        }
        let length = u32::try_from(blocks_at).unwrap();
        let folder_count = u16::try_from(self.folders.len()).unwrap();
        let file_count = u16::try_from(self.files.len()).unwrap();
        let tables = u32::try_from(tables).unwrap();
        let mut out = self.mark.unwrap_or(*b"MSCF").to_vec();
        out.extend([0; 4]);
        out.extend(self.length.unwrap_or(length).to_le_bytes());
        out.extend([0; 4]);
        out.extend(self.files_at.unwrap_or(tables).to_le_bytes());
        out.extend([0; 4]);
        out.extend(self.version.unwrap_or([3, 1]));
        out.extend(self.folder_count.unwrap_or(folder_count).to_le_bytes());
        out.extend(self.file_count.unwrap_or(file_count).to_le_bytes());
        out.extend(self.flags.to_le_bytes());
        out.extend([0; 4]);
        for part in [&self.header_rest, &folders, &files, &content] {
            out.extend(part);
        }
        out
    }
}

impl Block {
    pub(crate) fn stored(octets: &[u8]) -> Self {
        Self {
            octets: u16::try_from(octets.len()).unwrap(),
            packed: octets.to_vec(),
            ..Self::default()
        }
    }

    /// An MSZIP block that has its content uncompressed.
    pub(crate) fn mszip(octets: &[u8]) -> Self {
        let length = u16::try_from(octets.len()).unwrap();
        let mut packed = b"CK\x01".to_vec();
        packed.extend(length.to_le_bytes());
        packed.extend((!length).to_le_bytes());
        packed.extend(octets);
        Self {
            octets: length,
            packed,
            ..Self::default()
        }
    }

    fn octets_of(&self) -> Vec<u8> {
        let length = u16::try_from(self.packed.len()).unwrap_or(u16::MAX);
        let packed_octets = self.packed_octets.unwrap_or(length);
        let lengths = [packed_octets.to_le_bytes(), self.octets.to_le_bytes()].concat();
        let check_sum = sum(&self.packed) ^ sum(&lengths);
        let mut out = self.check_sum.unwrap_or(check_sum).to_le_bytes().to_vec();
        out.extend(lengths);
        out.extend(&self.packed);
        out
    }
}

/// The check sum of a cabinet's blocks: words in little-endian order, the rest in the other one.
fn sum(octets: &[u8]) -> u32 {
    let words = octets.chunks(4).map(|word| match word {
        [a, b, c, d] => u32::from_le_bytes([*a, *b, *c, *d]),
        rest => rest
            .iter()
            .fold(0, |sum, octet| sum << 8 | u32::from(*octet)),
    });
    words.fold(0, |sum, word| sum ^ word)
}

/// A cabinet as the `cab` crate writes it.
pub(crate) fn written(compression: Compression, files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = cab::CabinetBuilder::new();
    let folder = builder.add_folder(match compression {
        Compression::Stored => cab::CompressionType::None,
        Compression::Mszip => cab::CompressionType::MsZip,
    });
    for (name, _) in files {
        folder.add_file(*name);
    }
    let mut cabinet = builder.build(std::io::Cursor::new(Vec::new())).unwrap();
    for (_, octets) in files {
        let mut file = cabinet.next_file().unwrap().unwrap();
        file.write_all(octets).unwrap();
    }
    cabinet.finish().unwrap().into_inner()
}
