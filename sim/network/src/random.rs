//! Labelled randomness: one independent stream a concern.

use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The random numbers of one concern, determined by the run's seed and a label.
///
/// A draw here shifts no other stream, so that adding a link, a host or a rule leaves the rest of
/// a run as it was.
#[derive(Clone, Debug)]
pub(crate) struct Stream(Pcg64Mcg);

impl Stream {
    /// The stream that `label` names under `seed`.
    pub(crate) fn labelled(seed: u64, label: &str) -> Self {
        Self(Pcg64Mcg::seed_from_u64(derive(seed, label)))
    }

    /// The next 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number in `0..bound`; 0 when `bound` is 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// A number in the open interval 0 to 1, from the top 53 bits: exact on every machine.
    pub(crate) fn unit(&mut self) -> f64 {
        ((self.next() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }
}

/// The seed that `label` names under `seed`.
pub(crate) fn derive(seed: u64, label: &str) -> u64 {
    xxh3_64_with_seed(label.as_bytes(), seed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_give_independent_and_repeatable_streams() {
        let mut one = Stream::labelled(7, "link/a/b/loss");
        let mut same = Stream::labelled(7, "link/a/b/loss");
        let mut other = Stream::labelled(7, "link/b/a/loss");
        let drawn = one.next();
        assert_eq!(drawn, same.next());
        assert_ne!(drawn, other.next());
        assert!((0..1000).all(|_| one.below(10) < 10));
        assert!(
            (0..1000)
                .map(|_| one.unit())
                .all(|unit| unit > 0.0 && unit < 1.0)
        );
    }
}
