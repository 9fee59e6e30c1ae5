//! One host's stack, and how its packets reach turmoil's network.

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Waker;
use std::time::Duration;

use portcullis_network::{Direction, Fate, Packet, SimTime, Stack, StackEvent, Way};
use turmoil::net::UdpSocket;

use super::ether::Ether;
use crate::engine::journal::Clock;
use crate::engine::tap::Ends;
use crate::engine::tasks::HostIndex;

/// The UDP port through which stacks exchange packets.
pub(super) const UDP_PORT: u16 = 4789;

/// Octets before each packet in a datagram: the packet's number.
const NUMBER_LEN: usize = 8;

/// One host's place on turmoil's network.
pub(crate) struct Port {
    host: HostIndex,
    address: Ipv4Addr,
    clock: Clock,
    ether: Arc<Ether>,
    state: Mutex<PortState>,
}

struct PortState {
    stack: Stack,
    /// Owned by the host's current life, so that turmoil sees it dropped with that life.
    socket: Weak<UdpSocket>,
    /// Datagrams that turmoil delivered.
    inbox: VecDeque<Vec<u8>>,
    /// Packets that have come or will come at a time: those that turmoil has delivered, and those
    /// that do not travel over it, which are for this host itself or from middleboxes.
    local: BTreeMap<(SimTime, u64), Packet>,
    /// Packets that a middlebox holds back before they travel.
    held: BTreeMap<(SimTime, u64), (u64, Packet)>,
    paused: bool,
    stalled: bool,
    waker: Option<Waker>,
}

impl Port {
    pub(super) fn new(
        host: HostIndex,
        address: Ipv4Addr,
        clock: Clock,
        ether: Arc<Ether>,
        stack: Stack,
    ) -> Self {
        let state = PortState {
            stack,
            socket: Weak::new(),
            inbox: VecDeque::new(),
            local: BTreeMap::new(),
            held: BTreeMap::new(),
            paused: false,
            stalled: false,
            waker: None,
        };
        Self {
            host,
            address,
            clock,
            ether,
            state: Mutex::new(state),
        }
    }

    fn lock(&self) -> MutexGuard<'_, PortState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes one call on the stack and carries out what it caused.
    pub(crate) fn with_stack<R>(&self, call: impl FnOnce(SimTime, &mut Stack) -> R) -> R {
        let now = SimTime::from(self.clock.now());
        let mut state = self.lock();
        let result = call(now, &mut state.stack);
        self.settle(&mut state, now, None);
        result
    }

    /// Octets passed an end of a connection of this host above TLS.
    pub(crate) fn overhear(&self, ends: Ends, way: Way, octets: &[u8]) {
        let now = self.clock.now();
        self.ether.overhear(now, self.host, ends, way, octets);
    }

    /// The host's life has opened its socket.
    pub(super) fn connect(&self, socket: &Arc<UdpSocket>) {
        self.lock().socket = Arc::downgrade(socket);
    }

    /// A datagram has come in.
    pub(super) fn receive(&self, datagram: Vec<u8>) {
        self.lock().inbox.push_back(datagram);
    }

    /// A packet reaches the host at `at` without travelling over turmoil.
    pub(super) fn deliver_at(&self, at: SimTime, number: u64, packet: Packet) {
        let mut state = self.lock();
        if state.socket.strong_count() == 0 {
            // Nothing reaches a host that is down.
            return;
        }
        state.local.insert((at, number), packet);
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }

    /// Does everything that is due by `now`.
    pub(super) fn advance(&self, now: SimTime) {
        let mut state = self.lock();
        // What arrives at one instant arrives in the order in which it was sent, whichever way.
        while let Some(datagram) = state.inbox.pop_front() {
            state.sort_in(now, &datagram);
        }
        while let Some(entry) = state.local.first_entry()
            && entry.key().0 <= now
        {
            let ((_, number), packet) = entry.remove_entry();
            self.arrive(&mut state, now, number, packet);
        }
        while let Some(entry) = state.held.first_entry()
            && entry.key().0 <= now
        {
            let (number, packet) = entry.remove();
            state.transmit(number, &packet);
        }
        if state.stack.poll_timeout().is_some_and(|at| at <= now) {
            state.stack.handle_timeout(now);
            self.settle(&mut state, now, None);
        }
    }

    /// When [`Port::advance`] next has something to do.
    pub(super) fn next_deadline(&self) -> Option<SimTime> {
        let mut state = self.lock();
        if !state.inbox.is_empty() {
            return Some(SimTime::START);
        }
        let local = state.local.first_key_value().map(|((at, _), _)| *at);
        let held = state.held.first_key_value().map(|((at, _), _)| *at);
        let timer = state.stack.poll_timeout();
        local.into_iter().chain(held).chain(timer).min()
    }

    /// Whether the host stands still; if it does, `waker` is woken when it goes on.
    pub(super) fn is_paused(&self, waker: &Waker) -> bool {
        let mut state = self.lock();
        state.waker = Some(waker.clone());
        state.paused
    }

    pub(super) fn pause(&self) {
        self.lock().paused = true;
    }

    pub(super) fn resume(&self) {
        let mut state = self.lock();
        state.paused = false;
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }

    /// Whether the host's tasks stand still while its stack goes on.
    pub(super) fn is_stalled(&self) -> bool {
        self.lock().stalled
    }

    pub(super) fn stall(&self) {
        self.lock().stalled = true;
    }

    pub(super) fn unstall(&self) {
        let mut state = self.lock();
        state.stalled = false;
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }

    /// All memory is lost; nothing is sent any more until the next life connects.
    pub(super) fn crash(&self) {
        let mut state = self.lock();
        state.stack.crash();
        state.socket = Weak::new();
        state.inbox.clear();
        state.local.clear();
        state.held.clear();
        state.paused = false;
        state.stalled = false;
    }

    /// Teardown: what the stack sends from here on goes nowhere.
    pub(super) fn disconnect(&self) {
        self.lock().socket = Weak::new();
    }

    pub(super) fn change_firewall<R>(
        &self,
        change: impl FnOnce(&mut portcullis_network::Firewall) -> R,
    ) -> R {
        change(self.lock().stack.firewall_mut())
    }

    fn arrive(&self, state: &mut PortState, now: SimTime, number: u64, packet: Packet) {
        state.stack.handle_packet(now, packet.clone());
        self.settle(state, now, Some((number, packet)));
    }

    /// Tells of what the stack did and sends what it has to send.
    fn settle(&self, state: &mut PortState, now: SimTime, arrived: Option<(u64, Packet)>) {
        // What leaves may meet the host's own rules, which is an event again.
        let mut leaving = Vec::new();
        while let Some(packet) = state.stack.poll_transmit(now) {
            leaving.push(packet);
        }
        let mut events = Vec::new();
        while let Some(event) = state.stack.poll_event() {
            events.push(event);
        }
        if let Some((number, packet)) = &arrived {
            let blocked = events.iter().any(is_blocked_in);
            if !blocked {
                self.ether
                    .observe(now, self.host, Fate::Delivered, None, *number, packet);
            }
        }
        let arrived = arrived.map(|(number, _)| number);
        for event in events {
            self.ether.tell(now, self.host, arrived, event);
        }
        for packet in leaving {
            self.send(state, now, packet);
        }
    }

    fn send(&self, state: &mut PortState, now: SimTime, packet: Packet) {
        let number = self.ether.next_number();
        self.ether
            .observe(now, self.host, Fate::Sent, None, number, &packet);
        if packet.destination == self.address {
            state.local.insert((now, number), packet);
            return;
        }
        let destination = packet.destination_socket();
        let towards = {
            let shared = self.ether.lock();
            self.ether
                .host_towards(&shared.wire, Some(self.host), destination)
        };
        let Some(to) = towards else {
            self.ether
                .observe(now, self.host, Fate::NoHost, None, number, &packet);
            state.stack.handle_no_host(now, &packet);
            return;
        };
        self.ether.count_parted(now, self.host, to, number, &packet);
        let passage = self.ether.pass(now, self.host, to, number, packet);
        for (number, packet, wait) in passage.onward {
            if wait.is_zero() {
                state.transmit(number, &packet);
            } else {
                state.held.insert((now + wait, number), (number, packet));
            }
        }
        let latency = self.ether.latency(self.host, to);
        for (number, packet) in passage.back {
            state.local.insert((now + latency, number), packet);
        }
    }
}

fn is_blocked_in(event: &StackEvent) -> bool {
    matches!(
        event,
        StackEvent::Blocked {
            direction: Direction::In,
            ..
        }
    )
}

impl PortState {
    /// A datagram's packet reaches the host now.
    fn sort_in(&mut self, now: SimTime, datagram: &[u8]) {
        let Some((number, octets)) = datagram.split_first_chunk::<NUMBER_LEN>() else {
            return;
        };
        if let Ok(packet) = Packet::decode(octets) {
            let number = u64::from_be_bytes(*number);
            self.local.insert((now, number), packet);
        }
    }

    /// Hands a packet to turmoil, whose link decides when and whether it arrives.
    fn transmit(&self, number: u64, packet: &Packet) {
        // Without a socket the host is down, or the run is over.
        let Some(socket) = self.socket.upgrade() else {
            return;
        };
        let mut datagram = number.to_be_bytes().to_vec();
        datagram.extend_from_slice(&packet.encode());
        // turmoil's UDP has no back-pressure and drops what does not fit, as a network may.
        socket
            .try_send_to(&datagram, (packet.destination, UDP_PORT))
            .ok();
    }
}

/// Simulated time of the running turmoil host.
pub(super) fn sim_elapsed() -> Duration {
    turmoil::sim_elapsed().unwrap_or_default()
}
