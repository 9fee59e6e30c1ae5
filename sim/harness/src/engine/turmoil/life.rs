//! One life of a host: the software that turmoil runs.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use portcullis_network::SimTime;
use tokio::time::{Instant, Sleep, sleep_until};
use turmoil::net::UdpSocket;

use super::port::{Port, UDP_PORT, sim_elapsed};
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
    pub(super) address: Ipv4Addr,
    pub(super) seat: Seat,
    pub(super) port: Arc<Port>,
    pub(super) clock: Clock,
    pub(super) up: Cell<bool>,
    incarnations: Cell<u32>,
    /// Where the tasks of the current life go.
    queue: RefCell<Arc<Queue>>,
    failure: Rc<RefCell<Option<TaskFailure>>>,
}

impl TurmoilHost {
    pub(super) fn new(
        index: HostIndex,
        address: Ipv4Addr,
        seat: Seat,
        port: Arc<Port>,
        clock: Clock,
        failure: Rc<RefCell<Option<TaskFailure>>>,
    ) -> Self {
        Self {
            index,
            address,
            seat,
            port,
            clock,
            up: Cell::new(false),
            incarnations: Cell::new(0),
            queue: RefCell::new(Queue::new()),
            failure,
        }
    }

    /// The software of the host's next life; its main task is queued already.
    pub(super) fn begin_life(&self) -> impl Future<Output = turmoil::Result> + use<> {
        let queue = Queue::new();
        self.queue.replace(Arc::clone(&queue));
        self.up.set(true);
        let incarnation = self.incarnations.get();
        self.incarnations.set(incarnation + 1);
        let main = self.seat.main(self.node(incarnation));
        queue.spawn(self.life(incarnation), Arc::from("main"), main);
        let (port, clock) = (Arc::clone(&self.port), self.clock.clone());
        let failure = Rc::clone(&self.failure);
        async move {
            let mut software = Software::start(port, clock, queue, failure).await?;
            // Unconstrained: tokio's budget would stop tasks at places that depend on all others.
            tokio::task::coop::unconstrained(poll_fn(|cx| software.poll(cx))).await;
            Ok(())
        }
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

/// The loop of one life: socket, stack and tasks take turns until none has work left.
struct Software {
    // Dropped first, while the socket is still turmoil's.
    tasks: Tasks,
    receiver: Pin<Box<dyn Future<Output = io::Result<()>>>>,
    timer: Pin<Box<Sleep>>,
    port: Arc<Port>,
    clock: Clock,
    failure: Rc<RefCell<Option<TaskFailure>>>,
    _socket: Arc<UdpSocket>,
}

impl Software {
    async fn start(
        port: Arc<Port>,
        clock: Clock,
        queue: Arc<Queue>,
        failure: Rc<RefCell<Option<TaskFailure>>>,
    ) -> io::Result<Self> {
        let socket = Arc::new(UdpSocket::bind((Ipv4Addr::UNSPECIFIED, UDP_PORT)).await?);
        port.connect(&socket);
        Ok(Self {
            tasks: Tasks::new(queue),
            receiver: Box::pin(receive(Arc::clone(&socket), Arc::clone(&port))),
            timer: Box::pin(sleep_until(Instant::now())),
            port,
            clock,
            failure,
            _socket: socket,
        })
    }

    /// Never ready: a life ends by being dropped.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.failure.borrow().is_some() || self.port.is_paused(cx.waker()) {
            return Poll::Pending;
        }
        loop {
            let now = sim_elapsed();
            if now != self.clock.now() {
                self.clock.set(now);
                self.tasks.time_passed();
            }
            let now = SimTime::from(now);
            if !self.settle(now, cx) {
                return Poll::Pending;
            }
            let Some(deadline) = self.port.next_deadline() else {
                return Poll::Pending;
            };
            let deadline = Instant::now() + deadline.since(now);
            self.timer.as_mut().reset(deadline);
            if self.timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// Does all that is to be done now; false when a task has failed, which ends the run.
    fn settle(&mut self, now: SimTime, cx: &mut Context<'_>) -> bool {
        loop {
            // An error would mean that the socket is gone, and with it this life.
            let _gone = self.receiver.as_mut().poll(cx);
            self.port.advance(now);
            let due = || self.port.next_deadline().is_some_and(|due| due <= now);
            if self.port.is_stalled() {
                if due() {
                    continue;
                }
                return true;
            }
            let batch = self.tasks.poll_batch(|_| true);
            if let Batch::Failed(failure) = batch {
                self.failure.replace(Some(failure));
                return false;
            }
            let due = due();
            if matches!(batch, Batch::Idle) && !due && !self.tasks.register(cx.waker()) {
                return true;
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
