//! The keys of hosts.

use crate::scenario::{Key, Kind};

pub(super) const HOST: &[Key] = &[
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
        "ended_jobs_kept",
        Kind::Duration,
        "How long a job that has ended stays where its source does not delete it.",
    )
    .default_value("30d"),
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
        "polling_interval",
        Kind::Duration,
        "How often a deploying farm asks for the status of an import (CD-49).",
    )
    .default_value("10s"),
    Key::new(
        "timeout",
        Kind::Duration,
        "After how long without a change of that status a deployment times out (CD-50).",
    )
    .default_value("600s"),
    Key::new(
        "delete_after_timeout",
        Kind::Boolean,
        "Whether a deploying farm sends DeleteJob after such a timeout.",
    )
    .default_value("false"),
    Key::new(
        "central_administration",
        Kind::Boolean,
        "Whether the export server of a deploying farm hosts Central Administration; without it \
         deployments stay in preparation.",
    )
    .default_value("true"),
    Key::new(
        "block_jobs_of_one_path",
        Kind::Boolean,
        "Whether of several jobs on one path a deploying farm runs one at a time.",
    )
    .default_value("true"),
    Key::new(
        "attempts",
        Kind::Integer { min: 1, max: 1000 },
        "How often a deploying farm makes a call or an upload in a row before it gives up.",
    )
    .default_value("5"),
    Key::new(
        "attempt_rest",
        Kind::Duration,
        "How long it rests in between.",
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
