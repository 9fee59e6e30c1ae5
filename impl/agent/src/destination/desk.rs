//! What answers at the remote port: greetings, parts, tasks and queries.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use portcullis_net::Net;
use portcullis_store::{Batch, OperationId, Record, Store};

use super::Destination;
use crate::accept::{Answer, Respond};
use crate::config::{Authentication, Limits};
use crate::message::{
    Assignment, Body, Digest, EnvironmentName, Message, ObjectId, Part, Product, Reason, Task,
    TaskId,
};
use crate::records::{InboundPart, InboundTask};
use crate::state::{DestinationEvent, DestinationTask};
use crate::work::{Executor, Payload, Work};

/// The desk at the remote port of a link.
#[derive(Debug)]
pub(crate) struct TaskDesk<N, S, W>(pub(crate) Arc<Destination<N, S, W>>);

impl<N, S, W> Clone for TaskDesk<N, S, W> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<N: Net, S: Store, W: Work> Respond for TaskDesk<N, S, W> {
    fn peer(&self) -> &EnvironmentName {
        &self.0.link.name
    }

    fn authentication(&self) -> &Authentication {
        &self.0.link.authentication
    }

    fn frame_max(&self, limits: &Limits) -> usize {
        limits.part_frame_max
    }

    async fn knows(&self, request: &Message) -> bool {
        match &request.body {
            Body::Task(task) => self.0.ledger.lock().await.entries.contains_key(&task.id),
            Body::Part(part) => self.0.has_part(part).await,
            Body::Hello(_)
            | Body::HelloAck(_)
            | Body::PartAck { .. }
            | Body::Accepted { .. }
            | Body::Completed { .. }
            | Body::CompletedAck { .. }
            | Body::Query { .. }
            | Body::Status { .. }
            | Body::Preflight
            | Body::PreflightResult(_)
            | Body::Probe { .. }
            | Body::ProbeAck { .. }
            | Body::Rejection { .. } => false,
        }
    }

    async fn respond(&self, request: Message) -> Answer {
        match request.body {
            Body::Hello(product) => self.0.on_hello(&product),
            Body::Part(part) => self.0.on_part(part).await,
            Body::Task(task) => self.0.on_task(task).await,
            Body::Query { task } => self.0.on_query(task).await,
            Body::Preflight => self.0.on_preflight(request.header.id).await,
            Body::HelloAck(_)
            | Body::PartAck { .. }
            | Body::Accepted { .. }
            | Body::Completed { .. }
            | Body::CompletedAck { .. }
            | Body::Status { .. }
            | Body::PreflightResult(_)
            | Body::Probe { .. }
            | Body::ProbeAck { .. }
            | Body::Rejection { .. } => Answer::Refuse(Reason::Misplaced),
        }
    }
}

impl<N: Net, S: Store, W: Work> Destination<N, S, W> {
    /// ET-9: other versions are refused at the greeting. The protocol's version was compared when
    /// the document was decoded.
    fn on_hello(&self, theirs: &Product) -> Answer {
        let ours = &self.services.config.product;
        if theirs == ours {
            Answer::Say(Body::HelloAck(ours.clone()))
        } else {
            Answer::Refuse(Reason::Version)
        }
    }

    /// Whether a part of that number is recorded.
    async fn has_part(&self, part: &Part) -> bool {
        let key = InboundPart::key_of(&self.link.name, &part.object, part.number);
        let known = self.services.store.load::<InboundPart>(&key).await;
        matches!(known, Ok(Some(_)))
    }

    /// ET-32: a part is staged and recorded before it is acknowledged; again is harmless.
    async fn on_part(&self, part: Part) -> Answer {
        let acknowledged = Body::PartAck {
            object: part.object.clone(),
            number: part.number,
        };
        if part.of > self.services.config.limits.parts_max {
            return Answer::Refuse(Reason::TooLarge);
        }
        let record = InboundPart {
            from: self.link.name.clone(),
            object: part.object.clone(),
            number: part.number,
            of: part.of,
            digest: part.digest,
        };
        match self.services.store.load::<InboundPart>(&record.key()).await {
            Ok(Some(known)) if known.record == record => return Answer::Say(acknowledged),
            Ok(Some(_)) => return Answer::Refuse(Reason::Conflict),
            Ok(None) => {}
            Err(_) => return Answer::Refuse(Reason::Unavailable),
        }
        if Digest::of(&part.octets) != part.digest {
            return Answer::Refuse(Reason::DigestMismatch);
        }
        let object = self.scoped(&part.object);
        // What is written and what is recorded are of one message: another one of the same number
        // may differ.
        let Some(_alone) = Arrival::begin(&self.arriving, &object, part.number) else {
            return Answer::Refuse(Reason::Unavailable);
        };
        let payload = self.services.work.payload();
        let staged = payload.stage(&object, part.number, part.octets);
        if staged.await.is_err() {
            return Answer::Refuse(Reason::Unavailable);
        }
        match self.services.record(&record, 0).await {
            Ok(()) => Answer::Say(acknowledged),
            Err(_) => Answer::Refuse(Reason::Unavailable),
        }
    }

    /// A new task is recorded before it is acknowledged (ET-41); a known one is answered as the
    /// first time, with its state by now (ET-42).
    async fn on_task(self: &Arc<Self>, task: Task) -> Answer {
        let mut ledger = self.ledger.lock().await;
        if let Some(entry) = ledger.entries.get(&task.id) {
            let progress = entry.record.progress;
            // ET-43: the same id for something else.
            if entry.record.task != task {
                return Answer::Refuse(Reason::Conflict);
            }
            return match progress.on(DestinationEvent::Repeated, self.services.now()) {
                Ok((progress, _)) => accepted(task.id, progress),
                Err(_) => Answer::Silence,
            };
        }
        if let Err(reason) = self.admit(&task).await {
            return Answer::Refuse(reason);
        }
        if ledger.waiting >= self.services.config.limits.tasks_waiting_max {
            return Answer::Refuse(Reason::Busy);
        }
        let last = ledger.order.last_key_value().map_or(0, |(last, _)| *last);
        let record = InboundTask {
            from: self.link.name.clone(),
            task: task.clone(),
            sequence: last.saturating_add(1),
            progress: DestinationTask::default(),
            version: 0,
        };
        // ET-41: durable before the answer; what the store did not take is not acknowledged.
        if self.record_new(&record).await.is_err() {
            return Answer::Refuse(Reason::Unavailable);
        }
        let progress = record.progress;
        ledger.insert(record);
        self.announce_state(&task.id, "", progress);
        drop(ledger);
        self.services.spawn(Arc::clone(self).drive(task.id.clone()));
        accepted(task.id, progress)
    }

    async fn record_new(&self, record: &InboundTask) -> Result<(), portcullis_store::StoreError> {
        let key = record.key();
        let operation = OperationId::new(format!("{}/{key}/0", InboundTask::TABLE));
        let batch = Batch::new(operation)
            .expect_absent::<InboundTask>(&key)
            .put(record)?;
        self.services
            .commit(batch, &[(InboundTask::TABLE, key)])
            .await
    }

    /// Whether the work can be begun at all.
    async fn admit(&self, task: &Task) -> Result<(), Reason> {
        match &task.assignment {
            // A message names a command of this host's configuration and never carries one.
            Assignment::Deploy { command } | Assignment::Execute { command } => {
                if self.services.work.executor().knows(command) {
                    Ok(())
                } else {
                    Err(Reason::UnknownCommand)
                }
            }
            Assignment::Transfer {
                object,
                parts,
                digest,
            } => self.admit_object(object, *parts, *digest).await,
        }
    }

    /// ET-32: every part is staged, and the object's digest is that of its parts.
    async fn admit_object(
        &self,
        object: &ObjectId,
        parts: u32,
        digest: Digest,
    ) -> Result<(), Reason> {
        if parts == 0 || parts > self.services.config.limits.parts_max {
            return Err(Reason::Incomplete);
        }
        let mut digests = Vec::new();
        for number in 1..=parts {
            let key = InboundPart::key_of(&self.link.name, object, number);
            let part = self.services.store.load::<InboundPart>(&key).await;
            match part.map_err(|_| Reason::Unavailable)? {
                Some(part) if part.record.of == parts => digests.push(part.record.digest),
                Some(_) | None => return Err(Reason::Incomplete),
            }
        }
        if Digest::of_parts(&digests) == digest {
            Ok(())
        } else {
            Err(Reason::DigestMismatch)
        }
    }

    /// ET-50: what is recorded, whatever it is.
    async fn on_query(&self, task: TaskId) -> Answer {
        let ledger = self.ledger.lock().await;
        let known = ledger
            .entries
            .get(&task)
            .map(|entry| entry.record.progress.known());
        Answer::Say(Body::Status { task, known })
    }

    /// The name under which an object is staged: two senders may choose the same id.
    pub(super) fn scoped(&self, object: &ObjectId) -> ObjectId {
        object.of_sender(&self.link.name)
    }
}

/// The parts that are being written.
type Arriving = Mutex<BTreeSet<(ObjectId, u32)>>;

/// One of them, until it is dropped.
struct Arrival<'a> {
    arriving: &'a Arriving,
    part: (ObjectId, u32),
}

impl<'a> Arrival<'a> {
    /// `None` when the same part is being written already.
    fn begin(arriving: &'a Arriving, object: &ObjectId, number: u32) -> Option<Self> {
        let part = (object.clone(), number);
        let mut parts = arriving.lock().unwrap_or_else(PoisonError::into_inner);
        parts
            .insert(part.clone())
            .then_some(Self { arriving, part })
    }
}

impl Drop for Arrival<'_> {
    fn drop(&mut self) {
        let arriving = self.arriving.lock();
        arriving
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.part);
    }
}

fn accepted(task: TaskId, progress: DestinationTask) -> Answer {
    Answer::Say(Body::Accepted {
        task,
        known: progress.known(),
    })
}
