//! What a Central Administration answers.

use std::borrow::Cow;
use std::mem::MaybeUninit;

use httparse::{ParserConfig, Response};
use portcullis_reports::Fields;
use portcullis_web_service::codec::{self, Answer};
use portcullis_web_service::message;

use super::calls::{Body, HEADERS_MAX, framing, header, version};
use super::framing::{Framing, Side};
use super::{Asked, Conversation, Newest, Teller, Told, pair};
use crate::protocols::content_deployment::vocabulary::{field, kind};

/// The responses of one connection.
pub(super) struct AnswerSide {
    conversation: Conversation,
    newest: Newest<Vec<u8>>,
    /// How many requests have a final response.
    answered: usize,
    code: u16,
    is_soap: bool,
    body: Body,
}

impl AnswerSide {
    pub(super) fn new(conversation: Conversation, newest: Newest<Vec<u8>>) -> Self {
        Self {
            conversation,
            newest,
            answered: 0,
            code: 0,
            is_soap: false,
            body: Body::default(),
        }
    }

    fn asked(&self) -> Option<Asked> {
        self.conversation.asked().get(self.answered).cloned()
    }
}

impl Side for AnswerSide {
    fn head(&mut self, head: &[u8]) -> Result<Framing, &'static str> {
        let mut headers = [MaybeUninit::uninit(); HEADERS_MAX];
        let mut response = Response::new(&mut []);
        let parser = ParserConfig::default();
        let whole = parser.parse_response_with_uninit_headers(&mut response, head, &mut headers);
        let whole = whole.map_err(|_| "response-head")?;
        let code = response.code.filter(|_| whole.is_complete());
        self.code = code.ok_or("response-head")?;
        let media = header(response.headers, "content-type").unwrap_or_default();
        let media = media.split(';').next().unwrap_or_default().trim();
        let soap = ["text/xml", "application/soap+xml"];
        self.is_soap = soap.iter().any(|known| media.eq_ignore_ascii_case(known));
        self.body = Body::default();
        let asked = self.conversation.asked();
        let is_head = asked.get(self.answered).is_some_and(|asked| asked.is_head);
        let is_bare = matches!(self.code, 100..=199 | 204 | 304) || is_head;
        Ok(match framing(response.headers)? {
            _ if is_bare => Framing::Length(0),
            Some(framing) => framing,
            None => Framing::UntilClose,
        })
    }

    fn body(&mut self, octets: &[u8]) {
        if self.is_soap {
            self.body.add(octets);
        }
    }
}

impl Teller for AnswerSide {
    fn told(&mut self) -> Told {
        let mut fields = Fields::from([pair(field::HTTP, self.code.to_string())]);
        if self.code < 200 {
            return (Cow::Borrowed(kind::HTTP_INTERIM), fields);
        }
        let asked = self.asked().unwrap_or_default();
        self.answered += 1;
        if !asked.kind.is_empty() {
            fields.extend([pair(field::ANSWERS, &*asked.kind)]);
        }
        fields.extend(asked.job.map(|job| pair(field::JOB, job)));
        let is_call = kind::answer_to(&asked.kind).is_some() || asked.kind == kind::UNREAD_CALL;
        let message = std::mem::take(&mut self.body).message();
        let message = message.filter(|octets| !octets.is_empty());
        let (true, true, Some(message)) = (is_call, self.is_soap, message) else {
            return (Cow::Borrowed(kind::HTTP_RESPONSE), fields);
        };
        let (kind, said) = self.newest.told(message, |message| read(message));
        fields.extend(said);
        (kind, fields)
    }
}

/// What an envelope says, whatever was asked.
fn read(message: &[u8]) -> Told {
    let Ok((soap, answer)) = codec::read_answer(message) else {
        return (Cow::Borrowed(kind::UNREAD_ANSWER), Fields::new());
    };
    let mut fields = Fields::from([pair(field::SOAP, version(soap))]);
    let kind = match answer {
        Answer::Response(response) => {
            fields.extend(said(&response));
            kind::answer(response.operation())
        }
        Answer::Fault(fault) => {
            fields.extend([pair(field::BLAME, fault.code)]);
            fields.extend(fault.rule.map(|rule| pair(field::VIOLATION, rule)));
            kind::FAULT
        }
    };
    (Cow::Borrowed(kind), fields)
}

fn said(response: &message::Response) -> Fields {
    let result = match response {
        message::Response::CreateJob(job) => {
            return Fields::from([pair(field::JOB, job.to_string())]);
        }
        message::Response::GetJobStatus(status) => {
            return Fields::from([
                pair(field::STATUS, status.status.name()),
                pair(field::IMPORTED, status.imported_object_count.to_string()),
            ]);
        }
        message::Response::GetRemoteAdminServerUrl(url) => url.clone(),
        message::Response::GetSiteCollectionNames(names) => names.join(" "),
        message::Response::GetVirtualServersInformation(servers) => {
            let urls = servers.iter().map(|server| server.url.as_str());
            urls.collect::<Vec<_>>().join(" ")
        }
        message::Response::RunJob
        | message::Response::CancelJob
        | message::Response::DeleteJob
        | message::Response::DeleteImportLogs => return Fields::new(),
    };
    Fields::from([pair(field::RESULT, result)])
}
