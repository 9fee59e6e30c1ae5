//! turmoil's own partitions and holds, from outside of its hosts and from inside of one.

use std::net::Ipv4Addr;

use turmoil::Sim;

/// Where turmoil is told from what happens to its links.
#[derive(Clone, Copy)]
pub(super) enum Links<'s> {
    /// Between two ticks.
    Outside(&'s Sim<'static>),
    /// From the software of a host, within its tick.
    Inside,
}

impl Links<'_> {
    pub(super) fn cut(self, from: Ipv4Addr, to: Ipv4Addr) {
        match self {
            Self::Outside(sim) => sim.partition_oneway(from, to),
            Self::Inside => turmoil::partition_oneway(from, to),
        }
    }

    pub(super) fn mend(self, from: Ipv4Addr, to: Ipv4Addr) {
        match self {
            Self::Outside(sim) => sim.repair_oneway(from, to),
            Self::Inside => turmoil::repair_oneway(from, to),
        }
    }

    pub(super) fn hold(self, one: Ipv4Addr, other: Ipv4Addr) {
        match self {
            Self::Outside(sim) => sim.hold(one, other),
            Self::Inside => turmoil::hold(one, other),
        }
    }

    pub(super) fn release(self, one: Ipv4Addr, other: Ipv4Addr) {
        match self {
            Self::Outside(sim) => sim.release(one, other),
            Self::Inside => turmoil::release(one, other),
        }
    }
}
