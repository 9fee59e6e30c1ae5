//! One server of an import farm on a simulated host.

use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portcullis_reports::{Event, Source};
use portcullis_store::{
    Disk, EitherStore, RemoteConfig, RemoteStore, SimStore, Write, serve_store,
};
use portcullis_web_service::work::{ImportScript, ScriptedImporter, Shelf, SimulatedDepot};
use portcullis_web_service::{Config, Databases, ImportFarm, Observer};

use super::announce::{self, noted};
use super::cast;
use super::credentials::{self, Credentials};
use super::labour::Witness;
use super::vocabulary::{effect, field};
use crate::engine::{Boot, Command, Node};
use crate::protocols::service::{self, Keeper, Service};
use crate::scenario::{Plan, Table};

/// How long a simulated disk takes to sync.
const SYNC_LATENCY: Duration = Duration::from_millis(2);

/// How long a simulated file system takes to keep a file.
const FILE_SYNC: Duration = Duration::from_millis(5);

/// What is kept with a host for the whole run.
#[derive(Default)]
pub(super) struct Rack {
    kept: Mutex<Kept>,
    service: Service,
}

#[derive(Default)]
struct Kept {
    /// The disks under the configuration and the content database.
    disks: Option<Databases<Disk>>,
    files: Shelf,
    farm: Option<ImportFarm>,
    /// Whether the farm takes incoming jobs, where that was changed during the run.
    is_accepting: Option<bool>,
}

impl Rack {
    /// What is kept with the host of `node`.
    pub(super) fn of(node: &Node) -> Arc<Self> {
        node.shelf.keep(Self::default)
    }

    /// The host's disks; empty ones the first time.
    pub(super) fn disks(&self, node: &Node) -> Databases<Disk> {
        let fresh = || Databases {
            configuration: disk(node, "configuration"),
            content: disk(node, "content"),
        };
        self.kept().disks.get_or_insert_with(fresh).clone()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An empty disk that tells of every row that becomes durable.
fn disk(node: &Node, name: &str) -> Disk {
    let disk = Disk::new(&node.host.random.fork("disk").fork(name), SYNC_LATENCY);
    let recorder = node.recorder.clone();
    disk.on_write(Arc::new(move |Write { table, key, .. }| {
        recorder.record(Source::Inside, Event::Write { table, key });
    }));
    disk
}

/// The stores on a host's own disks.
fn stores(node: &Node) -> Databases<SimStore> {
    let disks = Rack::of(node).disks(node);
    Databases {
        configuration: SimStore::open(&disks.configuration, &node.host.spawner),
        content: SimStore::open(&disks.content, &node.host.spawner),
    }
}

/// Where a host of databases serves them: the configuration database, the content database.
const DATABASE_PORTS: (u16, u16) = (1433, 1434);

/// The databases of a farm, on a server's own disks or on the host `server`.
pub(super) fn databases(
    node: &Node,
    server: Option<&str>,
) -> Databases<EitherStore<SimStore, RemoteStore>> {
    let Some(server) = server else {
        let own = stores(node);
        return Databases {
            configuration: EitherStore::A(own.configuration),
            content: EitherStore::A(own.content),
        };
    };
    let remote = |port| {
        let config = RemoteConfig::new(server, port);
        EitherStore::B(RemoteStore::open(&node.host, config))
    };
    Databases {
        configuration: remote(DATABASE_PORTS.0),
        content: remote(DATABASE_PORTS.1),
    }
}

/// The main function of a host that has a farm's databases.
pub(super) fn serving_databases() -> Boot {
    Arc::new(|node: Node| {
        Box::pin(async move {
            let Databases {
                configuration,
                content,
            } = stores(&node);
            let (first, second) = DATABASE_PORTS;
            let served = serve_store(&node.host, first, configuration).await;
            if let Err(error) = served.and(serve_store(&node.host, second, content).await) {
                not_started(&node, &error.to_string());
            }
            pending::<()>().await;
        })
    })
}

/// What a server needs to start, besides its host.
#[derive(Clone, Debug)]
pub(super) struct Part {
    config: Config,
    script: ImportScript,
    /// The host that has its databases, if that is another one.
    databases: Option<String>,
    /// Its certificate, if it speaks TLS.
    credentials: Option<Credentials>,
}

impl Part {
    fn of(plan: &Plan, host: &str) -> Self {
        let server = cast::host(plan, host);
        Self {
            config: cast::config(plan, host),
            script: cast::script(plan),
            databases: cast::databases(server).map(str::to_owned),
            credentials: Credentials::of_server(plan, server),
        }
    }
}

impl Keeper for Rack {
    type Part = Part;

    fn service(&self) -> &Service {
        &self.service
    }

    fn start(node: Node, part: Part) -> impl Future<Output = ()> + Send {
        start(node, part)
    }

    async fn stop(&self) {
        let running = self.kept().farm.take();
        if let Some(farm) = running {
            farm.stop().await;
        }
    }
}

/// The main function of an honest server.
pub(super) fn boot(plan: &Plan, host: &str) -> Boot {
    service::boot::<Rack>(Part::of(plan, host))
}

/// Starts the service again after a stop.
pub(super) fn starting(plan: &Plan, host: &str) -> Command {
    service::starting::<Rack>(Part::of(plan, host))
}

/// Ends the service.
pub(super) fn stopping() -> Command {
    service::stopping::<Rack>()
}

/// Changes whether the farm takes incoming jobs, and starts the service with that.
pub(super) fn configuring(plan: &Plan, configure: &Table) -> Boot {
    let part = Part::of(plan, configure.text("host").unwrap_or_default());
    let is_accepting = configure.flag("accept_incoming_jobs");
    Arc::new(move |node: Node| {
        let part = part.clone();
        Box::pin(async move {
            let rack = Rack::of(&node);
            rack.kept().is_accepting = Some(is_accepting);
            {
                let _turn = rack.service.turn().await;
                rack.stop().await;
            }
            start(node, part).await;
        })
    })
}

async fn start(node: Node, part: Part) {
    let rack = Rack::of(&node);
    let _turn = rack.service.turn().await;
    match come_up(&node, &rack, part).await {
        Ok(farm) => rack.kept().farm = Some(farm),
        // Whatever stood in its way: it is noted, and the service may be started again.
        Err(why) => {
            not_started(&node, &why);
            rack.service.not_started(&node);
        }
    }
}

/// Starts the farm; why it does not start otherwise.
async fn come_up(node: &Node, rack: &Rack, part: Part) -> Result<ImportFarm, String> {
    let (files, is_accepting) = {
        let mut kept = rack.kept();
        kept.farm = None;
        (kept.files.clone(), kept.is_accepting)
    };
    let mut config = part.config;
    config.accept_incoming_jobs = is_accepting.unwrap_or(config.accept_incoming_jobs);
    let depot = SimulatedDepot::new(files.clone(), FILE_SYNC);
    let depot = Witness::new(depot, node.recorder.clone());
    let importer = ScriptedImporter::new(files, part.script);
    let databases = databases(node, part.databases.as_deref());
    let observer = observer(node);
    let host = credentials::secured(node, part.credentials.as_ref());
    let host = host.map_err(|error| error.to_string())?;
    let started = ImportFarm::start(host, databases, depot, importer, config, observer).await;
    started.map_err(|error| error.to_string())
}

fn not_started(node: &Node, why: &str) {
    let event = noted(
        effect::START_FAILED,
        [(field::REASON, Some(why.to_owned()))],
    );
    node.recorder.record(Source::Inside, event);
}

/// Puts what a farm announces into the history, as seen from inside.
fn observer(node: &Node) -> Observer {
    let recorder = node.recorder.clone();
    Observer::new(move |announced| {
        recorder.record(Source::Inside, announce::event(announced));
    })
}
