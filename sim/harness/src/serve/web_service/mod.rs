//! One server of a farm on real sockets: `serve web-service`.
//!
//! # Module map
//! - [`FarmSettings`]: the configuration file; [`reference()`]: its keys. `database`: the farm's
//!   databases, as files or in PostgreSQL.
//! - `deploying`: the deploying farm beside the import farm. [`DeploymentArgs`]: what an
//!   administrator does with it.
//! - [`PackArgs`]: directories as packages that an import takes.

mod database;
mod deploying;
mod deployment;
mod keys;
mod pack;
mod settings;

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use portcullis_net::{Host, TokioNet};
use portcullis_tls::{Endpoint, IdentityError, Tls};
use portcullis_web_service::error::StartError;
use portcullis_web_service::message::DEPLOYMENT_LIST_PATH;
use portcullis_web_service::work::{SiteImporter, SiteName, TemporaryFolder};
use portcullis_web_service::{Databases, DeployingEvent, FarmEvent, ImportFarm, Observer};
use thiserror::Error;

use crate::output::visible;

use super::{Exit, Signals, complain, say, words_of};

use database::{Database, DatabaseError};

pub use deployment::DeploymentArgs;
pub use keys::reference;
pub use pack::PackArgs;
pub use settings::{Deploying, FarmSettings, SharedDatabase};

/// Why a server of a farm does not start.
#[derive(Debug, Error)]
enum FarmError {
    /// A directory cannot be used.
    #[error("cannot use the directory {path}")]
    Directory {
        path: String,
        #[source]
        source: io::Error,
    },
    /// The databases cannot be opened.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] IdentityError),
    /// There is no way for administrators to reach it.
    #[error("cannot open the control channel")]
    Control(#[source] io::Error),
    /// The server did not start.
    #[error(transparent)]
    Start(#[from] StartError),
}

/// A server of a farm, and what outlives it in this process.
struct Server {
    farm: ImportFarm,
    deploying: deploying::Deploying,
    databases: Databases<Database>,
    /// The state directory's lock.
    _state: std::fs::File,
}

impl Server {
    async fn start(settings: &FarmSettings) -> Result<Self, FarmError> {
        let host = Host::real(&settings.farm.server, settings.listen);
        let state = database::take(&settings.state)?;
        let databases = database::open(&host, settings).await?;
        let temporary = &settings.temporary_folder;
        let depot = TemporaryFolder::open(temporary);
        let depot = depot.map_err(|source| FarmError::Directory {
            path: temporary.display().to_string(),
            source,
        })?;
        let sites = settings.sites.iter();
        let sites = sites.map(|((url, path), place)| (SiteName::new(url, path), place.clone()));
        let importer =
            SiteImporter::new(temporary.clone(), sites.collect(), settings.import_limits);
        let observer = Observer::new(log);
        let started = ImportFarm::start(
            secured(host.clone(), settings.tls.as_ref())?,
            databases.clone(),
            depot,
            importer,
            settings.farm.clone(),
            observer.clone(),
        );
        let farm = started.await?;
        let deploying = deploying::Deploying::start(settings, &host, &databases, &observer);
        Ok(Self {
            farm,
            deploying: deploying.await?,
            databases,
            _state: state,
        })
    }

    /// Ends the server and closes its databases.
    async fn stop(self) {
        self.deploying.stop().await;
        self.farm.stop().await;
        database::close(self.databases).await;
    }
}

/// This machine, with HTTPS where there is a certificate.
fn secured(
    host: Host<TokioNet>,
    identity: Option<&portcullis_tls::Identity>,
) -> Result<Host<Tls<TokioNet>>, IdentityError> {
    let Some(identity) = identity else {
        return Ok(host.map_net(Tls::off));
    };
    let endpoint = Endpoint::open_to_all(identity, host.wall.clone())?;
    Ok(host.map_net(|net| Tls::new(net, endpoint)))
}

/// How many connections have given way to others.
static GIVEN_WAY: AtomicU64 = AtomicU64::new(0);

/// What an operator wants to see in the log without asking for more.
fn log(event: &FarmEvent) {
    match event {
        FarmEvent::Job {
            job,
            from,
            to,
            reason,
        } => {
            let (from, to) = (word(from), word(to));
            let reason = reason.as_deref().unwrap_or_default();
            tracing::info!(%job, reason, "import job: {from} to {to}");
        }
        FarmEvent::Uploaded { job, file, octets } => {
            tracing::info!(%job, octets, "uploaded {}", visible(file.as_str()));
        }
        FarmEvent::Deploying(DeployingEvent::Moved {
            run,
            name,
            from,
            to,
            reason,
        }) => {
            let (from, to) = (word(from), word(to));
            let reason = reason.as_deref().unwrap_or_default();
            tracing::info!(
                run = run.number,
                reason,
                "deployment {name}: {from} to {to}"
            );
        }
        FarmEvent::Deploying(DeployingEvent::Skipped { name }) => {
            tracing::info!("deployment {name}: due, and not run: its path is disabled");
        }
        FarmEvent::Deploying(DeployingEvent::Removed { name }) => {
            tracing::info!("deployment {name}: deleted");
        }
        FarmEvent::Deploying(DeployingEvent::Kept { name, why }) => {
            let why = visible(why);
            tracing::warn!("deployment {name}: not deleted, import logs may be left: {why}");
        }
        FarmEvent::DatabaseFailed {
            part,
            database,
            why,
        } => {
            tracing::warn!(part, "the {database} database does not answer: {why}");
        }
        FarmEvent::ConnectionLimit => {
            // Whoever opens connections must not fill the log with them.
            let count = GIVEN_WAY.fetch_add(1, Ordering::Relaxed).saturating_add(1);
            if count.is_power_of_two() {
                tracing::warn!(count, "connections gave way to others");
            }
        }
        FarmEvent::BadRequest => tracing::info!("a request that is none"),
        FarmEvent::TimerJob { .. }
        | FarmEvent::Deploying(DeployingEvent::RemoteJob { .. } | DeployingEvent::Ended { .. })
        | FarmEvent::DecompressionStarted { .. }
        | FarmEvent::Placed { .. }
        | FarmEvent::Answered { .. } => {}
    }
}

/// A state in words; a job that is not there has none.
const fn word(state: &'static str) -> &'static str {
    if state.is_empty() { "none" } else { state }
}

/// Serves until a signal ends it.
pub(super) async fn serve(settings: FarmSettings) -> Exit {
    let mut signal = match Signals::listen() {
        Ok(signal) => signal,
        Err(error) => return complain(&format!("cannot listen for signals: {error}")),
    };
    let url = settings.farm.administration_url.clone();
    let is_accepting = settings.farm.accept_incoming_jobs;
    let started = tokio::select! {
        biased;
        () = signal.wait() => return Exit::Completed,
        started = Server::start(&settings) => started,
    };
    let server = match started {
        Ok(server) => server,
        Err(error) => return complain(&words_of(&error)),
    };
    say(&format!("{url} is ready"));
    if !settings.deploying.sources.is_empty() {
        say(&format!(
            "{url}{DEPLOYMENT_LIST_PATH} shows its deployments"
        ));
    }
    if settings.farm.require_secure_connection && settings.tls.is_none() {
        say("it requires secure connections and has no `[tls]`: it refuses every call");
    }
    if !is_accepting {
        say("it accepts no incoming jobs: set `accept_incoming_jobs = true` to change that");
    }
    signal.wait().await;
    server.stop().await;
    Exit::Completed
}
