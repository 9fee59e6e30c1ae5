//! The core's key tables: what every scenario file may say, whatever its protocol.

mod chaos;
mod event;
mod network;

use super::key::{Key, Kind};
pub(super) use chaos::{ALONE, CHAOS, PAIRED};
pub(super) use event::{ACTIONS, CONNECTION_EVENT, EVENT, MESSAGE_EVENT};
use network::{CLOCK, FIREWALL_CHANGE, HOLD, KILL, PARTITION, RESOLVE};
pub(super) use network::{FIREWALL, LINK, MIDDLEBOX, PATH};

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
         after the last step, or after the last `within` has passed, whichever is later, and \
         longer by all the work that the steps hand over.",
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
    Key::new(
        "clock_drift",
        Kind::Drift,
        "How much the host's clock runs fast; negative when it runs slow. 50 ppm are 4.32 s a day.",
    ),
    Key::new(
        "dynamic_ports",
        Kind::Ports,
        "The range of source ports of outgoing connections, instead of the profile's.",
    ),
    Key::new(
        "time_wait",
        Kind::Duration,
        "How long a port stays reserved after this end closed first, instead of the profile's.",
    ),
    Key::new(
        "backlog",
        Kind::Integer {
            min: 1,
            max: 65_535,
        },
        "How many connections wait to be accepted at most; `profile` and `stealth` say what a SYN \
         beyond meets.",
    )
    .default_value("4096"),
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
        "name",
        Kind::Text,
        "What the history calls the step; those that the seed draws are called `chaos-1` and so on.",
    ),
    Key::new(
        "optional",
        Kind::Boolean,
        "Whether a pass stands also when the step has no effect, or never comes. Of any other step \
         that makes a pass INCONCLUSIVE; those that the seed draws are optional.",
    ),
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
        "hold",
        Kind::Table(HOLD),
        "Has all packets between hosts wait, in both directions, also those under way.",
    )
    .one_of("action"),
    Key::new(
        "release",
        Kind::Refers("hold"),
        "Ends a hold: what has waited arrives at once.",
    )
    .one_of("action"),
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
    Key::new(
        "stall",
        Kind::Refers("host"),
        "Stops the host's processes while its TCP goes on: connections are made and nobody accepts \
         them.",
    )
    .one_of("action"),
    Key::new(
        "unstall",
        Kind::Refers("host"),
        "Lets the processes of a stalled host go on.",
    )
    .one_of("action"),
    Key::new("clock", Kind::Table(CLOCK), "Sets a host's clock.").one_of("action"),
    Key::new(
        "kill",
        Kind::Table(KILL),
        "Makes a middlebox forget connections that are open.",
    )
    .one_of("action"),
    Key::new(
        "reboot",
        Kind::Refers("middlebox"),
        "Makes a middlebox forget all connections and NAT mappings; its rules stay.",
    )
    .one_of("action"),
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
    Key::new(
        "resolve",
        Kind::Table(RESOLVE),
        "Lets the name of a host lead to another host's address, as a changed record of a name \
         server does.",
    )
    .one_of("action"),
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

const PACKET_COUNT: &[&str] = &["rule", "partition", "hold", "middlebox"];

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
    Key::new("hold", Kind::Refers("hold"), "A hold that hit packets.").one_of("fault"),
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
        "chaos",
        Kind::Boolean,
        "Any of the faults that the seed draws: a host that went down, a way that changed, or a \
         packet that one of them hit. It is asked of all seeds of a run together: a seed whose \
         faults hit nothing still passes.",
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
pub(super) const FAULTS: &[&str] = &[
    "firewall",
    "partition",
    "hold",
    "resolve",
    "crash",
    "pause",
    "stall",
    "clock",
    "kill",
    "reboot",
];
