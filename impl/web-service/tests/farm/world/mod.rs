//! Farms whose databases and disks outlive their servers.

mod quiet;

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use portcullis_net::{Host, Randomness, Spawn, Spawner, WallClock};
use portcullis_store::{Disk, SimStore};
use portcullis_web_service::config::{Config, WebApplication};
use portcullis_web_service::desk::{Desk, FarmDesk};
use portcullis_web_service::error::UploadRefusal;
use portcullis_web_service::message::{
    Fault, Guid, IncludeSecurity, JobStatus, NewJob, RemoteJobStatus, Request, Response,
    UploadTarget, UserInfoDateTime, Violation,
};
use portcullis_web_service::work::{
    Depot, DepotError, ImportScript, Kept, ScriptedImport, ScriptedImporter, Shelf, SimulatedDepot,
    Upload,
};
use portcullis_web_service::{Databases, FarmEvent, ImportFarm, Observer};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

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
pub(crate) struct Server {
    pub(crate) farm: ImportFarm,
    pub(crate) desk: FarmDesk<SimStore, SimulatedDepot>,
    pub(crate) depot: SimulatedDepot,
    tasks: Arc<Mutex<JoinSet<()>>>,
}

/// The tasks of one life.
struct Life(Arc<Mutex<JoinSet<()>>>);

impl Spawn for Life {
    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>) {
        self.0.lock().unwrap().spawn(task);
    }
}

/// The databases as their own host serves them: they outlive the farm's servers.
pub(crate) struct DatabaseServer {
    pub(crate) databases: Databases<SimStore>,
    tasks: Arc<Mutex<JoinSet<()>>>,
}

impl DatabaseServer {
    /// Ends it: databases do not answer any more; what is durable stays.
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
        let random = Randomness::from_seed(7);
        let disk = |label| Disk::new(&random.fork(label), Duration::from_millis(1));
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
        let tasks = Arc::new(Mutex::new(JoinSet::new()));
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
        let tasks = Arc::new(Mutex::new(JoinSet::new()));
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
        let desk = FarmDesk::new(
            &host,
            databases.clone(),
            depot.clone(),
            Arc::new(config.clone()),
            observer.clone(),
        );
        let started = ImportFarm::start(
            host,
            databases.clone(),
            depot.clone(),
            importer,
            config,
            observer,
        );
        Server {
            farm: started.await.unwrap(),
            desk,
            depot,
            tasks,
        }
    }

    /// The moves of a job that were announced, as the states entered.
    pub(crate) fn states(&self, job: Guid) -> Vec<&'static str> {
        let events = self.events.lock().unwrap();
        let moves = events.iter().filter_map(|(_, _, event)| match event {
            FarmEvent::Job { job: of, to, .. } if *of == job => Some(*to),
            _ => None,
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

    /// What was announced so far, one line an event; jobs are `job`.
    pub(crate) fn transcript(&self) -> String {
        let events = self.events.lock().unwrap();
        let lines = events.iter().map(|(at, server, event)| {
            format!("{:>8.3} {server} {}\n", at.as_secs_f64(), line(event))
        });
        lines.collect()
    }
}

impl Server {
    /// Ends every task of the server at once.
    pub(crate) async fn crash(self) {
        end(&self.tasks).await;
    }

    pub(crate) async fn ask(&self, request: Request) -> Result<Response, Violation> {
        let answered = self.desk.answer(request).await;
        answered.map_err(|Fault { violation }| violation)
    }

    pub(crate) async fn create(&self, description: &str) -> Guid {
        match self.ask(Request::CreateJob(new_job(description))).await {
            Ok(Response::CreateJob(job)) => job,
            other => panic!("{other:?}"),
        }
    }

    /// Uploads a file as the worker does it.
    pub(crate) async fn upload(
        &self,
        job: Guid,
        file: &str,
        octets: &'static [u8],
    ) -> Result<(), UploadRefusal> {
        let target = target(job, file);
        let length = u64::try_from(octets.len()).unwrap();
        self.desk.may_upload(&target, Some(length)).await?;
        self.put(&target, octets)
            .await
            .map_err(|error| match error {
                DepotError::Different => UploadRefusal::Different,
                DepotError::Full => UploadRefusal::Full,
                DepotError::Storage => UploadRefusal::Unavailable,
            })?;
        self.desk.uploaded(&target, length).await
    }

    async fn put(&self, target: &UploadTarget, octets: &'static [u8]) -> Result<Kept, DepotError> {
        let mut upload = self.depot.begin(target.job, &target.file).await?;
        upload.write(Bytes::from_static(octets)).await?;
        upload.commit().await
    }

    /// A job with a file.
    pub(crate) async fn prepared(&self, description: &str) -> Guid {
        let job = self.create(description).await;
        self.upload(job, "ExportedFiles.cab", b"MSCF")
            .await
            .unwrap();
        job
    }

    pub(crate) async fn run(&self, job: Guid) -> Result<Response, Violation> {
        self.ask(Request::RunJob { job }).await
    }

    pub(crate) async fn cancel(&self, job: Guid) -> Result<Response, Violation> {
        self.ask(Request::CancelJob { job }).await
    }

    pub(crate) async fn delete(&self, job: Guid) -> Result<Response, Violation> {
        self.ask(Request::DeleteJob { job }).await
    }

    pub(crate) async fn status(&self, job: Guid) -> Result<RemoteJobStatus, Violation> {
        match self.ask(Request::GetJobStatus { job }).await? {
            Response::GetJobStatus(status) => Ok(status),
            other => panic!("{other:?}"),
        }
    }

    /// How a job that was run has ended, asked for every ten seconds. A day must do.
    pub(crate) async fn ended(&self, job: Guid) -> RemoteJobStatus {
        let ended = timeout(seconds(24 * 3600), async {
            loop {
                match self.status(job).await {
                    Ok(status) if status.status.is_final() => return status,
                    Ok(_) | Err(Violation::Unavailable) => sleep(seconds(10)).await,
                    Err(violation) => panic!("{violation}"),
                }
            }
        });
        ended.await.expect("every import ends")
    }

    /// The status only.
    pub(crate) async fn word(&self, job: Guid) -> JobStatus {
        self.status(job).await.unwrap().status
    }
}

fn line(event: &FarmEvent) -> String {
    match event {
        FarmEvent::Job {
            from, to, reason, ..
        } => {
            let reason = reason.as_ref().map(|why| format!(" ({why})"));
            format!("job: {from} -> {to}{}", reason.unwrap_or_default())
        }
        FarmEvent::TimerJob { from, to, .. } => format!("timer job: {from} -> {to}"),
        FarmEvent::Uploaded { file, octets, .. } => format!("uploaded {file}, {octets} octets"),
        FarmEvent::DecompressionStarted { .. } => "decompression begins".to_owned(),
        FarmEvent::Placed { number, count, .. } => format!("placed {number} of {count}"),
        FarmEvent::DatabaseFailed { part, database } => {
            format!("{part}: the {database} database does not answer")
        }
        other => format!("{other:?}"),
    }
}
