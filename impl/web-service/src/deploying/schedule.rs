//! When jobs run, by the farm's wall clock.

use super::definition::Schedule;

/// When a job is due for the first time, or after a run that was due: what was missed is made up
/// for once.
pub(super) fn next_ms(schedule: Schedule, now_ms: i64) -> i64 {
    let every_ms = i64::try_from(schedule.every.as_millis()).unwrap_or(i64::MAX);
    now_ms.saturating_add(every_ms)
}

/// Whether a job is due.
///
/// After the clock was put back it is never due later than one span from now: the next time moves
/// along.
pub(super) fn is_due(schedule: Schedule, due_ms: i64, now_ms: i64) -> Due {
    if due_ms <= now_ms {
        return Due::Now;
    }
    let latest_ms = next_ms(schedule, now_ms);
    if due_ms > latest_ms {
        Due::MovedTo(latest_ms)
    } else {
        Due::Later
    }
}

/// What there is to do about a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// To run the job.
    Now,
    /// Nothing.
    Later,
    /// To note another time: the clock was put back.
    MovedTo(i64),
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const HOURLY: Schedule = Schedule {
        every: Duration::from_secs(3600),
    };

    #[test]
    fn a_job_is_due_at_its_time_and_not_before() {
        assert_eq!(is_due(HOURLY, 1000, 999), Due::Later);
        assert_eq!(is_due(HOURLY, 1000, 1000), Due::Now);
        assert_eq!(is_due(HOURLY, 1000, 90_000_000), Due::Now);
        assert_eq!(next_ms(HOURLY, 5), 3_600_005);
    }

    #[test]
    fn a_clock_that_was_put_back_delays_a_job_by_one_span_at_most() {
        let due_ms = next_ms(HOURLY, 10_000_000);
        assert_eq!(is_due(HOURLY, due_ms, 10_000_000), Due::Later);
        assert_eq!(is_due(HOURLY, due_ms, 0), Due::MovedTo(3_600_000));
    }
}
