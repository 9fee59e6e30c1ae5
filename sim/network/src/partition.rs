//! Sets of hosts, and partitions between them.

use crate::firewall::RuleName;
use crate::network::HostId;

/// A set of hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostSet(Vec<u64>);

impl HostSet {
    /// Whether `host` is in the set.
    #[must_use]
    pub fn contains(&self, host: HostId) -> bool {
        self.0
            .get(host.index() / 64)
            .is_some_and(|word| word >> (host.index() % 64) & 1 == 1)
    }
}

impl FromIterator<HostId> for HostSet {
    fn from_iter<I: IntoIterator<Item = HostId>>(hosts: I) -> Self {
        let mut words = Vec::new();
        for host in hosts {
            let word = host.index() / 64;
            if words.len() <= word {
                words.resize(word + 1, 0);
            }
            words[word] |= 1 << (host.index() % 64);
        }
        Self(words)
    }
}

/// In which directions a partition separates its two sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severed {
    /// Nothing passes either way.
    BothWays,
    /// Nothing passes from the first set to the second; the second still reaches the first.
    OneWay,
}

/// A partition in force.
#[derive(Debug)]
pub(crate) struct Partition {
    pub(crate) name: RuleName,
    pub(crate) from: HostSet,
    pub(crate) to: HostSet,
    pub(crate) severed: Severed,
    pub(crate) hits: u64,
}

impl Partition {
    pub(crate) fn separates(&self, from: HostId, to: HostId) -> bool {
        (self.from.contains(from) && self.to.contains(to))
            || (self.severed == Severed::BothWays
                && self.from.contains(to)
                && self.to.contains(from))
    }
}
