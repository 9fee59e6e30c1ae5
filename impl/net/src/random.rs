//! Randomness that a seed determines, one independent stream a concern.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A seeded stream of random numbers; clones share the stream.
///
/// Not for secrets: keys and nonces of a cryptographic library come from that library's provider.
#[derive(Clone)]
pub struct Randomness {
    seed: u64,
    stream: Arc<Mutex<Pcg64Mcg>>,
}

impl Randomness {
    /// The stream that `seed` determines, the same on every machine and in every build.
    #[must_use]
    pub fn from_seed(seed: u64) -> Self {
        Self {
            seed,
            stream: Arc::new(Mutex::new(Pcg64Mcg::seed_from_u64(seed))),
        }
    }

    /// A stream that differs from process to process.
    ///
    /// # Panics
    /// When the operating system has no entropy to give, which leaves nothing to go on with.
    #[must_use]
    pub fn from_os() -> Self {
        Self::from_seed(getrandom::u64().expect("the operating system gives entropy"))
    }

    /// The independent stream called `label`: drawing from it shifts no other stream.
    ///
    /// Depends on the seed and the label only, not on what was drawn before.
    #[must_use]
    pub fn fork(&self, label: &str) -> Self {
        Self::from_seed(xxh3_64_with_seed(label.as_bytes(), self.seed))
    }

    /// The next 64 bits.
    #[must_use]
    pub fn next_u64(&self) -> u64 {
        self.stream().next_u64()
    }

    /// Fills `octets`: eight of them with each 64 bits, the lowest first.
    pub fn fill(&self, octets: &mut [u8]) {
        self.stream().fill_bytes(octets);
    }

    fn stream(&self) -> MutexGuard<'_, Pcg64Mcg> {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number in `0..bound`, without modulo bias worth speaking of; 0 when `bound` is 0.
    #[must_use]
    pub fn below(&self, bound: u64) -> u64 {
        let wide = u128::from(self.next_u64()) * u128::from(bound);
        u64::try_from(wide >> 64).unwrap_or(u64::MAX)
    }
}

impl fmt::Debug for Randomness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Randomness")
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_from_one_stream_shifts_no_other() {
        let quiet = Randomness::from_seed(7);
        let busy = Randomness::from_seed(7);
        let _ = (busy.next_u64(), busy.fork("other").next_u64());
        assert_eq!(quiet.fork("link").next_u64(), busy.fork("link").next_u64());
        assert_ne!(quiet.fork("link").next_u64(), quiet.fork("host").next_u64());
    }

    #[test]
    fn the_stream_is_the_same_on_every_machine() {
        assert_eq!(
            Randomness::from_seed(1).fork("golden").next_u64(),
            7_592_571_110_147_799_509
        );
    }

    #[test]
    fn octets_are_those_of_the_numbers() {
        for length in 0..20 {
            let (numbers, octets) = (Randomness::from_seed(5), Randomness::from_seed(5));
            let drawn: Vec<u8> = std::iter::repeat_with(|| numbers.next_u64().to_le_bytes())
                .flatten()
                .take(length)
                .collect();
            let mut filled = vec![0; length];
            octets.fill(&mut filled);
            assert_eq!(filled, drawn);
        }
    }

    #[test]
    fn below_stays_below() {
        let random = Randomness::from_seed(3);
        assert!((0..1000).all(|_| random.below(10) < 10));
        assert_eq!(random.below(0), 0);
    }
}
