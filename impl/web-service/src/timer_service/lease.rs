//! The right to run a timer job, which must be renewed.
//!
//! No clocks are compared. The owner counts its lease from before it sent its last sign of life,
//! others count it from when they first saw that sign, so the owner always gives up first.

use std::sync::Arc;

use portcullis_store::{Store, Stored};
use tokio::time::{Instant, sleep, timeout_at};

use super::TimerService;
use crate::message::Guid;
use crate::records::TimerJob;
use crate::services::{Unanswered, Unmoved};
use crate::state::{Owner, TimerEvent, TimerState};
use crate::work::{Depot, Importer};

#[expect(
    clippy::multiple_inherent_impl,
    reason = "one file for each concern of the timer service"
)]
impl<S: Store, D: Depot, I: Importer> TimerService<S, D, I> {
    /// Runs a timer job that was claimed by a request sent at `asked`, as long as it is ours.
    pub(super) async fn run(self: Arc<Self>, claimed: Stored<TimerJob>, asked: Instant) {
        let Some(owner) = claimed.record.progress.owner.clone() else {
            return;
        };
        let job = claimed.record.job;
        tokio::select! {
            biased;
            // Dropping the import stops its phase: another server may be about to take it over.
            () = self.keep(claimed, &owner, asked) => {}
            () = async {
                self.import(job, &owner).await;
                self.end(job, &owner).await;
            } => {}
        }
    }

    /// Gives signs of life; returns when the timer job is not ours any more.
    async fn keep(&self, mut timer_job: Stored<TimerJob>, owner: &Owner, asked: Instant) {
        let timers = self.services.config.timers;
        let sign_of_life = timers.lease.checked_div(4).unwrap_or_default();
        let mut renewed = asked;
        loop {
            sleep(sign_of_life).await;
            let Some(ends) = renewed.checked_add(timers.lease) else {
                return std::future::pending().await;
            };
            match timeout_at(ends, self.renew(&timer_job, owner)).await {
                Ok(Some((renewed_job, sent))) => (timer_job, renewed) = (renewed_job, sent),
                Ok(None) | Err(_) => return,
            }
        }
    }

    /// One sign of life, repeated until it is recorded; none when the timer job is another's.
    async fn renew(
        &self,
        timer_job: &Stored<TimerJob>,
        owner: &Owner,
    ) -> Option<(Stored<TimerJob>, Instant)> {
        let mut timer_job = timer_job.clone();
        loop {
            let sent = Instant::now();
            let renewal = TimerEvent::Renewed(owner.clone());
            match self.services.move_timer_job(&timer_job, &renewal).await {
                Ok(renewed) => return Some((renewed, sent)),
                Err(Unmoved::Unanswered) => sleep(self.services.config.timers.timer_service).await,
                // Written by a renewal of ours whose answer was lost, or by somebody else.
                Err(Unmoved::Refused | Unmoved::Illegal) => {
                    match self.services.timer_job(timer_job.record.job).await {
                        Ok(Some(found)) if is_held(&found, owner) => timer_job = found,
                        Ok(Some(found)) if found.record.progress.state == TimerState::Running => {
                            return None;
                        }
                        // Ended by ourselves, or deleted after the import had ended.
                        Ok(_) => return std::future::pending().await,
                        Err(Unanswered) => {
                            sleep(self.services.config.timers.timer_service).await;
                        }
                    }
                }
            }
        }
    }

    /// Says durably that the timer job has run, unless it is not ours any more.
    async fn end(&self, job: Guid, owner: &Owner) {
        loop {
            let ended = async {
                match self.services.timer_job(job).await? {
                    Some(found) if is_held(&found, owner) => {
                        let ended = TimerEvent::Ended(owner.clone());
                        self.services
                            .move_timer_job(&found, &ended)
                            .await
                            .map(|_| ())
                    }
                    Some(_) | None => Ok(()),
                }
            };
            match ended.await {
                Ok(()) | Err(Unmoved::Illegal) => return,
                Err(Unmoved::Refused) => {}
                Err(Unmoved::Unanswered) => {
                    sleep(self.services.config.timers.database_retry).await;
                }
            }
        }
    }
}

/// Whether `owner` runs it.
pub(super) fn is_held(timer_job: &Stored<TimerJob>, owner: &Owner) -> bool {
    let progress = &timer_job.record.progress;
    progress.state == TimerState::Running && progress.belongs_to(owner)
}
