//! Warnings that somebody else causes as often as he likes: their lines are limited, so that a log
//! grows no faster than one line a second for each kind and each address.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

use super::AgentEvent;
use crate::message::EnvironmentName;

/// From one line of a kind to the next.
const PAUSE: Duration = Duration::from_secs(1);

/// Kinds that are told apart; what comes when there are so many at once is one kind.
const KINDS_MAX: usize = 1024;

/// What two warnings have in common for which one line is enough.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kind {
    warning: &'static str,
    detail: Option<&'static str>,
    peer: Option<EnvironmentName>,
    address: Option<IpAddr>,
}

impl Kind {
    /// The kind of `event`, if it is one that may be left out: a warning about no task.
    pub(super) fn of(event: &AgentEvent) -> Option<Self> {
        let AgentEvent::Warning {
            warning,
            peer,
            task: None,
            detail,
            address,
            ..
        } = event
        else {
            return None;
        };
        Some(Self {
            warning: warning.name(),
            detail: *detail,
            peer: peer.clone(),
            address: *address,
        })
    }
}

/// The lines that were written lately.
#[derive(Debug, Default)]
pub(super) struct Quiet(BTreeMap<Kind, Last>);

/// The last line of a kind.
#[derive(Debug)]
struct Last {
    at: Instant,
    /// How many were left out since.
    suppressed: u64,
}

impl Quiet {
    /// How many of this kind were left out before the line to be written at `now`; `None` when this
    /// one is to be left out too.
    pub(super) fn admit(&mut self, mut kind: Kind, now: Instant) -> Option<u64> {
        if self.0.len() >= KINDS_MAX && !self.0.contains_key(&kind) {
            self.0.retain(|_, last| !last.is_over(now));
            if self.0.len() >= KINDS_MAX {
                kind = Kind::default();
            }
        }
        let Some(last) = self.0.get_mut(&kind) else {
            let (at, suppressed) = (now, 0);
            self.0.insert(kind, Last { at, suppressed });
            return Some(0);
        };
        if last.is_over(now) {
            last.at = now;
            Some(std::mem::take(&mut last.suppressed))
        } else {
            last.suppressed = last.suppressed.saturating_add(1);
            None
        }
    }
}

impl Last {
    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.at) >= PAUSE
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn kind(warning: &'static str, host: u32) -> Kind {
        Kind {
            warning,
            address: Some(Ipv4Addr::from(host).into()),
            ..Kind::default()
        }
    }

    #[test]
    fn a_kind_gets_one_line_a_second_which_counts_the_others() {
        let mut quiet = Quiet::default();
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!(quiet.admit(kind("limit", 1), at(0)), Some(0));
        for ms in 1..1000 {
            assert_eq!(quiet.admit(kind("limit", 1), at(ms)), None);
        }
        assert_eq!(quiet.admit(kind("limit", 1), at(1000)), Some(999));
        assert_eq!(quiet.admit(kind("limit", 1), at(1001)), None);
        // Neither another address nor another kind is kept from the log by it.
        assert_eq!(quiet.admit(kind("limit", 2), at(1001)), Some(0));
        assert_eq!(quiet.admit(kind("refused", 1), at(1001)), Some(0));
        assert_eq!(quiet.admit(kind("limit", 1), at(9000)), Some(1));
    }

    #[test]
    fn more_addresses_than_can_be_told_apart_take_no_more_memory() {
        let mut quiet = Quiet::default();
        let now = Instant::now();
        let hosts = 0..10_000;
        let lines = hosts.filter(|host| quiet.admit(kind("limit", *host), now).is_some());
        assert_eq!(lines.count(), KINDS_MAX + 1);
        assert!(quiet.0.len() <= KINDS_MAX + 1);
        let later = now + PAUSE;
        assert_eq!(quiet.admit(kind("limit", 0), later), Some(0));
        assert_eq!(quiet.admit(kind("limit", 20_000), later), Some(0));
        assert!(quiet.0.len() <= KINDS_MAX + 1);
    }
}
