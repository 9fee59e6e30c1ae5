//! The packet engine's network: one core for all hosts, reached through one lock.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portcullis_network::{
    Firewall, HostId, HostSet, Network, PcapNg, Severed, SimTime, Stack, Way,
};

use crate::engine::journal::{Clock, Journal};
use crate::engine::middlebox::{self, host_id};
use crate::engine::net::Names;
use crate::engine::outcome::{EngineError, Hits};
use crate::engine::record::capture;
use crate::engine::spec::{NOTHING, NetworkChange, PacketDetail, PathSpec, Place, Rank, Topology};
use crate::engine::tap::{Ends, Tap};
use crate::engine::tasks::HostIndex;

/// All hosts' stacks and what connects them.
pub(crate) struct Fabric {
    state: Mutex<FabricState>,
    clock: Clock,
    file: Option<PcapNg>,
}

struct FabricState {
    network: Network,
    tap: Tap,
    names: Arc<Names>,
}

impl Fabric {
    /// # Errors
    /// When the topology names a host that it does not have.
    pub(crate) fn new(
        topology: &Topology,
        names: &Arc<Names>,
        seed: u64,
        packets: PacketDetail,
        journal: &Arc<Journal>,
        tap: Tap,
        clock: Clock,
    ) -> Result<Self, EngineError> {
        let (capture, file) = capture(packets, journal);
        let mut network = Network::new(seed, topology.default_link, capture);
        for (index, host) in topology.hosts.iter().enumerate() {
            network.add_host(host.stack_config(names.address(index), &tap));
        }
        let mut state = FabricState {
            network,
            tap,
            names: Arc::clone(names),
        };
        for path in &topology.paths {
            state.set_path(path)?;
        }
        for spec in &topology.middleboxes {
            middlebox::put_up(state.network.wire_mut(), spec, names)?;
        }
        Ok(Self {
            state: Mutex::new(state),
            clock,
            file,
        })
    }

    fn lock(&self) -> MutexGuard<'_, FabricState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes one call on the stack of `host` and carries out what it caused.
    pub(crate) fn with_stack<R>(
        &self,
        host: HostIndex,
        call: impl FnOnce(SimTime, &mut Stack) -> R,
    ) -> R {
        let now = SimTime::from(self.clock.now());
        let id = host_id(host);
        let mut state = self.lock();
        let result = call(now, state.network.stack_mut(id));
        state.network.flush(id, now);
        state.drain();
        result
    }

    /// Octets passed an end of a connection of `host` above TLS.
    pub(crate) fn overhear(&self, host: HostIndex, ends: Ends, way: Way, octets: &[u8]) {
        let now = self.clock.now();
        let mut state = self.lock();
        let FabricState {
            tap,
            names,
            network,
        } = &mut *state;
        let ends = ends.looked_behind(network.wire());
        tap.overhear(now, names.name(host.0), ends, way, octets);
    }

    /// Does everything that is due by `now`, each thing at its own time.
    pub(crate) fn advance(&self, now: Duration) {
        let now = SimTime::from(now);
        let mut state = self.lock();
        while let Some(due) = state.network.next_deadline()
            && due <= now
        {
            state.network.advance(due);
            state.drain();
        }
    }

    /// When the network next has something to do.
    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        self.lock()
            .network
            .next_deadline()
            .map(SimTime::since_start)
    }

    /// Carries out a step and says why it had no effect, if it had none.
    ///
    /// # Errors
    /// When it names a host or a middlebox that does not exist.
    pub(crate) fn change(
        &self,
        now: Duration,
        change: &NetworkChange,
    ) -> Result<Option<&'static str>, EngineError> {
        self.lock().change(now.into(), change)
    }

    pub(crate) fn crash(&self, now: Duration, host: HostIndex) {
        self.lock().network.crash(host_id(host), now.into());
    }

    pub(crate) fn restart(&self, now: Duration, host: HostIndex) {
        let mut state = self.lock();
        state.network.restart(host_id(host), now.into());
        state.drain();
    }

    pub(crate) fn pause(&self, host: HostIndex) {
        self.lock().network.pause(host_id(host));
    }

    pub(crate) fn resume(&self, now: Duration, host: HostIndex) {
        let mut state = self.lock();
        state.network.resume(host_id(host), now.into());
        state.drain();
    }

    /// The digest over all packets so far.
    pub(crate) fn digest(&self) -> u128 {
        self.lock().network.capture().digest()
    }

    /// The run as a pcapng file, when it was asked for, with what decrypts it.
    pub(crate) fn capture_file(&self, key_log: &str) -> Option<Vec<u8>> {
        self.file.as_ref().map(|file| file.export(key_log))
    }

    /// What met which rule, partition and middlebox so far.
    pub(crate) fn hits(&self) -> Hits {
        let state = self.lock();
        let mut hits = Hits::default();
        for host in 0..state.names.len() {
            let firewall = state.network.stack(host_id(HostIndex(host))).firewall();
            hits.count_rules(firewall.hits());
        }
        let wire = state.network.wire();
        for (middlebox, rules) in wire.middlebox_hits() {
            hits.count_middlebox(&middlebox, rules);
        }
        hits.count_partitions(wire.partition_hits());
        hits.count_holds(state.network.hold_hits());
        hits
    }
}

impl FabricState {
    /// Tells the tap what happened at the hosts.
    fn drain(&mut self) {
        while let Some(happened) = self.network.poll_event() {
            let host = self.names.name(happened.host.index());
            let wire = self.network.wire();
            let event = if wire.has_nat() {
                happened.event.with_ends(|end| wire.look_behind(end))
            } else {
                happened.event
            };
            self.tap.stack_event(happened.at.since_start(), host, event);
        }
    }

    fn host(&self, name: &str) -> Result<HostId, EngineError> {
        let found = self.network.host_named(name);
        found.ok_or_else(|| EngineError::UnknownHost {
            name: name.to_owned(),
        })
    }

    fn hosts(&self, names: &[String]) -> Result<HostSet, EngineError> {
        names.iter().map(|name| self.host(name)).collect()
    }

    fn firewall(&mut self, place: &Place) -> Result<&mut Firewall, EngineError> {
        match place {
            Place::Host(name) => {
                let host = self.host(name)?;
                Ok(self.network.stack_mut(host).firewall_mut())
            }
            Place::Middlebox(name) => {
                let wire = self.network.wire_mut();
                let id = middlebox::find(wire, name)?;
                Ok(wire.middlebox_mut(id))
            }
        }
    }

    fn set_path(&mut self, path: &PathSpec) -> Result<(), EngineError> {
        let (from, to) = (self.host(&path.from)?, self.host(&path.to)?);
        self.network.set_link(from, to, path.link);
        Ok(())
    }

    fn change(
        &mut self,
        now: SimTime,
        change: &NetworkChange,
    ) -> Result<Option<&'static str>, EngineError> {
        let taken_back = |there: bool| (!there).then_some(NOTHING);
        match change {
            NetworkChange::AddRule { place, rule, rank } => {
                let firewall = self.firewall(place)?;
                match rank {
                    Rank::First => firewall.prepend(rule.clone()),
                    Rank::Last => firewall.append(rule.clone()),
                }
            }
            NetworkChange::RemoveRule { place, name } => {
                let removed = self.firewall(place)?.remove(&name.as_str().into());
                return Ok(taken_back(removed));
            }
            NetworkChange::Policy {
                place,
                direction,
                policy,
            } => self.firewall(place)?.set_policy(*direction, *policy),
            NetworkChange::Partition {
                name,
                from,
                to,
                one_way,
            } => {
                let (from, to) = (self.hosts(from)?, self.hosts(to)?);
                let severed = if *one_way {
                    Severed::OneWay
                } else {
                    Severed::BothWays
                };
                self.network.wire_mut().partition(name, from, to, severed);
            }
            NetworkChange::Heal { name } => {
                return Ok(taken_back(self.network.wire_mut().heal(name)));
            }
            NetworkChange::Hold { name, from, to } => {
                let (from, to) = (self.hosts(from)?, self.hosts(to)?);
                self.network.hold(name, from, to);
            }
            NetworkChange::Release { name } => {
                return Ok(taken_back(self.network.release(name, now)));
            }
            NetworkChange::Path(path) => self.set_path(path)?,
            NetworkChange::Name { name, to } => self.names.lead(name, to)?,
            NetworkChange::Kill {
                middlebox,
                selector,
                how,
            } => {
                let wire = self.network.wire_mut();
                let id = middlebox::find(wire, middlebox)?;
                let killed = wire.kill(now, id, selector, *how);
                self.network.flush_wire();
                return Ok(taken_back(killed > 0));
            }
            NetworkChange::Reboot { middlebox } => {
                let wire = self.network.wire_mut();
                let id = middlebox::find(wire, middlebox)?;
                wire.reboot(id);
            }
        }
        Ok(None)
    }
}
