//! The TCP of one host: sockets, listeners and who gets which segment.

use std::collections::VecDeque;
use std::hash::{BuildHasher, Hasher};
use std::net::SocketAddrV4;
use std::task::{Context, Poll, Waker};

use indexmap::IndexMap;

use super::opening;
use super::output::{self, Ack};
use super::ports::Ports;
use super::segment;
use super::socket::{Ends, Owner, Socket, State};
use super::timer::Timers;
use super::turn::{Outbox, Turn};
use super::{ListenerId, Phase, Role, SocketId, StackConfig};
use crate::error::SocketError;
use crate::hash::FixedState;
use crate::packet::{IcmpError, Packet, Sequence, TcpSegment};
use crate::random::{Stream, derive};
use crate::slots::Slots;
use crate::time::SimTime;

#[derive(Debug)]
pub(super) struct Endpoint {
    config: StackConfig,
    sockets: Slots<Box<Socket>>,
    by_ends: IndexMap<u64, SocketId, FixedState>,
    listeners: Slots<Backlog>,
    by_port: IndexMap<u16, ListenerId, FixedState>,
    ports: Ports,
    timers: Timers,
    /// The secret of [`Endpoint::initial_sequence`].
    sequence_secret: u64,
    pub(super) outbox: Outbox,
}

/// A listening port and the connections that wait to be accepted.
#[derive(Debug)]
struct Backlog {
    port: u16,
    limit: usize,
    /// Handshakes under way and connections in `ready`.
    pending: usize,
    ready: VecDeque<SocketId>,
    waker: Option<Waker>,
}

/// One step of the clock of initial sequence numbers. They outrun a connection of 4 MB/s and stay
/// ahead of an old one for 537 s, longer than every profile's `TIME_WAIT`; Linux counts in 64 ns
/// and leaves the rest to timestamps, which are not modelled.
const SEQUENCE_TICK_NANOSECONDS: u64 = 250;

/// Local port, remote address and remote port in one word.
fn key(local_port: u16, remote: SocketAddrV4) -> u64 {
    (u64::from(local_port) << 48)
        | (u64::from(remote.ip().to_bits()) << 16)
        | u64::from(remote.port())
}

impl Endpoint {
    pub(super) fn new(config: StackConfig, seed: u64) -> Self {
        let ports = Ports::new(
            config.profile.ports(),
            Stream::labelled(seed, "source-port"),
        );
        Self {
            config,
            sockets: Slots::new(),
            by_ends: IndexMap::default(),
            listeners: Slots::new(),
            by_port: IndexMap::default(),
            ports,
            timers: Timers::default(),
            sequence_secret: derive(seed, "initial-sequence"),
            outbox: Outbox::default(),
        }
    }

    pub(super) const fn config(&self) -> &StackConfig {
        &self.config
    }

    pub(super) fn socket_count(&self) -> usize {
        self.sockets.len()
    }

    pub(super) fn listen(&mut self, port: u16, limit: usize) -> Result<ListenerId, SocketError> {
        let port = if port == 0 {
            let by_port = &self.by_port;
            self.ports.choose_free(|port| by_port.contains_key(&port))?
        } else {
            port
        };
        if self.by_port.contains_key(&port) || self.ports.is_held(port) {
            return Err(SocketError::AddrInUse);
        }
        let backlog = Backlog {
            port,
            limit: limit.max(1),
            pending: 0,
            ready: VecDeque::new(),
            waker: None,
        };
        let id = ListenerId(self.listeners.insert(backlog));
        self.by_port.insert(port, id);
        Ok(id)
    }

    pub(super) fn listener_port(&self, id: ListenerId) -> Option<u16> {
        self.listeners.peek(id.0).map(|backlog| backlog.port)
    }

    /// Closes a listener; connections that nobody accepted are reset, as on Linux.
    pub(super) fn close_listener(&mut self, now: SimTime, id: ListenerId) {
        let Some(backlog) = self.listeners.remove(id.0) else {
            return;
        };
        self.by_port.swap_remove(&backlog.port);
        for socket in backlog.ready {
            self.with_socket(now, socket, |socket, turn| {
                output::send_reset(socket, turn);
                socket.owner = Owner::Nobody;
                socket.end(turn, Phase::Closed, None);
            });
        }
        // Handshakes under way find their listener gone when they complete.
    }

    pub(super) fn poll_accept(
        &mut self,
        id: ListenerId,
        cx: &Context<'_>,
    ) -> Poll<Result<SocketId, SocketError>> {
        let Some(backlog) = self.listeners.peek_mut(id.0) else {
            return Poll::Ready(Err(SocketError::NotConnected));
        };
        let Some(socket) = backlog.ready.pop_front() else {
            backlog.waker = Some(cx.waker().clone());
            return Poll::Pending;
        };
        backlog.pending -= 1;
        if let Some(accepted) = self.sockets.peek_mut(socket.0) {
            accepted.owner = Owner::Application;
        }
        Poll::Ready(Ok(socket))
    }

    pub(super) fn connect(
        &mut self,
        now: SimTime,
        remote: SocketAddrV4,
        source_port: Option<u16>,
    ) -> Result<SocketId, SocketError> {
        let by_ends = &self.by_ends;
        let taken = |port| by_ends.contains_key(&key(port, remote));
        let port = if let Some(port) = source_port {
            Some(port).filter(|&port| !taken(port))
        } else {
            let by_port = &self.by_port;
            self.ports
                .choose(|port| taken(port) || by_port.contains_key(&port))
        };
        let port = port.ok_or(SocketError::AddrNotAvailable)?;
        self.ports.hold(port);
        let local = SocketAddrV4::new(self.config.address, port);
        let ends = Ends {
            local,
            remote,
            role: Role::Opener,
        };
        let id = self.insert(now, ends, Owner::Application);
        self.with_socket(now, id, |socket, turn| {
            opening::open(socket, turn);
        });
        Ok(id)
    }

    /// A clock plus a hash of the two ends and a secret (RFC 6528): numbers of a pair of ends only
    /// rise, so that a SYN from a dynamic port that was used a moment ago ends `TIME_WAIT`.
    fn initial_sequence(&self, now: SimTime, ends: &Ends) -> Sequence {
        let mut hasher = FixedState.build_hasher();
        hasher.write_u64(self.sequence_secret);
        hasher.write_u32(ends.local.ip().to_bits());
        hasher.write_u64(key(ends.local.port(), ends.remote));
        let ticks = now.as_nanos() / SEQUENCE_TICK_NANOSECONDS;
        Sequence((hasher.finish() as u32).wrapping_add(ticks as u32))
    }

    fn insert(&mut self, now: SimTime, ends: Ends, owner: Owner) -> SocketId {
        let iss = self.initial_sequence(now, &ends);
        let turn = Turn {
            now,
            config: &self.config,
            outbox: &mut self.outbox,
        };
        // The id is known only once the socket is in its slot.
        let socket = Socket::new(SocketId::NONE, ends, owner, iss, &turn);
        let id = SocketId(self.sockets.insert(Box::new(socket)));
        if let Some(socket) = self.sockets.peek_mut(id.0) {
            socket.id = id;
        }
        self.by_ends.insert(key(ends.local.port(), ends.remote), id);
        id
    }

    /// Lets `act` work on a socket, then draws the consequences; none when the socket is gone.
    pub(super) fn with_socket<T>(
        &mut self,
        now: SimTime,
        id: SocketId,
        act: impl FnOnce(&mut Socket, &mut Turn<'_>) -> T,
    ) -> Option<T> {
        let socket = self.sockets.peek_mut(id.0)?;
        let before = socket.state;
        let mut turn = Turn {
            now,
            config: &self.config,
            outbox: &mut self.outbox,
        };
        let result = act(socket, &mut turn);
        self.timers.arm(id, socket);
        if before == State::SynReceived && socket.state != State::SynReceived {
            self.leave_handshake(now, id);
        }
        self.remove_if_over(id);
        Some(result)
    }

    pub(super) fn socket_mut(&mut self, id: SocketId) -> Option<&mut Socket> {
        self.sockets.peek_mut(id.0).map(Box::as_mut)
    }

    pub(super) fn socket(&self, id: SocketId) -> Option<&Socket> {
        self.sockets.peek(id.0).map(Box::as_ref)
    }

    /// A handshake of an acceptor ended, well or not: its listener must know.
    fn leave_handshake(&mut self, now: SimTime, id: SocketId) {
        let Some(socket) = self.sockets.peek_mut(id.0) else {
            return;
        };
        let Owner::Backlog(listener) = socket.owner else {
            return;
        };
        let failed = socket.state == State::Closed;
        if let Some(backlog) = self.listeners.peek_mut(listener.0) {
            if failed {
                backlog.pending -= 1;
            } else {
                backlog.ready.push_back(id);
                if let Some(waker) = backlog.waker.take() {
                    waker.wake();
                }
                return;
            }
        }
        socket.owner = Owner::Nobody;
        if !failed {
            let mut turn = Turn {
                now,
                config: &self.config,
                outbox: &mut self.outbox,
            };
            output::send_reset(socket, &mut turn);
            socket.end(&mut turn, Phase::Closed, None);
        }
    }

    /// Frees what a finished socket holds: its ends at once, itself when no owner will ask for it.
    fn remove_if_over(&mut self, id: SocketId) {
        let Some(socket) = self.sockets.peek_mut(id.0) else {
            return;
        };
        if socket.state != State::Closed {
            return;
        }
        let ends = key(socket.local.port(), socket.remote);
        let (role, port, owner) = (socket.role, socket.local.port(), socket.owner);
        if self.by_ends.get(&ends) == Some(&id) {
            self.by_ends.swap_remove(&ends);
            if role == Role::Opener {
                self.ports.release(port);
            }
        }
        if owner == Owner::Nobody {
            self.sockets.remove(id.0);
        }
    }

    /// The application lets go of the socket.
    pub(super) fn close(&mut self, now: SimTime, id: SocketId) {
        self.with_socket(now, id, |socket, turn| {
            socket.owner = Owner::Nobody;
            socket.reader = None;
            socket.writer = None;
            match socket.state {
                State::Closed | State::TimeWait => {}
                // Nothing is established, so there is nobody to tell.
                State::SynSent => socket.end(turn, Phase::Closed, None),
                State::SynReceived
                | State::Established
                | State::FinWait1
                | State::FinWait2
                | State::CloseWait
                | State::Closing
                | State::LastAck => {
                    if socket.receive.unread() > 0 || socket.state == State::SynReceived {
                        // RFC 1122 4.2.2.13: unread octets are lost, which the peer must learn.
                        output::send_reset(socket, turn);
                        socket.end(turn, Phase::Closed, None);
                    } else {
                        socket.close_sending();
                        output::transmit(socket, turn, Ack::NotNeeded);
                        socket.limit_fin_wait_2(turn);
                    }
                }
            }
        });
    }

    /// The application ends the connection with a reset.
    pub(super) fn abort(&mut self, now: SimTime, id: SocketId) {
        self.with_socket(now, id, |socket, turn| {
            socket.owner = Owner::Nobody;
            socket.reader = None;
            socket.writer = None;
            if !matches!(
                socket.state,
                State::Closed | State::TimeWait | State::SynSent
            ) {
                output::send_reset(socket, turn);
            }
            if socket.state != State::Closed {
                socket.end(turn, Phase::Closed, None);
            }
        });
    }

    pub(super) fn on_segment(&mut self, now: SimTime, packet: &Packet, segment: &TcpSegment) {
        let ends = key(segment.destination_port, packet.source_socket());
        if let Some(&id) = self.by_ends.get(&ends)
            && !self.yields_to_new(now, id, segment)
        {
            self.with_socket(now, id, |socket, turn| {
                segment::on_segment(socket, turn, segment);
            });
            return;
        }
        if segment.flags.syn() && !segment.flags.ack() && !segment.flags.rst() {
            self.on_syn(now, packet, segment);
        } else {
            self.refuse(packet, segment);
        }
    }

    /// A new SYN beyond the old sequence numbers ends `TIME_WAIT` early (RFC 9293 3.10.7.4).
    fn yields_to_new(&mut self, now: SimTime, id: SocketId, segment: &TcpSegment) -> bool {
        let listens = self.by_port.contains_key(&segment.destination_port);
        let yields = self.socket(id).is_some_and(|socket| {
            socket.state == State::TimeWait
                && listens
                && segment.flags.syn()
                && !segment.flags.ack()
                && segment.sequence.is_after(socket.receive.nxt)
        });
        if yields {
            self.with_socket(now, id, |socket, _| {
                socket.state = State::Closed;
                socket.linger_until = None;
            });
        }
        yields
    }

    fn on_syn(&mut self, now: SimTime, packet: &Packet, segment: &TcpSegment) {
        let Some(&listener) = self.by_port.get(&segment.destination_port) else {
            self.refuse(packet, segment);
            return;
        };
        let Some(backlog) = self.listeners.peek_mut(listener.0) else {
            return;
        };
        if backlog.pending >= backlog.limit {
            // Section 8.6: Windows resets, unless stealth hides it; Linux stays silent.
            if self.config.profile.full_backlog_resets() && !self.config.stealth {
                self.reset(packet);
            }
            return;
        }
        backlog.pending += 1;
        let ends = Ends {
            local: packet.destination_socket(),
            remote: packet.source_socket(),
            role: Role::Acceptor,
        };
        let id = self.insert(now, ends, Owner::Backlog(listener));
        self.with_socket(now, id, |socket, turn| {
            opening::accept_syn(socket, turn, segment);
        });
    }

    /// A segment for which there is no connection. A stealth host says nothing where nothing
    /// listens (section 8.4: it can withhold the RST only "when no listener remains").
    fn refuse(&mut self, packet: &Packet, segment: &TcpSegment) {
        let listens = self.by_port.contains_key(&segment.destination_port);
        if !self.config.stealth || listens {
            self.reset(packet);
        }
    }

    fn reset(&mut self, packet: &Packet) {
        if let Some(answer) = packet.reset_answer() {
            self.outbox.send(answer);
        }
    }

    pub(super) fn on_icmp(&mut self, now: SimTime, icmp: &IcmpError) {
        if let Some(&id) = self.by_ends.get(&key(icmp.source.port(), icmp.destination)) {
            self.with_socket(now, id, |socket, turn| opening::on_icmp(socket, turn, icmp));
        }
    }

    pub(super) fn timeout_bound(&self) -> Option<SimTime> {
        self.timers.bound()
    }

    pub(super) fn poll_timeout(&mut self) -> Option<SimTime> {
        self.timers.next(&mut self.sockets).map(|(at, _)| at)
    }

    /// Fires every timer due at `now`.
    pub(super) fn handle_timeout(&mut self, now: SimTime) {
        while let Some((at, id)) = self.timers.next(&mut self.sockets) {
            if at > now {
                return;
            }
            self.timers.pop(self.sockets.peek_mut(id.0));
            self.with_socket(now, id, on_timer);
        }
    }

    /// All memory is lost; ids given out before are dead.
    pub(super) fn crash(&mut self) {
        self.sockets.clear();
        self.listeners.clear();
        self.by_ends.clear();
        self.by_port.clear();
        self.ports.clear();
        self.timers.clear();
        self.outbox.packets.clear();
    }
}

fn on_timer(socket: &mut Socket, turn: &mut Turn<'_>) {
    if socket.linger_until.is_some_and(|until| until <= turn.now) {
        socket.linger_until = None;
        if socket.state == State::FinWait2 {
            turn.phase(socket, Phase::Closed);
        }
        socket.state = State::Closed;
        return;
    }
    socket.retransmit_at = None;
    match socket.state {
        State::SynSent => opening::on_syn_timer(socket, turn),
        State::SynReceived => opening::on_syn_ack_timer(socket, turn),
        State::Established
        | State::FinWait1
        | State::CloseWait
        | State::Closing
        | State::LastAck => output::on_timer(socket, turn),
        State::FinWait2 | State::TimeWait | State::Closed => {}
    }
}
