//! The names under which the protocol's messages, states and effects appear in a history.

use portcullis_web_service::message::Operation;

/// Kinds of messages.
pub mod kind {
    use super::Operation;

    /// A file for a job.
    pub const UPLOAD: &str = "upload";
    /// A request to the service that is no call which the codec reads.
    pub const UNREAD_CALL: &str = "unread-call";
    /// Any other HTTP request.
    pub const HTTP_REQUEST: &str = "http-request";
    /// A fault in answer to a call.
    pub const FAULT: &str = "fault";
    /// A SOAP answer that the codec does not read.
    pub const UNREAD_ANSWER: &str = "unread-answer";
    /// Any other HTTP response, such as the answer to an upload.
    pub const HTTP_RESPONSE: &str = "http-response";
    /// A response with a code below 200, after which the final one comes.
    pub const HTTP_INTERIM: &str = "http-interim";
    /// Octets that are no HTTP/1.1.
    pub const UNDECODABLE: &str = "undecodable";

    /// The kinds of the calls, in the order of [`Operation::ALL`].
    pub const CALLS: [&str; 9] = [
        "cancel-job",
        "create-job",
        "delete-import-logs",
        "delete-job",
        "get-job-status",
        "get-remote-admin-server-url",
        "get-site-collection-names",
        "get-virtual-servers-information",
        "run-job",
    ];

    /// The kinds of the answers to them, likewise.
    pub const ANSWERS: [&str; 9] = [
        "cancel-job-response",
        "create-job-response",
        "delete-import-logs-response",
        "delete-job-response",
        "get-job-status-response",
        "get-remote-admin-server-url-response",
        "get-site-collection-names-response",
        "get-virtual-servers-information-response",
        "run-job-response",
    ];

    /// The kind of a call.
    #[must_use]
    pub const fn call(operation: Operation) -> &'static str {
        CALLS[place(operation)]
    }

    /// The kind of the answer to a call.
    #[must_use]
    pub const fn answer(operation: Operation) -> &'static str {
        ANSWERS[place(operation)]
    }

    /// The kind of the answer to a call of kind `call`.
    #[must_use]
    pub fn answer_to(call: &str) -> Option<&'static str> {
        let place = CALLS.iter().position(|known| *known == call)?;
        Some(ANSWERS[place])
    }

    const fn place(operation: Operation) -> usize {
        match operation {
            Operation::CancelJob => 0,
            Operation::CreateJob => 1,
            Operation::DeleteImportLogs => 2,
            Operation::DeleteJob => 3,
            Operation::GetJobStatus => 4,
            Operation::GetRemoteAdminServerUrl => 5,
            Operation::GetSiteCollectionNames => 6,
            Operation::GetVirtualServersInformation => 7,
            Operation::RunJob => 8,
        }
    }
}

/// Fields of messages, states and effects.
pub mod field {
    /// The step whose command was carried out or refused.
    pub const COMMAND: &str = "command";
    /// The import job concerned; in an answer, the one that its request was about.
    pub const JOB: &str = "job";
    /// The deployment concerned, by the scenario's name of its job.
    pub const DEPLOYMENT: &str = "deployment";
    /// The status that a user sees.
    pub const SHOWN: &str = "shown";
    /// The content deployment job at the source.
    pub const SOURCE_JOB: &str = "source-job";
    /// The description with which a job is created.
    pub const DESCRIPTION: &str = "description";
    /// The reported status of a job.
    pub const STATUS: &str = "status";
    /// How many objects have been imported, in a reported status.
    pub const IMPORTED: &str = "imported";
    /// What an answer says where it is neither a job nor a status.
    pub const RESULT: &str = "result";
    /// The kind of the request that an answer belongs to.
    pub const ANSWERS: &str = "answers";
    /// The rule that a fault names.
    pub const VIOLATION: &str = "violation";
    /// Whose fault a fault is, in the words of its version.
    pub const BLAME: &str = "blame";
    /// The version of SOAP.
    pub const SOAP: &str = "soap";
    /// The status code of a response.
    pub const HTTP: &str = "http";
    /// The uploaded file.
    pub const FILE: &str = "file";
    /// How many octets a file has.
    pub const SIZE: &str = "size";
    /// What is in a file, as a digest.
    pub const DIGEST: &str = "digest";
    /// Why something could not be read.
    pub const PROBLEM: &str = "problem";
    /// The method of an HTTP request.
    pub const METHOD: &str = "method";
    /// The target of an HTTP request.
    pub const TARGET: &str = "target";
    /// `false` when a request to a farm that asks for credentials has none or wrong ones.
    pub const AUTHENTIC: &str = "authentic";
    /// Which object of an import, counted from 0.
    pub const NUMBER: &str = "number";
    /// How many objects an import has.
    pub const COUNT: &str = "count";
    /// The step of the scenario that an effect belongs to.
    pub const ACT: &str = "act";
    /// How a connection ended that a caller opened.
    pub const ENDING: &str = "ending";
    /// Which call failed: an operation, or `upload`.
    pub const CALL: &str = "call";
    /// At which step of a deployment something went wrong.
    pub const STEP: &str = "step";
    /// Why.
    pub const REASON: &str = "reason";
    /// `worker` or `timer-service`.
    pub const PART: &str = "part";
    /// `configuration` or `content`.
    pub const DATABASE: &str = "database";
}

/// State machines and their states.
pub mod state {
    /// An import job.
    pub const IMPORT_JOB: &str = "import-job";
    /// The timer job that runs an import.
    pub const TIMER_JOB: &str = "timer-job";
    /// A run of a content deployment job at its source.
    pub const DEPLOYMENT: &str = "deployment";

    /// Created; takes files, and waits to be run.
    pub const CREATED: &str = "created";
    /// Its packages' tables of contents are read.
    pub const VERIFYING: &str = "verifying";
    /// Its packages are decompressed.
    pub const DECOMPRESSING: &str = "decompressing";
    /// Its objects are placed.
    pub const PLACING: &str = "placing";
    /// A request to cancel it is being handled.
    pub const CANCEL_IN_PROGRESS: &str = "cancel-in-progress";
    /// Cancelled.
    pub const CANCELLED: &str = "cancelled";
    /// Every object is in the site.
    pub const SUCCEEDED: &str = "succeeded";
    /// The import failed.
    pub const FAILED: &str = "failed";
    /// The import took too long.
    pub const TIMED_OUT: &str = "timed-out";

    /// The states of an import job; a job that is not there has none.
    pub const OF_IMPORT_JOBS: [&str; 9] = [
        CREATED,
        VERIFYING,
        DECOMPRESSING,
        PLACING,
        CANCEL_IN_PROGRESS,
        CANCELLED,
        SUCCEEDED,
        FAILED,
        TIMED_OUT,
    ];

    /// The states of a run at its source.
    pub const OF_DEPLOYMENTS: [&str; 13] = [
        "preparing",
        "exporting",
        "asking",
        "creating",
        "uploading",
        "starting",
        "importing",
        "cancelling",
        "deleting",
        SUCCEEDED,
        FAILED,
        CANCELLED,
        TIMED_OUT,
    ];

    /// The states of a timer job.
    pub const OF_TIMER_JOBS: [&str; 5] = ["stopped", "due", "running", "done", "withdrawn"];

    /// Whether an import job in `state` stays as it is until it is deleted.
    #[must_use]
    pub fn is_final(state: &str) -> bool {
        matches!(state, CANCELLED | SUCCEEDED | FAILED | TIMED_OUT)
    }
}

/// Effects that farms and callers announce.
pub mod effect {
    /// An uploaded file is durable.
    pub const UPLOADED: &str = "uploaded";
    /// The file store of the import server has a file, with what is in it.
    pub const STORED: &str = "stored";
    /// The decompression of a job's packages begins.
    pub const DECOMPRESSION_STARTED: &str = "decompression-started";
    /// An object is in the site.
    pub const PLACED: &str = "placed";
    /// A request was answered.
    pub const ANSWERED: &str = "answered";
    /// A database did not answer.
    pub const DATABASE_FAILED: &str = "database-failed";
    /// A connection was closed because too many are open.
    pub const CONNECTION_LIMIT: &str = "connection-limit";
    /// A request could not be read.
    pub const BAD_REQUEST: &str = "bad-request";
    /// A server of the farm could not start.
    pub const START_FAILED: &str = "start-failed";
    pub use crate::check::COMMAND_REFUSED;
    /// A command of the scenario that shows in nothing else was carried out.
    pub const COMMAND_DONE: &str = "command-done";
    /// A deployment knows its import job.
    pub const REMOTE_JOB: &str = "remote-job";
    /// A user has looked at a deployment.
    pub const VIEWED: &str = "viewed";
    /// An import farm has told what there is to deploy to.
    pub const OFFERED: &str = "offered";
    /// A deployment has come to its end, with the last status that was reported.
    pub const DEPLOYMENT_ENDED: &str = "deployment-ended";
    /// A deployment was given up, at a step.
    pub const DEPLOYMENT_FAILED: &str = "deployment-failed";
    /// A job was due, and was not run because its path is disabled.
    pub const DEPLOYMENT_SKIPPED: &str = "deployment-skipped";
    /// A job was deleted at its deploying farm.
    pub const DEPLOYMENT_REMOVED: &str = "deployment-removed";
    /// A job stays that was to be deleted: import logs may be left at its target.
    pub const DEPLOYMENT_KEPT: &str = "deployment-kept";
    /// A call or an upload of a step failed without an answer.
    pub const CALL_FAILED: &str = "call-failed";
    /// A caller has a connection.
    pub const APPROACHED: &str = "approached";
    /// A caller's connection is over.
    pub const ENCOUNTER: &str = "encounter";
}
