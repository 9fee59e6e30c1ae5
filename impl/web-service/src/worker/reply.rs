//! What is answered, before HTTP writes it.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderValue};
use hyper::{Response, StatusCode};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;

use crate::observe::FarmEvent;

/// When a client may try again that met a limit.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// What a browser or a client is asked for when it has not said who it is.
const CHALLENGE: &str = r#"Basic realm="Central Administration", charset="UTF-8""#;

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    /// What was asked for, for the observer.
    pub(super) what: &'static str,
    pub(super) status: StatusCode,
    /// The rule that was broken, if one was.
    pub(super) violation: Option<&'static str>,
    pub(super) media_type: Option<&'static str>,
    pub(super) body: Cow<'static, str>,
    /// Methods, where another one was used.
    pub(super) allow: Option<&'static str>,
}

impl Reply {
    /// An answer without a body.
    pub(super) const fn empty(what: &'static str, status: StatusCode) -> Self {
        Self {
            what,
            status,
            violation: None,
            media_type: None,
            body: Cow::Borrowed(""),
            allow: None,
        }
    }

    /// A refusal, as a status alone.
    pub(super) const fn refusal(
        what: &'static str,
        status: StatusCode,
        violation: &'static str,
    ) -> Self {
        let mut reply = Self::empty(what, status);
        reply.violation = Some(violation);
        reply
    }

    /// The same with a body.
    pub(super) fn with(self, media_type: &'static str, body: impl Into<Cow<'static, str>>) -> Self {
        Self {
            media_type: Some(media_type),
            body: body.into(),
            ..self
        }
    }

    /// The same with a line of text that says why.
    pub(super) fn because(self, why: &impl std::fmt::Display) -> Self {
        self.with("text/plain; charset=utf-8", format!("{why}\n"))
    }

    /// What the observer is told.
    pub(super) const fn event(&self) -> FarmEvent {
        FarmEvent::Answered {
            what: self.what,
            status: self.status.as_u16(),
            violation: self.violation,
        }
    }

    /// The answer as HTTP has it; `closes` says whether the connection ends with it.
    pub(super) fn into_http(self, now: Timestamp, closes: Closes) -> Response<Full<Bytes>> {
        let body = match self.body {
            Cow::Borrowed(text) => Bytes::from_static(text.as_bytes()),
            Cow::Owned(text) => Bytes::from(text),
        };
        let mut response = Response::new(Full::new(body));
        *response.status_mut() = self.status;
        let fields = response.headers_mut();
        if let Ok(date) = DateTimePrinter::new().timestamp_to_rfc9110_string(&now)
            && let Ok(date) = HeaderValue::try_from(date)
        {
            fields.insert(header::DATE, date);
        }
        if let Some(media_type) = self.media_type {
            fields.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
            let nobody_keeps_it = HeaderValue::from_static("private, max-age=0");
            fields.insert(header::CACHE_CONTROL, nobody_keeps_it);
        }
        if let Some(allow) = self.allow {
            fields.insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            fields.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static(CHALLENGE),
            );
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            fields.insert(header::RETRY_AFTER, RETRY_AFTER.as_secs().into());
        }
        if closes == Closes::Yes {
            fields.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// Whether a connection ends with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closes {
    /// It does.
    Yes,
    /// Only if the client wants it to.
    No,
}
