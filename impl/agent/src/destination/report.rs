//! The completion, on its way back to the originator.

use std::io;
use std::time::Duration;

use portcullis_net::Net;
use portcullis_store::Store;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::drive::STORE_REST;
use super::{Destination, Unapplied};
use crate::error::{Failure, FailureClass};
use crate::message::{Body, MessageId, Outcome, Reason, TaskId};
use crate::observe::{AgentEvent, Phase, Warning};
use crate::state::{DestinationEvent, DestinationTask};
use crate::work::Work;

#[expect(
    clippy::multiple_inherent_impl,
    reason = "one file for each concern of the role"
)]
impl<N: Net, S: Store, W: Work> Destination<N, S, W> {
    /// Reports the outcome until it is acknowledged, disowned, or the attempts end. ET-45
    pub(super) async fn report(&self, task: &TaskId, progress: &watch::Receiver<DestinationTask>) {
        let DestinationTask {
            outcome: Some(outcome),
            ended_ms,
            ..
        } = *progress.borrow()
        else {
            return;
        };
        // Read once: a wall clock that jumps later must not end the attempts.
        let before = self.since(ended_ms);
        let start = Instant::now();
        let schedule = &self.services.config.retries.completion;
        for attempt in 1.. {
            let event = match self.report_once(task, outcome, attempt).await {
                Ok(()) => Some(DestinationEvent::Acknowledged),
                // ET-55: answered negatively once, and not asked again.
                Err(Failure::Refused(Reason::UnknownTask | Reason::Conflict)) => {
                    Some(DestinationEvent::Disowned)
                }
                Err(failure) => {
                    if attempt == 1 && failure.unconnected().is_some() {
                        self.warn(Warning::ReversePath, task);
                    }
                    None
                }
            };
            let passed = before.saturating_add(start.elapsed());
            let wait = schedule.wait_after(attempt, passed, &self.services.jitter);
            match (event, wait) {
                (None, Some(wait)) => sleep(wait).await,
                (event, _) => {
                    return self
                        .end(task, event.unwrap_or(DestinationEvent::RetriesEnded))
                        .await;
                }
            }
        }
    }

    /// How much of the horizon had passed when this run of the agent began to report.
    fn since(&self, ended_ms: Option<i64>) -> Duration {
        let now = self.services.now().as_millisecond();
        let passed = now.saturating_sub(ended_ms.unwrap_or(now)).max(0);
        Duration::from_millis(u64::try_from(passed).unwrap_or(0))
    }

    /// One attempt, on a new connection from a dynamic port to the originator's local port (ET-17,
    /// ET-18); where that is, this host's configuration alone says (ET-40).
    async fn report_once(
        &self,
        task: &TaskId,
        outcome: Outcome,
        attempt: u32,
    ) -> Result<(), Failure> {
        let body = Body::Completed {
            task: task.clone(),
            outcome,
        };
        let id = MessageId::of_completion(task);
        let turn = self.next_connection().await;
        let request = self.services.message(id, &self.link.name, attempt, body);
        let place = (self.link.address.as_str(), self.link.local_port);
        let authentication = &self.link.authentication;
        let services = &self.services;
        let exchanged = services.exchange(turn, authentication, place, &request);
        let failure = match exchanged.await {
            Ok(reply) if reply.body == (Body::CompletedAck { task: task.clone() }) => return Ok(()),
            Ok(_) => Failure::Unrelated,
            Err(failure) => failure,
        };
        self.services.announce(&AgentEvent::AttemptFailed {
            phase: Phase::Completion,
            peer: self.link.name.clone(),
            port: self.link.local_port,
            task: Some(task.clone()),
            attempt,
            class: class(&failure),
            failure,
        });
        Err(failure)
    }

    /// Moves the task to its final state.
    async fn end(&self, task: &TaskId, event: DestinationEvent) {
        loop {
            match self.apply(task, event).await {
                Err(Unapplied::Store) => sleep(STORE_REST).await,
                // ET-46: kept, and somebody is told.
                Ok(effects) if !effects.is_empty() => {
                    return self.warn(Warning::CompletionParked, task);
                }
                Ok(_) | Err(Unapplied::Unknown | Unapplied::Illegal) => return,
            }
        }
    }

    /// ET-80: names the port on the way back.
    fn warn(&self, warning: Warning, task: &TaskId) {
        let mut event = AgentEvent::about(warning, &self.link.name, task);
        if let AgentEvent::Warning { port, .. } = &mut event {
            *port = Some(self.link.local_port);
        }
        self.services.announce(&event);
    }
}

/// ET-78: a completion that gets no connection is a class of its own, unless this host is at fault.
pub(super) fn class(failure: &Failure) -> FailureClass {
    use io::ErrorKind::{AddrInUse, AddrNotAvailable};
    if let Some(kind) = failure.unconnected()
        && !matches!(kind, AddrNotAvailable | AddrInUse)
    {
        return FailureClass::CallbackUnreachable;
    }
    failure.class()
}
