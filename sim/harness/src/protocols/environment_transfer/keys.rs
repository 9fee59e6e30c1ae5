//! What environment transfer adds to scenario files.

mod words;

use super::stranger::{self, Ending};
use super::vocabulary::outcome;
use crate::scenario::{Key, Kind, Outage, ProtocolKeys};

/// The kinds of task (ET-36).
const TASKS: &[&str] = &["transfer", "deploy", "execute"];

/// The states of both machines, for `becomes`.
const STATES: &[&str] = &[
    "prepared",
    "sending",
    "accepted",
    "in-doubt",
    "completed",
    "failed",
    "cancelled",
    "rejected",
    "recorded",
    "running",
    "finished-unreported",
    "reported",
    "parked",
];

const HOST: &[Key] = &[
    Key::new(
        "product",
        Kind::Text,
        "The product version of the environment; neighbours must have the same (ET-9).",
    )
    .default_value("1"),
    Key::new(
        "restartable",
        Kind::Choices(TASKS),
        "The kinds of task whose work may start again after a crash of this host (ET-54).",
    ),
    Key::new(
        "connect_timer",
        Kind::Duration,
        "How long an opening may take (ET-59).",
    )
    .default_value("20s"),
    Key::new(
        "frame_timer",
        Kind::Duration,
        "How long a whole request may take to arrive (ET-30).",
    )
    .default_value("60s"),
    Key::new(
        "acknowledgement_timer",
        Kind::Duration,
        "How long a reply may take to arrive (ET-61).",
    )
    .default_value("20s"),
    Key::new(
        "linger",
        Kind::Duration,
        "How long an acceptor waits for the opener to close first (ET-20).",
    )
    .default_value("5s"),
    Key::new(
        "tasks_waiting",
        Kind::Integer {
            min: 1,
            max: 1_000_000,
        },
        "How many tasks of one link may wait for their turn; more are refused as busy.",
    )
    .default_value("1024"),
    Key::new(
        "part_size",
        Kind::Bytes,
        "How many octets one part of a transfer has (ET-32).",
    )
    .default_value("6 MiB"),
    Key::new(
        "task_deadline",
        Kind::Duration,
        "How long after acceptance a task falls into doubt (ET-49).",
    )
    .default_value("4h"),
    Key::new(
        "certificate_name",
        Kind::Text,
        "The name in the host's certificate, where a link uses TLS (ET-72). Without it: the host's.",
    ),
    Key::new(
        "certificate_authority",
        Kind::Text,
        "Who has issued the host's certificate. Every host believes `common` and nobody else.",
    )
    .default_value("common"),
    Key::new(
        "certificate_ends",
        Kind::Duration,
        "How long after the start of the run the host's certificate is valid. Without it: for good.",
    ),
    Key::new(
        "tolerance",
        Kind::Duration,
        "How far the time in a message may be from this host's clock (ET-74).",
    )
    .default_value("5m"),
];

const LINK: &[Key] = &[
    Key::new(
        "remote_port",
        Kind::Port,
        "Where the later environment, `to`, listens (ET-1).",
    )
    .required(),
    Key::new(
        "local_port",
        Kind::Port,
        "Where the earlier environment, `from`, listens for completions (ET-1).",
    )
    .required(),
    Key::new(
        "authentication",
        Kind::Choice(&["mac", "tls"]),
        "How the two environments know each other: by a code in each message (ET-73), or by \
         certificates over TLS (ET-72).",
    )
    .default_value("mac"),
    Key::new(
        "new_key",
        Kind::Hosts,
        "The ends that sign with a new key already, while both accept the old one and the new one.",
    ),
    Key::new(
        "remote_address",
        Kind::Text,
        "Where `from` finds `to`: the name of a host or of a middlebox with NAT, or an address. \
         Without it: the host itself.",
    ),
    Key::new(
        "callback_address",
        Kind::Text,
        "Where `to` finds `from` for completions, likewise (ET-40).",
    ),
];

const SUBMIT: &[Key] = &[
    Key::new(
        "from",
        Kind::Refers("host"),
        "The environment that sends the task.",
    )
    .required(),
    Key::new(
        "to",
        Kind::Refers("host"),
        "The environment that works on it. Without it: the one that follows `from`.",
    ),
    Key::new("task", Kind::Choice(TASKS), "The kind of the task.").required(),
    Key::new(
        "as",
        Kind::Declares("task"),
        "What the scenario calls the task.",
    )
    .required(),
    Key::new("work", Kind::Duration, "How long the work takes.").default_value("1s"),
    Key::new(
        "outcome",
        Kind::Choice(&["succeeded", "failed"]),
        "How the work ends when nothing interrupts it.",
    )
    .default_value("succeeded"),
    Key::new(
        "independent",
        Kind::Boolean,
        "Whether it may run beside other tasks of its link and out of their order (ET-56).",
    )
    .default_value("false"),
    Key::new(
        "depends_on",
        Kind::Refers("task"),
        "The task of the same link that must have succeeded before this one is sent (ET-57).",
    ),
    Key::new(
        "insist",
        Kind::Boolean,
        "Whether the operator waits while the host or the service is down, and repeats the command \
         until the environment has taken the task on.",
    )
    .default_value("false"),
    Key::new("size", Kind::Bytes, "How many octets a transfer carries.").default_value("64 KiB"),
    Key::new(
        "files",
        Kind::Integer {
            min: 1,
            max: 10_000,
        },
        "In how many files a transfer carries them.",
    )
    .default_value("4"),
];

const QUERY: &[Key] = &[
    Key::new(
        "from",
        Kind::Refers("host"),
        "The environment that asks: the task's originator.",
    )
    .required(),
    Key::new("task", Kind::Refers("task"), "The task asked for.").required(),
];

const CANCEL: &[Key] = &[
    Key::new(
        "at",
        Kind::Refers("host"),
        "The environment that works on the task.",
    )
    .required(),
    Key::new("task", Kind::Refers("task"), "The task to stop.").required(),
];

const PREFLIGHT: &[Key] = &[
    Key::new(
        "from",
        Kind::Refers("host"),
        "The environment that asks. The earlier one of a link tries both directions, the later one \
         its own way back.",
    )
    .required(),
    Key::new("to", Kind::Refers("host"), "Its neighbour.").required(),
];

const AT: &[Key] = &[
    Key::new(
        "submit",
        Kind::Table(SUBMIT),
        "Hands a task to an environment.",
    )
    .one_of("action"),
    Key::new(
        "query",
        Kind::Table(QUERY),
        "Asks the destination for a task's recorded state.",
    )
    .one_of("action"),
    Key::new(
        "cancel",
        Kind::Table(CANCEL),
        "Stops a task at its destination, as an operator may.",
    )
    .one_of("action"),
    Key::new(
        "preflight",
        Kind::Table(PREFLIGHT),
        "Tries the directions of a link, as an operator may (ET-81).",
    )
    .one_of("action"),
    Key::new(
        "stop",
        Kind::Refers("host"),
        "Ends the environment's service, once it has started where it still does; its host, and with \
         it the host's TCP, stays up.",
    )
    .one_of("action"),
    Key::new(
        "start",
        Kind::Refers("host"),
        "Starts a stopped service again; one that runs already is left alone.",
    )
    .one_of("action"),
    Key::new(
        "certify",
        Kind::Refers("host"),
        "Replaces a host's bad certificate by a good one, which its service uses from its next start \
         on.",
    )
    .one_of("action"),
    Key::new(
        "forget",
        Kind::Refers("host"),
        "Loses all records of an environment, as a restore from an empty backup does. Its service \
         should be stopped and its host up.",
    )
    .one_of("action"),
    Key::new(
        "send",
        Kind::Table(stranger::keys::SEND),
        "Has a stranger connect to a port and say something.",
    )
    .one_of("action"),
    Key::new(
        "listen",
        Kind::Table(stranger::keys::LISTEN),
        "Has a stranger listen on a port, and answer whoever connects.",
    )
    .one_of("action"),
];

const EXPECT: &[Key] = &[
    Key::new(
        "task",
        Kind::Refers("task"),
        "A task, with the state that it `becomes`.",
    )
    .one_of("form"),
    Key::new(
        "becomes",
        Kind::Choices(STATES),
        "The state that the task enters at the host `at`, or at any host without it.",
    )
    .required_beside(&["task"]),
];

const PATTERN: &[Key] = &[
    Key::new("task", Kind::Refers("task"), "The task concerned.")
        .beside(&["message", "state", "effect", "kind"]),
    Key::new(
        "outcome",
        Kind::Choices(&outcome::ALL),
        "The outcome of a task.",
    )
    .beside(&["message", "state", "effect", "kind"]),
    Key::new(
        "reason",
        Kind::Choices(words::REASONS),
        "Why a task failed or a request was refused.",
    )
    .beside(&["message", "state", "effect", "kind"]),
    Key::new(
        "recorded",
        Kind::Choices(STATES),
        "The destination's state in a status or acceptance.",
    )
    .beside(&["message", "kind"]),
    Key::new(
        "class",
        Kind::Choices(words::CLASSES),
        "The class of a failed attempt (ET-78).",
    )
    .beside(&["effect"]),
    Key::new(
        "phase",
        Kind::Choices(words::PHASES),
        "What a failed attempt or a connection was for.",
    )
    .beside(&["effect"]),
    Key::new(
        "way",
        Kind::Choice(&["forward", "reverse"]),
        "The direction that a preflight has tried: to the remote port, or to the local port.",
    )
    .beside(&["effect"]),
    Key::new(
        "found",
        Kind::Choices(words::FOUND),
        "What a preflight found out about it.",
    )
    .beside(&["effect"]),
    Key::new(
        "warning",
        Kind::Choices(words::WARNINGS),
        "What an operator is warned of.",
    )
    .beside(&["effect"]),
    Key::new("product", Kind::Text, "The product version that it names.")
        .beside(&["message", "kind"]),
    Key::new(
        "failure",
        Kind::Text,
        "What is said of a failed attempt, word for word.",
    )
    .beside(&["effect"]),
    Key::new(
        "act",
        Kind::Refers("act"),
        "The `send` or `listen` of a stranger.",
    )
    .beside(&["effect", "action"]),
    Key::new(
        "heard",
        Kind::Choices(words::HEARD),
        "What a stranger heard before an `encounter` was over.",
    )
    .beside(&["effect"]),
    Key::new(
        "ending",
        Kind::Choices(Ending::NAMES),
        "How an `encounter` ended: `closed` or `reset` by the other side, `left` by the stranger, \
         or `refused` or `unreached` before it began.",
    )
    .beside(&["effect"]),
    Key::new(
        "hazard",
        Kind::Text,
        "What was wrong with the document of an `encounter`.",
    )
    .beside(&["effect"]),
];

/// Everything that the protocol adds.
pub(super) const KEYS: ProtocolKeys = ProtocolKeys {
    host: HOST,
    link: LINK,
    at: AT,
    faults: &["send", "listen"],
    expect: EXPECT,
    bites: &[],
    pattern: PATTERN,
    // ET-87: beside crashes and cut ways, at any event or time that the seed draws.
    outages: &[Outage {
        begin: "stop",
        end: "start",
        meets: "is stopped",
    }],
    words: words::WORDS,
};
