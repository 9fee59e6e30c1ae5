//! What a job's report says of its moves.

use jiff::Timestamp;

use crate::records::{ImportJob, ReportLine, Severity};
use crate::state::{JobEvent, JobState};

/// How many interruptions of one import are reported: a report must not grow for ever.
const INTERRUPTIONS_MAX: u32 = 100;

/// The line about `event`, which has just brought `job` to where it is; none when it says nothing
/// that a reader wants to know.
pub(super) fn line(job: &ImportJob, event: &JobEvent, now: Timestamp) -> Option<ReportLine> {
    let progress = &job.progress;
    let message = |text: String| Some((Severity::Message, text));
    let (severity, text) = match event {
        JobEvent::PickedUp | JobEvent::Recovered => match (progress.state, progress.starts) {
            (JobState::Verifying, 0 | 1) => {
                message(format!("the import of {} packages begins", job.files))
            }
            (
                JobState::Verifying | JobState::Decompressing | JobState::Placing,
                2..=INTERRUPTIONS_MAX,
            ) => {
                let text = "the import goes on after it was interrupted";
                Some((Severity::Warning, text.to_owned()))
            }
            _ => None,
        },
        JobEvent::Verified => message("the packages are decompressed".to_owned()),
        JobEvent::Decompressed { objects } => {
            message(format!("{objects} objects are to be placed"))
        }
        JobEvent::Placed => None,
        JobEvent::Finished => message(format!("imported {} objects", progress.placed)),
        // Which one: a site has many.
        JobEvent::Failed(why) if progress.objects > 0 => {
            let (number, count) = (progress.placed.saturating_add(1), progress.objects);
            Some((
                Severity::Error,
                format!("object {number} of {count}: {why}"),
            ))
        }
        JobEvent::Failed(why) => Some((Severity::Error, why.to_string())),
        JobEvent::CancelRequested => message("a request to cancel is handled".to_owned()),
        JobEvent::CancelHandled => message("cancelled".to_owned()),
        JobEvent::TimedOut => {
            let text = "the import took longer than this farm allows";
            Some((Severity::Error, text.to_owned()))
        }
    }?;
    Some(ReportLine {
        at_ms: now.as_millisecond(),
        severity,
        text,
    })
}
