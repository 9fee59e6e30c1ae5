//! What the steps of a turmoil run change, from outside of its hosts or from inside of one.
//!
//! A step that has a time is executed between two ticks. One that follows an event at once is
//! executed by the host at which the event happened, in the middle of its tick, so that the host
//! does nothing between the two.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use portcullis_network::{Firewall, Severed};

use super::ether::{Ether, Partition};
use super::life::TurmoilHost;
use super::links::Links;
use crate::engine::journal::Journal;
use crate::engine::middlebox;
use crate::engine::net::Names;
use crate::engine::outcome::{EngineError, Missed};
use crate::engine::spec::{Action, DOWN, HostChange, NOTHING, NetworkChange, Place, Rank};
use crate::engine::tasks::HostIndex;
use crate::engine::timeline::{Due, Timeline, action_entry};

/// Everything that steps reach.
pub(super) struct Stage {
    pub(super) journal: Arc<Journal>,
    pub(super) names: Arc<Names>,
    pub(super) ether: Arc<Ether>,
    hosts: OnceCell<Vec<Rc<TurmoilHost>>>,
    timeline: RefCell<Timeline>,
    /// Calls to hosts that are down, for their next lives.
    waiting: RefCell<Vec<(HostIndex, Due)>>,
    /// What only the simulation can do, after the tick.
    orders: RefCell<Vec<(HostIndex, Power)>>,
    error: RefCell<Option<EngineError>>,
}

/// What becomes of the software of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Power {
    /// It is dropped.
    Off,
    /// Its next life begins.
    On,
}

impl Stage {
    pub(super) fn new(
        journal: Arc<Journal>,
        names: Arc<Names>,
        ether: Arc<Ether>,
        timeline: Timeline,
    ) -> Self {
        Self {
            journal,
            names,
            ether,
            hosts: OnceCell::new(),
            timeline: RefCell::new(timeline),
            waiting: RefCell::default(),
            orders: RefCell::default(),
            error: RefCell::default(),
        }
    }

    /// Brings the hosts, once they are there.
    pub(super) fn enter(&self, hosts: Vec<Rc<TurmoilHost>>) {
        // They come once.
        self.hosts.set(hosts).ok();
    }

    pub(super) fn hosts(&self) -> &[Rc<TurmoilHost>] {
        self.hosts.get().map_or(&[], Vec::as_slice)
    }

    /// Executes what is due by `now`, between two ticks.
    pub(super) fn take_steps(&self, now: Duration, links: Links<'_>) -> Result<(), EngineError> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        self.time_out_middleboxes(now);
        self.timeline.borrow_mut().take_triggered(&self.journal);
        loop {
            let due = self.timeline.borrow_mut().pop_due(now);
            let Some(step) = due else { return Ok(()) };
            self.execute(now, step, links)?;
            self.timeline.borrow_mut().take_triggered(&self.journal);
        }
    }

    /// Executes the steps that follow at once what has just happened at a host.
    pub(super) fn follow(&self, now: Duration) {
        loop {
            let due = self.timeline.borrow_mut().pop_triggered(now, &self.journal);
            let Some(step) = due else { return };
            if let Err(error) = self.execute(now, step, Links::Inside) {
                self.error.borrow_mut().get_or_insert(error);
            }
        }
    }

    /// What the simulation has to do before the next tick, in order.
    pub(super) fn take_orders(&self) -> Vec<(HostIndex, Power)> {
        self.orders.take()
    }

    /// The steps that had no effect or never came.
    pub(super) fn missed(&self) -> Vec<Missed> {
        let waiting = self.waiting.borrow();
        self.timeline.borrow().missed(&self.journal, &waiting)
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
            let port = &self.hosts()[to.0].port;
            port.deliver_at(at.into(), number, packet);
        }
    }

    fn execute(&self, now: Duration, step: Due, links: Links<'_>) -> Result<(), EngineError> {
        let tell = |note| {
            self.timeline.borrow_mut().note(&step, note);
            self.journal.append(action_entry(now, &step, note));
        };
        match &step.action {
            Action::Network(change) => {
                let note = self.change_network(now, change, links)?;
                tell(note);
                Ok(())
            }
            Action::Host(change, name) => {
                let host = self.host(name)?;
                let note = change.note(host.up.get().into());
                tell(note);
                if note.is_some() {
                    return Ok(());
                }
                self.change_host(now, &host, *change);
                if *change == HostChange::Restart {
                    self.take_waiting(now, host.index, links)?;
                }
                Ok(())
            }
            Action::Call(call) => {
                let host = self.host(&call.host)?;
                if host.up.get() {
                    host.clock.set(now);
                    tell(host.call(call));
                } else if call.waits {
                    self.waiting.borrow_mut().push((host.index, step));
                } else {
                    tell(Some(DOWN));
                }
                Ok(())
            }
        }
    }

    /// Makes the calls that have waited for a life of `host`.
    fn take_waiting(
        &self,
        now: Duration,
        host: HostIndex,
        links: Links<'_>,
    ) -> Result<(), EngineError> {
        let waiting = self.waiting.take().into_iter();
        let (due, others) = waiting.partition(|(it, _)| *it == host);
        self.waiting.replace(others);
        let due: Vec<(HostIndex, Due)> = due;
        due.into_iter()
            .try_for_each(|(_, step)| self.execute(now, step, links))
    }

    fn change_host(&self, now: Duration, host: &TurmoilHost, change: HostChange) {
        match change {
            HostChange::Crash => self.crash(host),
            HostChange::Restart => {
                host.prepare_life();
                self.order(host, Power::On);
            }
            HostChange::Pause => host.port.pause(),
            HostChange::Resume => host.port.resume(),
            HostChange::Stall => host.port.stall(),
            HostChange::Unstall => host.port.unstall(),
            HostChange::Clock(offset) => host.seat.set_clock_offset(now, offset),
            HostChange::Drift(drift) => host.seat.set_clock_drift(now, drift),
        }
    }

    fn crash(&self, host: &TurmoilHost) {
        if host.up.replace(false) {
            // The sockets die before turmoil drops the tasks, so that nothing says goodbye; until
            // then nobody polls them.
            host.port.crash();
            self.order(host, Power::Off);
        }
    }

    fn order(&self, host: &TurmoilHost, power: Power) {
        self.orders.borrow_mut().push((host.index, power));
    }

    fn host(&self, name: &str) -> Result<Rc<TurmoilHost>, EngineError> {
        let index = position(&self.names, name)?;
        Ok(Rc::clone(&self.hosts()[index.0]))
    }

    /// Says why the change had no effect, if it had none.
    fn change_network(
        &self,
        now: Duration,
        change: &NetworkChange,
        links: Links<'_>,
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
                self.partition(name, from, to, severed, links)?;
            }
            NetworkChange::Heal { name } => return Ok(taken_back(self.heal(name, links))),
            NetworkChange::Hold { name, from, to } => self.hold(name, from, to, links)?,
            NetworkChange::Release { name } => return Ok(taken_back(self.release(name, links))),
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
                drop(state);
                self.time_out_middleboxes(now);
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
        links: Links<'_>,
    ) -> Result<(), EngineError> {
        self.heal(name, links);
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
            links.cut(self.names.address(one.0), self.names.address(other.0));
        }
        let name = name.into();
        self.ether.lock().partitions.push(Partition { name, pairs });
        Ok(())
    }

    /// Whether there was a partition of that name.
    fn heal(&self, name: &str, links: Links<'_>) -> bool {
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
                links.mend(self.names.address(one), self.names.address(other));
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
