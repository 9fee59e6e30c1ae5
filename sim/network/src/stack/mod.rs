//! One host's network stack: TCP behind a firewall.

mod config;
mod endpoint;
mod event;
mod opening;
mod output;
mod ports;
mod receive;
mod rto;
mod segment;
mod send;
mod socket;
mod timer;
mod turn;

use std::collections::BTreeMap;
use std::net::SocketAddrV4;
use std::task::{Context, Poll};

use bytes::BufMut;

use crate::error::SocketError;
use crate::firewall::{Decision, Direction, Firewall, Outcome};
use crate::packet::{Packet, Transport, Unreachable};
use crate::random::derive;
use crate::slots::Slot;
use crate::time::SimTime;

pub use config::{LOCAL_NETWORK, StackConfig};
use endpoint::Endpoint;
pub use event::{Phase, Role, StackEvent, Way};
use output::Ack;
use send::Fin;
use socket::State;

/// Names one connection of one stack; never reused, not even after a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId(Slot);

impl SocketId {
    const NONE: Self = Self(Slot::NONE);
}

/// Names one listener of one stack; never reused, not even after a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListenerId(Slot);

/// What the incoming rules made of a packet.
#[derive(Debug)]
pub(crate) enum Admission {
    /// It is to be delivered now.
    Pass(Packet),
    /// It will be delivered later.
    Held(Packet),
    Stopped,
}

/// One host's TCP and firewall, without I/O and without a clock.
///
/// The methods are of four kinds, as in quinn:
/// - *commands* from the application: [`listen`](Self::listen), [`connect`](Self::connect),
///   [`shutdown`](Self::shutdown), [`close`](Self::close) and the `poll_` calls with a `Context`;
/// - *inputs* from the world: [`handle_packet`](Self::handle_packet),
///   [`handle_no_host`](Self::handle_no_host) and [`handle_timeout`](Self::handle_timeout);
/// - *outputs*: after every command and input, drain [`poll_transmit`](Self::poll_transmit) and
///   [`poll_event`](Self::poll_event), then ask [`poll_timeout`](Self::poll_timeout);
/// - getters.
///
/// `now` must never go back. Wakers are woken inside the call that makes their task ready.
#[derive(Debug)]
pub struct Stack {
    endpoint: Endpoint,
    firewall: Firewall,
    /// Packets that a rule holds back: past their chain, not yet past the wait.
    held: BTreeMap<(SimTime, u64), (Direction, Packet)>,
    held_count: u64,
}

impl Stack {
    /// A host that has just booted. `seed` determines its ports and sequence numbers.
    #[must_use]
    pub fn new(config: StackConfig, seed: u64) -> Self {
        let seed = derive(seed, &config.name);
        let firewall = Firewall::for_host(&config.name, config.address, seed);
        Self {
            endpoint: Endpoint::new(config, seed),
            firewall,
            held: BTreeMap::new(),
            held_count: 0,
        }
    }

    /// What the stack was made with.
    #[must_use]
    pub const fn config(&self) -> &StackConfig {
        self.endpoint.config()
    }

    /// The host's firewall.
    #[must_use]
    pub const fn firewall(&self) -> &Firewall {
        &self.firewall
    }

    /// The host's firewall, to change its rules.
    pub const fn firewall_mut(&mut self) -> &mut Firewall {
        &mut self.firewall
    }

    /// How many connections exist, those in `TIME_WAIT` and those nobody owns included.
    #[must_use]
    pub fn socket_count(&self) -> usize {
        self.endpoint.socket_count()
    }

    /// How many segments were sent again: SYNs, SYN-ACKs, data and FINs, but not window probes.
    #[must_use]
    pub const fn retransmissions(&self) -> u64 {
        self.endpoint.outbox.retransmissions
    }

    /// Starts to listen on `port`, 0 for a dynamic one, with room for `backlog` connections (at
    /// least 1) that are being opened or wait to be accepted.
    ///
    /// # Errors
    /// [`SocketError::AddrInUse`] when something listens on the port or an outgoing connection
    /// holds it (row 12 of the failure table).
    pub fn listen(&mut self, port: u16, backlog: usize) -> Result<ListenerId, SocketError> {
        self.endpoint.listen(port, backlog)
    }

    /// The port listened on; none when the listener is closed.
    #[must_use]
    pub fn listener_port(&self, id: ListenerId) -> Option<u16> {
        self.endpoint.listener_port(id)
    }

    /// Stops listening; connections that nobody accepted are reset.
    pub fn close_listener(&mut self, now: SimTime, id: ListenerId) {
        self.endpoint.close_listener(now, id);
    }

    /// The next connection, in the order in which they were established.
    ///
    /// # Errors
    /// [`SocketError::NotConnected`] when the listener is closed or was lost in a crash.
    pub fn poll_accept(
        &mut self,
        id: ListenerId,
        cx: &mut Context<'_>,
    ) -> Poll<Result<SocketId, SocketError>> {
        self.endpoint.poll_accept(id, cx)
    }

    /// Starts to open a connection and sends its first SYN. The source port is drawn from the
    /// profile's range (ET-10); `source_port` is for hosts that deliberately do otherwise.
    ///
    /// Outside [`LOCAL_NETWORK`] nothing is sent, and [`poll_connected`](Self::poll_connected) has
    /// the error at once.
    ///
    /// # Errors
    /// [`SocketError::AddrNotAvailable`] when no port is left towards `remote`.
    pub fn connect(
        &mut self,
        now: SimTime,
        remote: SocketAddrV4,
        source_port: Option<u16>,
    ) -> Result<SocketId, SocketError> {
        self.endpoint.connect(now, remote, source_port)
    }

    /// Ready once the opening has succeeded or failed.
    ///
    /// # Errors
    /// Why the opening failed: refused, timed out, host or network unreachable.
    pub fn poll_connected(
        &mut self,
        id: SocketId,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), SocketError>> {
        let Some(socket) = self.endpoint.socket_mut(id) else {
            return Poll::Ready(Err(SocketError::NotConnected));
        };
        match socket.state {
            State::SynSent | State::SynReceived => {
                socket.writer = Some(cx.waker().clone());
                Poll::Pending
            }
            State::Closed => Poll::Ready(Err(socket
                .error
                .take()
                .unwrap_or(SocketError::NotConnected))),
            State::Established
            | State::FinWait1
            | State::FinWait2
            | State::CloseWait
            | State::Closing
            | State::LastAck
            | State::TimeWait => Poll::Ready(Ok(())),
        }
    }

    /// Moves received octets into `buffer`; `Ok(0)` is the end of the stream.
    ///
    /// As on Linux, octets that arrived before an error are read first and the error is reported
    /// once.
    ///
    /// # Errors
    /// [`SocketError::Reset`], [`SocketError::TimedOut`], [`SocketError::NotConnected`].
    pub fn poll_read(
        &mut self,
        now: SimTime,
        id: SocketId,
        cx: &mut Context<'_>,
        buffer: &mut impl BufMut,
    ) -> Poll<Result<usize, SocketError>> {
        let Some(socket) = self.endpoint.socket_mut(id) else {
            return Poll::Ready(Err(SocketError::NotConnected));
        };
        if socket.receive.unread() > 0 {
            let count = socket.receive.read(buffer);
            let open = matches!(
                socket.state,
                State::Established | State::FinWait1 | State::FinWait2
            );
            if open && socket.receive.window_update_due(socket.send.mss) {
                self.endpoint.with_socket(now, id, output::send_ack);
            }
            return Poll::Ready(Ok(count));
        }
        if socket.receive.finished || !buffer.has_remaining_mut() {
            return Poll::Ready(Ok(0));
        }
        if let Some(error) = socket.error.take() {
            return Poll::Ready(Err(error));
        }
        if socket.state == State::Closed {
            return Poll::Ready(Ok(0));
        }
        socket.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Queues octets and sends what the peer's window admits; says how many were taken, which may
    /// be fewer than offered.
    ///
    /// As on Linux, the first write after the peer has closed succeeds and a later one fails.
    ///
    /// # Errors
    /// [`SocketError::BrokenPipe`] after [`shutdown`](Self::shutdown) or once the end of the
    /// connection has been reported; else as [`poll_read`](Self::poll_read).
    pub fn poll_write(
        &mut self,
        now: SimTime,
        id: SocketId,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<Result<usize, SocketError>> {
        let Some(socket) = self.endpoint.socket_mut(id) else {
            return Poll::Ready(Err(SocketError::NotConnected));
        };
        if let Some(error) = socket.error.take() {
            return Poll::Ready(Err(error));
        }
        if socket.state == State::Closed || socket.send.fin != Fin::Open {
            return Poll::Ready(Err(SocketError::BrokenPipe));
        }
        let opening = matches!(socket.state, State::SynSent | State::SynReceived);
        if opening || socket.send.free() == 0 {
            socket.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let taken = self.endpoint.with_socket(now, id, |socket, turn| {
            let taken = socket.send.push(octets);
            output::transmit(socket, turn, Ack::NotNeeded);
            taken
        });
        Poll::Ready(taken.ok_or(SocketError::NotConnected))
    }

    /// Closes this end's direction: FIN follows the queued octets, reading goes on.
    ///
    /// # Errors
    /// [`SocketError::NotConnected`] when the connection is gone or was never there.
    pub fn shutdown(&mut self, now: SimTime, id: SocketId) -> Result<(), SocketError> {
        self.endpoint
            .with_socket(now, id, |socket, turn| {
                if matches!(
                    socket.state,
                    State::Closed | State::SynSent | State::SynReceived
                ) {
                    return Err(SocketError::NotConnected);
                }
                socket.close_sending();
                output::transmit(socket, turn, Ack::NotNeeded);
                Ok(())
            })
            .unwrap_or(Err(SocketError::NotConnected))
    }

    /// The application drops the connection: FIN after the queued octets, or RST when received
    /// octets were not read. A connection that is still being opened vanishes without a word.
    ///
    /// The id is dead afterwards; closing a dead id does nothing.
    pub fn close(&mut self, now: SimTime, id: SocketId) {
        self.endpoint.close(now, id);
    }

    /// The application ends the connection at once: RST, whatever is queued or unread, as with
    /// `SO_LINGER` of zero.
    ///
    /// The id is dead afterwards; aborting a dead id does nothing.
    pub fn abort(&mut self, now: SimTime, id: SocketId) {
        self.endpoint.abort(now, id);
    }

    /// This end of the connection.
    #[must_use]
    pub fn local_address(&self, id: SocketId) -> Option<SocketAddrV4> {
        self.endpoint.socket(id).map(|socket| socket.local)
    }

    /// The other end of the connection.
    #[must_use]
    pub fn remote_address(&self, id: SocketId) -> Option<SocketAddrV4> {
        self.endpoint.socket(id).map(|socket| socket.remote)
    }

    /// A packet has reached the host.
    pub fn handle_packet(&mut self, now: SimTime, packet: Packet) {
        if let Admission::Pass(packet) = self.admit(now, packet) {
            self.deliver(now, &packet);
        }
    }

    /// The driver found no host with the address that `packet`, from
    /// [`poll_transmit`](Self::poll_transmit), goes to.
    ///
    /// As Linux does when ARP fails, the stack reports its own packet to itself as unreachable once
    /// [`Profile::arp_failure`](crate::Profile::arp_failure) has passed, and a connect fails with
    /// the first report. A host that exists and is down is not a case of this: it is silent.
    pub fn handle_no_host(&mut self, now: SimTime, packet: &Packet) {
        let own = self.config().address;
        if let Some(wait) = self.config().profile.arp_failure()
            && let Some(report) = packet.unreachable_answer(own, Unreachable::Host)
        {
            self.hold(now + wait, Direction::In, report);
        }
    }

    /// Takes a packet through the host's incoming rules.
    pub(crate) fn admit(&mut self, now: SimTime, packet: Packet) -> Admission {
        let decision = self.firewall.inspect(now, Direction::In, packet);
        if decision.is_plain()
            && let Outcome::Pass(packet) = decision.outcome
        {
            return Admission::Pass(packet);
        }
        self.carry_out(now, Direction::In, decision)
    }

    fn carry_out(&mut self, now: SimTime, direction: Direction, decision: Decision) -> Admission {
        let mut admission = Admission::Stopped;
        if let Some(blocked) = decision.blocked {
            self.endpoint.outbox.events.push_back(StackEvent::Blocked {
                direction,
                fate: blocked.fate,
                rule: blocked.rule,
                packet: blocked.packet,
            });
        }
        let passed = match decision.outcome {
            Outcome::Pass(packet) => Some((packet, now)),
            Outcome::Hold(packet, wait) => Some((packet, now + wait)),
            Outcome::Stop => None,
        };
        if let Some((packet, until)) = passed {
            admission = Admission::Held(packet.clone());
            self.hold(until, direction, packet);
        }
        for answer in decision.answers {
            self.answer(now, answer);
        }
        admission
    }

    /// The firewall's own packets bypass its rules; those for this host never leave it.
    fn answer(&mut self, now: SimTime, answer: Packet) {
        let own = answer.destination == self.config().address;
        self.hold(
            now,
            if own { Direction::In } else { Direction::Out },
            answer,
        );
    }

    fn hold(&mut self, until: SimTime, direction: Direction, packet: Packet) {
        self.held
            .insert((until, self.held_count), (direction, packet));
        self.held_count += 1;
    }

    /// Hands a packet that has passed the rules to TCP.
    pub(crate) fn deliver(&mut self, now: SimTime, packet: &Packet) {
        match &packet.transport {
            Transport::Tcp(segment) => self.endpoint.on_segment(now, packet, segment),
            Transport::Icmp(icmp) => self.endpoint.on_icmp(now, icmp),
        }
    }

    /// Time has come to [`poll_timeout`](Self::poll_timeout)'s answer; early calls do nothing.
    pub fn handle_timeout(&mut self, now: SimTime) {
        self.endpoint.handle_timeout(now);
        for answer in self.firewall.handle_timeout(now) {
            self.answer(now, answer);
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    pub fn poll_timeout(&mut self) -> Option<SimTime> {
        let exact = self.endpoint.poll_timeout();
        self.earliest(exact)
    }

    /// Not later than [`poll_timeout`](Self::poll_timeout)'s answer, and cheaper.
    pub(crate) fn timeout_bound(&self) -> Option<SimTime> {
        self.earliest(self.endpoint.timeout_bound())
    }

    fn earliest(&self, endpoint: Option<SimTime>) -> Option<SimTime> {
        let held = self.held.first_key_value().map(|(&(at, _), _)| at);
        let firewall = self.firewall.poll_timeout();
        [endpoint, held, firewall].into_iter().flatten().min()
    }

    /// The next packet to put on the wire: past the host's own rules.
    pub fn poll_transmit(&mut self, now: SimTime) -> Option<Packet> {
        loop {
            if let Some(packet) = self.endpoint.outbox.packets.pop_front() {
                let decision = self.firewall.inspect(now, Direction::Out, packet);
                if decision.is_plain()
                    && let Outcome::Pass(packet) = decision.outcome
                {
                    return Some(packet);
                }
                self.carry_out(now, Direction::Out, decision);
                continue;
            }
            let entry = self
                .held
                .first_entry()
                .filter(|entry| entry.key().0 <= now)?;
            let (direction, packet) = entry.remove();
            if direction == Direction::Out {
                return Some(packet);
            }
            self.deliver(now, &packet);
        }
    }

    /// The next thing that happened, in order.
    pub fn poll_event(&mut self) -> Option<StackEvent> {
        self.endpoint.outbox.events.pop_front()
    }

    /// The host loses its memory: sockets, listeners and connection tracking vanish without a
    /// packet and without waking anybody; the rules stay. Later packets meet a host that knows
    /// nothing of them.
    pub fn crash(&mut self) {
        self.endpoint.crash();
        self.firewall.forget_flows();
        self.held.clear();
    }
}
