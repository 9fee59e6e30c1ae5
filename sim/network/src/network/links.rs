//! The links between the hosts, each made when it is first used.

use std::sync::Arc;

use indexmap::IndexMap;

use super::HostId;
use crate::hash::FixedState;
use crate::link::{Link, LinkConfig};

#[derive(Debug)]
pub(super) struct Links {
    seed: u64,
    default: LinkConfig,
    /// Hosts' names in the order of their ids: they label the links' randomness.
    names: Vec<Arc<str>>,
    by_ends: IndexMap<u64, Link, FixedState>,
}

impl Links {
    pub(super) fn new(seed: u64, default: LinkConfig) -> Self {
        Self {
            seed,
            default,
            names: Vec::new(),
            by_ends: IndexMap::default(),
        }
    }

    pub(super) fn add_host(&mut self, name: Arc<str>) {
        self.names.push(name);
    }

    pub(super) fn config(&self, from: HostId, to: HostId) -> LinkConfig {
        let link = self.by_ends.get(&key(from, to));
        link.map_or(self.default, |link| link.config)
    }

    pub(super) fn between(&mut self, from: HostId, to: HostId) -> &mut Link {
        let (names, seed, config) = (&self.names, self.seed, self.default);
        self.by_ends.entry(key(from, to)).or_insert_with(|| {
            let label = format!("link/{}/{}", names[from.index()], names[to.index()]);
            Link::new(config, seed, &label)
        })
    }
}

fn key(from: HostId, to: HostId) -> u64 {
    (u64::from(from.0) << 32) | u64::from(to.0)
}
