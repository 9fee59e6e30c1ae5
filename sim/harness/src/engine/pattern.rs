//! Patterns over history entries: what an `after` trigger, an expectation or a bite names.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::ops::RangeInclusive;

use portcullis_reports::{ConnectionEvent, Entry, Event, MessageEvent, PacketEvent, Passage};

/// The kinds of event that a pattern can name, with the names of scenario files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    /// [`Event::Packet`].
    Packet,
    /// [`Event::Connection`].
    Connection,
    /// [`Event::Message`].
    Message,
    /// [`Event::State`].
    State,
    /// [`Event::Write`].
    Write,
    /// [`Event::Effect`].
    Effect,
    /// [`Event::Action`].
    Action,
}

impl EventKind {
    /// Every kind, in the order of [`Event`].
    pub const ALL: [Self; 7] = [
        Self::Packet,
        Self::Connection,
        Self::Message,
        Self::State,
        Self::Write,
        Self::Effect,
        Self::Action,
    ];

    /// The kind of `event`.
    #[must_use]
    pub const fn of(event: &Event) -> Self {
        match event {
            Event::Packet(_) => Self::Packet,
            Event::Connection(_) => Self::Connection,
            Event::Message(_) => Self::Message,
            Event::State(_) => Self::State,
            Event::Write { .. } => Self::Write,
            Event::Effect { .. } => Self::Effect,
            Event::Action { .. } => Self::Action,
        }
    }

    /// The name used in scenario files and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Packet => "packet",
            Self::Connection => "connection",
            Self::Message => "message",
            Self::State => "state",
            Self::Write => "write",
            Self::Effect => "effect",
            Self::Action => "action",
        }
    }

    /// The names of the fixed fields that [`entry_field`] knows for this kind, besides `host` and
    /// `source`; the last four kinds add what their implementation announces.
    #[must_use]
    pub const fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Packet => &[
                "fate",
                "by",
                "from",
                "from-port",
                "to",
                "to-port",
                "flags",
                "sequence",
                "octets",
            ],
            Self::Connection => &[
                "connection",
                "phase",
                "opener",
                "opener-port",
                "acceptor",
                "acceptor-port",
            ],
            Self::Message => &[
                "connection",
                "passage",
                "from-address",
                "from-port",
                "to-address",
                "to-port",
                "kind",
                "octets",
            ],
            Self::State => &["machine", "id", "left", "entered"],
            Self::Write => &["table", "key"],
            Self::Effect | Self::Action => &["name"],
        }
    }
}

/// Which history entry is meant: a kind, fields that must have given values, and which occurrence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventPattern {
    /// The kind of event.
    pub kind: EventKind,
    /// Field name and what it must be; all must match. Names are those of [`entry_field`].
    pub fields: Vec<(Cow<'static, str>, Wanted)>,
    /// Which match counts, from 1; 0 means the same as 1.
    pub occurrence: u32,
}

/// What a field must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Any of these texts. One that was declared with `Recorder::alias` also matches what it
    /// stands for.
    AnyOf(Vec<String>),
    /// An address and port whose address is any of these.
    Address(Vec<Ipv4Addr>),
    /// An address and port whose port is one of these.
    Port(RangeInclusive<u16>),
}

impl EventPattern {
    /// The first event of `kind`.
    #[must_use]
    pub const fn new(kind: EventKind) -> Self {
        Self {
            kind,
            fields: Vec::new(),
            occurrence: 1,
        }
    }

    /// Requires the field `name` to be `value`.
    #[must_use]
    pub fn with(self, name: &str, value: &str) -> Self {
        let wanted = Wanted::AnyOf(vec![value.to_owned()]);
        self.wanting(name.to_owned(), wanted)
    }

    /// Requires the field `name` to be what is `wanted`.
    #[must_use]
    pub fn wanting(mut self, name: impl Into<Cow<'static, str>>, wanted: Wanted) -> Self {
        self.fields.push((name.into(), wanted));
        self
    }

    /// Means the `occurrence`-th match, from 1.
    #[must_use]
    pub const fn nth(mut self, occurrence: u32) -> Self {
        self.occurrence = occurrence;
        self
    }

    /// Whether `entry` has the kind and the fields; the occurrence is the caller's to count.
    ///
    /// A step that had no effect is not what an action pattern means.
    #[must_use]
    pub fn matches(&self, entry: &Entry) -> bool {
        self.matches_with(entry, &Aliases::default())
    }

    /// As [`EventPattern::matches`], with `aliases` for names that a run gave to values.
    #[must_use]
    pub fn matches_with(&self, entry: &Entry, aliases: &Aliases) -> bool {
        EventKind::of(&entry.event) == self.kind
            && !is_skipped(&entry.event)
            && self
                .fields
                .iter()
                .all(|(name, wanted)| wanted.admits(entry, name, aliases))
    }
}

/// The field of an action that says why it had no effect; it is only there when it had none.
pub const SKIPPED: &str = "skipped";

/// Whether `event` is a step that had no effect.
#[must_use]
pub(super) fn is_skipped(event: &Event) -> bool {
    matches!(event, Event::Action { fields, .. } if fields.contains_key(SKIPPED))
}

impl Wanted {
    fn admits(&self, entry: &Entry, name: &str, aliases: &Aliases) -> bool {
        match self {
            Self::AnyOf(texts) => entry_field(entry, name).is_some_and(|value| {
                texts
                    .iter()
                    .any(|text| *text == value || aliases.stands_for(text, &value))
            }),
            Self::Address(addresses) => {
                entry_socket(entry, name).is_some_and(|socket| addresses.contains(socket.ip()))
            }
            Self::Port(ports) => {
                entry_socket(entry, name).is_some_and(|socket| ports.contains(&socket.port()))
            }
        }
    }
}

/// The address and port in the field `name` of `entry`, without going through text.
fn entry_socket(entry: &Entry, name: &str) -> Option<SocketAddrV4> {
    match (&entry.event, name) {
        (Event::Packet(packet), "from") => Some(packet.source),
        (Event::Packet(packet), "to") => Some(packet.destination),
        (Event::Connection(connection), "opener") => Some(connection.opener),
        (Event::Connection(connection), "acceptor") => Some(connection.acceptor),
        (Event::Message(message), "from-address") => Some(message.source),
        (Event::Message(message), "to-address") => Some(message.destination),
        _ => None,
    }
}

/// Names that a run gave to values it only learned while running, such as `t1` for a task's id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aliases(BTreeMap<String, String>);

impl Aliases {
    /// The name of the action that [`Aliases::note`] reads, with the fields `alias` and
    /// `stands-for`.
    pub const ACTION: &'static str = "alias";

    /// The aliases that `history` declares.
    #[must_use]
    pub fn of(history: &[Entry]) -> Self {
        let mut aliases = Self::default();
        for entry in history {
            aliases.note(&entry.event);
        }
        aliases
    }

    /// Takes the alias that `event` declares, if it declares one.
    pub fn note(&mut self, event: &Event) {
        if let Event::Action { name, fields } = event
            && name == Self::ACTION
            && let (Some(alias), Some(value)) = (fields.get("alias"), fields.get("stands-for"))
        {
            self.0.insert(alias.clone(), value.clone());
        }
    }

    /// The value that `alias` stands for.
    #[must_use]
    pub fn value(&self, alias: &str) -> Option<&str> {
        self.0.get(alias).map(String::as_str)
    }

    fn stands_for(&self, alias: &str, value: &str) -> bool {
        self.value(alias) == Some(value)
    }
}

/// The field `name` of `entry`, for patterns, expectations and timelines alike.
///
/// Every entry has `host` and `source`; the rest is listed by [`EventKind::fields`]. Addresses are
/// `a.b.c.d:port`, ports plain numbers, enumerations their kebab-case names.
#[must_use]
pub fn entry_field<'e>(entry: &'e Entry, name: &str) -> Option<Cow<'e, str>> {
    match name {
        "host" => return Some(Cow::Borrowed(&entry.host)),
        "source" => return Some(Cow::Borrowed(source_name(entry))),
        _ => {}
    }
    match &entry.event {
        Event::Packet(packet) => packet_field(packet, name),
        Event::Connection(connection) => connection_field(connection, name),
        Event::Message(message) => message_field(message, name),
        Event::State(state) => match name {
            "machine" => Some(Cow::Borrowed(&state.machine)),
            "id" => Some(Cow::Borrowed(&state.id)),
            "left" => Some(Cow::Borrowed(&state.from)),
            "entered" => Some(Cow::Borrowed(&state.to)),
            _ => announced(&state.fields, name),
        },
        Event::Write { table, key } => match name {
            "table" => Some(Cow::Borrowed(table)),
            "key" => Some(Cow::Borrowed(key)),
            _ => None,
        },
        Event::Effect { name: what, fields } | Event::Action { name: what, fields } => match name {
            "name" => Some(Cow::Borrowed(what)),
            _ => announced(fields, name),
        },
    }
}

fn announced<'e>(fields: &'e portcullis_reports::Fields, name: &str) -> Option<Cow<'e, str>> {
    fields.get(name).map(|value| Cow::Borrowed(value.as_str()))
}

fn source_name(entry: &Entry) -> &'static str {
    match entry.source {
        portcullis_reports::Source::Wire => "wire",
        portcullis_reports::Source::Endpoint => "endpoint",
        portcullis_reports::Source::Inside => "inside",
        portcullis_reports::Source::Harness => "harness",
    }
}

fn packet_field<'e>(packet: &'e PacketEvent, name: &str) -> Option<Cow<'e, str>> {
    Some(match name {
        "fate" => Cow::Borrowed(&packet.fate),
        "by" => Cow::Borrowed(packet.by.as_deref()?),
        "from" => packet.source.to_string().into(),
        "from-port" => packet.source.port().to_string().into(),
        "to" => packet.destination.to_string().into(),
        "to-port" => packet.destination.port().to_string().into(),
        "flags" => Cow::Borrowed(&packet.flags),
        "sequence" => packet.sequence.to_string().into(),
        "octets" => packet.octets.to_string().into(),
        _ => return None,
    })
}

fn connection_field<'e>(connection: &'e ConnectionEvent, name: &str) -> Option<Cow<'e, str>> {
    Some(match name {
        "connection" => connection.connection.to_string().into(),
        "phase" => Cow::Borrowed(connection.phase.name()),
        "opener" => connection.opener.to_string().into(),
        "opener-port" => connection.opener.port().to_string().into(),
        "acceptor" => connection.acceptor.to_string().into(),
        "acceptor-port" => connection.acceptor.port().to_string().into(),
        _ => return None,
    })
}

fn message_field<'e>(message: &'e MessageEvent, name: &str) -> Option<Cow<'e, str>> {
    Some(match name {
        "connection" => message.connection.to_string().into(),
        "passage" => Cow::Borrowed(match message.passage {
            Passage::Sent => "sent",
            Passage::Delivered => "delivered",
        }),
        "from-address" => message.source.to_string().into(),
        "from-port" => message.source.port().to_string().into(),
        "to-address" => message.destination.to_string().into(),
        "to-port" => message.destination.port().to_string().into(),
        "kind" => Cow::Borrowed(&message.kind),
        "octets" => message.octets.to_string().into(),
        _ => return announced(&message.fields, name),
    })
}
