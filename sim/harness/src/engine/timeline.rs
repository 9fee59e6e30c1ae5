//! The steps of a run: which is due when, and how the history tells of them.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use jiff::SignedDuration;
use portcullis_network::{Latency, OnExpiry, Probability};
use portcullis_reports::{Entry, Event, Fields, Source};

use super::journal::Journal;
use super::outcome::Missed;
use super::pattern::SKIPPED;
use super::spec::{Action, DOWN, HostChange, NetworkChange, PathSpec, Place, Step, Trigger};
use super::tasks::HostIndex;

/// Steps waiting for their time; those waiting for an event are with the journal.
pub(crate) struct Timeline {
    steps: Vec<Step>,
    /// By time, then in the order in which they became known.
    due: BTreeMap<(Duration, u64), usize>,
    known: u64,
    /// How much of the history has made steps due.
    seen: usize,
    /// Steps that an event has made due at once.
    urgent: VecDeque<usize>,
    /// Steps that had no effect, and why.
    skipped: Vec<Missed>,
}

impl Timeline {
    pub(crate) fn new(steps: Vec<Step>, journal: &Journal) -> Self {
        let mut timeline = Self {
            steps: Vec::new(),
            due: BTreeMap::new(),
            known: 0,
            seen: 0,
            urgent: VecDeque::new(),
            skipped: Vec::new(),
        };
        for (index, step) in steps.iter().enumerate() {
            match &step.trigger {
                Trigger::At(time) => timeline.schedule(*time, index),
                Trigger::After { pattern, delay } => {
                    journal.watch(index, pattern.clone(), *delay);
                }
            }
        }
        timeline.steps = steps;
        timeline
    }

    /// When the next step is due.
    pub(crate) fn next(&self) -> Option<Duration> {
        self.due.first_key_value().map(|((time, _), _)| *time)
    }

    /// Takes the next step that is due by `now`.
    pub(crate) fn pop_due(&mut self, now: Duration) -> Option<Due> {
        let entry = self.due.first_entry()?;
        if entry.key().0 > now {
            return None;
        }
        let index = entry.remove();
        Some(self.at(index))
    }

    /// Takes the next step that an event has made due by `now`, and no other; those that it makes
    /// due later are added.
    pub(crate) fn pop_triggered(&mut self, now: Duration, journal: &Journal) -> Option<Due> {
        for (time, index) in journal.take_triggered() {
            if time <= now {
                self.urgent.push_back(index);
            } else {
                self.schedule(time, index);
            }
        }
        let index = self.urgent.pop_front()?;
        Some(self.at(index))
    }

    fn at(&self, index: usize) -> Due {
        let step = &self.steps[index];
        Due {
            index,
            action: step.action.clone(),
            name: step.name.clone(),
        }
    }

    /// Adds the steps that events have made due.
    pub(crate) fn take_triggered(&mut self, journal: &Journal) {
        let length = journal.length();
        if length == self.seen {
            return;
        }
        self.seen = length;
        for (time, index) in journal.take_triggered() {
            self.schedule(time, index);
        }
    }

    /// Takes note of a step that had no effect, if it had none.
    pub(crate) fn note(&mut self, step: &Due, why: Option<&'static str>) {
        let step = step.index;
        self.skipped.extend(why.map(|why| Missed { step, why }));
    }

    /// At the end of a run: the steps that had no effect or never came, in the order of the steps.
    pub(crate) fn missed(&self, journal: &Journal, waiting: &[(HostIndex, Due)]) -> Vec<Missed> {
        let because = |why| move |step| Missed { step, why };
        let mut missed = self.skipped.clone();
        let waiting = waiting.iter().map(|(_, step)| step.index);
        missed.extend(waiting.map(because(DOWN)));
        missed.extend(journal.watching().map(because("its event never came")));
        let late = self.due.values().copied();
        missed.extend(late.map(because("the run ended before")));
        missed.sort_by_key(|missed| missed.step);
        missed
    }

    fn schedule(&mut self, time: Duration, index: usize) {
        self.due.insert((time, self.known), index);
        self.known += 1;
    }
}

/// A step that is to be executed now.
pub(crate) struct Due {
    index: usize,
    pub(crate) action: Action,
    /// What the history calls it.
    name: Option<String>,
}

/// What the history says when `step` is executed `at` a time; `note` is why it had no effect.
pub(crate) fn action_entry(at: Duration, step: &Due, note: Option<&'static str>) -> Entry {
    let (name, host, mut fields) = match &step.action {
        Action::Network(change) => network_action(change),
        Action::Host(change, host) => host_action(*change, host),
        Action::Call(call) => (
            Cow::Owned(call.name.clone()),
            call.host.clone(),
            call.fields.clone(),
        ),
    };
    if let Some(step) = &step.name {
        fields.insert(Cow::Borrowed("step"), step.clone());
    }
    if let Some(note) = note {
        fields.insert(Cow::Borrowed(SKIPPED), note.to_owned());
    }
    Entry {
        at,
        host: Cow::Owned(host),
        source: Source::Harness,
        event: Event::Action { name, fields },
    }
}

type Told = (Cow<'static, str>, String, Fields);

fn host_action(change: HostChange, host: &str) -> Told {
    let mut fields = Fields::new();
    let name = match change {
        HostChange::Crash => "crash",
        HostChange::Restart => "restart",
        HostChange::Pause => "pause",
        HostChange::Resume => "resume",
        HostChange::Stall => "stall",
        HostChange::Unstall => "unstall",
        HostChange::Clock(offset) => {
            fields.insert(Cow::Borrowed("offset"), format!("{offset:#}"));
            "clock"
        }
        HostChange::Drift(parts) => {
            fields.insert(Cow::Borrowed("parts-per-billion"), parts.to_string());
            "clock"
        }
    };
    (Cow::Borrowed(name), host.to_owned(), fields)
}

fn network_action(change: &NetworkChange) -> Told {
    let mut fields = Fields::new();
    let mut set = |name: &'static str, value: String| {
        fields.insert(Cow::Borrowed(name), value);
    };
    let mut host = String::new();
    let name = match change {
        NetworkChange::AddRule { place, rule, .. } => {
            set("rule", rule.name.to_string());
            host = place_host(place, &mut set);
            "firewall-add"
        }
        NetworkChange::Policy {
            place,
            direction,
            policy,
        } => {
            set("direction", format!("{direction:?}").to_lowercase());
            set("policy", format!("{policy:?}").to_lowercase());
            host = place_host(place, &mut set);
            "firewall-policy"
        }
        NetworkChange::RemoveRule { place, name } => {
            set("rule", name.clone());
            host = place_host(place, &mut set);
            "firewall-remove"
        }
        NetworkChange::Partition {
            name,
            from,
            to,
            one_way,
        } => {
            set("one-way", one_way.to_string());
            set_between("partition", name, [from, to], &mut set);
            "partition"
        }
        NetworkChange::Heal { name } => {
            set("partition", name.clone());
            "heal"
        }
        NetworkChange::Hold { name, from, to } => {
            set_between("hold", name, [from, to], &mut set);
            "hold"
        }
        NetworkChange::Release { name } => {
            set("hold", name.clone());
            "release"
        }
        NetworkChange::Path(path) => {
            set_path(path, &mut set);
            "path"
        }
        NetworkChange::Name { name, to } => {
            set("name", name.clone());
            set("to", to.clone());
            "resolve"
        }
        NetworkChange::Kill { middlebox, how, .. } => {
            set("middlebox", middlebox.clone());
            set("reset", (*how == OnExpiry::Reset).to_string());
            "kill"
        }
        NetworkChange::Reboot { middlebox } => {
            set("middlebox", middlebox.clone());
            "reboot"
        }
    };
    (Cow::Borrowed(name), host, fields)
}

/// What parts two sets of hosts: its name, and the hosts on either side.
fn set_between(
    kind: &'static str,
    name: &str,
    [from, to]: [&[String]; 2],
    set: &mut impl FnMut(&'static str, String),
) {
    set(kind, name.to_owned());
    set("from", from.join(" "));
    set("to", to.join(" "));
}

fn set_path(path: &PathSpec, set: &mut impl FnMut(&'static str, String)) {
    set("from", path.from.clone());
    set("to", path.to.clone());
    if path.link.loss != Probability::NEVER {
        set("loss", path.link.loss.parts_per_million().to_string());
    }
    let latency = match path.link.latency {
        Latency::Fixed(latency) | Latency::Normal { mean: latency, .. } => latency,
        Latency::Uniform { min, .. } | Latency::Pareto { min, .. } => min,
    };
    let latency = SignedDuration::try_from(latency).unwrap_or(SignedDuration::MAX);
    set("latency", format!("{latency:#}"));
    if let Some(bandwidth) = path.link.bandwidth {
        set("octets-per-second", bandwidth.octets_per_second.to_string());
    }
}

/// The host whose firewall is meant, or none and the middlebox as a field.
fn place_host(place: &Place, set: &mut impl FnMut(&'static str, String)) -> String {
    match place {
        Place::Host(host) => host.clone(),
        Place::Middlebox(name) => {
            set("middlebox", name.clone());
            String::new()
        }
    }
}
