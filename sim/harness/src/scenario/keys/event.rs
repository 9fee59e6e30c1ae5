//! Events, as `after`, `order`, `[[expect]]` and `[[bites]]` name them.

use crate::scenario::key::{Key, Kind, Presence};

const PHASES: &[&str] = &[
    "opening",
    "established",
    "refused",
    "timed-out",
    "host-unreachable",
    "network-unreachable",
    "reset",
    "fin-sent",
    "fin-received",
    "closed",
];

const PASSAGES: &[&str] = &["sent", "delivered"];

const EVENT_FROM: Key = Key::new(
    "from",
    Kind::Hosts,
    "The host that opened the connection, or sent the message or packet.",
);
const EVENT_TO: Key = Key::new("to", Kind::Hosts, "The host that listened, or was sent to.");
const EVENT_PORT: Key = Key::new(
    "port",
    Kind::Ports,
    "The port connected to, or the destination port of the message or packet.",
);
const EVENT_SOURCE_PORT: Key = Key::new(
    "source_port",
    Kind::Ports,
    "The opener's port, or the source port of the message or packet.",
);
const EVENT_HOST: Key = Key::new(
    "host",
    Kind::Hosts,
    "The host at which the event was observed.",
);
const EVENT_NTH: Key = Key::new(
    "nth",
    Kind::Integer {
        min: 1,
        max: 1_000_000,
    },
    "Which of the events that match is meant.",
)
.default_value("1");
const EVENT_PASSAGE: Key = Key::new(
    "passage",
    Kind::Choice(PASSAGES),
    "Whether the message left its sender, or arrived whole.",
)
.default_value("delivered");

/// A connection in `[[expect]]`.
pub(in crate::scenario) const CONNECTION_EVENT: &[Key] = &[
    Key::new(
        "phase",
        Kind::Choices(PHASES),
        "What happened to the connection.",
    )
    .required(),
    EVENT_HOST,
    EVENT_FROM,
    EVENT_TO,
    EVENT_PORT,
    EVENT_SOURCE_PORT,
];

/// A message in `[[expect]]`.
pub(in crate::scenario) const MESSAGE_EVENT: &[Key] = &[
    Key::new(
        "kind",
        Kind::Texts,
        "The message's kind, as the protocol names it.",
    )
    .required(),
    EVENT_PASSAGE,
    EVENT_FROM,
    EVENT_TO,
    EVENT_PORT,
    EVENT_SOURCE_PORT,
];

/// Any event, in `after`, `order`, `[[expect]]` and `[[bites]]`.
pub(in crate::scenario) const EVENT: &[Key] = &[
    Key::new(
        "connection",
        Kind::Choices(PHASES),
        "A connection: what happened to it.",
    )
    .one_of("event"),
    Key::new("message", Kind::Texts, "A message: its kind.").one_of("event"),
    Key::new(
        "packet",
        Kind::Texts,
        "A packet: its fate, such as `sent`, `delivered`, `dropped` or `lost`.",
    )
    .one_of("event"),
    Key::new(
        "state",
        Kind::Texts,
        "A state machine's move: the state entered.",
    )
    .one_of("event"),
    Key::new("write", Kind::Texts, "A durable write: the table.").one_of("event"),
    Key::new(
        "effect",
        Kind::Texts,
        "What an implementation announces: its name.",
    )
    .one_of("event"),
    Key::new("action", Kind::Texts, "A step of the harness: its name.").one_of("event"),
    EVENT_HOST,
    Key {
        presence: Presence::Beside(&["connection", "message", "packet"]),
        ..EVENT_FROM
    },
    Key {
        presence: Presence::Beside(&["connection", "message", "packet"]),
        ..EVENT_TO
    },
    Key {
        presence: Presence::Beside(&["connection", "message", "packet"]),
        ..EVENT_PORT
    },
    Key {
        presence: Presence::Beside(&["connection", "message", "packet"]),
        ..EVENT_SOURCE_PORT
    },
    Key {
        presence: Presence::Beside(&["message"]),
        ..EVENT_PASSAGE
    },
    Key::new(
        "flags",
        Kind::Texts,
        "The TCP flags: `S`, `SA`, `A`, `FA`, `R`; `I` for ICMP.",
    )
    .beside(&["packet"]),
    Key::new(
        "by",
        Kind::Texts,
        "The rule, partition or middlebox that decided.",
    )
    .beside(&["packet"]),
    Key::new("machine", Kind::Texts, "The kind of state machine.").beside(&["state"]),
    Key::new("left", Kind::Texts, "The state left.").beside(&["state"]),
    Key::new("key", Kind::Texts, "The record's key.").beside(&["write"]),
    EVENT_NTH,
];
