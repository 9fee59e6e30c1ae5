//! Round-trip estimate and retransmission timeout (RFC 6298), within the profile's bounds.

use std::time::Duration;

use crate::packet::Sequence;
use crate::profile::Profile;
use crate::time::SimTime;

#[derive(Debug)]
pub(super) struct Rto {
    smoothed: Option<Duration>,
    variation: Duration,
    /// Timeout before backing off.
    base: Duration,
    /// Doublings in force.
    pub(super) backoff: u32,
    /// Retransmissions, or unanswered window probes, since the peer was last heard.
    pub(super) attempts: u32,
    /// The number whose acknowledgement will be timed, and when it was sent.
    timed: Option<(Sequence, SimTime)>,
}

impl Rto {
    pub(super) const fn new(profile: &Profile) -> Self {
        Self {
            smoothed: None,
            variation: Duration::ZERO,
            base: profile.rto_initial(),
            backoff: 0,
            attempts: 0,
            timed: None,
        }
    }

    /// The timeout now in force: doubled `backoff` times, up to the profile's cap.
    pub(super) fn timeout(&self, profile: &Profile) -> Duration {
        self.base
            .saturating_mul(1 << self.backoff.min(20))
            .min(profile.rto_cap())
    }

    /// Times the acknowledgement of `end`, unless another one is being timed.
    pub(super) const fn time(&mut self, end: Sequence, now: SimTime) {
        if self.timed.is_none() {
            self.timed = Some((end, now));
        }
    }

    /// Something was sent again, so its acknowledgement would be ambiguous (Karn).
    pub(super) const fn distrust(&mut self) {
        self.timed = None;
    }

    /// The peer acknowledged new octets up to `ack`.
    pub(super) fn acknowledged(&mut self, ack: Sequence, now: SimTime, profile: &Profile) {
        self.backoff = 0;
        self.attempts = 0;
        if let Some((end, sent)) = self.timed
            && !ack.is_before(end)
        {
            self.timed = None;
            self.measure(now.since(sent), profile);
        }
    }

    fn measure(&mut self, sample: Duration, profile: &Profile) {
        if let Some(smoothed) = self.smoothed {
            self.variation = (self.variation * 3 + smoothed.abs_diff(sample)) / 4;
            self.smoothed = Some((smoothed * 7 + sample) / 8);
        } else {
            self.variation = sample / 2;
            self.smoothed = Some(sample);
        }
        let estimate = self.smoothed.unwrap_or(sample) + self.variation * 4;
        self.base = estimate.clamp(profile.rto_floor(), profile.rto_cap());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_at_the_linux_floor_adds_up_to_924_6_seconds() {
        let profile = Profile::LINUX;
        let mut rto = Rto::new(&profile);
        rto.time(Sequence(1), SimTime::START);
        rto.acknowledged(Sequence(1), SimTime::from_millis(20), &profile);
        let total: Duration = (0..=profile.data_retransmissions())
            .map(|backoff| {
                rto.backoff = backoff;
                rto.timeout(&profile)
            })
            .sum();
        assert_eq!(total, Duration::from_millis(924_600));
    }
}
