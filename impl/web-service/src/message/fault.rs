//! What is answered instead of a response.

use std::fmt;

use portcullis_xml::XmlError;

/// Whose fault it is, in the words of SOAP 1.1; SOAP 1.2 calls the first two `Sender` and
/// `Receiver`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultCode {
    /// The request was wrong, or asked for something that cannot be.
    Client,
    /// The farm cannot answer now.
    Server,
    /// The root is no envelope of a version that is known.
    VersionMismatch,
    /// A header block that must be understood is not.
    MustUnderstand,
}

/// A fault: one violated rule, or the farm's own trouble.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The rule.
    pub violation: Violation,
}

impl Fault {
    /// The fault that answers `violation`.
    #[must_use]
    pub const fn new(violation: Violation) -> Self {
        Self { violation }
    }

    /// Whose fault it is.
    #[must_use]
    pub const fn code(&self) -> FaultCode {
        match self.violation {
            Violation::NotAnEnvelope => FaultCode::VersionMismatch,
            Violation::HeaderNotUnderstood(_) => FaultCode::MustUnderstand,
            Violation::Unavailable => FaultCode::Server,
            Violation::ActionMismatch
            | Violation::BodyEmpty
            | Violation::DecompressionBegun
            | Violation::EnvelopeMalformed
            | Violation::IncomingJobsRefused
            | Violation::InsecureConnection
            | Violation::JobBusy
            | Violation::JobRunAlready
            | Violation::NotXml(_)
            | Violation::OperationUnknown
            | Violation::ParameterInvalid(_)
            | Violation::ParameterMissing(_)
            | Violation::ParameterMisplaced(_)
            | Violation::ParameterRepeated(_)
            | Violation::ParameterUnknown(_)
            | Violation::ParameterNamespace(_)
            | Violation::SiteCollectionUnknown
            | Violation::TextAmongParameters
            | Violation::UnknownJob
            | Violation::VirtualServerUnknown => FaultCode::Client,
        }
    }
}

impl From<Violation> for Fault {
    fn from(violation: Violation) -> Self {
        Self::new(violation)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.violation.fmt(f)
    }
}

/// Every rule whose violation is answered with a fault. The text is the fault's text: it names
/// parameters of the schema and repeats nothing of what was sent, except the name of a parameter
/// that the schema does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// `SOAPAction` or the parameter `action` names another operation than the body, or none.
    #[error("the action does not name the operation of the body")]
    ActionMismatch,
    /// The body has no element, or more than one.
    #[error("the body must have one element, the operation")]
    BodyEmpty,
    /// Too late: the decompression has begun (CD-29). Only where the farm is set to say so.
    #[error("the job cannot be cancelled any more: its decompression has begun")]
    DecompressionBegun,
    /// The envelope has other parts than a header and a body, in that order.
    #[error("the envelope is not as SOAP has it")]
    EnvelopeMalformed,
    /// A header block with mustUnderstand is not understood: no header is.
    #[error("a header that must be understood is not")]
    HeaderNotUnderstood(HeaderName),
    /// The farm is set to take no incoming jobs (CD-3, CD-19).
    #[error("this farm does not accept incoming content deployment jobs")]
    IncomingJobsRefused,
    /// The farm is set to want a secure connection.
    #[error("this farm wants a secure connection for content deployment")]
    InsecureConnection,
    /// The job is being imported or cancelled, so it cannot be deleted.
    #[error("the job is running")]
    JobBusy,
    /// The job has been started before, or it was cancelled.
    #[error("the job has been run or cancelled before")]
    JobRunAlready,
    /// The root element is no envelope.
    #[error("the message is no SOAP envelope of version 1.1 or 1.2")]
    NotAnEnvelope,
    /// The message is not XML as SOAP allows it.
    #[error("the message cannot be read: {0}")]
    NotXml(#[source] XmlError),
    /// The body's element is no operation of the service.
    #[error("the body's element is no operation of this service")]
    OperationUnknown,
    /// A parameter has a value that its type does not have.
    #[error("parameter {0} has a value that its type does not have")]
    ParameterInvalid(&'static str),
    /// A parameter is missing.
    #[error("parameter {0} is missing")]
    ParameterMissing(&'static str),
    /// A parameter stands elsewhere than in its place.
    #[error("parameter {0} is not in its place")]
    ParameterMisplaced(&'static str),
    /// A parameter is in another namespace than the service's.
    #[error("parameter {0} is not in the namespace of the service")]
    ParameterNamespace(&'static str),
    /// A parameter is there twice.
    #[error("parameter {0} is there more than once")]
    ParameterRepeated(&'static str),
    /// There is a parameter that the operation does not have.
    #[error("the operation has no parameter {0}")]
    ParameterUnknown(UnknownName),
    /// The site collection to import into is not there.
    #[error("there is no such site collection")]
    SiteCollectionUnknown,
    /// There is text among the parameters.
    #[error("there is text among the parameters")]
    TextAmongParameters,
    /// The farm's databases cannot be reached.
    #[error("the farm cannot answer at present")]
    Unavailable,
    /// There is no import job of that name.
    #[error("there is no such import job")]
    UnknownJob,
    /// The web application is not there.
    #[error("there is no such web application")]
    VirtualServerUnknown,
}

/// The name of a header block, which SOAP 1.2 wants to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderName {
    /// Its namespace; empty for none.
    pub namespace: String,
    /// Its name in there.
    pub name: String,
}

/// How many letters of the name of an unknown parameter a fault repeats.
const UNKNOWN_NAME_LETTERS_MAX: usize = 64;

/// The name of a parameter that the schema does not have, cut to 64 letters. A name of XML, so
/// there is no markup in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownName(String);

impl UnknownName {
    /// The beginning of `name`.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.chars().take(UNKNOWN_NAME_LETTERS_MAX).collect())
    }

    /// The name.
    #[must_use]
    pub const fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Violation {
    /// A stable word for the rule, in kebab case: for histories and for the fault's detail.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ActionMismatch => "action-mismatch",
            Self::BodyEmpty => "body-empty",
            Self::DecompressionBegun => "decompression-begun",
            Self::EnvelopeMalformed => "envelope-malformed",
            Self::HeaderNotUnderstood(_) => "header-not-understood",
            Self::IncomingJobsRefused => "incoming-jobs-refused",
            Self::InsecureConnection => "insecure-connection",
            Self::JobBusy => "job-busy",
            Self::JobRunAlready => "job-run-already",
            Self::NotAnEnvelope => "not-an-envelope",
            Self::NotXml(_) => "not-xml",
            Self::OperationUnknown => "operation-unknown",
            Self::ParameterInvalid(_) => "parameter-invalid",
            Self::ParameterMissing(_) => "parameter-missing",
            Self::ParameterMisplaced(_) => "parameter-misplaced",
            Self::ParameterNamespace(_) => "parameter-namespace",
            Self::ParameterRepeated(_) => "parameter-repeated",
            Self::ParameterUnknown(_) => "parameter-unknown",
            Self::SiteCollectionUnknown => "site-collection-unknown",
            Self::TextAmongParameters => "text-among-parameters",
            Self::Unavailable => "unavailable",
            Self::UnknownJob => "unknown-job",
            Self::VirtualServerUnknown => "virtual-server-unknown",
        }
    }

    /// The parameter that it speaks of, if it speaks of one.
    #[must_use]
    pub const fn parameter(&self) -> Option<&str> {
        match self {
            Self::ParameterUnknown(name) => Some(name.as_str()),
            Self::ParameterInvalid(name)
            | Self::ParameterMissing(name)
            | Self::ParameterMisplaced(name)
            | Self::ParameterNamespace(name)
            | Self::ParameterRepeated(name) => Some(name),
            Self::ActionMismatch
            | Self::BodyEmpty
            | Self::DecompressionBegun
            | Self::EnvelopeMalformed
            | Self::HeaderNotUnderstood(_)
            | Self::IncomingJobsRefused
            | Self::InsecureConnection
            | Self::JobBusy
            | Self::JobRunAlready
            | Self::NotAnEnvelope
            | Self::NotXml(_)
            | Self::OperationUnknown
            | Self::SiteCollectionUnknown
            | Self::TextAmongParameters
            | Self::Unavailable
            | Self::UnknownJob
            | Self::VirtualServerUnknown => None,
        }
    }
}
