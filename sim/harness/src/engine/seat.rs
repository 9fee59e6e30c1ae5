//! What of a host outlives a crash, and from which each of its lives is made.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use portcullis_net::{Host, Randomness, Spawner, WallClock};
use portcullis_reports::{Event, Fields, Source};

use super::door::Door;
use super::journal::{Clock, Journal, Recorder};
use super::net::{Names, SimNet};
use super::shelf::Shelf;
use super::spec::{Boot, HostSpec, Node};
use super::tasks::{HostIndex, HostSpawner, HostTask, Life, Queue};

/// How wrong a wall clock is.
#[derive(Clone, Copy, Debug, Default)]
struct ClockError {
    /// How far it was ahead at `since`.
    offset: SignedDuration,
    /// How much it runs fast, in parts per billion.
    drift: i64,
    since: Duration,
}

impl ClockError {
    /// How far the clock is ahead at the run's time `now`.
    fn ahead(&self, now: Duration) -> SignedDuration {
        let passed = now.saturating_sub(self.since).as_nanos();
        let passed = i128::try_from(passed).unwrap_or(i128::MAX);
        let drifted = passed.saturating_mul(i128::from(self.drift)) / 1_000_000_000;
        let drifted = i64::try_from(drifted).unwrap_or(i64::MAX);
        self.offset
            .saturating_add(SignedDuration::from_nanos(drifted))
    }
}

/// One host's place in the run.
pub(crate) struct Seat {
    index: HostIndex,
    boot: Boot,
    names: Arc<Names>,
    epoch: Timestamp,
    clock: Clock,
    error: Arc<Mutex<ClockError>>,
    backlog: usize,
    random: Randomness,
    recorder: Recorder,
    shelf: Shelf,
}

impl Seat {
    pub(crate) fn new(
        index: HostIndex,
        spec: &HostSpec,
        names: Arc<Names>,
        epoch: Timestamp,
        clock: Clock,
        run: &Randomness,
        journal: Arc<Journal>,
    ) -> Self {
        let name = Arc::clone(names.name(index.0));
        let error = ClockError {
            offset: spec.clock_offset,
            drift: spec.clock_drift,
            since: Duration::ZERO,
        };
        Self {
            index,
            boot: Arc::clone(&spec.boot),
            names,
            epoch,
            clock: clock.clone(),
            error: Arc::new(Mutex::new(error)),
            backlog: spec.backlog,
            random: run.fork("host").fork(&name),
            recorder: Recorder::new(journal, clock, name),
            shelf: Shelf::default(),
        }
    }

    /// Sets how far the host's wall clock is ahead of the run's time from `now` on.
    pub(crate) fn set_clock_offset(&self, now: Duration, offset: SignedDuration) {
        let mut error = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        (error.offset, error.since) = (offset, now);
    }

    /// Sets how much the host's wall clock runs fast from `now` on, in parts per billion.
    pub(crate) fn set_clock_drift(&self, now: Duration, drift: i64) {
        let mut error = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        *error = ClockError {
            offset: error.ahead(now),
            drift,
            since: now,
        };
    }

    /// The node of life `incarnation`: its tasks go to `queue`, its packets through `door`.
    pub(crate) fn node(&self, incarnation: u32, door: Door, queue: Arc<Queue>) -> Node {
        let life = Life {
            host: self.index,
            incarnation,
        };
        let spawner = HostSpawner {
            life,
            label: Arc::from("task"),
            queue,
        };
        let address = self.names.address(self.index.0);
        Node {
            host: Host {
                name: Arc::clone(self.names.name(self.index.0)),
                net: SimNet::new(door, Arc::clone(&self.names), address, self.backlog),
                spawner: Spawner::new(spawner),
                wall: self.wall_clock(),
                // A new life draws new numbers: ids must not come again after a restart.
                random: self.random.fork(&format!("life {incarnation}")),
            },
            recorder: self.recorder.clone(),
            incarnation,
            epoch: self.epoch,
            shelf: self.shelf.clone(),
        }
    }

    /// The main task of the life that `node` is.
    pub(crate) fn main(&self, node: Node) -> HostTask {
        let boot = Arc::clone(&self.boot);
        Box::pin(async move {
            let (recorder, incarnation) = (node.recorder.clone(), node.incarnation);
            boot(node).await;
            let fields = Fields::from([(Cow::Borrowed("incarnation"), incarnation.to_string())]);
            let name = Cow::Borrowed("exit");
            recorder.record(Source::Harness, Event::Action { name, fields });
        })
    }

    fn wall_clock(&self) -> WallClock {
        let (epoch, clock) = (self.epoch, self.clock.clone());
        let error = Arc::clone(&self.error);
        WallClock::from_fn(move || {
            let now = clock.now();
            let elapsed = SignedDuration::try_from(now).unwrap_or(SignedDuration::MAX);
            let error = *error.lock().unwrap_or_else(PoisonError::into_inner);
            let ahead = error.ahead(now);
            epoch
                .checked_add(elapsed.saturating_add(ahead))
                .unwrap_or(epoch)
        })
    }
}
