//! When to try again, as data: waits between the end of one attempt and the start of the next.

use std::time::Duration;

use portcullis_net::Randomness;

/// A schedule of waits. The first attempt is made at once; wait `n` precedes attempt `n + 2`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The waits, in order.
    pub waits: Vec<Duration>,
    /// What follows the last of them.
    pub then: Then,
    /// How much of each wait is random, in percent: a wait of 10 s with 20 % lies between 8 s and
    /// 10 s, so that a schedule's figures are its bounds.
    pub jitter_percent: u32,
}

/// What follows the last wait of a [`Schedule`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// The attempts end.
    Stop,
    /// The last wait repeats for as long as the next attempt starts within this time of the
    /// schedule's start.
    RepeatWithin(Duration),
    /// The last wait repeats for ever.
    Repeat,
}

impl Schedule {
    /// For parts, greetings and queries: they change nothing, so they are repeated until they
    /// succeed. 1, 5, 15 and 30 s, then each minute; our figures.
    #[must_use]
    pub fn request() -> Self {
        Self {
            waits: seconds(&[1, 5, 15, 30, 60]),
            then: Then::Repeat,
            jitter_percent: 20,
        }
    }

    /// For a task without an acknowledgement (ET-44): 1, 5, 15, 30, 60, 120 and 300 s, then the
    /// task is in doubt; our figures.
    #[must_use]
    pub fn task() -> Self {
        Self {
            waits: seconds(&[1, 5, 15, 30, 60, 120, 300]),
            then: Then::Stop,
            jitter_percent: 20,
        }
    }

    /// For a completion without an acknowledgement: 5 s, 30 s, 2 min, 5 min, 30 min, then hourly
    /// for 24 h. ET-45
    #[must_use]
    pub fn completion() -> Self {
        Self {
            waits: seconds(&[5, 30, 120, 300, 1800, 3600]),
            then: Then::RepeatWithin(Duration::from_secs(24 * 3600)),
            jitter_percent: 0,
        }
    }

    /// For the status of a task in doubt: 5 s, 30 s, 2 min, 5 min, then each 30 min, for ever
    /// (ET-51); our figures.
    #[must_use]
    pub fn status() -> Self {
        Self {
            waits: seconds(&[5, 30, 120, 300, 1800]),
            then: Then::Repeat,
            jitter_percent: 20,
        }
    }

    /// The wait after `attempt` (from 1) has ended `elapsed` after the schedule's start; `None`
    /// when there is no further attempt.
    #[must_use]
    pub fn wait_after(
        &self,
        attempt: u32,
        elapsed: Duration,
        random: &Randomness,
    ) -> Option<Duration> {
        let index = usize::try_from(attempt).ok()?.saturating_sub(1);
        let wait = match (self.waits.get(index), self.then) {
            (Some(wait), _) => *wait,
            (None, Then::Stop) => return None,
            (None, Then::Repeat) => *self.waits.last()?,
            (None, Then::RepeatWithin(horizon)) => {
                let wait = *self.waits.last()?;
                if elapsed.saturating_add(wait) > horizon {
                    return None;
                }
                wait
            }
        };
        Some(self.jittered(wait, random))
    }

    /// The longest wait that the schedule comes to, without jitter; a minute for an empty one.
    #[must_use]
    pub fn last_wait(&self) -> Duration {
        self.waits
            .last()
            .copied()
            .unwrap_or(Duration::from_secs(60))
    }

    /// ET-44: jitter keeps many originators from retrying in step.
    fn jittered(&self, wait: Duration, random: &Randomness) -> Duration {
        let percent = u128::from(self.jitter_percent.min(100));
        let span = wait.as_nanos().saturating_mul(percent) / 100;
        let span = u64::try_from(span).unwrap_or(u64::MAX);
        wait.saturating_sub(Duration::from_nanos(random.below(span)))
    }
}

fn seconds(waits: &[u64]) -> Vec<Duration> {
    waits
        .iter()
        .map(|wait| Duration::from_secs(*wait))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starts(schedule: &Schedule, attempt_lasts: Duration) -> Vec<u64> {
        let random = Randomness::from_seed(1);
        let mut now = Duration::ZERO;
        let mut starts = vec![0];
        for attempt in 1.. {
            now = now.saturating_add(attempt_lasts);
            match schedule.wait_after(attempt, now, &random) {
                Some(wait) if starts.len() < 40 => now = now.saturating_add(wait),
                _ => break,
            }
            starts.push(now.as_secs());
        }
        starts
    }

    #[test]
    fn completions_follow_the_suggested_schedule_for_a_day() {
        let starts = starts(&Schedule::completion(), Duration::ZERO);
        assert_eq!(starts[..7], [0, 5, 35, 155, 455, 2255, 5855]);
        assert_eq!(starts.len(), 29);
        assert!(starts.iter().all(|start| *start <= 24 * 3600));
    }

    #[test]
    fn waits_count_from_the_end_of_an_attempt() {
        let starts = starts(&Schedule::completion(), Duration::from_secs(20));
        assert_eq!(starts[..4], [0, 25, 75, 215]);
    }

    #[test]
    fn the_attempts_at_a_task_end() {
        assert_eq!(starts(&Schedule::task(), Duration::ZERO).len(), 8);
    }

    #[test]
    fn jitter_only_shortens_and_is_bounded() {
        let random = Randomness::from_seed(2);
        let schedule = Schedule::request();
        for _ in 0..1000 {
            let wait = schedule.wait_after(3, Duration::ZERO, &random);
            assert!(wait.is_some_and(|wait| (12.0..=15.0).contains(&wait.as_secs_f64())));
        }
    }
}
