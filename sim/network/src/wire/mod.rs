//! What lies between hosts: partitions and middleboxes.

mod middlebox;
mod nat;
mod passage;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use crate::capture::Fate;
use crate::firewall::{Firewall, FlowSelector, OnExpiry, RuleName};
use crate::network::HostId;
use crate::packet::Packet;
use crate::partition::{HostSet, Partition, Severed};
use crate::time::SimTime;

use middlebox::Middlebox;
use nat::Nat;
pub use nat::{
    Forward, NAT, NAT_EXHAUSTED, NAT_FORGOTTEN, NAT_PRIVATE, NAT_UNSOLICITED, NatConfig,
    Unsolicited,
};

pub use passage::{Passage, Stopped, Translated};

/// Names a middlebox of one [`Wire`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MiddleboxId(u32);

/// Partitions and middleboxes, which look at a packet when it has left its sender.
///
/// [`Network`](crate::Network) has one. A driver that moves packets by other means (turmoil's own
/// links) uses a `Wire` on its own, shared by all senders: [`Wire::inspect`] at the sender, then
/// the packets of the [`Passage`] go where they say.
#[derive(Debug, Default)]
pub struct Wire {
    seed: u64,
    boxes: Vec<Middlebox>,
    partitions: Vec<Partition>,
    /// Packets that healed partitions stopped.
    healed: BTreeMap<RuleName, u64>,
    /// What middleboxes send on their own at the next [`Wire::handle_timeout`].
    outgoing: Vec<(Arc<str>, Packet)>,
    /// When the oldest of them was put there.
    outgoing_at: Option<SimTime>,
}

impl Wire {
    /// A wire without obstacles.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            ..Self::default()
        }
    }

    /// Puts a middlebox between every host of `first` and every host of `second`.
    ///
    /// Its rules' direction `Out` is from `first` to `second`. Middleboxes on one path are passed
    /// in the order in which they were added, or in the opposite order on the way back. Its ICMP
    /// errors come from [`middlebox_address`].
    ///
    /// # Panics
    /// Beyond 2^32 middleboxes.
    pub fn add_middlebox(&mut self, name: &str, first: HostSet, second: HostSet) -> MiddleboxId {
        let name: Arc<str> = name.into();
        let id = MiddleboxId(u32::try_from(self.boxes.len()).expect("few middleboxes"));
        let firewall = Firewall::for_host(&name, middlebox_address(id.0), self.seed);
        self.boxes.push(Middlebox {
            name,
            first,
            second,
            firewall,
            nat: None,
        });
        id
    }

    /// Hides the hosts of the middlebox's first side behind its own address, [`middlebox_address`].
    ///
    /// Its firewall sees the hosts' own addresses in both directions, as Linux's `FORWARD` chain
    /// does; middleboxes beyond it see the NAT's.
    ///
    /// # Panics
    /// When `id` is another wire's.
    pub fn set_nat(&mut self, id: MiddleboxId, config: NatConfig) {
        let middlebox = &mut self.boxes[id.0 as usize];
        let address = middlebox_address(id.0);
        let nat = Nat::new(config, address, self.seed, &middlebox.name);
        middlebox.nat = Some(Box::new(nat));
    }

    /// How many mappings a middlebox's NAT holds; none without a NAT.
    ///
    /// # Panics
    /// When `id` is another wire's.
    #[must_use]
    pub fn nat_mappings(&self, id: MiddleboxId) -> usize {
        let nat = self.boxes[id.0 as usize].nat.as_ref();
        nat.map_or(0, |nat| nat.mapping_count())
    }

    fn nats(&self) -> impl Iterator<Item = &Nat> {
        self.boxes
            .iter()
            .filter_map(|middlebox| middlebox.nat.as_deref())
    }

    /// The host that a packet from `from` has to be sent towards when no host has its destination
    /// address: one behind the NAT that has it. None for an address that is no NAT's, and for that
    /// of the NAT behind which the sender itself is.
    #[must_use]
    pub fn host_behind(&self, from: Option<HostId>, destination: SocketAddrV4) -> Option<HostId> {
        let mut boxes = self.boxes.iter();
        boxes.find_map(|middlebox| {
            let nat = middlebox.nat.as_ref()?;
            let is_inside = from.is_some_and(|from| middlebox.first.contains(from));
            if nat.address() != *destination.ip() || is_inside {
                return None;
            }
            nat.host_behind(destination)
        })
    }

    /// The end that a NAT's outside end stands for, or stood for last; other ends are themselves.
    #[must_use]
    pub fn look_behind(&self, end: SocketAddrV4) -> SocketAddrV4 {
        let behind = self.nats().find_map(|nat| nat.look_behind(end));
        behind.unwrap_or(end)
    }

    /// Whether any middlebox translates addresses.
    #[must_use]
    pub fn has_nat(&self) -> bool {
        self.nats().next().is_some()
    }

    /// Makes a middlebox forget flows, and says how many they were. With [`OnExpiry::Reset`] both
    /// ends of each get an RST at the next [`Wire::handle_timeout`], which is due at once.
    ///
    /// # Panics
    /// When `id` is another wire's.
    pub fn kill(
        &mut self,
        now: SimTime,
        id: MiddleboxId,
        selector: &FlowSelector,
        how: OnExpiry,
    ) -> usize {
        let middlebox = &mut self.boxes[id.0 as usize];
        let (count, resets) = middlebox.firewall.kill(selector, how);
        let place = Arc::clone(&middlebox.name);
        if !resets.is_empty() {
            self.outgoing_at.get_or_insert(now);
        }
        let resets = resets.into_iter().map(|reset| (Arc::clone(&place), reset));
        self.outgoing.extend(resets);
        count
    }

    /// A middlebox loses its flows and mappings, as a reboot does. Its rules stay.
    ///
    /// # Panics
    /// When `id` is another wire's.
    pub fn reboot(&mut self, id: MiddleboxId) {
        let middlebox = &mut self.boxes[id.0 as usize];
        middlebox.firewall.forget_flows();
        if let Some(nat) = &mut middlebox.nat {
            nat.forget();
        }
    }

    /// The middlebox called `name`.
    #[must_use]
    pub fn middlebox_named(&self, name: &str) -> Option<MiddleboxId> {
        let index = self
            .boxes
            .iter()
            .position(|middlebox| &*middlebox.name == name)?;
        u32::try_from(index).ok().map(MiddleboxId)
    }

    /// A middlebox's rules and counts.
    ///
    /// # Panics
    /// When `id` is another wire's.
    #[must_use]
    pub fn middlebox(&self, id: MiddleboxId) -> &Firewall {
        &self.boxes[id.0 as usize].firewall
    }

    /// A middlebox's rules, to change them.
    ///
    /// # Panics
    /// When `id` is another wire's.
    pub fn middlebox_mut(&mut self, id: MiddleboxId) -> &mut Firewall {
        &mut self.boxes[id.0 as usize].firewall
    }

    /// Separates two sets of hosts until [`Wire::heal`]. Packets already past it arrive. Replaces a
    /// partition of that name.
    pub fn partition(&mut self, name: &str, from: HostSet, to: HostSet, severed: Severed) {
        self.heal(name);
        self.partitions.push(Partition {
            name: name.into(),
            from,
            to,
            severed,
            hits: 0,
        });
    }

    /// Ends the partition called `name` and says whether there was one. Its count stays.
    pub fn heal(&mut self, name: &str) -> bool {
        let found = self
            .partitions
            .iter()
            .position(|partition| partition.name.as_str() == name);
        let Some(at) = found else { return false };
        let partition = self.partitions.remove(at);
        *self.healed.entry(partition.name).or_insert(0) += partition.hits;
        true
    }

    /// How many packets each partition has stopped, healed ones included.
    #[must_use]
    pub fn partition_hits(&self) -> BTreeMap<RuleName, u64> {
        let mut hits = self.healed.clone();
        for partition in &self.partitions {
            *hits.entry(partition.name.clone()).or_insert(0) += partition.hits;
        }
        hits
    }

    /// How many packets each middlebox has stopped, delayed, translated or counted, by its name
    /// and the rule's.
    #[must_use]
    pub fn middlebox_hits(&self) -> BTreeMap<Arc<str>, BTreeMap<RuleName, u64>> {
        let boxes = self.boxes.iter();
        let hits = boxes.map(|middlebox| {
            let mut hits = middlebox.firewall.hits();
            for (name, count) in middlebox.nat.iter().flat_map(|nat| nat.counts()) {
                *hits.entry(name.clone()).or_insert(0) += count;
            }
            (Arc::clone(&middlebox.name), hits)
        });
        hits.collect()
    }

    /// Whether nothing is in the way of any packet: [`Wire::inspect`] would pass each as it is.
    pub(crate) const fn is_clear(&self) -> bool {
        self.partitions.is_empty() && self.boxes.is_empty()
    }

    /// Decides a packet that has left `from` for `to`.
    pub fn inspect(&mut self, now: SimTime, from: HostId, to: HostId, packet: Packet) -> Passage {
        let mut passage = Passage::default();
        let separating = self
            .partitions
            .iter_mut()
            .find(|each| each.separates(from, to));
        if let Some(partition) = separating {
            partition.hits += 1;
            passage.stopped = Some(Stopped {
                place: partition.name.as_str().into(),
                fate: Fate::Partitioned,
                by: partition.name.clone(),
                packet,
            });
            return passage;
        }
        let mut wait = Duration::ZERO;
        let mut packet = Some(packet);
        let count = self.boxes.len();
        for step in 0..count {
            let index = if from < to { step } else { count - 1 - step };
            let Some(direction) = self.boxes[index].direction(from, to) else {
                continue;
            };
            let Some(arrived) = packet.take() else { break };
            let middlebox = &mut self.boxes[index];
            packet = middlebox.pass(now, direction, arrived, &mut wait, &mut passage);
        }
        if let Some(packet) = packet {
            passage.onward.insert(0, (packet, wait));
        }
        self.translate_answers(&mut passage);
        passage
    }

    /// What middleboxes send on their own reaches both ends under the addresses that these know.
    fn translate_answers(&self, passage: &mut Passage) {
        if passage.answered_by.is_none() || !self.has_nat() {
            return;
        }
        let own = usize::from(passage.stopped.is_none());
        for (answer, _) in passage.onward.iter_mut().skip(own) {
            self.translate_own(answer);
        }
        for answer in &mut passage.back {
            self.translate_own(answer);
        }
    }

    fn translate_own(&self, packet: &mut Packet) {
        for nat in self.nats() {
            if let Some(translated) = nat.translate_own(packet) {
                *packet = translated;
            }
        }
    }

    /// When a middlebox has something to send on its own.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<SimTime> {
        let boxes = self.boxes.iter().flat_map(|middlebox| {
            let nat = middlebox.nat.as_ref().and_then(|nat| nat.poll_timeout());
            [middlebox.firewall.poll_timeout(), nat]
        });
        boxes.chain([self.outgoing_at]).flatten().min()
    }

    /// Time has come to [`Wire::poll_timeout`]'s answer: what middleboxes send on their own, each
    /// with the middlebox that does. These are the RSTs for both ends of flows that were idle for
    /// too long or killed, and a NAT's answers to unsolicited SYNs.
    pub fn handle_timeout(&mut self, now: SimTime) -> Vec<(Arc<str>, Packet)> {
        self.outgoing_at = None;
        let mut sent = std::mem::take(&mut self.outgoing);
        for middlebox in &mut self.boxes {
            let mut own = middlebox.firewall.handle_timeout(now);
            if let Some(nat) = &mut middlebox.nat {
                own.extend(nat.handle_timeout(now));
            }
            let place = &middlebox.name;
            sent.extend(own.into_iter().map(|packet| (Arc::clone(place), packet)));
        }
        if self.has_nat() {
            for (_, packet) in &mut sent {
                self.translate_own(packet);
            }
        }
        sent
    }
}

/// The address of the middlebox that is added after `index` others.
#[must_use]
pub const fn middlebox_address(index: u32) -> Ipv4Addr {
    Ipv4Addr::new(10, 255, 255, (index as u8).wrapping_add(1))
}
