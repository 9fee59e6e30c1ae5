//! The one table of the service: what each operation takes and answers, by name, order and type.
//!
//! Whoever reads, writes or describes messages goes through the functions below with a [`Fields`]
//! of its own, so that reader, writer and service description cannot differ.

use super::wire_type::WireType;
use crate::message::{
    Guid, IncludeSecurity, JobStatus, NewJob, Operation, RemoteJobStatus, Request, Response,
    UserInfoDateTime, VirtualServer,
};

/// Somebody who is told of each field in turn: who fills it, writes it, or only notes its name.
pub(super) trait Fields {
    /// Why the visit ends early.
    type Error;

    /// The next field.
    fn field<T: WireType>(&mut self, name: &'static str, value: &mut T) -> Result<(), Self::Error>;
}

/// The parameters of a request.
pub(super) fn parameters<F: Fields>(request: &mut Request, fields: &mut F) -> Result<(), F::Error> {
    match request {
        Request::GetVirtualServersInformation => Ok(()),
        Request::GetSiteCollectionNames { virtual_server_url } => {
            fields.field("virtualServerUrl", virtual_server_url)
        }
        Request::GetRemoteAdminServerUrl { client_version } => {
            fields.field("clientVersion", client_version)
        }
        Request::CreateJob(NewJob {
            description,
            source_id,
            destination_server_url,
            destination_site_collection,
            include_security,
            include_user_info_date_time,
            enable_event_receivers,
            file_compression,
        }) => {
            fields.field("description", description)?;
            fields.field("sourceId", source_id)?;
            fields.field("destinationServerUrl", destination_server_url)?;
            fields.field("destinationSiteCollection", destination_site_collection)?;
            fields.field("includeSecurity", include_security)?;
            fields.field("includeUserInfoDateTime", include_user_info_date_time)?;
            fields.field("enableEventReceivers", enable_event_receivers)?;
            fields.field("fileCompression", file_compression)
        }
        Request::RunJob { job }
        | Request::GetJobStatus { job }
        | Request::CancelJob { job }
        | Request::DeleteJob { job } => fields.field("jobId", job),
        // CD-37: the source's job, not the import job.
        Request::DeleteImportLogs { source_job } => fields.field("sourceJobId", source_job),
    }
}

/// The result of a response: one element, or none (CD-17, CD-20, CD-28, CD-36).
pub(super) fn result<F: Fields>(response: &mut Response, fields: &mut F) -> Result<(), F::Error> {
    let name = names(response.operation()).result;
    match response {
        Response::GetVirtualServersInformation(servers) => fields.field(name, servers),
        Response::GetSiteCollectionNames(names) => fields.field(name, names),
        Response::GetRemoteAdminServerUrl(url) => fields.field(name, url),
        Response::CreateJob(job) => fields.field(name, job),
        Response::GetJobStatus(status) => fields.field(name, status),
        Response::RunJob
        | Response::CancelJob
        | Response::DeleteJob
        | Response::DeleteImportLogs => Ok(()),
    }
}

/// The members of `ContentDeploymentRemoteJobStatus`.
pub(super) fn remote_job_status<F: Fields>(
    status: &mut RemoteJobStatus,
    fields: &mut F,
) -> Result<(), F::Error> {
    fields.field("Status", &mut status.status)?;
    fields.field("ErrorCount", &mut status.error_count)?;
    fields.field("WarningCount", &mut status.warning_count)?;
    fields.field("ImportedObjectCount", &mut status.imported_object_count)?;
    fields.field("StatusMessage", &mut status.status_message)
}

/// The members of `VirtualServerInformation`.
pub(super) fn virtual_server<F: Fields>(
    server: &mut VirtualServer,
    fields: &mut F,
) -> Result<(), F::Error> {
    fields.field("Name", &mut server.name)?;
    fields.field("Url", &mut server.url)
}

/// A request whose parameters have the defaults of their types, as ASP.NET has it for missing ones.
pub(super) fn blank_request(operation: Operation) -> Request {
    let job = Guid::NIL;
    match operation {
        Operation::CancelJob => Request::CancelJob { job },
        Operation::CreateJob => Request::CreateJob(NewJob {
            description: String::new(),
            source_id: Guid::NIL,
            destination_server_url: String::new(),
            destination_site_collection: String::new(),
            include_security: IncludeSecurity::None,
            include_user_info_date_time: UserInfoDateTime::None,
            enable_event_receivers: false,
            file_compression: false,
        }),
        Operation::DeleteImportLogs => Request::DeleteImportLogs { source_job: job },
        Operation::DeleteJob => Request::DeleteJob { job },
        Operation::GetJobStatus => Request::GetJobStatus { job },
        Operation::GetRemoteAdminServerUrl => Request::GetRemoteAdminServerUrl {
            client_version: String::new(),
        },
        Operation::GetSiteCollectionNames => Request::GetSiteCollectionNames {
            virtual_server_url: String::new(),
        },
        Operation::GetVirtualServersInformation => Request::GetVirtualServersInformation,
        Operation::RunJob => Request::RunJob { job },
    }
}

/// A response to be filled.
pub(super) fn blank_response(operation: Operation) -> Response {
    match operation {
        Operation::CancelJob => Response::CancelJob,
        Operation::CreateJob => Response::CreateJob(Guid::NIL),
        Operation::DeleteImportLogs => Response::DeleteImportLogs,
        Operation::DeleteJob => Response::DeleteJob,
        Operation::GetJobStatus => Response::GetJobStatus(blank_status()),
        Operation::GetRemoteAdminServerUrl => Response::GetRemoteAdminServerUrl(String::new()),
        Operation::GetSiteCollectionNames => Response::GetSiteCollectionNames(Vec::new()),
        Operation::GetVirtualServersInformation => {
            Response::GetVirtualServersInformation(Vec::new())
        }
        Operation::RunJob => Response::RunJob,
    }
}

/// A job's status to be filled.
pub(super) const fn blank_status() -> RemoteJobStatus {
    RemoteJobStatus {
        status: JobStatus::ImportPreparing,
        error_count: 0,
        warning_count: 0,
        imported_object_count: 0,
        status_message: String::new(),
    }
}

/// A web application to be filled.
pub(super) const fn blank_server() -> VirtualServer {
    VirtualServer {
        name: String::new(),
        url: String::new(),
    }
}

/// The names that an operation lends to what belongs to it.
pub(super) struct Names {
    /// The request element.
    pub(super) request: &'static str,
    /// The response element (CD-8).
    pub(super) response: &'static str,
    /// The element in the response that holds the result.
    pub(super) result: &'static str,
    /// The input message of the service description (CD-8).
    pub(super) input: &'static str,
    /// The output message (CD-8).
    pub(super) output: &'static str,
}

/// The names that belong to `operation`.
pub(super) const fn names(operation: Operation) -> Names {
    macro_rules! table {
        ($($operation:ident)+) => {
            match operation {
                $(Operation::$operation => Names {
                    request: stringify!($operation),
                    response: concat!(stringify!($operation), "Response"),
                    result: concat!(stringify!($operation), "Result"),
                    input: concat!(stringify!($operation), "SoapIn"),
                    output: concat!(stringify!($operation), "SoapOut"),
                },)+
            }
        };
    }
    table!(
        CancelJob CreateJob DeleteImportLogs DeleteJob GetJobStatus GetRemoteAdminServerUrl
        GetSiteCollectionNames GetVirtualServersInformation RunJob
    )
}
