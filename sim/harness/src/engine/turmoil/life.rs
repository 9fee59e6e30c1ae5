//! One life of a host: the software that turmoil runs.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};
use turmoil::net::UdpSocket;

use super::port::{Port, UDP_PORT, sim_elapsed};
use super::stage::Stage;
use crate::engine::door::Door;
use crate::engine::journal::Clock;
use crate::engine::seat::Seat;
use crate::engine::spec::{Call, Node};
use crate::engine::tasks::{Batch, HostIndex, Life, Queue, TaskFailure, Tasks};

/// Largest datagram: a packet of 65,535 octets and its number.
const DATAGRAM_MAX: usize = 65_543;

/// What the run keeps of a host from life to life.
pub(super) struct TurmoilHost {
    pub(super) index: HostIndex,
    pub(super) seat: Seat,
    pub(super) port: Arc<Port>,
    pub(super) clock: Clock,
    pub(super) up: Cell<bool>,
    incarnations: Cell<u32>,
    /// Where the tasks of the current life go.
    queue: RefCell<Arc<Queue>>,
    failure: Rc<RefCell<Option<TaskFailure>>>,
    /// The stage keeps its hosts.
    stage: Weak<Stage>,
}

impl TurmoilHost {
    pub(super) fn new(
        index: HostIndex,
        seat: Seat,
        port: Arc<Port>,
        clock: Clock,
        failure: Rc<RefCell<Option<TaskFailure>>>,
        stage: Weak<Stage>,
    ) -> Self {
        Self {
            index,
            seat,
            port,
            clock,
            up: Cell::new(false),
            incarnations: Cell::new(0),
            queue: RefCell::new(Queue::new()),
            failure,
            stage,
        }
    }

    /// Makes ready the host's next life, whose main task is queued already: the host is up.
    pub(super) fn prepare_life(&self) {
        let queue = Queue::new();
        self.queue.replace(Arc::clone(&queue));
        self.up.set(true);
        let incarnation = self.incarnations.get();
        self.incarnations.set(incarnation + 1);
        let main = self.seat.main(self.node(incarnation));
        queue.spawn(self.life(incarnation), Arc::from("main"), main);
    }

    /// The software of the life that was made ready last.
    pub(super) fn begin_life(self: &Rc<Self>) -> impl Future<Output = turmoil::Result> + use<> {
        let host = Rc::clone(self);
        let queue = Arc::clone(&self.queue.borrow());
        async move {
            let mut software = Software::start(host, queue).await?;
            // Unconstrained: tokio's budget would stop tasks at places that depend on all others.
            tokio::task::coop::unconstrained(poll_fn(|cx| software.poll(cx))).await;
            Ok(())
        }
    }

    /// Whether the life with that `queue` is over.
    fn is_over(&self, queue: &Arc<Queue>) -> bool {
        !self.up.get() || !Arc::ptr_eq(&self.queue.borrow(), queue)
    }

    /// Starts `call` as a task of the current life; says why not, if it is refused.
    pub(super) fn call(&self, call: &Call) -> Option<&'static str> {
        let incarnation = self.incarnations.get().saturating_sub(1);
        let task = match (call.run)(self.node(incarnation)) {
            Ok(task) => task,
            Err(why) => return Some(why),
        };
        let label = Arc::from(call.name.as_str());
        self.queue
            .borrow()
            .spawn(self.life(incarnation), label, task);
        None
    }

    fn node(&self, incarnation: u32) -> Node {
        let door = Door::Port(Arc::clone(&self.port));
        self.seat
            .node(incarnation, door, Arc::clone(&self.queue.borrow()))
    }

    const fn life(&self, incarnation: u32) -> Life {
        Life {
            host: self.index,
            incarnation,
        }
    }
}

/// The loop of one life: socket, stack, steps and tasks take turns until none has work left.
struct Software {
    // Dropped first, while the socket is still turmoil's.
    tasks: Tasks,
    receiver: Pin<Box<dyn Future<Output = io::Result<()>>>>,
    timer: Pin<Box<Sleep>>,
    host: Rc<TurmoilHost>,
    queue: Arc<Queue>,
    _socket: Arc<UdpSocket>,
}

/// Whether a life may go on.
enum Settled {
    /// Nothing is left to do at this instant.
    Idle,
    /// It is over, stands still, or has failed.
    Halted,
}

impl Software {
    async fn start(host: Rc<TurmoilHost>, queue: Arc<Queue>) -> io::Result<Self> {
        let socket = Arc::new(UdpSocket::bind((Ipv4Addr::UNSPECIFIED, UDP_PORT)).await?);
        host.port.connect(&socket);
        Ok(Self {
            tasks: Tasks::new(Arc::clone(&queue)),
            receiver: Box::pin(receive(Arc::clone(&socket), Arc::clone(&host.port))),
            timer: Box::pin(sleep_until(Instant::now())),
            host,
            queue,
            _socket: socket,
        })
    }

    /// Never ready: a life ends by being dropped.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_halted(cx) {
            return Poll::Pending;
        }
        loop {
            let now = sim_elapsed();
            if now != self.host.clock.now() {
                self.host.clock.set(now);
                self.tasks.time_passed();
            }
            if let Settled::Halted = self.settle(now, cx) {
                return Poll::Pending;
            }
            let Some(deadline) = self.host.port.next_deadline() else {
                return Poll::Pending;
            };
            let deadline = Instant::now() + deadline.since(now.into());
            self.timer.as_mut().reset(deadline);
            if self.timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }

    fn is_halted(&self, cx: &Context<'_>) -> bool {
        self.host.failure.borrow().is_some()
            || self.host.is_over(&self.queue)
            || self.host.port.is_paused(cx.waker())
    }

    /// Does all that is to be done now.
    fn settle(&mut self, now: Duration, cx: &mut Context<'_>) -> Settled {
        let port = Arc::clone(&self.host.port);
        loop {
            // An error would mean that the socket is gone, and with it this life.
            let _gone = self.receiver.as_mut().poll(cx);
            port.advance(now.into());
            // What follows an event comes before anything else that the host does.
            if let Some(stage) = self.host.stage.upgrade() {
                stage.follow(now);
            }
            if self.is_halted(cx) {
                return Settled::Halted;
            }
            let due = || port.next_deadline().is_some_and(|due| due <= now.into());
            if port.is_stalled() {
                if due() {
                    continue;
                }
                return Settled::Idle;
            }
            let batch = self.tasks.poll_batch(|_| true);
            if let Batch::Failed(failure) = batch {
                self.host.failure.replace(Some(failure));
                return Settled::Halted;
            }
            let due = due();
            if matches!(batch, Batch::Idle) && !due && !self.tasks.register(cx.waker()) {
                return Settled::Idle;
            }
        }
    }
}

/// Hands every datagram that turmoil delivers to the host's port.
async fn receive(socket: Arc<UdpSocket>, port: Arc<Port>) -> io::Result<()> {
    let mut octets = vec![0; DATAGRAM_MAX];
    loop {
        let (length, _) = socket.recv_from(&mut octets).await?;
        if let Some(datagram) = octets.get(..length) {
            port.receive(datagram.to_vec());
        }
    }
}
