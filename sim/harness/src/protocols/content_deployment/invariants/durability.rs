//! What must be durable before it is acknowledged.

use crate::protocols::content_deployment::invariant::Breach;
use crate::protocols::content_deployment::reading::{Exchange, Noted, Reading};
use crate::protocols::content_deployment::vocabulary::{effect, field, kind};

/// CD-20, CD-24, CD-31: whoever reads the answer to `CreateJob`, `RunJob` or `DeleteJob` may rely
/// on it after a crash: the farm's databases have it before the answer leaves.
pub(crate) fn recorded_before_answered(reading: &Reading<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for exchange in &reading.exchanges {
        if !matches!(exchange.kind(), "create-job" | "run-job" | "delete-job") {
            continue;
        }
        let Some(answer) = exchange.granted() else {
            continue;
        };
        let (job, since) = (answer.field(field::JOB), exchange.begun());
        let is_durable = reading.writes.iter().any(|write| {
            (since..answer.position).contains(&write.position) && write.key.contains(job)
        });
        if !is_durable {
            breaches.push(Breach::at(
                answer.position,
                format!(
                    "a record of {job} is written before {} is answered",
                    exchange.kind()
                ),
                "no such write",
            ));
        }
    }
    breaches
}

/// Whether two names are the same file (CD-44).
fn is_same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

/// Whether `noted` is about the file that `exchange` uploads.
fn is_about(noted: &Noted<'_>, exchange: &Exchange<'_>) -> bool {
    let file = exchange
        .request
        .map_or("", |request| request.field(field::FILE));
    noted.field(field::JOB) == exchange.job() && is_same(noted.field(field::FILE), file)
}

/// CD-41: an upload is acknowledged only when the file is in the job's folder and the databases
/// know of it.
pub(crate) fn acknowledged_uploads_are_stored(reading: &Reading<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for exchange in reading.asked(kind::UPLOAD) {
        let Some(answer) = exchange.taken() else {
            continue;
        };
        let is_there = |name: &'static str| {
            let mut all = reading.noted(name);
            all.any(|noted| noted.position < answer.position && is_about(noted, exchange))
        };
        let job = exchange.job();
        let is_recorded = reading
            .writes
            .iter()
            .any(|write| write.position < answer.position && write.key.contains(job));
        if !is_there(effect::STORED) || !is_there(effect::UPLOADED) || !is_recorded {
            breaches.push(Breach::at(
                answer.position,
                format!("the file for {job} is durable before it is acknowledged"),
                "it was acknowledged first",
            ));
        }
    }
    breaches
}

/// CD-41: what is in the job's folder is what was sent.
pub(crate) fn stored_files_are_those_sent(reading: &Reading<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for exchange in reading.asked(kind::UPLOAD) {
        let (Some(request), Some(answer)) = (exchange.request, exchange.taken()) else {
            continue;
        };
        let stored = reading.noted(effect::STORED);
        let stored = stored.filter(|noted| noted.position < answer.position);
        let Some(last) = stored.filter(|noted| is_about(noted, exchange)).last() else {
            continue;
        };
        let sent = (request.field(field::SIZE), request.field(field::DIGEST));
        let kept = (last.field(field::SIZE), last.field(field::DIGEST));
        if sent != kept {
            breaches.push(Breach::at(
                answer.position,
                format!("{} octets with the digest {} are kept", sent.0, sent.1),
                format!("{} octets with the digest {}", kept.0, kept.1),
            ));
        }
    }
    breaches
}

/// CD-41, CD-44: a file counts for its job only once all of it has come.
pub(crate) fn half_files_do_not_count(reading: &Reading<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for noted in reading.noted(effect::UPLOADED) {
        let is_whole = reading.asked(kind::UPLOAD).any(|exchange| {
            let arrived = exchange
                .arrived
                .is_some_and(|arrived| arrived < noted.position);
            arrived && is_about(noted, exchange)
        });
        if !is_whole {
            breaches.push(Breach::at(
                noted.position,
                "a file counts once all of it has come",
                format!("{} counted before", noted.field(field::FILE)),
            ));
        }
    }
    breaches
}
