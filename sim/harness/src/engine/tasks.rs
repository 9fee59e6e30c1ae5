//! The tasks of simulated hosts: polled in the order of their waking, dropped with their host.
//!
//! They are not tokio tasks. All of them are polled inside one future, the engine's own, so that a
//! crash can drop exactly one host's tasks in a known order, a pause can leave them unpolled, a
//! panic has a name, and any task that tokio itself reports was started behind the host's back.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use portcullis_net::Spawn;

use super::outcome::EngineError;

/// What a host's task is: the unit future of [`Spawn`].
pub(crate) type HostTask = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Index of a host within a run, in the order of the topology.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct HostIndex(pub(crate) usize);

/// Which life of which host a task belongs to; a restart begins the next life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Life {
    pub(crate) host: HostIndex,
    pub(crate) incarnation: u32,
}

/// What became of a batch of polls.
#[derive(Debug)]
pub(crate) enum Batch {
    /// Nothing is ready any more.
    Idle,
    /// At least one task was polled; there may be more.
    Polled,
    /// A task did what ends the run.
    Failed(TaskFailure),
}

/// A task that panicked, or that started something which belongs to no host.
#[derive(Debug)]
pub(crate) struct TaskFailure {
    pub(crate) host: HostIndex,
    pub(crate) task: Arc<str>,
    pub(crate) kind: FailureKind,
}

#[derive(Debug)]
pub(crate) enum FailureKind {
    Panicked { message: String },
    BareSpawn { call: &'static str },
    Livelock { polls: u64 },
}

impl TaskFailure {
    pub(crate) fn into_error(self, host: &str) -> EngineError {
        let (host, task) = (host.to_owned(), self.task.to_string());
        match self.kind {
            FailureKind::Panicked { message } => EngineError::Panicked {
                host,
                task,
                message,
            },
            FailureKind::BareSpawn { call } => EngineError::BareSpawn { host, task, call },
            FailureKind::Livelock { polls } => EngineError::Livelock { host, polls },
        }
    }
}

/// How often tasks may be polled while simulated time stands still. A 64 MiB transfer over a link
/// without latency stays three orders of magnitude below it.
const POLLS_PER_INSTANT_MAX: u64 = 20_000_000;

/// Every task of every host of one runtime.
pub(crate) struct Tasks {
    slots: Vec<Option<Slot>>,
    free: Vec<usize>,
    /// Woken while their host was paused, in the order of their waking.
    parked: Vec<Arc<TaskWaker>>,
    paused: Vec<HostIndex>,
    queue: Arc<Queue>,
    batch: VecDeque<Ready>,
    foreign: ForeignTasks,
    polls_at_instant: u64,
}

struct Slot {
    life: Life,
    label: Arc<str>,
    future: HostTask,
    handle: Arc<TaskWaker>,
    waker: Waker,
}

/// What is to be done next, in order.
enum Ready {
    Woken(Arc<TaskWaker>),
    Spawned {
        life: Life,
        label: Arc<str>,
        future: HostTask,
    },
}

/// The one queue of a runtime, reached from wakers and spawners.
pub(crate) struct Queue(Mutex<QueueState>);

#[derive(Default)]
struct QueueState {
    ready: VecDeque<Ready>,
    /// Woken when something becomes ready while the engine's future is not being polled.
    engine: Option<Waker>,
}

impl Queue {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::default()))
    }

    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, ready: Ready) {
        let engine = {
            let mut state = self.lock();
            state.ready.push_back(ready);
            state.engine.take()
        };
        if let Some(engine) = engine {
            engine.wake();
        }
    }

    /// Starts a task of `life`; nothing happens when that life is already over.
    pub(crate) fn spawn(&self, life: Life, label: Arc<str>, future: HostTask) {
        self.push(Ready::Spawned {
            life,
            label,
            future,
        });
    }
}

struct TaskWaker {
    slot: usize,
    queued: AtomicBool,
    /// Set when the task is over, so that a late wake cannot reach the slot's next task.
    over: AtomicBool,
    host: HostIndex,
    queue: Arc<Queue>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        if !self.over.load(Ordering::Relaxed) && !self.queued.swap(true, Ordering::Relaxed) {
            let queue = Arc::clone(&self.queue);
            queue.push(Ready::Woken(self));
        }
    }

    fn wake_by_ref(self: &Arc<Self>) {
        Arc::clone(self).wake();
    }
}

impl Tasks {
    /// No tasks but those that `queue` holds already. Must be called inside the runtime that will
    /// poll them.
    pub(crate) fn new(queue: Arc<Queue>) -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            parked: Vec::new(),
            paused: Vec::new(),
            queue,
            batch: VecDeque::new(),
            foreign: ForeignTasks::watch(),
            polls_at_instant: 0,
        }
    }

    pub(crate) fn queue(&self) -> Arc<Queue> {
        Arc::clone(&self.queue)
    }

    /// Polls what is ready now, in order; what becomes ready meanwhile is left for the next batch.
    ///
    /// `alive` tells whether a life still lasts, so that a task spawned by a dying host is dropped.
    pub(crate) fn poll_batch(&mut self, alive: impl Fn(Life) -> bool) -> Batch {
        std::mem::swap(&mut self.batch, &mut self.queue.lock().ready);
        if self.batch.is_empty() {
            return Batch::Idle;
        }
        while let Some(ready) = self.batch.pop_front() {
            let handle = match ready {
                Ready::Woken(handle) => handle,
                Ready::Spawned {
                    life,
                    label,
                    future,
                } => {
                    if !alive(life) {
                        continue;
                    }
                    self.insert(life, label, future)
                }
            };
            if let Err(failure) = self.poll_task(handle) {
                return Batch::Failed(failure);
            }
        }
        Batch::Polled
    }

    /// Simulated time has moved on: the count against livelock starts again.
    pub(crate) fn time_passed(&mut self) {
        self.polls_at_instant = 0;
    }

    /// Asks for `engine` to be woken once something becomes ready; whether something already is.
    pub(crate) fn register(&self, engine: &Waker) -> bool {
        let mut state = self.queue.lock();
        if state.ready.is_empty() {
            state.engine = Some(engine.clone());
            false
        } else {
            true
        }
    }

    /// Stops polling the tasks of `host`.
    pub(crate) fn pause(&mut self, host: HostIndex) {
        if !self.paused.contains(&host) {
            self.paused.push(host);
        }
    }

    /// Polls the tasks of `host` again, first those that were woken meanwhile.
    pub(crate) fn resume(&mut self, host: HostIndex) {
        self.paused.retain(|it| *it != host);
        let (woken, parked) = std::mem::take(&mut self.parked)
            .into_iter()
            .partition(|handle| handle.host == host);
        self.parked = parked;
        for handle in woken {
            self.queue.push(Ready::Woken(handle));
        }
    }

    /// Drops every task of `host`, in the order of their slots.
    pub(crate) fn drop_host(&mut self, host: HostIndex) {
        self.paused.retain(|it| *it != host);
        self.parked.retain(|handle| handle.host != host);
        let mut over = Vec::new();
        for (index, slot) in self.slots.iter_mut().enumerate() {
            if slot.as_ref().is_some_and(|it| it.life.host == host) {
                over.extend(slot.take());
                self.free.push(index);
            }
        }
        for slot in over {
            slot.handle.over.store(true, Ordering::Relaxed);
            // What a destructor throws cannot matter any more: the host is gone.
            drop(catch_unwind(AssertUnwindSafe(|| drop(slot))));
        }
    }

    fn insert(&mut self, life: Life, label: Arc<str>, future: HostTask) -> Arc<TaskWaker> {
        let slot = self.free.pop().unwrap_or(self.slots.len());
        let handle = Arc::new(TaskWaker {
            slot,
            queued: AtomicBool::new(true),
            over: AtomicBool::new(false),
            host: life.host,
            queue: Arc::clone(&self.queue),
        });
        let filled = Some(Slot {
            life,
            label,
            future,
            handle: Arc::clone(&handle),
            waker: Waker::from(Arc::clone(&handle)),
        });
        if slot == self.slots.len() {
            self.slots.push(filled);
        } else {
            self.slots[slot] = filled;
        }
        handle
    }

    fn poll_task(&mut self, handle: Arc<TaskWaker>) -> Result<(), TaskFailure> {
        if handle.over.load(Ordering::Relaxed) {
            return Ok(());
        }
        if self.paused.contains(&handle.host) {
            self.parked.push(handle);
            return Ok(());
        }
        handle.queued.store(false, Ordering::Relaxed);
        self.polls_at_instant += 1;
        let index = handle.slot;
        let slot = self.slots[index]
            .as_mut()
            .expect("a live handle has a slot");
        let mut cx = Context::from_waker(&slot.waker);
        let polled = catch_unwind(AssertUnwindSafe(|| slot.future.as_mut().poll(&mut cx)));
        let kind = match (&polled, self.foreign.started()) {
            (Err(_), _) => None,
            (Ok(_), Some(call)) => Some(FailureKind::BareSpawn { call }),
            (Ok(_), None) if self.polls_at_instant > POLLS_PER_INSTANT_MAX => {
                Some(FailureKind::Livelock {
                    polls: self.polls_at_instant,
                })
            }
            (Ok(Poll::Pending), None) => return Ok(()),
            (Ok(Poll::Ready(())), None) => None,
        };
        let over = self.slots[index].take().expect("it was polled just now");
        self.free.push(index);
        over.handle.over.store(true, Ordering::Relaxed);
        let kind = match (kind, polled) {
            (Some(kind), _) => kind,
            (None, Err(payload)) => FailureKind::Panicked {
                message: panic_message(payload.as_ref()),
            },
            (None, Ok(_)) => return Ok(()),
        };
        Err(TaskFailure {
            host: over.life.host,
            task: over.label,
            kind,
        })
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        // Slot by slot, so that destructors run in an order that the run determines.
        for slot in &mut self.slots {
            if let Some(slot) = slot.take() {
                slot.handle.over.store(true, Ordering::Relaxed);
                drop(catch_unwind(AssertUnwindSafe(|| drop(slot))));
            }
        }
    }
}

/// What a panic said.
pub(crate) fn panic_message(payload: &(dyn Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}

/// Notices what was started on the runtime by others than a host's spawner.
struct ForeignTasks {
    metrics: tokio::runtime::RuntimeMetrics,
    spawned: u64,
}

impl ForeignTasks {
    fn watch() -> Self {
        let metrics = tokio::runtime::Handle::current().metrics();
        let spawned = metrics.spawned_tasks_count();
        Self { metrics, spawned }
    }

    /// What was called, when something was.
    fn started(&self) -> Option<&'static str> {
        if self.metrics.spawned_tasks_count() != self.spawned {
            Some("tokio::spawn")
        } else if self.metrics.num_blocking_threads() != 0 {
            Some("tokio::task::spawn_blocking")
        } else {
            None
        }
    }
}

/// One host's right to start tasks, for one life.
pub(crate) struct HostSpawner {
    pub(crate) life: Life,
    pub(crate) label: Arc<str>,
    pub(crate) queue: Arc<Queue>,
}

impl Spawn for HostSpawner {
    fn spawn(&self, task: HostTask) {
        self.queue.spawn(self.life, Arc::clone(&self.label), task);
    }
}

#[cfg(test)]
mod tests;
