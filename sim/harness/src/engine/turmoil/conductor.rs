//! The loop of a turmoil run: steps and predicates between ticks.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use portcullis_net::Randomness;
use portcullis_network::{Stack, Wire};
use portcullis_reports::Entry;
use turmoil::Sim;

use super::ether::Ether;
use super::life::TurmoilHost;
use super::links::Links;
use super::port::Port;
use super::reason::fixed;
use super::stage::{Power, Stage, position};
use crate::engine::journal::{Clock, Journal};
use crate::engine::middlebox;
use crate::engine::net::Names;
use crate::engine::outcome::{End, EngineError, Hits, RunOutcome};
use crate::engine::record::capture;
use crate::engine::seat::Seat;
use crate::engine::spec::{Finished, RunSpec, Topology};
use crate::engine::tap::Tap;
use crate::engine::tasks::{HostIndex, TaskFailure};
use crate::engine::timeline::Timeline;

/// How far a host runs before it is the next one's turn: the grid of tokio's timers, so that all
/// that a host does in a tick happens at one instant.
const TICK: Duration = Duration::from_millis(1);

/// Datagrams that may wait at a host; far more than TCP's windows let be under way.
const UDP_CAPACITY: usize = 1 << 16;

/// A run on turmoil hosts.
pub(super) struct Conductor {
    sim: Sim<'static>,
    stage: Rc<Stage>,
    failure: Rc<RefCell<Option<TaskFailure>>>,
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
        let timeline = Timeline::new(spec.steps.clone(), &journal);
        let stage = Stage::new(
            Arc::clone(&journal),
            Arc::clone(&names),
            Arc::clone(&ether),
            timeline,
        );
        let stage = Rc::new(stage);
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
            let host = TurmoilHost::new(index, seat, port, clock, failed, Rc::downgrade(&stage));
            let host = Rc::new(host);
            host.prepare_life();
            let software = Rc::clone(&host);
            sim.host(address, move || software.begin_life());
            hosts.push(host);
        }
        stage.enter(hosts);
        set_latencies(&sim, &spec.topology, &names);
        Ok(Self {
            sim,
            stage,
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
            let host = self.stage.names.name(failure.host.0);
            return Some(End::Error(failure.into_error(host)));
        }
        let mut finished = false;
        let look = |entries: &[Entry]| finished = (self.finished)(entries);
        self.seen = self.stage.journal.look(self.seen, look);
        if finished {
            return Some(End::Finished);
        }
        (self.sim.elapsed() >= self.ends).then_some(End::Deadline)
    }

    fn freeze(self, end: End) -> RunOutcome {
        let stage = &self.stage;
        let missed = stage.missed();
        let (mut history, mut digest) = stage.journal.freeze();
        let key_log = stage.journal.key_log();
        // Hosts ran one after the other within each tick.
        history.sort_by_key(|entry| entry.at);
        let mut hits = Hits::default();
        for host in stage.hosts() {
            host.port
                .change_firewall(|firewall| hits.count_rules(firewall.hits()));
            host.port.disconnect();
        }
        let state = stage.ether.lock();
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
            capture: stage.ether.capture_file(&key_log),
            key_log,
            end,
            elapsed: self.sim.elapsed(),
            hits,
            missed,
        }
    }

    fn take_steps(&mut self) -> Result<(), EngineError> {
        self.obey();
        let taken = self
            .stage
            .take_steps(self.sim.elapsed(), Links::Outside(&self.sim));
        self.obey();
        taken
    }

    /// Drops and begins the lives of hosts as steps want it.
    fn obey(&mut self) {
        for (host, power) in self.stage.take_orders() {
            let address = self.stage.names.address(host.0);
            match power {
                Power::Off => self.sim.crash(address),
                Power::On => self.sim.bounce(address),
            }
        }
    }
}

fn simulation(spec: &RunSpec) -> Sim<'static> {
    let default = fixed(&spec.topology.default_link).unwrap_or_default();
    turmoil::Builder::new()
        .tick_duration(TICK)
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
