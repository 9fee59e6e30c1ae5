//! Histories made by hand: a development and a production environment and what they are said to do.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use jiff::SignedDuration;

use portcullis_reports::{
    ConnectionEvent, ConnectionId, ConnectionPhase, Entry, Event, MessageEvent, Passage, Source,
    StateEvent,
};

use crate::engine::Aliases;
use crate::protocols::environment_transfer::setting::{Environment, Link, Needs, Setting};
use crate::protocols::environment_transfer::vocabulary::{effect, kind, state};

/// Development and production with one link, and one dependency: `second` on `first`.
pub(super) fn setting() -> Setting {
    let environment = |name: &str| Environment {
        address: *address(name, 0).ip(),
        dynamic: 49152..=65535,
        connection_max: Duration::from_secs(90),
        linger: Duration::from_secs(5),
        task_deadline: Duration::from_secs(4 * 3600),
        product: "1".to_owned(),
        clock_ahead: SignedDuration::ZERO,
        tolerance: Duration::from_secs(300),
        restartable: BTreeSet::new(),
        time_wait: Duration::from_secs(60),
        needs: Needs {
            connect: Duration::from_secs(20),
            message_rate: 0,
            part_rate: 0,
        },
    };
    Setting {
        environments: BTreeMap::from(
            ["dev", "prod"].map(|name| (name.to_owned(), environment(name))),
        ),
        links: vec![Link {
            earlier: "dev".to_owned(),
            later: "prod".to_owned(),
            remote_port: 6102,
            local_port: 6101,
            is_tls: false,
        }],
        control_frame_max: 1024 * 1024,
        part_frame_max: 16 * 1024 * 1024,
        dependencies: vec![("second".to_owned(), "first".to_owned())],
        works: BTreeMap::from([("t-1".to_owned(), Duration::from_secs(3600))]),
    }
}

fn address(name: &str, port: u16) -> SocketAddrV4 {
    let last = if name == "dev" { 1 } else { 2 };
    SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, last), port)
}

fn fields(pairs: &[(&str, &str)]) -> BTreeMap<Cow<'static, str>, String> {
    pairs
        .iter()
        .map(|(name, value)| (Cow::Owned((*name).to_owned()), (*value).to_owned()))
        .collect()
}

/// A history under construction.
pub(super) struct Story {
    entries: Vec<Entry>,
    now: Duration,
    connections: Vec<(SocketAddrV4, SocketAddrV4)>,
    requests: BTreeMap<ConnectionId, String>,
    ids: BTreeMap<(String, String), String>,
    /// The length of every message that follows.
    pub(super) octets: u64,
}

impl Story {
    pub(super) fn new() -> Self {
        Self {
            entries: Vec::new(),
            now: Duration::ZERO,
            connections: Vec::new(),
            requests: BTreeMap::new(),
            ids: BTreeMap::new(),
            octets: 500,
        }
    }

    /// One task given, worked on and reported, all as it should be.
    pub(super) fn honest() -> Self {
        let mut story = Self::new();
        story.greet();
        story.accept("t-1");
        story.work("t-1");
        let outcome = [("outcome", "succeeded")];
        story.moved("prod", state::DESTINATION, "t-1", state::FINISHED, &outcome);
        story.complete("t-1", "succeeded");
        story.moved("dev", state::ORIGINATOR, "t-1", state::COMPLETED, &outcome);
        story.moved("prod", state::DESTINATION, "t-1", state::REPORTED, &[]);
        story
    }

    pub(super) fn entries(&self) -> Vec<Entry> {
        self.entries.clone()
    }

    pub(super) fn advance(&mut self, by: Duration) {
        self.now += by;
    }

    /// Takes the last event out of the history, for a [`Story::release`] later on.
    pub(super) fn hold_last(&mut self) -> Entry {
        self.entries.pop().expect("something has happened")
    }

    /// The event that was held happens now.
    pub(super) fn release(&mut self, held: Entry) {
        self.note(&held.host, held.source, held.event);
    }

    fn note(&mut self, host: &str, source: Source, event: Event) {
        self.now += Duration::from_millis(1);
        self.entries.push(Entry {
            at: self.now,
            host: Cow::Owned(host.to_owned()),
            source,
            event,
        });
    }

    pub(super) fn phase(&mut self, id: ConnectionId, host: &str, phase: ConnectionPhase) {
        let index = usize::try_from(id.0).expect("few connections");
        let (opener, acceptor) = self.connections[index];
        let event = ConnectionEvent {
            connection: id,
            phase,
            opener,
            acceptor,
        };
        self.note(host, Source::Wire, Event::Connection(event));
    }

    pub(super) fn open(
        &mut self,
        opener: &str,
        from: u16,
        acceptor: &str,
        to: u16,
    ) -> ConnectionId {
        let id = ConnectionId(u64::try_from(self.connections.len()).expect("few connections"));
        self.connections
            .push((address(opener, from), address(acceptor, to)));
        self.phase(id, opener, ConnectionPhase::Opening);
        self.phase(id, acceptor, ConnectionPhase::Established);
        self.phase(id, opener, ConnectionPhase::Established);
        id
    }

    pub(super) fn close(&mut self, id: ConnectionId, opener: &str, acceptor: &str) {
        self.phase(id, opener, ConnectionPhase::FinSent);
        self.phase(id, acceptor, ConnectionPhase::FinSent);
    }

    /// A message, sent and delivered, complete unless `replaced` says otherwise.
    pub(super) fn say(
        &mut self,
        id: ConnectionId,
        sender: &str,
        kind: &'static str,
        task: &str,
        replaced: &[(&str, &str)],
    ) {
        let (opener, acceptor) = self.connections[usize::try_from(id.0).expect("few connections")];
        let from_opener = opener.ip() == address(sender, 0).ip();
        let (source, destination) = if from_opener {
            (opener, acceptor)
        } else {
            (acceptor, opener)
        };
        let next = format!("m-{}", self.ids.len());
        let stable = (
            kind.to_owned(),
            format!("{task}{}", if task.is_empty() { id.0 } else { 0 }),
        );
        let message_id = self.ids.entry(stable).or_insert(next).clone();
        let other = if sender == "dev" { "prod" } else { "dev" };
        let mut said = fields(&[
            ("version", "1"),
            ("id", &message_id),
            ("from", sender),
            ("to", other),
            ("sent-at", "2026-01-01T00:00:00Z"),
            ("task", task),
        ]);
        if from_opener {
            self.requests.insert(id, message_id);
        } else if let Some(request) = self.requests.get(&id) {
            said.insert(Cow::Borrowed("relates-to"), request.clone());
        }
        said.extend(fields(replaced));
        for (passage, host) in [(Passage::Sent, sender), (Passage::Delivered, other)] {
            let event = MessageEvent {
                connection: id,
                passage,
                source,
                destination,
                kind: Cow::Borrowed(kind),
                fields: said.clone(),
                octets: self.octets,
            };
            self.note(host, Source::Wire, Event::Message(event));
        }
    }

    /// A whole connection with `messages`, the first from the opener, then by turns; two requests
    /// in a row both come from the opener.
    pub(super) fn exchange(
        &mut self,
        opener: &str,
        from: u16,
        acceptor: &str,
        to: u16,
        messages: &[(&'static str, &str)],
    ) {
        let id = self.open(opener, from, acceptor, to);
        for (kind, task) in messages {
            let sender = if kind::answer(kind).is_some() {
                opener
            } else {
                acceptor
            };
            self.say(id, sender, kind, task, &[]);
        }
        self.close(id, opener, acceptor);
    }

    pub(super) fn greet(&mut self) {
        self.exchange(
            "dev",
            50001,
            "prod",
            6102,
            &[(kind::HELLO, ""), (kind::HELLO_ACK, "")],
        );
    }

    /// The task is sent and accepted, with nothing recorded.
    pub(super) fn give(&mut self, task: &str) {
        self.exchange(
            "dev",
            50002,
            "prod",
            6102,
            &[(kind::TASK, task), (kind::ACCEPTED, task)],
        );
    }

    /// The destination records the task.
    pub(super) fn record(&mut self, task: &str) {
        self.wrote("prod", task);
        self.moved(
            "prod",
            state::DESTINATION,
            task,
            state::RECORDED,
            &[("peer", "dev")],
        );
    }

    /// The task is recorded, sent and accepted.
    pub(super) fn accept(&mut self, task: &str) {
        self.record(task);
        self.give(task);
    }

    pub(super) fn wrote(&mut self, host: &str, key: &str) {
        let write = Event::Write {
            table: Cow::Borrowed("tasks"),
            key: key.to_owned(),
        };
        self.note(host, Source::Inside, write);
    }

    pub(super) fn moved(
        &mut self,
        host: &str,
        machine: &'static str,
        task: &str,
        to: &'static str,
        particulars: &[(&str, &str)],
    ) {
        let event = StateEvent {
            machine: Cow::Borrowed(machine),
            id: task.to_owned(),
            from: Cow::Borrowed(""),
            to: Cow::Borrowed(to),
            fields: fields(particulars),
        };
        self.note(host, Source::Inside, Event::State(event));
    }

    /// The work starts and ends.
    pub(super) fn work(&mut self, task: &str) {
        for name in [effect::WORK_STARTED, effect::WORK_ENDED] {
            let noted = Event::Effect {
                name: Cow::Borrowed(name),
                fields: fields(&[("task", task)]),
            };
            self.note("prod", Source::Inside, noted);
        }
    }

    /// The destination reports, and the originator records and acknowledges.
    pub(super) fn complete(&mut self, task: &str, outcome: &str) {
        let id = self.open("prod", 50020, "dev", 6101);
        self.say(id, "prod", kind::COMPLETED, task, &[("outcome", outcome)]);
        self.wrote("dev", task);
        self.say(id, "dev", kind::COMPLETED_ACK, task, &[]);
        self.close(id, "prod", "dev");
    }

    /// The scenario calls the task `alias`.
    pub(super) fn alias(&mut self, alias: &str, task: &str) {
        let declared = Event::Action {
            name: Cow::Borrowed(Aliases::ACTION),
            fields: fields(&[("alias", alias), ("stands-for", task)]),
        };
        self.note("dev", Source::Harness, declared);
    }
}
