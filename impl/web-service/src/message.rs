//! What is said: the nine operations of the remote import service, their arguments and answers.
//!
//! Names and order of everything are those of `SPEC.md` beside this crate, which grades the
//! evidence for each.

mod fault;
mod file_name;
mod guid;
mod token;

pub use fault::{Fault, FaultCode, HeaderName, UnknownName, Violation};
pub use file_name::{FILE_NAME_OCTETS_MAX, FileName, FileNameProblem};
pub use guid::{Guid, GuidError};
pub use token::{IncludeSecurity, JobStatus, Operation, UserInfoDateTime};

/// The target namespace of the service (CD-6).
pub const NAMESPACE: &str = "http://schemas.microsoft.com/sharepoint/soap/";

/// The namespace of the type `guid` (CD-9).
pub const GUID_NAMESPACE: &str = "http://microsoft.com/wsdl/types/";

/// The path of the service below a Central Administration (CD-1).
pub const SERVICE_PATH: &str = "/_vti_adm/ContentDeploymentRemoteImport.asmx";

/// The path of the upload page below a Central Administration, as sent (CD-39).
pub const UPLOAD_PATH: &str = "/_admin/Content%20Deployment/DeploymentUpload.aspx";

/// The path of the page that lists the deployments of a farm.
pub const DEPLOYMENT_LIST_PATH: &str = "/_admin/DeploymentJobs.aspx";

/// The path of the page that shows one of them, which its query names.
pub const DEPLOYMENT_PATH: &str = "/_admin/DeploymentJob.aspx";

/// What a caller asks of the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Which web applications the farm has (CD-15).
    GetVirtualServersInformation,
    /// Which site collections a web application has (CD-16).
    GetSiteCollectionNames {
        /// The web application's address.
        virtual_server_url: String,
    },
    /// Where the designated import server is administered (CD-18).
    GetRemoteAdminServerUrl {
        /// The caller's version; any text.
        client_version: String,
    },
    /// A new import job, which does not start by itself (CD-20, CD-21).
    CreateJob(NewJob),
    /// Start the import of a job (CD-24).
    RunJob {
        /// The import job.
        job: Guid,
    },
    /// What has become of a job (CD-25).
    GetJobStatus {
        /// The import job.
        job: Guid,
    },
    /// Give a job up, if its decompression has not begun (CD-29).
    CancelJob {
        /// The import job.
        job: Guid,
    },
    /// Remove a job (CD-31).
    DeleteJob {
        /// The import job.
        job: Guid,
    },
    /// Remove the logs of all import jobs of one content deployment job (CD-33). A product of 2007
    /// may lack it (CD-38); this farm has it.
    DeleteImportLogs {
        /// The content deployment job at the source (CD-37).
        source_job: Guid,
    },
}

impl Request {
    /// Which operation it is.
    #[must_use]
    pub const fn operation(&self) -> Operation {
        match self {
            Self::GetVirtualServersInformation => Operation::GetVirtualServersInformation,
            Self::GetSiteCollectionNames { .. } => Operation::GetSiteCollectionNames,
            Self::GetRemoteAdminServerUrl { .. } => Operation::GetRemoteAdminServerUrl,
            Self::CreateJob(_) => Operation::CreateJob,
            Self::RunJob { .. } => Operation::RunJob,
            Self::GetJobStatus { .. } => Operation::GetJobStatus,
            Self::CancelJob { .. } => Operation::CancelJob,
            Self::DeleteJob { .. } => Operation::DeleteJob,
            Self::DeleteImportLogs { .. } => Operation::DeleteImportLogs,
        }
    }

    /// The import job that it speaks of, if it speaks of one.
    #[must_use]
    pub const fn job(&self) -> Option<Guid> {
        match self {
            Self::RunJob { job }
            | Self::GetJobStatus { job }
            | Self::CancelJob { job }
            | Self::DeleteJob { job } => Some(*job),
            Self::GetVirtualServersInformation
            | Self::GetSiteCollectionNames { .. }
            | Self::GetRemoteAdminServerUrl { .. }
            | Self::CreateJob(_)
            | Self::DeleteImportLogs { .. } => None,
        }
    }
}

/// The arguments of `CreateJob`, in the order of the wire.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct NewJob {
    /// Free text.
    pub description: String,
    /// The content deployment job at the source that the import belongs to.
    pub source_id: Guid,
    /// The web application into which is imported.
    pub destination_server_url: String,
    /// The site collection into which is imported, as `GetSiteCollectionNames` names it.
    pub destination_site_collection: String,
    /// What is imported of security (CD-13).
    pub include_security: IncludeSecurity,
    /// What becomes of authors and time stamps (CD-14).
    pub include_user_info_date_time: UserInfoDateTime,
    /// Whether event receivers are called during the import.
    pub enable_event_receivers: bool,
    /// Whether the packages are compressed (MSZIP) or stored.
    pub file_compression: bool,
}

/// What the service answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// The web applications.
    GetVirtualServersInformation(Vec<VirtualServer>),
    /// The names of the site collections (CD-17).
    GetSiteCollectionNames(Vec<String>),
    /// The address of the import server's Central Administration, without a slash at its end.
    GetRemoteAdminServerUrl(String),
    /// The new import job (CD-20).
    CreateJob(Guid),
    /// The import will start.
    RunJob,
    /// The job's status.
    GetJobStatus(RemoteJobStatus),
    /// The cancelling has been handled (CD-28).
    CancelJob,
    /// The job is gone.
    DeleteJob,
    /// The logs are gone (CD-36).
    DeleteImportLogs,
}

impl Response {
    /// Which operation it answers.
    #[must_use]
    pub const fn operation(&self) -> Operation {
        match self {
            Self::GetVirtualServersInformation(_) => Operation::GetVirtualServersInformation,
            Self::GetSiteCollectionNames(_) => Operation::GetSiteCollectionNames,
            Self::GetRemoteAdminServerUrl(_) => Operation::GetRemoteAdminServerUrl,
            Self::CreateJob(_) => Operation::CreateJob,
            Self::RunJob => Operation::RunJob,
            Self::GetJobStatus(_) => Operation::GetJobStatus,
            Self::CancelJob => Operation::CancelJob,
            Self::DeleteJob => Operation::DeleteJob,
            Self::DeleteImportLogs => Operation::DeleteImportLogs,
        }
    }
}

/// One web application of the farm: `VirtualServerInformation`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualServer {
    /// Its name.
    pub name: String,
    /// Its address.
    pub url: String,
}

/// `ContentDeploymentRemoteJobStatus`. The specification's members could not be read: the status is
/// certain, the others are ours, named after the product's job report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteJobStatus {
    /// The status (CD-11).
    pub status: JobStatus,
    /// Errors reported so far.
    pub error_count: u32,
    /// Warnings reported so far.
    pub warning_count: u32,
    /// Objects placed into the site so far.
    pub imported_object_count: u32,
    /// The newest message of the job's report; empty when there is none.
    pub status_message: String,
}

/// Which file is uploaded, and for which job: the query of an upload (CD-40).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadTarget {
    /// The name under which it is stored.
    pub file: FileName,
    /// The import job.
    pub job: Guid,
}
