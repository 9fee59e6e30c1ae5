//! Whether a file is still what it was, without reading it.

use std::fs::Metadata;

use serde::{Deserialize, Serialize};

/// Nanoseconds after which the clock of any file system has moved on: that of FAT takes 2 s.
const SETTLED_NS: u64 = 2_000_000_000;

/// Tells states of a file apart.
///
/// Where the operating system says when anything about a file has changed, that is the time: no
/// program can set it, so a change is seen whose author has put the time of modification back.
/// Elsewhere it is the time of modification, and such a change of equal length is missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::work) struct Stamp {
    /// Since 1970.
    changed_ns: u64,
    /// The file's own number, for two files that change places; 0 where files have none.
    number: u64,
}

impl Stamp {
    pub(in crate::work) fn of(metadata: &Metadata) -> Self {
        Self {
            changed_ns: changed_ns(metadata),
            number: number(metadata),
        }
    }

    /// Whether a change after `now` gets another stamp, however coarse the clock is.
    pub(in crate::work) const fn is_settled(self, now: Self) -> bool {
        self.changed_ns.saturating_add(SETTLED_NS) < now.changed_ns
    }
}

#[cfg(unix)]
fn changed_ns(metadata: &Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let seconds = u64::try_from(metadata.ctime()).unwrap_or(0);
    let nanoseconds = u64::try_from(metadata.ctime_nsec()).unwrap_or(0);
    seconds
        .saturating_mul(1_000_000_000)
        .saturating_add(nanoseconds)
}

#[cfg(not(unix))]
fn changed_ns(metadata: &Metadata) -> u64 {
    let modified = metadata.modified().ok();
    let since = modified.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    since.map_or(0, |since| {
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    })
}

#[cfg(unix)]
fn number(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
const fn number(_: &Metadata) -> u64 {
    0
}
