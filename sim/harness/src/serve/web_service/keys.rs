//! The keys of the configuration file of one server of a farm that imports, deploys or both.
//!
//! Every default is ours where the product's is not known.

use crate::scenario::reference::settings_page;
use crate::scenario::{Key, Kind};

/// The reference page of every key, as Markdown without a title.
#[must_use]
pub fn reference() -> String {
    settings_page(FARM)
}

/// The whole file.
pub(super) const FARM: &[Key] = &[
    Key::new(
        "server",
        Kind::Text,
        "This server's name; servers that share databases have different ones.",
    )
    .required(),
    Key::new(
        "state",
        Kind::Text,
        "The directory that belongs to this server: its databases, unless they are elsewhere, and \
         the temporary folder. Relative to the file; created when absent.",
    )
    .required(),
    Key::new(
        "listen",
        Kind::Text,
        "The address to listen on; 0.0.0.0 for every one of this host. Beyond loopback there must \
         be an account or a certificate to prove who calls.",
    )
    .default_value("127.0.0.1"),
    Key::new(
        "port",
        Kind::Port,
        "The port of Central Administration. The product chooses it at random, so there is no \
         default.",
    )
    .required(),
    Key::new(
        "administration_url",
        Kind::Text,
        "How callers reach this Central Administration, such as \"http://target:8080\" (CD-1). \
         Without it: made of `listen`, `port` and whether there is `[tls]`.",
    ),
    Key::new(
        "import_server_url",
        Kind::Text,
        "The Central Administration of the designated import server, where that is another server \
         (CD-18). This one then runs no imports and takes no uploads.",
    ),
    Key::new(
        "accept_incoming_jobs",
        Kind::Boolean,
        "Whether the farm accepts incoming content deployment jobs (CD-3).",
    )
    .default_value("false"),
    Key::new(
        "require_secure_connection",
        Kind::Boolean,
        "Whether content deployment is refused over connections without TLS.",
    )
    .default_value("false"),
    Key::new(
        "temporary_folder",
        Kind::Text,
        "Where uploaded and unpacked files lie, relative to the file. Without it: `temporary` in \
         `state`.",
    ),
    Key::new(
        "temporary_files_kept",
        Kind::Duration,
        "How long the files of a job that nobody runs or deletes are kept.",
    )
    .default_value("7d"),
    Key::new(
        "ended_jobs_kept",
        Kind::Duration,
        "How long a job that has ended is kept that its source does not delete.",
    )
    .default_value("30d"),
    Key::new(
        "reports_kept",
        Kind::Integer {
            min: 1,
            max: 10_000,
        },
        "How many reports are kept of each content deployment job of the source.",
    )
    .default_value("20"),
    Key::new(
        "late_cancel",
        Kind::Choice(&["response", "fault"]),
        "What a CancelJob that comes too late is answered (CD-29).",
    )
    .default_value("response"),
    Key::new(
        "compat",
        Kind::Choice(&["strict", "aspnet"]),
        "Whether messages are read as the schema says or as leniently as ASP.NET does, which also \
         answers every fault with 500.",
    )
    .default_value("strict"),
    Key::new(
        "web_application",
        Kind::Tables(WEB_APPLICATION),
        "The web applications of the farm, which callers know as virtual servers (CD-15).",
    ),
    Key::new(
        "site_collection",
        Kind::Tables(SITE_COLLECTION),
        "The site collections of the web applications (CD-17).",
    ),
    Key::new(
        "account",
        Kind::Tables(ACCOUNT),
        "Who may deploy content, by Basic authentication (CD-2).",
    ),
    Key::new(
        "database",
        Kind::Table(DATABASE),
        "The PostgreSQL database that the servers of a farm share. Without it: files in `state`, \
         for a farm of one server.",
    ),
    Key::new(
        "tls",
        Kind::Table(TLS),
        "HTTPS, and certificates of callers.",
    ),
    Key::new(
        "source",
        Kind::Tables(SOURCE),
        "The content trees that can be deployed from here. Without any, no deployments run.",
    ),
    Key::new(
        "target",
        Kind::Tables(TARGET),
        "Import farms that want to know who calls.",
    ),
    Key::new(
        "deployments",
        Kind::Table(DEPLOYMENTS),
        "How this farm deploys content to others.",
    ),
    Key::new("timers", Kind::Table(TIMERS), "Timers."),
    Key::new("limits", Kind::Table(LIMITS), "Limits."),
];

const WEB_APPLICATION: &[Key] = &[
    Key::new("name", Kind::Declares("web application"), "Its name.").required(),
    Key::new(
        "url",
        Kind::Text,
        "Its address, such as \"http://intranet\".",
    )
    .required(),
];

const SITE_COLLECTION: &[Key] = &[
    Key::new(
        "web_application",
        Kind::Refers("web application"),
        "The web application that it belongs to.",
    )
    .required(),
    Key::new(
        "path",
        Kind::Text,
        "Its server-relative path, such as \"/\" or \"/sites/news\".",
    )
    .required(),
    Key::new(
        "directory",
        Kind::Text,
        "The directory of its content, relative to the file; created when absent.",
    )
    .required(),
];

const ACCOUNT: &[Key] = &[
    Key::new(
        "name",
        Kind::Declares("account"),
        "The name, without a colon.",
    )
    .required(),
    PASSWORD_FILE,
];

const PASSWORD_FILE: Key = Key::new(
    "password_file",
    Kind::Text,
    "The file whose first line is the password, for the eyes of its owner only. Relative to this \
     file.",
)
.required();

const SOURCE: &[Key] = &[
    Key::new(
        "name",
        Kind::Declares("source"),
        "Its name, by which paths refer to it.",
    )
    .required(),
    Key::new(
        "directory",
        Kind::Text,
        "The directory of its content, relative to the file.",
    )
    .required(),
];

const TARGET: &[Key] = &[
    Key::new(
        "administration_url",
        Kind::Text,
        "Where its Central Administration is, as paths have it: \"https://target:8443\".",
    )
    .required(),
    Key::new("account", Kind::Text, "As whom, by Basic authentication.").required(),
    PASSWORD_FILE,
];

/// Deployments; the defaults are the farm's.
const DEPLOYMENTS: &[Key] = &[
    Key::new(
        "export_server",
        Kind::Boolean,
        "Whether this server is the designated export server: whether its timer service runs \
         deployments.",
    )
    .default_value("true"),
    Key::new(
        "central_administration",
        Kind::Boolean,
        "Whether this server hosts Central Administration. Deployments of an export server that \
         does not stay Preparing, as in the product.",
    )
    .default_value("true"),
    Key::new(
        "block_jobs_of_one_path",
        Kind::Boolean,
        "Whether of several jobs on one path one runs at a time: BlockMultipleJobsPerPath.",
    )
    .default_value("true"),
    Key::new(
        "polling_interval",
        Kind::Duration,
        "How often the status of an import is asked for (CD-49): RemotePollingInterval.",
    )
    .default_value("10s"),
    Key::new(
        "timeout",
        Kind::Duration,
        "After how long without a change of that status a deployment has timed out (CD-50): \
         RemoteTimeout.",
    )
    .default_value("600s"),
    Key::new(
        "delete_after_timeout",
        Kind::Boolean,
        "Whether DeleteJob is sent after such a timeout.",
    )
    .default_value("false"),
    Key::new(
        "package_max",
        Kind::Bytes,
        "Octets of one package; a larger file is not split (CD-46): FileMaxSize.",
    )
    .default_value("10000000 B"),
    limit(
        "attempts",
        "How often a call or an upload is made in a row before the deployment fails; polls are \
         repeated until the timeout.",
    )
    .default_value("5"),
    Key::new(
        "attempt_rest",
        Kind::Duration,
        "How long it rests in between.",
    )
    .default_value("5s"),
    Key::new(
        "authorities",
        Kind::Text,
        "The PEM file with the certificates of the authorities that certificates of `https` targets \
         are from. The host of a target's address must be a DNS name in its certificate; a target \
         that asks for a certificate is shown that of `[tls]`.",
    ),
];

const DATABASE: &[Key] = &[
    Key::new("host", Kind::Text, "Where PostgreSQL runs.").default_value("127.0.0.1"),
    Key::new("port", Kind::Port, "Its port.").default_value("5432"),
    Key::new("name", Kind::Text, "The database.").required(),
    Key::new("user", Kind::Text, "As whom.").required(),
    Key::new(
        "password_file",
        Kind::Text,
        "The file whose first line is the password. Without it: none.",
    ),
];

/// Certificates; every file is PEM, relative to the configuration.
const TLS: &[Key] = &[
    Key::new(
        "certificate",
        Kind::Text,
        "The file with this server's certificate, and with the intermediate ones behind it.",
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
        "The file with the certificates of the authorities that callers' certificates are from. \
         Without it callers are not asked for one.",
    ),
    Key::new(
        "callers",
        Kind::Texts,
        "The DNS names in certificates of those who may deploy content.",
    )
    .beside(&["authorities"]),
];

/// Timers; the defaults are the farm's.
const TIMERS: &[Key] = &[
    Key::new(
        "head",
        Kind::Duration,
        "From accept to the end of a request's head, the TLS handshake included.",
    )
    .default_value("30s"),
    Key::new("body_idle", Kind::Duration, "Between two pieces of a body.").default_value("60s"),
    Key::new(
        "message",
        Kind::Duration,
        "For the whole of a SOAP message.",
    )
    .default_value("60s"),
    Key::new(
        "keep_alive",
        Kind::Duration,
        "How long an unused connection is kept.",
    )
    .default_value("120s"),
    Key::new(
        "drain",
        Kind::Duration,
        "How long a refused body is still read, so that the caller reads the answer.",
    )
    .default_value("2s"),
    Key::new(
        "timer_service",
        Kind::Duration,
        "How often the timer service looks for timer jobs.",
    )
    .default_value("1s"),
    Key::new(
        "lease",
        Kind::Duration,
        "How long a timer job belongs to a server that gives no sign of life.",
    )
    .default_value("60s"),
    Key::new(
        "cancel",
        Kind::Duration,
        "How long CancelJob waits for the timer service at most.",
    )
    .default_value("30s"),
    Key::new(
        "import",
        Kind::Duration,
        "How long an import may take. Without it: for ever.",
    ),
    Key::new(
        "database",
        Kind::Duration,
        "How long a database may take to answer.",
    )
    .default_value("15s"),
    Key::new(
        "database_retry",
        Kind::Duration,
        "How long the timer service waits after a database did not answer.",
    )
    .default_value("5s"),
];

/// Limits; the defaults are the farm's.
const LIMITS: &[Key] = &[
    Key::new(
        "upload",
        Kind::Bytes,
        "Octets of one upload; more are answered 404, as IIS does (CD-45).",
    )
    .default_value("30000000 B"),
    Key::new(
        "upload_rate",
        Kind::Bytes,
        "Octets that an upload must bring in each minute that is waited for it; a slower one is \
         ended as one that stands still is. \"0 B\" for none.",
    )
    .default_value("64 KiB"),
    Key::new("head", Kind::Bytes, "Octets of the head of a request.").default_value("64 KiB"),
    Key::new(
        "head_fields",
        Kind::Integer {
            min: 1,
            max: 10_000,
        },
        "Header fields of a request.",
    )
    .default_value("100"),
    Key::new(
        "message",
        Kind::Bytes,
        "Octets of one SOAP message, 4 MiB at most.",
    )
    .default_value("1 MiB"),
    Key::new(
        "message_room",
        Kind::Bytes,
        "Octets of all unfinished SOAP messages of more than 16 KiB together; beyond, such a \
         message is answered 503.",
    )
    .default_value("32 MiB"),
    limit("connections", "Connections in all.").default_value("1024"),
    limit("connections_per_peer", "Connections from one address.").default_value("256"),
    limit("uploads", "Uploads under way at a time.").default_value("64"),
    limit("files_per_job", "Files of one job.").default_value("10000"),
    Key::new("job", Kind::Bytes, "Octets of all files of one job.").default_value("64 GiB"),
    limit("jobs", "Import jobs that are not deleted.").default_value("10000"),
    limit(
        "imports",
        "Imports that this server runs at a time; further ones wait.",
    )
    .default_value("4"),
    limit("unpacked_files", "Files in all packages of one job.").default_value("100000"),
    Key::new(
        "unpacked",
        Kind::Bytes,
        "Octets of all files in the packages of one job.",
    )
    .default_value("16 GiB"),
];

const fn limit(name: &'static str, doc: &'static str) -> Key {
    let kind = Kind::Integer {
        min: 1,
        max: 1_000_000,
    };
    Key::new(name, kind, doc)
}
