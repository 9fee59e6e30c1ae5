//! When a task may be sent: after which others of its link, and after how much of them.

use tokio::sync::watch;

use super::{Entry, Ledger, Originator};
use crate::message::{FailureReason, TaskId};
use crate::state::{OriginatorState, OriginatorTask};

/// What a task waits for.
#[derive(Default)]
struct Turn {
    /// To be accepted, or to have ended. ET-56
    previous: Option<watch::Receiver<OriginatorTask>>,
    /// To have completed. ET-57
    after: Option<watch::Receiver<OriginatorTask>>,
}

impl<N, S, W> Originator<N, S, W> {
    /// Waits until the tasks that come first have got far enough.
    ///
    /// # Errors
    /// When the task that this one depends on did not succeed.
    pub(super) async fn turn(&self, task: &TaskId) -> Result<(), FailureReason> {
        let turn = self.ledger.lock().await.turn(task);
        // ET-56: the destination works in the order of acceptance, so that order is ours.
        if let Some(mut previous) = turn.previous {
            let past = |task: &OriginatorTask| task.is_accepted() || task.state.is_final();
            drop(previous.wait_for(past).await);
        }
        // ET-57: not before the completion of the step that it depends on has been recorded.
        if let Some(mut after) = turn.after {
            let ended = after.wait_for(|task| task.state.is_final()).await;
            if !ended.is_ok_and(|task| task.state == OriginatorState::Completed) {
                return Err(FailureReason::DependencyFailed);
            }
        }
        Ok(())
    }

    /// Waits until no earlier task that asks for the same work is in doubt: right before the task
    /// is sent, so that a doubt that came up meanwhile counts too. ET-51
    pub(super) async fn certainty(&self, task: &TaskId) {
        loop {
            let doubtful = self.ledger.lock().await.same_work_in_doubt(task);
            let Some(mut same) = doubtful else { return };
            drop(
                same.wait_for(|task| task.state != OriginatorState::InDoubt)
                    .await,
            );
        }
    }
}

impl Ledger {
    fn turn(&self, task: &TaskId) -> Turn {
        let Some(Entry { record, .. }) = self.entries.get(task) else {
            return Turn::default();
        };
        let follow = |entry: &Entry| entry.progress.subscribe();
        let after = record
            .after
            .as_ref()
            .and_then(|after| self.entries.get(after));
        Turn {
            previous: self.previous_ordered(task).map(follow),
            after: after.map(follow),
        }
    }

    fn same_work_in_doubt(&self, task: &TaskId) -> Option<watch::Receiver<OriginatorTask>> {
        let record = &self.entries.get(task)?.record;
        let earlier = self.in_doubt.range(..record.sequence);
        let mut doubtful =
            earlier.filter_map(|sequence| self.entries.get(self.order.get(sequence)?));
        doubtful
            .find(|entry| entry.record.order == record.order)
            .map(|entry| entry.progress.subscribe())
    }

    /// The last ordered task before an ordered one.
    fn previous_ordered(&self, task: &TaskId) -> Option<&Entry> {
        let record = &self.entries.get(task)?.record;
        if record.independent {
            return None;
        }
        let (_, previous) = self.ordered.range(..record.sequence).next_back()?;
        self.entries.get(previous)
    }
}
