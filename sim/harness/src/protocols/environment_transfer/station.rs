//! One environment on a simulated host.

use std::borrow::Cow;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portcullis_agent::error::{CancelError, QueryError, SubmitError};
use portcullis_agent::message::{EnvironmentName, TaskId};
use portcullis_agent::work::{Shelf, Work};
use portcullis_agent::{Agent, AgentEvent, Config, Observer, SubmitRequest};
use portcullis_net::Net;
use portcullis_reports::{Event, Fields, Source};
use portcullis_store::{Disk, SimStore, Store, Write};

use super::announce::Told;
use super::cast;
use super::commands;
use super::credentials::Credentials;
use super::labour::{Job, labour};
use super::vocabulary::effect;
use crate::engine::{Boot, Command, Node};
use crate::protocols::service::{self, Keeper, Service};
use crate::scenario::Plan;

/// How long a simulated disk takes to sync.
const SYNC_LATENCY: Duration = Duration::from_millis(2);

pub(super) type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a scenario's steps may ask of an environment, whoever plays it.
pub(super) trait Operator: Send + Sync {
    /// Takes on a task.
    fn submit(&self, request: SubmitRequest) -> Answer<'_, Result<TaskId, SubmitError>>;
    /// Asks the destination of a task.
    fn query(&self, task: TaskId) -> Answer<'_, Result<(), QueryError>>;
    /// Stops a task here.
    fn cancel(&self, from: EnvironmentName, task: TaskId) -> Answer<'_, Result<(), CancelError>>;
    /// Tries the directions of the links with `peer`.
    fn preflight(&self, peer: EnvironmentName) -> Answer<'_, ()>;
    /// Ends the service.
    fn stop(&self) -> Answer<'_, ()>;
}

impl<N: Net, S: Store, W: Work> Operator for Agent<N, S, W> {
    fn submit(&self, request: SubmitRequest) -> Answer<'_, Result<TaskId, SubmitError>> {
        Box::pin(async move { Self::submit(self, request).await })
    }

    fn query(&self, task: TaskId) -> Answer<'_, Result<(), QueryError>> {
        Box::pin(async move { Self::query(self, &task).await.map(|_| ()) })
    }

    fn cancel(&self, from: EnvironmentName, task: TaskId) -> Answer<'_, Result<(), CancelError>> {
        Box::pin(async move { Self::cancel(self, &from, &task).await })
    }

    fn preflight(&self, peer: EnvironmentName) -> Answer<'_, ()> {
        Box::pin(async move { drop(Self::preflight(self, &peer).await) })
    }

    fn stop(&self) -> Answer<'_, ()> {
        Box::pin(async move { Self::stop(self).await })
    }
}

/// What is kept with a host for the whole run.
#[derive(Default)]
pub(super) struct Desk {
    kept: Mutex<Kept>,
    service: Service,
}

#[derive(Default)]
struct Kept {
    disk: Option<Disk>,
    files: Shelf,
    operator: Option<Arc<dyn Operator>>,
    told: Told,
    /// Whether the certificate that the plan gives the host has been replaced by a good one.
    is_certified: bool,
    /// What operators insist on and no environment has confirmed.
    left: Vec<SubmitRequest>,
}

impl Desk {
    /// Whoever runs the environment now.
    pub(super) fn operator(&self) -> Option<Arc<dyn Operator>> {
        self.kept().operator.clone()
    }

    /// As [`Desk::operator`], who then runs it no more.
    pub(super) fn take_operator(&self) -> Option<Arc<dyn Operator>> {
        self.kept().operator.take()
    }

    /// Puts somebody in charge.
    pub(super) fn appoint(&self, operator: Arc<dyn Operator>) {
        self.kept().operator = Some(operator);
    }

    /// Gives the host a good certificate, for the service's next life.
    pub(super) fn certify(&self) {
        self.kept().is_certified = true;
    }

    fn is_certified(&self) -> bool {
        self.kept().is_certified
    }

    /// Leaves a task to be submitted, now or by the service's next life.
    pub(super) fn leave(&self, request: SubmitRequest) {
        self.kept().left.push(request);
    }

    /// What was left and not settled.
    pub(super) fn left(&self) -> Vec<SubmitRequest> {
        self.kept().left.clone()
    }

    /// Nobody insists on `task` any more.
    pub(super) fn settle(&self, task: &TaskId) {
        let mut kept = self.kept();
        kept.left
            .retain(|request| request.id.as_ref() != Some(task));
    }

    /// The host's disk; an empty one the first time.
    pub(super) fn disk(&self, node: &Node) -> Disk {
        let fresh = || {
            let disk = Disk::new(&node.host.random.fork("disk"), SYNC_LATENCY);
            let recorder = node.recorder.clone();
            disk.on_write(Arc::new(move |Write { table, key, .. }| {
                recorder.record(Source::Inside, Event::Write { table, key });
            }));
            disk
        };
        self.kept().disk.get_or_insert_with(fresh).clone()
    }

    /// What transfers have left on the host.
    fn files(&self) -> Shelf {
        self.kept().files.clone()
    }

    /// Loses every record and every file.
    pub(super) fn forget(&self) {
        let mut kept = self.kept();
        kept.disk = None;
        kept.files = Shelf::default();
        kept.told = Told::default();
    }

    /// What the history says of what an agent announces.
    fn tell(&self, announced: &AgentEvent) -> Option<Event> {
        self.kept().told.event(announced)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an environment needs to start, besides its host.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// The agent's configuration.
    pub(super) config: Config,
    /// What its work takes.
    pub(super) jobs: Arc<[Job]>,
    /// Determines the content of files.
    pub(super) seed: u64,
    /// Its certificate, if any of its links needs one.
    credentials: Option<Credentials>,
    /// Whether it keeps other octets than arrive, which only a saboteur does.
    pub(super) is_careless: bool,
}

impl Part {
    /// What `host` needs in `plan`.
    pub(super) fn of(plan: &Plan, host: &str) -> Self {
        let planned = plan.hosts.iter().find(|planned| planned.name == host);
        let planned = planned.expect("the engine boots hosts of the plan only");
        Self {
            config: cast::config(plan, planned),
            jobs: cast::jobs(plan).into(),
            seed: plan.seed,
            credentials: Credentials::of(plan, planned),
            is_careless: false,
        }
    }
}

impl Keeper for Desk {
    type Part = Part;

    fn service(&self) -> &Service {
        &self.service
    }

    fn start(node: Node, part: Part) -> impl Future<Output = ()> + Send {
        start(node, part)
    }

    async fn stop(&self) {
        if let Some(operator) = self.take_operator() {
            operator.stop().await;
        }
    }
}

/// The main function of an honest environment.
pub(super) fn boot(plan: &Plan, host: &str) -> Boot {
    service::boot::<Desk>(Part::of(plan, host))
}

/// The same of one that keeps other octets than arrive.
pub(super) fn careless(plan: &Plan, host: &str) -> Boot {
    service::boot::<Desk>(Part {
        is_careless: true,
        ..Part::of(plan, host)
    })
}

/// Starts the service again after a stop.
pub(super) fn starting(plan: &Plan, host: &str) -> Command {
    service::starting::<Desk>(Part::of(plan, host))
}

/// Ends the service.
pub(super) fn stopping() -> Command {
    service::stopping::<Desk>()
}

async fn start(node: Node, part: Part) {
    match come_up(&node, part).await {
        Ok(()) => commands::take_up(&node).await,
        Err(why) => {
            note(&node, effect::START_FAILED, "error", &why);
            node.shelf.keep(Desk::default).service.not_started(&node);
        }
    }
}

/// Starts the service when it is its turn; why it does not start otherwise.
async fn come_up(node: &Node, part: Part) -> Result<(), String> {
    let desk = node.shelf.keep(Desk::default);
    let _turn = desk.service.turn().await;
    desk.take_operator();
    let store = SimStore::open(&desk.disk(node), &node.host.spawner);
    let labour = labour(&part, desk.files(), node.recorder.clone());
    let observer = observer(node);
    let credentials = part.credentials.map(|own| match desk.is_certified() {
        true => own.renewed(),
        false => own,
    });
    let identity = credentials.map(|own| (own.identity(node.epoch), own.reach()));
    let host = node.secured(identity.as_ref().map(|(own, reach)| (own, reach.clone())));
    let host = host.map_err(|error| error.to_string())?;
    let started = Agent::start(host, store, labour, part.config, observer).await;
    desk.appoint(Arc::new(started.map_err(|error| error.to_string())?));
    Ok(())
}

/// Puts what an agent announces into the history, as seen from inside.
pub(super) fn observer(node: &Node) -> Observer {
    let recorder = node.recorder.clone();
    // The desk keeps the agent, which keeps its observer.
    let desk = Arc::downgrade(&node.shelf.keep(Desk::default));
    Observer::new(move |announced| {
        let event = desk.upgrade().and_then(|desk| desk.tell(announced));
        if let Some(event) = event {
            recorder.record(Source::Inside, event);
        }
    })
}

/// Records an effect with one particular.
pub(super) fn note(node: &Node, name: &'static str, field: &'static str, value: &str) {
    let fields = Fields::from([(Cow::Borrowed(field), value.to_owned())]);
    let name = Cow::Borrowed(name);
    node.recorder
        .record(Source::Inside, Event::Effect { name, fields });
}
