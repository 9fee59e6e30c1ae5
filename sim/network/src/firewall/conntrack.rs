//! Connection tracking: which flows a firewall has seen, and how far they are.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::net::SocketAddrV4;
use std::time::Duration;

use indexmap::IndexMap;

use super::rule::FlowState;
use super::{Idle, OnExpiry, Pickup};
use crate::firewall::FlowSelector;
use crate::hash::FixedState;
use crate::packet::{Packet, Sequence, TcpFlags, TcpSegment, Transport};
use crate::time::SimTime;

/// How long a closed or unanswered flow is remembered, as Linux's timers for closing states
/// (section 8.5: 120 s for `syn_sent`, `fin_wait` and `time_wait`).
const CLOSED_MEMORY: Duration = Duration::from_secs(120);

#[derive(Debug, Default)]
pub(super) struct Conntrack {
    flows: IndexMap<u128, Flow, FixedState>,
    /// Flows to look at when room is wanted, oldest first.
    review: VecDeque<(SimTime, u128)>,
    /// When flows may have been idle too long; entries may be early.
    expiries: BinaryHeap<Reverse<(SimTime, u128)>>,
    pub(super) idle: Option<Idle>,
    pub(super) pickup: Pickup,
    /// How many flows there is room for; no limit when none.
    pub(super) size: Option<usize>,
    /// When a full table was last searched for flows that are over.
    swept: Option<SimTime>,
}

/// A full table is searched for flows that are over at most once in so long.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// One direction of a flow.
#[derive(Clone, Copy, Debug, Default)]
struct Track {
    /// The SYN's number, once seen.
    initial: Option<Sequence>,
    /// One past the highest number seen.
    end: Sequence,
    finished: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
enum Progress {
    Opening,
    Answered,
    Established,
    Closed,
}

#[derive(Debug)]
struct Flow {
    opener: SocketAddrV4,
    acceptor: SocketAddrV4,
    progress: Progress,
    last_seen: SimTime,
    /// From the opener, from the acceptor.
    tracks: [Track; 2],
}

/// What the table knows about a packet before it is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sighting {
    pub(super) state: FlowState,
    /// Both ends have seen the handshake through.
    pub(super) established: bool,
    /// The initial number of the packet's direction, when the flow's start was seen.
    pub(super) initial: Option<Sequence>,
    /// Where the flow is in the table, until the table changes.
    index: Option<usize>,
}

/// The ends in one word, the same for both directions.
fn key(one: SocketAddrV4, other: SocketAddrV4) -> u128 {
    let pack = |end: SocketAddrV4| (u128::from(end.ip().to_bits()) << 16) | u128::from(end.port());
    let (one, other) = (pack(one), pack(other));
    (one.min(other) << 64) | one.max(other)
}

impl Conntrack {
    /// What the packet is to the table at this time.
    pub(super) fn look_up(&mut self, now: SimTime, packet: &Packet) -> Sighting {
        let segment = match &packet.transport {
            Transport::Tcp(segment) => segment,
            Transport::Icmp(icmp) => {
                let known = self.flows.contains_key(&key(icmp.source, icmp.destination));
                let state = if known {
                    FlowState::Established
                } else {
                    FlowState::Untracked
                };
                return Sighting {
                    state,
                    established: known,
                    initial: None,
                    index: None,
                };
            }
        };
        let opens = segment.flags.syn() && !segment.flags.ack();
        let key = key(packet.source_socket(), packet.destination_socket());
        let idle = self.idle.map(|idle| idle.timeout);
        let expired = |flow: &Flow| {
            idle.is_some_and(|timeout| now >= flow.last_seen + timeout)
                || (opens && flow.progress == Progress::Closed)
        };
        let (index, flow) = match self.flows.get_full(&key) {
            Some((index, _, flow)) if !expired(flow) => (index, flow),
            Some(_) => {
                self.flows.swap_remove(&key);
                return self.unknown(segment);
            }
            None => return self.unknown(segment),
        };
        let from_opener = flow.opener == packet.source_socket();
        let track = flow.tracks[usize::from(!from_opener)];
        let answered = flow.progress > Progress::Opening || !from_opener;
        Sighting {
            state: if answered {
                FlowState::Established
            } else {
                FlowState::New
            },
            established: flow.progress >= Progress::Established,
            initial: track.initial,
            index: Some(index),
        }
    }

    /// What a packet is that belongs to no flow: a SYN opens one, and with loose pickup so does a
    /// segment from the middle.
    fn unknown(&self, segment: &TcpSegment) -> Sighting {
        let flags = segment.flags;
        let opens = flags.syn() && !flags.ack();
        let picked_up = self.pickup == Pickup::Loose && !flags.syn() && !flags.rst();
        Sighting {
            state: if opens || picked_up {
                FlowState::New
            } else {
                FlowState::Untracked
            },
            established: false,
            initial: None,
            index: None,
        }
    }

    /// How many flows are in the table.
    pub(super) fn len(&self) -> usize {
        self.flows.len()
    }

    /// Whether the packet seen opens a flow for which there is no room.
    pub(super) fn is_full_for(&mut self, now: SimTime, sighting: Sighting) -> bool {
        let Some(size) = self.size else { return false };
        if sighting.index.is_some() || sighting.state != FlowState::New {
            return false;
        }
        let swept_lately = self.swept.is_some_and(|at| now < at + SWEEP_INTERVAL);
        if self.flows.len() >= size && !swept_lately {
            self.swept = Some(now);
            let idle = self.idle.map(|idle| idle.timeout);
            self.flows.retain(|_, flow| !flow.is_over(now, idle));
        }
        self.flows.len() >= size
    }

    /// Forgets the flows that `selector` means; how many, and the RSTs for both ends of each.
    pub(super) fn kill(&mut self, selector: &FlowSelector) -> (usize, Vec<Packet>) {
        let before = self.flows.len();
        let mut resets = Vec::new();
        self.flows.retain(|_, flow| {
            let meant = selector.means(flow.opener, flow.acceptor);
            let killed = meant && flow.progress != Progress::Closed;
            if killed {
                resets.extend(flow.resets());
            }
            !killed
        });
        (before - self.flows.len(), resets)
    }

    /// Takes a TCP packet that passes into account; the table must be as `look_up` left it.
    pub(super) fn note(
        &mut self,
        now: SimTime,
        sighting: Sighting,
        packet: &Packet,
        segment: &TcpSegment,
    ) {
        let source = packet.source_socket();
        let known = sighting
            .index
            .and_then(|index| self.flows.get_index_mut(index));
        if let Some((_, flow)) = known {
            flow.note(now, source, segment);
        } else if sighting.state == FlowState::New {
            let destination = packet.destination_socket();
            let key = key(source, destination);
            self.make_room(now);
            let mut flow = Flow {
                opener: source,
                acceptor: destination,
                progress: Progress::Opening,
                last_seen: now,
                tracks: [Track::default(); 2],
            };
            flow.note(now, source, segment);
            self.flows.insert(key, flow);
            self.review.push_back((now + CLOSED_MEMORY, key));
            if let Some(idle) = self.idle.filter(|idle| idle.on_expiry == OnExpiry::Reset) {
                self.expiries.push(Reverse((now + idle.timeout, key)));
            }
        }
    }

    /// Forgets up to two flows that are over, so that the table stays as small as what is alive.
    fn make_room(&mut self, now: SimTime) {
        for _ in 0..2 {
            let Some(&(due, key)) = self.review.front().filter(|(due, _)| *due <= now) else {
                return;
            };
            self.review.pop_front();
            let Some(flow) = self.flows.get(&key) else {
                continue;
            };
            if flow.is_over(now, None) {
                self.flows.swap_remove(&key);
            } else {
                self.review.push_back((now.max(due) + CLOSED_MEMORY, key));
            }
        }
    }

    /// When a flow may have to be reset for idleness.
    pub(super) fn poll_timeout(&self) -> Option<SimTime> {
        self.expiries.peek().map(|&Reverse((at, _))| at)
    }

    /// Forgets the flows that have been idle too long; the RSTs for both ends of each.
    pub(super) fn expire(&mut self, now: SimTime) -> Vec<Packet> {
        let mut resets = Vec::new();
        while let Some(&Reverse((at, key))) = self.expiries.peek()
            && at <= now
        {
            self.expiries.pop();
            let (Some(idle), Some(flow)) = (self.idle, self.flows.get(&key)) else {
                continue;
            };
            if flow.progress == Progress::Closed {
                continue;
            }
            if flow.last_seen + idle.timeout > now {
                self.expiries
                    .push(Reverse((flow.last_seen + idle.timeout, key)));
                continue;
            }
            resets.extend(flow.resets());
            self.flows.swap_remove(&key);
        }
        resets
    }

    pub(super) fn clear(&mut self) {
        let (idle, pickup, size) = (self.idle, self.pickup, self.size);
        *self = Self {
            idle,
            pickup,
            size,
            ..Self::default()
        };
    }
}

impl Flow {
    /// Whether the flow has ended, or was never answered, so long ago that its place is free; with
    /// an idle timeout, also when it was silent for that long.
    fn is_over(&self, now: SimTime, idle: Option<Duration>) -> bool {
        let ended = matches!(self.progress, Progress::Closed | Progress::Opening);
        (ended && self.last_seen + CLOSED_MEMORY <= now)
            || idle.is_some_and(|timeout| self.last_seen + timeout <= now)
    }

    fn note(&mut self, now: SimTime, source: SocketAddrV4, segment: &TcpSegment) {
        self.last_seen = now;
        let from_opener = source == self.opener;
        let track = &mut self.tracks[usize::from(!from_opener)];
        let end = segment.sequence + segment.sequence_len();
        if segment.flags.syn() {
            track.initial = Some(segment.sequence);
            track.end = end;
        } else if end.is_after(track.end) {
            track.end = end;
        }
        track.finished |= segment.flags.fin();
        // A flow that was picked up in its middle learns of the other direction from this one.
        let other = &mut self.tracks[usize::from(from_opener)];
        if other.initial.is_none() && segment.flags.ack() {
            other.end = segment.acknowledgement;
        }
        let finished = self.tracks.iter().all(|track| track.finished);
        let reached = if segment.flags.rst() || finished {
            Progress::Closed
        } else if from_opener && segment.flags.ack() && self.progress == Progress::Answered {
            Progress::Established
        } else if !from_opener && self.progress == Progress::Opening {
            Progress::Answered
        } else {
            self.progress
        };
        self.progress = reached;
    }

    /// An RST to each end, as if from the other, that its sequence check accepts.
    fn resets(&self) -> [Packet; 2] {
        let reset = |from: SocketAddrV4, to: SocketAddrV4, own: Track, peer: Track| {
            let mut segment = TcpSegment::between(from.port(), to.port());
            segment.flags = TcpFlags::RST | TcpFlags::ACK;
            segment.sequence = own.end;
            segment.acknowledgement = peer.end;
            Packet {
                source: *from.ip(),
                destination: *to.ip(),
                identification: 0,
                transport: Transport::Tcp(segment),
            }
        };
        let [opener, acceptor] = self.tracks;
        [
            reset(self.acceptor, self.opener, acceptor, opener),
            reset(self.opener, self.acceptor, opener, acceptor),
        ]
    }
}
