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

/// What becomes of a packet, as the network names it.
const FATES: &[&str] = &[
    "sent",
    "delivered",
    "dropped",
    "rejected",
    "partitioned",
    "held",
    "lost",
    "duplicated",
    "link-down",
    "queue-full",
    "host-down",
    "no-host",
    "translated",
];

/// The letters of a packet's flags, as the network writes them.
const FLAGS: &[&str] = &[
    "S", "SA", "A", "PA", "FA", "FPA", "F", "FP", "P", "R", "RA", "-", "I",
];

/// What the harness itself does, besides the actions that a protocol adds to `[[at]]`.
pub(in crate::scenario) const ACTIONS: &[&str] = &[
    "firewall-add",
    "firewall-remove",
    "partition",
    "heal",
    "hold",
    "release",
    "path",
    "resolve",
    "crash",
    "restart",
    "pause",
    "resume",
    "stall",
    "unstall",
    "clock",
    "kill",
    "reboot",
    "exit",
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
        Kind::Words("message"),
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
    Key::new("message", Kind::Words("message"), "A message: its kind.").one_of("event"),
    Key::new("packet", Kind::Choices(FATES), "A packet: its fate.").one_of("event"),
    Key::new(
        "state",
        Kind::Words("state"),
        "A state machine's move: the state entered.",
    )
    .one_of("event"),
    Key::new("write", Kind::Words("write"), "A durable write: the table.").one_of("event"),
    Key::new(
        "effect",
        Kind::Words("effect"),
        "What an implementation announces: its name.",
    )
    .one_of("event"),
    Key::new(
        "action",
        Kind::Words("action"),
        "A step of the harness: its name.",
    )
    .one_of("event"),
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
        Kind::Choices(FLAGS),
        "The TCP flags, as their first letters; `-` for none, `I` for ICMP.",
    )
    .beside(&["packet"]),
    Key::new(
        "by",
        Kind::Texts,
        "The rule, partition or middlebox that decided.",
    )
    .beside(&["packet"]),
    Key::new(
        "machine",
        Kind::Words("machine"),
        "The kind of state machine.",
    )
    .beside(&["state"]),
    Key::new("left", Kind::Words("state"), "The state left.").beside(&["state"]),
    Key::new("key", Kind::Texts, "The record's key.").beside(&["write"]),
    EVENT_NTH,
];
