//! What the hosts of a turmoil run share: capture, tap, middleboxes and what partitions count.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portcullis_network::{
    Capture, Direction, Fate, NAT, Observation, Packet, PcapNg, RuleName, SimTime, StackEvent, Way,
    Wire,
};

use crate::engine::middlebox::host_id;
use crate::engine::net::Names;
use crate::engine::tap::{Ends, Tap};
use crate::engine::tasks::HostIndex;

/// One for all hosts of a run.
pub(super) struct Ether {
    names: Arc<Names>,
    latencies: BTreeMap<(HostIndex, HostIndex), Duration>,
    default_latency: Duration,
    numbers: AtomicU64,
    file: Option<PcapNg>,
    state: Mutex<EtherState>,
}

pub(super) struct EtherState {
    pub(super) capture: Capture,
    pub(super) tap: Tap,
    /// Middleboxes only: partitions are turmoil's.
    pub(super) wire: Wire,
    pub(super) partitions: Vec<Partition>,
    /// Packets stopped by each partition so far.
    pub(super) partition_hits: BTreeMap<RuleName, u64>,
    /// Holds in force, told like partitions.
    pub(super) holds: Vec<Partition>,
    /// Packets kept back by each hold so far.
    pub(super) hold_hits: BTreeMap<RuleName, u64>,
}

/// A partition or a hold that turmoil keeps up, as the senders of packets see it.
pub(super) struct Partition {
    pub(super) name: RuleName,
    pub(super) pairs: Vec<(HostIndex, HostIndex)>,
}

/// A packet past the middleboxes, with its number.
#[derive(Default)]
pub(super) struct Passed {
    /// What travels on, and how long it is held back first.
    pub(super) onward: Vec<(u64, Packet, Duration)>,
    /// What comes back to the sender.
    pub(super) back: Vec<(u64, Packet)>,
}

impl Ether {
    pub(super) fn new(
        names: Arc<Names>,
        latencies: BTreeMap<(HostIndex, HostIndex), Duration>,
        default_latency: Duration,
        (capture, file): (Capture, Option<PcapNg>),
        tap: Tap,
        wire: Wire,
    ) -> Self {
        Self {
            names,
            latencies,
            default_latency,
            numbers: AtomicU64::new(0),
            file,
            state: Mutex::new(EtherState {
                capture,
                tap,
                wire,
                partitions: Vec::new(),
                partition_hits: BTreeMap::new(),
                holds: Vec::new(),
                hold_hits: BTreeMap::new(),
            }),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, EtherState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The run as a pcapng file, when it was asked for, with what decrypts it.
    pub(super) fn capture_file(&self, key_log: &str) -> Option<Vec<u8>> {
        self.file.as_ref().map(|file| file.export(key_log))
    }

    /// A number for a packet that begins its way.
    pub(super) fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn host_at(&self, address: Ipv4Addr) -> Option<HostIndex> {
        let hosts = 0..self.names.len();
        let mut found = hosts.filter(|host| self.names.address(*host) == address);
        found.next().map(HostIndex)
    }

    /// The host to which packets for `end` go: it has the address, or is behind the NAT that has.
    pub(super) fn host_towards(
        &self,
        wire: &Wire,
        from: Option<HostIndex>,
        end: SocketAddrV4,
    ) -> Option<HostIndex> {
        let behind = || wire.host_behind(from.map(host_id), end);
        let host = self.host_at(*end.ip());
        host.or_else(|| behind().map(|host| HostIndex(host.index())))
    }

    pub(super) fn latency(&self, one: HostIndex, other: HostIndex) -> Duration {
        let set = self.latencies.get(&(one, other));
        set.copied().unwrap_or(self.default_latency)
    }

    pub(super) fn observe(
        &self,
        at: SimTime,
        host: HostIndex,
        fate: Fate,
        by: Option<&RuleName>,
        number: u64,
        packet: &Packet,
    ) {
        let place = self.names.name(host.0);
        let seen = Observation {
            at,
            place,
            fate,
            by,
            number,
            packet,
        };
        self.lock().capture.observe(&seen);
    }

    /// Something happened in the stack of `host`, perhaps to the packet numbered `arrived`.
    pub(super) fn tell(
        &self,
        at: SimTime,
        host: HostIndex,
        arrived: Option<u64>,
        event: StackEvent,
    ) {
        if let StackEvent::Blocked {
            direction,
            fate,
            rule,
            packet,
        } = event
        {
            let known = arrived.filter(|_| direction == Direction::In);
            let number = known.unwrap_or_else(|| self.next_number());
            self.observe(at, host, fate, Some(&rule), number, &packet);
        } else {
            let name = self.names.name(host.0);
            let mut state = self.lock();
            let event = event.with_ends(|end| state.wire.look_behind(end));
            state.tap.stack_event(at.since_start(), name, event);
        }
    }

    /// Octets passed an end of a connection of `host` above TLS.
    pub(super) fn overhear(
        &self,
        at: Duration,
        host: HostIndex,
        ends: Ends,
        way: Way,
        octets: &[u8],
    ) {
        let name = self.names.name(host.0);
        let mut state = self.lock();
        let ends = ends.looked_behind(&state.wire);
        state.tap.overhear(at, name, ends, way, octets);
    }

    /// Counts a packet that turmoil is going to drop because of a partition, or to keep back
    /// because of a hold.
    pub(super) fn count_parted(
        &self,
        at: SimTime,
        from: HostIndex,
        to: HostIndex,
        number: u64,
        packet: &Packet,
    ) {
        let mut state = self.lock();
        let of = |parted: &[Partition]| {
            let mut parted = parted.iter();
            let each = parted.find(|each| each.pairs.contains(&(from, to)));
            each.map(|each| each.name.clone())
        };
        let (name, fate) = match (of(&state.partitions), of(&state.holds)) {
            (Some(name), _) => (name, Fate::Partitioned),
            (None, Some(name)) => (name, Fate::Held),
            (None, None) => return,
        };
        let place = Arc::from(name.as_str());
        state.capture.observe(&Observation {
            at,
            place: &place,
            fate,
            by: Some(&name),
            number,
            packet,
        });
        let hits = if fate == Fate::Held {
            &mut state.hold_hits
        } else {
            &mut state.partition_hits
        };
        *hits.entry(name).or_default() += 1;
    }

    /// Lets the middleboxes between `from` and `to` look at a packet.
    pub(super) fn pass(
        &self,
        at: SimTime,
        from: HostIndex,
        to: HostIndex,
        mut number: u64,
        packet: Packet,
    ) -> Passed {
        let mut state = self.lock();
        let passage = state.wire.inspect(at, host_id(from), host_id(to), packet);
        let through = passage.stopped.is_none();
        for translated in &passage.translations {
            state.capture.observe(&Observation {
                at,
                place: &translated.place,
                fate: Fate::Translated,
                by: Some(&NAT.into()),
                number,
                packet: &translated.before,
            });
            number = self.sent(&mut state, at, &translated.place, &translated.after);
        }
        if let Some(stopped) = &passage.stopped {
            state.capture.observe(&Observation {
                at,
                place: &stopped.place,
                fate: stopped.fate,
                by: Some(&stopped.by),
                number,
                packet: &stopped.packet,
            });
        }
        let mut passed = Passed::default();
        for (index, (packet, wait)) in passage.onward.into_iter().enumerate() {
            let number = match &passage.answered_by {
                Some(place) if index > 0 || !through => self.sent(&mut state, at, place, &packet),
                Some(_) | None => number,
            };
            passed.onward.push((number, packet, wait));
        }
        for packet in passage.back {
            if let Some(place) = &passage.answered_by {
                let number = self.sent(&mut state, at, place, &packet);
                passed.back.push((number, packet));
            }
        }
        passed
    }

    /// A middlebox sends a packet of its own.
    pub(super) fn sent(
        &self,
        state: &mut EtherState,
        at: SimTime,
        place: &Arc<str>,
        packet: &Packet,
    ) -> u64 {
        let number = self.next_number();
        state.capture.observe(&Observation {
            at,
            place,
            fate: Fate::Sent,
            by: None,
            number,
            packet,
        });
        number
    }
}
