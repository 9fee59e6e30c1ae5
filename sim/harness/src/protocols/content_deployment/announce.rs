//! What farms announce, as events of a history.

use std::borrow::Cow;

use portcullis_reports::{Event, Fields, StateEvent};
use portcullis_web_service::message::{Guid, JobStatus, Operation};
use portcullis_web_service::state::DeploymentOutcome;
use portcullis_web_service::{DeployingEvent, FarmEvent};

use super::vocabulary::{effect, field, kind, state};

/// The event that stands for `announced`.
pub(super) fn event(announced: &FarmEvent) -> Event {
    match announced {
        FarmEvent::Job {
            job,
            from,
            to,
            reason,
        } => moved(state::IMPORT_JOB, *job, from, to, reason.as_deref()),
        FarmEvent::TimerJob { job, from, to } => moved(state::TIMER_JOB, *job, from, to, None),
        FarmEvent::Uploaded { job, file, octets } => noted(
            effect::UPLOADED,
            [
                (field::JOB, Some(job.to_string())),
                (field::FILE, Some(file.to_string())),
                (field::SIZE, Some(octets.to_string())),
            ],
        ),
        FarmEvent::DecompressionStarted { job } => noted(
            effect::DECOMPRESSION_STARTED,
            [(field::JOB, Some(job.to_string()))],
        ),
        FarmEvent::Placed { job, number, count } => noted(
            effect::PLACED,
            [
                (field::JOB, Some(job.to_string())),
                (field::NUMBER, Some(number.to_string())),
                (field::COUNT, Some(count.to_string())),
            ],
        ),
        FarmEvent::Deploying(announced) => of_source(announced),
        FarmEvent::Answered {
            what,
            status,
            violation,
        } => noted(
            effect::ANSWERED,
            [
                (field::ANSWERS, Some(request(what).to_owned())),
                (field::HTTP, Some(status.to_string())),
                (field::VIOLATION, violation.map(str::to_owned)),
            ],
        ),
        FarmEvent::DatabaseFailed { part, database, .. } => noted(
            effect::DATABASE_FAILED,
            [
                (field::PART, Some((*part).to_owned())),
                (field::DATABASE, Some((*database).to_owned())),
            ],
        ),
        FarmEvent::ConnectionLimit => noted(effect::CONNECTION_LIMIT, []),
        FarmEvent::BadRequest => noted(effect::BAD_REQUEST, []),
    }
}

/// What a deploying farm announces.
fn of_source(announced: &DeployingEvent) -> Event {
    match announced {
        DeployingEvent::Moved {
            name,
            from,
            to,
            reason,
            ..
        } => Event::State(StateEvent {
            machine: Cow::Borrowed(state::DEPLOYMENT),
            id: name.clone(),
            from: Cow::Borrowed(from),
            to: Cow::Borrowed(to),
            fields: fields([
                (field::DEPLOYMENT, Some(name.clone())),
                (field::REASON, reason.clone()),
            ]),
        }),
        DeployingEvent::RemoteJob { name, job, .. } => noted(
            effect::REMOTE_JOB,
            [
                (field::DEPLOYMENT, Some(name.clone())),
                (field::JOB, Some(job.to_string())),
            ],
        ),
        DeployingEvent::Ended {
            name,
            outcome,
            status,
            ..
        } => ended(name, outcome, *status),
        DeployingEvent::Skipped { name } => noted(
            effect::DEPLOYMENT_SKIPPED,
            [
                (field::JOB, Some(name.clone())),
                (field::DEPLOYMENT, Some(name.clone())),
            ],
        ),
        DeployingEvent::Removed { name } => noted(
            effect::DEPLOYMENT_REMOVED,
            [
                (field::JOB, Some(name.clone())),
                (field::DEPLOYMENT, Some(name.clone())),
            ],
        ),
        DeployingEvent::Kept { name, why } => noted(
            effect::DEPLOYMENT_KEPT,
            [
                (field::JOB, Some(name.clone())),
                (field::DEPLOYMENT, Some(name.clone())),
                (field::REASON, Some(why.clone())),
            ],
        ),
    }
}

/// How a deployment ended: with what the target reported, or with a failure on the way.
fn ended(name: &str, outcome: &DeploymentOutcome, status: Option<JobStatus>) -> Event {
    let failed = |step: &str, reason: &str| {
        noted(
            effect::DEPLOYMENT_FAILED,
            [
                (field::JOB, Some(name.to_owned())),
                (field::DEPLOYMENT, Some(name.to_owned())),
                (field::STEP, Some(step.to_owned())),
                (field::REASON, Some(reason.to_owned())),
            ],
        )
    };
    match outcome {
        DeploymentOutcome::NotChanged => failed("poll", "timeout"),
        DeploymentOutcome::Failed(why) if status != Some(JobStatus::Failure) => {
            failed(why.step.name(), &why.reason)
        }
        DeploymentOutcome::Succeeded
        | DeploymentOutcome::Failed(_)
        | DeploymentOutcome::Cancelled
        | DeploymentOutcome::ImportTimedOut => noted(
            effect::DEPLOYMENT_ENDED,
            [
                (field::JOB, Some(name.to_owned())),
                (field::DEPLOYMENT, Some(name.to_owned())),
                (field::STATUS, status.map(|status| status.name().to_owned())),
            ],
        ),
    }
}

/// What was answered, as messages of that kind are called.
fn request(what: &'static str) -> &'static str {
    Operation::parse(what).map_or(what, kind::call)
}

fn moved(
    machine: &'static str,
    job: Guid,
    from: &'static str,
    to: &'static str,
    reason: Option<&str>,
) -> Event {
    Event::State(StateEvent {
        machine: Cow::Borrowed(machine),
        id: job.to_string(),
        from: Cow::Borrowed(from),
        to: Cow::Borrowed(to),
        fields: fields([
            (field::JOB, Some(job.to_string())),
            (field::REASON, reason.map(str::to_owned)),
        ]),
    })
}

/// An effect with the particulars that have a value.
pub(super) fn noted<const N: usize>(
    name: &'static str,
    pairs: [(&'static str, Option<String>); N],
) -> Event {
    Event::Effect {
        name: Cow::Borrowed(name),
        fields: fields(pairs),
    }
}

/// The pairs that have a value.
pub(super) fn fields<const N: usize>(pairs: [(&'static str, Option<String>); N]) -> Fields {
    let present = pairs.into_iter();
    present
        .filter_map(|(name, value)| Some((Cow::Borrowed(name), value?)))
        .collect()
}
