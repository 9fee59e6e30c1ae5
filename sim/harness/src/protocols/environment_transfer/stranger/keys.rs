//! What scenario files may tell strangers to do.

use super::hazard;
use crate::protocols::environment_transfer::vocabulary::outcome;
use crate::scenario::{Key, Kind};

/// The kinds of message that a stranger can make.
pub(super) const KINDS: &[&str] = &[
    "hello",
    "task",
    "completed",
    "query",
    "hello-ack",
    "accepted",
    "completed-ack",
    "status",
];

/// How messages of strangers are signed.
pub(super) const SIGNATURES: &[&str] = &["link-key", "other-key", "none"];

/// What a stranger does once it has said what it had to say.
pub(super) const ENDS: &[&str] = &["wait", "stay", "half-close", "close", "reset"];

/// `message = { … }`.
const MESSAGE: &[Key] = &[
    Key::new("kind", Kind::Choice(KINDS), "The kind of the message.").required(),
    Key::new(
        "name",
        Kind::Text,
        "The environment that it claims to be from. Without it: the one that the link has at its \
         other end, or that the request was for.",
    ),
    Key::new(
        "recipient",
        Kind::Text,
        "The environment that it is for. Without it: the one that it is sent to.",
    ),
    Key::new(
        "task",
        Kind::Refers("task"),
        "The task that it speaks of. Without it: the one that the request spoke of, or one that \
         nobody knows.",
    ),
    Key::new(
        "outcome",
        Kind::Choice(&outcome::ALL),
        "How it says that the task ended; a failure's reason is `command-failed`.",
    )
    .default_value("succeeded"),
    Key::new(
        "command",
        Kind::Text,
        "What a task is to run, which is called like the task in a task that the scenario submits.",
    ),
    Key::new(
        "product",
        Kind::Text,
        "The product version that a greeting names.",
    )
    .default_value("1"),
    Key::new(
        "age",
        Kind::Offset,
        "How long ago it says that it was sent.",
    )
    .default_value("0s"),
    Key::new(
        "signed",
        Kind::Choice(SIGNATURES),
        "With which key it is signed: that of the link, as a stolen key or a replayed message \
         would be, some other, or none.",
    )
    .default_value("link-key"),
];

const AS: Key = Key::new(
    "as",
    Kind::Declares("act"),
    "What the scenario calls it; the effects `approached` and `encounter` name it as `act`.",
);
const TEXT: Key = Key::new("text", Kind::Text, "What it says: these characters.");
const HEX: Key = Key::new(
    "hex",
    Kind::Text,
    "What it says: these octets, two digits each, such as `16 03 01`.",
);
const FRAMED: Key = Key::new(
    "framed",
    Kind::Boolean,
    "Whether the length of a data unit stands before the characters or octets.",
)
.default_value("false");
const SAYS: Key = Key::new(
    "message",
    Kind::Table(MESSAGE),
    "What it says: a well-formed message of the protocol.",
);
const HAZARD: Key = Key::new(
    "hazard",
    Kind::Choices(hazard::NAMES),
    "What is wrong with the document of the message, which is a greeting if the file says none. \
     For each hazard of a list a connection is opened, one after the other.",
);
const TIMES: Key = Key::new(
    "times",
    Kind::Integer { min: 1, max: 1_000 },
    "How often it says that on one connection.",
)
.default_value("1");
const CHUNK: Key = Key::new(
    "chunk",
    Kind::Integer {
        min: 1,
        max: 1_000_000,
    },
    "How many octets it sends at a time; all at once without it.",
);
const EVERY: Key = Key::new("every", Kind::Duration, "How long it rests in between.");
const STOP_AFTER: Key = Key::new(
    "stop_after",
    Kind::Integer {
        min: 0,
        max: u32::MAX as u64,
    },
    "After how many octets it says no more.",
);
const THEN: Key = Key::new(
    "then",
    Kind::Choice(ENDS),
    "What follows what it says. `wait`: it reads one answer and closes. `stay`: it reads and never \
     closes. `half-close`: it closes its own direction at once, reads one answer and closes. \
     `close`, `reset`: at once, without reading.",
)
.default_value("wait");

/// `send = { … }`: a stranger opens connections.
pub(in super::super) const SEND: &[Key] = &[
    Key::new("from", Kind::Refers("host"), "The stranger.").required(),
    Key::new("to", Kind::Refers("host"), "Whose port it connects to.").required(),
    Key::new("port", Kind::Port, "The port.").required(),
    AS.required(),
    TEXT,
    HEX,
    FRAMED.beside(&["text", "hex"]),
    SAYS,
    HAZARD,
    TIMES,
    CHUNK,
    EVERY.beside(&["chunk"]),
    STOP_AFTER,
    THEN,
    Key::new(
        "connections",
        Kind::Integer {
            min: 1,
            max: 10_000,
        },
        "How many connections it opens at once, to say the same on each.",
    )
    .default_value("1"),
];

/// `listen = { … }`: a stranger accepts connections.
pub(in super::super) const LISTEN: &[Key] = &[
    Key::new("host", Kind::Refers("host"), "The stranger.").required(),
    Key::new("port", Kind::Port, "The port that it listens on.").required(),
    AS.required(),
    TEXT,
    HEX,
    FRAMED.beside(&["text", "hex"]),
    SAYS,
    HAZARD,
    TIMES,
    CHUNK,
    EVERY.beside(&["chunk"]),
    STOP_AFTER,
    THEN,
    Key::new(
        "first",
        Kind::Boolean,
        "Whether it speaks before it has heard anything.",
    )
    .default_value("false"),
];
