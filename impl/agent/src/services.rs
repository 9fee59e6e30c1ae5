//! What every part of an agent needs: its host, seams, configuration and the right to start tasks.

use std::time::Duration;

use jiff::Timestamp;
use portcullis_net::{Host, Net, Randomness, Tasks};
use portcullis_store::{Batch, OperationId, Record, Store, StoreError};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::accept::{Door, LargeFrames};
use crate::config::{Authentication, Config, Timers};
use crate::error::Failure;
use crate::exchange::{Terms, exchange};
use crate::message::{Body, EnvironmentName, Header, Message, MessageId};
use crate::observe::{AgentEvent, Observer, Warning};

/// One agent's share of the world. ET-83: time, randomness, ports and I/O come from here only.
#[derive(Debug)]
pub(crate) struct Services<N, S, W> {
    pub(crate) host: Host<N>,
    pub(crate) store: S,
    pub(crate) work: W,
    pub(crate) config: Config,
    pub(crate) observer: Observer,
    pub(crate) door: Door,
    /// The room for frames above the control limit.
    pub(crate) large_frames: LargeFrames,
    /// Jitter of the retry schedules.
    pub(crate) jitter: Randomness,
    /// Ids that this agent chooses. A stream of its own for each start, because a simulated host
    /// has the same seed after a restart.
    pub(crate) ids: Randomness,
    /// Tells the listeners to close.
    pub(crate) leaving: CancellationToken,
    /// The connections that were accepted, each until its end.
    pub(crate) conversations: TaskTracker,
    pub(crate) tasks: Tasks,
}

impl<N, S, W> Services<N, S, W> {
    /// This environment's name.
    pub(crate) const fn name(&self) -> &EnvironmentName {
        &self.config.name
    }

    /// Announces one event.
    pub(crate) fn announce(&self, event: &AgentEvent) {
        self.observer.announce(event);
    }

    /// Civil time as this host believes it to be; for records, never for timers.
    pub(crate) fn now(&self) -> Timestamp {
        self.host.wall.now()
    }

    /// 128 random bits as text.
    pub(crate) fn new_id(&self) -> String {
        format!("{:016x}{:016x}", self.ids.next_u64(), self.ids.next_u64())
    }

    /// Starts a task that ends when the agent stops.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    /// How far ahead of this host's clock a message was sent, in milliseconds, when that is more
    /// than the tolerance. ET-74
    pub(crate) fn skew_ms(&self, sent_at: Timestamp) -> Option<i64> {
        skew_ms(sent_at, self.now(), self.config.tolerance)
    }

    /// The message that says `body` to `to`.
    pub(crate) fn message(
        &self,
        id: MessageId,
        to: &EnvironmentName,
        attempt: u32,
        body: Body,
    ) -> Message {
        Message {
            header: Header {
                id,
                from: self.name().clone(),
                to: to.clone(),
                sent_at: self.now(),
                relates_to: None,
                attempt,
            },
            body,
        }
    }
}

impl<N: Net, S: Send + Sync + 'static, W: Send + Sync + 'static> Services<N, S, W> {
    /// One request and its reply over a new connection; the connection's end is seen to elsewhere.
    /// `turn` is the right to one of a link's connections, given back when this one has ended.
    pub(crate) async fn exchange(
        &self,
        turn: Option<OwnedSemaphorePermit>,
        authentication: &Authentication,
        place: (&str, u16),
        request: &Message,
    ) -> Result<Message, Failure> {
        self.exchange_within(turn, self.config.timers, authentication, place, request)
            .await
    }

    /// The same with other timers.
    pub(crate) async fn exchange_within(
        &self,
        turn: Option<OwnedSemaphorePermit>,
        timers: Timers,
        authentication: &Authentication,
        place: (&str, u16),
        request: &Message,
    ) -> Result<Message, Failure> {
        let terms = Terms {
            timers: &timers,
            frame_max: self.config.limits.control_frame_max,
            authentication,
            wall: &self.host.wall,
            tolerance: self.config.tolerance,
        };
        let exchanged = exchange(&self.host.net, &terms, place, request).await;
        if let Some(ahead_ms) = exchanged.skew_ms {
            self.announce(&AgentEvent::clock_skew(&request.header.to, ahead_ms));
        }
        if let Some(closing) = exchanged.closing {
            let observer = self.observer.clone();
            self.spawn(async move {
                for event in closing.finish(&timers).await.iter().flatten() {
                    observer.announce(event);
                }
                drop(turn);
            });
        }
        exchanged.reply
    }
}

/// How far `sent_at` is ahead of `now` in milliseconds, when that is more than `tolerance` in
/// either direction. ET-74
pub(crate) fn skew_ms(sent_at: Timestamp, now: Timestamp, tolerance: Duration) -> Option<i64> {
    let ahead = sent_at.duration_since(now);
    let apart = ahead.unsigned_abs();
    (apart > tolerance).then(|| i64::try_from(ahead.as_millis()).unwrap_or(i64::MAX))
}

/// How long to wait before asking a store again that did not say what became of a commit.
const STORE_RETRY: Duration = Duration::from_secs(1);

impl<N, S: Store, W> Services<N, S, W> {
    /// Commits a batch, as often as it takes to learn its fate, and announces the records.
    ///
    /// # Errors
    /// When the store says that nothing was written.
    pub(crate) async fn commit(
        &self,
        batch: Batch,
        records: &[(&'static str, String)],
    ) -> Result<(), StoreError> {
        loop {
            match self.store.commit(batch.clone()).await {
                Ok(_) => break,
                // The same operation again writes nothing twice.
                Err(StoreError::Unknown) => tokio::time::sleep(STORE_RETRY).await,
                Err(error) => {
                    self.announce(&AgentEvent::Warning {
                        warning: Warning::StoreFailed,
                        peer: None,
                        task: None,
                        port: None,
                        detail: records.first().map(|(table, _)| *table),
                        address: None,
                        ahead_ms: None,
                    });
                    return Err(error);
                }
            }
        }
        for (table, key) in records {
            self.announce(&AgentEvent::Durable {
                table,
                key: key.clone(),
            });
        }
        Ok(())
    }

    /// Commits one record; `version` names the commit among those of the same key.
    ///
    /// # Errors
    /// When the store says that nothing was written.
    pub(crate) async fn record<R: Record>(
        &self,
        record: &R,
        version: u32,
    ) -> Result<(), StoreError> {
        let key = record.key();
        let operation = OperationId::new(format!("{}/{key}/{version}", R::TABLE));
        let batch = Batch::new(operation).put(record)?;
        self.commit(batch, &[(R::TABLE, key)]).await
    }
}
