//! What is said of a job's status, and what jobs do.

use std::collections::BTreeMap;

use portcullis_web_service::message::JobStatus;

use crate::protocols::content_deployment::invariant::Breach;
use crate::protocols::content_deployment::reading::{Exchange, Reading, Said};
use crate::protocols::content_deployment::vocabulary::{field, state};

const GET_JOB_STATUS: &str = "get-job-status";

/// Statuses that were reported: the exchange, the answer and the status.
fn reports<'r, 'a>(
    reading: &'r Reading<'a>,
) -> impl Iterator<Item = (&'r Exchange<'a>, Said<'a>, JobStatus)> {
    reading.asked(GET_JOB_STATUS).filter_map(|exchange| {
        let answer = exchange.granted()?;
        let status = JobStatus::parse(answer.field(field::STATUS))?;
        Some((exchange, answer, status))
    })
}

/// Whether a job whose status was `before` may have the status `after` some time later.
fn may_become(before: JobStatus, after: JobStatus) -> bool {
    use JobStatus as Status;
    match before {
        Status::ImportPreparing => true,
        Status::ImportInProgress => after != Status::ImportPreparing,
        Status::CancelInProgress => matches!(after, Status::CancelInProgress | Status::Cancelled),
        Status::Success | Status::Failure | Status::Cancelled | Status::ImportTimedOut => {
            after == before
        }
    }
}

/// CD-25, CD-27, CD-30: a job goes from preparing to in progress to an end, cancelling ends in
/// Cancelled and in nothing else, and an end stays as it is.
///
/// Only an answer that was given before another was asked for is compared with it.
pub(crate) fn statuses_move_forward(reading: &Reading<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    // By job: where each report was sent, in the order of the requests.
    let mut known: BTreeMap<&str, Vec<(usize, JobStatus)>> = BTreeMap::new();
    for (exchange, answer, status) in reports(reading) {
        let earlier = known.entry(exchange.job()).or_default();
        let begun = exchange.begun();
        let wrong = earlier
            .iter()
            .find(|(sent, before)| *sent < begun && !may_become(*before, status));
        if let Some((_, before)) = wrong {
            breaches.push(Breach::at(
                answer.position,
                format!("what may follow {} for {}", before.name(), exchange.job()),
                format!("{} was reported", status.name()),
            ));
        }
        earlier.push((answer.position, status));
    }
    breaches
}

/// CD-21: no job is reported as running, imported or timed out whose `RunJob` had not come.
pub(crate) fn nothing_starts_by_itself(reading: &Reading<'_>) -> Vec<Breach> {
    let mut run: BTreeMap<&str, usize> = BTreeMap::new();
    for exchange in reading.asked("run-job") {
        if let Some(arrived) = exchange.arrived {
            run.entry(exchange.job()).or_insert(arrived);
        }
    }
    let mut breaches = Vec::new();
    for (exchange, answer, status) in reports(reading) {
        let has_run = matches!(
            status,
            JobStatus::ImportInProgress | JobStatus::Success | JobStatus::ImportTimedOut
        );
        let asked = run.get(exchange.job());
        if has_run && asked.is_none_or(|arrived| *arrived > answer.position) {
            breaches.push(Breach::at(
                answer.position,
                format!("{} waits for RunJob", exchange.job()),
                format!("{} was reported before it", status.name()),
            ));
        }
    }
    breaches
}

/// CD-24: `RunJob` is answered before the import has ended.
///
/// An answer that was held up by a fault proves nothing.
pub(crate) fn running_is_answered_at_once(reading: &Reading<'_>) -> Vec<Breach> {
    let mut ended: BTreeMap<&str, usize> = BTreeMap::new();
    for moved in reading.moves_of(state::IMPORT_JOB) {
        if state::is_final(&moved.state.to) {
            ended.entry(&moved.state.id).or_insert(moved.position);
        }
    }
    let mut breaches = Vec::new();
    for exchange in reading.asked("run-job") {
        let (Some(answer), Some(end)) = (exchange.granted(), ended.get(exchange.job())) else {
            continue;
        };
        let span = exchange.begun()..answer.position;
        if span.contains(end) && !reading.was_disturbed(span) {
            breaches.push(Breach::at(
                answer.position,
                format!(
                    "RunJob of {} is answered while the import runs",
                    exchange.job()
                ),
                "the import had ended",
            ));
        }
    }
    breaches
}

/// CD-26: while a job is asked for that nobody has run, or that has ended, it does not move.
///
/// Only moves count during which nobody asked for anything but the status: whoever runs, cancels or
/// deletes the job moves it. A timer that gives up a job whose files nobody wants any more does so
/// whether or not somebody polls, once in a job's life.
pub(crate) fn polling_moves_nothing(reading: &Reading<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for moved in reading.moves_of(state::IMPORT_JOB) {
        let (job, from) = (moved.state.id.as_str(), moved.state.from.as_ref());
        if !state::is_final(from) && from != state::CREATED || moved.state.to == state::FAILED {
            continue;
        }
        let about = reading
            .exchanges
            .iter()
            .filter(|exchange| exchange.job() == job);
        let before = |exchange: &&Exchange<'_>| exchange.begun() < moved.position;
        let (polls, others): (Vec<_>, Vec<_>) = about
            .filter(before)
            .partition(|exchange| exchange.kind() == GET_JOB_STATUS);
        let is_polled = polls.iter().any(|poll| {
            let until = poll.answer.map_or(usize::MAX, |answer| answer.position);
            poll.arrived
                .is_some_and(|arrived| (arrived..until).contains(&moved.position))
        });
        let is_asked_for = others
            .iter()
            .any(|exchange| matches!(exchange.kind(), "run-job" | "cancel-job" | "delete-job"));
        if is_polled && !is_asked_for {
            breaches.push(Breach::at(
                moved.position,
                format!("{job} stays {from} while its status is asked for"),
                format!("it became {}", moved.state.to),
            ));
        }
    }
    breaches
}

/// CD-27: what has become of a job stays so, until it is deleted.
///
/// Each move says where it came from: servers that are told late of what they have written announce
/// it late, so the order of announcements proves nothing.
pub(crate) fn final_states_stay(reading: &Reading<'_>) -> Vec<Breach> {
    let moves = reading.moves_of(state::IMPORT_JOB);
    let leaving = moves.filter(|moved| {
        let (from, to) = (moved.state.from.as_ref(), moved.state.to.as_ref());
        state::is_final(from) && !to.is_empty() && from != to
    });
    leaving
        .map(|moved| {
            let (job, from, to) = (&moved.state.id, &moved.state.from, &moved.state.to);
            Breach::at(
                moved.position,
                format!("{job} stays {from}"),
                format!("it became {to} at {}", moved.host),
            )
        })
        .collect()
}

/// What `GetJobStatus` says of a job in `state`.
fn status_of(state: &str) -> JobStatus {
    match state {
        state::VERIFYING | state::DECOMPRESSING | state::PLACING => JobStatus::ImportInProgress,
        state::CANCEL_IN_PROGRESS => JobStatus::CancelInProgress,
        state::CANCELLED => JobStatus::Cancelled,
        state::SUCCEEDED => JobStatus::Success,
        state::FAILED => JobStatus::Failure,
        state::TIMED_OUT => JobStatus::ImportTimedOut,
        _ => JobStatus::ImportPreparing,
    }
}

/// CD-25: the status that is reported is one that the job had between question and answer.
///
/// A move is announced after it is durable, so the next one may be known already; what was
/// interrupted before it was announced is never told.
pub(crate) fn reported_statuses_are_true(reading: &Reading<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (exchange, answer, status) in reports(reading) {
        if reading.was_disturbed(0..answer.position) {
            continue;
        }
        let moves = reading.moves_of(state::IMPORT_JOB);
        let moves: Vec<_> = moves
            .filter(|moved| moved.state.id == exchange.job())
            .collect();
        let first = moves.partition_point(|moved| moved.position < exchange.begun());
        let last = moves.partition_point(|moved| moved.position < answer.position);
        let had = moves.iter().take(last + 1).skip(first.saturating_sub(1));
        // Of a job that is gone nothing can be said.
        let is_true = |to: &str| to.is_empty() || status_of(to) == status;
        let mut had = had.map(|moved| is_true(&moved.state.to));
        if !moves.is_empty() && !had.any(|it| it) {
            breaches.push(Breach::at(
                answer.position,
                format!("the status of {} as it is", exchange.job()),
                format!("{} was reported", status.name()),
            ));
        }
    }
    breaches
}
