//! How long a packet is under way.

use std::time::Duration;

use crate::random::Stream;
use crate::time::nanoseconds;

/// The distribution of a link's one-way latency.
///
/// Draws use integer arithmetic and `libm`, so that a seed gives the same times on every machine.
/// Drivers on tokio see whole milliseconds only.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Latency {
    /// Always the same.
    Fixed(Duration),
    /// Evenly between the two, both included.
    Uniform {
        /// The least.
        min: Duration,
        /// The most.
        max: Duration,
    },
    /// Normally distributed; a negative draw counts as zero.
    Normal {
        /// The mean.
        mean: Duration,
        /// The standard deviation.
        deviation: Duration,
    },
    /// A long tail: `min * u^(-1/shape)` for `u` uniform between 0 and 1.
    Pareto {
        /// The least and most frequent.
        min: Duration,
        /// Larger is a shorter tail; the mean is finite above 1.
        shape: f64,
        /// Where the tail is cut off.
        max: Duration,
    },
}

impl Default for Latency {
    /// 1 ms, which keeps causes before effects on tokio's timer grid.
    fn default() -> Self {
        Self::Fixed(Duration::from_millis(1))
    }
}

impl Latency {
    /// One draw.
    pub(crate) fn draw(self, random: &mut Stream) -> Duration {
        match self {
            Self::Fixed(latency) => latency,
            Self::Uniform { min, max } => {
                let (min, max) = (nanoseconds(min), nanoseconds(max));
                let width = max.saturating_sub(min).saturating_add(1);
                Duration::from_nanos(min + random.below(width))
            }
            Self::Normal { mean, deviation } => {
                // Box and Muller; the second number is not kept, so that each draw takes two.
                let radius = libm::sqrt(-2.0 * libm::log(random.unit()));
                let normal = radius * libm::cos(std::f64::consts::TAU * random.unit());
                let drawn = nanoseconds(mean) as f64 + normal * nanoseconds(deviation) as f64;
                Duration::from_nanos(drawn.max(0.0) as u64)
            }
            Self::Pareto { min, shape, max } => {
                let factor = libm::pow(random.unit(), -1.0 / shape);
                let drawn = nanoseconds(min) as f64 * factor;
                Duration::from_nanos((drawn as u64).min(nanoseconds(max)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draws(latency: Latency) -> Vec<u64> {
        let mut random = Stream::labelled(1, "test");
        (0..20_000)
            .map(|_| nanoseconds(latency.draw(&mut random)) / 1_000)
            .collect()
    }

    fn mean(draws: &[u64]) -> u64 {
        draws.iter().sum::<u64>() / draws.len() as u64
    }

    #[test]
    fn distributions_have_their_means_and_bounds() {
        let ms = Duration::from_millis;
        let uniform = draws(Latency::Uniform {
            min: ms(10),
            max: ms(30),
        });
        assert!(uniform.iter().all(|us| (10_000..=30_000).contains(us)));
        assert!(mean(&uniform).abs_diff(20_000) < 100);
        let normal = draws(Latency::Normal {
            mean: ms(20),
            deviation: ms(2),
        });
        assert!(mean(&normal).abs_diff(20_000) < 50);
        let pareto = draws(Latency::Pareto {
            min: ms(10),
            shape: 3.0,
            max: ms(1_000),
        });
        assert!(pareto.iter().all(|us| (10_000..=1_000_000).contains(us)));
        // The mean of a Pareto distribution is min * shape / (shape - 1).
        assert!(mean(&pareto).abs_diff(15_000) < 300);
    }

    #[test]
    fn the_first_draws_are_the_same_on_every_machine() {
        let ms = Duration::from_millis;
        let normal = draws(Latency::Normal {
            mean: ms(20),
            deviation: ms(2),
        });
        let pareto = draws(Latency::Pareto {
            min: ms(10),
            shape: 3.0,
            max: ms(1_000),
        });
        insta::assert_debug_snapshot!((&normal[..4], &pareto[..4]));
    }
}
