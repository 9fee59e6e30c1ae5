//! Timers, schedules and limits of a configuration file.

use std::time::Duration;

use portcullis_agent::Config;
use portcullis_agent::config::{Limits, Timers};
use portcullis_agent::retry::Schedule;

use crate::scenario::{Amount, Problems, Table, Unit};

/// The timers; what the file does not say is the agent's default.
pub(super) fn timers(table: &Table) -> Timers {
    let mut timers = Timers::default();
    if let Some(table) = table.table("timers") {
        let set = |timer: &mut Duration, key| {
            *timer = table.duration(key).unwrap_or(*timer);
        };
        set(&mut timers.connect, "connect");
        set(&mut timers.frame, "frame");
        set(&mut timers.acknowledgement, "acknowledgement");
        set(&mut timers.linger, "linger");
        set(&mut timers.probe, "probe");
        set(&mut timers.task_deadline, "task_deadline");
    }
    timers
}

/// The limits, likewise.
pub(super) fn limits(table: &Table) -> Limits {
    let mut limits = Limits::default();
    if let Some(table) = table.table("limits") {
        let set = |limit: &mut usize, key| {
            let number = table.quantity(key).map(usize::try_from);
            *limit = number.and_then(Result::ok).unwrap_or(*limit);
        };
        set(&mut limits.connections_per_peer_max, "connections_per_peer");
        set(&mut limits.connections_max, "connections");
        set(&mut limits.parts_at_a_time, "parts_at_a_time");
        set(&mut limits.tasks_waiting_max, "tasks_waiting");
        set(&mut limits.independent_at_a_time, "independent_at_a_time");
    }
    limits
}

/// Puts the file's schedules in the place of the defaults.
pub(super) fn retries(table: &Table, agent: &mut Config, problems: &mut Problems) {
    let Some(table) = table.table("retries") else {
        return;
    };
    let mut set = |schedule: &mut Schedule, key| {
        let waits = table.texts(key).iter();
        let waits: Result<Vec<_>, _> = waits
            .map(|wait| Amount::parse(wait, Unit::Nanosecond).map(|wait| wait.duration()))
            .collect();
        match waits {
            Ok(waits) if waits.is_empty() => {}
            Ok(waits) => schedule.waits = waits,
            Err(error) => problems.report(
                table.span_of(key),
                format!("a wait of `{key}` {error}"),
                "here",
                "write durations such as [\"1s\", \"30s\", \"5m\"]",
            ),
        }
    };
    set(&mut agent.retries.request, "request");
    set(&mut agent.retries.task, "task");
    set(&mut agent.retries.completion, "completion");
    set(&mut agent.retries.status, "status");
}
