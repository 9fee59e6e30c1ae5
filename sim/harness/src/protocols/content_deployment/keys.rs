//! What content deployment adds to scenario files.

mod hosts;
mod steps;
mod words;

use super::caller::{self, Ending};
use super::vocabulary::state;
use crate::scenario::{Key, Kind, Outage, ProtocolKeys};
use hosts::HOST;
use steps::{CALL, CONFIGURE, DEPLOY, DRIVE, OF_JOB, OFFERS, SCHEDULE, UPLOAD};
use words::{BLAMES, DATABASES, PARTS, STATUSES, STEPS, VIOLATIONS};

const LINK: &[Key] = &[Key::new(
    "credentials",
    Kind::Choice(&["right", "wrong-password", "unknown-name", "none"]),
    "What `from` shows to `to`, where `to` has an `account`.",
)
.default_value("right")];

const AT: &[Key] = &[
    Key::new(
        "deploy",
        Kind::Table(DEPLOY),
        "Has a deploying farm define a job and run it: export, ask for the import server, create a \
         job, upload its files, run it, poll until it has ended, delete it (CD-47).",
    )
    .one_of("action"),
    Key::new(
        "drive",
        Kind::Table(DRIVE),
        "Makes the calls of a deployment by a script without a farm behind it, as far as it says.",
    )
    .one_of("action"),
    Key::new(
        "run_again",
        Kind::Table(OF_JOB),
        "Runs a job of a deploying farm once more, now.",
    )
    .one_of("action"),
    Key::new(
        "cancel",
        Kind::Table(OF_JOB),
        "Asks a deploying farm to cancel a job, as a user does.",
    )
    .one_of("action"),
    Key::new(
        "disable_path",
        Kind::Table(OF_JOB),
        "Lets no run begin along the path of a job from now on, by hand or by schedule.",
    )
    .one_of("action"),
    Key::new(
        "enable_path",
        Kind::Table(OF_JOB),
        "Lets runs begin along the path of a job again.",
    )
    .one_of("action"),
    Key::new(
        "schedule",
        Kind::Table(SCHEDULE),
        "Gives a job of a deploying farm another schedule, also while it runs.",
    )
    .one_of("action"),
    Key::new(
        "delete_job",
        Kind::Table(OF_JOB),
        "Has a deploying farm delete a job, and its target the logs of its imports.",
    )
    .one_of("action"),
    Key::new(
        "view",
        Kind::Table(OF_JOB),
        "Looks at the status of a job at its deploying farm, as a user does (CD-53).",
    )
    .one_of("action"),
    Key::new(
        "offers",
        Kind::Table(OFFERS),
        "Asks an import farm what there is to deploy to, as the form for a new path does.",
    )
    .one_of("action"),
    Key::new(
        "call",
        Kind::Table(CALL),
        "Calls one operation of the service.",
    )
    .one_of("action"),
    Key::new("upload", Kind::Table(UPLOAD), "Uploads one file.").one_of("action"),
    Key::new(
        "say",
        Kind::Table(caller::KEYS),
        "Has a caller connect to a server and say octets.",
    )
    .one_of("action"),
    Key::new(
        "configure",
        Kind::Table(CONFIGURE),
        "Changes a setting of a server, whose service starts anew with it.",
    )
    .one_of("action"),
    Key::new(
        "stop",
        Kind::Refers("host"),
        "Ends the service on a server; its host, and with it the host's TCP, stays up.",
    )
    .one_of("action"),
    Key::new(
        "start",
        Kind::Refers("host"),
        "Starts a stopped service again.",
    )
    .one_of("action"),
];

const EXPECT: &[Key] = &[
    Key::new(
        "job",
        Kind::Refers("job"),
        "An import job, with the state that it `becomes` or the `status` that is reported of it.",
    )
    .one_of("form"),
    Key::new(
        "becomes",
        Kind::Choices(&state::OF_IMPORT_JOBS),
        "The state that the job enters.",
    )
    .beside(&["job"]),
    Key::new(
        "status",
        Kind::Choices(STATUSES),
        "The status that GetJobStatus reports of it.",
    )
    .beside(&["job"]),
    Key::new(
        "deployment",
        Kind::Refers("job"),
        "A deployment, by the name of its job, with the state that it `reaches` at its source.",
    )
    .one_of("form"),
    Key::new(
        "reaches",
        Kind::Choices(&state::OF_DEPLOYMENTS),
        "The state that the deployment enters.",
    )
    .beside(&["deployment"]),
];

const PATTERN: &[Key] = &[
    Key::new(
        "job",
        Kind::Refers("job"),
        "The import job concerned; in an answer, the one that its request was about.",
    )
    .beside(&["message", "state", "effect", "kind"]),
    Key::new(
        "deployment",
        Kind::Refers("job"),
        "The deployment concerned, by the name of its job.",
    )
    .beside(&["state", "effect"]),
    Key::new(
        "shown",
        Kind::Text,
        "The status that a user sees, in the words of a deploying farm.",
    )
    .beside(&["effect"]),
    Key::new(
        "status",
        Kind::Choices(STATUSES),
        "The status that a `get-job-status-response` reports, or with which a deployment ended.",
    )
    .beside(&["message", "effect", "kind"]),
    Key::new(
        "answers",
        Kind::Choices(words::REQUESTS),
        "The kind of the request that is answered.",
    )
    .beside(&["message", "effect", "kind"]),
    Key::new("http", Kind::Texts, "The status code of an answer.")
        .beside(&["message", "effect", "kind"]),
    Key::new(
        "violation",
        Kind::Choices(VIOLATIONS),
        "The rule that a fault names, or why another request was `answered` with a refusal.",
    )
    .beside(&["message", "effect", "kind"]),
    Key::new(
        "blame",
        Kind::Choices(BLAMES),
        "Whose fault it is, in the words of SOAP 1.1 and 1.2.",
    )
    .beside(&["message", "kind"]),
    Key::new(
        "soap",
        Kind::Choice(&["1.1", "1.2"]),
        "The version of SOAP.",
    )
    .beside(&["message", "kind"]),
    Key::new("file", Kind::Text, "The file concerned.").beside(&["message", "effect", "kind"]),
    Key::new("size", Kind::Text, "How many octets the file has.")
        .beside(&["message", "effect", "kind"]),
    Key::new("result", Kind::Text, "What an answer says, word for word.")
        .beside(&["message", "kind"]),
    Key::new(
        "call",
        Kind::Text,
        "The operation, or `upload`, of a `call-failed`.",
    )
    .beside(&["effect"]),
    Key::new("reason", Kind::Text, "Why, word for word.").beside(&["state", "effect"]),
    Key::new(
        "step",
        Kind::Choices(STEPS),
        "The step at which a deployment was given up.",
    )
    .beside(&["effect"]),
    Key::new(
        "part",
        Kind::Choices(PARTS),
        "The part of a server that a database did not answer.",
    )
    .beside(&["effect"]),
    Key::new(
        "database",
        Kind::Choices(DATABASES),
        "The database that did not answer.",
    )
    .beside(&["effect"]),
    Key::new("number", Kind::Text, "Which object of an import, from 0.").beside(&["effect"]),
    Key::new("act", Kind::Refers("act"), "The `say` of a caller.").beside(&["effect", "action"]),
    Key::new(
        "ending",
        Kind::Choices(Ending::NAMES),
        "How an `encounter` ended: `closed` or `reset` by the server, `left` by the caller, or \
         `refused` or `unreached` before it began.",
    )
    .beside(&["effect"]),
];

/// Everything that the protocol adds.
pub(super) const KEYS: ProtocolKeys = ProtocolKeys {
    host: HOST,
    link: LINK,
    at: AT,
    faults: &["say"],
    expect: EXPECT,
    bites: &[],
    pattern: PATTERN,
    outages: &[Outage {
        begin: "stop",
        end: "start",
        meets: "is stopped",
    }],
    words: words::WORDS,
};
