//! One request and its answer.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderName};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode, Version};
use portcullis_net::WallClock;
use tokio::sync::Semaphore;

use super::gate::{Gate, Verdict, Visitor};
use super::inlet::Inlet;
use super::reply::{Closes, Reply};
use super::room::MessageRoom;
use super::route::{Place, is_legal, reached_at, wants_description};
use super::{soap, status, upload};
use crate::codec;
use crate::config::Config;
use crate::desk::Desk;
use crate::message::SERVICE_PATH;
use crate::observe::{FarmEvent, Observer};
use crate::work::Depot;

/// What all exchanges share.
#[derive(Debug)]
pub(super) struct Worker<K, D> {
    pub(super) desk: K,
    pub(super) depot: D,
    pub(super) config: Arc<Config>,
    pub(super) observer: Observer,
    pub(super) gate: Gate,
    pub(super) wall: WallClock,
    /// One permit for each upload that may be under way.
    pub(super) uploads: Arc<Semaphore>,
    pub(super) messages: MessageRoom,
}

impl<K: Desk, D: Depot> Worker<K, D> {
    /// Answers a request and announces that it did.
    pub(super) async fn exchange(
        &self,
        visitor: Visitor,
        request: Request<Incoming>,
    ) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let mut body = Inlet::new(body);
        if !is_wellformed(&head) {
            self.observer.announce(&FarmEvent::BadRequest);
            let refusal = Reply::empty("", StatusCode::BAD_REQUEST);
            return refusal.into_http(self.wall.now(), Closes::Yes);
        }
        let reply = self.answer(visitor, &head, &mut body).await;
        self.observer.announce(&reply.event());
        // A body that nobody reads would be taken for the next request.
        let closes = if body.is_read() {
            Closes::No
        } else {
            Closes::Yes
        };
        reply.into_http(self.wall.now(), closes)
    }

    async fn answer(&self, visitor: Visitor, head: &Parts, body: &mut Inlet) -> Reply {
        let place = Place::at(head.uri.path());
        let what = match place {
            Place::Service => "service",
            Place::Upload => "upload",
            Place::Deployments | Place::Deployment => status::PAGE,
            Place::Nowhere => return Reply::empty("nowhere", StatusCode::NOT_FOUND),
        };
        // Before anything else is looked at, and before a body is read.
        if let Some(refusal) = self.stop_at_gate(what, visitor, head) {
            return refusal;
        }
        match (place, &head.method) {
            (Place::Service, &Method::POST) => soap::answer(self, visitor, head, body).await,
            (Place::Service, &Method::GET | &Method::HEAD) => self.describe(visitor, head),
            (Place::Upload, &Method::POST) => upload::take(self, visitor, head, body).await,
            (Place::Deployments, &Method::GET | &Method::HEAD) => status::list(self).await,
            (Place::Deployment, &Method::GET | &Method::HEAD) => {
                status::show(self, head.uri.query().unwrap_or_default()).await
            }
            _ => Reply {
                allow: Some(place.allow()),
                ..Reply::refusal(what, StatusCode::METHOD_NOT_ALLOWED, "method")
            },
        }
    }

    /// Who may not come in is told so.
    fn stop_at_gate(&self, what: &'static str, visitor: Visitor, head: &Parts) -> Option<Reply> {
        let field = head.headers.get(header::AUTHORIZATION);
        let field = field.map(header::HeaderValue::as_bytes);
        let status = match self.gate.verdict(visitor, field) {
            Verdict::Known => return None,
            Verdict::Unknown => StatusCode::UNAUTHORIZED,
            Verdict::NoCertificate => StatusCode::FORBIDDEN,
        };
        Some(Reply::refusal(what, status, "not-authenticated"))
    }

    /// The service description, or the page for a browser (CD-4).
    fn describe(&self, visitor: Visitor, head: &Parts) -> Reply {
        let host = text(&head.headers, &header::HOST).unwrap_or_default();
        let address = reached_at(host, visitor.scheme())
            .unwrap_or_else(|| format!("{}{SERVICE_PATH}", self.config.administration_url));
        if wants_description(head.uri.query()) {
            let description = codec::wsdl(&address);
            return Reply::empty("service-description", StatusCode::OK)
                .with("text/xml; charset=utf-8", description);
        }
        let page = codec::service_page(&address);
        Reply::empty("service-page", StatusCode::OK).with("text/html; charset=utf-8", page)
    }
}

/// Whether a head is one that HTTP allows, as far as the parser below has not looked.
fn is_wellformed(head: &Parts) -> bool {
    let target = head.uri.path_and_query();
    // CD-42: the parser lets a raw quote pass.
    let target_is_legal = target.is_none_or(|target| is_legal(target.as_str()));
    // RFC 9112, 3.2: one host in a request of HTTP/1.1, and never two.
    let hosts = head.headers.get_all(header::HOST).iter().count();
    let host_is_there = hosts == 1 || (hosts == 0 && head.version < Version::HTTP_11);
    // What is coded twice would be taken for what was sent (RFC 9112, 6.1).
    let codings = head.headers.get_all(header::TRANSFER_ENCODING).iter();
    let codings: Vec<_> = codings.map(header::HeaderValue::as_bytes).collect();
    let is_decoded = match codings.as_slice() {
        [] => true,
        [coding] => coding.eq_ignore_ascii_case(b"chunked"),
        _ => false,
    };
    target_is_legal && host_is_there && is_decoded
}

/// A field that is there once and is text.
pub(super) fn text<'a>(fields: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    fields.get(name).and_then(|value| value.to_str().ok())
}

/// Whether a body is sent as it is, and not compressed.
pub(super) fn is_plain(fields: &HeaderMap) -> bool {
    let encoding = text(fields, &header::CONTENT_ENCODING).unwrap_or("identity");
    !fields.contains_key(header::CONTENT_ENCODING) || encoding.eq_ignore_ascii_case("identity")
}
