//! How the TCP of an operating system behaves where RFC 9293 leaves room.
//!
//! Every figure is that of environment-transfer.md section 8.6; where the sources give a nominal
//! and a measured figure, the nominal one is used and the measured one is noted here.

use std::ops::RangeInclusive;
use std::time::Duration;

/// The TCP of one operating system. The four that exist are constants (ET-86).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    name: &'static str,
    family: Family,
    first_port: u16,
    last_port: u16,
    syn_schedule_ms: &'static [u64],
    syn_give_up_ms: u64,
    data_retransmissions: u32,
    rto_initial_ms: u64,
    rto_floor_ms: u64,
    rto_cap_ms: u64,
    time_wait_ms: u64,
    orphan_retransmissions: u32,
    fin_wait_2_ms: u64,
}

/// The two lines of descent, which differ in kind and not only in figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Linux,
    Windows,
}

impl Profile {
    /// Windows with an initial RTO of 3 s and two SYN retransmissions; fails after 21 s (3+6+12).
    pub const WIN_LEGACY: Self = Self {
        name: "win-legacy",
        syn_schedule_ms: &[0, 3_000, 9_000],
        rto_initial_ms: 3_000,
        ..Self::WIN_CURRENT
    };

    /// Current Windows, firewall off: initial RTO 1 s, four SYN retransmissions; fails after
    /// 21.0 s (not 31).
    pub const WIN_CURRENT: Self = Self {
        name: "win-current",
        family: Family::Windows,
        first_port: 49_152,
        last_port: 65_535,
        syn_schedule_ms: &[0, 1_000, 3_000, 7_000, 15_000],
        syn_give_up_ms: 21_000,
        data_retransmissions: 5,
        rto_initial_ms: 1_000,
        rto_floor_ms: 300,
        rto_cap_ms: 60_000,
        time_wait_ms: 240_000,
        orphan_retransmissions: 5,
        fin_wait_2_ms: 120_000,
    };

    /// Linux with `tcp_syn_linear_timeouts` = 4; nominal 131 s, measured 134.1 s. An established
    /// path that goes silent ends after 924.6 s nominal at the RTO floor, measured 939.0 s.
    pub const LINUX: Self = Self {
        name: "linux-6.5+",
        family: Family::Linux,
        first_port: 32_768,
        last_port: 60_999,
        syn_schedule_ms: &[
            0, 1_000, 2_000, 3_000, 4_000, 5_000, 7_000, 11_000, 19_000, 35_000, 67_000,
        ],
        syn_give_up_ms: 131_000,
        data_retransmissions: 15,
        rto_initial_ms: 1_000,
        rto_floor_ms: 200,
        rto_cap_ms: 120_000,
        time_wait_ms: 60_000,
        orphan_retransmissions: 8,
        fin_wait_2_ms: 60_000,
    };

    /// Linux before `tcp_syn_linear_timeouts`: fails after 127 s.
    pub const LINUX_OLD: Self = Self {
        name: "linux-old",
        syn_schedule_ms: &[0, 1_000, 3_000, 7_000, 15_000, 31_000, 63_000],
        syn_give_up_ms: 127_000,
        ..Self::LINUX
    };

    /// All profiles, in the order of section 8.6.
    pub const ALL: [Self; 4] = [
        Self::WIN_LEGACY,
        Self::WIN_CURRENT,
        Self::LINUX,
        Self::LINUX_OLD,
    ];

    /// The profile called `name`: `win-legacy`, `win-current`, `linux-6.5+` or `linux-old`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name == name)
    }

    /// The same with another range of dynamic ports, as an administrator may set it.
    #[must_use]
    pub const fn with_ports(mut self, first: u16, last: u16) -> Self {
        self.first_port = first;
        self.last_port = last;
        self
    }

    /// The same with another `TIME_WAIT`, as an administrator may set it (`TcpTimedWaitDelay`).
    #[must_use]
    pub fn with_time_wait(mut self, time_wait: Duration) -> Self {
        self.time_wait_ms = u64::try_from(time_wait.as_millis()).unwrap_or(u64::MAX);
        self
    }

    /// The name used in scenario files.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The range that dynamic source ports are drawn from.
    #[must_use]
    pub const fn ports(&self) -> RangeInclusive<u16> {
        self.first_port..=self.last_port
    }

    /// When SYN number `attempt` (from 0) leaves, counted from the first; none beyond the last.
    #[must_use]
    pub fn syn_at(&self, attempt: usize) -> Option<Duration> {
        self.syn_schedule_ms
            .get(attempt)
            .copied()
            .map(Duration::from_millis)
    }

    /// How many SYNs are sent at most.
    #[must_use]
    pub const fn syn_count(&self) -> usize {
        self.syn_schedule_ms.len()
    }

    /// When an unanswered connect fails, counted from the first SYN.
    #[must_use]
    pub const fn syn_give_up(&self) -> Duration {
        Duration::from_millis(self.syn_give_up_ms)
    }

    /// How long after an RST the opener repeats its SYN: 0.5 s on Windows, never on Linux.
    #[must_use]
    pub const fn refused_syn_interval(&self) -> Option<Duration> {
        match self.family {
            Family::Linux => None,
            Family::Windows => Some(Duration::from_millis(500)),
        }
    }

    /// How long after a packet the host learns that no host on the link has its destination
    /// address: nominal 3.1 s on Linux, measured ~3.1 s.
    ///
    /// Never on Windows: the sources say "~21 s or unreachable" from knowledge alone (K), so the
    /// connect ends as an unanswered one, after the 21 s of the SYN schedule.
    #[must_use]
    pub const fn arp_failure(&self) -> Option<Duration> {
        match self.family {
            Family::Linux => Some(Duration::from_millis(3_100)),
            Family::Windows => None,
        }
    }

    /// How often unacknowledged data is sent again before the connection is given up.
    #[must_use]
    pub const fn data_retransmissions(&self) -> u32 {
        self.data_retransmissions
    }

    /// How often data of a connection without an owner is sent again: 8 on Linux
    /// (`tcp_orphan_retries`); on Windows as for owned ones.
    #[must_use]
    pub const fn orphan_retransmissions(&self) -> u32 {
        self.orphan_retransmissions
    }

    /// SYN-ACK retransmissions: 5, so that the acceptor gives up at 63 s. The sources state it for
    /// Linux; Windows is assumed alike.
    #[must_use]
    pub const fn syn_ack_retransmissions(&self) -> u32 {
        5
    }

    /// The retransmission timeout before any round trip was measured.
    #[must_use]
    pub const fn rto_initial(&self) -> Duration {
        Duration::from_millis(self.rto_initial_ms)
    }

    /// The shortest retransmission timeout.
    #[must_use]
    pub const fn rto_floor(&self) -> Duration {
        Duration::from_millis(self.rto_floor_ms)
    }

    /// The longest retransmission timeout, which doubling stops at.
    #[must_use]
    pub const fn rto_cap(&self) -> Duration {
        Duration::from_millis(self.rto_cap_ms)
    }

    /// How long a port pair stays reserved after this end closed first.
    #[must_use]
    pub const fn time_wait(&self) -> Duration {
        Duration::from_millis(self.time_wait_ms)
    }

    /// How long a closed socket waits for the peer's FIN: `tcp_fin_timeout`, 60 s on Linux; no
    /// source for Windows, 120 s assumed.
    #[must_use]
    pub const fn fin_wait_2(&self) -> Duration {
        Duration::from_millis(self.fin_wait_2_ms)
    }

    /// Whether a SYN that finds the accept backlog full is answered with RST (Windows) or not at
    /// all (Linux).
    #[must_use]
    pub const fn full_backlog_resets(&self) -> bool {
        matches!(self.family, Family::Windows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_found_by_the_names_of_the_table() {
        for profile in Profile::ALL {
            assert_eq!(Profile::named(profile.name()), Some(profile));
        }
        assert_eq!(Profile::named("beos"), None);
    }
}
