//! Farms whose databases and disks outlive their servers.

mod gate;
mod line;
mod quiet;
mod server;

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use portcullis_net::{Host, Randomness, Spawn, Spawner, WallClock};
use portcullis_store::{Disk, SimStore};
use portcullis_web_service::config::{Config, WebApplication};
use portcullis_web_service::desk::FarmDesk;
use portcullis_web_service::message::{
    Guid, IncludeSecurity, NewJob, UploadTarget, UserInfoDateTime,
};
use portcullis_web_service::work::{
    ImportScript, ScriptedImport, ScriptedImporter, Shelf, SimulatedDepot,
};
use portcullis_web_service::{Databases, FarmEvent, ImportFarm, Observer};
use tokio::task::JoinSet;
use tokio::time::Instant;

pub(crate) use gate::{GatedStore, Way, Ways};
pub(crate) use quiet::QuietNet;

/// What every clock shows at the start.
pub(crate) const EPOCH: jiff::Timestamp = jiff::Timestamp::constant(1_900_000_000, 0);

/// The farm's one web application.
pub(crate) const SITE: &str = "http://destination";

/// The content deployment job of the source.
pub(crate) const SOURCE: Guid = Guid::from_bits(0xBE31);

/// What a job's description is when the test does not care.
pub(crate) const ANY: &str = "deploy";

/// What survives every crash of a farm: its databases, its import server's disk, and the script.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) configuration: Disk,
    pub(crate) content: Disk,
    pub(crate) shelf: Shelf,
    pub(crate) script: ImportScript,
    pub(crate) start: Instant,
    events: Arc<Mutex<Vec<(Duration, String, FarmEvent)>>>,
}

/// One life of one server.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) farm: ImportFarm,
    pub(crate) ways: Ways,
    pub(crate) tasks: Tasks,
    desk: FarmDesk<GatedStore, SimulatedDepot>,
    depot: SimulatedDepot,
}

/// The tasks of one life of a host, which end together.
pub(crate) type Tasks = Arc<Mutex<JoinSet<()>>>;

/// The tasks of one life.
struct Life(Tasks);

impl Spawn for Life {
    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>) {
        self.0.lock().unwrap().spawn(task);
    }
}

/// The databases as their own host serves them: they outlive the farm's servers.
pub(crate) struct DatabaseServer {
    pub(crate) databases: Databases<SimStore>,
    tasks: Tasks,
}

impl DatabaseServer {
    /// Ends it, at worst in the middle of a sync; what is durable stays.
    pub(crate) async fn crash(&self) {
        end(&self.tasks).await;
    }
}

async fn end(tasks: &Mutex<JoinSet<()>>) {
    let mut ended = std::mem::take(&mut *tasks.lock().unwrap());
    ended.shutdown().await;
}

/// A configuration that accepts jobs, as [`SITE`] has them.
pub(crate) fn config(server: &str) -> Config {
    let mut config = Config::new(server, 8080, "http://target:8080");
    config.accept_incoming_jobs = true;
    config.web_applications = vec![WebApplication {
        name: "Destination".to_owned(),
        url: SITE.to_owned(),
        site_collections: BTreeSet::from(["/".to_owned(), "/sites/news".to_owned()]),
    }];
    config
}

pub(crate) fn new_job(description: &str) -> NewJob {
    NewJob {
        description: description.to_owned(),
        source_id: SOURCE,
        destination_server_url: SITE.to_owned(),
        destination_site_collection: "/".to_owned(),
        include_security: IncludeSecurity::None,
        include_user_info_date_time: UserInfoDateTime::None,
        enable_event_receivers: false,
        file_compression: true,
    }
}

pub(crate) fn target(job: Guid, file: &str) -> UploadTarget {
    UploadTarget {
        file: file.parse().unwrap(),
        job,
    }
}

pub(crate) const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

impl World {
    /// A farm that has no server yet, with databases whose syncs take a millisecond.
    pub(crate) fn new(script: ScriptedImport) -> Self {
        Self::with_sync(script, Duration::from_millis(1), 7)
    }

    /// The same with other syncs; `seed` decides what a crash during one leaves.
    pub(crate) fn with_sync(script: ScriptedImport, sync: Duration, seed: u64) -> Self {
        let random = Randomness::from_seed(seed);
        let disk = |label| Disk::new(&random.fork(label), sync);
        Self {
            configuration: disk("configuration"),
            content: disk("content"),
            shelf: Shelf::default(),
            script: ImportScript::new(script),
            start: Instant::now(),
            events: Arc::default(),
        }
    }

    /// Starts to serve the databases.
    pub(crate) fn serve_databases(&self) -> DatabaseServer {
        let tasks = Tasks::default();
        let spawner = Spawner::new(Life(Arc::clone(&tasks)));
        DatabaseServer {
            databases: Databases {
                configuration: SimStore::open(&self.configuration, &spawner),
                content: SimStore::open(&self.content, &spawner),
            },
            tasks,
        }
    }

    /// Starts a server on databases that somebody serves.
    pub(crate) async fn start(&self, config: Config, databases: &Databases<SimStore>) -> Server {
        let tasks = Tasks::default();
        let spawner = Spawner::new(Life(Arc::clone(&tasks)));
        let start = self.start;
        let wall = WallClock::from_fn(move || EPOCH.checked_add(start.elapsed()).unwrap());
        let host = Host {
            name: config.server.as_str().into(),
            net: QuietNet,
            spawner,
            wall,
            random: Randomness::from_seed(7).fork(&config.server),
        };
        let (events, name) = (Arc::clone(&self.events), config.server.clone());
        let observer = Observer::new(move |event| {
            let at = start.elapsed();
            events
                .lock()
                .unwrap()
                .push((at, name.clone(), event.clone()));
        });
        let depot = SimulatedDepot::new(self.shelf.clone(), Duration::from_millis(1));
        let importer = ScriptedImporter::new(self.shelf.clone(), self.script.clone());
        let ways = Ways::default();
        let databases = ways.to(databases);
        let desk = FarmDesk::new(
            &host,
            databases.clone(),
            depot.clone(),
            Arc::new(config.clone()),
            observer.clone(),
        );
        let started = ImportFarm::start(host, databases, depot.clone(), importer, config, observer);
        Server {
            farm: started.await.unwrap(),
            ways,
            desk,
            depot,
            tasks,
        }
    }

    /// The moves of a job that were announced, as the states entered.
    pub(crate) fn states(&self, job: Guid) -> Vec<&'static str> {
        let events = self.events.lock().unwrap();
        let moves = events.iter().filter_map(|(_, _, event)| {
            let FarmEvent::Job { job: of, to, .. } = event else {
                return None;
            };
            (*of == job).then_some(*to)
        });
        moves.collect()
    }

    /// How many events satisfy `wanted`.
    pub(crate) fn count(&self, wanted: impl Fn(&str, &FarmEvent) -> bool) -> usize {
        let events = self.events.lock().unwrap();
        let found = events
            .iter()
            .filter(|(_, server, event)| wanted(server, event));
        found.count()
    }

    /// When the first event came that satisfies `wanted`.
    pub(crate) fn first(&self, wanted: impl Fn(&str, &FarmEvent) -> bool) -> Option<Duration> {
        let events = self.events.lock().unwrap();
        let mut found = events.iter().filter(|(_, at, event)| wanted(at, event));
        found.next().map(|(time, ..)| *time)
    }

    /// When the last event came that satisfies `wanted`.
    pub(crate) fn last(&self, wanted: impl Fn(&str, &FarmEvent) -> bool) -> Option<Duration> {
        let events = self.events.lock().unwrap();
        let found = events.iter().filter(|(_, at, event)| wanted(at, event));
        found.last().map(|(time, ..)| *time)
    }

    /// What was announced so far, one line an event; jobs are `job`.
    pub(crate) fn transcript(&self) -> String {
        let events = self.events.lock().unwrap();
        let lines = events.iter().map(|(at, server, event)| {
            format!("{:>8.3} {server} {}\n", at.as_secs_f64(), line::line(event))
        });
        lines.collect()
    }
}
