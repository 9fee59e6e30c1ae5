//! What is compared on the disk, and what it refuses.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use crate::work::DepotError;
use crate::work::located::Located as _;

/// How much of two files is compared at once.
const PIECE_OCTETS: usize = 64 << 10;

/// Whether two files have the same octets.
pub(super) fn are_equal(one: &Path, other: &Path) -> io::Result<bool> {
    let (mut ones, mut others) = (File::open(one).at(one)?, File::open(other).at(other)?);
    if ones.metadata().at(one)?.len() != others.metadata().at(other)?.len() {
        return Ok(false);
    }
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let piece = u64::try_from(PIECE_OCTETS).unwrap_or(u64::MAX);
    loop {
        ours.clear();
        theirs.clear();
        (&mut ones).take(piece).read_to_end(&mut ours).at(one)?;
        (&mut others)
            .take(piece)
            .read_to_end(&mut theirs)
            .at(other)?;
        if ours != theirs {
            return Ok(false);
        }
        if ours.is_empty() {
            return Ok(true);
        }
    }
}

/// What the operating system said is for the log: the client is answered the class.
#[expect(clippy::needless_pass_by_value, reason = "the form that map_err wants")]
pub(super) fn storage(error: io::Error) -> DepotError {
    tracing::warn!("the temporary folder: {error}");
    #[expect(clippy::wildcard_enum_match_arm, reason = "the list of kinds is open")]
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => DepotError::Full,
        _ => DepotError::Storage,
    }
}
