//! What a rogue farm remembers, and what it says of itself.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portcullis_reports::{Event, Source, StateEvent};
use portcullis_web_service::config::WebApplication;
use portcullis_web_service::message::Guid;
use portcullis_web_service::work::ScriptedImport;
use tokio::time::sleep;

use super::Rogue;
use crate::engine::Node;
use crate::protocols::content_deployment::announce::fields;
use crate::protocols::content_deployment::cast;
use crate::protocols::content_deployment::setting::Server;
use crate::protocols::content_deployment::vocabulary::{field, state};
use crate::scenario::Plan;

/// How long a rogue's disk takes.
const SYNC_LATENCY: Duration = Duration::from_millis(2);

/// How much later a rogue does what it should have done before.
pub(super) const TARDINESS: Duration = Duration::from_secs(1);

/// What a rogue needs to know of its plan.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) server: Server,
    pub(super) import_server_url: String,
    pub(super) web_applications: Vec<WebApplication>,
    /// How imports go, by the descriptions of their jobs.
    pub(super) imports: BTreeMap<String, ScriptedImport>,
}

impl Part {
    pub(super) fn of(plan: &Plan, host: &str) -> Self {
        let config = cast::config(plan, host);
        let server = cast::setting(plan).servers.remove(host);
        Self {
            server: server.expect("a rogue takes the place of a server"),
            import_server_url: config.import_server_url,
            web_applications: config.web_applications,
            imports: cast::imports(plan),
        }
    }
}

/// One rogue farm. Clones are the same one.
#[derive(Clone)]
pub(super) struct Player {
    pub(super) node: Node,
    pub(super) part: Arc<Part>,
    rogue: Rogue,
    memory: Arc<Mutex<Memory>>,
}

/// What it remembers; a crash takes it.
#[derive(Default)]
pub(super) struct Memory {
    pub(super) jobs: BTreeMap<Guid, Job>,
    pub(super) created: u32,
}

/// One job.
#[derive(Clone, Debug, Default)]
pub(super) struct Job {
    pub(super) description: String,
    pub(super) state: &'static str,
    /// Whether `RunJob` has come.
    pub(super) is_run: bool,
    /// Whether its end has been told.
    pub(super) is_told: bool,
    /// Digests of its files, by folded name.
    pub(super) files: BTreeMap<String, String>,
    pub(super) placed: u32,
}

impl Player {
    pub(super) fn new(node: Node, part: Arc<Part>, rogue: Rogue) -> Self {
        Self {
            node,
            part,
            rogue,
            memory: Arc::default(),
        }
    }

    /// Whether this is the rogue that does `wrong`.
    pub(super) fn does(&self, wrong: Rogue) -> bool {
        self.rogue == wrong
    }

    pub(super) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn job(&self, job: Guid) -> Option<Job> {
        self.memory().jobs.get(&job).cloned()
    }

    /// Writes a record of the job to its disk.
    pub(super) async fn write(&self, table: &'static str, job: Guid) {
        sleep(SYNC_LATENCY).await;
        self.tell(Event::Write {
            table: Cow::Borrowed(table),
            key: job.to_string(),
        });
    }

    /// Moves the job, and says so.
    pub(super) fn move_to(&self, job: Guid, to: &'static str) {
        let from = {
            let mut memory = self.memory();
            let known = memory.jobs.get_mut(&job);
            known.map_or("", |known| std::mem::replace(&mut known.state, to))
        };
        self.tell(Event::State(StateEvent {
            machine: Cow::Borrowed(state::IMPORT_JOB),
            id: job.to_string(),
            from: Cow::Borrowed(from),
            to: Cow::Borrowed(to),
            fields: fields([(field::JOB, Some(job.to_string()))]),
        }));
    }

    pub(super) fn tell(&self, event: Event) {
        self.node.recorder.record(Source::Inside, event);
    }

    /// Starts a task of the rogue's host.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.node.host.spawner.spawn(task);
    }
}
