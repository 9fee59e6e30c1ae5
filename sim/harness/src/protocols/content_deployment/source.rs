//! A deploying farm on a simulated host.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portcullis_reports::Source;
use portcullis_store::{EitherStore, RemoteStore, SimStore};
use portcullis_web_service::client::{FarmAddress, Terms};
use portcullis_web_service::config::Account;
use portcullis_web_service::deploying::{
    DeployingFarm, DeploymentDesk, DeploymentPath, DeskRefusal, NewDeploymentJob, Schedule,
    TargetLogs, Targets, offers,
};
use portcullis_web_service::work::{ExportScript, ScriptedExporter};
use portcullis_web_service::{Config, DeployingEvent, FarmEvent, Observer};

use super::announce::{self, noted};
use super::commands::Known;
use super::credentials::{self, Credentials};
use super::vocabulary::{effect, field};
use super::{cast, station};
use crate::engine::{Boot, Command, HostFuture, Node, SecuredNet};
use crate::protocols::service::{self, Keeper, Service};
use crate::scenario::{Plan, Table};

/// What is kept with a host for the whole run.
#[derive(Default)]
struct Yard {
    kept: Mutex<Kept>,
    service: Service,
}

#[derive(Default)]
struct Kept {
    /// The exported packages are on the host's disk.
    exporter: Option<ScriptedExporter>,
    /// What runs, and in which life of the host.
    running: Option<(u32, Farm)>,
}

/// A deploying farm that runs.
#[derive(Clone)]
struct Farm {
    service: DeployingFarm,
    desk: DeploymentDesk<EitherStore<SimStore, RemoteStore>>,
    targets: Targets<SecuredNet>,
}

impl Yard {
    fn of(node: &Node) -> Arc<Self> {
        node.shelf.keep(Self::default)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The farm of the current life of `node`, where it runs.
    fn farm(&self, node: &Node) -> Option<Farm> {
        let kept = self.kept();
        let running = kept.running.as_ref();
        let (_, farm) = running.filter(|(life, _)| *life == node.incarnation)?;
        Some(farm.clone())
    }
}

/// What a deploying farm needs to start, besides its host.
#[derive(Clone)]
struct Part {
    config: Arc<Config>,
    exports: ExportScript,
    databases: Option<String>,
    credentials: Option<Credentials>,
    /// As whom farms are called, by the addresses of their Central Administrations.
    accounts: BTreeMap<String, Account>,
}

impl Part {
    fn of(plan: &Plan, host: &str) -> Self {
        let server = cast::host(plan, host);
        Self {
            config: Arc::new(cast::source_config(plan, host)),
            exports: cast::exports(plan),
            databases: cast::databases(server).map(str::to_owned),
            credentials: Credentials::of_deploying_farm(plan, host),
            accounts: cast::accounts(plan, host),
        }
    }
}

impl Keeper for Yard {
    type Part = Part;

    fn service(&self) -> &Service {
        &self.service
    }

    fn start(node: Node, part: Part) -> impl Future<Output = ()> + Send {
        start(node, part)
    }

    async fn stop(&self) {
        let running = self.kept().running.take();
        if let Some((_, farm)) = running {
            farm.service.stop().await;
        }
    }
}

/// The main function of a deploying farm.
pub(super) fn boot(plan: &Plan, host: &str) -> Boot {
    service::boot::<Yard>(Part::of(plan, host))
}

/// Starts the service again after a stop.
pub(super) fn starting(plan: &Plan, host: &str) -> Command {
    service::starting::<Yard>(Part::of(plan, host))
}

/// Ends the service.
pub(super) fn stopping() -> Command {
    service::stopping::<Yard>()
}

async fn start(node: Node, part: Part) {
    let yard = Yard::of(&node);
    let _turn = yard.service.turn().await;
    let exporter = {
        let mut kept = yard.kept();
        kept.running = None;
        let fresh = || ScriptedExporter::new(part.exports);
        kept.exporter.get_or_insert_with(fresh).clone()
    };
    let host = credentials::secured(&node, part.credentials.as_ref())
        .expect("certificates that follow from the seed are good");
    let targets = Targets {
        plain: host.clone(),
        secure: host.clone(),
        terms: Terms::default(),
        accounts: part.accounts,
    };
    let databases = station::databases(&node, part.databases.as_deref());
    let observer = observer(&node);
    let desk = DeploymentDesk::new(
        &host,
        databases.clone(),
        Arc::clone(&part.config),
        observer.clone(),
    );
    let service = DeployingFarm::start(
        &host,
        databases,
        exporter,
        targets.clone(),
        part.config,
        observer,
    );
    let farm = Farm {
        service,
        desk,
        targets,
    };
    yard.kept().running = Some((node.incarnation, farm));
}

/// Puts what a farm announces into the history, and remembers which import job is whose.
fn observer(node: &Node) -> Observer {
    let node = node.clone();
    Observer::new(move |announced| {
        if let FarmEvent::Deploying(DeployingEvent::RemoteJob { name, job, .. }) = announced {
            Known::of(&node).learn(&node, name, *job);
        }
        node.recorder
            .record(Source::Inside, announce::event(announced));
    })
}

/// What a user does with the desk of a farm that runs.
fn at_desk<F>(act: impl Fn(Farm, Node) -> F + Send + Sync + 'static) -> Command
where
    F: Future<Output = ()> + Send + 'static,
{
    Arc::new(move |node: Node| {
        let farm = Yard::of(&node).farm(&node);
        let farm = farm.ok_or("the service does not run")?;
        Ok(Box::pin(act(farm, node)) as HostFuture)
    })
}

/// Defines a job with its path, and runs it.
pub(super) fn deploying(plan: &Plan, deploy: &Table) -> Command {
    let path: DeploymentPath = cast::path(plan, deploy);
    let job: NewDeploymentJob = cast::deployment_job(plan, deploy);
    at_desk(move |farm, node| {
        let (path, job) = (path.clone(), job.clone());
        async move {
            let name = job.name.clone();
            let is_scheduled = job.schedule.is_some();
            let ordered = async {
                farm.desk.define_path(path).await?;
                farm.desk.define_job(job).await?;
                if !is_scheduled {
                    farm.desk.run(&name).await?;
                }
                Ok(())
            };
            told(&node, "deploy", &name, &ordered.await);
        }
    })
}

/// Runs a job once more.
pub(super) fn running(name: String) -> Command {
    at_desk(move |farm, node| {
        let name = name.clone();
        async move {
            let ordered = farm.desk.run(&name).await;
            told(&node, "run_again", &name, &ordered);
        }
    })
}

/// Asks to cancel a job.
pub(super) fn cancelling(name: String) -> Command {
    at_desk(move |farm, node| {
        let name = name.clone();
        async move {
            let asked = farm.desk.cancel(&name).await;
            done(&node, "cancel", &name, &asked);
        }
    })
}

/// Defines the path of a job anew, with a change, as `command` says.
pub(super) fn changing_path(
    command: &'static str,
    name: String,
    change: fn(&mut DeploymentPath),
) -> Command {
    at_desk(move |farm, node| {
        let name = name.clone();
        async move {
            let defined = async {
                let view = farm.desk.view(&name).await?;
                let mut paths = farm.desk.paths().await?.into_iter();
                let path = paths.find(|path| path.name == view.path);
                let mut path = path.ok_or(DeskRefusal::UnknownPath)?;
                change(&mut path);
                farm.desk.define_path(path).await
            };
            done(&node, command, &name, &defined.await);
        }
    })
}

/// Gives a job another schedule, or none.
pub(super) fn scheduling(name: String, every: Option<Duration>) -> Command {
    at_desk(move |farm, node| {
        let name = name.clone();
        async move {
            let defined = async {
                let view = farm.desk.view(&name).await?;
                let job = NewDeploymentJob {
                    name: view.name,
                    id: Some(view.id),
                    path: view.path,
                    kind: view.kind,
                    schedule: every.map(|every| Schedule { every }),
                };
                farm.desk.define_job(job).await
            };
            done(&node, "schedule", &name, &defined.await);
        }
    })
}

/// Deletes a job, and the logs of its imports at its target.
pub(super) fn deleting(name: String) -> Command {
    at_desk(move |farm, node| {
        let name = name.clone();
        async move {
            let ordered = farm.desk.delete_job(&name, TargetLogs::Delete).await;
            told(&node, "delete_job", &name, &ordered);
        }
    })
}

/// Looks at a job.
pub(super) fn viewing(name: String) -> Command {
    at_desk(move |farm, node| {
        let name = name.clone();
        async move {
            let shown = match farm.desk.view(&name).await {
                Ok(view) => view.status.name().to_owned(),
                Err(refusal) => return told::<()>(&node, "view", &name, &Err(refusal)),
            };
            let particulars = [
                (field::JOB, Some(name.clone())),
                (field::DEPLOYMENT, Some(name)),
                (field::SHOWN, Some(shown)),
            ];
            let event = noted(effect::VIEWED, particulars);
            node.recorder.record(Source::Inside, event);
        }
    })
}

/// Asks an import farm what there is to deploy to.
pub(super) fn asking_for_offers(address: FarmAddress) -> Command {
    at_desk(move |farm, node| {
        let address = address.clone();
        async move {
            let event = match offers(&farm.targets, address).await {
                Ok(offers) => {
                    let count = offers.len().to_string();
                    noted(effect::OFFERED, [(field::COUNT, Some(count))])
                }
                Err(error) => noted(
                    effect::CALL_FAILED,
                    [
                        (field::CALL, Some("offers".to_owned())),
                        (field::REASON, Some(error.reason())),
                    ],
                ),
            };
            node.recorder.record(Source::Inside, event);
        }
    })
}

/// A desk that refuses is part of the history, so that a scenario cannot pass by accident.
fn told<T>(node: &Node, command: &str, name: &str, done: &Result<T, DeskRefusal>) {
    if let Err(refusal) = done {
        let reason = Some(refusal.to_string());
        record(node, effect::COMMAND_REFUSED, command, name, reason);
    }
}

/// So is one that carries out what shows in nothing else: the run lasts until it has.
fn done<T>(node: &Node, command: &str, name: &str, done: &Result<T, DeskRefusal>) {
    if done.is_ok() {
        record(node, effect::COMMAND_DONE, command, name, None);
    }
    told(node, command, name, done);
}

fn record(node: &Node, what: &'static str, command: &str, name: &str, reason: Option<String>) {
    let particulars = [
        (field::COMMAND, Some(command.to_owned())),
        (field::JOB, Some(name.to_owned())),
        (field::REASON, reason),
    ];
    node.recorder
        .record(Source::Harness, noted(what, particulars));
}
