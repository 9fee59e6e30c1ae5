//! A network under the test's own hand: steps, commands, and what was seen.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use portcullis_network::{
    Capture, Fate, HostId, HostSet, Latency, LinkConfig, MiddleboxId, Network, NetworkEvent,
    Observation, Observer, Packet, Phase, Profile, SimTime, SocketError, SocketId, StackConfig,
    StackEvent,
};

/// One fate of one packet, as an observer saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) at: SimTime,
    pub(crate) place: String,
    pub(crate) fate: Fate,
    pub(crate) by: Option<String>,
    pub(crate) packet: Packet,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<Seen>>>);

impl Observer for Log {
    fn observe(&mut self, observation: &Observation<'_>) {
        self.0.lock().unwrap().push(Seen {
            at: observation.at,
            place: observation.place.to_string(),
            fate: observation.fate,
            by: observation.by.map(ToString::to_string),
            packet: observation.packet.clone(),
        });
    }
}

/// Hosts `a` (10.0.0.1), `b` (10.0.0.2) and so on, and a clock that the test moves.
pub(crate) struct Lab {
    pub(crate) net: Network,
    pub(crate) now: SimTime,
    pub(crate) events: Vec<NetworkEvent>,
    log: Log,
}

/// A link of 10 ms in each direction.
pub(crate) fn link() -> LinkConfig {
    LinkConfig {
        latency: Latency::Fixed(Duration::from_millis(10)),
        ..LinkConfig::default()
    }
}

pub(crate) fn config(name: &str, number: u8, profile: Profile) -> StackConfig {
    StackConfig::new(name, Ipv4Addr::new(10, 0, 0, number), profile)
}

impl Lab {
    pub(crate) fn new(profiles: &[Profile]) -> Self {
        let names = ["a", "b", "c", "d"];
        let hosts = profiles.iter().zip(names).zip(1..);
        Self::of(hosts.map(|((profile, name), number)| config(name, number, *profile)))
    }

    pub(crate) fn of(hosts: impl IntoIterator<Item = StackConfig>) -> Self {
        Self::seeded(1, link(), hosts)
    }

    pub(crate) fn seeded(
        seed: u64,
        link: LinkConfig,
        hosts: impl IntoIterator<Item = StackConfig>,
    ) -> Self {
        let log = Log::default();
        let mut capture = Capture::new();
        capture.add(log.clone());
        let mut net = Network::new(seed, link, capture);
        for host in hosts {
            net.add_host(host);
        }
        Self {
            net,
            now: SimTime::START,
            events: Vec::new(),
            log,
        }
    }

    pub(crate) fn host(&self, name: &str) -> HostId {
        self.net.host_named(name).unwrap()
    }

    pub(crate) fn address(&self, name: &str, port: u16) -> SocketAddrV4 {
        SocketAddrV4::new(self.net.stack(self.host(name)).config().address, port)
    }

    /// Puts a middlebox between every host of `first` and every host of `second`.
    pub(crate) fn middlebox(&mut self, name: &str, first: &[&str], second: &[&str]) -> MiddleboxId {
        let [first, second] = [first, second].map(|hosts| {
            let hosts = hosts.iter().map(|host| self.host(host));
            hosts.collect::<HostSet>()
        });
        self.net.wire_mut().add_middlebox(name, first, second)
    }

    /// How often the middlebox `name` has counted something under `rule`.
    pub(crate) fn box_hits(&self, name: &str, rule: &str) -> u64 {
        let hits = self.net.wire().middlebox_hits();
        hits[name].get(&rule.into()).copied().unwrap_or(0)
    }

    /// Lets everything happen that is due up to `to`.
    pub(crate) fn run_to(&mut self, to: SimTime) {
        self.net.advance(to);
        self.now = to;
        while let Some(event) = self.net.poll_event() {
            self.events.push(event);
        }
    }

    pub(crate) fn run_for(&mut self, duration: Duration) {
        self.run_to(self.now + duration);
    }

    /// Runs until nothing is left to happen, and says when the last thing happened.
    pub(crate) fn run_out(&mut self) -> SimTime {
        while let Some(at) = self.net.next_deadline() {
            self.run_to(at);
        }
        self.now
    }

    pub(crate) fn connect(&mut self, from: &str, to: &str, port: u16) -> SocketId {
        let remote = self.address(to, port);
        self.connect_to(from, remote)
    }

    pub(crate) fn connect_to(&mut self, from: &str, remote: SocketAddrV4) -> SocketId {
        let host = self.host(from);
        let id = self
            .net
            .stack_mut(host)
            .connect(self.now, remote, None)
            .unwrap();
        self.flush(host);
        id
    }

    pub(crate) fn flush(&mut self, host: HostId) {
        self.net.flush(host, self.now);
        while let Some(event) = self.net.poll_event() {
            self.events.push(event);
        }
    }

    /// Listens on `to`, connects from `from`, and gives both ends.
    pub(crate) fn open(&mut self, from: &str, to: &str, port: u16) -> (SocketId, SocketId) {
        let acceptor = self.host(to);
        let listener = self.net.stack_mut(acceptor).listen(port, 8).unwrap();
        let opened = self.connect(from, to, port);
        self.run_for(Duration::from_millis(100));
        let accepted = ready(
            self.net
                .stack_mut(acceptor)
                .poll_accept(listener, &mut cx()),
        );
        (opened, accepted.unwrap().unwrap())
    }

    pub(crate) fn connected(
        &mut self,
        host: &str,
        id: SocketId,
    ) -> Option<Result<(), SocketError>> {
        let host = self.host(host);
        ready(self.net.stack_mut(host).poll_connected(id, &mut cx()))
    }

    pub(crate) fn write(
        &mut self,
        host: &str,
        id: SocketId,
        octets: &[u8],
    ) -> Option<Result<usize, SocketError>> {
        let host = self.host(host);
        let now = self.now;
        let result = ready(
            self.net
                .stack_mut(host)
                .poll_write(now, id, &mut cx(), octets),
        );
        self.flush(host);
        result
    }

    /// What one read gives; none when there is nothing to read yet.
    pub(crate) fn read(
        &mut self,
        host: &str,
        id: SocketId,
    ) -> Option<Result<Vec<u8>, SocketError>> {
        let host = self.host(host);
        let now = self.now;
        let mut buffer = vec![0; 1 << 20];
        let result = ready(self.net.stack_mut(host).poll_read(
            now,
            id,
            &mut cx(),
            &mut &mut buffer[..],
        ));
        self.flush(host);
        result.map(|result| {
            result.map(|count| {
                buffer.truncate(count);
                buffer
            })
        })
    }

    pub(crate) fn shutdown(&mut self, host: &str, id: SocketId) -> Result<(), SocketError> {
        let (host, now) = (self.host(host), self.now);
        let result = self.net.stack_mut(host).shutdown(now, id);
        self.flush(host);
        result
    }

    pub(crate) fn close(&mut self, host: &str, id: SocketId) {
        let (host, now) = (self.host(host), self.now);
        self.net.stack_mut(host).close(now, id);
        self.flush(host);
    }

    pub(crate) fn sockets(&self, host: &str) -> usize {
        self.net.stack(self.host(host)).socket_count()
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.log.0.lock().unwrap().clone()
    }

    /// When and with which flags packets left `host`.
    pub(crate) fn sent_by(&self, host: &str) -> Vec<(SimTime, &'static str)> {
        self.seen()
            .into_iter()
            .filter(|seen| seen.place == host && seen.fate == Fate::Sent)
            .filter_map(|seen| Some((seen.at, seen.packet.tcp()?.flags.letters())))
            .collect()
    }

    /// Times, in milliseconds, at which segments with exactly these flags left `host`.
    pub(crate) fn times_ms(&self, host: &str, flags: &str) -> Vec<u64> {
        let sent = self.sent_by(host).into_iter();
        sent.filter(|(_, letters)| *letters == flags)
            .map(|(at, _)| ms(at))
            .collect()
    }

    /// When, in milliseconds, connections of `host` entered `phase`.
    pub(crate) fn phase_ms(&self, host: &str, phase: Phase) -> Vec<u64> {
        let host = self.host(host);
        let of_host = self.events.iter().filter(|event| event.host == host);
        of_host
            .filter(|event| {
                matches!(&event.event, StackEvent::Connection { phase: seen, .. } if *seen == phase)
            })
            .map(|event| ms(event.at))
            .collect()
    }
}

pub(crate) fn ms(at: SimTime) -> u64 {
    at.as_nanos() / 1_000_000
}

pub(crate) fn cx() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

pub(crate) fn ready<T>(poll: Poll<T>) -> Option<T> {
    match poll {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}
