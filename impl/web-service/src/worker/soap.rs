//! An exchange with the remote import service.

use hyper::StatusCode;
use hyper::header::{self, HeaderName};
use hyper::http::request::Parts;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::exchange::{Worker, is_plain, text};
use super::gate::Visitor;
use super::inlet::{Cut, Inlet};
use super::reply::Reply;
use crate::codec::{self, SoapVersion, Unread};
use crate::config::Compat;
use crate::desk::Desk;
use crate::message::{Fault, Violation};
use crate::work::Depot;

const SOAP_ACTION: HeaderName = HeaderName::from_static("soapaction");

/// What is announced of a message whose operation is not known.
const UNKNOWN: &str = "soap";

/// Answers a message (CD-4).
pub(super) async fn answer<K: Desk, D: Depot>(
    worker: &Worker<K, D>,
    visitor: Visitor,
    head: &Parts,
    body: &mut Inlet,
) -> Reply {
    let config = &worker.config;
    if !is_plain(&head.headers) {
        return Reply::refusal(
            UNKNOWN,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "content-encoding",
        );
    }
    let (message, room) = match collect(worker, body).await {
        Ok(collected) => collected,
        Err(refusal) => return refusal,
    };
    let content_type = text(&head.headers, &header::CONTENT_TYPE);
    let action = text(&head.headers, &SOAP_ACTION);
    let call = match codec::read_request(content_type, action, &message, config.compat) {
        Ok(call) => call,
        Err(Unread::MediaType) => {
            return Reply::refusal(UNKNOWN, StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type");
        }
        Err(Unread::Fault(version, fault)) => {
            return fault_reply(config.compat, UNKNOWN, version, &fault);
        }
    };
    drop((message, room));
    let (version, what) = (call.version, call.request.operation().name());
    if config.require_secure_connection && !visitor.is_secure {
        let fault = Violation::InsecureConnection.into();
        return fault_reply(config.compat, what, version, &fault);
    }
    match worker.desk.answer(call.request).await {
        Ok(response) => Reply::empty(what, StatusCode::OK).with(
            version.content_type(),
            codec::write_response(version, &response),
        ),
        Err(fault) => fault_reply(config.compat, what, version, &fault),
    }
}

/// CD-5: a fault of the request's version.
fn fault_reply(compat: Compat, what: &'static str, version: SoapVersion, fault: &Fault) -> Reply {
    let status = StatusCode::from_u16(codec::fault_status(version, fault, compat));
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Reply::refusal(what, status, fault.violation.name())
        .with(version.content_type(), codec::write_fault(version, fault))
}

/// The whole message, if it is short enough and comes in time, and its room.
async fn collect<K: Desk, D: Depot>(
    worker: &Worker<K, D>,
    body: &mut Inlet,
) -> Result<(Vec<u8>, Option<OwnedSemaphorePermit>), Reply> {
    let (octets_max, timers) = (
        worker.config.limits.message_octets_max,
        worker.config.timers,
    );
    let max = u64::try_from(octets_max).unwrap_or(u64::MAX);
    let declared = body.declared().unwrap_or(max);
    if declared > max {
        return Err(too_large());
    }
    let collecting = timeout(timers.message, async {
        let room = worker.messages.enter(declared).await;
        let mut message = Vec::new();
        while let Some(piece) = body.piece(timers.body_idle).await.map_err(cut)? {
            if message.len().saturating_add(piece.len()) > octets_max {
                return Err(too_large());
            }
            message.extend_from_slice(&piece);
        }
        Ok((message, room))
    });
    collecting.await.unwrap_or_else(|_| Err(cut(Cut::TimedOut)))
}

fn too_large() -> Reply {
    Reply::refusal(UNKNOWN, StatusCode::PAYLOAD_TOO_LARGE, "too-large")
}

fn cut(cut: Cut) -> Reply {
    cut_reply(UNKNOWN, cut)
}

/// What a body is answered that did not come to its end.
pub(super) const fn cut_reply(what: &'static str, cut: Cut) -> Reply {
    match cut {
        Cut::TimedOut => Reply::refusal(what, StatusCode::REQUEST_TIMEOUT, "body-timeout"),
        Cut::Lost => Reply::refusal(what, StatusCode::BAD_REQUEST, "body-cut"),
    }
}
