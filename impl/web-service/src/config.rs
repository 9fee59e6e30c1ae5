//! What the administrator of a farm decides.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use crate::state::AfterTimeout;

/// Everything that one server of an import farm is configured with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// This server's name within the farm, such as `wfe1`. Unique: it owns the timer jobs that this
    /// server runs.
    pub server: String,
    /// The port on which Central Administration is served. The product chooses one at random when
    /// it is installed, so there is no default.
    pub port: u16,
    /// Where this server's Central Administration is reached, without a slash at its end: shown in
    /// the service description.
    pub administration_url: String,
    /// Where the designated import server's Central Administration is reached (CD-18). The same as
    /// `administration_url` at the import server itself.
    pub import_server_url: String,
    /// Whether this server is the designated import server: whether its timer service runs imports
    /// and its worker takes uploads.
    pub is_import_server: bool,
    /// Whether the farm accepts incoming jobs. Default: no (CD-3).
    pub accept_incoming_jobs: bool,
    /// Whether content deployment is refused over connections without TLS. Default: no.
    pub require_secure_connection: bool,
    /// How many import logs the farm keeps of each content deployment job of the source; the oldest
    /// are removed when an import ends. Default 20; ours.
    pub reports_kept: u32,
    /// How long the uploaded files of a job that nobody runs or deletes stay in the temporary
    /// folder, counted from the job's last change. Default 7 days; ours.
    pub temporary_files_kept: Duration,
    /// How long a job that has ended and that its source does not delete stays: after a timeout a
    /// source deletes nothing, and of a `CreateJob` whose answer is lost it knows nothing. Default
    /// 30 days; ours.
    pub ended_jobs_kept: Duration,
    /// What a `CancelJob` that comes too late is answered. Default: an empty response.
    pub late_cancel: LateCancel,
    /// How far the reading of messages follows ASP.NET where that is more lenient than the schema.
    /// Default: strict.
    pub compat: Compat,
    /// The web applications of the farm, with their site collections (CD-15, CD-17).
    pub web_applications: Vec<WebApplication>,
    /// Who may use the service.
    pub authentication: Authentication,
    /// How this farm deploys content to others.
    pub deployments: Deployments,
    /// The timers.
    pub timers: Timers,
    /// The limits.
    pub limits: Limits,
}

impl Config {
    /// A farm of one server that accepts nothing yet and asks nobody who he is, with every default.
    #[must_use]
    pub fn new(server: &str, port: u16, administration_url: &str) -> Self {
        Self {
            server: server.to_owned(),
            port,
            administration_url: administration_url.to_owned(),
            import_server_url: administration_url.to_owned(),
            is_import_server: true,
            accept_incoming_jobs: false,
            require_secure_connection: false,
            reports_kept: 20,
            temporary_files_kept: Duration::from_secs(7 * 24 * 3600),
            ended_jobs_kept: Duration::from_secs(30 * 24 * 3600),
            late_cancel: LateCancel::default(),
            compat: Compat::default(),
            web_applications: Vec::new(),
            authentication: Authentication::default(),
            deployments: Deployments::default(),
            timers: Timers::default(),
            limits: Limits::default(),
        }
    }

    /// The web application with that address; a slash at its end, the case of scheme and host, and
    /// the scheme's own port make no difference.
    #[must_use]
    pub fn web_application(&self, url: &str) -> Option<&WebApplication> {
        let wanted = normal_url(url);
        let mut applications = self.web_applications.iter();
        applications.find(|application| normal_url(&application.url) == wanted)
    }
}

/// An address without a slash at its end and without its scheme's own port, scheme and host in
/// lower case.
pub(crate) fn normal_url(url: &str) -> String {
    let url = url.trim_end_matches('/');
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let (place, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let (scheme, place) = (scheme.to_ascii_lowercase(), place.to_ascii_lowercase());
    let own_port = match &*scheme {
        "http" => ":80",
        "https" => ":443",
        _ => "",
    };
    let place = place.strip_suffix(own_port).unwrap_or(&place);
    format!("{scheme}://{place}{path}")
}

/// One web application ("virtual server") of the farm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebApplication {
    /// Its name.
    pub name: String,
    /// Its address.
    pub url: String,
    /// Its site collections as server-relative paths, such as `/` and `/sites/news`.
    pub site_collections: BTreeSet<String>,
}

/// What a `CancelJob` that comes too late is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LateCancel {
    /// An empty `CancelJobResponse`; nothing changes.
    #[default]
    Response,
    /// A fault.
    Fault,
}

/// How messages are read, and which status a fault has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compat {
    /// As the schema says.
    #[default]
    Strict,
    /// As ASP.NET does: missing parameters have defaults, order and unknown parameters do not
    /// matter, a guid may have braces. Every fault has the status 500.
    Aspnet,
}

/// Who may use the service. Several ways may be open at a time; one of them must be passed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Authentication {
    /// Accounts for Basic authentication.
    pub accounts: Vec<Account>,
    /// Names in client certificates, where the connection is TLS and the host asks for one.
    pub certificates: BTreeSet<String>,
}

impl Authentication {
    /// Whether nobody is asked who he is. Only for loopback: whoever starts a farm sees to that.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.accounts.is_empty() && self.certificates.is_empty()
    }
}

/// An administrator of the farm who may deploy content.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// The name; without colon.
    pub name: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// How a farm deploys content to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deployments {
    /// Whether this server is the designated export server: whether its timer service runs
    /// deployments. Default: yes.
    pub is_export_server: bool,
    /// Whether this server hosts Central Administration. The timer service of one that does not
    /// never starts a deployment, which stays `Preparing`, as in the product. Default: yes.
    pub hosts_administration: bool,
    /// Whether of several jobs on one path one runs at a time, while the others stay `Preparing`:
    /// the product's `BlockMultipleJobsPerPath`. Default: yes.
    pub blocks_jobs_of_one_path: bool,
    /// How often the status of an import is asked for (CD-49): `RemotePollingInterval`. Default
    /// 10 s.
    pub polling_interval: Duration,
    /// After how long without a change of that status a deployment has timed out (CD-50):
    /// `RemoteTimeout`. Default 600 s.
    pub timeout: Duration,
    /// Whether `DeleteJob` is sent after such a timeout. Default: no.
    pub after_timeout: AfterTimeout,
    /// Octets of one package at most (CD-46): `FileMaxSize`. Default 10,000,000.
    pub package_octets_max: u64,
    /// How often a call or an upload is made in a row before the deployment fails; polls are
    /// repeated until the timeout. Default 5; ours.
    pub attempts_max: u32,
    /// How long it rests in between. Default 5 s; ours.
    pub attempt_rest: Duration,
}

impl Default for Deployments {
    fn default() -> Self {
        Self {
            is_export_server: true,
            hosts_administration: true,
            blocks_jobs_of_one_path: true,
            polling_interval: Duration::from_secs(10),
            timeout: Duration::from_secs(600),
            after_timeout: AfterTimeout::default(),
            package_octets_max: 10_000_000,
            attempts_max: 5,
            attempt_rest: Duration::from_secs(5),
        }
    }
}

/// How long things may take. All of them are ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timers {
    /// From accept to the end of the first request's head, the TLS handshake included; and from the
    /// first octet of a further request, or from the answer before where that is later, to the end
    /// of its head. Default 30 s.
    pub head: Duration,
    /// Between two pieces of a body, and how long a client may leave an answer unread. Default
    /// 60 s.
    pub body_idle: Duration,
    /// For the whole body of a message (not of an upload). Default 60 s.
    pub message: Duration,
    /// From the end of an exchange to the first octet of the next one on its connection. Default
    /// 120 s.
    pub keep_alive: Duration,
    /// How long what a client still sends is read and thrown away after an early answer, so that
    /// the client reads the answer and not a reset. Default 2 s.
    pub drain: Duration,
    /// How often the timer service looks for timer jobs. Default 1 s.
    pub timer_service: Duration,
    /// How long a timer job that runs belongs to its server without a sign of life. Default 60 s;
    /// signs of life come at a quarter of it.
    pub lease: Duration,
    /// How long `CancelJob` waits for the timer service to have handled it, at most. Default 30 s.
    pub cancel: Duration,
    /// How long an import may take before it ends as `ImportTimedOut`. Default: for ever.
    pub import: Option<Duration>,
    /// How long a database may take to answer; a commit that takes longer has an unknown fate.
    /// Default 15 s.
    pub database: Duration,
    /// How long the timer service waits after a database did not answer. Default 5 s.
    pub database_retry: Duration,
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(30),
            body_idle: Duration::from_secs(60),
            message: Duration::from_secs(60),
            keep_alive: Duration::from_secs(120),
            drain: Duration::from_secs(2),
            timer_service: Duration::from_secs(1),
            lease: Duration::from_secs(60),
            cancel: Duration::from_secs(30),
            import: None,
            database: Duration::from_secs(15),
            database_retry: Duration::from_secs(5),
        }
    }
}

/// How much there may be of things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Octets of one upload; what is longer is answered 404, as IIS does (CD-45). Default
    /// 30,000,000.
    pub upload_octets_max: u64,
    /// Octets that an upload must bring in each minute that is waited for it; 0 for none. Default
    /// 64 KiB: slower than any line that carries packages, and the longest upload has ended within
    /// eight hours.
    pub upload_octets_per_minute_min: u64,
    /// Octets of one SOAP message. Default 1 MiB.
    pub message_octets_max: usize,
    /// Octets of all unfinished SOAP messages of more than 16 KiB together; beyond, such a message
    /// is answered 503. Default 32 MiB: clients of this service send shorter ones, and 32 of the
    /// longest have room.
    pub message_room_octets_max: usize,
    /// Octets of the head of one request. Default 64 KiB.
    pub head_octets_max: usize,
    /// Header fields of one request. Default 100.
    pub header_fields_max: usize,
    /// Connections in all. Default 1,024.
    pub connections_max: usize,
    /// Connections from one address. Default 256.
    pub connections_per_peer_max: usize,
    /// Uploads under way at a time. Default 64.
    pub uploads_max: usize,
    /// Files of one job. Default 10,000.
    pub files_per_job_max: usize,
    /// Octets of all files of one job. Default 64 GiB.
    pub job_octets_max: u64,
    /// Import jobs that are not deleted. Default 10,000.
    pub jobs_max: usize,
    /// Imports that one server runs at a time; further ones wait. Default 4.
    pub imports_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            upload_octets_max: 30_000_000,
            upload_octets_per_minute_min: 64 << 10,
            message_octets_max: 1 << 20,
            message_room_octets_max: 32 << 20,
            head_octets_max: 64 << 10,
            header_fields_max: 100,
            connections_max: 1024,
            connections_per_peer_max: 256,
            uploads_max: 64,
            files_per_job_max: 10_000,
            job_octets_max: 64 << 30,
            jobs_max: 10_000,
            imports_max: 4,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_is_spelled_in_several_ways() {
        for (one, other) in [
            ("http://intranet", "HTTP://Intranet:80/"),
            ("https://intranet/sites/", "https://intranet:443/sites"),
            ("http://[::1]", "http://[::1]:80"),
        ] {
            assert_eq!(normal_url(one), normal_url(other), "{one}");
        }
        for (one, other) in [
            ("http://intranet", "https://intranet"),
            ("http://intranet", "http://intranet:443"),
            ("http://intranet", "http://intranet:8080"),
            ("http://intranet/a", "http://intranet/A"),
        ] {
            assert_ne!(normal_url(one), normal_url(other), "{one}");
        }
    }
}
