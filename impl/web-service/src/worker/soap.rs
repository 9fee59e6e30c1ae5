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
use super::room::{NoRoom, SMALL_OCTETS};
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
    let message = match collect(worker, body).await {
        Ok(collected) => collected,
        Err(refusal) => return refusal,
    };
    let content_type = text(&head.headers, &header::CONTENT_TYPE);
    let action = text(&head.headers, &SOAP_ACTION);
    let call = match codec::read_request(content_type, action, &message.octets, config.compat) {
        Ok(call) => call,
        Err(Unread::MediaType) => {
            return Reply::refusal(UNKNOWN, StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type");
        }
        Err(Unread::Fault(version, fault)) => {
            return fault_reply(config.compat, UNKNOWN, version, &fault);
        }
    };
    drop(message);
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

/// A message in memory.
#[derive(Debug, Default)]
struct Collected {
    octets: Vec<u8>,
    room: Option<OwnedSemaphorePermit>,
}

/// The whole message, if it is short enough and comes in time, and its room.
async fn collect<K: Desk, D: Depot>(
    worker: &Worker<K, D>,
    body: &mut Inlet,
) -> Result<Collected, Reply> {
    let (max, timers) = (
        worker.config.limits.message_octets_max,
        worker.config.timers,
    );
    let declared = body.declared();
    let declared = declared.map(|octets| usize::try_from(octets).unwrap_or(usize::MAX));
    if declared.is_some_and(|octets| octets > max) {
        return Err(too_large());
    }
    let mut message = Collected::default();
    if let Some(octets) = declared {
        message.make_room(worker, octets)?;
    }
    let collecting = timeout(timers.message, async {
        while let Some(piece) = body.piece(timers.body_idle).await.map_err(cut)? {
            let octets = message.octets.len().saturating_add(piece.len());
            if octets > max {
                return Err(too_large());
            }
            // Nobody has said how long it will be.
            if octets > SMALL_OCTETS && message.room.is_none() {
                message.make_room(worker, max)?;
            }
            message.octets.extend_from_slice(&piece);
        }
        Ok(())
    });
    let collected = collecting.await;
    collected.unwrap_or_else(|_| Err(cut(Cut::TimedOut)))?;
    Ok(message)
}

impl Collected {
    /// Has room for `octets` octets in all, before the first one that needs it is kept.
    fn make_room<K, D>(&mut self, worker: &Worker<K, D>, octets: usize) -> Result<(), Reply> {
        let room = worker.messages.take(octets);
        let busy = StatusCode::SERVICE_UNAVAILABLE;
        self.room = room.map_err(|NoRoom| Reply::refusal(UNKNOWN, busy, "message-limit"))?;
        // At once: whatever grows step by step has the old octets and the new ones at a time.
        self.octets
            .reserve_exact(octets.saturating_sub(self.octets.len()));
        Ok(())
    }
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
