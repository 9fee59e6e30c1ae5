//! The core's key tables: what every scenario file may say, whatever its protocol.

use super::key::{Key, Kind};

/// The host profiles of the simulated network.
pub(super) const PROFILES: &[&str] = &["win-current", "win-legacy", "linux-6.5+", "linux-old"];

/// The top level of a file, besides its sections.
pub(super) const SCENARIO: &[Key] = &[
    Key::new(
        "title",
        Kind::Text,
        "The claim that the scenario tests, as one sentence; unique among all scenarios.",
    )
    .required(),
    Key::new(
        "clauses",
        Kind::Texts,
        "The clauses of the specification that the claim rests on. The strictest of their levels \
         decides whether a broken claim is FAIL, WARN or INFO.",
    )
    .required(),
    Key::new(
        "why",
        Kind::Text,
        "Why the claim should hold: for whoever reads a failing run.",
    ),
    Key::new(
        "ends",
        Kind::Duration,
        "The simulated time at which the run ends at the latest. Without it: two simulated hours \
         after the last step, or after the last `within` has passed, whichever is later.",
    ),
    Key::new(
        "disabled",
        Kind::Text,
        "Why the scenario is not run at present; its verdict is then DISABLED.",
    ),
];

/// `[hosts.NAME]`.
pub(super) const HOST: &[Key] = &[
    Key::new(
        "role",
        Kind::Text,
        "What the host is; each protocol has its own roles.",
    )
    .required(),
    Key::new(
        "profile",
        Kind::Choice(PROFILES),
        "The operating system whose TCP the host has: its dynamic ports, timers and answers.",
    )
    .default_value("win-current"),
    Key::new(
        "stealth",
        Kind::Boolean,
        "Whether a closed port stays silent instead of answering with a reset.",
    )
    .default_value("false"),
    Key::new(
        "clock_offset",
        Kind::Offset,
        "How far the host's clock is ahead of the true time; negative when it is behind.",
    ),
];

/// What a link or one direction of it can be like.
const QUALITY: [Key; 7] = [
    Key::new(
        "latency",
        Kind::Duration,
        "The time that a packet takes, without jitter.",
    ),
    Key::new(
        "jitter",
        Kind::Duration,
        "How far the latency varies from packet to packet; `distribution` says how.",
    ),
    Key::new(
        "distribution",
        Kind::Choice(&["uniform", "normal", "pareto"]),
        "`uniform`: latency to latency + jitter. `normal`: around latency with this deviation. \
         `pareto`: at least latency, with a tail of this scale.",
    )
    .beside(&["jitter"])
    .default_value("uniform"),
    Key::new("loss", Kind::Percent, "The share of packets that are lost."),
    Key::new(
        "duplicate",
        Kind::Percent,
        "The share of packets that are delivered twice.",
    ),
    Key::new(
        "reorder",
        Kind::Percent,
        "The share of packets that later ones may overtake.",
    ),
    Key::new(
        "bandwidth",
        Kind::Rate,
        "The rate at which packets leave the link's queue.",
    ),
];

const FROM: Key = Key::new("from", Kind::Refers("host"), "The host at one end.").required();
const TO: Key = Key::new("to", Kind::Refers("host"), "The host at the other end.").required();

/// `[[link]]`: both directions, and what the protocol says about it.
pub(super) const LINK: &[Key] = &[
    FROM, TO, QUALITY[0], QUALITY[1], QUALITY[2], QUALITY[3], QUALITY[4], QUALITY[5], QUALITY[6],
];

/// `[[path]]`: one direction, from `from` to `to`.
pub(super) const PATH: &[Key] = LINK;

/// `[[middlebox]]`.
pub(super) const MIDDLEBOX: &[Key] = &[
    Key::new("name", Kind::Declares("middlebox"), "Its name.").required(),
    Key::new(
        "between",
        Kind::Hosts,
        "The two hosts between which it stands; `out` is away from the first.",
    )
    .required(),
    Key::new(
        "idle_timeout",
        Kind::Duration,
        "How long it remembers a connection without packets. Without it: for ever.",
    ),
    Key::new(
        "on_expiry",
        Kind::Choice(&["silent", "reset"]),
        "What happens to packets of a forgotten connection: dropped, or answered with resets.",
    )
    .beside(&["idle_timeout"])
    .default_value("silent"),
];

const WHERE_HOST: Key = Key::new(
    "host",
    Kind::Refers("host"),
    "The host whose firewall it is.",
)
.one_of("place");
const WHERE_BOX: Key = Key::new(
    "middlebox",
    Kind::Refers("middlebox"),
    "The middlebox whose firewall it is.",
)
.one_of("place");

/// A firewall rule, after its place.
const RULE: [Key; 11] = [
    Key::new("name", Kind::Declares("rule"), "The rule's name.").required(),
    Key::new(
        "verdict",
        Kind::Choice(&[
            "accept",
            "drop",
            "reset",
            "port-unreachable",
            "host-unreachable",
            "net-unreachable",
            "admin-prohibited",
            "delay",
            "reorder",
            "cut",
            "blackhole",
        ]),
        "What happens to a packet that matches. `cut` ends a connection at an octet, `blackhole` \
         swallows everything after the handshake, `reorder` lets other connections overtake.",
    )
    .required(),
    Key::new(
        "direction",
        Kind::Choice(&["in", "out", "both"]),
        "Into or out of the host; on a middlebox `out` is away from the first host of `between`.",
    )
    .default_value("both"),
    Key::new(
        "from",
        Kind::Refers("host"),
        "The sending host; any without it.",
    ),
    Key::new(
        "to",
        Kind::Refers("host"),
        "The receiving host; any without it.",
    ),
    Key::new(
        "port",
        Kind::Ports,
        "Destination ports that match; any without it.",
    ),
    Key::new(
        "source_port",
        Kind::Ports,
        "Source ports that match; any without it.",
    ),
    Key::new(
        "state",
        Kind::Choice(&["any", "new", "established", "untracked"]),
        "What the packet's connection is to the firewall: opened by this packet, answered \
         before, or unknown to it.",
    )
    .default_value("any"),
    Key::new(
        "by",
        Kind::Duration,
        "How long packets are held; at most so long with `reorder`.",
    )
    .default_value("1s"),
    Key::new(
        "octet",
        Kind::Integer {
            min: 0,
            max: u32::MAX as u64,
        },
        "How many octets of payload a connection may carry in this direction; with `cut`.",
    )
    .default_value("0"),
    Key::new(
        "then",
        Kind::Choice(&["drop", "reset"]),
        "What happens to octets beyond; with `cut`.",
    )
    .default_value("drop"),
];

/// `[[firewall]]`: a rule that is there from the start, in the order of the file.
pub(super) const FIREWALL: &[Key] = &[
    WHERE_HOST, WHERE_BOX, RULE[0], RULE[1], RULE[2], RULE[3], RULE[4], RULE[5], RULE[6], RULE[7],
    RULE[8], RULE[9], RULE[10],
];

const FIREWALL_CHANGE: &[Key] = &[
    WHERE_HOST,
    WHERE_BOX,
    Key::new(
        "add",
        Kind::Table(&RULE),
        "A rule, put before those that are there; the first that matches decides.",
    )
    .one_of("change"),
    Key::new(
        "remove",
        Kind::Refers("rule"),
        "The name of the rule to take away.",
    )
    .one_of("change"),
];

const PARTITION: &[Key] = &[
    Key::new(
        "name",
        Kind::Declares("partition"),
        "Its name, for `heal` and `[[bites]]`.",
    )
    .required(),
    Key::new("from", Kind::Hosts, "The hosts on one side.").required(),
    Key::new("to", Kind::Hosts, "The hosts on the other side.").required(),
    Key::new(
        "one_way",
        Kind::Boolean,
        "Whether packets from `to` to `from` still pass.",
    )
    .default_value("false"),
];

const CLOCK: &[Key] = &[
    Key::new("host", Kind::Refers("host"), "The host.").required(),
    Key::new(
        "offset",
        Kind::Offset,
        "How far its clock is then ahead of the true time.",
    )
    .required(),
];

/// `[[at]]`: a step. Besides these the actions of the protocol.
pub(super) const AT: &[Key] = &[
    Key::new("time", Kind::Duration, "When, since the start of the run.").one_of("moment"),
    Key::new(
        "after",
        Kind::Event(EVENT),
        "The event that triggers the step, at the instant at which it happens.",
    )
    .one_of("moment"),
    Key::new("delay", Kind::Duration, "How long after the event.")
        .beside(&["after"])
        .default_value("0s"),
    Key::new(
        "firewall",
        Kind::Table(FIREWALL_CHANGE),
        "Adds a rule to a firewall or removes one.",
    )
    .one_of("action"),
    Key::new(
        "partition",
        Kind::Table(PARTITION),
        "Cuts hosts off from each other.",
    )
    .one_of("action"),
    Key::new("heal", Kind::Refers("partition"), "Ends a partition.").one_of("action"),
    Key::new(
        "crash",
        Kind::Refers("host"),
        "Loses the host's memory and sockets without a word; its disk keeps what was durable.",
    )
    .one_of("action"),
    Key::new(
        "restart",
        Kind::Refers("host"),
        "Starts a crashed host again from its disk.",
    )
    .one_of("action"),
    Key::new(
        "pause",
        Kind::Refers("host"),
        "Stops the host's processes; packets wait.",
    )
    .one_of("action"),
    Key::new("resume", Kind::Refers("host"), "Lets a paused host go on.").one_of("action"),
    Key::new("clock", Kind::Table(CLOCK), "Sets a host's clock.").one_of("action"),
    Key::new(
        "link",
        Kind::Table(LINK),
        "Sets both directions of a link; what it does not say goes back to its default.",
    )
    .one_of("action"),
    Key::new(
        "path",
        Kind::Table(PATH),
        "Sets one direction of a link, likewise.",
    )
    .one_of("action"),
];

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
pub(super) const CONNECTION_EVENT: &[Key] = &[
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
pub(super) const MESSAGE_EVENT: &[Key] = &[
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
pub(super) const EVENT: &[Key] = &[
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
        presence: super::key::Presence::Beside(&["connection", "message", "packet"]),
        ..EVENT_FROM
    },
    Key {
        presence: super::key::Presence::Beside(&["connection", "message", "packet"]),
        ..EVENT_TO
    },
    Key {
        presence: super::key::Presence::Beside(&["connection", "message", "packet"]),
        ..EVENT_PORT
    },
    Key {
        presence: super::key::Presence::Beside(&["connection", "message", "packet"]),
        ..EVENT_SOURCE_PORT
    },
    Key {
        presence: super::key::Presence::Beside(&["message"]),
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

const COUNTED: &[&str] = &["connection", "message", "event"];

/// `[[expect]]`: besides these the forms of the protocol.
pub(super) const EXPECT: &[Key] = &[
    Key::new(
        "connection",
        Kind::Table(CONNECTION_EVENT),
        "Connections that are opened, refused, reset or closed.",
    )
    .one_of("form"),
    Key::new(
        "message",
        Kind::Event(MESSAGE_EVENT),
        "Messages, as decoded from the wire.",
    )
    .one_of("form"),
    Key::new("event", Kind::Event(EVENT), "Any event of the history.").one_of("form"),
    Key::new(
        "order",
        Kind::Events(EVENT),
        "Events that happen in this order; each is looked for after the one before it.",
    )
    .one_of("form"),
    Key::new(
        "count",
        Kind::Count,
        "How many: a number, or `{ min = 1, max = 4 }`. Without it, \
              at least one.",
    )
    .beside(COUNTED),
    Key::new(
        "never",
        Kind::Boolean,
        "Whether none may happen: the same as `count = 0`.",
    )
    .beside(COUNTED),
    Key::new(
        "at",
        Kind::Refers("host"),
        "The host at which it must be observed.",
    ),
    Key::new(
        "within",
        Kind::Duration,
        "By when, counted from the start of the run or from `after`.",
    ),
    Key::new(
        "after",
        Kind::Event(EVENT),
        "The event from which counting and `within` start; what came before does not count.",
    ),
    Key::new(
        "clauses",
        Kind::Texts,
        "The clauses that this expectation checks; without it, those of the scenario.",
    ),
];

const PACKET_COUNT: &[&str] = &["rule", "partition", "middlebox"];

/// `[[bites]]`: the proof that a fault happened.
pub(super) const BITES: &[Key] = &[
    Key::new(
        "rule",
        Kind::Refers("rule"),
        "A firewall rule that hit packets.",
    )
    .one_of("fault"),
    Key::new(
        "partition",
        Kind::Refers("partition"),
        "A partition that hit packets.",
    )
    .one_of("fault"),
    Key::new(
        "middlebox",
        Kind::Refers("middlebox"),
        "A middlebox that hit packets.",
    )
    .one_of("fault"),
    Key::new(
        "event",
        Kind::Event(EVENT),
        "An event that only the fault can have caused, or that the fault hit.",
    )
    .one_of("fault"),
    Key::new(
        "order",
        Kind::Events(EVENT),
        "Events in an order that shows that the fault hit: work starts, then its host crashes.",
    )
    .one_of("fault"),
    Key::new(
        "packets",
        Kind::Count,
        "How many packets it hit. Without it, at least one.",
    )
    .beside(PACKET_COUNT),
    Key::new(
        "count",
        Kind::Count,
        "How many events. Without it, at least one.",
    )
    .beside(&["event"]),
];

/// The names of the actions of [`AT`] that are faults, so that a file with one needs `[[bites]]`.
pub(super) const FAULTS: &[&str] = &["firewall", "partition", "crash", "pause", "clock"];
