//! The keys of steps.

use super::words::OPERATIONS;
use crate::scenario::{Key, Kind, Presence};

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

const NAMED: Key = Key {
    presence: Presence::Required,
    ..AS
};
const FILES: Key = Key::new(
    "files",
    Kind::Integer {
        min: 0,
        max: 10_000,
    },
    "How many files are uploaded.",
)
.default_value("2");
const SIZE: Key = Key::new("size", Kind::Bytes, "How long each file is.").default_value("64 KiB");

pub(super) const DEPLOY: &[Key] = &[
    FROM,
    TO,
    NAMED,
    Key::new(
        "source",
        Kind::Text,
        "A name from which the guid of the content deployment job follows (CD-37). Without it: \
         that of the job.",
    ),
    Key::new(
        "path",
        Kind::Text,
        "The content deployment path, by name: jobs that name the same are on one path. Without \
         it the job has a path to itself.",
    ),
    Key::new(
        "kind",
        Kind::Choice(&["full", "incremental", "quick-deploy"]),
        "How much is exported: everything, or what was not deployed along the path yet.",
    )
    .default_value("full"),
    Key::new(
        "every",
        Kind::Duration,
        "How often the job runs by itself from here on. Without it: once, now.",
    ),
    SOAP,
    FILES,
    SIZE,
    Key::new("export", Kind::Duration, "How long the export takes.").default_value("1s"),
    Key::new(
        "export_outcome",
        Kind::Choice(&["succeeds", "fails"]),
        "How the export ends.",
    )
    .default_value("succeeds"),
    VERIFY,
    DECOMPRESS,
    OBJECTS,
    PLACE,
    OUTCOME,
    Key::new(
        "poll",
        Kind::Duration,
        "How often the status is asked for on the path (CD-49). Without it: as the farm does.",
    ),
    Key::new(
        "timeout",
        Kind::Duration,
        "After how long without a change of the status the deployment times out (CD-50). Without \
         it: as the farm does.",
    ),
];

pub(super) const DRIVE: &[Key] = &[
    FROM,
    TO,
    NAMED,
    SOURCE,
    SOAP,
    FILES,
    SIZE,
    VERIFY,
    DECOMPRESS,
    OBJECTS,
    PLACE,
    OUTCOME,
    Key::new("poll", Kind::Duration, "How often the status is asked for.").default_value("10s"),
    Key::new(
        "timeout",
        Kind::Duration,
        "After how long without a change of the status the script gives up.",
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

const HOME: Key = Key::new(
    "from",
    Kind::Refers("host"),
    "The host of the role `deploying-farm` that has the job.",
)
.required();
const OWN_JOB: Key = Key::new(
    "job",
    Kind::Refers("job"),
    "The job, by the name that `deploy` gave it.",
)
.required();

/// A job of a deploying farm.
pub(super) const OF_JOB: &[Key] = &[HOME, OWN_JOB];

pub(super) const SCHEDULE: &[Key] = &[
    HOME,
    OWN_JOB,
    Key::new(
        "every",
        Kind::Duration,
        "How often the job runs by itself from here on. Without it: not any more.",
    ),
];

pub(super) const OFFERS: &[Key] = &[FROM, TO];

pub(super) const CALL: &[Key] = &[
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

pub(super) const UPLOAD: &[Key] = &[
    FROM,
    TO,
    Key {
        presence: Presence::Required,
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

pub(super) const CONFIGURE: &[Key] = &[
    Key::new("host", Kind::Refers("host"), "The server.").required(),
    Key::new(
        "accept_incoming_jobs",
        Kind::Boolean,
        "Whether the farm takes incoming jobs from now on.",
    )
    .required(),
];
