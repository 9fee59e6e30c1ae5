//! The words that scenario files may use for what farms announce and what is on the wire.

use super::super::vocabulary::{effect, kind, state};

/// The operations by their names on the wire.
pub(super) const OPERATIONS: &[&str] = &[
    "CancelJob",
    "CreateJob",
    "DeleteImportLogs",
    "DeleteJob",
    "GetJobStatus",
    "GetRemoteAdminServerUrl",
    "GetSiteCollectionNames",
    "GetVirtualServersInformation",
    "RunJob",
];

/// What `GetJobStatus` may report (CD-11).
pub(super) const STATUSES: &[&str] = &[
    "Success",
    "Failure",
    "Cancelled",
    "ImportInProgress",
    "CancelInProgress",
    "ImportPreparing",
    "ImportTimedOut",
];

/// The rules that faults name, and why uploads and other requests are refused.
pub(super) const VIOLATIONS: &[&str] = &[
    "body-cut",
    "body-timeout",
    "content-encoding",
    "different",
    "disk-full",
    "job-closed",
    "job-full",
    "length",
    "media-type",
    "message-limit",
    "method",
    "not-accepting",
    "not-authenticated",
    "query",
    "too-large",
    "upload-limit",
    "action-mismatch",
    "body-empty",
    "decompression-begun",
    "envelope-malformed",
    "header-not-understood",
    "incoming-jobs-refused",
    "insecure-connection",
    "job-busy",
    "job-run-already",
    "not-an-envelope",
    "not-xml",
    "operation-unknown",
    "parameter-invalid",
    "parameter-missing",
    "parameter-misplaced",
    "parameter-namespace",
    "parameter-repeated",
    "parameter-unknown",
    "site-collection-unknown",
    "text-among-parameters",
    "unavailable",
    "unknown-job",
    "virtual-server-unknown",
];

/// Whose fault faults are, in SOAP 1.1 and 1.2.
pub(super) const BLAMES: &[&str] = &[
    "Client",
    "Server",
    "VersionMismatch",
    "MustUnderstand",
    "Sender",
    "Receiver",
];

/// The steps of a deployment.
pub(super) const STEPS: &[&str] = &["export", "ask", "create", "upload", "run", "poll", "delete"];

/// The parts of a server that use databases.
pub(super) const PARTS: &[&str] = &["worker", "timer-service", "deployment-desk", "deployments"];

/// A farm's databases.
pub(super) const DATABASES: &[&str] = &["configuration", "content"];

/// What may be asked.
pub(super) const REQUESTS: &[&str] = &joined::<12>(&[
    &kind::CALLS,
    &[kind::UPLOAD, kind::UNREAD_CALL, kind::HTTP_REQUEST],
]);

/// Every kind of message, and what is none.
const MESSAGES: &[&str] = &joined::<26>(&[
    &kind::CALLS,
    &kind::ANSWERS,
    &[
        kind::UPLOAD,
        kind::UNREAD_CALL,
        kind::HTTP_REQUEST,
        kind::FAULT,
        kind::UNREAD_ANSWER,
        kind::HTTP_RESPONSE,
        kind::HTTP_INTERIM,
        kind::UNDECODABLE,
    ],
]);

const ALL_STATES: &[&str] = &joined::<27>(&[
    &state::OF_IMPORT_JOBS,
    &state::OF_TIMER_JOBS,
    &state::OF_DEPLOYMENTS,
]);

/// The lists one behind the other.
const fn joined<const N: usize>(lists: &[&[&'static str]]) -> [&'static str; N] {
    let mut words = [""; N];
    let (mut list, mut place, mut index) = (0, 0, 0);
    while index < N {
        if place == lists[list].len() {
            list += 1;
            place = 0;
        } else {
            words[index] = lists[list][place];
            place += 1;
            index += 1;
        }
    }
    words
}

/// By field of an event, for [`crate::scenario::ProtocolKeys`].
pub(super) const WORDS: &[(&str, &[&str])] = &[
    ("message", MESSAGES),
    ("state", ALL_STATES),
    (
        "write",
        &[
            "timer-job",
            "starts",
            "import-job",
            "uploaded-file",
            "file-number",
            "job-report",
            "import-logs",
            "cancel-request",
            "removal",
            "deployment-path",
            "deployment-job",
            "deployment-report",
            "exported-packages",
            "cancel-deployment",
            "deployment-timer-job",
        ],
    ),
    (
        "effect",
        &[
            effect::UPLOADED,
            effect::STORED,
            effect::DECOMPRESSION_STARTED,
            effect::PLACED,
            effect::ANSWERED,
            effect::DATABASE_FAILED,
            effect::CONNECTION_LIMIT,
            effect::BAD_REQUEST,
            effect::START_FAILED,
            effect::COMMAND_REFUSED,
            effect::COMMAND_DONE,
            effect::REMOTE_JOB,
            effect::VIEWED,
            effect::OFFERED,
            effect::DEPLOYMENT_ENDED,
            effect::DEPLOYMENT_FAILED,
            effect::DEPLOYMENT_SKIPPED,
            effect::DEPLOYMENT_REMOVED,
            effect::DEPLOYMENT_KEPT,
            effect::CALL_FAILED,
            effect::APPROACHED,
            effect::ENCOUNTER,
        ],
    ),
    (
        "machine",
        &[state::IMPORT_JOB, state::TIMER_JOB, state::DEPLOYMENT],
    ),
];
