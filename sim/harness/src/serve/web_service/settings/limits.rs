//! The parts of the file that say how long things may take, and how much there may be of them.

use std::time::Duration;

use portcullis_web_service::config::{Limits, Timers};
use portcullis_web_service::work::ImportLimits;

use super::number;
use crate::scenario::{Problems, Table};

/// The timers; what the file does not say is the farm's default.
pub(super) fn timers(table: &Table, problems: &mut Problems) -> Timers {
    let mut timers = Timers::default();
    let Some(table) = table.table("timers") else {
        return timers;
    };
    let set = |timer: &mut Duration, key| {
        *timer = table.duration(key).unwrap_or(*timer);
    };
    set(&mut timers.head, "head");
    set(&mut timers.body_idle, "body_idle");
    set(&mut timers.message, "message");
    set(&mut timers.keep_alive, "keep_alive");
    set(&mut timers.drain, "drain");
    set(&mut timers.timer_service, "timer_service");
    set(&mut timers.lease, "lease");
    set(&mut timers.cancel, "cancel");
    set(&mut timers.database, "database");
    set(&mut timers.database_retry, "database_retry");
    timers.import = table.duration("import");
    refuse_shorter_timers(table, problems);
    timers
}

/// With these nothing would ever be done in time, or a service would never rest.
fn refuse_shorter_timers(table: &Table, problems: &mut Problems) {
    for (key, least) in [
        ("head", Duration::from_millis(1)),
        ("body_idle", Duration::from_millis(1)),
        ("message", Duration::from_millis(1)),
        ("import", Duration::from_millis(1)),
        ("timer_service", Duration::from_millis(1)),
        ("database", Duration::from_millis(1)),
        ("database_retry", Duration::from_millis(1)),
        ("lease", Duration::from_secs(1)),
    ] {
        if table.duration(key).is_some_and(|timer| timer < least) {
            let message = format!("`{key}` is shorter than {least:?}");
            problems.report(table.span_of(key), message, "here", "give it a length");
        }
    }
}

/// The limits, likewise.
pub(super) fn limits(table: &Table, problems: &mut Problems) -> Limits {
    let mut limits = Limits::default();
    let Some(table) = table.table("limits") else {
        return limits;
    };
    let set = |limit: &mut usize, key| *limit = number(table, key).unwrap_or(*limit);
    set(&mut limits.head_octets_max, "head");
    set(&mut limits.header_fields_max, "head_fields");
    set(&mut limits.message_octets_max, "message");
    set(&mut limits.message_room_octets_max, "message_room");
    set(&mut limits.connections_max, "connections");
    set(&mut limits.connections_per_peer_max, "connections_per_peer");
    set(&mut limits.uploads_max, "uploads");
    set(&mut limits.files_per_job_max, "files_per_job");
    set(&mut limits.jobs_max, "jobs");
    set(&mut limits.imports_max, "imports");
    let rate = number(table, "upload_rate");
    limits.upload_octets_per_minute_min = rate.unwrap_or(limits.upload_octets_per_minute_min);
    limits.upload_octets_max = number(table, "upload").unwrap_or(limits.upload_octets_max);
    limits.job_octets_max = number(table, "job").unwrap_or(limits.job_octets_max);
    for key in ["head", "message", "upload", "job", "unpacked"] {
        if table.quantity(key) == Some(0) {
            let message = format!("`{key}` is nothing");
            problems.report(table.span_of(key), message, "here", "give it a size");
        }
    }
    if limits.message_octets_max > portcullis_xml::Limits::soap().octets_max() {
        let message = "`message` is more than any message may have";
        let help = "the most that is read of XML is 4 MiB";
        problems.report(table.span_of("message"), message, "here", help);
    }
    if limits.message_room_octets_max < limits.message_octets_max {
        let message = "`message_room` has no room for one `message`";
        let help = "it is what all unfinished messages together may have";
        problems.report(table.span_of("message_room"), message, "here", help);
    }
    limits
}

/// What the packages of one job may declare, likewise.
pub(super) fn import_limits(table: &Table) -> ImportLimits {
    let mut limits = ImportLimits::default();
    if let Some(table) = table.table("limits") {
        limits.octets_max = number(table, "unpacked").unwrap_or(limits.octets_max);
        limits.files_max = number(table, "unpacked_files").unwrap_or(limits.files_max);
    }
    limits
}
