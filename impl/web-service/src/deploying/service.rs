//! The timer service of an export server: starts what is due, and runs it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use portcullis_net::{Host, Net, Tasks};
use portcullis_store::{Record, Store, Stored};

use super::schedule::{self, Due};
use super::targets::Targets;
use crate::config::Config;
use crate::farm::Databases;
use crate::observe::{DeployingEvent, Observer};
use crate::records::{DeploymentItem, DeploymentTimerJob};
use crate::running::Running;
use crate::services::{Again, Part, Services, Unanswered, Unmoved};
use crate::state::{TimerEvent, TimerState};
use crate::work::{Exporter, RunId};

/// A running export server. Clones are handles to the same one, which runs on when they are
/// dropped: it ends with its host or with [`DeployingFarm::stop`].
#[derive(Clone, Debug)]
pub struct DeployingFarm {
    tasks: Tasks,
}

impl DeployingFarm {
    /// Starts the timer service, where this server is the export server and hosts Central
    /// Administration; runs that an earlier life left are taken up.
    ///
    /// Databases that do not answer are waited for.
    pub fn start<N: Net, S: Store, E: Exporter>(
        host: &Host<N>,
        databases: Databases<S>,
        exporter: E,
        targets: Targets<N>,
        config: Arc<Config>,
        observer: Observer,
    ) -> Self {
        let tasks = Tasks::new(host);
        let deployments = config.deployments;
        if deployments.is_export_server && deployments.hosts_administration {
            let service = Arc::new(DeploymentService {
                services: Services::new(Part::Deployments, host, databases, config, observer),
                exporter,
                targets,
                tasks: tasks.clone(),
                running: Running::default(),
            });
            tasks.spawn(service.serve());
        }
        Self { tasks }
    }

    /// Ends the service: runs are left where they are. Returns when nothing of it runs.
    pub async fn stop(&self) {
        self.tasks.stop().await;
    }
}

/// What runs deployments.
#[derive(Debug)]
pub(super) struct DeploymentService<N, S, E> {
    pub(super) services: Services<S>,
    pub(super) exporter: E,
    pub(super) targets: Targets<N>,
    tasks: Tasks,
    /// The runs that run here.
    running: Running<RunId>,
}

impl<N: Net, S: Store, E: Exporter> DeploymentService<N, S, E> {
    /// Looks for work, again and again.
    async fn serve(self: Arc<Self>) {
        let interval = self.services.config.timers.timer_service;
        let mut looks = self
            .services
            .looks(interval)
            .at::<DeploymentTimerJob>()
            .at::<DeploymentItem>();
        loop {
            let look = self.round().await;
            looks.rest_after(look, self.running.ended()).await;
        }
    }

    async fn round(self: &Arc<Self>) -> Result<Again, Unanswered> {
        let mut timer_jobs = self.services.load_all::<DeploymentTimerJob>().await?;
        let known: BTreeSet<RunId> = timer_jobs.iter().map(|found| found.record.run).collect();
        let mut again = Again::WhenChanged;
        for item in self.services.load_all::<DeploymentItem>().await? {
            if item.record.schedule.is_some() {
                again = Again::Soon;
            }
            answered(self.look_at(&item, &known).await)?;
        }
        // In the order in which they were ordered.
        timer_jobs.sort_by_key(|found| found.revision);
        let mut busy = BTreeMap::<String, u32>::new();
        for found in &timer_jobs {
            if found.record.progress.state == TimerState::Running {
                let count = busy.entry(found.record.path.clone()).or_default();
                *count = count.saturating_add(1);
            }
        }
        let owner = self.services.owner().await?;
        let blocks = self.services.config.deployments.blocks_jobs_of_one_path;
        for found in timer_jobs {
            let record = &found.record;
            let event = match record.progress.state {
                TimerState::Stopped | TimerState::Done | TimerState::Withdrawn => continue,
                TimerState::Due if blocks && busy.contains_key(&record.path) => continue,
                TimerState::Due => TimerEvent::Claimed(owner.clone()),
                TimerState::Running if self.running.contains(&record.run) => continue,
                // Of an earlier life: there is one export server.
                TimerState::Running => TimerEvent::TakenOver(owner.clone()),
            };
            busy.entry(record.path.clone()).or_default();
            answered(self.claim(&found, &event).await)?;
        }
        Ok(again)
    }

    /// Runs a job that its schedule makes due, and mends an order that was interrupted.
    async fn look_at(
        &self,
        found: &Stored<DeploymentItem>,
        known: &BTreeSet<RunId>,
    ) -> Result<(), Unmoved> {
        let item = &found.record;
        if item.is_busy() {
            let is_known = item.run_id().is_none_or(|run| known.contains(&run));
            return if is_known {
                Ok(())
            } else {
                self.services.order_timer_job(item).await
            };
        }
        let (Some(schedule), Some(due_ms)) = (item.schedule, item.due_ms) else {
            return Ok(());
        };
        let now_ms = self.services.now().as_millisecond();
        match schedule::is_due(schedule, due_ms, now_ms) {
            Due::Now => {
                if self.services.order_run(found).await?.is_none() {
                    self.skip(found, schedule::next_ms(schedule, now_ms))
                        .await?;
                }
                Ok(())
            }
            Due::Later => Ok(()),
            Due::MovedTo(due_ms) => self.services.put_off(found, due_ms).await,
        }
    }

    /// Leaves out a run that was due on a disabled path: unlike one that was missed, it is not made
    /// up for when the path is enabled again.
    async fn skip(&self, found: &Stored<DeploymentItem>, due_ms: i64) -> Result<(), Unmoved> {
        self.services.put_off(found, due_ms).await?;
        let name = found.record.name.clone();
        self.services.tell(DeployingEvent::Skipped { name });
        Ok(())
    }

    async fn claim(
        self: &Arc<Self>,
        found: &Stored<DeploymentTimerJob>,
        event: &TimerEvent,
    ) -> Result<(), Unmoved> {
        let record = DeploymentTimerJob {
            progress: found.record.progress.on(event)?,
            ..found.record.clone()
        };
        let key = record.key();
        let batch = self
            .services
            .batch()
            .await?
            .expect_revision::<DeploymentTimerJob>(&key, found.revision)
            .put(&record)?;
        let revision = self.services.commit::<DeploymentTimerJob>(batch).await?;
        let claimed = Stored {
            record,
            revision: revision.revision,
        };
        let run = claimed.record.run;
        let running = self.running.begin(run);
        let service = Arc::clone(self);
        self.tasks.spawn(async move {
            let name = claimed.record.name.clone();
            service.deploy(&name, run).await;
            service.end(&claimed).await;
            drop(running);
        });
        Ok(())
    }

    /// Removes a one-time timer job that has run to its end.
    async fn end(&self, claimed: &Stored<DeploymentTimerJob>) {
        let key = claimed.record.key();
        let deleted = async {
            let batch = self.services.batch().await?;
            let batch = batch.delete::<DeploymentTimerJob>(&key);
            self.services.commit::<DeploymentTimerJob>(batch).await
        };
        // What is left is taken over by a later life, which finds the run in its final state.
        deleted.await.ok();
    }
}

/// Somebody else was faster: the next round looks again.
fn answered(moved: Result<(), Unmoved>) -> Result<(), Unanswered> {
    match moved {
        Ok(()) | Err(Unmoved::Illegal | Unmoved::Refused) => Ok(()),
        Err(Unmoved::Unanswered) => Err(Unanswered),
    }
}
