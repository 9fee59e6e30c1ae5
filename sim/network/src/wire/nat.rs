//! Network address translation on a middlebox: section 8.5, after RFC 5382.
//!
//! - A mapping belongs to an inside address and port and serves every destination (REQ-1); it
//!   admits only those outside ends that the inside has sent a SYN to. It lives as long as one of
//!   its sessions: 2 h 4 min after the last packet of an established one, 4 min of one that is
//!   opening or closing (REQ-5).
//! - Only a SYN from inside makes a mapping; other packets without one vanish, without a word.
//! - A SYN from outside that nothing asked for is met by silence, for 6 s at least (REQ-4).
//! - ICMP errors are translated and end nothing (REQ-9, REQ-10).
//! - There is no hairpinning: inside hosts do not reach one another through the outside address.

use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::ops::RangeInclusive;
use std::time::Duration;

use indexmap::IndexMap;

use crate::firewall::{Direction, RuleName};
use crate::hash::FixedState;
use crate::network::HostId;
use crate::packet::{Packet, TcpSegment, Transport, Unreachable};
use crate::random::Stream;
use crate::time::SimTime;

/// The name under which translated packets are counted.
pub const NAT: &str = "nat";
/// The name under which packets from outside are counted that nothing inside asked for.
pub const NAT_UNSOLICITED: &str = "nat-unsolicited";
/// The name under which packets to the private address of an inside host are counted.
pub const NAT_PRIVATE: &str = "nat-private";
/// The name under which packets from inside are counted whose mapping is gone.
pub const NAT_FORGOTTEN: &str = "nat-forgotten";
/// The name under which SYNs are counted for which no port was left.
pub const NAT_EXHAUSTED: &str = "nat-exhausted";

/// How long an unsolicited SYN is met by silence (REQ-4).
const SILENCE: Duration = Duration::from_secs(6);

/// How a middlebox translates addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NatConfig {
    /// The hosts that are hidden, with their addresses: those of the middlebox's first side.
    pub inside: Vec<(HostId, Ipv4Addr)>,
    /// The outside ports that connections of inside hosts are given. Default 1024 to 65535.
    pub ports: RangeInclusive<u16>,
    /// The inside hosts that can be reached from outside, at which ports. These ports are given to
    /// no mapping.
    pub forwards: Vec<Forward>,
    /// How long an established connection may be silent. Default 2 h 4 min.
    pub established_timeout: Duration,
    /// How long one that is opening or closing may. Default 4 min.
    pub transitory_timeout: Duration,
    /// What happens to a SYN from outside that nothing asked for. Default: nothing, for ever.
    pub unsolicited: Unsolicited,
}

impl NatConfig {
    /// The figures of section 8.5 for the hosts of `inside`.
    #[must_use]
    pub fn new(inside: Vec<(HostId, Ipv4Addr)>) -> Self {
        Self {
            inside,
            ports: 1_024..=u16::MAX,
            forwards: Vec::new(),
            established_timeout: Duration::from_secs(124 * 60),
            transitory_timeout: Duration::from_secs(4 * 60),
            unsolicited: Unsolicited::Silent,
        }
    }
}

/// One port forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forward {
    /// The port of the outside address.
    pub port: u16,
    /// The inside host and its port.
    pub to: SocketAddrV4,
}

/// What a NAT does about a SYN from outside that nothing asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unsolicited {
    /// It vanishes.
    #[default]
    Silent,
    /// It is answered by ICMP port unreachable after 6 s, unless the inside has opened the same
    /// connection meanwhile.
    PortUnreachable,
}

/// What became of a packet.
pub(super) enum Translation {
    /// It goes on like this.
    Done(Packet),
    /// It vanishes, under this name.
    Refused(RuleName, Packet),
}

#[derive(Debug)]
pub(super) struct Nat {
    config: NatConfig,
    address: Ipv4Addr,
    random: Stream,
    /// By outside port.
    mappings: IndexMap<u16, Mapping, FixedState>,
    /// Outside ports by inside address and port.
    by_inside: IndexMap<u64, u16, FixedState>,
    /// Who had each outside port last: so that what was seen outside can be told from inside, also
    /// when the mapping is gone.
    owners: IndexMap<u16, SocketAddrV4, FixedState>,
    /// Unsolicited SYNs, with when they are answered; in order.
    unanswered: VecDeque<(SimTime, Packet)>,
    counts: BTreeMap<RuleName, u64>,
}

#[derive(Debug)]
struct Mapping {
    inside: SocketAddrV4,
    sessions: Vec<Session>,
}

/// What a mapping has with one outside end.
#[derive(Clone, Debug)]
struct Session {
    remote: SocketAddrV4,
    last_seen: SimTime,
    answered: bool,
    reset: bool,
    /// Whether a FIN has passed in each direction.
    finished: [bool; 2],
}

impl Session {
    const fn opening(remote: SocketAddrV4, now: SimTime) -> Self {
        Self {
            remote,
            last_seen: now,
            answered: false,
            reset: false,
            finished: [false; 2],
        }
    }

    fn note(&mut self, now: SimTime, direction: Direction, segment: &TcpSegment) {
        self.last_seen = now;
        self.answered |= direction == Direction::In;
        self.reset |= segment.flags.rst();
        self.finished[direction as usize] |= segment.flags.fin();
    }

    const fn is_established(&self) -> bool {
        self.answered && !self.reset && !(self.finished[0] && self.finished[1])
    }
}

fn key(end: SocketAddrV4) -> u64 {
    (u64::from(end.ip().to_bits()) << 16) | u64::from(end.port())
}

impl Nat {
    pub(super) fn new(config: NatConfig, address: Ipv4Addr, seed: u64, name: &str) -> Self {
        Self {
            config,
            address,
            random: Stream::labelled(seed, &format!("nat/{name}/port")),
            mappings: IndexMap::default(),
            by_inside: IndexMap::default(),
            owners: IndexMap::default(),
            unanswered: VecDeque::new(),
            counts: BTreeMap::new(),
        }
    }

    pub(super) const fn address(&self) -> Ipv4Addr {
        self.address
    }

    pub(super) const fn counts(&self) -> &BTreeMap<RuleName, u64> {
        &self.counts
    }

    /// How many mappings there are, expired ones that nobody has noticed included.
    pub(super) fn mapping_count(&self) -> usize {
        self.mappings.len()
    }

    /// The inside host with an address.
    fn host(&self, address: Ipv4Addr) -> Option<HostId> {
        let mut inside = self.config.inside.iter();
        let found = inside.find(|(_, own)| *own == address)?;
        Some(found.0)
    }

    /// The inside host behind `outside`, an end of this NAT's address; where nothing is mapped, the
    /// first, because the packet has to come this far to be refused.
    pub(super) fn host_behind(&self, outside: SocketAddrV4) -> Option<HostId> {
        let behind = self.look_behind(outside);
        let host = behind.and_then(|inside| self.host(*inside.ip()));
        host.or_else(|| self.config.inside.first().map(|(host, _)| *host))
    }

    /// The inside end that `outside` stands for, or stood for last.
    pub(super) fn look_behind(&self, outside: SocketAddrV4) -> Option<SocketAddrV4> {
        if *outside.ip() != self.address {
            return None;
        }
        let forwarded = self.forwarded(outside.port());
        forwarded.or_else(|| self.owners.get(&outside.port()).copied())
    }

    fn forwarded(&self, port: u16) -> Option<SocketAddrV4> {
        let forwards = self.config.forwards.iter();
        let mut found = forwards.filter(|forward| forward.port == port);
        found.next().map(|forward| forward.to)
    }

    /// The port that is forwarded to an inside end.
    fn forward_of(&self, inside: SocketAddrV4) -> Option<u16> {
        let forwards = self.config.forwards.iter();
        let mut found = forwards.filter(|forward| forward.to == inside);
        found.next().map(|forward| forward.port)
    }

    fn refuse(&mut self, name: &str, packet: Packet) -> Translation {
        let name = RuleName::from(name);
        *self.counts.entry(name.clone()).or_insert(0) += 1;
        Translation::Refused(name, packet)
    }

    fn done(&mut self, packet: Packet) -> Translation {
        *self.counts.entry(NAT.into()).or_insert(0) += 1;
        Translation::Done(packet)
    }

    /// Translates a packet on its way out, which may make a mapping.
    pub(super) fn outbound(&mut self, now: SimTime, mut packet: Packet) -> Translation {
        let Transport::Tcp(segment) = &packet.transport else {
            return match self.translate_own(&packet) {
                Some(translated) => self.done(translated),
                None => self.refuse(NAT_FORGOTTEN, packet),
            };
        };
        let (inside, remote) = (packet.source_socket(), packet.destination_socket());
        let port = match self.forward_of(inside) {
            Some(port) => Ok(port),
            None => self.outbound_port(now, inside, remote, segment),
        };
        match port {
            Ok(port) => {
                packet.source = self.address;
                set_ports(&mut packet, Some(port), None);
                self.done(packet)
            }
            Err(name) => self.refuse(name, packet),
        }
    }

    fn outbound_port(
        &mut self,
        now: SimTime,
        inside: SocketAddrV4,
        remote: SocketAddrV4,
        segment: &TcpSegment,
    ) -> Result<u16, &'static str> {
        let opens = segment.flags.syn() && !segment.flags.ack();
        let known = self.by_inside.get(&key(inside)).copied();
        let port = match known.filter(|port| self.is_alive(now, *port)) {
            Some(port) => port,
            None if opens => self.map(now, inside)?,
            None => return Err(NAT_FORGOTTEN),
        };
        let mapping = self.mappings.get_mut(&port).ok_or(NAT_FORGOTTEN)?;
        let mut sessions = mapping.sessions.iter_mut();
        match sessions.find(|session| session.remote == remote) {
            Some(session) if opens && !session.is_established() => {
                *session = Session::opening(remote, now);
            }
            Some(session) => session.note(now, Direction::Out, segment),
            None if opens => mapping.sessions.push(Session::opening(remote, now)),
            None => return Err(NAT_FORGOTTEN),
        }
        Ok(port)
    }

    /// Whether the mapping of an outside port is in use; one that is not is forgotten here.
    fn is_alive(&mut self, now: SimTime, port: u16) -> bool {
        let established = self.config.established_timeout;
        let transitory = self.config.transitory_timeout;
        let Some(mapping) = self.mappings.get_mut(&port) else {
            return false;
        };
        mapping.sessions.retain(|session| {
            let limit = if session.is_established() {
                established
            } else {
                transitory
            };
            now < session.last_seen + limit
        });
        if !mapping.sessions.is_empty() {
            return true;
        }
        self.by_inside.swap_remove(&key(mapping.inside));
        self.mappings.swap_remove(&port);
        false
    }

    /// Gives an inside end a free port, from an unpredictable place on.
    fn map(&mut self, now: SimTime, inside: SocketAddrV4) -> Result<u16, &'static str> {
        let (first, last) = (*self.config.ports.start(), *self.config.ports.end());
        let count = u64::from(last.saturating_sub(first)) + 1;
        let start = self.random.below(count);
        for step in 0..count {
            let port = first + ((start + step) % count) as u16;
            if self.forwarded(port).is_some() || self.is_alive(now, port) {
                continue;
            }
            let sessions = Vec::new();
            self.mappings.insert(port, Mapping { inside, sessions });
            self.by_inside.insert(key(inside), port);
            self.owners.insert(port, inside);
            return Ok(port);
        }
        Err(NAT_EXHAUSTED)
    }

    /// Translates a packet on its way in.
    pub(super) fn inbound(&mut self, now: SimTime, mut packet: Packet) -> Translation {
        if packet.destination != self.address {
            return self.refuse(NAT_PRIVATE, packet);
        }
        let Transport::Tcp(segment) = &packet.transport else {
            return match self.translate_own(&packet) {
                Some(translated) => self.done(translated),
                None => self.refuse(NAT_UNSOLICITED, packet),
            };
        };
        let (remote, port) = (packet.source_socket(), segment.destination_port);
        let inside = match self.forwarded(port) {
            Some(inside) => Some(inside),
            None => self.inbound_end(now, port, remote, segment),
        };
        if let Some(inside) = inside {
            packet.destination = *inside.ip();
            set_ports(&mut packet, None, Some(inside.port()));
            return self.done(packet);
        }
        if segment.flags.syn() && !segment.flags.ack() {
            self.remember_unsolicited(now, &packet);
        }
        self.refuse(NAT_UNSOLICITED, packet)
    }

    fn inbound_end(
        &mut self,
        now: SimTime,
        port: u16,
        remote: SocketAddrV4,
        segment: &TcpSegment,
    ) -> Option<SocketAddrV4> {
        if !self.is_alive(now, port) {
            return None;
        }
        let mapping = self.mappings.get_mut(&port)?;
        let mut sessions = mapping.sessions.iter_mut();
        let session = sessions.find(|session| session.remote == remote)?;
        session.note(now, Direction::In, segment);
        Some(mapping.inside)
    }

    /// Plans the answer to a SYN that nothing asked for; its repetitions are answered with it.
    fn remember_unsolicited(&mut self, now: SimTime, packet: &Packet) {
        let ends = |syn: &Packet| (syn.source_socket(), syn.destination_socket());
        let mut waiting = self.unanswered.iter();
        let is_known = waiting.any(|(_, syn)| ends(syn) == ends(packet));
        if self.config.unsolicited == Unsolicited::PortUnreachable && !is_known {
            self.unanswered.push_back((now + SILENCE, packet.clone()));
        }
    }

    /// Translates what a middlebox or a host says about a flow that exists, in either direction:
    /// it makes no mapping and keeps none alive. None where nothing is mapped; a packet that does
    /// not pass this NAT stays as it is.
    pub(super) fn translate_own(&self, packet: &Packet) -> Option<Packet> {
        let mut packet = packet.clone();
        let is_inside = |address| self.host(address).is_some();
        if packet.destination == self.address {
            let port = match &packet.transport {
                Transport::Tcp(segment) => segment.destination_port,
                Transport::Icmp(icmp) => icmp.source.port(),
            };
            let mapped = || self.mappings.get(&port).map(|mapping| mapping.inside);
            let inside = self.forwarded(port).or_else(mapped)?;
            packet.destination = *inside.ip();
            match &mut packet.transport {
                Transport::Tcp(segment) => segment.destination_port = inside.port(),
                Transport::Icmp(icmp) => icmp.source = inside,
            }
            return Some(packet);
        }
        let quoted = match &packet.transport {
            Transport::Tcp(_) => packet.source_socket(),
            Transport::Icmp(icmp) => icmp.destination,
        };
        if is_inside(packet.destination) || !is_inside(*quoted.ip()) {
            return Some(packet);
        }
        let mapped = || self.by_inside.get(&key(quoted)).copied();
        let port = self.forward_of(quoted).or_else(mapped)?;
        if is_inside(packet.source) {
            packet.source = self.address;
        }
        match &mut packet.transport {
            Transport::Tcp(segment) => segment.source_port = port,
            Transport::Icmp(icmp) => icmp.destination = SocketAddrV4::new(self.address, port),
        }
        Some(packet)
    }

    /// When an unsolicited SYN is to be answered.
    pub(super) fn poll_timeout(&self) -> Option<SimTime> {
        self.unanswered.front().map(|(at, _)| *at)
    }

    /// The answers that are due.
    pub(super) fn handle_timeout(&mut self, now: SimTime) -> Vec<Packet> {
        let mut answers = Vec::new();
        while let Some((_, syn)) = self.unanswered.pop_front_if(|(at, _)| *at <= now) {
            let (remote, port) = (syn.source_socket(), syn.destination_socket().port());
            let mapping = self.mappings.get(&port);
            let asked_for = mapping.is_some_and(|mapping| {
                let mut sessions = mapping.sessions.iter();
                sessions.any(|session| session.remote == remote)
            });
            if !asked_for {
                answers.extend(syn.unreachable_answer(self.address, Unreachable::Port));
            }
        }
        answers
    }

    /// Loses all mappings, as a reboot does.
    pub(super) fn forget(&mut self) {
        self.mappings.clear();
        self.by_inside.clear();
        self.unanswered.clear();
    }
}

fn set_ports(packet: &mut Packet, source: Option<u16>, destination: Option<u16>) {
    if let Transport::Tcp(segment) = &mut packet.transport {
        segment.source_port = source.unwrap_or(segment.source_port);
        segment.destination_port = destination.unwrap_or(segment.destination_port);
    }
}
