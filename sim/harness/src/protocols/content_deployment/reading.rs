//! One pass over a history that sorts it for the checks.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use portcullis_reports::{
    ConnectionId, ConnectionPhase, Entry, Event, Fields, MessageEvent, Passage, StateEvent,
};

use super::setting::{Planned, Setting};
use super::vocabulary::{field, kind};

/// A history, sorted by what the checks ask for.
///
/// Positions are indexes into the history; they order events that share a time.
#[derive(Debug)]
pub struct Reading<'a> {
    /// The whole history.
    pub entries: &'a [Entry],
    /// The world it happened in.
    pub setting: &'a Setting,
    /// What was asked of Central Administrations and what they answered, in the order of the
    /// requests.
    pub exchanges: Vec<Exchange<'a>>,
    /// Moves of state machines in order.
    pub moves: Vec<Moved<'a>>,
    /// Durable writes in order.
    pub writes: Vec<Written<'a>>,
    /// Effects in order.
    pub effects: Vec<Noted<'a>>,
    /// What the harness did and what had an effect, in order.
    pub actions: Vec<Noted<'a>>,
    /// When each connection was opened.
    openings: BTreeMap<ConnectionId, Duration>,
    /// Where in the history the first request of each connection was sent.
    firsts: BTreeMap<ConnectionId, usize>,
    /// When the history froze.
    pub end: Duration,
}

/// One request and its answer.
#[derive(Clone, Debug)]
pub struct Exchange<'a> {
    /// The server that was asked.
    pub server: &'a str,
    /// The request, where it left whole; an early answer may be all that there is.
    pub request: Option<Said<'a>>,
    /// Where in the history the request was whole at the server.
    pub arrived: Option<usize>,
    /// The answer, where one left whole.
    pub answer: Option<Said<'a>>,
}

/// One message where it was sent.
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
    /// At which host.
    pub host: &'a str,
    /// What it is.
    pub name: &'a str,
    /// Its particulars.
    pub fields: &'a Fields,
}

/// The two streams of one connection, message by message.
#[derive(Debug, Default)]
struct Talk<'a> {
    server: &'a str,
    requests: Vec<Said<'a>>,
    arrived: Vec<usize>,
    answers: Vec<Said<'a>>,
}

impl<'a> Reading<'a> {
    /// Sorts `entries`.
    #[must_use]
    pub fn new(setting: &'a Setting, entries: &'a [Entry]) -> Self {
        let mut reading = Self {
            entries,
            setting,
            exchanges: Vec::new(),
            moves: Vec::new(),
            writes: Vec::new(),
            effects: Vec::new(),
            actions: Vec::new(),
            openings: BTreeMap::new(),
            firsts: BTreeMap::new(),
            end: entries.last().map_or(Duration::ZERO, |entry| entry.at),
        };
        let mut talks = BTreeMap::new();
        for (position, entry) in entries.iter().enumerate() {
            reading.sort(position, entry, &mut talks);
        }
        let first = |(connection, talk): (&ConnectionId, &Talk<'_>)| {
            let first = talk.requests.first()?;
            Some((*connection, first.position))
        };
        reading.firsts = talks.iter().filter_map(first).collect();
        reading.exchanges = talks.values().flat_map(Talk::exchanges).collect();
        reading.exchanges.sort_by_key(Exchange::begun);
        reading
    }

    fn sort(
        &mut self,
        position: usize,
        entry: &'a Entry,
        talks: &mut BTreeMap<ConnectionId, Talk<'a>>,
    ) {
        let host = entry.host.as_ref();
        match &entry.event {
            Event::Packet(_) => {}
            Event::Connection(connection) => {
                if connection.phase == ConnectionPhase::Opening {
                    self.openings.insert(connection.connection, entry.at);
                }
            }
            Event::Message(message) => {
                let said = Said {
                    position,
                    at: entry.at,
                    message,
                };
                self.sort_message(said, talks);
            }
            Event::State(state) => self.moves.push(Moved {
                position,
                at: entry.at,
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
                host,
                name,
                fields,
            }),
            Event::Action { name, fields } if !fields.contains_key("skipped") => {
                self.actions.push(Noted {
                    position,
                    host,
                    name,
                    fields,
                });
            }
            Event::Action { .. } => {}
        }
    }

    fn sort_message(&self, said: Said<'a>, talks: &mut BTreeMap<ConnectionId, Talk<'a>>) {
        let message = said.message;
        let asked = self.setting.server_at(message.destination);
        let Some((server, _)) = asked.or_else(|| self.setting.server_at(message.source)) else {
            return;
        };
        let talk = talks.entry(message.connection).or_default();
        talk.server = server;
        match (asked.is_some(), message.passage) {
            (true, Passage::Sent) => talk.requests.push(said),
            (true, Passage::Delivered) => talk.arrived.push(said.position),
            (false, Passage::Sent) if message.kind != kind::HTTP_INTERIM => talk.answers.push(said),
            (false, Passage::Sent | Passage::Delivered) => {}
        }
    }

    /// When a caller began to ask: the first request of a connection waits until it is open.
    #[must_use]
    pub fn began(&self, request: &Said<'_>) -> Duration {
        let connection = request.message.connection;
        if self.firsts.get(&connection) == Some(&request.position) {
            let opened = self.openings.get(&connection);
            opened.copied().unwrap_or_default()
        } else {
            request.at
        }
    }

    /// Exchanges whose request is of kind `kind`.
    pub fn asked(&self, kind: &'static str) -> impl Iterator<Item = &Exchange<'a>> {
        let exchanges = self.exchanges.iter();
        exchanges.filter(move |exchange| exchange.kind() == kind)
    }

    /// Effects called `name`.
    pub fn noted(&self, name: &'static str) -> impl Iterator<Item = &Noted<'a>> {
        self.effects.iter().filter(move |noted| noted.name == name)
    }

    /// Moves of the machine called `machine`.
    pub fn moves_of(&self, machine: &'static str) -> impl Iterator<Item = &Moved<'a>> {
        let moves = self.moves.iter();
        moves.filter(move |moved| moved.state.machine == machine)
    }

    /// What the import of `job` is planned to be, if its creation was seen.
    #[must_use]
    pub fn planned(&self, job: &str) -> Option<Planned> {
        let mut created = self
            .asked("create-job")
            .filter(|exchange| exchange.job() == job);
        let request = created.find_map(|exchange| exchange.request)?;
        let description = request.field(field::DESCRIPTION);
        self.setting.imports.get(description).copied()
    }

    /// Whether anything was done in `span` that interrupts a server or cuts it off.
    ///
    /// Work that was interrupted may begin again, and who was cut off may have been given up.
    #[must_use]
    pub fn was_disturbed(&self, span: Range<usize>) -> bool {
        let mut actions = self.actions.iter();
        actions.any(|action| span.contains(&action.position) && is_disturbance(action.name))
    }

    /// Whether anything was done to `host` in `span` that interrupts it or sets its clock.
    #[must_use]
    pub fn was_disturbed_at(&self, host: &str, span: Range<usize>) -> bool {
        self.actions.iter().any(|action| {
            let is_here = span.contains(&action.position) && action.host == host;
            is_here && (is_disturbance(action.name) || action.name == "clock")
        })
    }
}

fn is_disturbance(name: &str) -> bool {
    matches!(
        name,
        "crash"
            | "restart"
            | "pause"
            | "resume"
            | "stall"
            | "unstall"
            | "stop"
            | "start"
            | "configure"
            | "partition"
            | "heal"
            | "hold"
            | "release"
            | "firewall-add"
            | "firewall-remove"
            | "path"
    )
}

impl<'a> Talk<'a> {
    fn exchanges(&self) -> impl Iterator<Item = Exchange<'a>> {
        let count = self.requests.len().max(self.answers.len());
        (0..count).map(|index| Exchange {
            server: self.server,
            request: self.requests.get(index).copied(),
            arrived: self.arrived.get(index).copied(),
            answer: self.answers.get(index).copied(),
        })
    }
}

impl<'a> Exchange<'a> {
    /// Where in the history its first message is.
    #[must_use]
    pub fn begun(&self) -> usize {
        let said = self.request.or(self.answer);
        said.map_or(usize::MAX, |said| said.position)
    }

    /// The request's kind; empty without a request.
    #[must_use]
    pub fn kind(&self) -> &'a str {
        self.request.as_ref().map_or("", Said::kind)
    }

    /// The job that the request, or its answer, is about; empty when it is about none.
    #[must_use]
    pub fn job(&self) -> &'a str {
        let said =
            |said: &Option<Said<'a>>| said.as_ref().map_or("", |said| said.field(field::JOB));
        match said(&self.request) {
            "" => said(&self.answer),
            job => job,
        }
    }

    /// The answer, when it is the one that the request asks for and no fault.
    #[must_use]
    pub fn granted(&self) -> Option<Said<'a>> {
        let answer = self.answer?;
        (Some(answer.kind()) == kind::answer_to(self.kind())).then_some(answer)
    }

    /// The answer to an upload, when it says that the file was stored.
    #[must_use]
    pub fn taken(&self) -> Option<Said<'a>> {
        let answer = self.answer?;
        let is_stored = answer.field(field::HTTP).starts_with('2');
        (self.kind() == kind::UPLOAD && is_stored).then_some(answer)
    }
}

impl<'a> Said<'a> {
    /// What the message says under `name`; empty when it says nothing.
    #[must_use]
    pub fn field(&self, name: &str) -> &'a str {
        self.message.fields.get(name).map_or("", String::as_str)
    }

    /// The message's kind.
    #[must_use]
    pub fn kind(&self) -> &'a str {
        self.message.kind.as_ref()
    }
}

impl<'a> Noted<'a> {
    /// The particular called `name`; empty when there is none.
    #[must_use]
    pub fn field(&self, name: &str) -> &'a str {
        self.fields.get(name).map_or("", String::as_str)
    }
}
