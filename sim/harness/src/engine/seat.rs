//! What of a host outlives a crash, and from which each of its lives is made.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use portcullis_net::{Host, Randomness, Spawner, WallClock};
use portcullis_reports::{Event, Fields, Source};

use super::door::Door;
use super::journal::{Clock, Journal, Recorder};
use super::net::{Names, SimNet};
use super::shelf::Shelf;
use super::spec::{Boot, HostSpec, Node};
use super::tasks::{HostIndex, HostSpawner, HostTask, Life, Queue};

/// One host's place in the run.
pub(crate) struct Seat {
    index: HostIndex,
    boot: Boot,
    names: Arc<Names>,
    epoch: Timestamp,
    clock: Clock,
    /// How far the wall clock is ahead, in nanoseconds.
    offset: Arc<AtomicI64>,
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
        let seat = Self {
            index,
            boot: Arc::clone(&spec.boot),
            names,
            epoch,
            clock: clock.clone(),
            offset: Arc::default(),
            random: run.fork("host").fork(&name),
            recorder: Recorder::new(journal, clock, name),
            shelf: Shelf::default(),
        };
        seat.set_clock_offset(spec.clock_offset);
        seat
    }

    /// Sets how far the host's wall clock is ahead of the run's time.
    pub(crate) fn set_clock_offset(&self, offset: SignedDuration) {
        let nanoseconds = i64::try_from(offset.as_nanos()).unwrap_or(i64::MAX);
        self.offset.store(nanoseconds, Ordering::Relaxed);
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
                net: SimNet::new(door, Arc::clone(&self.names), address),
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
        let offset = Arc::clone(&self.offset);
        WallClock::from_fn(move || {
            let elapsed = SignedDuration::try_from(clock.now()).unwrap_or(SignedDuration::MAX);
            let ahead = SignedDuration::from_nanos(offset.load(Ordering::Relaxed));
            epoch
                .checked_add(elapsed.saturating_add(ahead))
                .unwrap_or(epoch)
        })
    }
}
