//! What lies between hosts: partitions and middleboxes.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use crate::capture::Fate;
use crate::firewall::{Direction, Firewall, Outcome, RuleName};
use crate::network::HostId;
use crate::packet::Packet;
use crate::partition::{HostSet, Partition, Severed};
use crate::time::SimTime;

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
}

#[derive(Debug)]
struct Middlebox {
    name: Arc<str>,
    first: HostSet,
    second: HostSet,
    firewall: Firewall,
}

/// What becomes of a packet between the hosts.
#[derive(Debug, Default)]
pub struct Passage {
    /// Packets to carry on towards the destination, each after a wait: the packet itself, and what
    /// a middlebox sends to that side. All middleboxes of the path have decided when it left; a
    /// wait at one does not delay the decisions of the next.
    pub onward: Vec<(Packet, Duration)>,
    /// What middleboxes send back to the sender. It passes no middlebox on its way.
    pub back: Vec<Packet>,
    /// Where and why the packet was stopped.
    pub stopped: Option<Stopped>,
    /// The middlebox that sent what it sends on its own.
    pub answered_by: Option<Arc<str>>,
}

/// A packet that did not get through.
#[derive(Debug)]
pub struct Stopped {
    /// The partition or middlebox.
    pub place: Arc<str>,
    /// What became of the packet.
    pub fate: Fate,
    /// The partition, or the middlebox's rule.
    pub by: RuleName,
    /// The packet.
    pub packet: Packet,
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
    /// errors come from `10.255.255.n`.
    ///
    /// # Panics
    /// Beyond 2^32 middleboxes.
    pub fn add_middlebox(&mut self, name: &str, first: HostSet, second: HostSet) -> MiddleboxId {
        let name: Arc<str> = name.into();
        let id = MiddleboxId(u32::try_from(self.boxes.len()).expect("few middleboxes"));
        let address = Ipv4Addr::new(10, 255, 255, (id.0 as u8).wrapping_add(1));
        let firewall = Firewall::for_host(&name, address, self.seed);
        self.boxes.push(Middlebox {
            name,
            first,
            second,
            firewall,
        });
        id
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

    /// How many packets each middlebox has stopped, delayed or counted, by its name and the rule's.
    #[must_use]
    pub fn middlebox_hits(&self) -> BTreeMap<Arc<str>, BTreeMap<RuleName, u64>> {
        self.boxes
            .iter()
            .map(|middlebox| (Arc::clone(&middlebox.name), middlebox.firewall.hits()))
            .collect()
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
        let mut packet = packet;
        let mut wait = Duration::ZERO;
        let (destination, count) = (packet.destination, self.boxes.len());
        for step in 0..count {
            let index = if from < to { step } else { count - 1 - step };
            let middlebox = &mut self.boxes[index];
            let Some(direction) = middlebox.direction(from, to) else {
                continue;
            };
            let decision = middlebox.firewall.inspect(now, direction, packet);
            for answer in decision.answers {
                passage.answered_by = Some(Arc::clone(&middlebox.name));
                if answer.destination == destination {
                    passage.onward.push((answer, wait));
                } else {
                    passage.back.push(answer);
                }
            }
            if let Some(blocked) = decision.blocked {
                passage.stopped = Some(Stopped {
                    place: Arc::clone(&middlebox.name),
                    fate: blocked.fate,
                    by: blocked.rule,
                    packet: blocked.packet,
                });
            }
            match decision.outcome {
                Outcome::Pass(passed) => packet = passed,
                Outcome::Hold(passed, held) => {
                    packet = passed;
                    wait += held;
                }
                Outcome::Stop => return passage,
            }
        }
        passage.onward.insert(0, (packet, wait));
        passage
    }

    /// When a middlebox has something to send on its own.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<SimTime> {
        self.boxes
            .iter()
            .filter_map(|middlebox| middlebox.firewall.poll_timeout())
            .min()
    }

    /// Time has come to [`Wire::poll_timeout`]'s answer: the RSTs for both ends of flows that were
    /// idle for too long, each with the middlebox that sends it.
    pub fn handle_timeout(&mut self, now: SimTime) -> Vec<(Arc<str>, Packet)> {
        let mut sent = Vec::new();
        for middlebox in &mut self.boxes {
            let resets = middlebox.firewall.handle_timeout(now);
            sent.extend(
                resets
                    .into_iter()
                    .map(|reset| (Arc::clone(&middlebox.name), reset)),
            );
        }
        sent
    }
}

impl Middlebox {
    fn direction(&self, from: HostId, to: HostId) -> Option<Direction> {
        if self.first.contains(from) && self.second.contains(to) {
            Some(Direction::Out)
        } else if self.second.contains(from) && self.first.contains(to) {
            Some(Direction::In)
        } else {
            None
        }
    }
}
