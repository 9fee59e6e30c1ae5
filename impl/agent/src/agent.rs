//! One environment: both of its roles behind one handle.

mod preflight;
mod start;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use portcullis_net::{Host, Listener, Net};
use portcullis_store::{Store, StoreError};
use tokio::sync::Mutex;

use crate::accept::accept_all;
use crate::config::Config;
use crate::destination::{Destination, TaskDesk};
use crate::error::{CancelError, QueryError, StartError, SubmitError, UnknownTask};
use crate::message::{CommandName, Digest, EnvironmentName, Known, PART_OCTETS_MAX, TaskId};
use crate::observe::{AgentEvent, Observer, Warning};
use crate::originator::{CompletionDesk, Originator, Prepared};
use crate::records::{InboundTask, OutboundPart, OutboundTask, RecordedOrder};
use crate::services::Services;
use crate::state::{DestinationEffect, OriginatorState, Settled};
use crate::work::{Job, Layout, Payload, PayloadError, SourceError, Work};

use start::{bind, services};

/// A running environment. Clones are handles to the same one, which runs on when they are dropped:
/// it ends with its host or with [`Agent::stop`].
pub struct Agent<N, S, W>(Arc<Environment<N, S, W>>);

struct Environment<N, S, W> {
    services: Arc<Services<N, S, W>>,
    /// In the order of the configuration, as are the destinations.
    originators: Vec<Arc<Originator<N, S, W>>>,
    destinations: Vec<Arc<Destination<N, S, W>>>,
    /// The listeners' ports: of the originators, then of the destinations.
    ports: Vec<u16>,
    /// Held while a submission looks whether its id is taken, and takes its place in the order.
    submitting: Mutex<()>,
}

impl<N, S, W> Clone for Agent<N, S, W> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<N, S, W> fmt::Debug for Agent<N, S, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agent")
            .field("name", self.0.services.name())
            .finish_non_exhaustive()
    }
}

/// What an operator asks an environment to have done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubmitRequest {
    /// The next environment, which is to do it.
    pub to: EnvironmentName,
    /// What is to be done.
    pub order: Order,
    /// The task's id; `None` lets the agent choose. With an id, repeating the request is harmless.
    pub id: Option<TaskId>,
    /// The task of the same link that must have succeeded before this one is sent (ET-57). If it
    /// ends otherwise, this one fails with `dependency-failed`.
    pub after: Option<TaskId>,
    /// Whether the task may run beside others of its link and out of their order (ET-56).
    pub independent: bool,
}

impl SubmitRequest {
    /// A request with an id chosen by the agent, in the link's order, after no task in particular.
    #[must_use]
    pub const fn new(to: EnvironmentName, order: Order) -> Self {
        Self {
            to,
            order,
            id: None,
            after: None,
            independent: false,
        }
    }
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Carry the files of a directory, which the payload half of the work seam knows by this name.
    Transfer {
        /// The directory.
        source: String,
    },
    /// Run a command of the destination's configuration.
    Deploy {
        /// Its name there.
        command: CommandName,
    },
    /// Run a command of the destination's configuration.
    Execute {
        /// Its name there.
        command: CommandName,
    },
}

/// How far a task has come, as its originator knows without asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The state.
    pub state: OriginatorState,
    /// How it ended, in the final states.
    pub settled: Option<Settled>,
    /// Parts acknowledged so far.
    pub parts_done: u32,
    /// Parts in all; 0 for tasks that carry no files.
    pub parts: u32,
}

impl<N: Net, S: Store, W: Work> Agent<N, S, W> {
    /// Binds every listener, recovers what the store holds, and takes up what is unfinished
    /// (ET-53).
    ///
    /// # Errors
    /// [`StartError`]; nothing keeps running then.
    pub async fn start(
        host: Host<N>,
        store: S,
        work: W,
        config: Config,
        observer: Observer,
    ) -> Result<Self, StartError> {
        let problems = config.problems();
        if !problems.is_empty() {
            return Err(StartError::Config(problems));
        }
        let services = services(host, store, work, config, observer).await?;
        let mut listeners = Vec::new();
        for (_, port, authentication) in services.config.doors() {
            listeners.push(bind(&services, port, authentication).await?);
        }
        let later = services.config.later.iter().cloned();
        let earlier = services.config.earlier.iter().cloned();
        let agent = Self(Arc::new(Environment {
            originators: later
                .map(|link| Arc::new(Originator::new(Arc::clone(&services), link)))
                .collect(),
            destinations: earlier
                .map(|link| Arc::new(Destination::new(Arc::clone(&services), link)))
                .collect(),
            ports: listeners
                .iter()
                .map(|listener| listener.local_addr().port())
                .collect(),
            submitting: Mutex::new(()),
            services,
        }));
        agent.recover().await.map_err(StartError::Store)?;
        agent.listen(listeners);
        agent.resume().await;
        Ok(agent)
    }

    /// Reads the records of earlier runs into the links that they belong to. ET-53
    async fn recover(&self) -> Result<(), StoreError> {
        let store = &self.0.services.store;
        let mut parts: BTreeMap<TaskId, BTreeMap<u32, Digest>> = BTreeMap::new();
        for part in store.load_all::<OutboundPart>().await? {
            let OutboundPart {
                task,
                number,
                digest,
            } = part.record;
            parts.entry(task).or_default().insert(number, digest);
        }
        for task in store.load_all::<OutboundTask>().await? {
            let record = task.record;
            let parts = parts.remove(&record.task).unwrap_or_default();
            match self.originator(&record.to) {
                Some(originator) => originator.recover(record, parts).await,
                None if record.progress.state.is_final() => {}
                None => self.warn_of_missing_link(&record.to, &record.task),
            }
        }
        for task in store.load_all::<InboundTask>().await? {
            let record = task.record;
            match self.destination(&record.from) {
                Some(destination) => destination.recover(record).await,
                None if record.progress.state.is_final() => {}
                None => self.warn_of_missing_link(&record.from, &record.task.id),
            }
        }
        Ok(())
    }

    fn warn_of_missing_link(&self, peer: &EnvironmentName, task: &TaskId) {
        self.0
            .services
            .announce(&AgentEvent::about(Warning::LinkMissing, peer, task));
    }

    /// Starts to accept connections: local ports first, then remote ports, as the listeners were
    /// bound. ET-3: each link has its own listener and its own state.
    fn listen(&self, listeners: Vec<N::Listener>) {
        let services = &self.0.services;
        let mut listeners = listeners.into_iter();
        for (originator, listener) in self.0.originators.iter().zip(&mut listeners) {
            // ET-4: the listener lives as long as the agent, which is longer than any task.
            let desk = CompletionDesk(Arc::clone(originator));
            services.spawn(accept_all(Arc::clone(services), listener, desk));
        }
        for (destination, listener) in self.0.destinations.iter().zip(listeners) {
            let desk = TaskDesk(Arc::clone(destination));
            services.spawn(accept_all(Arc::clone(services), listener, desk));
        }
    }

    /// Drives every unfinished task on from where it was. ET-53
    async fn resume(&self) {
        let services = &self.0.services;
        for destination in &self.0.destinations {
            for (task, next) in destination.resume().await {
                let destination = Arc::clone(destination);
                if next == DestinationEffect::Run {
                    services.spawn(destination.drive_again(task));
                } else {
                    services.spawn(destination.drive(task));
                }
            }
        }
        for originator in &self.0.originators {
            for task in originator.open_tasks().await {
                services.spawn(Arc::clone(originator).drive(task));
            }
        }
    }

    /// Takes on a task: it is recorded durably when this returns, and sent when its turn comes.
    ///
    /// # Errors
    /// [`SubmitError`]; nothing is recorded then.
    pub async fn submit(&self, request: SubmitRequest) -> Result<TaskId, SubmitError> {
        // ET-2: to the next environment only.
        let Some(originator) = self.originator(&request.to) else {
            return Err(SubmitError::NotNext(request.to));
        };
        // Where neither id nor order can clash, submissions share the store's syncs.
        let _one_at_a_time = if request.id.is_some() || !request.independent {
            Some(self.0.submitting.lock().await)
        } else {
            None
        };
        if let Some(task) = &request.id {
            for originator in &self.0.originators {
                match originator.repeats(task, &request).await {
                    Some(true) => return Ok(task.clone()),
                    Some(false) => return Err(SubmitError::Conflict),
                    None => {}
                }
            }
        }
        let task = match &request.id {
            Some(task) => task.clone(),
            None => TaskId::random(&self.0.services.new_id()),
        };
        let prepared = self
            .prepare(&request.order)
            .await
            .map_err(SubmitError::Payload)?;
        originator
            .prepare_record(task.clone(), &request, prepared)
            .await?;
        self.0
            .services
            .spawn(Arc::clone(originator).drive(task.clone()));
        Ok(task)
    }

    /// What is recorded of an order; for a transfer, the files as they are now.
    async fn prepare(&self, order: &Order) -> Result<Prepared, SourceError> {
        let (order, manifest) = match order {
            Order::Transfer { source } => {
                let limits = self.0.services.config.limits;
                let manifest = self.0.services.work.payload().list(source).await?;
                let part_octets = limits.part_octets.clamp(1, PART_OCTETS_MAX);
                let source = source.clone();
                let parts = Layout::new(manifest.clone(), part_octets)
                    .and_then(|layout| layout.parts())
                    .and_then(|parts| match parts {
                        parts if parts > limits.parts_max => Err(PayloadError::TooLarge),
                        parts => Ok(parts),
                    });
                let parts = parts.map_err(|why| SourceError {
                    path: source.clone(),
                    why,
                })?;
                (
                    RecordedOrder::Transfer {
                        source,
                        part_octets,
                        parts,
                    },
                    Some(manifest),
                )
            }
            Order::Deploy { command } => (
                RecordedOrder::Deploy {
                    command: command.clone(),
                },
                None,
            ),
            Order::Execute { command } => (
                RecordedOrder::Execute {
                    command: command.clone(),
                },
                None,
            ),
        };
        Ok(Prepared { order, manifest })
    }

    /// Waits until a task that this environment sent has reached its final state.
    ///
    /// # Errors
    /// When no such task was submitted here.
    pub async fn wait(&self, task: &TaskId) -> Result<Settled, UnknownTask> {
        for originator in &self.0.originators {
            if let Some(settled) = originator.settled(task).await {
                return Ok(settled);
            }
        }
        Err(UnknownTask(task.clone()))
    }

    /// How far a task that this environment sent has come.
    ///
    /// # Errors
    /// When no such task was submitted here.
    pub async fn progress(&self, task: &TaskId) -> Result<Progress, UnknownTask> {
        for originator in &self.0.originators {
            if let Some(progress) = originator.progress(task).await {
                return Ok(progress);
            }
        }
        Err(UnknownTask(task.clone()))
    }

    /// Every task that this environment sent: link by link, in the order of submission.
    pub async fn tasks(&self) -> Vec<(TaskId, Progress)> {
        let mut tasks = Vec::new();
        for originator in &self.0.originators {
            tasks.extend(originator.tasks().await);
        }
        tasks
    }

    /// Every task that other environments sent here, with what is recorded of it: link by link, in
    /// the order of acceptance. Parked results are found here (ET-46).
    pub async fn received(&self) -> Vec<(Job, Known)> {
        let mut received = Vec::new();
        for destination in &self.0.destinations {
            received.extend(destination.received().await);
        }
        received
    }

    /// Asks the destination of a task for its recorded state (ET-50): one attempt. `None` when the
    /// destination does not know the task. The answer also moves the task here on.
    ///
    /// # Errors
    /// When the task is not known here, or the destination did not answer.
    pub async fn query(&self, task: &TaskId) -> Result<Option<Known>, QueryError> {
        for originator in &self.0.originators {
            if originator.progress(task).await.is_some() {
                let known = originator
                    .query(task, 1)
                    .await
                    .map_err(QueryError::Failed)?;
                originator.on_status(task, known).await;
                return Ok(known);
            }
        }
        Err(QueryError::Unknown(UnknownTask(task.clone())))
    }

    /// Stops a task that another environment sent here, before its work ends; the originator is
    /// told `cancelled`.
    ///
    /// # Errors
    /// When the task is not known or its work has ended.
    pub async fn cancel(&self, from: &EnvironmentName, task: &TaskId) -> Result<(), CancelError> {
        match self.destination(from) {
            Some(destination) => destination.cancel(task).await,
            None => Err(CancelError::Unknown(UnknownTask(task.clone()))),
        }
    }

    /// Closes the listeners, and waits until every connection that was accepted has been answered
    /// and has ended: before [`Agent::stop`], so that no acknowledgement of what is recorded here
    /// is cut off. Everything else goes on. A peer that stays silent is waited for as long as its
    /// frame timer runs, so callers set a time of their own.
    pub async fn leave(&self) {
        self.0.services.leaving.cancel();
        self.0.services.conversations.close();
        self.0.services.conversations.wait().await;
    }

    /// Stops everything: closes the listeners, ends the work without reporting it (it will be
    /// found interrupted at the next start), and returns when nothing runs any more.
    pub async fn stop(&self) {
        self.0.services.tasks.stop().await;
    }

    /// The port that listens for completions from the next environment `peer`, which differs from
    /// the configured one when that is 0.
    #[must_use]
    pub fn local_port(&self, peer: &EnvironmentName) -> Option<u16> {
        let index = self
            .0
            .originators
            .iter()
            .position(|link| link.link().name == *peer)?;
        self.0.ports.get(index).copied()
    }

    /// The port that listens for requests from the previous environment `peer`.
    #[must_use]
    pub fn remote_port(&self, peer: &EnvironmentName) -> Option<u16> {
        let index = self
            .0
            .destinations
            .iter()
            .position(|link| link.link().name == *peer)?;
        self.0
            .ports
            .get(self.0.originators.len().checked_add(index)?)
            .copied()
    }

    fn originator(&self, to: &EnvironmentName) -> Option<&Arc<Originator<N, S, W>>> {
        self.0
            .originators
            .iter()
            .find(|originator| originator.link().name == *to)
    }

    fn destination(&self, from: &EnvironmentName) -> Option<&Arc<Destination<N, S, W>>> {
        self.0
            .destinations
            .iter()
            .find(|destination| destination.link().name == *from)
    }
}
