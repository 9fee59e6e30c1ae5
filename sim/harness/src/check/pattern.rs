//! From the events that a scenario file names to patterns over the history.

use std::borrow::Cow;

use crate::engine::{EventKind, EventPattern, Wanted};
use crate::scenario::{Plan, Table, Value};

/// The pattern for an event that has its kind as a key: `{ message = "accepted", from = "prod" }`.
///
/// # Panics
/// When no kind is there, which the loader rules out.
#[must_use]
pub fn event_pattern(plan: &Plan, event: &Table) -> EventPattern {
    let kind = kind_of(event).expect("the loader requires exactly one kind");
    pattern(plan, kind, event)
}

fn kind_of(event: &Table) -> Option<EventKind> {
    EventKind::ALL
        .into_iter()
        .find(|kind| event.has(kind.name()))
}

/// The pattern for an event whose kind is known: `connection = { phase = "refused" }`.
#[must_use]
pub fn pattern(plan: &Plan, kind: EventKind, event: &Table) -> EventPattern {
    let mut pattern = EventPattern::new(kind);
    for (key, located) in event.iter() {
        let field = field(kind, key);
        let wanted = match (&located.value, key) {
            (_, "nth") => {
                let nth = event.quantity("nth").unwrap_or(1);
                pattern.occurrence = u32::try_from(nth).unwrap_or(u32::MAX);
                continue;
            }
            (Value::Texts(hosts), "from" | "to") => {
                let addresses = hosts.iter().filter_map(|host| plan.address(host));
                Wanted::Address(addresses.collect())
            }
            (Value::Ports(ports), "port" | "source_port") => Wanted::Port(ports.clone()),
            (Value::Texts(texts), _) => Wanted::AnyOf(texts.clone()),
            (Value::Text(text), _) => Wanted::AnyOf(vec![text.clone()]),
            (Value::Boolean(on), _) => Wanted::AnyOf(vec![on.to_string()]),
            (Value::Amount(amount), _) => Wanted::AnyOf(vec![amount.low.to_string()]),
            _ => continue,
        };
        pattern = pattern.wanting(field, wanted);
    }
    pattern
}

/// The history's name for the field that a scenario file calls `key`.
///
/// A protocol's own keys are called the same in both, with hyphens for underscores.
fn field(kind: EventKind, key: &'static str) -> Cow<'static, str> {
    let field = match (kind, key) {
        (EventKind::Connection, "connection") => "phase",
        (EventKind::Connection, "from" | "source_port") => "opener",
        (EventKind::Connection, "to" | "port") => "acceptor",
        (EventKind::Message, "message") => "kind",
        (EventKind::Message, "from" | "source_port") => "from-address",
        (EventKind::Message, "to" | "port") => "to-address",
        (EventKind::Packet, "packet") => "fate",
        (EventKind::Packet, "source_port") => "from",
        (EventKind::Packet, "port") => "to",
        (EventKind::State, "state") => "entered",
        (EventKind::Write, "write") => "table",
        (EventKind::Effect, "effect") | (EventKind::Action, "action") => "name",
        (_, key) if key.contains('_') => return Cow::Owned(key.replace('_', "-")),
        (_, key) => key,
    };
    Cow::Borrowed(field)
}

/// An event in words, for what was expected: `a message completed from prod to dev`.
#[must_use]
pub fn in_words(kind: EventKind, event: &Table) -> String {
    let mut principal = String::new();
    let mut rest = String::new();
    for (key, located) in event.iter() {
        let said = words(&located.value);
        match key {
            "nth" if said == "1" => {}
            "nth" => rest.push_str(&format!(" (number {said})")),
            "phase" if kind == EventKind::Connection => principal = said,
            "kind" if kind == EventKind::Message => principal = said,
            _ if key == kind.name() => principal = said,
            "passage" if located.is_default => {}
            "passage" => rest.push_str(&format!(" ({said})")),
            "from" | "to" | "by" => rest.push_str(&format!(" {key} {said}")),
            "host" => rest.push_str(&format!(" at {said}")),
            "port" => rest.push_str(&format!(" port {said}")),
            "source_port" => rest.push_str(&format!(" from port {said}")),
            _ => rest.push_str(&format!(" with {key} {said}")),
        }
    }
    match kind {
        EventKind::Connection => format!("a connection {principal}{rest}"),
        EventKind::Message => format!("a message {principal}{rest}"),
        EventKind::Packet => format!("a packet {principal}{rest}"),
        EventKind::State => format!("a move to state {principal}{rest}"),
        EventKind::Write => format!("a durable write to {principal}{rest}"),
        EventKind::Effect => format!("{principal}{rest}"),
        EventKind::Action => format!("the step {principal}{rest}"),
    }
}

/// An event that has its kind as a key, in words.
#[must_use]
pub fn event_in_words(event: &Table) -> String {
    kind_of(event).map_or(String::new(), |kind| in_words(kind, event))
}

fn words(value: &Value) -> String {
    if let Value::Texts(texts) = value {
        return texts.join(" or ");
    }
    value.to_string().replace('"', "")
}
