//! The loop of a packet run: network, steps and tasks take turns until none has work left at this
//! instant, then time jumps to the next deadline.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use portcullis_reports::Entry;
use tokio::time::{Instant, Sleep, sleep_until};

use super::fabric::Fabric;
use crate::engine::journal::{Clock, Journal};
use crate::engine::outcome::{End, EngineError, RunOutcome};
use crate::engine::seat::Seat;
use crate::engine::spec::{Action, DOWN, Finished, HostChange};
use crate::engine::tasks::{Batch, HostIndex, HostTask, Life, Queue, Tasks};
use crate::engine::timeline::{Due, Timeline, action_entry};
use crate::engine::{door::Door, net::Names};

/// What a run is made of, assembled.
pub(crate) struct Setting {
    pub(crate) fabric: Arc<Fabric>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) clock: Clock,
    pub(crate) names: Arc<Names>,
    pub(crate) seats: Vec<Seat>,
    pub(crate) timeline: Timeline,
    pub(crate) finished: Finished,
    pub(crate) ends: Duration,
}

/// Everything that a packet run moves.
pub(crate) struct Drive {
    fabric: Arc<Fabric>,
    journal: Arc<Journal>,
    clock: Clock,
    names: Arc<Names>,
    seats: Vec<Seat>,
    /// The life of each host that is up.
    lives: BTreeMap<HostIndex, u32>,
    incarnations: Vec<u32>,
    tasks: Tasks,
    timeline: Timeline,
    /// Calls to hosts that are down, for their next lives.
    waiting: Vec<(HostIndex, Due)>,
    finished: Finished,
    /// How much of the history `finished` has seen.
    seen: usize,
    start: Instant,
    ends: Duration,
    timer: Pin<Box<Sleep>>,
}

impl Drive {
    /// A run at its start: hosts are not booted before the steps at time zero are done.
    ///
    /// Must be called inside the runtime that will poll it.
    pub(crate) fn new(setting: Setting) -> Self {
        let start = Instant::now();
        let hosts = setting.seats.len();
        Self {
            fabric: setting.fabric,
            journal: setting.journal,
            clock: setting.clock,
            names: setting.names,
            seats: setting.seats,
            lives: BTreeMap::new(),
            incarnations: vec![0; hosts],
            tasks: Tasks::new(Queue::new()),
            timeline: setting.timeline,
            waiting: Vec::new(),
            finished: setting.finished,
            seen: 0,
            start,
            ends: setting.ends,
            timer: Box::pin(sleep_until(start)),
        }
    }

    /// Boots every host.
    pub(crate) fn boot(&mut self) {
        for host in 0..self.seats.len() {
            self.begin_life(HostIndex(host));
        }
    }

    /// Runs until time has to pass, or to the end.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        loop {
            let now = self.start.elapsed();
            if now != self.clock.now() {
                self.clock.set(now);
                self.tasks.time_passed();
            }
            match self.settle(now, cx) {
                ControlFlow::Break(end) => return Poll::Ready(end),
                ControlFlow::Continue(next) => self.set_timer(now, next),
            }
            if self.timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// Ends the history here: what teardown does later leaves no trace in it.
    pub(crate) fn freeze(&self, end: End) -> RunOutcome {
        let (history, mut digest) = self.journal.freeze();
        digest.absorb(self.fabric.digest());
        let key_log = self.journal.key_log();
        RunOutcome {
            missed: self.timeline.missed(&self.journal, &self.waiting),
            history,
            digest: digest.value(),
            capture: self.fabric.capture_file(&key_log),
            key_log,
            end,
            elapsed: self.clock.now(),
            hits: self.fabric.hits(),
        }
    }

    /// Lets network, steps and tasks take turns until nothing more happens at this instant, and
    /// says when network or steps have more to do.
    fn settle(&mut self, now: Duration, cx: &Context<'_>) -> ControlFlow<End, Option<Duration>> {
        loop {
            self.fabric.advance(now);
            self.timeline.take_triggered(&self.journal);
            while let Some(step) = self.timeline.pop_due(now) {
                if let Err(error) = self.execute(now, step) {
                    return ControlFlow::Break(End::Error(error));
                }
                self.timeline.take_triggered(&self.journal);
            }
            let lives = &self.lives;
            let alive = |life: Life| lives.get(&life.host) == Some(&life.incarnation);
            let batch = self.tasks.poll_batch(alive);
            if let Batch::Failed(failure) = batch {
                let host = self.names.name(failure.host.0);
                return ControlFlow::Break(End::Error(failure.into_error(host)));
            }
            // What the run may end with can be what a step waits for.
            self.timeline.take_triggered(&self.journal);
            if self.timeline.next().is_some_and(|due| due <= now) {
                continue;
            }
            if self.is_finished() {
                return ControlFlow::Break(End::Finished);
            }
            if !matches!(batch, Batch::Idle) {
                continue;
            }
            let next = self.next_deadline();
            if next.is_none_or(|due| due > now) && !self.tasks.register(cx.waker()) {
                return match now < self.ends {
                    true => ControlFlow::Continue(next),
                    false => ControlFlow::Break(End::Deadline),
                };
            }
        }
    }

    fn is_finished(&mut self) -> bool {
        let mut finished = false;
        let look = |entries: &[Entry]| finished = (self.finished)(entries);
        self.seen = self.journal.look(self.seen, look);
        finished
    }

    fn next_deadline(&self) -> Option<Duration> {
        let network = self.fabric.next_deadline();
        let steps = self.timeline.next();
        network.into_iter().chain(steps).min()
    }

    fn set_timer(&mut self, now: Duration, next: Option<Duration>) {
        let next = next.unwrap_or(self.ends).min(self.ends);
        let deadline = self.start + next.max(now);
        if self.timer.deadline() != deadline || self.timer.is_elapsed() {
            self.timer.as_mut().reset(deadline);
        }
    }

    fn execute(&mut self, now: Duration, step: Due) -> Result<(), EngineError> {
        match &step.action {
            Action::Network(change) => {
                let note = self.fabric.change(now, change)?;
                self.tell(now, &step, note);
                Ok(())
            }
            Action::Host(change, name) => {
                let host = self.host(name)?;
                let note = change.note(self.lives.contains_key(&host).into());
                self.tell(now, &step, note);
                if note.is_some() {
                    return Ok(());
                }
                self.change_host(now, host, *change);
                if *change == HostChange::Restart {
                    self.take_waiting(now, host)?;
                }
                Ok(())
            }
            Action::Call(call) => {
                let host = self.host(&call.host)?;
                if let Some(incarnation) = self.lives.get(&host).copied() {
                    let task = (call.run)(self.node(host, incarnation));
                    self.tell(now, &step, task.as_ref().err().copied());
                    if let Ok(task) = task {
                        self.spawn(host, incarnation, Arc::from(call.name.as_str()), task);
                    }
                } else if call.waits {
                    self.waiting.push((host, step));
                } else {
                    self.tell(now, &step, Some(DOWN));
                }
                Ok(())
            }
        }
    }

    /// Records that `step` is executed; `note` is why it has no effect.
    fn tell(&mut self, now: Duration, step: &Due, note: Option<&'static str>) {
        self.timeline.note(step, note);
        self.journal.append(action_entry(now, step, note));
    }

    /// Makes the calls that have waited for a life of `host`.
    fn take_waiting(&mut self, now: Duration, host: HostIndex) -> Result<(), EngineError> {
        let waiting = std::mem::take(&mut self.waiting).into_iter();
        let (due, others) = waiting.partition(|(it, _)| *it == host);
        self.waiting = others;
        let due: Vec<(HostIndex, Due)> = due;
        due.into_iter()
            .try_for_each(|(_, step)| self.execute(now, step))
    }

    fn host(&self, name: &str) -> Result<HostIndex, EngineError> {
        let found = self.names.position(name).map(HostIndex);
        found.ok_or_else(|| EngineError::UnknownHost {
            name: name.to_owned(),
        })
    }

    fn change_host(&mut self, now: Duration, host: HostIndex, change: HostChange) {
        match change {
            HostChange::Crash => self.crash(now, host),
            HostChange::Restart => {
                self.fabric.restart(now, host);
                self.begin_life(host);
            }
            HostChange::Pause => {
                self.fabric.pause(host);
                self.tasks.pause(host);
            }
            HostChange::Resume => {
                self.fabric.resume(now, host);
                self.tasks.resume(host);
            }
            HostChange::Stall => self.tasks.pause(host),
            HostChange::Unstall => self.tasks.resume(host),
            HostChange::Clock(offset) => self.seats[host.0].set_clock_offset(now, offset),
            HostChange::Drift(drift) => self.seats[host.0].set_clock_drift(now, drift),
        }
    }

    fn crash(&mut self, now: Duration, host: HostIndex) {
        if self.lives.remove(&host).is_some() {
            // The sockets die before the tasks, whose destructors would otherwise close them and
            // say goodbye on the wire.
            self.fabric.crash(now, host);
            self.tasks.drop_host(host);
        }
    }

    fn begin_life(&mut self, host: HostIndex) {
        let incarnation = self.incarnations[host.0];
        self.incarnations[host.0] += 1;
        self.lives.insert(host, incarnation);
        let seat = &self.seats[host.0];
        let main = seat.main(self.node(host, incarnation));
        self.spawn(host, incarnation, Arc::from("main"), main);
    }

    fn node(&self, host: HostIndex, incarnation: u32) -> crate::engine::Node {
        let door = Door::Fabric(Arc::clone(&self.fabric), host);
        self.seats[host.0].node(incarnation, door, self.tasks.queue())
    }

    fn spawn(&self, host: HostIndex, incarnation: u32, label: Arc<str>, task: HostTask) {
        let life = Life { host, incarnation };
        self.tasks.queue().spawn(life, label, task);
    }
}
