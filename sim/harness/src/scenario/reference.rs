//! The reference page and the JSON Schema of scenario files, from the key tables.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::key::{Key, Kind, Presence, ProtocolKeys};
use super::keys;
use super::literal::{expected, quoted};
use super::protocol::Protocol;
use super::words;

/// A section of a file: its heading, what it is for, its core keys, and what a protocol adds.
struct Section {
    /// As in the file: `[[link]]`.
    heading: &'static str,
    /// The key at the top of the file.
    name: &'static str,
    doc: &'static str,
    keys: &'static [Key],
    added: fn(&dyn Protocol) -> &'static [Key],
}

const SECTIONS: &[Section] = &[
    Section {
        heading: "[hosts.NAME]",
        name: "hosts",
        doc: "A host. The first in the file has the address 10.0.0.1, the second 10.0.0.2.",
        keys: keys::HOST,
        added: |protocol| protocol.keys().host,
    },
    Section {
        heading: "[[link]]",
        name: "link",
        doc: "Both directions between two hosts. Hosts without one reach each other in 1 ms.",
        keys: keys::LINK,
        added: |protocol| protocol.keys().link,
    },
    Section {
        heading: "[[path]]",
        name: "path",
        doc: "One direction between two hosts, after what `[[link]]` says.",
        keys: keys::PATH,
        added: |_| &[],
    },
    Section {
        heading: "[[middlebox]]",
        name: "middlebox",
        doc: "A stateful firewall on the way between two hosts.",
        keys: keys::MIDDLEBOX,
        added: |_| &[],
    },
    Section {
        heading: "[[firewall]]",
        name: "firewall",
        doc: "A rule that is there from the start; the first rule that matches decides.",
        keys: keys::FIREWALL,
        added: |_| &[],
    },
    Section {
        heading: "[[at]]",
        name: "at",
        doc: "A step: something happens at a time, or after an event.",
        keys: keys::AT,
        added: |protocol| protocol.keys().at,
    },
    Section {
        heading: "[[chaos]]",
        name: "chaos",
        doc: "A space from which the seed draws faults. Each becomes two steps, as if they were \
              written: one that begins it and one that ends it, both with a name such as `chaos-1`.",
        keys: keys::CHAOS,
        added: |_| &[],
    },
    Section {
        heading: "[[expect]]",
        name: "expect",
        doc: "What must hold. Invariants of the protocol are checked without being named.",
        keys: keys::EXPECT,
        added: |protocol| protocol.keys().expect,
    },
    Section {
        heading: "[[bites]]",
        name: "bites",
        doc: "The proof that a fault happened. A scenario with a fault must have one; if it is \
              not met, a pass becomes INCONCLUSIVE.",
        keys: keys::BITES,
        added: |protocol| protocol.keys().bites,
    },
];

/// The line of `scenarios/README.md` below which [`page`] stands; a test compares.
pub const MARK: &str = "<!-- Below: the output of `portcullis keys`. A test compares. -->";

/// The reference of every key, as Markdown without a title.
#[must_use]
pub fn page(protocols: &[&dyn Protocol]) -> String {
    let mut page = String::new();
    heading(
        &mut page,
        "Top of the file",
        "A range such as `\"1ms..40ms\"` is drawn from the seed.",
    );
    rows(&mut page, keys::SCENARIO);
    for section in SECTIONS {
        heading(&mut page, &format!("`{}`", section.heading), section.doc);
        rows(&mut page, section.keys);
        for protocol in protocols {
            let added = (section.added)(*protocol);
            if !added.is_empty() {
                say(&mut page, &format!("\nIn `{}` also:\n", protocol.name()));
                rows(&mut page, added);
            }
        }
    }
    let events = "In `after`, `order`, `[[expect]]` and `[[bites]]`.";
    heading(&mut page, "Events", events);
    rows(&mut page, keys::EVENT);
    for protocol in protocols {
        let added = protocol.keys().pattern;
        if !added.is_empty() {
            say(&mut page, &format!("\nIn `{}` also:\n", protocol.name()));
            rows(&mut page, added);
        }
    }
    // What `[[expect]]` counts has tables of its own, without the kind of the event as a key.
    for key in keys::EXPECT {
        let (Kind::Table(inner) | Kind::Event(inner)) = key.kind else {
            continue;
        };
        if is_same(inner, keys::EVENT) {
            continue;
        }
        let title = format!("`{} = {{ … }}` in `[[expect]]`", key.name);
        heading(&mut page, &title, key.doc);
        rows(&mut page, inner);
        if let Kind::Event(_) = key.kind {
            for protocol in protocols {
                let added = protocol.keys().pattern.iter().copied();
                let added: Vec<Key> = added.filter(|each| fits(each, inner)).collect();
                say(&mut page, &format!("\nIn `{}` also:\n", protocol.name()));
                rows(&mut page, &added);
            }
        }
    }
    for protocol in protocols {
        let words_doc = "Any other is an error, so that no expectation passes by a typing mistake.";
        let title = format!("Words of `{}`", protocol.name());
        heading(&mut page, &title, words_doc);
        say(&mut page, "| field | words |");
        say(&mut page, "|---|---|");
        for field in words::fields() {
            let known = quoted(&words::words(field, &[protocol.keys()])).join(", ");
            say(&mut page, &format!("| `{field}` | {known} |"));
        }
    }
    let mut nested = Vec::new();
    for section in SECTIONS.iter().filter(|section| section.name != "expect") {
        collect(section.keys, &mut nested);
        for protocol in protocols {
            collect((section.added)(*protocol), &mut nested);
        }
    }
    for (key, keys) in nested {
        heading(&mut page, &format!("`{key} = {{ … }}`"), "");
        rows(&mut page, keys);
    }
    page
}

/// The reference of a file of settings with the keys `keys`, as Markdown without a title.
#[must_use]
pub fn settings_page(keys: &[Key]) -> String {
    let mut page = String::new();
    heading(&mut page, "Top of the file", "");
    rows(&mut page, keys);
    let mut before: Vec<(String, &[Key])> = Vec::new();
    for key in keys {
        let (title, inner) = if let Kind::Table(inner) = key.kind {
            (format!("`[{}]`", key.name), inner)
        } else if let Kind::Tables(inner) = key.kind {
            (format!("`[[{}]]`", key.name), inner)
        } else {
            continue;
        };
        heading(&mut page, &title, key.doc);
        match before.iter().find(|(_, known)| is_same(known, inner)) {
            Some((known, _)) => say(&mut page, &format!("The keys are those of {known}.")),
            None => rows(&mut page, inner),
        }
        before.push((title, inner));
    }
    page
}

/// The nested tables, each once, except events, which have a heading of their own.
fn collect(keys: &'static [Key], nested: &mut Vec<(&'static str, &'static [Key])>) {
    for key in keys {
        let (Kind::Table(inner) | Kind::Tables(inner) | Kind::Event(inner)) = key.kind else {
            continue;
        };
        let is_known = nested.iter().any(|(name, _)| *name == key.name);
        if is_known || is_same(inner, keys::EVENT) || is_same(inner, keys::LINK) {
            continue;
        }
        nested.push((key.name, inner));
        collect(inner, nested);
    }
}

/// Whether `key` may stand in a table of `others`.
fn fits(key: &Key, others: &[Key]) -> bool {
    let (Presence::Beside(beside) | Presence::RequiredBeside(beside)) = key.presence else {
        return true;
    };
    others.iter().any(|other| beside.contains(&other.name))
}

/// Whether two key tables are the same; a constant has no address of its own.
fn is_same(one: &[Key], other: &[Key]) -> bool {
    one.iter()
        .map(|key| key.doc)
        .eq(other.iter().map(|key| key.doc))
}

fn heading(page: &mut String, title: &str, doc: &str) {
    say(page, &format!("\n## {title}\n"));
    if !doc.is_empty() {
        say(page, &format!("{doc}\n"));
    }
}

fn rows(page: &mut String, keys: &[Key]) {
    say(page, "| key | value | presence | default | meaning |");
    say(page, "|---|---|---|---|---|");
    for key in keys {
        let default = match key.default {
            "" => String::new(),
            default => format!("`{default}`"),
        };
        let value = expected(key.kind).replace('|', "\\|");
        say(
            page,
            &format!(
                "| `{}` | {value} | {} | {default} | {} |",
                key.name,
                presence(key.presence),
                key.doc
            ),
        );
    }
}

fn presence(presence: Presence) -> String {
    let beside = |others: &[&str]| {
        let others: Vec<_> = others.iter().map(|other| format!("`{other}`")).collect();
        format!("beside {}", others.join(", "))
    };
    match presence {
        Presence::Optional => "optional".to_owned(),
        Presence::Required => "required".to_owned(),
        Presence::OneOf(group) => format!("one {group}"),
        Presence::Beside(others) => beside(others),
        Presence::RequiredBeside(others) => format!("required {}", beside(others)),
    }
}

fn say(page: &mut String, line: &str) {
    writeln!(page, "{line}").expect("a String takes everything");
}

/// The JSON Schema of scenario files, for editors that complete and check TOML.
#[must_use]
pub fn json_schema(protocols: &[&dyn Protocol]) -> String {
    let added: Vec<_> = protocols.iter().map(|p| p.keys()).collect();
    let mut top = properties(&[keys::SCENARIO], &added);
    for section in SECTIONS {
        let more = protocols.iter().map(|protocol| (section.added)(*protocol));
        let keys: Vec<_> = std::iter::once(section.keys).chain(more).collect();
        let table = table(&keys, &added);
        let schema = if section.name == "hosts" {
            json!({ "type": "object", "description": section.doc, "additionalProperties": table })
        } else {
            json!({ "type": "array", "description": section.doc, "items": table })
        };
        top.insert(section.name.to_owned(), schema);
    }
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Portcullis scenario",
        "$defs": { "event": event(keys::EVENT, &added), "path": table(&[keys::PATH], &added) },
        "type": "object",
        "properties": top,
        "required": ["title", "clauses", "hosts", "expect"],
        "additionalProperties": false,
    });
    format!("{schema:#}\n")
}

fn table(keys: &[&'static [Key]], added: &[ProtocolKeys]) -> Value {
    // What one protocol requires, a file of another may lack: only the core's keys are required.
    let required = keys.first().copied().unwrap_or_default().iter();
    let required: Vec<_> = required
        .filter(|key| matches!(key.presence, Presence::Required))
        .map(|key| key.name)
        .collect();
    json!({
        "type": "object",
        "properties": properties(keys, added),
        "required": required,
        "additionalProperties": false,
    })
}

fn properties(keys: &[&'static [Key]], added: &[ProtocolKeys]) -> Map<String, Value> {
    let keys = keys.iter().copied().flatten();
    keys.map(|key| {
        let mut schema = kind(key.kind, added);
        if let Value::Object(schema) = &mut schema {
            schema.insert("description".to_owned(), json!(key.doc));
            if !key.default.is_empty() {
                schema.insert("default".to_owned(), json!(key.default));
            }
        }
        (key.name.to_owned(), schema)
    })
    .collect()
}

fn kind(kind: Kind, added: &[ProtocolKeys]) -> Value {
    let one_or_list = |item: Value| json!({ "anyOf": [item, { "type": "array", "items": item }] });
    // What several keys share stands in the schema once.
    let shared = |keys: &'static [Key]| {
        if is_same(keys, keys::EVENT) {
            Some(json!({ "$ref": "#/$defs/event" }))
        } else if is_same(keys, keys::PATH) {
            Some(json!({ "$ref": "#/$defs/path" }))
        } else {
            None
        }
    };
    match kind {
        Kind::Text | Kind::Declares(_) | Kind::Refers(_) => json!({ "type": "string" }),
        Kind::Choice(words) => json!({ "enum": words }),
        Kind::Choices(words) => one_or_list(json!({ "enum": words })),
        Kind::Words(field) => one_or_list(json!({ "enum": words::words(field, added) })),
        Kind::Texts | Kind::Hosts => one_or_list(json!({ "type": "string" })),
        Kind::Boolean => json!({ "type": "boolean" }),
        Kind::Integer { min, max } => json!({ "anyOf": [
            { "type": "integer", "minimum": min, "maximum": max },
            { "type": "string", "pattern": r"^\d+\.\.\d+$" },
        ] }),
        Kind::Drift => json!({ "type": "string", "pattern": r"^[-+]?[0-9.]+ *ppm$" }),
        Kind::Duration | Kind::Offset | Kind::Bytes | Kind::Rate | Kind::Percent => {
            json!({ "type": "string", "pattern": r"^[-+]?[0-9]" })
        }
        Kind::Port => json!({ "type": "integer", "minimum": 1, "maximum": 65_535 }),
        Kind::Ports => json!({ "anyOf": [
            { "type": "integer", "minimum": 1, "maximum": 65_535 },
            { "type": "string", "pattern": r"^\d+\.\.\d+$" },
        ] }),
        Kind::Count => json!({ "anyOf": [
            { "type": "integer", "minimum": 0 },
            { "type": "object", "properties": {
                "min": { "type": "integer" }, "max": { "type": "integer" },
            }, "additionalProperties": false },
        ] }),
        Kind::Table(keys) => shared(keys).unwrap_or_else(|| table(&[keys], added)),
        Kind::Tables(keys) => json!({ "type": "array", "items": table(&[keys], added) }),
        Kind::Event(keys) => shared(keys).unwrap_or_else(|| event(keys, added)),
        Kind::Events(keys) => {
            let item = shared(keys).unwrap_or_else(|| event(keys, added));
            json!({ "type": "array", "items": item })
        }
    }
}

/// An event's table, which also takes the protocols' fields.
fn event(keys: &'static [Key], added: &[ProtocolKeys]) -> Value {
    let all: Vec<_> = std::iter::once(keys)
        .chain(added.iter().map(|keys| keys.pattern))
        .collect();
    table(&all, added)
}
