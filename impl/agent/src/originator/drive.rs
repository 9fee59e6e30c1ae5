//! One task from submission to its end, in the order of the protocol.

use std::sync::Arc;
use std::time::Duration;

use portcullis_net::Net;
use portcullis_store::Store;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::{Originator, Unapplied};
use crate::error::Failure;
use crate::message::{Body, Known, MessageId, Reason, TaskId};
use crate::observe::{AgentEvent, Phase, Warning};
use crate::records::RecordedOrder;
use crate::state::{OriginatorEvent, OriginatorState, OriginatorTask, Settled};
use crate::work::Work;

/// How long a task rests when the store does not take its record.
const STORE_REST: Duration = Duration::from_secs(1);

/// What may have arrived of a task before the first attempt at sending it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    Perhaps,
}

impl<N: Net, S: Store, W: Work> Originator<N, S, W> {
    /// Drives one task from wherever it is to its final state.
    pub(crate) async fn drive(self: Arc<Self>, task: TaskId) {
        let Some(mut progress) = self.watch(&task).await else {
            return;
        };
        // A task that was being sent when the host went down may have arrived.
        let mut before = Before::Perhaps;
        loop {
            let state = progress.borrow_and_update().state;
            match state {
                OriginatorState::Prepared => self.prepare(&task).await,
                OriginatorState::Sending => self.send(&task, &mut progress, before).await,
                OriginatorState::Accepted => self.await_completion(&task, &mut progress).await,
                OriginatorState::InDoubt => self.resolve(&task, &mut progress).await,
                OriginatorState::Completed
                | OriginatorState::Failed
                | OriginatorState::Cancelled
                | OriginatorState::Rejected => return,
            }
            // Otherwise sending begins where nothing has been sent, or where the destination has
            // said that it does not know the task.
            before = if state == OriginatorState::Sending {
                Before::Perhaps
            } else {
                Before::Nothing
            };
        }
    }

    /// Waits for the task's turn, opens the session, sends the parts, and moves the task to
    /// sending: recorded before anything of it may reach the destination.
    async fn prepare(self: &Arc<Self>, task: &TaskId) {
        let event = match self.make_ready(task).await {
            Ok(()) => OriginatorEvent::Sent,
            Err(unsendable) => unsendable,
        };
        self.settle(task, event).await;
    }

    /// Everything that comes before the task's own message.
    async fn make_ready(self: &Arc<Self>, task: &TaskId) -> Result<(), OriginatorEvent> {
        self.turn(task).await.map_err(OriginatorEvent::FailedHere)?;
        let Some(record) = self.record_of(task).await else {
            return Ok(());
        };
        // ET-12: the greeting comes before the first message of a session.
        self.open_session(task)
            .await
            .map_err(OriginatorEvent::Rejected)?;
        match &record.order {
            RecordedOrder::Transfer {
                source,
                part_octets,
                ..
            } => self.send_parts(task, source, *part_octets).await?,
            RecordedOrder::Deploy { .. } | RecordedOrder::Execute { .. } => {}
        }
        self.certainty(task).await;
        Ok(())
    }

    /// Opens the session if it is not open, as often as it takes.
    ///
    /// # Errors
    /// When the destination refuses it: no task may follow (ET-9).
    async fn open_session(&self, task: &TaskId) -> Result<(), Reason> {
        let start = Instant::now();
        let schedule = &self.services.config.retries.request;
        // ET-34: one greeting, however often it is tried.
        let id = self.fresh_id("hello");
        for attempt in 1.. {
            match self.greet(task, id.clone(), attempt).await {
                Ok(()) => break,
                Err(Failure::Refused(reason)) if reason.is_final() => return Err(reason),
                // ET-9: a refusal that is itself of another version says the same.
                Err(Failure::Decode(error)) if error.is_version() => return Err(Reason::Version),
                Err(_) => {}
            }
            match schedule.wait_after(attempt, start.elapsed(), &self.services.jitter) {
                Some(wait) => sleep(wait).await,
                None => return Err(Reason::Unavailable),
            }
        }
        Ok(())
    }

    /// One attempt at the greeting, unless the session is open.
    pub(super) async fn greet(
        &self,
        task: &TaskId,
        id: MessageId,
        attempt: u32,
    ) -> Result<(), Failure> {
        let _one_at_a_time = self.greeting.lock().await;
        if self.ledger.lock().await.greeted {
            return Ok(());
        }
        let product = self.services.config.product.clone();
        let hello = Body::Hello(product.clone());
        let theirs = self
            .ask(task, id, attempt, hello, |reply| {
                if let Body::HelloAck(theirs) = reply {
                    Some(theirs)
                } else {
                    None
                }
            })
            .await?;
        if theirs != product {
            // ET-9: the destination should have refused; no task follows in any case.
            let version = Failure::Refused(Reason::Version);
            return Err(self.failed(task, Phase::Establish, attempt, version));
        }
        self.ledger.lock().await.greeted = true;
        Ok(())
    }

    /// Sends the task until it is acknowledged, refused, ended, or the attempts end. ET-44
    ///
    /// Once an attempt may have arrived, only a refusal that the destination gives after it has
    /// looked for the task's id ends the task: any other one says nothing about what arrived
    /// before (ET-51).
    async fn send(
        &self,
        task: &TaskId,
        progress: &mut watch::Receiver<OriginatorTask>,
        mut before: Before,
    ) {
        let start = Instant::now();
        let schedule = &self.services.config.retries.task;
        for attempt in 1.. {
            match self.send_once(task, attempt).await {
                Ok(known) => return self.on_accepted(task, known).await,
                Err(Failure::Refused(reason))
                    if reason.is_final()
                        && (reason.is_about_task() || before == Before::Nothing) =>
                {
                    return self.settle(task, OriginatorEvent::Rejected(reason)).await;
                }
                Err(failure) if failure.may_have_arrived() => before = Before::Perhaps,
                Err(_) => {}
            }
            let wait = schedule.wait_after(attempt, start.elapsed(), &self.services.jitter);
            let Some(wait) = wait else {
                return self.settle(task, OriginatorEvent::RetriesEnded).await;
            };
            // ET-48: a completion may come while the acknowledgement is still missing.
            tokio::select! {
                biased;
                _ = progress.wait_for(|task| task.state != OriginatorState::Sending) => return,
                () = sleep(wait) => {}
            }
        }
    }

    /// One attempt: the session if it has to be opened again, then the task on a connection of its
    /// own (ET-13), under the same id each time (ET-34).
    async fn send_once(&self, task: &TaskId, attempt: u32) -> Result<Known, Failure> {
        self.greet(task, self.fresh_id("hello"), 1).await?;
        let order = {
            let ledger = self.ledger.lock().await;
            let entry = ledger.entries.get(task).ok_or(Failure::Unencodable)?;
            let digests: Vec<_> = entry.parts.values().copied().collect();
            entry
                .record
                .assignment(&digests)
                .ok_or(Failure::Unencodable)?
        };
        let id = MessageId::of_task(task);
        self.ask(task, id, attempt, Body::Task(order), |reply| {
            let Body::Accepted {
                task: accepted,
                known,
            } = reply
            else {
                return None;
            };
            (accepted == *task).then_some(known)
        })
        .await
    }

    /// The acknowledgement, which for a repeated task may tell of its end (ET-42).
    async fn on_accepted(&self, task: &TaskId, known: Known) {
        self.settle(task, OriginatorEvent::Accepted).await;
        if known.outcome.is_some() {
            self.settle(task, OriginatorEvent::Status(Some(known)))
                .await;
        }
    }

    /// Waits for the completion, for as long as the deadline allows; no connection is open (ET-22).
    async fn await_completion(
        &self,
        task: &TaskId,
        progress: &mut watch::Receiver<OriginatorTask>,
    ) {
        let accepted_ms = progress.borrow().accepted_ms.unwrap_or(i64::MAX);
        let passed = self
            .services
            .now()
            .as_millisecond()
            .saturating_sub(accepted_ms)
            .max(0);
        let passed = Duration::from_millis(u64::try_from(passed).unwrap_or(0));
        let remaining = self
            .services
            .config
            .timers
            .task_deadline
            .saturating_sub(passed);
        let expired = tokio::select! {
            biased;
            _ = progress.wait_for(|task| task.state != OriginatorState::Accepted) => false,
            () = sleep(remaining) => true,
        };
        if expired {
            // ET-49: doubt, not failure.
            self.warn_reverse_path(task);
            self.settle(task, OriginatorEvent::DeadlineExpired).await;
        }
    }

    /// ET-80: accepted, but no completion came: the way back is where to look.
    fn warn_reverse_path(&self, task: &TaskId) {
        let mut warning = AgentEvent::about(Warning::ReversePath, &self.link.name, task);
        if let AgentEvent::Warning { port, .. } = &mut warning {
            *port = Some(self.link.local_port);
        }
        self.services.announce(&warning);
    }

    /// Asks until the destination says how the task ended, or that it does not know it. ET-51
    async fn resolve(&self, task: &TaskId, progress: &mut watch::Receiver<OriginatorTask>) {
        let start = Instant::now();
        let schedule = &self.services.config.retries.status;
        for attempt in 1.. {
            if let Ok(known) = self.query(task, attempt).await {
                self.settle(task, OriginatorEvent::Status(known)).await;
            }
            let wait = schedule.wait_after(attempt, start.elapsed(), &self.services.jitter);
            tokio::select! {
                biased;
                _ = progress.wait_for(|task| task.state != OriginatorState::InDoubt) => return,
                () = sleep(wait.unwrap_or(schedule.last_wait())) => {}
            }
        }
    }

    /// One status query on a connection of its own. ET-50
    pub(crate) async fn query(
        &self,
        task: &TaskId,
        attempt: u32,
    ) -> Result<Option<Known>, Failure> {
        let id = self.fresh_id("query");
        self.ask(
            task,
            id,
            attempt,
            Body::Query { task: task.clone() },
            |reply| {
                let Body::Status { task: about, known } = reply else {
                    return None;
                };
                (about == *task).then_some(known)
            },
        )
        .await
    }

    /// Moves the task on with what an operator's query has found; an answer that the task's state
    /// has no use for changes nothing.
    pub(crate) async fn on_status(&self, task: &TaskId, known: Option<Known>) {
        match self.apply(task, OriginatorEvent::Status(known)).await {
            Ok(_) | Err(Unapplied::Unknown | Unapplied::Store) => {}
            // ET-58: the first recorded end stands.
            Err(Unapplied::Illegal(_)) => {
                let about = AgentEvent::about(Warning::OutcomeConflict, &self.link.name, task);
                self.services.announce(&about);
            }
        }
    }

    /// Applies an event that the driver has found; what another task of the host did meanwhile
    /// wins, and the driver looks at the state again.
    async fn settle(&self, task: &TaskId, event: OriginatorEvent) {
        match self.apply(task, event).await {
            Ok(_) | Err(Unapplied::Unknown | Unapplied::Illegal(_)) => {}
            Err(Unapplied::Store) => sleep(STORE_REST).await,
        }
    }

    /// One request to the destination and what `read` finds in the reply. A failed attempt ends the
    /// session (ET-12).
    pub(super) async fn ask<T>(
        &self,
        task: &TaskId,
        id: MessageId,
        attempt: u32,
        body: Body,
        read: impl FnOnce(Body) -> Option<T>,
    ) -> Result<T, Failure> {
        let phase = Phase::of(&body);
        // Before the message is made, so that it is not old when it leaves.
        let turn = self.next_connection().await;
        let request = self.services.message(id, &self.link.name, attempt, body);
        let place = (self.link.address.as_str(), self.link.remote_port);
        let authentication = &self.link.authentication;
        let reply = self
            .services
            .exchange(turn, authentication, place, &request)
            .await;
        let found = reply.and_then(|reply| read(reply.body).ok_or(Failure::Unrelated));
        if let Err(failure) = found.as_ref() {
            // A refusal for good is about what was asked; anything else ends the session.
            let settled = |reason: &Reason| reason.is_final() && *reason != Reason::Version;
            if !matches!(failure, Failure::Refused(reason) if settled(reason)) {
                self.ledger.lock().await.greeted = false;
            }
            self.failed(task, phase, attempt, *failure);
        }
        found
    }

    /// Announces a failed attempt. ET-78
    pub(super) fn failed(
        &self,
        task: &TaskId,
        phase: Phase,
        attempt: u32,
        failure: Failure,
    ) -> Failure {
        self.services.announce(&AgentEvent::AttemptFailed {
            phase,
            peer: self.link.name.clone(),
            port: self.link.remote_port,
            task: Some(task.clone()),
            attempt,
            class: failure.class(),
            failure,
        });
        failure
    }

    /// The id of a message that belongs to no record: each is said once.
    pub(super) fn fresh_id(&self, what: &str) -> MessageId {
        MessageId::fresh(what, &self.services.new_id())
    }

    /// How a task ended, if it has.
    pub(crate) async fn settled(&self, task: &TaskId) -> Option<Settled> {
        let mut progress = self.watch(task).await?;
        let ended = progress
            .wait_for(|task| task.settled.is_some())
            .await
            .ok()?;
        ended.settled
    }
}
