//! One import, from wherever its item says it is to its end.

use std::time::Duration;

use portcullis_store::Store;
use tokio::time::{Instant, sleep};

use super::TimerService;
use super::lease::is_held;
use crate::message::Guid;
use crate::observe::FarmEvent;
use crate::records::ImportJob;
use crate::services::{Again, JobItem, Unanswered, Unmoved};
use crate::state::{Illegal, JobEffect, JobEvent, JobState, Owner};
use crate::work::{Depot, ImportFailure, ImportOrder, Importer};

/// How much of the placing may be done again after a crash: the progress is recorded when this
/// much time has passed since it last was.
const RECORDED_EVERY: Duration = Duration::from_millis(250);

#[expect(
    clippy::multiple_inherent_impl,
    reason = "one file for each concern of the timer service"
)]
impl<S: Store, D: Depot, I: Importer> TimerService<S, D, I> {
    /// Imports a job as long as its timer job is `owner`'s; returns when there is nothing left to
    /// do.
    pub(super) async fn import(&self, job: Guid, owner: &Owner) {
        let timers = self.services.config.timers;
        loop {
            match self.resume(job, owner).await {
                Ok(()) => return,
                // The worker has moved the item: look again.
                Err(Unmoved::Refused) => {}
                Err(Unmoved::Illegal) => sleep(timers.timer_service).await,
                Err(Unmoved::Unanswered) => sleep(timers.database_retry).await,
            }
        }
    }

    /// Takes the job up where its item says it is.
    async fn resume(&self, job: Guid, owner: &Owner) -> Result<(), Unmoved> {
        match self.services.timer_job(job).await? {
            Some(found) if is_held(&found, owner) => {}
            Some(_) | None => return Ok(()),
        }
        let Some(mut item) = self.services.item(job).await? else {
            return Ok(());
        };
        let mut event = match item.state() {
            JobState::Created => JobEvent::PickedUp,
            JobState::Verifying
            | JobState::Decompressing
            | JobState::Placing
            | JobState::CancelInProgress
            | JobState::Cancelled
            | JobState::Succeeded
            | JobState::Failed
            | JobState::TimedOut => JobEvent::Recovered,
        };
        let mut order = None;
        loop {
            // Durable before the phase begins: CD-29 is decided here.
            let effects = self.services.apply(&mut item, &event).await?;
            let Some(effect) = effects.first() else {
                return Ok(());
            };
            // No file comes any more: the item is not as an upload expects it.
            let order = match &order {
                Some(order) => order,
                None => order.insert(self.order(&item).await?),
            };
            let Some(next) = self.carry_out(*effect, &mut item, order).await? else {
                return Ok(());
            };
            event = next;
        }
    }

    /// Does what is to be done next, and says what came of it; none when the job has ended.
    async fn carry_out(
        &self,
        effect: JobEffect,
        item: &mut JobItem,
        order: &ImportOrder,
    ) -> Result<Option<JobEvent>, Unmoved> {
        match effect {
            JobEffect::Verify => self.verify(item, order).await.map(Some),
            JobEffect::Decompress => Ok(Some(self.decompress(item, order).await)),
            JobEffect::Place => Ok(Some(self.place(item, order).await?)),
            JobEffect::Finish => Ok(Some(JobEvent::Finished)),
            // What had to be stopped was dropped on the way here.
            JobEffect::HandleCancel => Ok(Some(JobEvent::CancelHandled)),
            JobEffect::Clean => {
                self.importer.clean(item.job.job).await;
                Ok(None)
            }
        }
    }

    async fn verify(&self, item: &JobItem, order: &ImportOrder) -> Result<JobEvent, Unmoved> {
        tokio::select! {
            biased;
            result = self.importer.verify(order) => Ok(match result {
                Ok(()) => JobEvent::Verified,
                Err(why) => JobEvent::Failed(why),
            }),
            // CD-29, CD-30: dropping the phase stops it.
            () = self.cancel_requested(item.job.job) => Err(Unmoved::Refused),
            () = self.time_is_over(item) => Ok(JobEvent::TimedOut),
        }
    }

    async fn decompress(&self, item: &JobItem, order: &ImportOrder) -> JobEvent {
        let job = item.job.job;
        self.services
            .announce(&FarmEvent::DecompressionStarted { job });
        tokio::select! {
            biased;
            result = self.importer.decompress(order) => match result {
                Ok(objects) => JobEvent::Decompressed { objects },
                Err(why) => JobEvent::Failed(why),
            },
            () = self.time_is_over(item) => JobEvent::TimedOut,
        }
    }

    /// Places objects until the progress must be recorded; the last one is.
    async fn place(&self, item: &mut JobItem, order: &ImportOrder) -> Result<JobEvent, Illegal> {
        let recorded = Instant::now();
        loop {
            let number = item.job.progress.placed;
            let count = item.job.progress.objects;
            let placed: Result<(), ImportFailure> = tokio::select! {
                biased;
                result = self.importer.place(order, number) => result,
                () = self.time_is_over(item) => return Ok(JobEvent::TimedOut),
            };
            if let Err(why) = placed {
                return Ok(JobEvent::Failed(why));
            }
            self.services.announce(&FarmEvent::Placed {
                job: item.job.job,
                number,
                count,
            });
            let is_last = number.saturating_add(1) >= count;
            if is_last || recorded.elapsed() >= RECORDED_EVERY {
                return Ok(JobEvent::Placed);
            }
            item.place(&self.services)?;
        }
    }

    async fn order(&self, item: &JobItem) -> Result<ImportOrder, Unanswered> {
        Ok(ImportOrder {
            job: item.job.job,
            order: item.job.order.clone(),
            files: self.services.files(&item.job).await?,
        })
    }

    /// Returns when a worker has recorded a request to cancel.
    async fn cancel_requested(&self, job: Guid) {
        let interval = self.services.config.timers.timer_service;
        let mut looks = self.services.looks(interval).at::<ImportJob>();
        let mut again = Again::Soon;
        loop {
            looks.rest(again, std::future::pending()).await;
            again = match self.services.item(job).await {
                Ok(Some(item)) if item.state() == JobState::CancelInProgress => return,
                Ok(_) => Again::WhenChanged,
                Err(Unanswered) => Again::Soon,
            };
        }
    }

    /// Returns when the import has taken as long as it may.
    async fn time_is_over(&self, item: &JobItem) {
        let Some(limit) = self.services.config.timers.import else {
            return std::future::pending().await;
        };
        let now_ms = self.services.now().as_millisecond();
        let started_ms = item.job.progress.started_ms.unwrap_or(now_ms);
        let spent_ms = u64::try_from(now_ms.saturating_sub(started_ms)).unwrap_or(0);
        sleep(limit.saturating_sub(Duration::from_millis(spent_ms))).await;
    }
}
