//! Carrying out a request to cancel a job that nothing runs.

use portcullis_store::Store;

use super::{Services, Unanswered, Unmoved};
use crate::message::Guid;
use crate::state::{JobEvent, TimerEvent};

#[expect(
    clippy::multiple_inherent_impl,
    reason = "one file for each concern of the services"
)]
impl<S: Store> Services<S> {
    /// Handles the request to cancel `job`, unless a timer service runs it: that one does it then.
    ///
    /// Repeating it is harmless, so the timer service finishes what a worker began.
    pub(crate) async fn handle_cancel(&self, job: Guid) -> Result<(), Unanswered> {
        while let Some(timer_job) = self.timer_job(job).await? {
            match self
                .move_timer_job(&timer_job, &TimerEvent::Withdrawn)
                .await
            {
                Ok(_) => break,
                Err(Unmoved::Refused) => {}
                Err(Unmoved::Illegal) => return Ok(()),
                Err(Unmoved::Unanswered) => return Err(Unanswered),
            }
        }
        while let Some(mut item) = self.item(job).await? {
            match self.apply(&mut item, &JobEvent::CancelHandled).await {
                Ok(_) | Err(Unmoved::Illegal) => break,
                Err(Unmoved::Refused) => {}
                Err(Unmoved::Unanswered) => return Err(Unanswered),
            }
        }
        Ok(())
    }
}
