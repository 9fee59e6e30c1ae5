//! Every packet and its fate.

mod pcapng;

use std::fmt;
use std::sync::Arc;

use xxhash_rust::xxh3::Xxh3;

use crate::firewall::RuleName;
use crate::packet::{Packet, Transport};
use crate::time::SimTime;

pub use pcapng::PcapNg;

/// What became of a packet at one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fate {
    /// It left its sender, past the sender's rules.
    Sent,
    /// It reached its receiver, past the receiver's rules.
    Delivered,
    /// A firewall dropped it without a word.
    Dropped,
    /// A firewall dropped it and told its sender by RST or ICMP.
    Rejected,
    /// A partition separates its ends.
    Partitioned,
    /// The link lost it.
    Lost,
    /// The link made a second copy of it.
    Duplicated,
    /// The link is down.
    LinkDown,
    /// The link's queue, or that of a paused host, was full.
    QueueFull,
    /// Its receiver is crashed.
    HostDown,
    /// No host has its destination address.
    NoHost,
    /// A NAT changed its addresses; it goes on under a new number.
    Translated,
    /// It waits at the end of its way until a hold is released.
    Held,
}

impl Fate {
    /// The name used in histories and captures.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Dropped => "dropped",
            Self::Rejected => "rejected",
            Self::Partitioned => "partitioned",
            Self::Held => "held",
            Self::Lost => "lost",
            Self::Duplicated => "duplicated",
            Self::LinkDown => "link-down",
            Self::QueueFull => "queue-full",
            Self::HostDown => "host-down",
            Self::NoHost => "no-host",
            Self::Translated => "translated",
        }
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One packet's fate at one place and time.
#[derive(Clone, Copy, Debug)]
pub struct Observation<'a> {
    /// When.
    pub at: SimTime,
    /// The host or middlebox where it happened.
    pub place: &'a Arc<str>,
    /// What happened.
    pub fate: Fate,
    /// The rule, partition or middlebox that decided, when one did.
    pub by: Option<&'a RuleName>,
    /// Tells packets of one run apart: the same number means the same packet on its way.
    pub number: u64,
    /// The packet.
    pub packet: &'a Packet,
}

/// Somebody who wants to see every packet, in order.
pub trait Observer: Send {
    /// Called once for each fate, at the time it happens.
    fn observe(&mut self, observation: &Observation<'_>);
}

/// The running digest of a run's packets, and whoever else watches.
#[derive(Default)]
pub struct Capture {
    digest: Xxh3,
    events: u64,
    observers: Vec<Box<dyn Observer>>,
}

impl Capture {
    /// A capture that only digests.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an observer; observers are called in the order in which they were added.
    pub fn add(&mut self, observer: impl Observer + 'static) {
        self.observers.push(Box::new(observer));
    }

    /// Takes one event into the digest and shows it to the observers.
    pub fn observe(&mut self, observation: &Observation<'_>) {
        self.events += 1;
        self.absorb(observation);
        for observer in &mut self.observers {
            observer.observe(observation);
        }
    }

    fn absorb(&mut self, observation: &Observation<'_>) {
        let packet = observation.packet;
        let mut words = [0_u64; 8];
        words[0] = observation.at.as_nanos();
        words[1] = (observation.number << 8) | observation.fate as u64;
        words[2] = pair(packet.source.to_bits(), packet.destination.to_bits());
        match &packet.transport {
            Transport::Tcp(segment) => {
                let ports = pair(
                    u32::from(segment.source_port),
                    u32::from(segment.destination_port),
                );
                words[3] = (ports << 8) ^ u64::from(segment.flags.0);
                words[4] = pair(segment.sequence.0, segment.acknowledgement.0);
                words[5] = pair(u32::from(segment.window), segment.payload.len() as u32);
            }
            Transport::Icmp(icmp) => {
                words[3] = u64::from(icmp.kind.code()) | (1 << 63);
                words[4] = pair(icmp.source.ip().to_bits(), icmp.destination.ip().to_bits());
                words[5] = pair(
                    u32::from(icmp.source.port()),
                    u32::from(icmp.destination.port()),
                );
            }
        }
        words[6] = u64::from(packet.identification);
        words[7] = observation.by.map_or(0, |by| by.as_str().len() as u64 + 1);
        let mut octets = [0_u8; 64];
        for (place, word) in octets.chunks_exact_mut(8).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        self.digest.update(&octets);
        if let Some(by) = observation.by {
            self.digest.update(by.as_str().as_bytes());
        }
        // A packet's octets count once, when it leaves.
        if let (Fate::Sent, Transport::Tcp(segment)) = (observation.fate, &packet.transport) {
            self.digest.update(&segment.payload);
        }
    }

    /// The digest of everything so far: equal runs have equal digests, on every machine.
    #[must_use]
    pub fn digest(&self) -> u128 {
        self.digest.digest128()
    }

    /// How many events there were.
    #[must_use]
    pub const fn events(&self) -> u64 {
        self.events
    }
}

impl fmt::Debug for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capture")
            .field("events", &self.events)
            .field("observers", &self.observers.len())
            .finish_non_exhaustive()
    }
}

fn pair(high: u32, low: u32) -> u64 {
    (u64::from(high) << 32) | u64::from(low)
}
