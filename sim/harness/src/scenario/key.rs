//! Key tables: what a scenario file may say, as data.
//!
//! Core modules and protocol adapters contribute keys; the loader, the diagnostics, the JSON Schema
//! and the reference page all read the same tables.

/// One key that a table of a scenario file may hold.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// As written in the file.
    pub name: &'static str,
    /// What its value may be.
    pub kind: Kind,
    /// When it may or must be there.
    pub presence: Presence,
    /// What holds when it is absent, in the file's own notation; empty when nothing does.
    pub default: &'static str,
    /// One or two sentences for the reference page.
    pub doc: &'static str,
}

/// What a key's value may be.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Any text.
    Text,
    /// One word out of a fixed set.
    Choice(&'static [&'static str]),
    /// One word, or a list of words, out of a fixed set.
    Choices(&'static [&'static str]),
    /// One word, or a list of words, of a field whose words the protocol states: `"message"`.
    Words(&'static str),
    /// Text, or a list of texts of which any may be meant.
    Texts,
    /// A new name of the given kind (`"task"`), unique within the file.
    Declares(&'static str),
    /// A name of the given kind that the file declares somewhere.
    Refers(&'static str),
    /// One host, or a list of hosts.
    Hosts,
    /// `true` or `false`.
    Boolean,
    /// A whole number within limits, or a range `"1..10"` drawn from the seed.
    Integer {
        /// The smallest number allowed.
        min: u64,
        /// The largest number allowed.
        max: u64,
    },
    /// `"10s"`, `"250ms"`, `"4h"`, or a range `"1ms..40ms"` drawn from the seed.
    Duration,
    /// A duration that may be negative: `"-90s"`.
    Offset,
    /// How far a clock runs fast, negative when slow: `"50 ppm"`, `"-0.5 ppm"`.
    Drift,
    /// `"256 KiB"`, `"6 MiB"`, `"100 B"`, or a range.
    Bytes,
    /// `"10 Mbit/s"`, `"56 kbit/s"`, or a range.
    Rate,
    /// `"5%"`, `"0.1%"`, or a range.
    Percent,
    /// A port number, 1 to 65535.
    Port,
    /// A port number or a range of ports `"49152..65535"`; a range is a set, nothing is drawn.
    Ports,
    /// A nested table.
    Table(&'static [Key]),
    /// A list of nested tables.
    Tables(&'static [Key]),
    /// A number, or a table with `min` and `max`.
    Count,
    /// A nested table that also takes the protocol's event fields, such as `task`.
    Event(&'static [Key]),
    /// A list of such tables.
    Events(&'static [Key]),
}

/// When a key may or must be there.
#[derive(Clone, Copy, Debug)]
pub enum Presence {
    /// May be there.
    Optional,
    /// Must be there.
    Required,
    /// Exactly one of the keys of the table with this group's name must be there.
    OneOf(&'static str),
    /// May be there, but only beside one of these keys.
    Beside(&'static [&'static str]),
    /// Must be there beside any of these keys, and only there.
    RequiredBeside(&'static [&'static str]),
}

impl Key {
    /// An optional key without default.
    #[must_use]
    pub const fn new(name: &'static str, kind: Kind, doc: &'static str) -> Self {
        Self {
            name,
            kind,
            presence: Presence::Optional,
            default: "",
            doc,
        }
    }

    /// The same key, required.
    #[must_use]
    pub const fn required(mut self) -> Self {
        self.presence = Presence::Required;
        self
    }

    /// The same key as one of a group of which exactly one must be there.
    #[must_use]
    pub const fn one_of(mut self, group: &'static str) -> Self {
        self.presence = Presence::OneOf(group);
        self
    }

    /// The same key, allowed only beside one of `others`.
    #[must_use]
    pub const fn beside(mut self, others: &'static [&'static str]) -> Self {
        self.presence = Presence::Beside(others);
        self
    }

    /// The same key, required beside any of `others` and forbidden elsewhere.
    #[must_use]
    pub const fn required_beside(mut self, others: &'static [&'static str]) -> Self {
        self.presence = Presence::RequiredBeside(others);
        self
    }

    /// The same key with what holds when it is absent.
    #[must_use]
    pub const fn default_value(mut self, default: &'static str) -> Self {
        self.default = default;
        self
    }
}

/// The keys that a protocol adapter adds to the core's tables.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProtocolKeys {
    /// To `[hosts.NAME]`.
    pub host: &'static [Key],
    /// To `[[link]]`.
    pub link: &'static [Key],
    /// To `[[at]]`: actions, of [`Presence::OneOf`] the group `"action"`.
    pub at: &'static [Key],
    /// Those of `at` that are faults, so that a file with one needs `[[bites]]`.
    pub faults: &'static [&'static str],
    /// To `[[expect]]`: forms, of [`Presence::OneOf`] the group `"form"`, and keys beside them.
    pub expect: &'static [Key],
    /// To `[[bites]]`: forms, of [`Presence::OneOf`] the group `"fault"`, and keys beside them.
    pub bites: &'static [Key],
    /// To event patterns: fields of messages, states and effects, such as `task`.
    pub pattern: &'static [Key],
    /// Pairs of its actions that `[[chaos]]` may use as a fault and its end.
    pub outages: &'static [Outage],
    /// The words of [`Kind::Words`], by field: `message`, `state`, `machine`, `write`, `effect`.
    /// The actions need no entry: they are the core's and those of `at`.
    pub words: &'static [(&'static str, &'static [&'static str])],
}

/// Two actions of which the second takes back the first; the value of both keys is a host.
#[derive(Clone, Copy, Debug)]
pub struct Outage {
    /// The key of the first, which is also the kind of the fault.
    pub begin: &'static str,
    /// The key of the second.
    pub end: &'static str,
    /// What the first does to its host, in words: "is stopped".
    pub meets: &'static str,
}
