//! Cancelling a job.

use portcullis_store::Store;
use tokio::time::{sleep, timeout};

use super::farm_desk::Inner;
use crate::config::LateCancel;
use crate::message::{Guid, Response, Violation};
use crate::services::{Unanswered, Unmoved};
use crate::state::{JobEvent, JobState};
use crate::work::Depot;

#[expect(
    clippy::multiple_inherent_impl,
    reason = "one file for each concern of the desk"
)]
impl<S: Store, D: Depot> Inner<S, D> {
    /// CD-29: the job item decides the race against decompression, which the timer service records
    /// there before it begins.
    pub(super) async fn cancel(&self, job: Guid) -> Result<Response, Violation> {
        loop {
            let item = self.services.item(job).await?;
            let mut item = item.ok_or(Violation::UnknownJob)?;
            match self
                .services
                .apply(&mut item, &JobEvent::CancelRequested)
                .await
            {
                Ok(_) if item.state() == JobState::CancelInProgress => break,
                Ok(_) => return self.too_late(item.state()),
                Err(Unmoved::Refused) => {}
                Err(Unmoved::Illegal | Unmoved::Unanswered) => return Err(Violation::Unavailable),
            }
        }
        self.services.handle_cancel(job).await?;
        // CD-28: answered when it has been handled. A timer service that is down handles it later,
        // and until then the status says CancelInProgress (CD-30).
        match timeout(self.services.config.timers.cancel, self.handled(job)).await {
            Ok(Err(Unanswered)) => Err(Violation::Unavailable),
            Ok(Ok(())) | Err(_) => Ok(Response::CancelJob),
        }
    }

    /// What is answered when nothing can be cancelled any more.
    fn too_late(&self, state: JobState) -> Result<Response, Violation> {
        match (self.services.config.late_cancel, state) {
            // Again, which is harmless.
            (_, JobState::Cancelled) | (LateCancel::Response, _) => Ok(Response::CancelJob),
            (LateCancel::Fault, _) => Err(Violation::DecompressionBegun),
        }
    }

    /// Returns when a request to cancel is not being handled any more.
    async fn handled(&self, job: Guid) -> Result<(), Unanswered> {
        loop {
            match self.services.item(job).await? {
                Some(item) if item.state() == JobState::CancelInProgress => {}
                Some(_) | None => return Ok(()),
            }
            sleep(self.services.config.timers.timer_service).await;
        }
    }
}
