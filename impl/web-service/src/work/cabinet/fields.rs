//! The fields of a cabinet's tables, in little-endian order.

use std::io::{ErrorKind, Read};

use super::CabinetProblem;
use crate::message::FileNameProblem;

/// The longest name in a cabinet.
const NAME_OCTETS_MAX: usize = 255;

/// Reads fields and counts the octets.
pub(super) struct Fields<R> {
    source: R,
    position: u64,
}

impl<R: Read> Fields<R> {
    pub(super) const fn new(source: R) -> Self {
        let position = 0;
        Self { source, position }
    }

    /// Octets read so far.
    pub(super) const fn position(&self) -> u64 {
        self.position
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], CabinetProblem> {
        let mut octets = [0; N];
        self.source.read_exact(&mut octets).map_err(reading)?;
        self.advance(N);
        Ok(octets)
    }

    pub(super) fn u8(&mut self) -> Result<u8, CabinetProblem> {
        self.array().map(u8::from_le_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16, CabinetProblem> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, CabinetProblem> {
        self.array().map(u32::from_le_bytes)
    }

    /// Passes over octets.
    pub(super) fn skip(&mut self, count: u64) -> Result<(), CabinetProblem> {
        let mut passed = self.source.by_ref().take(count);
        let passed = std::io::copy(&mut passed, &mut std::io::sink()).map_err(reading)?;
        if passed < count {
            return Err(CabinetProblem::Length);
        }
        self.position = self.position.saturating_add(count);
        Ok(())
    }

    /// A text up to its final 0, which it does without.
    pub(super) fn text(&mut self) -> Result<Vec<u8>, CabinetProblem> {
        let mut text = Vec::new();
        loop {
            match self.u8()? {
                0 => return Ok(text),
                _ if text.len() == NAME_OCTETS_MAX => {
                    return Err(CabinetProblem::Name(FileNameProblem::TooLong));
                }
                octet => text.push(octet),
            }
        }
    }

    fn advance(&mut self, count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.position = self.position.saturating_add(count);
    }
}

/// What a failed read means.
#[expect(
    clippy::needless_pass_by_value,
    reason = "the form that `map_err` calls"
)]
pub(super) fn reading(error: std::io::Error) -> CabinetProblem {
    if error.kind() == ErrorKind::UnexpectedEof {
        CabinetProblem::Length
    } else {
        CabinetProblem::Disk
    }
}
