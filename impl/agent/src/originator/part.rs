//! The parts of a transfer, each on a connection of its own, a few at a time.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use portcullis_net::Net;
use portcullis_store::Store;
use tokio::time::{Instant, sleep};
use tokio_util::task::TaskTracker;

use super::Originator;
use crate::error::Failure;
use crate::message::{Body, Digest, FailureReason, MessageId, ObjectId, Part, TaskId};
use crate::observe::Phase;
use crate::records::{OutboundFiles, OutboundPart};
use crate::state::OriginatorEvent;
use crate::work::{Layout, Work};

/// The parts of one transfer that are still to be sent, shared by those who send them.
struct Remaining {
    object: ObjectId,
    source: String,
    layout: Layout,
    of: u32,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    /// In descending order: the next one is last.
    numbers: Vec<u32>,
    /// Why the task cannot be sent at all; the first reason found.
    stopped: Option<OriginatorEvent>,
}

impl Remaining {
    fn next(&self) -> Option<u32> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.stopped.is_some() {
            None
        } else {
            queue.numbers.pop()
        }
    }

    fn stop(&self, event: OriginatorEvent) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.stopped.get_or_insert(event);
    }

    fn stopped(&self) -> Option<OriginatorEvent> {
        self.queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .stopped
    }
}

#[expect(
    clippy::multiple_inherent_impl,
    reason = "one file for each concern of the role"
)]
impl<N: Net, S: Store, W: Work> Originator<N, S, W> {
    /// Sends every part that the destination has not acknowledged yet. Memory is bounded by the
    /// parts that are sent at a time.
    ///
    /// # Errors
    /// The event that ends the task, when it cannot be sent at all.
    pub(super) async fn send_parts(
        self: &Arc<Self>,
        task: &TaskId,
        source: &str,
        part_octets: usize,
    ) -> Result<(), OriginatorEvent> {
        let unreadable = OriginatorEvent::FailedHere(FailureReason::SourceUnreadable);
        let files = self
            .services
            .store
            .load::<OutboundFiles>(task.as_str())
            .await;
        let files = files.ok().flatten().ok_or(unreadable)?;
        let layout = Layout::new(files.record.manifest, part_octets).map_err(|_| unreadable)?;
        let of = layout.parts().map_err(|_| unreadable)?;
        let numbers = {
            let ledger = self.ledger.lock().await;
            let done = ledger.entries.get(task).map(|entry| &entry.parts);
            let is_done = |number: &u32| done.is_some_and(|done| done.contains_key(number));
            (1..=of)
                .rev()
                .filter(|number| !is_done(number))
                .collect::<Vec<_>>()
        };
        let at_a_time = self
            .services
            .config
            .limits
            .parts_at_a_time
            .min(numbers.len());
        let remaining = Arc::new(Remaining {
            object: ObjectId::new(task.as_str()).map_err(|_| unreadable)?,
            source: source.to_owned(),
            layout,
            of,
            queue: Mutex::new(Queue {
                numbers,
                stopped: None,
            }),
        });
        let senders = TaskTracker::new();
        for _ in 0..at_a_time {
            let (this, task, remaining) = (Arc::clone(self), task.clone(), Arc::clone(&remaining));
            self.services.spawn(senders.track_future(async move {
                while let Some(number) = remaining.next() {
                    if let Err(event) = this.send_part(&task, &remaining, number).await {
                        remaining.stop(event);
                    }
                }
            }));
        }
        senders.close();
        senders.wait().await;
        remaining.stopped().map_or(Ok(()), Err)
    }

    /// Sends one part until it is acknowledged, and records that. ET-32
    async fn send_part(
        &self,
        task: &TaskId,
        remaining: &Remaining,
        number: u32,
    ) -> Result<(), OriginatorEvent> {
        let start = Instant::now();
        let schedule = &self.services.config.retries.request;
        for attempt in 1.. {
            // Read again for each attempt: a part that waits does not hold its memory.
            let payload = self.services.work.payload();
            let octets = remaining
                .layout
                .read(payload, &remaining.source, number)
                .await;
            let octets = octets.map_err(|error| OriginatorEvent::FailedHere(error.reason()))?;
            let part = Part {
                object: remaining.object.clone(),
                number,
                of: remaining.of,
                digest: Digest::of(&octets),
                octets,
            };
            let digest = part.digest;
            match self.send_part_once(task, part, attempt).await {
                Ok(()) => match self.record_part(task, number, digest).await {
                    Ok(()) => return Ok(()),
                    Err(failure) => {
                        self.failed(task, Phase::Part, attempt, failure);
                    }
                },
                Err(Failure::Refused(reason)) if reason.is_final() => {
                    return Err(OriginatorEvent::Rejected(reason));
                }
                Err(_) => {}
            }
            let wait = schedule.wait_after(attempt, start.elapsed(), &self.services.jitter);
            sleep(wait.unwrap_or(schedule.last_wait())).await;
        }
        Ok(())
    }

    /// One attempt at one part.
    async fn send_part_once(&self, task: &TaskId, part: Part, attempt: u32) -> Result<(), Failure> {
        self.greet(task, self.fresh_id("hello"), 1).await?;
        let id = MessageId::of_part(&part.object, part.number);
        let (wanted, number) = (part.object.clone(), part.number);
        self.ask(task, id, attempt, Body::Part(part), |reply| {
            let Body::PartAck {
                object,
                number: acked,
            } = reply
            else {
                return None;
            };
            (object == wanted && acked == number).then_some(())
        })
        .await
    }

    /// Records that the destination has a part: after a restart it is not sent again.
    async fn record_part(&self, task: &TaskId, number: u32, digest: Digest) -> Result<(), Failure> {
        let part = OutboundPart {
            task: task.clone(),
            number,
            digest,
        };
        self.services
            .record(&part, 0)
            .await
            .map_err(|_| Failure::Store)?;
        if let Some(entry) = self.ledger.lock().await.entries.get_mut(task) {
            entry.parts.insert(number, digest);
        }
        Ok(())
    }
}
