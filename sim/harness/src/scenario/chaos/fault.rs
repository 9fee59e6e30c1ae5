//! One drawn fault, and the steps that begin and end it.

use std::fmt;
use std::ops::Range;

use portcullis_net::Randomness;

use super::super::amount::{Amount, Unit};
use super::super::key::Outage;
use super::super::table::{Table, Value};
use super::{Ways, amount, choose, time};

/// When a fault begins and ends.
#[derive(Clone, Debug)]
pub(super) enum Moment {
    /// Two times since the start, in nanoseconds.
    Between(u64, u64),
    /// So long after an event, in nanoseconds.
    After {
        event: Table,
        delay: u64,
        until: u64,
    },
}

/// One drawn fault.
pub(super) struct Fault {
    pub(super) kind: String,
    /// The actions of a protocol that it consists of.
    pub(super) outage: Option<Outage>,
    pub(super) host: String,
    /// The host at the other end of the way, for faults of a way.
    pub(super) peer: String,
    pub(super) moment: Moment,
    /// For what only some kinds draw.
    pub(super) random: Randomness,
}

/// An action of a step: its key and its value.
type Action = (&'static str, Value);

/// What a link can be like, as keys of a path.
const QUALITY: &[&str] = &[
    "latency",
    "jitter",
    "distribution",
    "loss",
    "duplicate",
    "reorder",
    "bandwidth",
];

impl Fault {
    /// Whether both at once would undo each other: two states of one host, or of one way.
    pub(super) fn conflicts(&self, other: &Self) -> bool {
        let is_same = match (self.place(), other.place()) {
            (Place::Host, Place::Host) => self.host == other.host,
            (Place::Way, Place::Way) => self.host == other.host && self.peer == other.peer,
            _ => false,
        };
        is_same && self.may_overlap(other)
    }

    fn may_overlap(&self, other: &Self) -> bool {
        match (&self.moment, &other.moment) {
            (Moment::Between(begins, ends), Moment::Between(first, last)) => {
                begins <= last && first <= ends
            }
            // Nobody knows when events happen. A host that is down is not crashed again, so
            // crashes may meet.
            _ => (self.kind.as_str(), other.kind.as_str()) != ("crash", "crash"),
        }
    }

    fn place(&self) -> Place {
        match self.kind.as_str() {
            "loss" | "latency" => Place::Way,
            _ if self.peer.is_empty() => Place::Host,
            _ => Place::Nowhere,
        }
    }

    /// The steps that begin it and end it, both called `name`.
    pub(super) fn steps(&self, name: &str, space: &Table, ways: Ways<'_>) -> [Table; 2] {
        let (begin, end) = self.actions(name, space, ways);
        let at = |moment: Vec<(&'static str, Value)>, action| {
            let called = ("name", Value::Text(name.to_owned()));
            // A seed may draw what meets nothing; `chaos = true` asks of all seeds together.
            let optional = ("optional", Value::Boolean(true));
            let entries = moment.into_iter().chain([called, optional, action]);
            Table::made(&space.span, entries.collect())
        };
        let (first, last) = match &self.moment {
            Moment::Between(begins, ends) => {
                (vec![("time", time(*begins))], vec![("time", time(*ends))])
            }
            Moment::After {
                event,
                delay,
                until,
            } => {
                let after = |delay| {
                    let event = ("after", Value::Table(event.clone()));
                    vec![event, ("delay", time(delay))]
                };
                (after(*delay), after(*until))
            }
        };
        [at(first, begin), at(last, end)]
    }

    fn actions(&self, name: &str, space: &Table, ways: Ways<'_>) -> (Action, Action) {
        let host = || Value::Text(self.host.clone());
        if let Some(outage) = self.outage {
            return ((outage.begin, host()), (outage.end, host()));
        }
        match self.kind.as_str() {
            "crash" => (("crash", host()), ("restart", host())),
            "pause" => (("pause", host()), ("resume", host())),
            "partition" | "one-way-partition" => {
                let cut = vec![
                    ("name", Value::Text(name.to_owned())),
                    ("from", Value::Texts(vec![self.host.clone()])),
                    ("to", Value::Texts(vec![self.peer.clone()])),
                    ("one_way", Value::Boolean(self.kind != "partition")),
                ];
                let cut = Value::Table(Table::made(&space.span, cut));
                let heal = Value::Text(name.to_owned());
                (("partition", cut), ("heal", heal))
            }
            "hold" => {
                let hold = vec![
                    ("name", Value::Text(name.to_owned())),
                    ("from", Value::Texts(vec![self.host.clone()])),
                    ("to", Value::Texts(vec![self.peer.clone()])),
                ];
                let hold = Value::Table(Table::made(&space.span, hold));
                let release = Value::Text(name.to_owned());
                (("hold", hold), ("release", release))
            }
            "loss" | "latency" => {
                let usual = self.quality(ways);
                let mut worse = usual.clone();
                let drawn = amount(space, &self.kind, &self.random);
                let (key, unit, drawn) = if self.kind == "loss" {
                    ("loss", Unit::PartPerMillion, drawn)
                } else {
                    // Whole milliseconds: tokio's timers know nothing finer.
                    let drawn = drawn / super::GRAIN * super::GRAIN;
                    ("latency", Unit::Nanosecond, drawn)
                };
                worse.retain(|(known, _)| *known != key);
                worse.push((key, Value::Amount(Amount::fixed(unit, drawn))));
                let path = |quality| ("path", self.path(&space.span, quality));
                (path(worse), path(usual))
            }
            _ => self.rule(name, space),
        }
    }

    fn path(&self, span: &Range<usize>, quality: Vec<(&'static str, Value)>) -> Value {
        let ends = [
            ("from", Value::Text(self.host.clone())),
            ("to", Value::Text(self.peer.clone())),
        ];
        let entries = ends.into_iter().chain(quality);
        Value::Table(Table::made(span, entries.collect()))
    }

    /// What the file says about the way from the host to its peer.
    fn quality(&self, ways: Ways<'_>) -> Vec<(&'static str, Value)> {
        let ends = (Some(self.host.as_str()), Some(self.peer.as_str()));
        let forth = |way: &&Table| (way.text("from"), way.text("to")) == ends;
        let back = |way: &&Table| (way.text("to"), way.text("from")) == ends;
        // Paths come after links, and the last one counts.
        let path = ways.paths.iter().rev().find(forth);
        let link = || ways.links.iter().rev().find(|way| forth(way) || back(way));
        let Some(way) = path.or_else(link) else {
            return Vec::new();
        };
        let entries = way.iter().filter(|(key, _)| QUALITY.contains(key));
        entries
            .map(|(key, located)| (key, located.value.clone()))
            .collect()
    }

    /// A rule of the host's firewall against its peer.
    fn rule(&self, name: &str, space: &Table) -> (Action, Action) {
        let text = |text: &str| Value::Text(text.to_owned());
        let choice = |label: &str, words: &[&str]| {
            let chosen = choose(&self.random.fork(label), words);
            chosen.unwrap_or_default().to_owned()
        };
        let errors = [
            "port-unreachable",
            "host-unreachable",
            "net-unreachable",
            "admin-prohibited",
        ];
        let verdict = match self.kind.as_str() {
            "unreachable" => choice("error", &errors),
            kind => kind.to_owned(),
        };
        let direction = choice("direction", &["in", "out"]);
        let other_end = if direction == "in" { "from" } else { "to" };
        let state = match self.kind.as_str() {
            // What follows a handshake belongs to an established flow.
            "cut" | "blackhole" => "any".to_owned(),
            _ => choice("state", &["any", "new"]),
        };
        let mut rule = vec![
            ("name", text(name)),
            ("verdict", text(&verdict)),
            ("direction", text(&direction)),
            (other_end, text(&self.peer)),
            ("state", text(&state)),
        ];
        match self.kind.as_str() {
            "cut" => {
                let octet = amount(space, "octet", &self.random);
                let octet = Value::Amount(Amount::fixed(Unit::One, octet));
                rule.push(("octet", octet));
                rule.push(("then", text(&choice("then", &["drop", "reset"]))));
            }
            "delay" => {
                let by = amount(space, "latency", &self.random);
                rule.push(("by", time(by / super::GRAIN * super::GRAIN)));
            }
            _ => {}
        }
        let change = |key, value| {
            let entries = vec![("host", text(&self.host)), (key, value)];
            Value::Table(Table::made(&space.span, entries))
        };
        let added = Value::Table(Table::made(&space.span, rule));
        (
            ("firewall", change("add", added)),
            ("firewall", change("remove", text(name))),
        )
    }
}

/// What a fault changes that can be in one state only.
enum Place {
    Host,
    Way,
    Nowhere,
}

/// In words, for the plan: `crash of prod from 12.3s to 50s`.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.kind, self.host)?;
        if !self.peer.is_empty() {
            write!(f, " and {}", self.peer)?;
        }
        let shown = |nanoseconds| Amount::fixed(Unit::Nanosecond, nanoseconds);
        match &self.moment {
            Moment::Between(begins, ends) => {
                write!(f, " from {} to {}", shown(*begins), shown(*ends))
            }
            Moment::After {
                event,
                delay,
                until,
            } => {
                let lasts = shown(until - delay);
                write!(f, " {} after {event}, for {lasts}", shown(*delay))
            }
        }
    }
}
