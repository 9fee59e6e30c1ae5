//! Histories written by hand: one server, one caller.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use portcullis_reports::{
    ConnectionId, Entry, Event, Fields, MessageEvent, Passage, Source, StateEvent,
};
use portcullis_web_service::config::Account;

use crate::protocols::content_deployment::setting::{Planned, Server, Setting};
use crate::protocols::content_deployment::vocabulary::{effect, field, kind, state};

const CALLER: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 1), 50000);
const SERVER: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 2), 8080);

pub(super) const JOB: &str = "49bebd7d-62d0-4d68-a1f0-9118b3ac4416";

/// The world of the stories: a farm that takes jobs.
pub(super) fn setting() -> Setting {
    let planned = Planned {
        lasts: Duration::from_secs(10),
        objects: 2,
    };
    let server = Server {
        address: *SERVER.ip(),
        port: SERVER.port(),
        is_accepting: true,
        import_server: "target".to_owned(),
        databases: "target".to_owned(),
        account: None::<Account>,
        timer_service: Duration::from_secs(1),
        is_tls: false,
    };
    Setting {
        servers: BTreeMap::from([("target".to_owned(), server)]),
        imports: BTreeMap::from([("d1".to_owned(), planned)]),
        deployments: BTreeMap::new(),
    }
}

pub(super) fn fields(pairs: &[(&'static str, &str)]) -> Fields {
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| (Cow::Borrowed(*name), (*value).to_owned()))
        .collect()
}

/// A history under construction.
#[derive(Default)]
pub(super) struct Story {
    entries: Vec<Entry>,
    connections: u64,
    /// How much later everything is than its place in the history.
    later: Duration,
}

impl Story {
    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// One job from its creation to its deletion, with nothing wrong.
    pub(super) fn honest() -> Self {
        let mut story = Self::default();
        story.create(JOB);
        story.upload();
        story.run();
        story.import();
        story.poll("Success");
        story.delete();
        story
    }

    fn add(&mut self, host: &'static str, source: Source, event: Event) {
        let at = u64::try_from(self.entries.len()).unwrap_or(u64::MAX);
        self.entries.push(Entry {
            at: self.later + Duration::from_millis(at),
            host: Cow::Borrowed(host),
            source,
            event,
        });
    }

    /// Time passes in which nothing happens.
    pub(super) fn wait(&mut self, time: Duration) {
        self.later += time;
    }

    fn message(
        &mut self,
        connection: ConnectionId,
        (source, destination): (SocketAddrV4, SocketAddrV4),
        kind: &'static str,
        fields: &Fields,
    ) {
        for passage in [Passage::Sent, Passage::Delivered] {
            let event = MessageEvent {
                connection,
                passage,
                source,
                destination,
                kind: Cow::Borrowed(kind),
                fields: fields.clone(),
                octets: 100,
            };
            self.add("target", Source::Wire, Event::Message(event));
        }
    }

    /// A request on a connection of its own.
    pub(super) fn ask(
        &mut self,
        kind: &'static str,
        pairs: &[(&'static str, &str)],
    ) -> ConnectionId {
        self.connections += 1;
        let connection = ConnectionId(self.connections);
        self.message(connection, (CALLER, SERVER), kind, &fields(pairs));
        connection
    }

    /// The answer to it.
    pub(super) fn answer(
        &mut self,
        connection: ConnectionId,
        kind: &'static str,
        pairs: &[(&'static str, &str)],
    ) {
        self.message(connection, (SERVER, CALLER), kind, &fields(pairs));
    }

    /// A call about the job, and its response.
    pub(super) fn call(&mut self, call: &'static str, pairs: &[(&'static str, &str)]) {
        let id = self.ask(call, &[(field::JOB, JOB), (field::SOAP, "1.1")]);
        let ok = [
            (field::JOB, JOB),
            (field::SOAP, "1.1"),
            (field::HTTP, "200"),
        ];
        let all: Vec<_> = ok.into_iter().chain(pairs.iter().copied()).collect();
        self.answer(id, kind::answer_to(call).expect("a call"), &all);
    }

    pub(super) fn create(&mut self, job: &str) {
        let asked = [(field::SOAP, "1.1"), (field::DESCRIPTION, "d1")];
        let id = self.ask("create-job", &asked);
        self.wrote(job);
        self.moved(state::CREATED);
        let created = [
            (field::JOB, job),
            (field::SOAP, "1.1"),
            (field::HTTP, "200"),
        ];
        self.answer(id, "create-job-response", &created);
    }

    pub(super) fn send_file(&mut self) -> ConnectionId {
        self.ask(kind::UPLOAD, &FILE)
    }

    pub(super) fn store(&mut self, digest: &str) {
        let stored = FILE.map(|(name, value)| match name {
            field::DIGEST => (name, digest),
            _ => (name, value),
        });
        self.effect(effect::STORED, &stored);
        self.wrote(&format!("{JOB}/a.cab"));
        self.effect(effect::UPLOADED, &FILE);
    }

    pub(super) fn take_file(&mut self, connection: ConnectionId) {
        let taken = [(field::JOB, JOB), (field::HTTP, "200")];
        self.answer(connection, kind::HTTP_RESPONSE, &taken);
    }

    pub(super) fn upload(&mut self) {
        let id = self.send_file();
        self.store("d1");
        self.take_file(id);
    }

    pub(super) fn run(&mut self) {
        let id = self.ask("run-job", &[(field::JOB, JOB), (field::SOAP, "1.1")]);
        self.wrote(JOB);
        let run = [
            (field::JOB, JOB),
            (field::SOAP, "1.1"),
            (field::HTTP, "200"),
        ];
        self.answer(id, "run-job-response", &run);
    }

    pub(super) fn import(&mut self) {
        self.moved(state::VERIFYING);
        self.moved(state::DECOMPRESSING);
        self.effect(effect::DECOMPRESSION_STARTED, &[(field::JOB, JOB)]);
        self.moved(state::PLACING);
        self.place("0");
        self.place("1");
        self.moved(state::SUCCEEDED);
    }

    pub(super) fn place(&mut self, number: &str) {
        let object = [
            (field::JOB, JOB),
            (field::NUMBER, number),
            (field::COUNT, "2"),
        ];
        self.effect(effect::PLACED, &object);
    }

    pub(super) fn poll(&mut self, status: &str) {
        self.call("get-job-status", &[(field::STATUS, status)]);
    }

    pub(super) fn delete(&mut self) {
        let id = self.ask("delete-job", &[(field::JOB, JOB), (field::SOAP, "1.1")]);
        self.wrote(JOB);
        self.moved("");
        let gone = [
            (field::JOB, JOB),
            (field::SOAP, "1.1"),
            (field::HTTP, "200"),
        ];
        self.answer(id, "delete-job-response", &gone);
    }

    pub(super) fn wrote(&mut self, key: &str) {
        let write = Event::Write {
            table: Cow::Borrowed("import-job"),
            key: key.to_owned(),
        };
        self.add("target", Source::Inside, write);
    }

    pub(super) fn effect(&mut self, name: &'static str, pairs: &[(&'static str, &str)]) {
        let event = Event::Effect {
            name: Cow::Borrowed(name),
            fields: fields(pairs),
        };
        self.add("target", Source::Inside, event);
    }

    pub(super) fn acted(&mut self, name: &'static str) {
        let event = Event::Action {
            name: Cow::Borrowed(name),
            fields: Fields::new(),
        };
        self.add("target", Source::Harness, event);
    }

    /// The job moves, from wherever it is.
    pub(super) fn moved(&mut self, to: &'static str) {
        let mut events = self.entries.iter().rev().map(|entry| &entry.event);
        let from = events.find_map(|event| {
            let Event::State(moved) = event else {
                return None;
            };
            Some(moved.to.clone())
        });
        let from = from.unwrap_or_default();
        let event = StateEvent {
            machine: Cow::Borrowed(state::IMPORT_JOB),
            id: JOB.to_owned(),
            from,
            to: Cow::Borrowed(to),
            fields: fields(&[(field::JOB, JOB)]),
        };
        self.add("target", Source::Inside, Event::State(event));
    }
}

const FILE: [(&str, &str); 4] = [
    (field::JOB, JOB),
    (field::FILE, "a.cab"),
    (field::SIZE, "7"),
    (field::DIGEST, "d1"),
];
