//! One environment: both of its roles behind one handle.

use portcullis_net::{Host, Net};

use crate::config::Config;
use crate::error::{CancelError, QueryError, StartError, SubmitError, UnknownTask};
use crate::message::{CommandName, EnvironmentName, Known, TaskId};
use crate::observe::Observer;
use crate::state::{OriginatorState, Settled};
use crate::work::Work;

/// A running environment. Clones are handles to the same one.
#[derive(Clone, Debug)]
pub struct Agent<N, S, W> {
    host: Host<N>,
    store: S,
    work: W,
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

impl<N: Net, S: Clone + Send + Sync + 'static, W: Work> Agent<N, S, W> {
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
        let _ = observer;
        Ok(Self { host, store, work })
    }

    /// Takes on a task: it is recorded durably when this returns, and sent when its turn comes.
    ///
    /// # Errors
    /// [`SubmitError`]; nothing is recorded then.
    pub async fn submit(&self, request: SubmitRequest) -> Result<TaskId, SubmitError> {
        Err(SubmitError::NotNext(request.to))
    }

    /// Waits until a task that this environment sent has reached its final state.
    ///
    /// # Errors
    /// When no such task was submitted here.
    pub async fn wait(&self, task: &TaskId) -> Result<Settled, UnknownTask> {
        Err(UnknownTask(task.clone()))
    }

    /// How far a task that this environment sent has come.
    ///
    /// # Errors
    /// When no such task was submitted here.
    pub async fn progress(&self, task: &TaskId) -> Result<Progress, UnknownTask> {
        Err(UnknownTask(task.clone()))
    }

    /// Every task that this environment sent, in the order of submission.
    pub async fn tasks(&self) -> Vec<(TaskId, Progress)> {
        Vec::new()
    }

    /// Asks the destination of a task for its recorded state (ET-50): one attempt. `None` when the
    /// destination does not know the task. The answer also moves the task here on.
    ///
    /// # Errors
    /// When the task is not known here, or the destination did not answer.
    pub async fn query(&self, task: &TaskId) -> Result<Option<Known>, QueryError> {
        Err(QueryError::Unknown(UnknownTask(task.clone())))
    }

    /// Stops a task that another environment sent here, before its work ends; the originator is
    /// told `cancelled`.
    ///
    /// # Errors
    /// When the task is not known or its work has ended.
    pub async fn cancel(&self, from: &EnvironmentName, task: &TaskId) -> Result<(), CancelError> {
        let _ = from;
        Err(CancelError::Unknown(UnknownTask(task.clone())))
    }

    /// Stops everything: closes the listeners, ends the work without reporting it (it will be
    /// found interrupted at the next start), and returns when nothing runs any more.
    pub async fn stop(&self) {}

    /// The port that listens for `peer`, for configurations that let the host choose (port 0).
    #[must_use]
    pub fn port(&self, peer: &EnvironmentName) -> Option<u16> {
        let _ = (peer, &self.host, &self.store, &self.work);
        None
    }
}
