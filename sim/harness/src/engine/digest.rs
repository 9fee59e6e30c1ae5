//! The running digest over history entries.

use portcullis_reports::{Entry, Event, Fields, Passage, Source};
use xxhash_rust::xxh3::Xxh3;

/// xxh3-128 over everything that was fed, with lengths, so that no two histories run together.
#[derive(Clone)]
pub(crate) struct Digest {
    hash: Xxh3,
    /// The entry being fed: one update with all of it is cheaper than many small ones.
    octets: Vec<u8>,
}

impl Digest {
    pub(crate) fn new() -> Self {
        Self {
            hash: Xxh3::new(),
            octets: Vec::new(),
        }
    }

    pub(crate) fn value(&self) -> u128 {
        self.hash.digest128()
    }

    /// Feeds a digest of something else, such as the packets'.
    pub(crate) fn absorb(&mut self, other: u128) {
        self.hash.update(&other.to_le_bytes());
    }

    /// Feeds one entry. Packet entries are left to the network, which digests every packet whether
    /// or not the history keeps it.
    pub(crate) fn entry(&mut self, entry: &Entry) {
        if matches!(entry.event, Event::Packet(_)) {
            return;
        }
        self.octets.clear();
        let nanoseconds = u64::try_from(entry.at.as_nanos()).unwrap_or(u64::MAX);
        self.number(nanoseconds);
        self.text(&entry.host);
        self.tag(match entry.source {
            Source::Wire => 0,
            Source::Inside => 1,
            Source::Harness => 2,
            Source::Endpoint => 3,
        });
        self.event(&entry.event);
        self.hash.update(&self.octets);
    }

    fn event(&mut self, event: &Event) {
        match event {
            Event::Packet(_) => {}
            Event::Connection(it) => {
                self.tag(1);
                self.number(it.connection.0);
                self.text(it.phase.name());
                self.address(it.opener);
                self.address(it.acceptor);
            }
            Event::Message(it) => {
                self.tag(2);
                self.number(it.connection.0);
                self.tag(match it.passage {
                    Passage::Sent => 0,
                    Passage::Delivered => 1,
                });
                self.address(it.source);
                self.address(it.destination);
                self.text(&it.kind);
                self.fields(&it.fields);
                self.number(it.octets);
            }
            Event::State(it) => {
                self.tag(3);
                self.text(&it.machine);
                self.text(&it.id);
                self.text(&it.from);
                self.text(&it.to);
                self.fields(&it.fields);
            }
            Event::Write { table, key } => {
                self.tag(4);
                self.text(table);
                self.text(key);
            }
            Event::Effect { name, fields } => {
                self.tag(5);
                self.text(name);
                self.fields(fields);
            }
            Event::Action { name, fields } => {
                self.tag(6);
                self.text(name);
                self.fields(fields);
            }
        }
    }

    fn tag(&mut self, tag: u8) {
        self.octets.push(tag);
    }

    fn number(&mut self, number: u64) {
        self.octets.extend_from_slice(&number.to_le_bytes());
    }

    fn address(&mut self, address: std::net::SocketAddrV4) {
        self.octets.extend_from_slice(&address.ip().octets());
        self.octets.extend_from_slice(&address.port().to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        // A usize is at most 64 bits wide on every platform that Rust supports.
        self.number(u64::try_from(text.len()).unwrap_or(u64::MAX));
        self.octets.extend_from_slice(text.as_bytes());
    }

    fn fields(&mut self, fields: &Fields) {
        self.number(u64::try_from(fields.len()).unwrap_or(u64::MAX));
        for (name, value) in fields {
            self.text(name);
            self.text(value);
        }
    }
}
