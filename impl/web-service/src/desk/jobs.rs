//! Creating, running, watching and deleting jobs, and deleting logs.

use portcullis_store::Store;

use super::farm_desk::Inner;
use crate::message::{Guid, NewJob, RemoteJobStatus, Response, Violation};
use crate::observe::FarmEvent;
use crate::records::{ImportJob, ImportLogs, Kept, Severity, TimerJob};
use crate::services::{Unanswered, Unmoved};
use crate::state::{JobProgress, JobState, TimerEvent, TimerProgress, TimerState};
use crate::work::Depot;

/// How long a description may be: every job that is kept has one, and some are read together.
const DESCRIPTION_OCTETS_MAX: usize = 4096;

impl From<Unanswered> for Violation {
    fn from(_: Unanswered) -> Self {
        Self::Unavailable
    }
}

#[expect(
    clippy::multiple_inherent_impl,
    reason = "one file for each concern of the desk"
)]
impl<S: Store, D: Depot> Inner<S, D> {
    /// CD-20 to CD-23: a new job with its timer job, which does not run.
    pub(super) async fn create(&self, order: NewJob) -> Result<Response, Violation> {
        self.accepting()?;
        let services = &self.services;
        let application = services
            .config
            .web_application(&order.destination_server_url)
            .ok_or(Violation::VirtualServerUnknown)?;
        if !application
            .site_collections
            .contains(&order.destination_site_collection)
        {
            return Err(Violation::SiteCollectionUnknown);
        }
        if order.description.len() > DESCRIPTION_OCTETS_MAX {
            return Err(Violation::ParameterInvalid("description"));
        }
        let jobs_max = u64::try_from(services.config.limits.jobs_max).unwrap_or(u64::MAX);
        if services.count::<ImportJob>().await? >= jobs_max {
            return Err(Violation::Unavailable);
        }
        let job = Guid::random(&services.life().await?.ids);
        let item = ImportJob {
            job,
            order,
            progress: JobProgress::default(),
            files: 0,
            octets: 0,
            changed_ms: services.now().as_millisecond(),
        };
        let timer_job = TimerJob {
            job,
            progress: TimerProgress::default(),
            renewals: 0,
        };
        // The item comes first: a timer job without one could be run.
        self.record_new(&item).await?;
        self.record_new(&timer_job).await?;
        services.announce(&FarmEvent::Job {
            job,
            from: "",
            to: item.progress.state.name(),
            reason: None,
        });
        services.announce(&FarmEvent::TimerJob {
            job,
            from: "",
            to: timer_job.progress.state.name(),
        });
        Ok(Response::CreateJob(job))
    }

    async fn record_new<R: Kept>(&self, record: &R) -> Result<(), Violation> {
        let batch = self.services.batch().await?;
        let batch = batch.expect_absent::<R>(&record.key()).put(record);
        let batch = batch.map_err(|_| Violation::Unavailable)?;
        let committed = self.services.commit::<R>(batch).await;
        committed.map(|_| ()).map_err(|_| Violation::Unavailable)
    }

    /// CD-24: the timer job becomes due, durably; that is all. The import is the timer service's.
    pub(super) async fn run(&self, job: Guid) -> Result<Response, Violation> {
        self.accepting()?;
        loop {
            let item = self.services.load::<ImportJob>(&job.to_string()).await?;
            let item = item.ok_or(Violation::UnknownJob)?;
            let timer_job = self.services.timer_job(job).await?;
            let timer_job = timer_job.ok_or(Violation::UnknownJob)?;
            if item.record.progress.state != JobState::Created {
                return Err(Violation::JobRunAlready);
            }
            let run = self.services.move_timer_job(&timer_job, &TimerEvent::Run);
            match run.await {
                Ok(_) => return Ok(Response::RunJob),
                // CD-22: a one-time timer job.
                Err(Unmoved::Illegal) => return Err(Violation::JobRunAlready),
                Err(Unmoved::Refused) => {}
                Err(Unmoved::Unanswered) => return Err(Violation::Unavailable),
            }
        }
    }

    /// CD-25 to CD-27: reads, and nothing else.
    pub(super) async fn status(&self, job: Guid) -> Result<Response, Violation> {
        let item = self.services.item(job).await?;
        let item = item.ok_or(Violation::UnknownJob)?;
        let newest = item.report.lines.last();
        Ok(Response::GetJobStatus(RemoteJobStatus {
            status: item.state().status(),
            error_count: item.report.count(Severity::Error),
            warning_count: item.report.count(Severity::Warning),
            imported_object_count: item.job.progress.placed,
            status_message: newest.map_or_else(String::new, |line| line.text.clone()),
        }))
    }

    /// CD-31: the timer job goes first, so that nothing can run of what is half removed; whoever
    /// repeats the call after an interruption finishes it.
    pub(super) async fn delete(&self, job: Guid) -> Result<Response, Violation> {
        let services = &self.services;
        loop {
            let item = services.item(job).await?.ok_or(Violation::UnknownJob)?;
            let timer_job = services.timer_job(job).await?;
            let timer_state = timer_job.as_ref().map(|found| found.record.progress.state);
            if !may_be_deleted(item.state(), timer_state) {
                return Err(Violation::JobBusy);
            }
            let deleted = async {
                if let Some(found) = &timer_job {
                    services.delete_timer_job(found).await?;
                }
                services.delete_item(&item).await
            };
            match deleted.await {
                Ok(()) => break,
                Err(Unmoved::Refused) => {}
                Err(Unmoved::Illegal | Unmoved::Unanswered) => return Err(Violation::Unavailable),
            }
        }
        if services.config.is_import_server {
            // At once; whatever is left is the timer service's, which has it on record.
            self.depot.remove(job).await.ok();
        }
        Ok(Response::DeleteJob)
    }

    /// CD-33 to CD-37: all logs of one content deployment job of the source, or nothing.
    pub(super) async fn delete_logs(&self, source_job: Guid) -> Result<Response, Violation> {
        let key = source_job.to_string();
        if self.services.load::<ImportLogs>(&key).await?.is_some() {
            let batch = self.services.batch().await?.delete::<ImportLogs>(&key);
            let deleted = self.services.commit::<ImportLogs>(batch).await;
            deleted.map_err(|_| Violation::Unavailable)?;
        }
        // CD-34, CD-35: without a log nothing is done, and the answer is the same.
        Ok(Response::DeleteImportLogs)
    }
}

/// Whether nothing of a job runs or is about to.
const fn may_be_deleted(state: JobState, timer_state: Option<TimerState>) -> bool {
    match state {
        // The timer job of a job that has ended may not have been told yet.
        JobState::Cancelled | JobState::Succeeded | JobState::Failed | JobState::TimedOut => true,
        JobState::Created => !matches!(timer_state, Some(TimerState::Due | TimerState::Running)),
        JobState::Verifying
        | JobState::Decompressing
        | JobState::Placing
        | JobState::CancelInProgress => false,
    }
}
