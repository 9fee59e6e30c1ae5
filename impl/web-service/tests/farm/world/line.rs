//! Events as lines of text.

use portcullis_web_service::FarmEvent;

/// One event; jobs are not named.
pub(super) fn line(event: &FarmEvent) -> String {
    match event {
        FarmEvent::Job {
            from, to, reason, ..
        } => {
            let reason = reason.as_ref().map(|why| format!(" ({why})"));
            format!("job: {from} -> {to}{}", reason.unwrap_or_default())
        }
        FarmEvent::TimerJob { from, to, .. } => format!("timer job: {from} -> {to}"),
        FarmEvent::Uploaded { file, octets, .. } => format!("uploaded {file}, {octets} octets"),
        FarmEvent::DecompressionStarted { .. } => "decompression begins".to_owned(),
        FarmEvent::Placed { number, count, .. } => format!("placed {number} of {count}"),
        FarmEvent::DatabaseFailed { part, database, .. } => {
            format!("{part}: the {database} database does not answer")
        }
        FarmEvent::Deploying(_)
        | FarmEvent::Answered { .. }
        | FarmEvent::ConnectionLimit
        | FarmEvent::BadRequest => {
            format!("{event:?}")
        }
    }
}
