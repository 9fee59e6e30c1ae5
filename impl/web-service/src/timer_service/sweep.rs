//! Tidying up: what workers left to do, and what nobody needs any more.

use std::time::Duration;

use portcullis_store::Store;

use super::TimerService;
use crate::records::{CancelRequest, ImportJob, Removal};
use crate::services::{Again, Unanswered, Unmoved};
use crate::state::{JobEvent, JobState, TimerEvent, TimerState};
use crate::work::{Depot, ImportFailure, Importer};

#[expect(
    clippy::multiple_inherent_impl,
    reason = "one file for each concern of the timer service"
)]
impl<S: Store, D: Depot, I: Importer> TimerService<S, D, I> {
    /// Removes the files of deleted jobs, and finishes requests to cancel whose worker is gone.
    pub(super) async fn run_errands(&self) -> Result<Again, Unanswered> {
        let requests = self.services.load_all::<CancelRequest>().await?;
        let removals = self.services.load_all::<Removal>().await?;
        let again = if requests.is_empty() && removals.is_empty() {
            Again::WhenChanged
        } else {
            // Until they are seen to be gone.
            Again::Soon
        };
        for request in requests {
            self.services.handle_cancel(request.record.job).await?;
        }
        for removal in removals {
            let job = removal.record.job;
            self.importer.clean(job).await;
            if self.depot.remove(job).await.is_ok() {
                answered(self.services.removed(job).await)?;
            }
        }
        Ok(again)
    }

    /// Removes what has lain too long: files of jobs that nobody ran, jobs that have ended and that
    /// nobody deleted, and jobs whose creation or deletion was interrupted. Folders without a job
    /// go too.
    pub(super) async fn sweep(&self) -> Result<(), Unanswered> {
        let folders = self.depot.jobs().await.unwrap_or_default();
        for job in folders {
            let key = job.to_string();
            if self.services.load::<ImportJob>(&key).await?.is_none() {
                self.importer.clean(job).await;
                self.depot.remove(job).await.ok();
            }
        }
        let config = &self.services.config;
        let (files_kept, jobs_kept) = (config.temporary_files_kept, config.ended_jobs_kept);
        for found in self.services.load_all::<ImportJob>().await? {
            let age_ms = self
                .services
                .now()
                .as_millisecond()
                .saturating_sub(found.record.changed_ms);
            let is_older = |kept: Duration| {
                u64::try_from(age_ms).is_ok_and(|age| u128::from(age) >= kept.as_millis())
            };
            if is_older(files_kept) {
                answered(self.expire(&found.record).await)?;
            }
            if found.record.progress.state.is_final() && is_older(jobs_kept) {
                answered(self.forget(&found.record).await)?;
            }
        }
        Ok(())
    }

    /// Takes the files of a job that has not changed for long.
    async fn expire(&self, job: &ImportJob) -> Result<(), Unmoved> {
        let services = &self.services;
        let state = job.progress.state;
        let timer_job = services.timer_job(job.job).await?;
        let Some(mut item) = services.item(job.job).await? else {
            return Ok(());
        };
        match timer_job {
            // Its creation was never answered, or its deletion has begun.
            None if state == JobState::Created || state.is_final() => {
                services.delete_item(&item).await?;
            }
            Some(found)
                if state == JobState::Created
                    && matches!(
                        found.record.progress.state,
                        TimerState::Stopped | TimerState::Withdrawn
                    ) =>
            {
                // The timer job decides: it cannot be run from here on.
                services
                    .move_timer_job(&found, &TimerEvent::Withdrawn)
                    .await?;
                let expired = JobEvent::Failed(ImportFailure::Expired);
                services.apply(&mut item, &expired).await?;
            }
            Some(_) if state.is_final() => {}
            Some(_) | None => return Ok(()),
        }
        self.depot.remove(job.job).await.ok();
        Ok(())
    }

    /// Removes an orphan: a job that has ended and that its source has given up. Its log stays
    /// (CD-32).
    async fn forget(&self, job: &ImportJob) -> Result<(), Unmoved> {
        let services = &self.services;
        let Some(item) = services.item(job.job).await? else {
            return Ok(());
        };
        if let Some(found) = services.timer_job(job.job).await? {
            services.delete_timer_job(&found).await?;
        }
        services.delete_item(&item).await
    }
}

/// Somebody else was faster: the next round looks again.
fn answered(moved: Result<(), Unmoved>) -> Result<(), Unanswered> {
    match moved {
        Ok(()) | Err(Unmoved::Illegal | Unmoved::Refused) => Ok(()),
        Err(Unmoved::Unanswered) => Err(Unanswered),
    }
}
