//! An object's octets: where each part of them comes from, and where each octet of them goes.

#[cfg(test)]
mod tests;

use bytes::{Bytes, BytesMut};

use super::{Manifest, Payload, PayloadError, RelativePath};

/// How the octets of an object are cut into parts.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// The data unit of the manifest.
    head: Bytes,
    manifest: Manifest,
    /// Where each file's content begins in the object.
    starts: Vec<u64>,
    part_octets: usize,
}

/// A piece of a part that comes from one place and goes to one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// Octets of the manifest's data unit.
    Head(Bytes),
    /// Octets of a file.
    File {
        /// Which file of the manifest.
        file: usize,
        /// Its path.
        path: &'a RelativePath,
        /// Where in the file they begin.
        offset: u64,
        /// How many they are.
        length: usize,
    },
}

impl Layout {
    /// The layout of a transfer; parts have `part_octets` octets each, the last one the rest.
    pub(crate) fn new(manifest: Manifest, part_octets: usize) -> Result<Self, PayloadError> {
        let head = Bytes::from(manifest.encode()?);
        Ok(Self::of(head, manifest, part_octets))
    }

    fn of(head: Bytes, manifest: Manifest, part_octets: usize) -> Self {
        let mut starts = Vec::with_capacity(manifest.files().len());
        let mut at = wide(head.len());
        for file in manifest.files() {
            starts.push(at);
            at = at.saturating_add(file.size);
        }
        Self {
            head,
            manifest,
            starts,
            part_octets: part_octets.max(1),
        }
    }

    /// The files.
    pub(crate) const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn octets(&self) -> u64 {
        wide(self.head.len()).saturating_add(self.manifest.octets())
    }

    /// How many parts there are.
    ///
    /// # Errors
    /// When there are more than can be numbered.
    pub(crate) fn parts(&self) -> Result<u32, PayloadError> {
        let parts = self.octets().div_ceil(wide(self.part_octets));
        u32::try_from(parts).map_err(|_| PayloadError::TooLarge)
    }

    /// How many of the first parts hold octets of the manifest.
    pub(crate) fn head_parts(&self) -> u32 {
        let parts = wide(self.head.len()).div_ceil(wide(self.part_octets));
        u32::try_from(parts).unwrap_or(u32::MAX)
    }

    /// How many octets part `number` has: as many as every other, the last one the rest.
    pub(crate) fn octets_of(&self, number: u32) -> usize {
        let before = u64::from(number.saturating_sub(1)).saturating_mul(wide(self.part_octets));
        narrow(self.octets().saturating_sub(before)).min(self.part_octets)
    }

    /// The pieces of part `number`, from 1, in order.
    pub(crate) fn pieces(&self, number: u32) -> Vec<Piece<'_>> {
        let part_octets = wide(self.part_octets);
        let start = u64::from(number.saturating_sub(1)).saturating_mul(part_octets);
        let end = start.saturating_add(part_octets);
        let mut pieces = Vec::new();
        let head = wide(self.head.len());
        if start < head {
            pieces.push(Piece::Head(
                self.head.slice(narrow(start)..narrow(end.min(head))),
            ));
        }
        // The first file that may reach into this part; those before it end earlier.
        let first = self
            .starts
            .partition_point(|at| *at <= start)
            .saturating_sub(1);
        let files = self.manifest.files().iter().zip(&self.starts).enumerate();
        for (index, (file, at)) in files.skip(first).take_while(|(_, (_, at))| **at < end) {
            let after = at.saturating_add(file.size);
            let (from, to) = (start.max(*at), end.min(after));
            if from < to {
                pieces.push(Piece::File {
                    file: index,
                    path: &file.path,
                    offset: from.saturating_sub(*at),
                    length: narrow(to.saturating_sub(from)),
                });
            }
        }
        pieces
    }

    /// The octets of part `number`, read from the source.
    pub(crate) async fn read<P: Payload>(
        &self,
        payload: &P,
        source: &str,
        number: u32,
    ) -> Result<Bytes, PayloadError> {
        let mut pieces = Vec::new();
        for piece in self.pieces(number) {
            pieces.push(match piece {
                Piece::Head(octets) => octets,
                Piece::File {
                    path,
                    offset,
                    length,
                    ..
                } => {
                    let octets = payload.read(source, path, offset, length).await?;
                    if octets.len() != length {
                        return Err(PayloadError::Unreadable);
                    }
                    octets
                }
            });
        }
        match pieces.as_slice() {
            [only] => Ok(only.clone()),
            several => {
                let mut part = BytesMut::with_capacity(self.part_octets);
                several
                    .iter()
                    .for_each(|piece| part.extend_from_slice(piece));
                Ok(part.freeze())
            }
        }
    }
}

/// Takes the octets of an object in order and tells which file each belongs to.
#[derive(Debug, Default)]
pub(crate) struct Unpacking {
    /// The data unit of the manifest as far as it has come; it stays.
    head: Vec<u8>,
    manifest: Option<Manifest>,
    /// The file that the next octet belongs to, and how much of it has come.
    file: usize,
    written: u64,
}

/// Octets of one file, in order.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    /// Which file of the manifest.
    pub(crate) file: usize,
    /// Where in the octets given these are.
    pub(crate) from: usize,
    /// Where they end.
    pub(crate) to: usize,
}

impl Unpacking {
    /// Takes the next octets; returns what they hold for files.
    ///
    /// # Errors
    /// When the manifest is not one, or octets follow the last file.
    pub(crate) fn take(&mut self, octets: &[u8]) -> Result<Vec<Extent>, PayloadError> {
        let mut from = self.take_head(octets)?;
        let mut extents = Vec::new();
        let files = self.manifest.as_ref().map_or(&[][..], Manifest::files);
        while let Some(file) = files.get(self.file) {
            let missing = file.size.saturating_sub(self.written);
            let here = octets.len().saturating_sub(from).min(narrow(missing));
            if here > 0 {
                let to = from.saturating_add(here);
                extents.push(Extent {
                    file: self.file,
                    from,
                    to,
                });
                from = to;
            }
            self.written = self.written.saturating_add(wide(here));
            if self.written < file.size {
                return Ok(extents);
            }
            self.file = self.file.saturating_add(1);
            self.written = 0;
        }
        if from < octets.len() {
            Err(PayloadError::Manifest)
        } else {
            Ok(extents)
        }
    }

    /// Takes what belongs to the manifest; returns how many octets that was.
    ///
    /// # Errors
    /// When it is not one.
    pub(crate) fn take_head(&mut self, octets: &[u8]) -> Result<usize, PayloadError> {
        use crate::codec::LENGTH_OCTETS;
        if self.manifest.is_some() {
            return Ok(0);
        }
        let mut taken = 0_usize;
        while self.manifest.is_none() {
            let length = self.head.first_chunk::<LENGTH_OCTETS>();
            let wanted = length.map_or(LENGTH_OCTETS, |length| {
                narrow(u64::from(u32::from_be_bytes(*length)))
            });
            if wanted > MANIFEST_OCTETS_MAX || (length.is_some() && wanted <= LENGTH_OCTETS) {
                return Err(PayloadError::Manifest);
            }
            let missing = wanted.saturating_sub(self.head.len());
            let rest = octets.get(taken..).unwrap_or_default();
            let piece = rest.get(..missing).unwrap_or(rest);
            self.head.extend_from_slice(piece);
            taken = taken.saturating_add(piece.len());
            if self.head.len() < wanted {
                return Ok(taken);
            }
            if wanted > LENGTH_OCTETS {
                let document = self.head.get(LENGTH_OCTETS..).unwrap_or_default();
                self.manifest = Some(Manifest::decode(document)?);
            }
        }
        Ok(taken)
    }

    /// The manifest, once it has come.
    pub(crate) const fn manifest(&self) -> Option<&Manifest> {
        self.manifest.as_ref()
    }

    /// The layout of the object, once the manifest has come.
    pub(crate) fn into_layout(self, part_octets: usize) -> Option<Layout> {
        let head = Bytes::from(self.head);
        Some(Layout::of(head, self.manifest?, part_octets))
    }

    /// Whether every octet of every file has come.
    pub(crate) fn is_complete(&self) -> bool {
        self.manifest
            .as_ref()
            .is_some_and(|manifest| self.file >= manifest.files().len())
    }
}

/// The most that a manifest's data unit may have, as [`Manifest::encode`] keeps to.
const MANIFEST_OCTETS_MAX: usize = 16 << 20;

fn wide(octets: usize) -> u64 {
    u64::try_from(octets).unwrap_or(u64::MAX)
}

fn narrow(octets: u64) -> usize {
    usize::try_from(octets).unwrap_or(usize::MAX)
}
