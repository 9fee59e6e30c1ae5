//! The loop of a turmoil run: steps and predicates between ticks.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use portcullis_net::Randomness;
use portcullis_network::{Firewall, Severed, Stack, Wire};
use portcullis_reports::Entry;
use turmoil::Sim;

use super::ether::{Ether, Partition};
use super::life::TurmoilHost;
use super::port::Port;
use super::reason::fixed;
use crate::engine::journal::{Clock, Journal};
use crate::engine::middlebox;
use crate::engine::net::Names;
use crate::engine::outcome::{End, EngineError, Hits, RunOutcome};
use crate::engine::record::capture;
use crate::engine::seat::Seat;
use crate::engine::spec::{
    Action, DOWN, Finished, HostChange, NOTHING, NetworkChange, Place, Rank, RunSpec, Topology,
};
use crate::engine::tap::Tap;
use crate::engine::tasks::{HostIndex, TaskFailure};
use crate::engine::timeline::{Due, Timeline, action_entry};

/// Datagrams that may wait at a host; far more than TCP's windows let be under way.
const UDP_CAPACITY: usize = 1 << 16;

/// A run on turmoil hosts.
pub(super) struct Conductor {
    pub(super) sim: Sim<'static>,
    journal: Arc<Journal>,
    pub(super) names: Arc<Names>,
    pub(super) ether: Arc<Ether>,
    hosts: Vec<Rc<TurmoilHost>>,
    failure: Rc<RefCell<Option<TaskFailure>>>,
    timeline: Timeline,
    /// Calls to hosts that are down, for their next lives.
    waiting: Vec<(HostIndex, Due)>,
    finished: Finished,
    seen: usize,
    ends: Duration,
}

impl Conductor {
    pub(super) fn new(spec: RunSpec) -> Result<Self, EngineError> {
        let journal = Arc::new(Journal::new());
        let specs = &spec.topology.hosts;
        let names = Arc::new(Names::of(&spec.topology));
        let ether = Arc::new(ether(&spec, &names, &journal)?);
        let mut sim = simulation(&spec);
        let failure = Rc::new(RefCell::new(None));
        let random = Randomness::from_seed(spec.seed);
        let mut hosts = Vec::new();
        for (index, host) in specs.iter().enumerate() {
            let (index, clock) = (HostIndex(index), Clock::default());
            let address = names.address(index.0);
            let config = host.stack_config(address, &ether.lock().tap);
            let stack = Stack::new(config, spec.seed);
            let ether = Arc::clone(&ether);
            let port = Arc::new(Port::new(index, address, clock.clone(), ether, stack));
            let seat = Seat::new(
                index,
                host,
                Arc::clone(&names),
                spec.epoch,
                clock.clone(),
                &random,
                Arc::clone(&journal),
            );
            let failed = Rc::clone(&failure);
            let host = Rc::new(TurmoilHost::new(index, address, seat, port, clock, failed));
            let software = Rc::clone(&host);
            sim.host(address, move || software.begin_life());
            hosts.push(host);
        }
        set_latencies(&sim, &spec.topology, &names);
        Ok(Self {
            sim,
            timeline: Timeline::new(spec.steps, &journal),
            waiting: Vec::new(),
            journal,
            names,
            ether,
            hosts,
            failure,
            finished: spec.finished,
            seen: 0,
            ends: spec.ends,
        })
    }

    /// Runs to the end.
    pub(super) fn play(mut self) -> RunOutcome {
        let end = loop {
            if let Err(error) = self.take_steps() {
                break End::Error(error);
            }
            if let Some(end) = self.end() {
                break end;
            }
            if let Err(error) = self.sim.step() {
                let message = error.to_string();
                break End::Error(EngineError::Turmoil { message });
            }
        };
        self.freeze(end)
    }

    fn end(&mut self) -> Option<End> {
        if let Some(failure) = self.failure.borrow_mut().take() {
            let host = self.names.name(failure.host.0);
            return Some(End::Error(failure.into_error(host)));
        }
        let mut finished = false;
        let look = |entries: &[Entry]| finished = (self.finished)(entries);
        self.seen = self.journal.look(self.seen, look);
        if finished {
            return Some(End::Finished);
        }
        (self.sim.elapsed() >= self.ends).then_some(End::Deadline)
    }

    fn freeze(self, end: End) -> RunOutcome {
        let (mut history, mut digest) = self.journal.freeze();
        let key_log = self.journal.key_log();
        // Hosts ran one after the other within each tick.
        history.sort_by_key(|entry| entry.at);
        let mut hits = Hits::default();
        for host in &self.hosts {
            host.port
                .change_firewall(|firewall| hits.count_rules(firewall.hits()));
            host.port.disconnect();
        }
        let state = self.ether.lock();
        for (middlebox, rules) in state.wire.middlebox_hits() {
            hits.count_middlebox(&middlebox, rules);
        }
        hits.count_partitions(state.partition_hits.clone());
        hits.count_holds(state.hold_hits.clone());
        digest.absorb(state.capture.digest());
        drop(state);
        RunOutcome {
            history,
            digest: digest.value(),
            capture: self.ether.capture_file(&key_log),
            key_log,
            end,
            elapsed: self.sim.elapsed(),
            hits,
        }
    }

    fn take_steps(&mut self) -> Result<(), EngineError> {
        let now = self.sim.elapsed();
        self.time_out_middleboxes(now);
        self.timeline.take_triggered(&self.journal);
        while let Some(step) = self.timeline.pop_due(now) {
            self.execute(now, step)?;
            self.timeline.take_triggered(&self.journal);
        }
        Ok(())
    }

    /// Middleboxes belong to no host, so what they send on their own is delivered from here.
    fn time_out_middleboxes(&self, now: Duration) {
        let mut state = self.ether.lock();
        let sent = state.wire.handle_timeout(now.into());
        let mut deliveries = Vec::new();
        for (place, packet) in sent {
            let end = |end| self.ether.host_towards(&state.wire, None, end);
            let ends = (
                end(packet.source_socket()),
                end(packet.destination_socket()),
            );
            let (Some(from), Some(to)) = ends else {
                continue;
            };
            let number = self.ether.sent(&mut state, now.into(), &place, &packet);
            let at = now + self.ether.latency(from, to);
            deliveries.push((to, at, number, packet));
        }
        drop(state);
        for (to, at, number, packet) in deliveries {
            let port = &self.hosts[to.0].port;
            port.deliver_at(at.into(), number, packet);
        }
    }

    fn execute(&mut self, now: Duration, step: Due) -> Result<(), EngineError> {
        let tell = |journal: &Journal, note| journal.append(action_entry(now, &step, note));
        match &step.action {
            Action::Network(change) => {
                let note = self.change_network(now, change)?;
                tell(&self.journal, note);
                Ok(())
            }
            Action::Host(change, name) => {
                let host = self.host(name)?;
                let note = change.note(host.up.get().into());
                tell(&self.journal, note);
                if note.is_some() {
                    return Ok(());
                }
                self.change_host(now, &host, *change);
                if *change == HostChange::Restart {
                    self.take_waiting(now, host.index)?;
                }
                Ok(())
            }
            Action::Call(call) => {
                let host = self.host(&call.host)?;
                if host.up.get() {
                    host.clock.set(now);
                    tell(&self.journal, host.call(call));
                } else if call.waits {
                    self.waiting.push((host.index, step));
                } else {
                    tell(&self.journal, Some(DOWN));
                }
                Ok(())
            }
        }
    }

    /// Makes the calls that have waited for a life of `host`.
    fn take_waiting(&mut self, now: Duration, host: HostIndex) -> Result<(), EngineError> {
        let waiting = std::mem::take(&mut self.waiting).into_iter();
        let (due, others) = waiting.partition(|(it, _)| *it == host);
        self.waiting = others;
        let due: Vec<(HostIndex, Due)> = due;
        due.into_iter()
            .try_for_each(|(_, step)| self.execute(now, step))
    }

    fn change_host(&mut self, now: Duration, host: &TurmoilHost, change: HostChange) {
        match change {
            HostChange::Crash => self.crash(host),
            HostChange::Restart => self.sim.bounce(host.address),
            HostChange::Pause => host.port.pause(),
            HostChange::Resume => host.port.resume(),
            HostChange::Stall => host.port.stall(),
            HostChange::Unstall => host.port.unstall(),
            HostChange::Clock(offset) => host.seat.set_clock_offset(now, offset),
            HostChange::Drift(drift) => host.seat.set_clock_drift(now, drift),
        }
    }

    fn crash(&mut self, host: &TurmoilHost) {
        if host.up.replace(false) {
            // The sockets die before turmoil drops the tasks, so that nothing says goodbye.
            host.port.crash();
            self.sim.crash(host.address);
        }
    }

    fn host(&self, name: &str) -> Result<Rc<TurmoilHost>, EngineError> {
        let index = position(&self.names, name)?;
        Ok(Rc::clone(&self.hosts[index.0]))
    }

    /// Says why the change had no effect, if it had none.
    fn change_network(
        &self,
        now: Duration,
        change: &NetworkChange,
    ) -> Result<Option<&'static str>, EngineError> {
        let taken_back = |there: bool| (!there).then_some(NOTHING);
        match change {
            NetworkChange::AddRule { place, rule, rank } => {
                self.change_firewall(place, |firewall| match rank {
                    Rank::First => firewall.prepend(rule.clone()),
                    Rank::Last => firewall.append(rule.clone()),
                })?;
            }
            NetworkChange::RemoveRule { place, name } => {
                let remove = |firewall: &mut Firewall| firewall.remove(&name.as_str().into());
                return Ok(taken_back(self.change_firewall(place, remove)?));
            }
            NetworkChange::Policy {
                place,
                direction,
                policy,
            } => {
                self.change_firewall(place, |firewall| firewall.set_policy(*direction, *policy))?;
            }
            NetworkChange::Partition {
                name,
                from,
                to,
                one_way,
            } => {
                let severed = if *one_way {
                    Severed::OneWay
                } else {
                    Severed::BothWays
                };
                self.partition(name, from, to, severed)?;
            }
            NetworkChange::Heal { name } => return Ok(taken_back(self.heal(name))),
            NetworkChange::Hold { name, from, to } => self.hold(name, from, to)?,
            NetworkChange::Release { name } => return Ok(taken_back(self.release(name))),
            NetworkChange::Path(_) => {
                return Err(EngineError::Unsupported {
                    reason: super::Reason::LinkChange.to_string(),
                });
            }
            NetworkChange::Name { name, to } => self.names.lead(name, to)?,
            NetworkChange::Kill {
                middlebox,
                selector,
                how,
            } => {
                let mut state = self.ether.lock();
                let id = middlebox::find(&state.wire, middlebox)?;
                let killed = state.wire.kill(now.into(), id, selector, *how);
                return Ok(taken_back(killed > 0));
            }
            NetworkChange::Reboot { middlebox } => {
                let mut state = self.ether.lock();
                let id = middlebox::find(&state.wire, middlebox)?;
                state.wire.reboot(id);
            }
        }
        Ok(None)
    }

    fn change_firewall<R>(
        &self,
        place: &Place,
        change: impl FnOnce(&mut Firewall) -> R,
    ) -> Result<R, EngineError> {
        match place {
            Place::Host(name) => Ok(self.host(name)?.port.change_firewall(change)),
            Place::Middlebox(name) => {
                let mut state = self.ether.lock();
                let id = middlebox::find(&state.wire, name)?;
                Ok(change(state.wire.middlebox_mut(id)))
            }
        }
    }

    fn partition(
        &self,
        name: &str,
        from: &[String],
        to: &[String],
        severed: Severed,
    ) -> Result<(), EngineError> {
        self.heal(name);
        let mut pairs = Vec::new();
        for one in from {
            for other in to {
                let pair = (position(&self.names, one)?, position(&self.names, other)?);
                pairs.push(pair);
                if severed == Severed::BothWays {
                    pairs.push((pair.1, pair.0));
                }
            }
        }
        for (one, other) in &pairs {
            self.sim
                .partition_oneway(self.names.address(one.0), self.names.address(other.0));
        }
        let name = name.into();
        self.ether.lock().partitions.push(Partition { name, pairs });
        Ok(())
    }

    /// Whether there was a partition of that name.
    fn heal(&self, name: &str) -> bool {
        let mut state = self.ether.lock();
        let found = state
            .partitions
            .iter()
            .position(|it| it.name.as_str() == name);
        let Some(index) = found else { return false };
        let healed = state.partitions.remove(index);
        for pair in healed.pairs {
            // Another partition may still separate the two.
            if !state.partitions.iter().any(|it| it.pairs.contains(&pair)) {
                let (one, other) = (pair.0.0, pair.1.0);
                self.sim
                    .repair_oneway(self.names.address(one), self.names.address(other));
            }
        }
        true
    }
}

pub(super) fn position(names: &Names, name: &str) -> Result<HostIndex, EngineError> {
    let found = names.position(name).map(HostIndex);
    found.ok_or_else(|| EngineError::UnknownHost {
        name: name.to_owned(),
    })
}

/// The smallest latency between any two hosts.
fn tick(topology: &Topology) -> Option<Duration> {
    let hosts = topology.hosts.len();
    let paths: BTreeMap<_, _> = topology
        .paths
        .iter()
        .map(|path| ((&path.from, &path.to), &path.link))
        .collect();
    // Where every pair is named, the default link is nowhere.
    let default = (paths.len() < hosts * hosts.saturating_sub(1)).then_some(&topology.default_link);
    paths.into_values().chain(default).filter_map(fixed).min()
}

fn simulation(spec: &RunSpec) -> Sim<'static> {
    let default = fixed(&spec.topology.default_link).unwrap_or_default();
    let tick = tick(&spec.topology).unwrap_or(default);
    turmoil::Builder::new()
        .tick_duration(tick)
        .simulation_duration(Duration::MAX)
        .epoch(spec.epoch.max(Timestamp::UNIX_EPOCH).into())
        .rng_seed(spec.seed)
        .min_message_latency(default)
        .max_message_latency(default)
        .udp_capacity(UDP_CAPACITY)
        .build()
}

fn set_latencies(sim: &Sim<'_>, topology: &Topology, names: &Names) {
    for path in &topology.paths {
        let ends = names.position(&path.from).zip(names.position(&path.to));
        if let (Some((from, to)), Some(latency)) = (ends, fixed(&path.link)) {
            sim.set_link_latency(names.address(from), names.address(to), latency);
        }
    }
}

fn ether(spec: &RunSpec, names: &Arc<Names>, journal: &Arc<Journal>) -> Result<Ether, EngineError> {
    let topology = &spec.topology;
    let mut wire = Wire::new(spec.seed);
    for spec in &topology.middleboxes {
        middlebox::put_up(&mut wire, spec, names)?;
    }
    let mut pairs = BTreeMap::new();
    for path in &topology.paths {
        let ends = (position(names, &path.from)?, position(names, &path.to)?);
        pairs.insert(ends, fixed(&path.link).unwrap_or_default());
    }
    let (capture, file) = capture(spec.packets, journal);
    Ok(Ether::new(
        Arc::clone(names),
        pairs,
        fixed(&topology.default_link).unwrap_or_default(),
        (capture, file),
        Tap::new(Arc::clone(journal), spec.decoder.clone()),
        wire,
    ))
}
