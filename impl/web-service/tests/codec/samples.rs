//! One message of each kind, and how requests are written by hand.

use portcullis_web_service::codec::{Call, SoapVersion, Unread, fault_status, read_request};
use portcullis_web_service::config::Compat;
use portcullis_web_service::message::{
    FaultCode, Guid, HeaderName, IncludeSecurity, JobStatus, NAMESPACE, NewJob, RemoteJobStatus,
    Request, Response, UnknownName, UserInfoDateTime, Violation, VirtualServer,
};
use portcullis_xml::{XmlError, XmlErrorKind};

/// The identifier in the seed's sample address.
pub(crate) const JOB: &str = "49bebd7d-62d0-4d68-a1f0-9118b3ac4416";
/// A content deployment job at the source.
pub(crate) const SOURCE_JOB: &str = "be315bb7-e7be-4af4-a8bc-1cd369eb5220";

pub(crate) fn job() -> Guid {
    JOB.parse().unwrap()
}

pub(crate) fn new_job() -> NewJob {
    NewJob {
        description: "deploy 4444".into(),
        source_id: SOURCE_JOB.parse().unwrap(),
        destination_server_url: "http://destination".into(),
        destination_site_collection: "/".into(),
        include_security: IncludeSecurity::WssOnly,
        include_user_info_date_time: UserInfoDateTime::ImportAll,
        enable_event_receivers: true,
        file_compression: false,
    }
}

/// One request of each operation.
pub(crate) fn requests() -> Vec<Request> {
    let job = job();
    vec![
        Request::GetVirtualServersInformation,
        Request::GetSiteCollectionNames {
            virtual_server_url: "http://destination".into(),
        },
        Request::GetRemoteAdminServerUrl {
            client_version: "14.0.0.0".into(),
        },
        Request::CreateJob(new_job()),
        Request::RunJob { job },
        Request::GetJobStatus { job },
        Request::CancelJob { job },
        Request::DeleteJob { job },
        Request::DeleteImportLogs {
            source_job: SOURCE_JOB.parse().unwrap(),
        },
    ]
}

/// One response of each operation.
pub(crate) fn responses() -> Vec<Response> {
    let server = |name: &str, url: &str| VirtualServer {
        name: name.into(),
        url: url.into(),
    };
    vec![
        Response::GetVirtualServersInformation(vec![
            server("Intranet", "http://destination"),
            server("News & more", "http://news.destination:8081"),
        ]),
        Response::GetSiteCollectionNames(vec!["/".into(), "/sites/news".into()]),
        Response::GetRemoteAdminServerUrl("http://destination:8080".into()),
        Response::CreateJob(job()),
        Response::RunJob,
        Response::GetJobStatus(RemoteJobStatus {
            status: JobStatus::ImportInProgress,
            error_count: 0,
            warning_count: 1,
            imported_object_count: 120,
            status_message: "Importing".into(),
        }),
        Response::CancelJob,
        Response::DeleteJob,
        Response::DeleteImportLogs,
    ]
}

/// One violation of each rule.
pub(crate) fn violations() -> Vec<Violation> {
    vec![
        Violation::ActionMismatch,
        Violation::BodyEmpty,
        Violation::DecompressionBegun,
        Violation::EnvelopeMalformed,
        Violation::HeaderNotUnderstood(HeaderName {
            namespace: "urn:example:header".into(),
            name: "Security".into(),
        }),
        Violation::IncomingJobsRefused,
        Violation::InsecureConnection,
        Violation::JobBusy,
        Violation::JobRunAlready,
        Violation::NotAnEnvelope,
        Violation::NotXml(XmlError::new(39, XmlErrorKind::Doctype)),
        Violation::OperationUnknown,
        Violation::ParameterInvalid("includeSecurity"),
        Violation::ParameterMissing("sourceJobId"),
        Violation::ParameterMisplaced("sourceId"),
        Violation::ParameterNamespace("jobId"),
        Violation::ParameterRepeated("jobId"),
        Violation::ParameterUnknown(UnknownName::new("colour")),
        Violation::SiteCollectionUnknown,
        Violation::TextAmongParameters,
        Violation::Unavailable,
        Violation::UnknownJob,
        Violation::VirtualServerUnknown,
    ]
}

/// An envelope around header blocks and a body as written.
pub(crate) fn envelope(version: SoapVersion, headers: &str, body: &str) -> String {
    let namespace = version.envelope_namespace();
    let header = if headers.is_empty() {
        String::new()
    } else {
        format!("<e:Header>{headers}</e:Header>")
    };
    format!("<e:Envelope xmlns:e='{namespace}'>{header}<e:Body>{body}</e:Body></e:Envelope>")
}

/// An operation's element around parameters as written.
pub(crate) fn operation(name: &str, parameters: &str) -> String {
    format!("<{name} xmlns='{NAMESPACE}'>{parameters}</{name}>")
}

/// What a request in SOAP 1.1 comes to, as one line.
pub(crate) fn verdict(body: &[u8], compat: Compat) -> String {
    said(&read_request(Some("text/xml"), None, body, compat))
}

/// What a reading came to, as one line.
pub(crate) fn said(read: &Result<Call, Unread>) -> String {
    match read {
        Ok(call) => format!("{:?} {:?}", call.version, call.request),
        Err(Unread::MediaType) => "415".into(),
        Err(Unread::Fault(version, fault)) => {
            let status = fault_status(*version, fault, Compat::Strict);
            let code = match fault.code() {
                FaultCode::Client => "Client",
                FaultCode::Server => "Server",
                FaultCode::VersionMismatch => "VersionMismatch",
                FaultCode::MustUnderstand => "MustUnderstand",
            };
            let rule = fault.violation.name();
            format!("{version:?} {status} {code} {rule}: {fault}")
        }
    }
}
