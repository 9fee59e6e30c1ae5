//! What callers say: calls of operations, uploads, and anything else that is HTTP.

use std::borrow::Cow;
use std::mem::MaybeUninit;

use httparse::{Header, Request};
use percent_encoding::percent_decode_str;
use portcullis_reports::Fields;
use portcullis_web_service::codec::{self, SoapVersion, Unread};
use portcullis_web_service::config::{Account, Compat};
use portcullis_web_service::message::{self, SERVICE_PATH, UPLOAD_PATH};
use xxhash_rust::xxh3::Xxh3;

use super::framing::{Framing, Side};
use super::{Asked, Conversation, MESSAGE_OCTETS_MAX, Newest, Teller, Told, digest, pair};
use crate::protocols::content_deployment::credentials;
use crate::protocols::content_deployment::vocabulary::{field, kind};

/// The most header fields of a head that is read.
pub(in super::super) const HEADERS_MAX: usize = 256;

/// The requests of one connection.
pub(super) struct CallSide {
    conversation: Conversation,
    newest: Newest<Call>,
    /// What the farm wants of its callers, if it asks who they are.
    account: Option<Account>,
    /// How many requests have begun.
    begun: usize,
    request: Option<Begun>,
}

/// A request whose head has come.
struct Begun {
    what: What,
    fields: Fields,
}

enum What {
    Call {
        content_type: Option<String>,
        action: Option<String>,
        body: Body,
    },
    Upload {
        hash: Box<Xxh3>,
        octets: u64,
    },
    Other,
}

/// A call, with what stands beside its envelope.
#[derive(PartialEq, Eq)]
pub(super) struct Call {
    content_type: Option<String>,
    action: Option<String>,
    message: Vec<u8>,
}

/// A SOAP message as far as it came.
#[derive(Default)]
pub(super) struct Body {
    octets: Vec<u8>,
    is_too_long: bool,
}

impl Body {
    pub(super) fn add(&mut self, octets: &[u8]) {
        self.is_too_long |= self.octets.len() + octets.len() > MESSAGE_OCTETS_MAX;
        if self.is_too_long {
            self.octets = Vec::new();
        } else {
            self.octets.extend_from_slice(octets);
        }
    }

    /// The message, if it was not too long.
    pub(super) fn message(self) -> Option<Vec<u8>> {
        (!self.is_too_long).then_some(self.octets)
    }
}

impl CallSide {
    pub(super) fn new(
        conversation: Conversation,
        newest: Newest<Call>,
        account: Option<Account>,
    ) -> Self {
        Self {
            conversation,
            newest,
            account,
            begun: 0,
            request: None,
        }
    }

    /// Puts down what is known of the request that has begun.
    fn note(&self, asked: Asked) {
        let mut requests = self.conversation.asked();
        requests.truncate(self.begun.saturating_sub(1));
        requests.push(asked);
    }
}

/// The value of the header field called `name`, which is in lower case.
pub(in super::super) fn header<'h>(headers: &'h [Header<'_>], name: &str) -> Option<&'h str> {
    let mut headers = headers.iter();
    let found = headers.find(|header| header.name.eq_ignore_ascii_case(name))?;
    std::str::from_utf8(found.value).ok().map(str::trim)
}

/// How the end of a body is known, if the head says so.
pub(in super::super) fn framing(headers: &[Header<'_>]) -> Result<Option<Framing>, &'static str> {
    let coding = header(headers, "transfer-encoding");
    if coding.is_some_and(|coding| coding.to_ascii_lowercase().ends_with("chunked")) {
        return Ok(Some(Framing::Chunked));
    }
    let length = header(headers, "content-length");
    let length = length.map(|length| length.parse().map_err(|_| "content-length"));
    length.transpose().map(|length| length.map(Framing::Length))
}

impl Side for CallSide {
    fn head(&mut self, head: &[u8]) -> Result<Framing, &'static str> {
        let mut headers = [MaybeUninit::uninit(); HEADERS_MAX];
        let mut request = Request::new(&mut []);
        let whole = request.parse_with_uninit_headers(head, &mut headers);
        let whole = whole.map_err(|_| "request-head")?;
        if whole.is_partial() {
            return Err("request-head");
        }
        let (method, target) = (
            request.method.unwrap_or_default(),
            request.path.unwrap_or_default(),
        );
        let mut begun = Begun::of(method, target, request.headers);
        if let Some(account) = &self.account {
            let shown = header(request.headers, "authorization");
            let is_authentic = shown == Some(&*credentials::basic(account));
            let (name, value) = pair(field::AUTHENTIC, is_authentic.to_string());
            begun.fields.insert(name, value);
        }
        self.begun += 1;
        self.note(Asked {
            kind: Cow::Borrowed(begun.kind()),
            job: begun.fields.get(field::JOB).cloned(),
            is_head: method == "HEAD",
        });
        self.request = Some(begun);
        Ok(framing(request.headers)?.unwrap_or(Framing::Length(0)))
    }

    fn body(&mut self, octets: &[u8]) {
        match self.request.as_mut().map(|begun| &mut begun.what) {
            Some(What::Call { body, .. }) => body.add(octets),
            Some(What::Upload {
                hash,
                octets: count,
            }) => {
                hash.update(octets);
                *count += u64::try_from(octets.len()).unwrap_or(0);
            }
            Some(What::Other) | None => {}
        }
    }
}

impl Teller for CallSide {
    fn told(&mut self) -> Told {
        let Some(begun) = self.request.take() else {
            return (Cow::Borrowed(kind::HTTP_REQUEST), Fields::new());
        };
        let (kind, fields) = begun.told(&self.newest);
        self.note(Asked {
            kind: kind.clone(),
            job: fields.get(field::JOB).cloned(),
            is_head: fields
                .get(field::METHOD)
                .is_some_and(|method| method == "HEAD"),
        });
        (kind, fields)
    }
}

impl Begun {
    fn of(method: &str, target: &str, headers: &[Header<'_>]) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let text = |name| header(headers, name).map(str::to_owned);
        // CD-42: paths match without regard to case.
        let is = |known: &str| letters(path).eq(letters(known));
        match method {
            "POST" if is(SERVICE_PATH) => Self {
                what: What::Call {
                    content_type: text("content-type"),
                    action: text("soapaction"),
                    body: Body::default(),
                },
                fields: Fields::new(),
            },
            "POST" if is(UPLOAD_PATH) => Self {
                what: What::Upload {
                    hash: Box::default(),
                    octets: 0,
                },
                fields: addressed(query),
            },
            _ => Self {
                what: What::Other,
                fields: Fields::from([pair(field::METHOD, method), pair(field::TARGET, target)]),
            },
        }
    }

    /// The kind as far as the head tells it.
    const fn kind(&self) -> &'static str {
        match self.what {
            What::Call { .. } => kind::UNREAD_CALL,
            What::Upload { .. } => kind::UPLOAD,
            What::Other => kind::HTTP_REQUEST,
        }
    }

    fn told(self, newest: &Newest<Call>) -> Told {
        let kind = Cow::Borrowed(self.kind());
        let mut fields = self.fields;
        match self.what {
            What::Other => (kind, fields),
            What::Upload { hash, octets } => {
                fields.extend([
                    pair(field::SIZE, octets.to_string()),
                    pair(field::DIGEST, digest(&hash)),
                ]);
                (kind, fields)
            }
            What::Call {
                content_type,
                action,
                body,
            } => {
                let Some(message) = body.message() else {
                    fields.extend([pair(field::PROBLEM, "too-long")]);
                    return (kind, fields);
                };
                let call = Call {
                    content_type,
                    action,
                    message,
                };
                let (kind, said) = newest.told(call, Call::read);
                fields.extend(said);
                (kind, fields)
            }
        }
    }
}

impl Call {
    /// What the call says, whoever is asked.
    fn read(&self) -> Told {
        let (content_type, action) = (self.content_type.as_deref(), self.action.as_deref());
        match codec::read_request(content_type, action, &self.message, Compat::Strict) {
            Ok(call) => {
                let mut fields = said(&call.request);
                fields.extend([pair(field::SOAP, version(call.version))]);
                (Cow::Borrowed(kind::call(call.request.operation())), fields)
            }
            Err(unread) => (Cow::Borrowed(kind::UNREAD_CALL), why(&unread)),
        }
    }
}

/// A path without percent-encoding, in lower case.
fn letters(path: &str) -> impl Iterator<Item = u8> {
    percent_decode_str(path).map(|octet| octet.to_ascii_lowercase())
}

/// What the query of an upload says.
fn addressed(query: &str) -> Fields {
    match codec::read_upload_query(query) {
        Ok(target) => Fields::from([
            pair(field::FILE, target.file.as_str()),
            pair(field::JOB, target.job.to_string()),
        ]),
        Err(problem) => Fields::from([pair(field::PROBLEM, problem.to_string())]),
    }
}

/// A version of SOAP in a history.
pub(super) const fn version(version: SoapVersion) -> &'static str {
    match version {
        SoapVersion::V11 => "1.1",
        SoapVersion::V12 => "1.2",
    }
}

fn said(request: &message::Request) -> Fields {
    let mut fields = Fields::new();
    fields.extend(request.job().map(|job| pair(field::JOB, job.to_string())));
    match request {
        message::Request::CreateJob(job) => fields.extend([
            pair(field::DESCRIPTION, &*job.description),
            pair(field::SOURCE_JOB, job.source_id.to_string()),
        ]),
        message::Request::DeleteImportLogs { source_job } => {
            fields.extend([pair(field::SOURCE_JOB, source_job.to_string())]);
        }
        message::Request::GetVirtualServersInformation
        | message::Request::GetSiteCollectionNames { .. }
        | message::Request::GetRemoteAdminServerUrl { .. }
        | message::Request::RunJob { .. }
        | message::Request::GetJobStatus { .. }
        | message::Request::CancelJob { .. }
        | message::Request::DeleteJob { .. } => {}
    }
    fields
}

fn why(unread: &Unread) -> Fields {
    match unread {
        Unread::MediaType => Fields::from([pair(field::PROBLEM, "media-type")]),
        Unread::Fault(soap, fault) => Fields::from([
            pair(field::SOAP, version(*soap)),
            pair(field::VIOLATION, fault.violation.name()),
        ]),
    }
}
