//! What content deployment adds to scenario files.

mod words;

use super::caller::{self, Ending};
use super::vocabulary::state;
use crate::scenario::{Key, Kind, Outage, ProtocolKeys};
use words::{BLAMES, DATABASES, OPERATIONS, PARTS, STATUSES, STEPS, VIOLATIONS};

const HOST: &[Key] = &[
    Key::new(
        "port",
        Kind::Port,
        "Where a server of an import farm serves its Central Administration.",
    )
    .default_value("8080"),
    Key::new(
        "databases",
        Kind::Refers("host"),
        "The host of the role `database` that has the farm's two databases, at the ports 1433 \
         (configuration) and 1434 (content). Without it they are on the server's own disk.",
    ),
    Key::new(
        "import_server",
        Kind::Refers("host"),
        "The server that is the farm's designated import server: it takes the uploads and its \
         timer service runs the imports (CD-18). Without it: this one.",
    ),
    Key::new(
        "accept_incoming_jobs",
        Kind::Boolean,
        "Whether the farm takes incoming jobs. A farm as it is installed does not (CD-3); \
         scenarios are about farms that are in use.",
    )
    .default_value("true"),
    Key::new(
        "sites",
        Kind::Texts,
        "The site collections of the farm's one web application, `http://portal`, besides `/`.",
    ),
    Key::new(
        "account",
        Kind::Text,
        "The name with which callers of a farm log in, by Basic authentication; the password \
         follows from the seed. Without it nobody is asked.",
    ),
    Key::new(
        "secure",
        Kind::Boolean,
        "Whether Central Administration is served over TLS; callers then use `https`.",
    )
    .default_value("false"),
    Key::new(
        "require_secure_connection",
        Kind::Boolean,
        "Whether the farm refuses content deployment over connections without TLS.",
    )
    .default_value("false"),
    Key::new(
        "late_cancel",
        Kind::Choice(&["response", "fault"]),
        "What a CancelJob is answered that comes after decompression has begun (CD-29).",
    )
    .default_value("response"),
    Key::new(
        "upload_max",
        Kind::Bytes,
        "The longest upload that is taken; longer ones are answered 404 (CD-45).",
    )
    .default_value("30000000 B"),
    Key::new(
        "import_timeout",
        Kind::Duration,
        "How long an import may take before it ends as ImportTimedOut. Without it: for ever.",
    ),
    Key::new(
        "files_kept",
        Kind::Duration,
        "How long the files of a job stay that nobody runs or deletes.",
    )
    .default_value("7d"),
    Key::new(
        "timer_service",
        Kind::Duration,
        "How often the timer service looks for timer jobs.",
    )
    .default_value("1s"),
    Key::new(
        "lease",
        Kind::Duration,
        "How long a timer job that runs belongs to its server without a sign of life.",
    )
    .default_value("60s"),
    Key::new(
        "cancel_timer",
        Kind::Duration,
        "How long CancelJob waits for the timer service at most.",
    )
    .default_value("30s"),
    Key::new(
        "database_retry",
        Kind::Duration,
        "How long the timer service waits after a database did not answer.",
    )
    .default_value("5s"),
    Key::new(
        "head_timer",
        Kind::Duration,
        "How long the head of a request may take to arrive.",
    )
    .default_value("30s"),
    Key::new(
        "body_timer",
        Kind::Duration,
        "How long a body may stand still.",
    )
    .default_value("60s"),
];

const LINK: &[Key] = &[Key::new(
    "credentials",
    Kind::Choice(&["right", "wrong-password", "unknown-name", "none"]),
    "What `from` shows to `to`, where `to` has an `account`.",
)
.default_value("right")];

/// Who calls, and whom.
const FROM: Key = Key::new(
    "from",
    Kind::Refers("host"),
    "The host of the role `deploying-farm` that calls.",
)
.required();
const TO: Key = Key::new("to", Kind::Refers("host"), "The server that it calls.").required();
const AS: Key = Key::new(
    "as",
    Kind::Declares("job"),
    "What the scenario calls the import job, from the answer to CreateJob on.",
);
const JOB: Key = Key::new(
    "job",
    Kind::Refers("job"),
    "The import job; one that nobody has when it was not created yet.",
);
const SOURCE: Key = Key::new(
    "source",
    Kind::Text,
    "A name for the content deployment job at the source, from which its guid follows (CD-37).",
)
.default_value("nightly");
const SOAP: Key = Key::new(
    "soap",
    Kind::Choice(&["1.1", "1.2"]),
    "The version of SOAP that is spoken.",
)
.default_value("1.1");

/// What the import of a job takes, in a simulation.
const VERIFY: Key = Key::new(
    "verify",
    Kind::Duration,
    "How long the import reads the packages' tables of contents: until then it can be cancelled.",
)
.default_value("2s");
const DECOMPRESS: Key = Key::new(
    "decompress",
    Kind::Duration,
    "How long the import decompresses.",
)
.default_value("30s");
const OBJECTS: Key = Key::new(
    "objects",
    Kind::Integer {
        min: 0,
        max: 100_000,
    },
    "How many objects the packages have.",
)
.default_value("5");
const PLACE: Key = Key::new(
    "place",
    Kind::Duration,
    "How long it takes to place one object.",
)
.default_value("1s");
const OUTCOME: Key = Key::new(
    "outcome",
    Kind::Choice(&[
        "succeeds",
        "fails-in-verify",
        "fails-in-decompress",
        "fails-in-place",
    ]),
    "How the import ends when nothing interrupts it.",
)
.default_value("succeeds");

const DEPLOY: &[Key] = &[
    FROM,
    TO,
    Key {
        presence: crate::scenario::Presence::Required,
        ..AS
    },
    SOURCE,
    SOAP,
    Key::new(
        "files",
        Kind::Integer {
            min: 0,
            max: 10_000,
        },
        "How many files are uploaded.",
    )
    .default_value("2"),
    Key::new("size", Kind::Bytes, "How long each file is.").default_value("64 KiB"),
    VERIFY,
    DECOMPRESS,
    OBJECTS,
    PLACE,
    OUTCOME,
    Key::new(
        "poll",
        Kind::Duration,
        "How often the status is asked for (CD-49).",
    )
    .default_value("10s"),
    Key::new(
        "timeout",
        Kind::Duration,
        "After how long without a change of the status the deployment is given up (CD-50).",
    )
    .default_value("600s"),
    Key::new(
        "run",
        Kind::Boolean,
        "Whether RunJob and all that follows is called.",
    )
    .default_value("true"),
    Key::new(
        "delete",
        Kind::Boolean,
        "Whether DeleteJob is called at the end.",
    )
    .default_value("true"),
];

const CALL: &[Key] = &[
    FROM,
    TO,
    Key::new("operation", Kind::Choice(OPERATIONS), "What is called.").required(),
    AS,
    JOB,
    SOURCE,
    SOAP,
    VERIFY,
    DECOMPRESS,
    OBJECTS,
    PLACE,
    OUTCOME,
];

const UPLOAD: &[Key] = &[
    FROM,
    TO,
    Key {
        presence: crate::scenario::Presence::Required,
        ..JOB
    },
    Key::new("file", Kind::Text, "The file's name.").default_value("ExportedFiles.cab"),
    Key::new("size", Kind::Bytes, "How long the file is.").default_value("64 KiB"),
    Key::new(
        "content",
        Kind::Text,
        "A name for what is in the file: the same name, the same octets.",
    )
    .default_value("content"),
    Key::new(
        "quoted",
        Kind::Boolean,
        "Whether the values in the query stand in quotes, sent as `%22` (CD-42).",
    )
    .default_value("false"),
    Key::new(
        "chunk",
        Kind::Bytes,
        "How many octets are sent at a time; all at once without it.",
    ),
    Key::new("every", Kind::Duration, "How long it rests in between.").beside(&["chunk"]),
    Key::new(
        "stop_after",
        Kind::Bytes,
        "After how many octets of the file the connection is closed.",
    ),
];

const CONFIGURE: &[Key] = &[
    Key::new("host", Kind::Refers("host"), "The server.").required(),
    Key::new(
        "accept_incoming_jobs",
        Kind::Boolean,
        "Whether the farm takes incoming jobs from now on.",
    )
    .required(),
];

const AT: &[Key] = &[
    Key::new(
        "deploy",
        Kind::Table(DEPLOY),
        "Deploys content: asks for the import server, creates a job, uploads its files, runs it, \
         polls until it has ended, deletes it (CD-47).",
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
];

const PATTERN: &[Key] = &[
    Key::new(
        "job",
        Kind::Refers("job"),
        "The import job concerned; in an answer, the one that its request was about.",
    )
    .beside(&["message", "state", "effect", "kind"]),
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
