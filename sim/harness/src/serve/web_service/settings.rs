//! The configuration file of one server of a farm, read and checked.

mod deploying;
mod limits;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use portcullis_tls::{Identity, IdentityError};
use portcullis_web_service::Config;
use portcullis_web_service::client::FarmAddress;
use portcullis_web_service::config::{Account, Authentication, Compat, LateCancel, WebApplication};
use portcullis_web_service::work::ImportLimits;

use super::keys::FARM;
use crate::scenario::{Problems, ScenarioError, Table, read_settings};
use crate::serve::secret;
use crate::serve::settings::{SettingsError, listen};

pub use deploying::Deploying;

/// Everything that a configuration file decides.
#[derive(Clone, Debug)]
pub struct FarmSettings {
    /// What the server is configured with.
    pub farm: Config,
    /// The address of the listener.
    pub listen: IpAddr,
    /// The certificate of HTTPS.
    pub tls: Option<Identity>,
    /// What the packages of one job may declare.
    pub import_limits: ImportLimits,
    /// The directory that belongs to this server.
    pub state: PathBuf,
    /// Where uploaded files lie.
    pub temporary_folder: PathBuf,
    /// Where the content of each site collection lies, by web application and path.
    pub sites: BTreeMap<(String, String), PathBuf>,
    /// The database that the servers of the farm share, if they share one.
    pub database: Option<SharedDatabase>,
    /// What can be deployed from here, and to whom.
    pub deploying: Deploying,
}

/// Where PostgreSQL runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedDatabase {
    /// The host.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The database's name.
    pub name: String,
    /// As whom.
    pub user: String,
    /// The password, if there is one.
    pub password: Option<String>,
}

impl FarmSettings {
    /// Reads the file at `path`; relative paths in it are relative to its directory.
    ///
    /// # Errors
    /// [`SettingsError`], with all problems of the file at once.
    pub fn read(path: &Path) -> Result<Self, SettingsError> {
        let unreadable = |source| SettingsError::Unreadable {
            path: path.into(),
            source,
        };
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        let file = std::path::absolute(path).map_err(unreadable)?;
        let base = file.parent().unwrap_or(Path::new("/"));
        Ok(Self::parse(&path.display().to_string(), &text, base)?)
    }

    /// Reads a file's text; `base` is the directory that relative paths start from.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(path: &str, text: &str, base: &Path) -> Result<Self, ScenarioError> {
        let what = "a configuration";
        read_settings(what, path, text, FARM, |table, problems| {
            build(table, base, problems)
        })
    }
}

/// What is missing or wrong has been reported: in its place stands something for the rest to be
/// looked at.
fn build(table: &Table, base: &Path, problems: &mut Problems) -> Option<FarmSettings> {
    let listen = listen(table, problems);
    let port = table.port("port").unwrap_or_default();
    let tls = identity(table, base, problems);
    let own_url = own_url(table, listen, port);
    for key in ["administration_url", "import_server_url"] {
        check_farm_url(table, key, problems);
    }
    if listen.is_some_and(|listen| listen.is_unspecified()) && !table.has("administration_url") {
        let message = "callers would be told that this farm is at localhost";
        let help = "add `administration_url`, with the name by which others reach this machine";
        problems.report(table.span_of("listen"), message, "here", help);
    }
    let server = table.text("server").unwrap_or("unnamed");
    if server.is_empty() || server.chars().any(char::is_control) {
        let help = "other servers of the farm and their logs name it";
        problems.report(table.span_of("server"), "not a name", "here", help);
    }
    let mut farm = Config::new(server, port, &own_url);
    if let Some(url) = table.text("import_server_url") {
        url.trim_end_matches('/')
            .clone_into(&mut farm.import_server_url);
        farm.is_import_server = farm.import_server_url == farm.administration_url;
    }
    farm.accept_incoming_jobs = table.flag("accept_incoming_jobs");
    farm.require_secure_connection = table.flag("require_secure_connection");
    if table.text("late_cancel") == Some("fault") {
        farm.late_cancel = LateCancel::Fault;
    }
    if table.text("compat") == Some("aspnet") {
        farm.compat = Compat::Aspnet;
    }
    farm.reports_kept = number(table, "reports_kept").unwrap_or(farm.reports_kept);
    let kept = table.duration("temporary_files_kept");
    farm.temporary_files_kept = kept.unwrap_or(farm.temporary_files_kept);
    let kept = table.duration("ended_jobs_kept");
    farm.ended_jobs_kept = kept.unwrap_or(farm.ended_jobs_kept);
    farm.authentication = authentication(table, base, problems);
    farm.timers = limits::timers(table, problems);
    farm.limits = limits::limits(table, problems);
    farm.deployments = deploying::deployments(table, problems);
    let deploying = Deploying::read(table, base, problems);
    let sites = sites(table, base, &mut farm, problems);
    refuse_open_doors(table, listen, &farm.authentication, problems);
    let state = base.join(table.text("state").unwrap_or("state"));
    let temporary = table.text("temporary_folder").map(|path| base.join(path));
    let temporary = temporary.unwrap_or_else(|| state.join("temporary"));
    refuse_shared_folders(table, &temporary, &sites, problems);
    let database = table.table("database");
    let database = match database {
        Some(table) => Some(shared_database(table, base, problems)?),
        None => None,
    };
    Some(FarmSettings {
        farm,
        listen: listen?,
        tls,
        import_limits: limits::import_limits(table),
        temporary_folder: temporary,
        state,
        sites,
        database,
        deploying,
    })
}

/// How callers reach this server, unless the file says it.
fn own_url(table: &Table, listen: Option<IpAddr>, port: u16) -> String {
    if let Some(url) = table.text("administration_url") {
        return url.trim_end_matches('/').to_owned();
    }
    let scheme = if table.has("tls") { "https" } else { "http" };
    let host = match listen {
        Some(IpAddr::V4(address)) if !address.is_unspecified() => address.to_string(),
        Some(IpAddr::V6(address)) if !address.is_unspecified() => format!("[{address}]"),
        Some(_) | None => "localhost".to_owned(),
    };
    format!("{scheme}://{host}:{port}")
}

fn check_url(table: &Table, key: &str, problems: &mut Problems) {
    let is_url = |url: &str| {
        url.split_once("://").is_some_and(|(scheme, rest)| {
            let mut schemes = ["http", "https"].into_iter();
            let is_known = schemes.any(|known| scheme.eq_ignore_ascii_case(known));
            let rest = rest.trim_end_matches('/');
            let is_plain = |letter: char| letter.is_ascii_graphic() && !"@?#".contains(letter);
            is_known && !rest.is_empty() && rest.chars().all(is_plain)
        })
    };
    if table.text(key).is_some_and(|url| !is_url(url)) {
        problems.report(
            table.span_of(key),
            format!("`{key}` is no address of a web site"),
            "here",
            "write it as \"http://host:port\" or \"https://host:port\"",
        );
    }
}

/// The address of a Central Administration: host and port, and nothing else.
fn check_farm_url(table: &Table, key: &str, problems: &mut Problems) {
    let Some(url) = table.text(key) else {
        return;
    };
    if let Err(problem) = url.parse::<FarmAddress>() {
        problems.report(
            table.span_of(key),
            format!("`{key}` {problem}"),
            "here",
            "write it as \"http://host:port\" or \"https://host:port\"",
        );
    }
}

/// What is in the temporary folder may be removed, and what is in a site belongs to nobody else.
fn refuse_shared_folders(
    table: &Table,
    temporary: &Path,
    sites: &BTreeMap<(String, String), PathBuf>,
    problems: &mut Problems,
) {
    let overlap = |one: &Path, other: &Path| one.starts_with(other) || other.starts_with(one);
    for place in sites.values().filter(|place| overlap(place, temporary)) {
        let message = format!(
            "{} is in the temporary folder, or around it",
            place.display()
        );
        let help = "files of jobs are removed from there: a site has a directory to itself";
        let span = table.span_of("temporary_folder");
        problems.report(span, message, "here", help);
    }
}

/// Beyond loopback somebody has to prove who he is.
fn refuse_open_doors(
    table: &Table,
    listen: Option<IpAddr>,
    authentication: &Authentication,
    problems: &mut Problems,
) {
    if authentication.is_open() && listen.is_some_and(|address| !address.is_loopback()) {
        problems.report(
            table.span_of("listen"),
            "other machines could deploy content without proving who they are",
            "here",
            "add an `[[account]]`, or `authorities` and `callers` in `[tls]`, or listen on 127.0.0.1",
        );
    }
}

fn authentication(table: &Table, base: &Path, problems: &mut Problems) -> Authentication {
    let mut authentication = Authentication::default();
    for account in table.tables("account") {
        let Some(name) = account.text("name") else {
            continue;
        };
        if name.contains(':') || name.is_empty() {
            let help = "Basic authentication ends the name at the first colon";
            let span = account.span_of("name");
            problems.report(span, "not a name of an account", "here", help);
        }
        let password = password(account, base, problems);
        authentication
            .accounts
            .extend(password.map(|password| Account {
                name: name.to_owned(),
                password,
            }));
    }
    if let Some(tls) = table.table("tls") {
        authentication.certificates = tls.texts("callers").iter().cloned().collect();
    }
    authentication
}

/// The first line of the file that `password_file` names.
fn password(table: &Table, base: &Path, problems: &mut Problems) -> Option<String> {
    let path = base.join(table.text("password_file")?);
    let span = table.span_of("password_file");
    if let Err(error) = secret::check_rights(&path) {
        problems.report(span, error.to_string(), "here", error.help());
        return None;
    }
    let text = std::fs::read_to_string(&path).ok();
    let line = text.and_then(|text| text.lines().next().map(ToOwned::to_owned));
    let line = line.filter(|line| !line.is_empty());
    if line.is_none() {
        let message = format!("no password can be read from {}", path.display());
        problems.report(span, message, "here", "its first line is the password");
    }
    line
}

fn identity(table: &Table, base: &Path, problems: &mut Problems) -> Option<Identity> {
    let tls = table.table("tls")?;
    let file = |key| -> Option<PathBuf> { tls.text(key).map(|file| base.join(file)) };
    let (certificate, key) = (file("certificate")?, file("key")?);
    if let Err(error) = secret::check_rights(&key) {
        problems.report(tls.span_of("key"), error.to_string(), "here", error.help());
        return None;
    }
    let identity = match file("authorities") {
        Some(authorities) => Identity::from_pem_files(&certificate, &key, &authorities),
        None => Identity::without_authorities(&certificate, &key),
    };
    let report = |error: IdentityError| {
        let span = tls.span_of(match error.part {
            "certificate" => "certificate",
            "private key" => "key",
            _ => "authorities",
        });
        let help = "PEM files, relative to this one";
        problems.report(span, error.to_string(), "here", help);
    };
    identity.map_err(report).ok()
}

/// The web applications with their site collections, and where the content of those lies.
fn sites(
    table: &Table,
    base: &Path,
    farm: &mut Config,
    problems: &mut Problems,
) -> BTreeMap<(String, String), PathBuf> {
    for application in table.tables("web_application") {
        check_url(application, "url", problems);
        let (Some(name), Some(url)) = (application.text("name"), application.text("url")) else {
            continue;
        };
        if let Some(other) = farm.web_application(url) {
            let help = "case, a slash at the end and the scheme's own port make no difference";
            let other = &other.name;
            let message = format!("`{other}` and `{name}`: two web applications with one address");
            problems.report(application.span_of("url"), message, "here", help);
        }
        farm.web_applications.push(WebApplication {
            name: name.to_owned(),
            url: url.trim_end_matches('/').to_owned(),
            site_collections: BTreeSet::new(),
        });
    }
    let mut sites = BTreeMap::new();
    let mut paths = BTreeSet::new();
    for site in table.tables("site_collection") {
        let (Some(name), Some(path)) = (site.text("web_application"), site.text("path")) else {
            continue;
        };
        if !path.starts_with('/') || (path.len() > 1 && path.ends_with('/')) {
            let help = "a server-relative path begins with a slash and ends without one";
            let span = site.span_of("path");
            problems.report(span, "not the path of a site collection", "here", help);
        }
        if !paths.insert((name, path)) {
            let help = "each site collection of a web application has a path of its own";
            let message = "two site collections with one path";
            problems.report(site.span_of("path"), message, "here", help);
        }
        let mut applications = farm.web_applications.iter_mut();
        let application = applications.find(|application| application.name == name);
        let (Some(application), Some(directory)) = (application, site.text("directory")) else {
            continue;
        };
        application.site_collections.insert(path.to_owned());
        let place = (application.url.clone(), path.to_owned());
        let directory = base.join(directory);
        let is_inside =
            |other: &PathBuf| other.starts_with(&directory) || directory.starts_with(other);
        if sites.values().any(is_inside) {
            let help = "an import into one would find what another has placed";
            let message = "two site collections in one directory";
            problems.report(site.span_of("directory"), message, "here", help);
        }
        sites.insert(place, directory);
    }
    sites
}

fn shared_database(table: &Table, base: &Path, problems: &mut Problems) -> Option<SharedDatabase> {
    let has_password = table.has("password_file");
    let password = if has_password {
        Some(password(table, base, problems)?)
    } else {
        None
    };
    Some(SharedDatabase {
        host: table.text("host")?.to_owned(),
        port: table.port("port")?,
        name: table.text("name")?.to_owned(),
        user: table.text("user")?.to_owned(),
        password,
    })
}

fn number<T: TryFrom<u64>>(table: &Table, key: &str) -> Option<T> {
    table
        .quantity(key)
        .and_then(|number| T::try_from(number).ok())
}

#[cfg(test)]
mod tests;
