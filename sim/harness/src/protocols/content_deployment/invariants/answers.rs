//! What is answered to what.

use std::collections::BTreeMap;

use crate::protocols::content_deployment::invariant::Breach;
use crate::protocols::content_deployment::reading::{Exchange, Noted, Reading, Said};
use crate::protocols::content_deployment::vocabulary::{field, kind};

/// CD-5, CD-8: a call is answered by the response of its own operation or by a fault, both in its
/// own version of SOAP, or by an HTTP status that says what is wrong.
pub(crate) fn answers_match_their_request(reading: &Reading<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for exchange in &reading.exchanges {
        let Some((request, answer)) = exchange.request.zip(exchange.answer) else {
            continue;
        };
        let proper = kind::answer_to(request.kind());
        if proper.is_none() && request.kind() != kind::UNREAD_CALL {
            continue;
        }
        let is_error = answer.field(field::HTTP) >= "400";
        let fits = match answer.kind() {
            kind::UNREAD_ANSWER => continue,
            kind::HTTP_RESPONSE => is_error,
            kind::FAULT => is_error && same_version(request, answer),
            other => Some(other) == proper && same_version(request, answer),
        };
        if !fits {
            let (version, other) = (request.field(field::SOAP), answer.field(field::SOAP));
            breaches.push(Breach::at(
                answer.position,
                format!(
                    "{} or a fault in SOAP {version}, or an HTTP error",
                    proper.unwrap_or("nothing")
                ),
                format!(
                    "{} was answered by {} {other}",
                    request.kind(),
                    answer.kind()
                ),
            ));
        }
    }
    breaches
}

/// A request whose envelope is of no known version is answered in any.
fn same_version(request: Said<'_>, answer: Said<'_>) -> bool {
    let version = request.field(field::SOAP);
    version.is_empty() || version == answer.field(field::SOAP)
}

/// CD-6, CD-9, CD-11, CD-12, CD-17, CD-36: what a farm answers in XML is an answer of the service:
/// the elements, statuses and guids of the schema and nothing else.
pub(crate) fn answers_are_of_the_schema(reading: &Reading<'_>) -> Vec<Breach> {
    let answers = reading
        .exchanges
        .iter()
        .filter_map(|exchange| exchange.answer);
    let unread = answers.filter(|answer| answer.kind() == kind::UNREAD_ANSWER);
    unread
        .map(|answer| {
            let asked = answer.field(field::ANSWERS);
            let seen = format!("the answer to {asked} cannot be read");
            Breach::at(answer.position, "an answer of the service", seen)
        })
        .collect()
}

/// CD-20, CD-23: no two calls of `CreateJob` are answered with the same job.
pub(crate) fn job_ids_differ(reading: &Reading<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    for answer in reading.asked(CREATE_JOB).filter_map(Exchange::granted) {
        let job = answer.field(field::JOB);
        if known.insert(job, answer.position).is_some() {
            breaches.push(Breach::at(
                answer.position,
                "a job of its own for every CreateJob",
                format!("{job} was given out before"),
            ));
        }
    }
    breaches
}

/// CD-31: once `DeleteJob` has been answered, every later call about the job is a fault.
pub(crate) fn deleted_jobs_are_gone(reading: &Reading<'_>) -> Vec<Breach> {
    let mut deleted: BTreeMap<&str, usize> = BTreeMap::new();
    for exchange in reading.asked(DELETE_JOB) {
        if let Some(answer) = exchange.granted() {
            deleted.entry(exchange.job()).or_insert(answer.position);
        }
    }
    let mut breaches = Vec::new();
    for exchange in &reading.exchanges {
        let (Some(request), Some(since)) = (exchange.request, deleted.get(exchange.job())) else {
            continue;
        };
        let answer = exchange.granted().or_else(|| exchange.taken());
        let Some(answer) = answer.filter(|_| request.position > *since) else {
            continue;
        };
        breaches.push(Breach::at(
            answer.position,
            format!("a fault: {} was deleted", exchange.job()),
            format!("{} was granted", request.kind()),
        ));
    }
    breaches
}

/// What may keep a farm from deleting logs: its own trouble, and who asks how.
const EXCUSES: [&str; 3] = [
    "unavailable",
    "incoming-jobs-refused",
    "insecure-connection",
];

/// CD-33 to CD-36: `DeleteImportLogs` is answered by its empty response, whether there were logs or
/// not and whether the job is known or not.
pub(crate) fn deleting_logs_never_fails(reading: &Reading<'_>) -> Vec<Breach> {
    let answers = reading
        .asked(DELETE_IMPORT_LOGS)
        .filter_map(|exchange| exchange.answer);
    let faults = answers.filter(|answer| answer.kind() == kind::FAULT);
    faults
        .filter(|fault| !EXCUSES.contains(&fault.field(field::VIOLATION)))
        .map(|fault| {
            let seen = format!("a fault: {}", fault.field(field::VIOLATION));
            Breach::at(fault.position, "an empty DeleteImportLogsResponse", seen)
        })
        .collect()
}

/// CD-3, CD-19: a farm that takes no incoming jobs creates none, runs none, and tells nobody
/// where its import server is.
pub(crate) fn refusing_farms_take_nothing(reading: &Reading<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for exchange in &reading.exchanges {
        let granted = matches!(exchange.kind(), CREATE_JOB | RUN_JOB | WHERE)
            .then(|| exchange.granted())
            .flatten();
        let Some(answer) = granted.or_else(|| exchange.taken()) else {
            continue;
        };
        let begun = exchange.begun();
        let changes = reading.actions.iter().filter(|action| {
            let changes = action.name == "configure" && action.host == exchange.server;
            changes && action.position < answer.position
        });
        let (before, meanwhile): (Vec<&Noted<'_>>, Vec<_>) =
            changes.partition(|change| change.position < begun);
        let is_accepting = match before.last() {
            Some(change) => change.field("accept-incoming-jobs") == "true",
            None => {
                let server = reading.setting.servers.get(exchange.server);
                server.is_none_or(|server| server.is_accepting)
            }
        };
        if !is_accepting && meanwhile.is_empty() {
            breaches.push(Breach::at(
                answer.position,
                format!(
                    "{} is refused: {} takes no jobs",
                    exchange.kind(),
                    exchange.server
                ),
                "it was granted",
            ));
        }
    }
    breaches
}

/// CD-19: who does not show the right credentials is granted nothing.
pub(crate) fn callers_are_known(reading: &Reading<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for exchange in &reading.exchanges {
        let Some(request) = exchange.request else {
            continue;
        };
        let Some(answer) = exchange.answer else {
            continue;
        };
        let is_foreign = request.field(field::AUTHENTIC) == "false";
        if is_foreign && answer.field(field::HTTP) < "400" {
            breaches.push(Breach::at(
                answer.position,
                "401 for who does not show the right credentials",
                format!("{} was answered by {}", request.kind(), answer.kind()),
            ));
        }
    }
    breaches
}

const CREATE_JOB: &str = "create-job";
const DELETE_IMPORT_LOGS: &str = "delete-import-logs";
const DELETE_JOB: &str = "delete-job";
const RUN_JOB: &str = "run-job";
const WHERE: &str = "get-remote-admin-server-url";
