//! The keys of an environment's configuration file.
//!
//! No port has a default, and every other default is ours: the vendor documents none (ET-5).

use crate::scenario::reference::settings_page;
use crate::scenario::{Key, Kind};

/// The reference page of every key, as Markdown without a title.
#[must_use]
pub fn reference() -> String {
    settings_page(ENVIRONMENT)
}

/// The whole file.
pub(super) const ENVIRONMENT: &[Key] = &[
    Key::new(
        "name",
        Kind::Text,
        "The environment's name, as its neighbours' files spell it.",
    )
    .required(),
    Key::new(
        "product",
        Kind::Text,
        "The product version; neighbours must have the same (ET-9).",
    )
    .required(),
    Key::new(
        "state",
        Kind::Text,
        "The directory that belongs to this environment: store, staged parts, received files. \
         Relative to the file; created when absent.",
    )
    .required(),
    Key::new(
        "listen",
        Kind::Text,
        "The address to listen on; 0.0.0.0 for every one of this host. Beyond loopback every link \
         has to be authenticated (ET-72).",
    )
    .default_value("127.0.0.1"),
    Key::new(
        "tolerance",
        Kind::Duration,
        "How far a message's time may be from this host's clock (ET-74).",
    )
    .default_value("5m"),
    Key::new(
        "dynamic_ports",
        Kind::Ports,
        "The ports that this host hands out to outgoing connections, such as \"49152..65535\"; \
         preflight names them in rules. Without it: what the system says, where it does.",
    ),
    Key::new(
        "restartable",
        Kind::Choices(&["transfer", "deploy", "execute"]),
        "The kinds whose work may be started a second time after a crash (ET-54).",
    ),
    Key::new(
        "later",
        Kind::Tables(LINK),
        "The environments that this one sends tasks to (ET-2).",
    ),
    Key::new(
        "earlier",
        Kind::Tables(LINK),
        "The environments that send tasks to this one.",
    ),
    Key::new(
        "command",
        Kind::Tables(COMMAND),
        "What deploy and execute tasks from earlier environments may run here.",
    ),
    Key::new(
        "tls",
        Kind::Table(TLS),
        "Who this environment is to links with `authentication = \"tls\"` (ET-72).",
    ),
    Key::new("timers", Kind::Table(TIMERS), "Timers (ET-59)."),
    Key::new("limits", Kind::Table(LIMITS), "Limits (ET-24)."),
    Key::new(
        "retries",
        Kind::Table(RETRIES),
        "Waits between attempts, each a list of durations of which the last repeats as its \
         schedule says.",
    ),
];

/// A link to a neighbour: both of its ports belong to the link (ET-1).
const LINK: &[Key] = &[
    Key::new("name", Kind::Text, "The neighbour's name.").required(),
    Key::new(
        "address",
        Kind::Text,
        "The neighbour's address, or the name of its host. For an earlier neighbour the only place \
         that completions are sent to (ET-40).",
    )
    .default_value("127.0.0.1"),
    Key::new(
        "remote_port",
        Kind::Port,
        "The port on which the later of the two listens for greetings, tasks and queries.",
    )
    .required(),
    Key::new(
        "local_port",
        Kind::Port,
        "The port on which the earlier of the two listens for completions.",
    )
    .required(),
    Key::new(
        "authentication",
        Kind::Choice(&["mac", "tls", "none"]),
        "How both ends prove who they are (ET-72): a code in every message over a shared secret, \
         certificates of both, or not at all, which is for loopback addresses only.",
    )
    .default_value("none"),
    Key::new(
        "key_files",
        Kind::Texts,
        "For \"mac\": the file with the secret, relative to this one. Two during a rotation: the \
         first signs, both are accepted (ET-73).",
    ),
];

/// Certificates; every file is PEM, relative to the configuration.
const TLS: &[Key] = &[
    Key::new(
        "certificate",
        Kind::Text,
        "The file with this environment's certificate, which has the environment's `name` as a DNS \
         name and is good for clients and servers, and with the intermediate ones behind it.",
    )
    .required(),
    Key::new(
        "key",
        Kind::Text,
        "The file with the certificate's private key, for the eyes of its owner only.",
    )
    .required(),
    Key::new(
        "authorities",
        Kind::Text,
        "The file with the certificates of the authorities that neighbours' certificates are from.",
    )
    .required(),
];

/// A command: a name for others, an argument vector for this host.
const COMMAND: &[Key] = &[
    Key::new(
        "name",
        Kind::Declares("command"),
        "The name that tasks use; nothing else of a task reaches the command line.",
    )
    .required(),
    Key::new(
        "argv",
        Kind::Texts,
        "The program and its arguments, one text each; no shell reads them. A program with a slash \
         is relative to the file.",
    )
    .required(),
    Key::new(
        "directory",
        Kind::Text,
        "Where it runs, relative to the file; otherwise in the directory of received files.",
    ),
];

/// Timers; the defaults are the agent's.
const TIMERS: &[Key] = &[
    Key::new(
        "connect",
        Kind::Duration,
        "From the start of a connect to the connection; below 21 s all hosts report one class.",
    )
    .default_value("20s"),
    Key::new(
        "frame",
        Kind::Duration,
        "From accept to the complete request.",
    )
    .default_value("60s"),
    Key::new(
        "acknowledgement",
        Kind::Duration,
        "From the sent request to the complete reply.",
    )
    .default_value("20s"),
    Key::new(
        "linger",
        Kind::Duration,
        "How long an acceptor waits for the opener to close first.",
    )
    .default_value("5s"),
    Key::new(
        "task_deadline",
        Kind::Duration,
        "From acceptance to doubt (ET-49).",
    )
    .default_value("4h"),
    Key::new(
        "probe",
        Kind::Duration,
        "For a preflight's whole probe of the way back; shorter than `acknowledgement` (ET-81).",
    )
    .default_value("10s"),
];

/// Limits; the defaults are the agent's.
const LIMITS: &[Key] = &[
    limit(
        "connections_per_peer",
        "Connections accepted at a time from one address.",
    )
    .default_value("32"),
    limit("connections", "Connections accepted at a time in all.").default_value("256"),
    limit(
        "parts_at_a_time",
        "Parts of transfers sent at a time, and held in memory at a time: 16 MiB each.",
    )
    .default_value("4"),
    limit(
        "tasks_waiting",
        "Tasks of one link that wait here; more are refused as busy.",
    )
    .default_value("1024"),
    limit(
        "independent_at_a_time",
        "Independent tasks of one link that run beside the ordered one.",
    )
    .default_value("8"),
];

const fn limit(name: &'static str, doc: &'static str) -> Key {
    let kind = Kind::Integer {
        min: 1,
        max: 1_000_000,
    };
    Key::new(name, kind, doc)
}

/// Schedules; the defaults are the agent's.
const RETRIES: &[Key] = &[
    Key::new("request", Kind::Texts, "Greetings and parts."),
    Key::new("task", Kind::Texts, "Tasks (ET-44)."),
    Key::new("completion", Kind::Texts, "Completions (ET-45)."),
    Key::new("status", Kind::Texts, "Status queries in doubt (ET-51)."),
];
