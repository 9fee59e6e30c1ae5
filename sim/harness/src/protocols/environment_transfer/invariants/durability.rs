//! What must be durable before it is acknowledged.

use crate::protocols::environment_transfer::invariant::Breach;
use crate::protocols::environment_transfer::reading::Reading;
use crate::protocols::environment_transfer::vocabulary::{field, kind};

/// ET-41: whoever reads "accepted" may rely on the task surviving a crash: the destination's
/// durable write of it comes before the acknowledgement in the history.
pub(crate) fn recorded_before_acknowledged(reading: &Reading<'_>) -> Vec<Breach> {
    written_first(reading, kind::ACCEPTED, "task")
}

/// ET-19, ET-53: whoever reads "completed-ack" may forget to report: the originator's durable write
/// of the outcome comes before the acknowledgement, and after the completion reached it.
pub(crate) fn results_recorded_before_acknowledged(reading: &Reading<'_>) -> Vec<Breach> {
    written_first(reading, kind::COMPLETED_ACK, "outcome")
}

fn written_first(reading: &Reading<'_>, acknowledgement: &str, what: &str) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for said in reading.sent().filter(|said| said.kind() == acknowledgement) {
        let task = said.field(field::TASK);
        let host = reading
            .setting
            .name_of(said.message.source)
            .unwrap_or_default();
        // An outcome is news only from the first word of it on, which may have been a status; a
        // task from the beginning.
        let since = match acknowledgement {
            kind::COMPLETED_ACK => reading
                .delivered()
                .find(|other| {
                    !other.field(field::OUTCOME).is_empty() && other.field(field::TASK) == task
                })
                .map_or(usize::MAX, |other| other.position),
            _ => 0,
        };
        let durable = reading.writes.iter().any(|write| {
            (since..said.position).contains(&write.position)
                && write.host == host
                && write.key.contains(task)
        });
        if !durable {
            breaches.push(Breach::at(
                said.position,
                format!(
                    "{host} wrote the {what} of {task} durably before it sent {acknowledgement}"
                ),
                "no such write",
            ));
        }
    }
    breaches
}
