//! The process that owns an environment's store: its agent, its control channel, its end.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use portcullis_agent::Agent;
use portcullis_agent::config::Authentication;
use portcullis_agent::error::StartError;
use portcullis_agent::message::TaskId;
use portcullis_agent::observe::Observer;
use portcullis_agent::work::{Captured, Files, Job, Processes, Workshop};
use portcullis_net::{Host, Objection, TokioNet};
use portcullis_store::{OpenError, OpenErrorKind, SqliteStore};
use portcullis_tls::{Endpoint, IdentityError, Reach, Tls};
use thiserror::Error;
use tokio::time::timeout;

use super::control::{ControlChannel, Desk};
use super::hearing::Hearing;
use super::settings::Settings;
use super::state_directory::StateDirectory;
use super::trouble::Troubles;

/// How long the connections of an owner that ends may take to end too.
const FAREWELL: Duration = Duration::from_secs(2);

/// Why an environment does not start.
#[derive(Debug, Error)]
pub(super) enum OwnError {
    /// The state directory cannot be used.
    #[error("cannot use the state directory {path}")]
    Directory {
        path: String,
        #[source]
        source: io::Error,
    },
    /// Another process owns the store.
    #[error("another process owns the store")]
    Owned,
    /// The store cannot be opened.
    #[error(transparent)]
    Store(OpenError),
    /// The agent did not start.
    #[error(transparent)]
    Agent(#[from] StartError),
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] IdentityError),
    /// The control channel did not open.
    #[error("cannot open the control channel")]
    Control(#[source] io::Error),
}

/// Why a process owns a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tenure {
    /// It serves the environment.
    Service,
    /// It does one thing and leaves; who waits for another one may take its place.
    Errand,
}

/// The agent of a real host.
pub(super) struct Owner {
    pub(super) agent: Agent<Tls<TokioNet>, SqliteStore, Workshop<Files, Processes>>,
    store: SqliteStore,
    control: ControlChannel,
    /// What stands in the way of its tasks.
    pub(super) troubles: Troubles,
    /// The tasks whose completions are still to be heard.
    hearing: Hearing,
}

impl Owner {
    /// Locks the store, starts the agent and opens the control channel.
    pub(super) async fn start(settings: &Settings, tenure: Tenure) -> Result<Self, OwnError> {
        let in_directory = |source| OwnError::Directory {
            path: settings.state.display().to_string(),
            source,
        };
        let directory = StateDirectory::create(&settings.state).map_err(in_directory)?;
        let received = directory.received();
        std::fs::create_dir_all(&received).map_err(in_directory)?;
        let store = SqliteStore::open(&directory.store()).map_err(|error| {
            if error.kind == OpenErrorKind::Owned {
                OwnError::Owned
            } else {
                OwnError::Store(error)
            }
        })?;
        let mut commands = settings.commands.clone();
        for line in commands.values_mut() {
            line.directory.get_or_insert_with(|| received.clone());
        }
        let work = Workshop {
            payload: Files::new(received),
            executor: Processes::new(commands)
                .marked(&settings.state.display().to_string())
                .with_output(log_output),
        };
        let host = host(settings)?;
        let spawner = host.spawner.clone();
        let hearing = Hearing::default();
        let troubles = Troubles::new(&settings.agent);
        let observer = observer(hearing.clone(), troubles.clone());
        let config = settings.agent.clone();
        let agent = Agent::start(host, store.clone(), work, config, observer).await?;
        let desk = Desk {
            agent: agent.clone(),
            config: settings.agent.clone().into(),
            file: settings.file.as_path().into(),
            troubles: troubles.clone(),
            tenure,
        };
        let control = ControlChannel::open(desk, &directory, &spawner)
            .await
            .map_err(OwnError::Control)?;
        Ok(Self {
            agent,
            store,
            control,
            troubles,
            hearing,
        })
    }

    /// Waits until the connections that bring the completions of `tasks` have ended, so that their
    /// acknowledgements are not cut off: the destination would report again to a closed port.
    pub(super) async fn hear_out(&self, tasks: &[TaskId]) {
        // What a status query has settled is reported all the same, now or later.
        if timeout(FAREWELL, self.hearing.out(tasks)).await.is_err() {
            tracing::debug!("no completion to hear out");
        }
    }

    /// Lets the connections end that others have opened, closes the listeners, leaves unfinished
    /// work to the next start (ET-54), closes the store.
    pub(super) async fn stop(self) {
        self.control.close().await;
        if timeout(FAREWELL, self.agent.leave()).await.is_err() {
            tracing::debug!("a connection did not end in time");
        }
        self.agent.stop().await;
        if self.store.close().await.is_err() {
            tracing::error!("the store had closed before");
        }
    }
}

/// This machine, with TLS on the connections of the links that ask for it.
fn host(settings: &Settings) -> Result<Host<Tls<TokioNet>>, IdentityError> {
    let host = Host::real(settings.agent.name.as_str(), settings.listen);
    let Some(identity) = &settings.tls else {
        return Ok(host.map_net(Tls::off));
    };
    let (mut listens, mut opens) = (BTreeSet::new(), BTreeSet::new());
    let is_tls = |authentication: &Authentication| *authentication == Authentication::Connection;
    for link in &settings.agent.later {
        if is_tls(&link.authentication) {
            listens.insert(link.local_port);
            opens.insert((link.address.clone(), link.remote_port));
        }
    }
    for link in &settings.agent.earlier {
        if is_tls(&link.authentication) {
            listens.insert(link.remote_port);
            opens.insert((link.address.clone(), link.local_port));
        }
    }
    if let Some(why) = identity.untimely(host.wall.now()) {
        tracing::warn!(
            "{}; no neighbour will accept it: replace the files that [tls] names, and restart",
            untimely_words(why)
        );
    }
    let endpoint = Endpoint::new(identity, host.wall.clone())?;
    let reach = Reach::Only { listens, opens };
    Ok(host.map_net(|net| Tls::new(net, endpoint).within(reach)))
}

const fn untimely_words(why: Objection) -> &'static str {
    if matches!(why, Objection::NotYetValid) {
        "this environment's certificate is not valid yet, by this host's clock"
    } else {
        "this environment's certificate has expired, by this host's clock"
    }
}

fn observer(hearing: Hearing, troubles: Troubles) -> Observer {
    Observer::new(move |event| {
        troubles.note(event);
        hearing.note(event);
    })
}

/// What a command wrote is for this host's log only; no message carries it.
fn log_output(job: &Job, captured: &Captured) {
    for (stream, octets) in [("output", &captured.output), ("errors", &captured.errors)] {
        for line in String::from_utf8_lossy(octets).lines() {
            tracing::info!(task = %job.task, from = %job.from, stream, "{line}");
        }
    }
}
