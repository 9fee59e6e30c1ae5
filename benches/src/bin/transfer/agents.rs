//! Two agents on the operating system's sockets, files and SQLite, each in a process of its own.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;

use portcullis_agent::config::{Authentication, Config, EarlierLink, Key, KeyRing, LaterLink};
use portcullis_agent::message::{EnvironmentName, Outcome, Product, TaskId};
use portcullis_agent::state::Settled;
use portcullis_agent::work::{Files, Processes, Work, Workshop};
use portcullis_agent::{Agent, Observer, Order, SubmitRequest};
use portcullis_net::{Host, TokioNet};
use portcullis_store::SqliteStore;

use crate::Failed;
use crate::part::{Process, say_ready, told_to_end};

type RealAgent = Agent<TokioNet, SqliteStore, Workshop<Files, Processes>>;

/// The task of a transfer.
pub(crate) const TASK: &str = "t1";

pub(crate) fn name(text: &str) -> Result<EnvironmentName, Failed> {
    Ok(EnvironmentName::new(text)?)
}

/// An environment without links.
pub(crate) fn named(this: &str) -> Result<Config, Failed> {
    Ok(Config::new(name(this)?, Product::new("1.0")?))
}

const ADDRESS: &str = "127.0.0.1";

/// Codes with the secret of every link.
pub(crate) fn sealed() -> Result<Authentication, Failed> {
    let key = Key::from_octets(&[7; 32])?;
    Ok(Authentication::Mac(KeyRing::new(key, None)))
}

/// What the process was told to use.
fn authentication(process: &Process) -> Result<Authentication, Failed> {
    if process.code {
        sealed()
    } else {
        Ok(Authentication::None)
    }
}

/// The link to the destination `index`: its remote port and the local port.
pub(crate) fn link(
    index: usize,
    ports: &[u16],
    authentication: Authentication,
) -> Result<LaterLink, Failed> {
    Ok(LaterLink {
        name: name(&format!("prod{index}"))?,
        address: ADDRESS.into(),
        remote_port: ports.first().copied().unwrap_or(0),
        local_port: ports.last().copied().unwrap_or(0),
        authentication,
    })
}

/// The destination `index`.
pub(crate) fn receiving(
    index: usize,
    ports: &[u16],
    authentication: Authentication,
) -> Result<Config, Failed> {
    let mut config = named(&format!("prod{index}"))?;
    config.earlier.push(EarlierLink {
        name: name("dev")?,
        address: ADDRESS.into(),
        remote_port: ports.first().copied().unwrap_or(0),
        local_port: ports.last().copied().unwrap_or(0),
        authentication,
    });
    Ok(config)
}

/// Starts an agent whose store is in the directory `root`.
pub(crate) async fn start_with<W: Work>(
    root: &Path,
    config: Config,
    work: W,
) -> Result<Agent<TokioNet, SqliteStore, W>, Failed> {
    std::fs::create_dir_all(root)?;
    let host = Host::real(config.name.as_str(), Ipv4Addr::LOCALHOST.into());
    let store = SqliteStore::open(&root.join("store.db"))?;
    Ok(Agent::start(host, store, work, config, Observer::none()).await?)
}

async fn start(root: &Path, config: Config) -> Result<RealAgent, Failed> {
    let work = Workshop {
        payload: Files::new(root.join("received")),
        executor: Processes::new(BTreeMap::new()),
    };
    start_with(root, config, work).await
}

pub(crate) async fn originator(process: &Process) -> Result<(), Failed> {
    let state = tempfile::tempdir_in(process.directory.parent().ok_or("a parent")?)?;
    let mut config = named("dev")?;
    config.limits.part_octets = process.part_octets;
    config
        .later
        .push(link(0, &process.ports, authentication(process)?)?);
    let agent = start(state.path(), config).await?;
    let source = process.directory.to_str().ok_or("text")?.to_owned();
    let request = SubmitRequest {
        id: Some(TaskId::new(TASK)?),
        ..SubmitRequest::new(name("prod0")?, Order::Transfer { source })
    };
    let task = agent.submit(request).await?;
    let settled = agent.wait(&task).await?;
    if settled != Settled::Ended(Outcome::Succeeded) {
        return Err(format!("the transfer ended with {settled:?}").into());
    }
    agent.stop().await;
    Ok(())
}

pub(crate) async fn destination(process: &Process) -> Result<(), Failed> {
    let agent = start(
        &process.directory,
        receiving(0, &process.ports, authentication(process)?)?,
    )
    .await?;
    say_ready()?;
    told_to_end().await;
    agent.stop().await;
    Ok(())
}
