//! An exchange with the upload page.

use std::sync::Arc;

use hyper::StatusCode;
use hyper::header;
use hyper::http::request::Parts;
use tokio::time::Instant;

use super::exchange::{Worker, is_plain};
use super::gate::Visitor;
use super::inlet::{Cut, Inlet};
use super::pace::Pace;
use super::reply::Reply;
use super::soap::cut_reply;
use crate::codec;
use crate::desk::Desk;
use crate::error::UploadRefusal;
use crate::message::UploadTarget;
use crate::work::{Depot, DepotError, Upload};

const UPLOAD: &str = "upload";

/// Takes a file, if it is wanted (CD-39 to CD-45).
pub(super) async fn take<K: Desk, D: Depot>(
    worker: &Worker<K, D>,
    visitor: Visitor,
    head: &Parts,
    body: &mut Inlet,
) -> Reply {
    let limits = &worker.config.limits;
    let refuse = |status, why| Reply::refusal(UPLOAD, status, why);
    if worker.config.require_secure_connection && !visitor.is_secure {
        return refuse(StatusCode::FORBIDDEN, "insecure-connection");
    }
    let fields = &head.headers;
    let has_body = fields.contains_key(header::CONTENT_LENGTH)
        || fields.contains_key(header::TRANSFER_ENCODING);
    if !has_body {
        return refuse(StatusCode::LENGTH_REQUIRED, "length");
    }
    if !is_plain(fields) {
        return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content-encoding");
    }
    // CD-45: before a body is read, so that a client that asks first never sends it.
    let declared = body.declared();
    if declared.is_some_and(|octets| octets > limits.upload_octets_max) {
        return refuse(StatusCode::NOT_FOUND, "too-large");
    }
    // CD-40, CD-42
    let target = match codec::read_upload_query(head.uri.query().unwrap_or_default()) {
        Ok(target) => target,
        Err(problem) => return refuse(StatusCode::BAD_REQUEST, "query").because(&problem),
    };
    let Ok(_permit) = Arc::clone(&worker.uploads).try_acquire_owned() else {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "upload-limit");
    };
    if let Err(refusal) = worker.desk.may_upload(&target, declared).await {
        return refused(refusal);
    }
    let octets = match store(worker, &target, body).await {
        Ok(octets) => octets,
        Err(reply) => return reply,
    };
    // A file that the records do not name does not count, whatever lies in the folder: where they
    // cannot be written now, sending the file again makes it count.
    match worker.desk.uploaded(&target, octets).await {
        Ok(()) => Reply::empty(UPLOAD, StatusCode::OK),
        Err(refusal) => refused(refusal),
    }
}

/// Puts the body into the depot as it comes, durable when it returns: how long it was (CD-41).
async fn store<K: Desk, D: Depot>(
    worker: &Worker<K, D>,
    target: &UploadTarget,
    body: &mut Inlet,
) -> Result<u64, Reply> {
    let depot = |error| refused(of_depot(error));
    let begun = worker.depot.begin(target.job, &target.file).await;
    let mut file = begun.map_err(depot)?;
    let mut octets = 0_u64;
    let limits = &worker.config.limits;
    let mut pace = Pace::new(limits.upload_octets_per_minute_min);
    // A file that is dropped on the way leaves nothing.
    loop {
        let asked = Instant::now();
        let piece = body.piece(worker.config.timers.body_idle).await;
        let Some(piece) = piece.map_err(|cut| cut_reply(UPLOAD, cut))? else {
            break;
        };
        let came = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        if !pace.keeps_up(asked.elapsed(), came) {
            return Err(cut_reply(UPLOAD, Cut::TimedOut));
        }
        octets = octets.saturating_add(came);
        if octets > limits.upload_octets_max {
            return Err(Reply::refusal(UPLOAD, StatusCode::NOT_FOUND, "too-large"));
        }
        file.write(piece).await.map_err(depot)?;
    }
    file.commit().await.map_err(depot)?;
    Ok(octets)
}

const fn of_depot(error: DepotError) -> UploadRefusal {
    match error {
        DepotError::Different => UploadRefusal::Different,
        DepotError::Full => UploadRefusal::Full,
        DepotError::Storage => UploadRefusal::Unavailable,
    }
}

/// Each refusal has a status of its own, and its text as the body.
fn refused(refusal: UploadRefusal) -> Reply {
    let (status, name) = match refusal {
        UploadRefusal::UnknownJob => (StatusCode::NOT_FOUND, "unknown-job"),
        UploadRefusal::JobClosed => (StatusCode::CONFLICT, "job-closed"),
        UploadRefusal::Different => (StatusCode::CONFLICT, "different"),
        UploadRefusal::JobFull => (StatusCode::CONFLICT, "job-full"),
        UploadRefusal::NotAccepting => (StatusCode::FORBIDDEN, "not-accepting"),
        UploadRefusal::Full => (StatusCode::INSUFFICIENT_STORAGE, "disk-full"),
        UploadRefusal::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
    };
    Reply::refusal(UPLOAD, status, name).because(&refusal)
}
