//! One direction of the path between two hosts.

use std::time::Duration;

use crate::capture::Fate;
use crate::latency::Latency;
use crate::random::Stream;
use crate::time::{SimTime, nanoseconds};

/// How likely something is, in parts per million.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Probability(u32);

impl Probability {
    /// It never happens.
    pub const NEVER: Self = Self(0);
    /// It always happens.
    pub const ALWAYS: Self = Self(1_000_000);

    /// So many parts in a million; more than a million counts as a million.
    #[must_use]
    pub const fn per_million(parts: u32) -> Self {
        Self(if parts > 1_000_000 { 1_000_000 } else { parts })
    }

    /// So many parts in a hundred.
    #[must_use]
    pub const fn percent(parts: u32) -> Self {
        Self::per_million(parts.saturating_mul(10_000))
    }

    /// The parts in a million.
    #[must_use]
    pub const fn parts_per_million(self) -> u32 {
        self.0
    }

    fn happens(self, random: &mut Stream) -> bool {
        // No draw where there is no chance: a reliable link costs nothing.
        self.0 > 0 && random.below(1_000_000) < u64::from(self.0)
    }
}

/// What one direction of a link does to packets. The default is 1 ms, lossless and unlimited.
///
/// Packets keep their order, whatever latencies are drawn, except those that `reorder` picks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LinkConfig {
    /// Whether the link carries anything at all.
    pub up: bool,
    /// Time from sender to receiver, for a packet that does not have to queue.
    pub latency: Latency,
    /// Packets that vanish.
    pub loss: Probability,
    /// Packets that arrive twice.
    pub duplicate: Probability,
    /// Packets that later ones may overtake.
    pub reorder: Probability,
    /// How much longer a packet picked for reordering is under way. Default 10 ms.
    pub reorder_by: Duration,
    /// Rate limit; none by default.
    pub bandwidth: Option<Bandwidth>,
}

impl Default for LinkConfig {
    fn default() -> Self {
        Self {
            up: true,
            latency: Latency::default(),
            loss: Probability::NEVER,
            duplicate: Probability::NEVER,
            reorder: Probability::NEVER,
            reorder_by: Duration::from_millis(10),
            bandwidth: None,
        }
    }
}

/// A rate, and the queue before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bandwidth {
    /// Octets a second, IPv4 headers included. Zero counts as one.
    pub octets_per_second: u64,
    /// Octets that may wait; a packet that does not fit is dropped.
    pub queue: u64,
}

/// When a packet's copies arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carried {
    Once(SimTime),
    Twice(SimTime, SimTime),
    Not(Fate),
}

/// One direction of a link, with its state and its randomness.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) config: LinkConfig,
    /// When the last packet in order arrives.
    last_arrival: SimTime,
    /// When the queue has drained.
    busy_until: SimTime,
    loss: Stream,
    duplicate: Stream,
    reorder: Stream,
    latency: Stream,
}

impl Link {
    /// The link whose randomness `label` names under `seed`.
    pub(crate) fn new(config: LinkConfig, seed: u64, label: &str) -> Self {
        let stream = |concern| Stream::labelled(seed, &format!("{label}/{concern}"));
        Self {
            config,
            last_arrival: SimTime::START,
            busy_until: SimTime::START,
            loss: stream("loss"),
            duplicate: stream("duplicate"),
            reorder: stream("reorder"),
            latency: stream("latency"),
        }
    }

    /// Carries a packet of `length` octets.
    pub(crate) fn carry(&mut self, now: SimTime, length: usize) -> Carried {
        if !self.config.up {
            return Carried::Not(Fate::LinkDown);
        }
        if self.config.loss.happens(&mut self.loss) {
            return Carried::Not(Fate::Lost);
        }
        let Some(departure) = self.queue(now, length) else {
            return Carried::Not(Fate::QueueFull);
        };
        let arrival = self.arrival(departure);
        if self.config.duplicate.happens(&mut self.duplicate) {
            let second = self.arrival(departure);
            return Carried::Twice(arrival, second);
        }
        Carried::Once(arrival)
    }

    /// When the packet's last octet leaves; none when the queue has no room for it.
    fn queue(&mut self, now: SimTime, length: usize) -> Option<SimTime> {
        let Some(bandwidth) = self.config.bandwidth else {
            return Some(now);
        };
        let rate = u128::from(bandwidth.octets_per_second.max(1));
        let wait = u128::from(nanoseconds(self.busy_until.since(now)));
        let waiting = wait * rate / 1_000_000_000;
        if waiting + length as u128 > u128::from(bandwidth.queue).max(length as u128) {
            return None;
        }
        let transmission = length as u128 * 1_000_000_000 / rate;
        let transmission = Duration::from_nanos(u64::try_from(transmission).unwrap_or(u64::MAX));
        self.busy_until = self.busy_until.max(now) + transmission;
        Some(self.busy_until)
    }

    fn arrival(&mut self, departure: SimTime) -> SimTime {
        let arrival = departure + self.config.latency.draw(&mut self.latency);
        if self.config.reorder.happens(&mut self.reorder) {
            return arrival + self.config.reorder_by;
        }
        self.last_arrival = self.last_arrival.max(arrival);
        self.last_arrival
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(config: LinkConfig) -> Link {
        Link::new(config, 1, "link/a/b")
    }

    #[test]
    fn jitter_alone_keeps_the_order() {
        let latency = Latency::Uniform {
            min: Duration::from_millis(1),
            max: Duration::from_millis(50),
        };
        let mut link = link(LinkConfig {
            latency,
            ..LinkConfig::default()
        });
        let mut last = SimTime::START;
        for sent in 0..200 {
            let Carried::Once(at) = link.carry(SimTime::from_millis(sent), 40) else {
                unreachable!("a lossless link carries everything")
            };
            assert!(at >= last);
            last = at;
        }
    }

    #[test]
    fn a_full_queue_drops_and_drains_at_the_rate() {
        let bandwidth = Bandwidth {
            octets_per_second: 1_000,
            queue: 2_000,
        };
        let config = LinkConfig {
            bandwidth: Some(bandwidth),
            latency: Latency::Fixed(Duration::ZERO),
            ..LinkConfig::default()
        };
        let mut link = link(config);
        let at = |seconds| Carried::Once(SimTime::from_secs(seconds));
        assert_eq!(link.carry(SimTime::START, 1_000), at(1));
        assert_eq!(link.carry(SimTime::START, 1_000), at(2));
        assert_eq!(
            link.carry(SimTime::START, 1_000),
            Carried::Not(Fate::QueueFull)
        );
        assert_eq!(link.carry(SimTime::from_secs(1), 1_000), at(3));
    }

    #[test]
    fn loss_has_its_probability() {
        let config = LinkConfig {
            loss: Probability::percent(10),
            ..LinkConfig::default()
        };
        let mut link = link(config);
        let lost = (0..10_000)
            .filter(|_| link.carry(SimTime::START, 40) == Carried::Not(Fate::Lost))
            .count();
        assert!((900..1_100).contains(&lost), "{lost}");
    }

    #[test]
    fn a_change_of_one_concern_shifts_no_other() {
        let jitter = Latency::Uniform {
            min: Duration::from_millis(1),
            max: Duration::from_millis(50),
        };
        let plain = LinkConfig {
            latency: jitter,
            ..LinkConfig::default()
        };
        let lossy = LinkConfig {
            loss: Probability::percent(1),
            ..plain
        };
        let (mut plain, mut lossy) = (link(plain), link(lossy));
        assert_eq!(
            plain.carry(SimTime::START, 40),
            lossy.carry(SimTime::START, 40)
        );
    }
}
