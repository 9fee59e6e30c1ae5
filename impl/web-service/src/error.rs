//! Why a farm does not start, or refuses an upload.

/// Why a server of the farm did not start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// The port cannot be listened on.
    #[error("cannot listen on port {port}: {kind}")]
    Bind {
        /// The port.
        port: u16,
        /// Why.
        kind: std::io::ErrorKind,
    },
}

/// Why an upload is refused; each has an HTTP status of its own in `SPEC.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UploadRefusal {
    /// There is no import job of that name: 404.
    #[error("there is no such import job")]
    UnknownJob,
    /// The job has been run or cancelled: 409.
    #[error("the job takes no more files")]
    JobClosed,
    /// Another file of that name is there: 409.
    #[error("another file of that name is there")]
    Different,
    /// The job has as many files or octets as it may have: 409.
    #[error("the job has as many files as it may have")]
    JobFull,
    /// This server is not the import server, or the farm takes no incoming jobs: 403.
    #[error("this server takes no uploads")]
    NotAccepting,
    /// The disk is full: 507.
    #[error("the disk is full")]
    Full,
    /// A database or the disk does not answer: 503.
    #[error("the farm cannot take the file at present")]
    Unavailable,
}
