//! What a user does with a deploying farm, and sees of it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use portcullis_net::Host;
use portcullis_store::{Record as _, Store, Stored};
use serde::{Deserialize, Serialize};

use super::definition::{DefinitionProblem, DeploymentPath, NewDeploymentJob};
use super::{schedule, view::DeploymentView};
use crate::config::Config;
use crate::farm::Databases;
use crate::message::Guid;
use crate::observe::Observer;
use crate::records::{CancelDeployment, DeploymentItem, DeploymentReport, Kept, PathItem};
use crate::services::{Part, Services, Unanswered, Unmoved};
use crate::state::{DeploymentEvent, DeploymentState};
use crate::work::RunId;

/// Paths, jobs and their runs, in the farm's databases. It never speaks to a target, and to the
/// timer service through the databases only. Clones are handles to the same one.
pub struct DeploymentDesk<S>(Arc<Services<S>>);

impl<S> Clone for DeploymentDesk<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S> fmt::Debug for DeploymentDesk<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeploymentDesk")
    }
}

/// Why something is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeskRefusal {
    /// It cannot be defined like that.
    #[error(transparent)]
    Definition(#[from] DefinitionProblem),
    /// There is no path of that name.
    #[error("there is no such path")]
    UnknownPath,
    /// There is no job of that name.
    #[error("there is no such job")]
    UnknownJob,
    /// Another job has that id.
    #[error("another job has that id")]
    IdTaken,
    /// A run of the job is on its way.
    #[error("the job is running")]
    Running,
    /// The job is to go.
    #[error("the job is being deleted")]
    Leaving,
    /// The job does not run.
    #[error("the job is not running")]
    NotRunning,
    /// The path is disabled.
    #[error("the path is disabled")]
    Disabled,
    /// A database does not answer; whether it is done is not known.
    #[error("a database does not answer")]
    Unavailable,
}

/// What becomes of the logs that a target keeps of a job's imports, when the job is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TargetLogs {
    /// The target is asked to delete them. Without its answer the job stays: they are found by its
    /// id alone.
    Delete,
    /// They are left there.
    Leave,
}

/// How far the deletion of a job has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// It is gone.
    Done,
    /// The timer service asks the target; then it is gone, or its log says why not.
    Ordered,
}

impl From<Unanswered> for DeskRefusal {
    fn from(_: Unanswered) -> Self {
        Self::Unavailable
    }
}

impl<S: Store> DeploymentDesk<S> {
    /// The desk of one server of a farm.
    #[must_use]
    pub fn new<N>(
        host: &Host<N>,
        databases: Databases<S>,
        config: Arc<Config>,
        observer: Observer,
    ) -> Self {
        let part = Part::DeploymentDesk;
        Self(Arc::new(Services::new(
            part, host, databases, config, observer,
        )))
    }

    /// Defines a path, or defines one of that name anew; durable when it returns. A run under way
    /// goes on as it was defined when each of its steps began, also where it is disabled now.
    ///
    /// # Errors
    /// When it cannot be defined like that, or the database does not answer.
    pub async fn define_path(&self, path: DeploymentPath) -> Result<(), DeskRefusal> {
        path.check()?;
        loop {
            let earlier = self.0.load::<PathItem>(&path.name).await?;
            let id = match &earlier {
                Some(earlier) => earlier.record.id,
                None => Guid::random(&self.0.life().await?.ids),
            };
            let item = PathItem {
                id,
                path: path.clone(),
            };
            if self.put(&item, earlier).await? {
                return Ok(());
            }
        }
    }

    /// Defines a job, or defines one of that name anew, with the runs that it had; durable when it
    /// returns. While it runs it can be given another schedule, or none, and nothing else.
    ///
    /// # Errors
    /// When it cannot be defined like that, its path is not known, or it runs.
    pub async fn define_job(&self, job: NewDeploymentJob) -> Result<Guid, DeskRefusal> {
        job.check()?;
        if self.0.load::<PathItem>(&job.path).await?.is_none() {
            return Err(DeskRefusal::UnknownPath);
        }
        loop {
            let earlier = self.0.deployment(&job.name).await?;
            if let Some(earlier) = &earlier {
                let same = earlier.record.path == job.path && earlier.record.kind == job.kind;
                match at_rest(&earlier.record) {
                    Err(DeskRefusal::Running) if same => {}
                    resting => resting?,
                }
            }
            let id = match (&earlier, job.id) {
                (Some(earlier), _) => earlier.record.id,
                (None, Some(id)) => id,
                (None, None) => Guid::random(&self.0.life().await?.ids),
            };
            let items = self.0.load_all::<DeploymentItem>().await?;
            let is_other = |item: &Stored<DeploymentItem>| {
                item.record.id == id && item.record.name != job.name
            };
            if items.iter().any(is_other) {
                return Err(DeskRefusal::IdTaken);
            }
            let now_ms = self.0.now().as_millisecond();
            let due = job.schedule.map(|every| schedule::next_ms(every, now_ms));
            let item = DeploymentItem {
                id,
                name: job.name.clone(),
                path: job.path.clone(),
                kind: job.kind,
                schedule: job.schedule,
                due_ms: due,
                run: earlier.as_ref().and_then(|item| item.record.run.clone()),
                is_leaving: false,
            };
            if self.put(&item, earlier).await? {
                return Ok(id);
            }
        }
    }

    /// (1): runs a job now, whether it has a schedule or not; ordered durably when it returns.
    ///
    /// # Errors
    /// When it is not known, runs already, or its path is disabled.
    pub async fn run(&self, name: &str) -> Result<RunId, DeskRefusal> {
        loop {
            let item = self.0.deployment(name).await?;
            let item = item.ok_or(DeskRefusal::UnknownJob)?;
            at_rest(&item.record)?;
            match self.0.order_run(&item).await {
                Ok(Some(run)) => return Ok(run),
                Ok(None) => return Err(DeskRefusal::Disabled),
                Err(Unmoved::Illegal) => return Err(DeskRefusal::Running),
                Err(Unmoved::Refused) => {}
                Err(Unmoved::Unanswered) => return Err(DeskRefusal::Unavailable),
            }
        }
    }

    /// Asks for the end of a job's run; recorded durably when it returns. A run that nobody has
    /// picked up is cancelled at once; of another one the timer service takes care, and the import
    /// goes on if its decompression has begun (CD-29).
    ///
    /// # Errors
    /// When the job is not known or does not run.
    pub async fn cancel(&self, name: &str) -> Result<(), DeskRefusal> {
        loop {
            let mut item = self.0.deployment(name).await?;
            let item = item.as_mut().ok_or(DeskRefusal::UnknownJob)?;
            let run = item.record.run_id().filter(|_| item.record.is_open());
            let run = run.ok_or(DeskRefusal::NotRunning)?;
            let current = item.record.run.as_ref();
            let state = current.map(|current| current.progress.state);
            let done = if state == Some(DeploymentState::Preparing) {
                let event = DeploymentEvent::CancelRequested;
                self.0.move_run(item, &event, None).await.map(|_| ())
            } else {
                self.wish(run).await
            };
            match done {
                Ok(()) => return Ok(()),
                Err(Unmoved::Illegal | Unmoved::Refused) => {}
                Err(Unmoved::Unanswered) => return Err(DeskRefusal::Unavailable),
            }
        }
    }

    async fn wish(&self, run: RunId) -> Result<(), Unmoved> {
        let batch = self.0.batch().await?.put(&CancelDeployment { run })?;
        self.0.commit::<CancelDeployment>(batch).await.map(|_| ())
    }

    /// Deletes a job with the reports of its runs; ordered durably or done when it returns. What it
    /// has deployed stays, and so do packages that its path keeps.
    ///
    /// # Errors
    /// When it is not known or runs.
    pub async fn delete_job(&self, name: &str, logs: TargetLogs) -> Result<Deletion, DeskRefusal> {
        loop {
            let item = self.0.deployment(name).await?;
            let item = item.ok_or(DeskRefusal::UnknownJob)?;
            if item.record.is_open() {
                return Err(DeskRefusal::Running);
            }
            // A job that has never run has left nothing anywhere.
            let asks = logs == TargetLogs::Delete && item.record.run.is_some();
            let (deletion, done) = match (asks, item.record.is_leaving) {
                (true, true) => return Ok(Deletion::Ordered),
                (true, false) => (Deletion::Ordered, self.0.order_removal(&item).await),
                (false, _) => (Deletion::Done, self.0.forget(&item).await),
            };
            match done {
                Ok(()) => return Ok(deletion),
                Err(Unmoved::Illegal | Unmoved::Refused) => {}
                Err(Unmoved::Unanswered) => return Err(DeskRefusal::Unavailable),
            }
        }
    }

    /// CD-53: what the items here say of every job, by name, without their reports.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn views(&self) -> Result<Vec<DeploymentView>, DeskRefusal> {
        Ok(self.0.deployment_views().await?)
    }

    /// The same of one job, with the report of its newest run.
    ///
    /// # Errors
    /// When it is not known, or the database does not answer.
    pub async fn view(&self, name: &str) -> Result<DeploymentView, DeskRefusal> {
        let view = self.0.deployment_view(name).await?;
        view.ok_or(DeskRefusal::UnknownJob)
    }

    /// Every path, by name.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn paths(&self) -> Result<Vec<DeploymentPath>, DeskRefusal> {
        let items = self.0.load_all::<PathItem>().await?.into_iter();
        Ok(items.map(|item| item.record.path).collect())
    }

    /// Writes a record where it still is as it was read: whether it was.
    async fn put<R: Kept>(
        &self,
        record: &R,
        earlier: Option<Stored<R>>,
    ) -> Result<bool, DeskRefusal> {
        let batch = self.0.batch().await?;
        let key = record.key();
        let batch = match earlier {
            Some(earlier) => batch.expect_revision::<R>(&key, earlier.revision),
            None => batch.expect_absent::<R>(&key),
        };
        let batch = batch.put(record).map_err(|_| DeskRefusal::Unavailable)?;
        match self.0.commit::<R>(batch).await {
            Ok(_) => Ok(true),
            Err(Unmoved::Illegal | Unmoved::Refused) => Ok(false),
            Err(Unmoved::Unanswered) => Err(DeskRefusal::Unavailable),
        }
    }
}

/// Whether nothing goes on about a job.
fn at_rest(item: &DeploymentItem) -> Result<(), DeskRefusal> {
    if item.is_leaving {
        Err(DeskRefusal::Leaving)
    } else if item.is_open() {
        Err(DeskRefusal::Running)
    } else {
        Ok(())
    }
}

#[expect(
    clippy::multiple_inherent_impl,
    reason = "one file for each concern of the services"
)]
impl<S: Store> Services<S> {
    /// CD-53: every job as its item says, by name.
    pub(crate) async fn deployment_views(&self) -> Result<Vec<DeploymentView>, Unanswered> {
        let items = self.load_all::<DeploymentItem>().await?.into_iter();
        let paths = self.load_all::<PathItem>().await?.into_iter();
        let paths = paths.map(|path| (path.record.key(), path.record));
        let paths: BTreeMap<String, PathItem> = paths.collect();
        Ok(items
            .map(|item| {
                let path = paths.get(&item.record.path);
                DeploymentView::of(item.record, path, None)
            })
            .collect())
    }

    /// CD-53: one job as its items say, with the report of its newest run.
    pub(crate) async fn deployment_view(
        &self,
        name: &str,
    ) -> Result<Option<DeploymentView>, Unanswered> {
        let Some(item) = self.deployment(name).await? else {
            return Ok(None);
        };
        let report = match item.record.run_id() {
            Some(run) => self.load(&DeploymentReport::key_of(run)).await?,
            None => None,
        };
        let report: Option<Stored<DeploymentReport>> = report;
        let report = report.map(|report| report.record);
        let path = self.load::<PathItem>(&item.record.path).await?;
        let path = path.map(|path| path.record);
        Ok(Some(DeploymentView::of(item.record, path.as_ref(), report)))
    }
}
