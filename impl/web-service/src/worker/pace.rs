//! How fast a file has to come.

use std::time::Duration;

/// Over how much waiting for the client its octets are counted.
const SPAN: Duration = Duration::from_secs(60);

/// Counts what a client sends, so that none keeps its place among the uploads by an octet now and
/// then. How long the server takes over what has come is not held against the client.
#[derive(Debug)]
pub(super) struct Pace {
    octets_min: u64,
    waited: Duration,
    came: u64,
}

impl Pace {
    /// Of a client that has to send `octets_min` octets in each [`SPAN`].
    pub(super) const fn new(octets_min: u64) -> Self {
        Self {
            octets_min,
            waited: Duration::ZERO,
            came: 0,
        }
    }

    /// Counts a piece that was `waited` for; whether the client is fast enough. A span ends with
    /// the first piece after it, so the first one is not judged before a minute has passed.
    pub(super) fn keeps_up(&mut self, waited: Duration, octets: u64) -> bool {
        self.waited = self.waited.saturating_add(waited);
        self.came = self.came.saturating_add(octets);
        if self.waited < SPAN {
            return true;
        }
        let is_fast = self.came >= self.octets_min;
        *self = Self::new(self.octets_min);
        is_fast
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// After how many pieces a client is too slow, if it ever is.
    fn too_slow(pace: &mut Pace, every: Duration, octets: u64) -> Option<usize> {
        (1..1000).find(|_| !pace.keeps_up(every, octets))
    }

    #[test]
    fn who_creeps_is_too_slow_after_the_first_span() {
        assert_eq!(too_slow(&mut Pace::new(60), SECOND, 1), None);
        assert_eq!(too_slow(&mut Pace::new(61), SECOND, 1), Some(60));
        assert_eq!(too_slow(&mut Pace::new(60), 59 * SECOND, 1), Some(2));
        // What came fast before does not help.
        let mut pace = Pace::new(60);
        assert!(pace.keeps_up(Duration::ZERO, 1 << 30));
        assert_eq!(too_slow(&mut pace, 50 * SECOND, 1), Some(4));
    }

    #[test]
    fn a_burst_in_each_span_is_enough_and_nothing_is_wanted_where_that_is_set() {
        let mut pace = Pace::new(1000);
        for _ in 0..100 {
            assert!(pace.keeps_up(59 * SECOND, 0));
            assert!(pace.keeps_up(SECOND, 1000));
        }
        assert_eq!(too_slow(&mut Pace::new(0), 3600 * SECOND, 0), None);
    }
}
