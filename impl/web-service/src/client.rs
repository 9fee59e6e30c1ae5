//! The other side: what a deploying farm says to an import farm, over a new connection each time.

mod address;
mod exchange;
mod parcel;

use std::io;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderValue};
use hyper::http::request::Builder;
use hyper::{Method, StatusCode};
use portcullis_net::{HandshakeError, Host, Net};
use tokio::io::AsyncRead;

use crate::codec::{self, Answer, SeenFault, SoapVersion};
use crate::config::Account;
use crate::excerpt::excerpt;
use crate::message::{Request, Response, SERVICE_PATH, UPLOAD_PATH, UploadTarget, Violation};

pub use address::{FarmAddress, FarmAddressProblem, Scheme};
use exchange::Broken;

/// How a client speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Which SOAP. Default 1.1, the product's.
    pub version: SoapVersion,
    /// Who is calling, where the farm wants to know by name and password. Default: nobody.
    pub account: Option<Account>,
    /// How long a connection may take to come about. Default 30 s; ours.
    pub connect: Duration,
    /// How long an answer may take, and how long an upload may stand still. Default 100 s, as the
    /// product's proxies have it.
    pub answer: Duration,
    /// Whether an upload asks before it sends its body, and how long it then waits to be told to go
    /// on. Default 1 s.
    pub expect_continue: Option<Duration>,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            version: SoapVersion::V11,
            account: None,
            connect: Duration::from_secs(30),
            answer: Duration::from_secs(100),
            expect_continue: Some(Duration::from_secs(1)),
        }
    }
}

/// Why a call has no answer. After [`CallError::TimedOut`] and [`CallError::Cut`] it is not known
/// whether it took effect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// There was no connection.
    #[error("cannot connect: {0}")]
    Connect(io::ErrorKind),
    /// There was one, and no secure one over it.
    #[error("cannot connect: {0}")]
    Handshake(HandshakeError),
    /// The answer took too long.
    #[error("no answer in time")]
    TimedOut,
    /// The connection ended before the answer did.
    #[error("the connection ended before the answer did")]
    Cut,
    /// There is a status and no envelope.
    #[error("answered with status {0}")]
    Status(u16),
    /// The answer is not one to what was asked.
    #[error("the answer cannot be read")]
    Malformed,
    /// The answer is a fault.
    #[error("answered with a fault: {}", .0.text)]
    Fault(SeenFault),
}

impl CallError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Connect(_) | Self::Handshake(_) | Self::TimedOut | Self::Cut => true,
            Self::Fault(_) => self.names(&Violation::Unavailable),
            Self::Status(status) => status_may_pass(*status),
            Self::Malformed => false,
        }
    }

    /// Whether the answer is a fault that names the rule of `violation`.
    pub(crate) fn names(&self, violation: &Violation) -> bool {
        matches!(self, Self::Fault(fault) if fault.rule.as_deref() == Some(violation.name()))
    }

    /// Whether the call may have taken effect although it has no answer.
    #[must_use]
    pub const fn is_doubtful(&self) -> bool {
        match self {
            Self::TimedOut | Self::Cut => true,
            Self::Connect(_)
            | Self::Handshake(_)
            | Self::Status(_)
            | Self::Malformed
            | Self::Fault(_) => false,
        }
    }

    /// The rule that a fault names or else the first line of its text, a status code, or what
    /// happened in words: one line, and not a long one.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            // ASP.NET writes its stack behind the first line.
            Self::Fault(fault) => match (&fault.rule, fault.text.trim().lines().next()) {
                (Some(rule), _) => excerpt(rule),
                (None, Some(line)) => excerpt(line),
                (None, None) => "answered with a fault that says nothing".to_owned(),
            },
            Self::Status(status) => status.to_string(),
            Self::Connect(_)
            | Self::Handshake(_)
            | Self::TimedOut
            | Self::Cut
            | Self::Malformed => self.to_string(),
        }
    }
}

/// Why an upload did not succeed. It may be repeated: a file that is there already is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UploadError {
    /// There was no connection.
    #[error("cannot connect: {0}")]
    Connect(io::ErrorKind),
    /// There was one, and no secure one over it.
    #[error("cannot connect: {0}")]
    Handshake(HandshakeError),
    /// The upload stood still, or the answer took too long.
    #[error("no answer in time")]
    TimedOut,
    /// The connection ended before the answer did.
    #[error("the connection ended before the answer did")]
    Cut,
    /// The file was not taken. 404 may also mean that it is too large (CD-45).
    #[error("answered with status {0}")]
    Status(u16),
    /// The answer is no HTTP.
    #[error("the answer cannot be read")]
    Malformed,
    /// The file cannot be read, or is shorter than it was said to be.
    #[error("the file to send cannot be read")]
    Source,
}

impl UploadError {
    /// Whether the same upload may succeed later.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Connect(_)
            | Self::Handshake(_)
            | Self::TimedOut
            | Self::Cut
            | Self::Malformed => true,
            // CD-45: any other status is final.
            Self::Status(status) => status_may_pass(*status),
            Self::Source => false,
        }
    }

    /// A status code, or what happened in words.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::Status(status) => status.to_string(),
            Self::Connect(_)
            | Self::Handshake(_)
            | Self::TimedOut
            | Self::Cut
            | Self::Malformed
            | Self::Source => self.to_string(),
        }
    }
}

/// Whether a status speaks of the moment: the farm is in trouble, or the network stood still for so
/// long that it gave the request up before it had all of it.
fn status_may_pass(status: u16) -> bool {
    let passing = [StatusCode::REQUEST_TIMEOUT, StatusCode::SERVICE_UNAVAILABLE];
    passing.iter().any(|passing| passing.as_u16() == status)
}

/// A reason as people read it: one that is a bare status, with what that says.
pub(crate) fn reason_in_words(reason: &str) -> String {
    let meaning = match reason {
        "401" => "not authenticated",
        "403" => "forbidden",
        // CD-45
        "404" => "nothing is there, or the file is too large",
        "503" => "not available",
        "507" => "the disk is full",
        _ => return reason.to_owned(),
    };
    format!("{reason} ({meaning})")
}

/// Calls one import farm.
#[derive(Clone, Debug)]
pub struct FarmClient<N> {
    host: Host<N>,
    address: FarmAddress,
    terms: Terms,
}

impl<N: Net> FarmClient<N> {
    /// A client on `host` of the farm at `address`. For `https` the host's network has to be one
    /// that speaks TLS to it, and the farm's certificate has to have the address's host among its
    /// DNS names; wildcards and numbers do not count.
    pub const fn new(host: Host<N>, address: FarmAddress, terms: Terms) -> Self {
        Self {
            host,
            address,
            terms,
        }
    }

    /// Asks and waits for the answer.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn call(&self, request: &Request) -> Result<Response, CallError> {
        let envelope = codec::write_request(self.terms.version, request);
        let action = request.operation().soap_action();
        let head = self.post(SERVICE_PATH);
        let head = match self.terms.version {
            // CD-7
            SoapVersion::V11 => head
                .header(header::CONTENT_TYPE, "text/xml; charset=utf-8")
                .header("SOAPAction", format!("\"{action}\"")),
            SoapVersion::V12 => {
                let media_type =
                    format!("application/soap+xml; charset=utf-8; action=\"{action}\"");
                head.header(header::CONTENT_TYPE, media_type)
            }
        };
        let body = Full::new(Bytes::from(envelope));
        let message = head.body(body).map_err(|_| CallError::Malformed)?;
        let stream = exchange::connect(&self.host.net, &self.address, self.terms.connect);
        let stream = stream.await?;
        let answer = exchange::ask(stream, message, self.terms.answer);
        let (status, octets) = answer.await?;
        understand(request, status, &octets)
    }

    /// Sends a file of `octets` octets that `source` has, and returns when the farm has it safe
    /// (CD-39 to CD-41).
    ///
    /// # Errors
    /// See [`UploadError`].
    pub async fn upload(
        &self,
        target: &UploadTarget,
        octets: u64,
        source: impl AsyncRead + Send + Unpin,
    ) -> Result<(), UploadError> {
        // CD-42: percent-encoded, always.
        let query = codec::write_upload_query(target);
        let head = self.post(&format!("{UPLOAD_PATH}?{query}"));
        let mut head = head
            .header(header::CONTENT_TYPE, "application/octet-stream")
            .header(header::CONTENT_LENGTH, octets);
        if self.terms.expect_continue.is_some() {
            head = head.header(header::EXPECT, "100-continue");
        }
        let stream = exchange::connect(&self.host.net, &self.address, self.terms.connect);
        let stream = stream.await?;
        match exchange::send(stream, head, (octets, source), &self.terms).await? {
            StatusCode::OK => Ok(()),
            other => Err(UploadError::Status(other.as_u16())),
        }
    }

    /// The head of a request that has its connection to itself.
    fn post(&self, target: &str) -> Builder {
        let head = hyper::Request::builder()
            .method(Method::POST)
            .uri(target)
            .header(header::HOST, self.address.authority())
            .header(header::CONNECTION, "close");
        let Some(account) = &self.terms.account else {
            return head;
        };
        let credentials = STANDARD.encode(format!("{}:{}", account.name, account.password));
        let field = HeaderValue::try_from(format!("Basic {credentials}"));
        match field {
            Ok(mut field) => {
                field.set_sensitive(true);
                head.header(header::AUTHORIZATION, field)
            }
            // Base64 is always a field.
            Err(_) => head,
        }
    }
}

/// What an answer says.
fn understand(request: &Request, status: StatusCode, octets: &[u8]) -> Result<Response, CallError> {
    match codec::read_answer(octets) {
        Ok((_, Answer::Fault(fault))) => Err(CallError::Fault(fault)),
        Ok((_, Answer::Response(response)))
            if status == StatusCode::OK && response.operation() == request.operation() =>
        {
            Ok(response)
        }
        Ok(_) => Err(CallError::Malformed),
        Err(_) if status == StatusCode::OK => Err(CallError::Malformed),
        Err(_) => Err(CallError::Status(status.as_u16())),
    }
}

impl From<Broken> for CallError {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Unconnected(kind) => Self::Connect(kind),
            Broken::Handshake(why) => Self::Handshake(why),
            Broken::TimedOut => Self::TimedOut,
            Broken::Cut => Self::Cut,
            Broken::Malformed => Self::Malformed,
        }
    }
}

impl From<Broken> for UploadError {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Unconnected(kind) => Self::Connect(kind),
            Broken::Handshake(why) => Self::Handshake(why),
            Broken::TimedOut => Self::TimedOut,
            Broken::Cut => Self::Cut,
            Broken::Malformed => Self::Malformed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_was_given_up_half_way_may_be_repeated_and_one_that_was_refused_not() {
        for (status, may_pass) in [(408, true), (503, true), (404, false), (500, false)] {
            assert_eq!(CallError::Status(status).may_pass(), may_pass, "{status}");
            assert_eq!(UploadError::Status(status).may_pass(), may_pass, "{status}");
            assert!(!CallError::Status(status).is_doubtful(), "{status}");
        }
    }

    #[test]
    fn a_reason_that_is_a_bare_status_is_read_with_its_meaning() {
        for (reason, words) in [
            (CallError::Status(401).reason(), "401 (not authenticated)"),
            (CallError::Status(403).reason(), "403 (forbidden)"),
            (UploadError::Status(507).reason(), "507 (the disk is full)"),
            (UploadError::Status(418).reason(), "418"),
            (CallError::TimedOut.reason(), "no answer in time"),
        ] {
            assert_eq!(reason_in_words(&reason), words);
        }
    }

    #[test]
    fn the_reason_of_a_foreign_fault_is_the_first_line_of_its_text() {
        let reason = |rule: Option<&str>, text: &str| {
            let rule = rule.map(str::to_owned);
            let fault = SeenFault {
                code: "Server".to_owned(),
                text: text.to_owned(),
                rule,
            };
            CallError::Fault(fault).reason()
        };
        assert_eq!(reason(None, "\nbroken\n  at Service.RunJob()"), "broken");
        assert_eq!(
            reason(None, " \n"),
            "answered with a fault that says nothing"
        );
        assert_eq!(reason(Some("unavailable"), "broken"), "unavailable");
        let long = "x".repeat(200_000);
        assert!(reason(None, &long).len() < 5000);
    }
}
