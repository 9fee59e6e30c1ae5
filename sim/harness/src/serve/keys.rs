//! The keys of an environment's configuration file.
//!
//! No port has a default, and every other default is ours: the vendor documents none (ET-5).

use crate::scenario::{Key, Kind};

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
    Key::new("listen", Kind::Text, "The loopback address to listen on.").default_value("127.0.0.1"),
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
    Key::new("timers", Kind::Table(TIMERS), "Timers (ET-59)."),
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
        "The neighbour's address; a loopback address.",
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
];

/// Schedules; the defaults are the agent's.
const RETRIES: &[Key] = &[
    Key::new("request", Kind::Texts, "Greetings and parts."),
    Key::new("task", Kind::Texts, "Tasks (ET-44)."),
    Key::new("completion", Kind::Texts, "Completions (ET-45)."),
    Key::new("status", Kind::Texts, "Status queries in doubt (ET-51)."),
];
