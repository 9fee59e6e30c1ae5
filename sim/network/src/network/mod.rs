//! A whole network as one machine: hosts, links and what lies between them.

mod agenda;
mod hold;
mod host;
mod journal;
mod life;
mod links;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use indexmap::IndexMap;

use crate::capture::{Capture, Fate};
use crate::firewall::{Direction, RuleName};
use crate::hash::FixedState;
use crate::link::{Carried, LinkConfig};
use crate::packet::Packet;
use crate::random::derive;
use crate::stack::{Admission, Stack, StackConfig, StackEvent};
use crate::time::SimTime;
use crate::wire::{NAT, Wire};

use agenda::{Agenda, Due};
use hold::Holds;
pub use host::HostId;
use host::{Host, Running, Transit};
use journal::Journal;
use links::Links;

/// Something that happened at a host.
#[derive(Clone, Debug)]
pub struct NetworkEvent {
    /// When.
    pub at: SimTime,
    /// Where.
    pub host: HostId,
    /// What.
    pub event: StackEvent,
}

/// All hosts with what connects them, driven by one event queue.
///
/// The driver's loop: let the tasks run, ask [`next_deadline`](Self::next_deadline), move its clock
/// there, call [`advance`](Self::advance), drain [`poll_event`](Self::poll_event), again. After
/// every call on [`stack_mut`](Self::stack_mut) comes [`flush`](Self::flush).
#[derive(Debug)]
pub struct Network {
    seed: u64,
    now: SimTime,
    hosts: Vec<Host>,
    by_name: IndexMap<Arc<str>, HostId, FixedState>,
    by_address: IndexMap<u32, HostId, FixedState>,
    links: Links,
    wire: Wire,
    wire_timer_at: Option<SimTime>,
    holds: Holds,
    agenda: Agenda,
    journal: Journal,
}

impl Network {
    /// An empty network. `seed` determines everything that is drawn in it; links that are not set
    /// are as `default_link` says.
    #[must_use]
    pub fn new(seed: u64, default_link: LinkConfig, capture: Capture) -> Self {
        let seed = derive(seed, "network");
        Self {
            seed,
            now: SimTime::START,
            hosts: Vec::new(),
            by_name: IndexMap::default(),
            by_address: IndexMap::default(),
            links: Links::new(seed, default_link),
            wire: Wire::new(seed),
            wire_timer_at: None,
            holds: Holds::default(),
            agenda: Agenda::new(),
            journal: Journal::new(capture),
        }
    }

    /// Adds a host, up and connected to every other.
    ///
    /// # Panics
    /// When another host has its name or its address.
    pub fn add_host(&mut self, config: StackConfig) -> HostId {
        let id = HostId(u32::try_from(self.hosts.len()).expect("fewer than 2^32 hosts"));
        let named = self.by_name.insert(Arc::clone(&config.name), id);
        let addressed = self.by_address.insert(config.address.to_bits(), id);
        assert!(
            named.or(addressed).is_none(),
            "hosts have names and addresses of their own"
        );
        self.links.add_host(Arc::clone(&config.name));
        self.hosts.push(Host::new(Stack::new(config, self.seed)));
        id
    }

    /// The host called `name`.
    #[must_use]
    pub fn host_named(&self, name: &str) -> Option<HostId> {
        self.by_name.get(name).copied()
    }

    /// The host with this address.
    #[must_use]
    pub fn host_at(&self, address: Ipv4Addr) -> Option<HostId> {
        self.by_address.get(&address.to_bits()).copied()
    }

    /// A host's stack.
    ///
    /// # Panics
    /// When `host` is another network's.
    #[must_use]
    pub fn stack(&self, host: HostId) -> &Stack {
        &self.hosts[host.index()].stack
    }

    /// A host's stack, for commands; [`flush`](Self::flush) must follow.
    ///
    /// # Panics
    /// When `host` is another network's.
    pub fn stack_mut(&mut self, host: HostId) -> &mut Stack {
        &mut self.hosts[host.index()].stack
    }

    /// Partitions and middleboxes.
    #[must_use]
    pub const fn wire(&self) -> &Wire {
        &self.wire
    }

    /// Partitions and middleboxes, to change them.
    pub const fn wire_mut(&mut self) -> &mut Wire {
        &mut self.wire
    }

    /// The capture.
    #[must_use]
    pub const fn capture(&self) -> &Capture {
        &self.journal.capture
    }

    /// The capture, to add observers.
    pub const fn capture_mut(&mut self) -> &mut Capture {
        &mut self.journal.capture
    }

    /// What the link in this direction does to packets.
    #[must_use]
    pub fn link(&self, from: HostId, to: HostId) -> LinkConfig {
        self.links.config(from, to)
    }

    /// Changes what the link in this direction does to packets. Packets under way are not affected.
    pub fn set_link(&mut self, from: HostId, to: HostId, config: LinkConfig) {
        self.links.between(from, to).config = config;
    }

    /// When the network next has something to do.
    pub fn next_deadline(&mut self) -> Option<SimTime> {
        while let Some((at, due)) = self.agenda.first() {
            let actual = match due {
                Due::Arrival(_) | Due::Departure(_) => return Some(at),
                Due::WireTimer if self.wire_timer_at == Some(at) => {
                    self.wire_timer_at = None;
                    self.wire.poll_timeout()
                }
                Due::HostTimer(id) if self.hosts[id.index()].timer_at == Some(at) => {
                    let host = &mut self.hosts[id.index()];
                    host.timer_at = None;
                    host.poll_timeout()
                }
                Due::HostTimer(_) | Due::WireTimer => None,
            };
            if actual == Some(at) {
                self.set_timer_at(due, at);
                return Some(at);
            }
            // The timer was moved since: take the entry out and put it where it belongs.
            self.agenda.pop();
            if let Some(actual) = actual {
                self.set_timer_at(due, actual);
                self.agenda.push(actual, due);
            }
        }
        None
    }

    fn set_timer_at(&mut self, due: Due, at: SimTime) {
        match due {
            Due::Arrival(_) | Due::Departure(_) => {}
            Due::HostTimer(id) => self.hosts[id.index()].timer_at = Some(at),
            Due::WireTimer => self.wire_timer_at = Some(at),
        }
    }

    /// Does everything that is due up to `to`, each thing at its own time and things of one time in
    /// the order in which they were caused.
    ///
    /// To let tasks react in time, never advance beyond [`next_deadline`](Self::next_deadline).
    pub fn advance(&mut self, to: SimTime) {
        while let Some(at) = self.next_deadline()
            && at <= to
        {
            let Some((at, due)) = self.agenda.pop() else {
                return;
            };
            self.now = self.now.max(at);
            match due {
                Due::Arrival(slot) => {
                    if let Some(transit) = self.agenda.take(slot) {
                        self.arrive(transit);
                    }
                }
                Due::Departure(slot) => {
                    if let Some(transit) = self.agenda.take(slot) {
                        self.carry(transit);
                    }
                }
                Due::HostTimer(id) => {
                    let host = &mut self.hosts[id.index()];
                    host.timer_at = None;
                    host.stack.handle_timeout(self.now);
                    self.flush(id, self.now);
                }
                Due::WireTimer => self.on_wire_timer(),
            }
        }
        self.now = self.now.max(to);
    }

    fn on_wire_timer(&mut self) {
        self.wire_timer_at = None;
        for (place, packet) in self.wire.handle_timeout(self.now) {
            let ends = (
                self.host_towards(None, packet.source_socket()),
                self.host_towards(None, packet.destination_socket()),
            );
            if let (Some(from), Some(to)) = ends {
                let number = self.journal.sent(self.now, &place, &packet);
                self.carry(Transit {
                    from,
                    to,
                    number,
                    packet,
                });
            }
        }
        self.arm_wire_timer();
    }

    /// The host to which packets for `end` go: it has the address, or is behind the NAT that has.
    fn host_towards(&self, from: Option<HostId>, end: SocketAddrV4) -> Option<HostId> {
        let host = self.host_at(*end.ip());
        host.or_else(|| self.wire.host_behind(from, end))
    }

    /// Takes note of what a change of the [`Wire`] made due: after [`Wire::kill`].
    pub fn flush_wire(&mut self) {
        self.arm_wire_timer();
    }

    fn arm_wire_timer(&mut self) {
        if let Some(at) = self.wire.poll_timeout()
            && self.wire_timer_at.is_none_or(|queued| at < queued)
        {
            self.wire_timer_at = Some(at);
            self.agenda.push(at, Due::WireTimer);
        }
    }

    fn arrive(&mut self, transit: Transit) {
        let Some(transit) = self.pass_holds(transit) else {
            return;
        };
        let host = &mut self.hosts[transit.to.index()];
        let fate = match host.running {
            Running::Up => {
                self.admit(transit);
                return;
            }
            Running::Paused if host.has_room() => {
                host.waiting.push_back(transit);
                return;
            }
            Running::Paused => Fate::QueueFull,
            Running::Down => Fate::HostDown,
        };
        self.observe_at(transit.to, fate, None, transit.number, &transit.packet);
    }

    fn admit(&mut self, transit: Transit) {
        let Transit {
            to, number, packet, ..
        } = transit;
        let stack = &mut self.hosts[to.index()].stack;
        match stack.admit(self.now, packet) {
            Admission::Pass(packet) => {
                self.observe_at(to, Fate::Delivered, None, number, &packet);
                self.hosts[to.index()].stack.deliver(self.now, &packet);
            }
            Admission::Held(packet) => self.observe_at(to, Fate::Delivered, None, number, &packet),
            Admission::Stopped => {}
        }
        self.settle(to, Some(number));
    }

    /// Puts on the wire what the host's stack has to send, and takes note of its next timer.
    ///
    /// `now` is the driver's time, at least that of the last [`advance`](Self::advance).
    pub fn flush(&mut self, host: HostId, now: SimTime) {
        self.now = self.now.max(now);
        self.settle(host, None);
    }

    fn settle(&mut self, host: HostId, arrived: Option<u64>) {
        while let Some(packet) = self.hosts[host.index()].stack.poll_transmit(self.now) {
            self.send(host, packet);
        }
        while let Some(event) = self.hosts[host.index()].stack.poll_event() {
            if let StackEvent::Blocked {
                direction,
                fate,
                rule,
                packet,
            } = event
            {
                let number = match (direction, arrived) {
                    (Direction::In, Some(number)) => number,
                    (Direction::In | Direction::Out, _) => self.journal.next_number(),
                };
                self.observe_at(host, fate, Some(&rule), number, &packet);
            } else {
                let at = self.now;
                self.journal
                    .events
                    .push_back(NetworkEvent { at, host, event });
            }
        }
        let entry = &mut self.hosts[host.index()];
        let bound = entry.stack.timeout_bound();
        // What the agenda holds may be early, so only an earlier deadline needs an entry.
        if bound.is_some_and(|bound| entry.timer_at.is_none_or(|queued| bound < queued))
            && let Some(at) = entry.poll_timeout()
            && entry.timer_at.is_none_or(|queued| at < queued)
        {
            entry.timer_at = Some(at);
            self.agenda.push(at, Due::HostTimer(host));
        }
    }

    fn send(&mut self, from: HostId, packet: Packet) {
        let place = &self.hosts[from.index()].stack.config().name;
        let number = self.journal.sent(self.now, place, &packet);
        let Some(to) = self.host_towards(Some(from), packet.destination_socket()) else {
            self.observe_at(from, Fate::NoHost, None, number, &packet);
            let stack = &mut self.hosts[from.index()].stack;
            stack.handle_no_host(self.now, &packet);
            return;
        };
        let transit = Transit {
            from,
            to,
            number,
            packet,
        };
        if from == to {
            self.agenda.arrive_at(self.now, transit);
        } else if self.wire.is_clear() {
            self.carry(transit);
        } else {
            self.pass_wire(transit);
        }
    }

    fn pass_wire(&mut self, transit: Transit) {
        let Transit {
            from,
            to,
            mut number,
            packet,
        } = transit;
        let passage = self.wire.inspect(self.now, from, to, packet);
        let passed = passage.stopped.is_none();
        for translated in &passage.translations {
            let by = RuleName::from(NAT);
            let fate = (Fate::Translated, Some(&by));
            self.journal.note(
                self.now,
                &translated.place,
                fate,
                number,
                &translated.before,
            );
            number = self
                .journal
                .sent(self.now, &translated.place, &translated.after);
        }
        if let Some(stopped) = &passage.stopped {
            let decided = (stopped.fate, Some(&stopped.by));
            self.journal
                .note(self.now, &stopped.place, decided, number, &stopped.packet);
        }
        for (index, (packet, wait)) in passage.onward.into_iter().enumerate() {
            let number = match &passage.answered_by {
                Some(place) if index > 0 || !passed => self.journal.sent(self.now, place, &packet),
                Some(_) | None => number,
            };
            let transit = Transit {
                from,
                to,
                number,
                packet,
            };
            if wait.is_zero() {
                self.carry(transit);
            } else {
                self.agenda.depart_at(self.now + wait, transit);
            }
        }
        for packet in passage.back {
            if let Some(place) = &passage.answered_by {
                let number = self.journal.sent(self.now, place, &packet);
                self.carry(Transit {
                    from: to,
                    to: from,
                    number,
                    packet,
                });
            }
        }
        self.arm_wire_timer();
    }

    /// Hands a packet to the link.
    fn carry(&mut self, transit: Transit) {
        let (from, to, number) = (transit.from, transit.to, transit.number);
        let length = transit.packet.wire_len();
        match self.links.between(from, to).carry(self.now, length) {
            Carried::Once(at) => self.agenda.arrive_at(at, transit),
            Carried::Twice(first, second) => {
                self.observe_at(from, Fate::Duplicated, None, number, &transit.packet);
                self.agenda.arrive_at(first, transit.clone());
                self.agenda.arrive_at(second, transit);
            }
            Carried::Not(fate) => self.observe_at(from, fate, None, number, &transit.packet),
        }
    }

    fn observe_at(
        &mut self,
        host: HostId,
        fate: Fate,
        by: Option<&RuleName>,
        number: u64,
        packet: &Packet,
    ) {
        let place = &self.hosts[host.index()].stack.config().name;
        self.journal
            .note(self.now, place, (fate, by), number, packet);
    }

    /// The next thing that happened at a host, in order.
    pub fn poll_event(&mut self) -> Option<NetworkEvent> {
        self.journal.events.pop_front()
    }
}
