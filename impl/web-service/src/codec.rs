//! Octets to messages and back: SOAP envelopes, faults, the service description, the upload query.
//!
//! Both directions of both sides are here, because a deploying farm, an import farm and an outsider
//! who only listens need them all. `SPEC.md` beside this crate has the form of every message.
//!
//! # Example: a request, as its sender writes it and its receiver reads it
//! ```
//! use portcullis_web_service::codec::{Call, SoapVersion, read_request, write_request};
//! use portcullis_web_service::config::Compat;
//! use portcullis_web_service::message::{Guid, Request};
//!
//! let request = Request::RunJob { job: Guid::NIL };
//! let envelope = write_request(SoapVersion::V12, &request);
//! let content_type = Some(SoapVersion::V12.content_type());
//! let call = read_request(content_type, None, envelope.as_bytes(), Compat::Strict);
//! assert_eq!(call, Ok(Call { version: SoapVersion::V12, request }));
//! ```
//!
//! # Module map
//! - `contract`: every operation with its parameters and its result; `wire_type`: their types.
//! - `envelope`, `media_type`: what is around a message. `request`, `response`, `fault`: messages.
//! - `leniency`: where ASP.NET reads more than the schema says.
//! - `schema`, `wsdl`, `page`: what the service says of itself. `status_page`: what a user sees of
//!   deployments. `query`: the queries of an upload and of a status page.

mod contract;
mod envelope;
mod fault;
mod leniency;
mod media_type;
mod page;
mod query;
mod request;
mod response;
mod schema;
mod status_page;
mod wire_type;
mod wsdl;

use jiff::Timestamp;
use portcullis_xml::XmlError;

use crate::config::Compat;
use crate::deploying::DeploymentView;
use crate::message::{Fault, Request, Response, UploadTarget};

/// Which SOAP.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub enum SoapVersion {
    /// SOAP 1.1 over HTTP: `text/xml` and `SOAPAction`.
    V11,
    /// SOAP 1.2: `application/soap+xml` with `action`.
    V12,
}

/// A request that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The version of its envelope, in which it is answered.
    pub version: SoapVersion,
    /// What it asks.
    pub request: Request,
}

/// A request that was not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unread {
    /// The content type is none of SOAP's: 415 with an empty body.
    MediaType,
    /// Anything else: the fault, and the version in which it is written.
    Fault(SoapVersion, Fault),
}

/// Reads a request of at most 4 MiB, in UTF-8 or UTF-16, from the values of the fields
/// `Content-Type` and `SOAPAction` and the body. The envelope's namespace says the version; nothing
/// else does.
///
/// # Errors
/// See [`Unread`]. A fault is written in the version of the envelope or, where there is none, of
/// the content type.
pub fn read_request(
    content_type: Option<&str>,
    soap_action: Option<&str>,
    body: &[u8],
    compat: Compat,
) -> Result<Call, Unread> {
    request::read(content_type, soap_action, body, compat)
}

/// Writes a request as an envelope. What XML cannot say in a text is replaced by U+FFFD.
#[must_use]
pub fn write_request(version: SoapVersion, request: &Request) -> String {
    request::write(version, request)
}

/// Writes a response as an envelope. What XML cannot say in a text is replaced by U+FFFD.
#[must_use]
pub fn write_response(version: SoapVersion, response: &Response) -> String {
    response::write(version, response)
}

/// Writes a fault as an envelope.
#[must_use]
pub fn write_fault(version: SoapVersion, fault: &Fault) -> String {
    fault::write(version, fault)
}

/// The HTTP status of a fault: 400 for SOAP 1.2's Sender, else 500; as ASP.NET does always 500.
#[must_use]
pub fn fault_status(version: SoapVersion, fault: &Fault, compat: Compat) -> u16 {
    fault::status(version, fault, compat)
}

/// What a caller reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The answer.
    Response(Response),
    /// A fault, whoever wrote it.
    Fault(SeenFault),
}

/// A fault as its reader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenFault {
    /// The code without prefix, in the words of its version.
    pub code: String,
    /// The text.
    pub text: String,
    /// The rule by name, where the detail says it in our form.
    pub rule: Option<String>,
}

/// Reads an answer of at most 4 MiB. Prefixes, headers and what else SOAP leaves open make no
/// difference; of a job's status only the status itself is insisted upon (CD-11, CD-12), because
/// its other members are ours.
///
/// # Errors
/// When it is no envelope with a response of this service or a fault in it.
pub fn read_answer(body: &[u8]) -> Result<(SoapVersion, Answer), XmlError> {
    response::read(body)
}

/// The service description (WSDL 1.1) for the service at `address`.
#[must_use]
pub fn wsdl(address: &str) -> String {
    wsdl::describe(address)
}

/// The page that a browser gets at the service's address.
#[must_use]
pub fn service_page(address: &str) -> String {
    page::Page(address).to_string()
}

/// CD-53: the page with all deployments of a farm, as it was at `now`.
#[must_use]
pub fn deployment_list_page(views: &[DeploymentView], now: Timestamp) -> String {
    status_page::JobList { views, now }.to_string()
}

/// CD-53: the page with one of them.
#[must_use]
pub fn deployment_page(view: &DeploymentView, now: Timestamp) -> String {
    status_page::JobPage { view, now }.to_string()
}

/// Why a query cannot be used: 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryProblem {
    /// A parameter is missing.
    #[error("parameter {0} is missing")]
    Missing(&'static str),
    /// A parameter is there twice.
    #[error("parameter {0} is there more than once")]
    Repeated(&'static str),
    /// There is another parameter.
    #[error("there is a parameter that is not known")]
    Unknown,
    /// A value is wrong.
    #[error("parameter {0} has a value that it cannot have")]
    Invalid(&'static str),
}

/// Reads the query of an upload (CD-40, CD-42): values bare or in double quotes sent as `%22`.
///
/// # Errors
/// See [`QueryProblem`].
pub fn read_upload_query(query: &str) -> Result<UploadTarget, QueryProblem> {
    query::read(query)
}

/// Writes the query of an upload, percent-encoded, without quotes.
#[must_use]
pub fn write_upload_query(target: &UploadTarget) -> String {
    query::write(target)
}

/// Reads the query of a status page: the job's name.
///
/// # Errors
/// See [`QueryProblem`].
pub fn read_deployment_query(query: &str) -> Result<String, QueryProblem> {
    query::read_deployment(query)
}
