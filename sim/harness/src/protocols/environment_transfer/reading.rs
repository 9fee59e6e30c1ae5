//! One pass over a history that sorts it for the checks.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddrV4;
use std::time::Duration;

use portcullis_reports::{
    ConnectionId, ConnectionPhase, Entry, Event, Fields, MessageEvent, Passage, StateEvent,
};

use super::setting::Setting;
use super::vocabulary::field;
use crate::engine::SKIPPED;

/// A history, sorted by what the checks ask for.
///
/// Positions are indexes into the history; they order events that share a time.
#[derive(Debug)]
pub struct Reading<'a> {
    /// The whole history.
    pub entries: &'a [Entry],
    /// The world it happened in.
    pub setting: &'a Setting,
    /// Connections in order of opening.
    pub connections: BTreeMap<ConnectionId, Life<'a>>,
    /// Messages in order.
    pub messages: Vec<Said<'a>>,
    /// Moves of state machines in order.
    pub moves: Vec<Moved<'a>>,
    /// Durable writes in order.
    pub writes: Vec<Written<'a>>,
    /// Effects in order.
    pub effects: Vec<Noted<'a>>,
    /// What the harness did, in order.
    pub actions: Vec<Noted<'a>>,
    /// Steps of the scenario that had no effect.
    pub skipped: Vec<Noted<'a>>,
    /// When the history froze.
    pub end: Duration,
}

/// Steps that take a host or its service away, and those that bring it back.
const OUTAGES: [(&str, &str); 4] = [
    ("crash", "restart"),
    ("pause", "resume"),
    ("stall", "unstall"),
    ("stop", "start"),
];

/// One connection's life.
#[derive(Debug)]
pub struct Life<'a> {
    /// The end that sent the first SYN.
    pub opener: SocketAddrV4,
    /// The end that listened.
    pub acceptor: SocketAddrV4,
    /// What happened to it: position, time, host, phase.
    pub phases: Vec<(usize, Duration, &'a str, ConnectionPhase)>,
}

/// One message at one place.
#[derive(Clone, Copy, Debug)]
pub struct Said<'a> {
    /// Where in the history.
    pub position: usize,
    /// When.
    pub at: Duration,
    /// What was said.
    pub message: &'a MessageEvent,
}

/// One move of a state machine.
#[derive(Clone, Copy, Debug)]
pub struct Moved<'a> {
    /// Where in the history.
    pub position: usize,
    /// When.
    pub at: Duration,
    /// At which host.
    pub host: &'a str,
    /// The move.
    pub state: &'a StateEvent,
}

/// One durable write.
#[derive(Clone, Copy, Debug)]
pub struct Written<'a> {
    /// Where in the history.
    pub position: usize,
    /// At which host.
    pub host: &'a str,
    /// The table written to.
    pub table: &'a str,
    /// The record's key.
    pub key: &'a str,
}

/// One effect or action.
#[derive(Clone, Copy, Debug)]
pub struct Noted<'a> {
    /// Where in the history.
    pub position: usize,
    /// When.
    pub at: Duration,
    /// At which host.
    pub host: &'a str,
    /// What it is.
    pub name: &'a str,
    /// Its particulars.
    pub fields: &'a Fields,
}

impl<'a> Reading<'a> {
    /// Sorts `entries`.
    #[must_use]
    pub fn new(setting: &'a Setting, entries: &'a [Entry]) -> Self {
        let mut reading = Self {
            entries,
            setting,
            connections: BTreeMap::new(),
            messages: Vec::new(),
            moves: Vec::new(),
            writes: Vec::new(),
            effects: Vec::new(),
            actions: Vec::new(),
            skipped: Vec::new(),
            end: entries.last().map_or(Duration::ZERO, |entry| entry.at),
        };
        for (position, entry) in entries.iter().enumerate() {
            reading.sort(position, entry);
        }
        reading
    }

    fn sort(&mut self, position: usize, entry: &'a Entry) {
        let (at, host) = (entry.at, entry.host.as_ref());
        match &entry.event {
            Event::Packet(_) => {}
            Event::Connection(event) => self
                .connections
                .entry(event.connection)
                .or_insert_with(|| Life {
                    opener: event.opener,
                    acceptor: event.acceptor,
                    phases: Vec::new(),
                })
                .phases
                .push((position, at, host, event.phase)),
            Event::Message(message) => self.messages.push(Said {
                position,
                at,
                message,
            }),
            Event::State(state) => self.moves.push(Moved {
                position,
                at,
                host,
                state,
            }),
            Event::Write { table, key } => self.writes.push(Written {
                position,
                host,
                table,
                key,
            }),
            Event::Effect { name, fields } => self.effects.push(Noted {
                position,
                at,
                host,
                name,
                fields,
            }),
            Event::Action { name, fields } => {
                let noted = Noted {
                    position,
                    at,
                    host,
                    name,
                    fields,
                };
                if fields.contains_key(SKIPPED) {
                    self.skipped.push(noted);
                } else {
                    self.actions.push(noted);
                }
            }
        }
    }

    /// Messages of environments that left their sender whole. Strangers are not judged.
    pub fn sent(&self) -> impl Iterator<Item = Said<'a>> {
        self.sent_by_anybody()
            .filter(|said| self.setting.name_of(said.message.source).is_some())
    }

    /// Messages that left their sender whole, whoever it was.
    pub fn sent_by_anybody(&self) -> impl Iterator<Item = Said<'a>> {
        self.passing(Passage::Sent)
    }

    /// Messages that arrived whole, from whomever.
    pub fn delivered(&self) -> impl Iterator<Item = Said<'a>> {
        self.passing(Passage::Delivered)
    }

    fn passing(&self, passage: Passage) -> impl Iterator<Item = Said<'a>> {
        self.messages
            .iter()
            .copied()
            .filter(move |said| said.message.passage == passage)
    }

    /// Whether `host` was crashed, stopped, stalled, paused or brought back at a position in
    /// `span`, or before without having come back.
    ///
    /// A host that was away owes nothing of what it would have done in that time.
    #[must_use]
    pub fn was_away(&self, host: &str, span: std::ops::RangeInclusive<usize>) -> bool {
        let changes = || {
            let known = |name: &str| {
                OUTAGES
                    .iter()
                    .any(|(begin, end)| [*begin, *end].contains(&name))
            };
            let actions = self.actions.iter();
            actions.filter(move |action| action.host == host && known(action.name))
        };
        let is_within = |action: &Noted<'_>| span.contains(&action.position);
        let before = || changes().filter(|action| action.position < *span.start());
        let lasts = |(begin, end): &(&str, &str)| {
            let mut last = before().filter(|action| [*begin, *end, "crash"].contains(&action.name));
            last.next_back().is_some_and(|action| action.name == *begin)
        };
        changes().any(is_within) || OUTAGES.iter().any(lasts)
    }

    /// The position of the last restart of `host` or its service before `position`, or 0.
    #[must_use]
    pub fn started(&self, host: &str, position: usize) -> usize {
        self.actions
            .iter()
            .filter(|action| matches!(action.name, "restart" | "start") && action.host == host)
            .map(|action| action.position)
            .take_while(|restart| *restart < position)
            .last()
            .unwrap_or(0)
    }

    /// The name that a step before `position` has led to the address of `host`, if any.
    #[must_use]
    pub fn led_to(&self, host: &str, position: usize) -> Option<&'a str> {
        let mut moved = self.actions.iter().rev();
        let led = moved.find(|action| {
            action.name == "resolve" && action.position < position && action.field("to") == host
        })?;
        Some(led.field("name"))
    }

    /// The position from which on the history is later than `time`, or its length.
    #[must_use]
    pub fn position_after(&self, time: Duration) -> usize {
        self.entries.partition_point(|entry| entry.at <= time)
    }
}

impl<'a> Said<'a> {
    /// What the message says under `name`; empty when it says nothing.
    #[must_use]
    pub fn field(&self, name: &str) -> &'a str {
        self.message.fields.get(name).map_or("", String::as_str)
    }

    /// Whether its code is right, where its link has keys.
    #[must_use]
    pub fn is_authentic(&self) -> bool {
        self.field(field::AUTHENTIC) != "false"
    }

    /// The message's kind.
    #[must_use]
    pub fn kind(&self) -> &'a str {
        self.message.kind.as_ref()
    }

    /// Whether the connection's opener said it.
    #[must_use]
    pub fn by_opener(&self, life: &Life<'_>) -> bool {
        self.message.source == life.opener
    }
}

impl<'a> Noted<'a> {
    /// The particular called `name`; empty when there is none.
    #[must_use]
    pub fn field(&self, name: &str) -> &'a str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

impl Moved<'_> {
    /// The particular called `name`; empty when there is none.
    #[must_use]
    pub fn field(&self, name: &str) -> &str {
        self.state.fields.get(name).map_or("", String::as_str)
    }
}

impl Life<'_> {
    /// The position of the connection's first event.
    #[must_use]
    pub fn opened(&self) -> usize {
        self.phases.first().map_or(0, |(position, ..)| *position)
    }

    /// The hosts that saw something of it, each once.
    #[must_use]
    pub fn hosts(&self) -> BTreeSet<&str> {
        self.phases.iter().map(|(_, _, host, _)| *host).collect()
    }

    /// When `host` first saw it.
    #[must_use]
    pub fn begun(&self, host: &str) -> Option<(usize, Duration)> {
        self.phases
            .iter()
            .find(|(_, _, seen, _)| *seen == host)
            .map(|(position, at, ..)| (*position, *at))
    }

    /// When `host` was done with it: it sent its FIN, was reset, or gave up.
    #[must_use]
    pub fn over(&self, host: &str) -> Option<(usize, Duration)> {
        self.phases
            .iter()
            .find(|(_, _, seen, phase)| {
                let open = matches!(
                    phase,
                    ConnectionPhase::Opening
                        | ConnectionPhase::Established
                        | ConnectionPhase::FinReceived
                );
                *seen == host && !open
            })
            .map(|(position, at, ..)| (*position, *at))
    }

    /// The connection in words.
    #[must_use]
    pub fn name(&self, reading: &Reading<'_>) -> String {
        let name = |address| reading.setting.name_of(address).unwrap_or("a stranger");
        let (opener, acceptor) = (name(self.opener), name(self.acceptor));
        format!("{opener} -> {acceptor}:{}", self.acceptor.port())
    }
}
