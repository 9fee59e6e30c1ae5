//! Packets that wait between two sets of hosts until they are released.

use std::collections::BTreeMap;

use super::Network;
use super::host::{HostId, Transit};
use crate::capture::Fate;
use crate::firewall::RuleName;
use crate::partition::HostSet;
use crate::time::SimTime;

/// Packets that wait in one hold; more are dropped.
const HELD_MAX: usize = 4_096;

/// All holds of a network.
#[derive(Debug, Default)]
pub(super) struct Holds {
    holds: Vec<Hold>,
    /// Packets that released holds had held.
    released: BTreeMap<RuleName, u64>,
}

#[derive(Debug)]
struct Hold {
    name: RuleName,
    one: HostSet,
    other: HostSet,
    hits: u64,
    waiting: Vec<Transit>,
}

impl Hold {
    fn concerns(&self, from: HostId, to: HostId) -> bool {
        (self.one.contains(from) && self.other.contains(to))
            || (self.one.contains(to) && self.other.contains(from))
    }
}

#[expect(
    clippy::multiple_inherent_impl,
    reason = "one file for each concern of the network"
)]
impl Network {
    /// Holds all packets between two sets of hosts, in both directions, also those under way, until
    /// [`Network::release`]. Up to 4,096 wait. Replaces a hold of that name.
    pub fn hold(&mut self, name: &str, one: HostSet, other: HostSet) {
        self.release(name, self.now);
        self.holds.holds.push(Hold {
            name: name.into(),
            one,
            other,
            hits: 0,
            waiting: Vec::new(),
        });
    }

    /// Ends the hold called `name` and says whether there was one: what waited arrives at once, in
    /// the order in which it came.
    pub fn release(&mut self, name: &str, now: SimTime) -> bool {
        let mut holds = self.holds.holds.iter();
        let Some(index) = holds.position(|hold| hold.name.as_str() == name) else {
            return false;
        };
        self.now = self.now.max(now);
        let hold = self.holds.holds.remove(index);
        *self.holds.released.entry(hold.name).or_insert(0) += hold.hits;
        for transit in hold.waiting {
            self.agenda.arrive_at(self.now, transit);
        }
        true
    }

    /// How many packets each hold has held, released ones included.
    #[must_use]
    pub fn hold_hits(&self) -> BTreeMap<RuleName, u64> {
        let mut hits = self.holds.released.clone();
        for hold in &self.holds.holds {
            *hits.entry(hold.name.clone()).or_insert(0) += hold.hits;
        }
        hits
    }

    /// The packet at the end of its way, unless a hold keeps it.
    pub(super) fn pass_holds(&mut self, transit: Transit) -> Option<Transit> {
        let (from, to) = (transit.from, transit.to);
        let mut holds = self.holds.holds.iter_mut();
        let Some(hold) = holds.find(|hold| hold.concerns(from, to)) else {
            return Some(transit);
        };
        let has_room = hold.waiting.len() < HELD_MAX;
        let fate = if has_room {
            Fate::Held
        } else {
            Fate::QueueFull
        };
        let place = &self.hosts[to.index()].stack.config().name;
        let decided = (fate, Some(&hold.name));
        self.journal
            .note(self.now, place, decided, transit.number, &transit.packet);
        hold.hits += 1;
        if has_room {
            hold.waiting.push(transit);
        }
        None
    }
}
