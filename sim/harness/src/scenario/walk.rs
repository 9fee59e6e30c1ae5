//! Walks a spanned TOML tree with key tables and turns it into checked tables, or into problems.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::amount::{Amount, AmountError, Unit};
use super::key::{Key, Kind, Presence, ProtocolKeys};
use super::literal::{
    Spanned, boolean, default, drift, expected, found, number, offset, owned, ports, quoted, text,
    texts,
};
use super::problem::{Problems, suggestion};
use super::table::{Count, Located, Table, Value};
use super::words::words;

/// A name that the file uses but that something else must declare.
struct Reference {
    kind: &'static str,
    name: String,
    span: Range<usize>,
}

/// Collects tables, names and problems while a file is read.
pub(super) struct Walk {
    /// What the protocol adds; all protocols when it is not known which one the file is about.
    contributed: Vec<ProtocolKeys>,
    declared: BTreeMap<&'static str, BTreeMap<String, Range<usize>>>,
    references: Vec<Reference>,
    pub(super) problems: Problems,
}

impl Walk {
    pub(super) fn new(contributed: Vec<ProtocolKeys>) -> Self {
        Self {
            contributed,
            declared: BTreeMap::new(),
            references: Vec::new(),
            problems: Problems::default(),
        }
    }

    /// Takes note of a new name; the second of two equal ones is a problem.
    pub(super) fn declare(&mut self, kind: &'static str, name: &str, span: &Range<usize>) {
        let names = self.declared.entry(kind).or_default();
        if names.contains_key(name) {
            self.problems.report(
                span.clone(),
                format!("the {kind} `{name}` is declared twice"),
                "already declared above",
                &format!("give every {kind} a name of its own"),
            );
        } else {
            names.insert(name.to_owned(), span.clone());
        }
    }

    /// The names of a kind, in order of their spelling.
    pub(super) fn names(&self, kind: &str) -> Vec<String> {
        self.declared
            .get(kind)
            .map(|names| names.keys().cloned().collect())
            .unwrap_or_default()
    }

    /// Reports every use of a name that nothing declares. Call it when all has been read.
    pub(super) fn resolve(&mut self) {
        for reference in std::mem::take(&mut self.references) {
            let declared = self.declared.get(reference.kind);
            if declared.is_some_and(|names| names.contains_key(&reference.name)) {
                continue;
            }
            let known = self.names(reference.kind);
            let known: Vec<_> = known.iter().map(String::as_str).collect();
            self.problems.report(
                reference.span,
                format!("no {} is called `{}`", reference.kind, reference.name),
                &format!("unknown {}", reference.kind),
                &suggestion(&reference.name, &known),
            );
        }
    }

    /// Checks one table of the file against its keys, which may come from several contributors.
    pub(super) fn table(
        &mut self,
        what: &str,
        keys: &[&'static [Key]],
        tree: &DeTable<'_>,
        span: Range<usize>,
    ) -> Table {
        self.table_beside(what, keys, &[], tree, span)
    }

    /// The same for a table that also has entries which somebody else reads: `sections`.
    pub(super) fn table_beside(
        &mut self,
        what: &str,
        keys: &[&'static [Key]],
        sections: &[&'static str],
        tree: &DeTable<'_>,
        span: Range<usize>,
    ) -> Table {
        let keys: Vec<&'static Key> = keys.iter().copied().flatten().collect();
        let mut table = Table::new(span);
        self.report_unknown_keys(what, &keys, sections, tree);
        for key in &keys {
            let written = tree.iter().find(|(name, _)| name.get_ref() == key.name);
            if let Some((_, value)) = written {
                let Some(checked) = self.value(key, value) else {
                    continue;
                };
                let located = Located {
                    value: checked,
                    span: value.span(),
                    is_default: false,
                };
                table.insert(key.name, located);
            } else if !key.default.is_empty() && may_default(key, tree) {
                table.insert(key.name, default(key));
            }
        }
        self.check_presence(what, &keys, tree, &table.span);
        table
    }

    fn report_unknown_keys(
        &mut self,
        what: &str,
        keys: &[&'static Key],
        sections: &[&'static str],
        tree: &DeTable<'_>,
    ) {
        let keys = keys.iter().map(|key| key.name);
        let known: Vec<_> = keys.chain(sections.iter().copied()).collect();
        for (name, _) in tree.iter() {
            if known.contains(&name.get_ref().as_ref()) {
                continue;
            }
            self.problems.report(
                name.span(),
                format!("{what} has no key `{}`", name.get_ref()),
                "unknown key",
                &suggestion(name.get_ref(), &known),
            );
        }
    }

    fn check_presence(
        &mut self,
        what: &str,
        keys: &[&'static Key],
        tree: &DeTable<'_>,
        span: &Range<usize>,
    ) {
        let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for key in keys {
            let is_there = written(tree, key.name);
            let (beside, required): (&[&str], bool) = match key.presence {
                Presence::Optional => continue,
                Presence::OneOf(group) => {
                    groups.entry(group).or_default().push(key.name);
                    continue;
                }
                Presence::Required if is_there => continue,
                Presence::Required => {
                    self.missing(what, key, span);
                    continue;
                }
                Presence::Beside(others) => (others, false),
                Presence::RequiredBeside(others) => (others, true),
            };
            let belongs = beside.iter().any(|other| written(tree, other));
            if is_there && !belongs {
                let others = quoted(beside).join(" or ");
                self.problems.report(
                    key_span(tree, key.name),
                    format!("`{}` has no meaning without {others}", key.name),
                    "stands alone",
                    "",
                );
            } else if required && belongs && !is_there {
                self.missing(what, key, span);
            }
        }
        for group in groups.values() {
            self.check_group(what, group, tree, span);
        }
    }

    fn missing(&mut self, what: &str, key: &Key, span: &Range<usize>) {
        self.problems.report(
            span.clone(),
            format!("{what} lacks the key `{}`", key.name),
            "here",
            &format!("`{}` is {}: {}", key.name, expected(key.kind), key.doc),
        );
    }

    fn check_group(&mut self, what: &str, group: &[&str], tree: &DeTable<'_>, span: &Range<usize>) {
        let there: Vec<&str> = group.iter().copied().filter(|k| written(tree, k)).collect();
        match there.as_slice() {
            [_] => {}
            [] => self.problems.report(
                span.clone(),
                format!("{what} needs one of {}", quoted(group).join(", ")),
                "here",
                "",
            ),
            [first, .., last] => self.problems.report(
                key_span(tree, last),
                format!("{what} has both `{first}` and `{last}`"),
                "only one of them can hold",
                "",
            ),
        }
    }

    /// The checked value; `None` after reporting what is wrong with it.
    fn value(&mut self, key: &'static Key, value: Spanned<'_, '_>) -> Option<Value> {
        let checked = match key.kind {
            Kind::Text => text(value).map(|text| Value::Text(text.to_owned())),
            Kind::Choice(words) => return self.choice(key, words, value).map(Value::Text),
            Kind::Choices(words) => return self.choices(key, words, value),
            Kind::Words(field) => {
                let words = words(field, &self.contributed);
                return self.choices(key, &words, value);
            }
            Kind::Texts => texts(value).map(|texts| Value::Texts(owned(&texts))),
            Kind::Declares(kind) => text(value).map(|name| {
                self.declare(kind, name, &value.span());
                Value::Text(name.to_owned())
            }),
            Kind::Refers(kind) => text(value).map(|name| {
                self.refer(kind, name, value.span());
                Value::Text(name.to_owned())
            }),
            Kind::Hosts => texts(value).map(|names| {
                for (name, span) in &names {
                    self.refer("host", name, span.clone());
                }
                Value::Texts(owned(&names))
            }),
            Kind::Boolean => boolean(value).map(Value::Boolean),
            Kind::Integer { min, max } => return self.integer(key, min, max, value),
            Kind::Duration => return self.amount(key, Unit::Nanosecond, value),
            Kind::Bytes => return self.amount(key, Unit::Octet, value),
            Kind::Rate => return self.amount(key, Unit::BitPerSecond, value),
            Kind::Percent => return self.percent(key, value),
            Kind::Offset => text(value).and_then(offset).map(Value::Offset),
            Kind::Drift => text(value).and_then(drift).map(Value::Drift),
            Kind::Port | Kind::Ports => ports(key.kind, value).map(Value::Ports),
            Kind::Count => return self.count(key, value),
            Kind::Table(keys) => return self.nested(key, &[keys], value),
            Kind::Event(keys) => return self.nested(key, &self.event_keys(keys), value),
            Kind::Tables(keys) => return self.list(key, &[keys], value),
            Kind::Events(keys) => return self.list(key, &self.event_keys(keys), value),
        };
        if checked.is_none() {
            self.wrong(key, value, "");
        }
        checked
    }

    /// The core's keys of an event, then the protocol's.
    fn event_keys(&self, core: &'static [Key]) -> Vec<&'static [Key]> {
        let added = self.contributed.iter().map(|keys| keys.pattern);
        std::iter::once(core).chain(added).collect()
    }

    fn refer(&mut self, kind: &'static str, name: &str, span: Range<usize>) {
        self.references.push(Reference {
            kind,
            name: name.to_owned(),
            span,
        });
    }

    fn wrong(&mut self, key: &Key, value: Spanned<'_, '_>, help: &str) {
        self.problems.report(
            value.span(),
            format!("`{}` is not {}", key.name, expected(key.kind)),
            &format!("this is {}", found(value.get_ref())),
            help,
        );
    }

    fn choice(&mut self, key: &Key, words: &[&str], value: Spanned<'_, '_>) -> Option<String> {
        let Some(word) = text(value) else {
            self.wrong(key, value, "");
            return None;
        };
        self.word(key, words, word, value.span())
    }

    fn choices(&mut self, key: &Key, words: &[&str], value: Spanned<'_, '_>) -> Option<Value> {
        let Some(chosen) = texts(value) else {
            self.wrong(key, value, "");
            return None;
        };
        let chosen = chosen
            .iter()
            .map(|(word, span)| self.word(key, words, word, span.clone()));
        chosen.collect::<Option<Vec<_>>>().map(Value::Texts)
    }

    fn word(
        &mut self,
        key: &Key,
        words: &[&str],
        word: &str,
        span: Range<usize>,
    ) -> Option<String> {
        if words.contains(&word) {
            return Some(word.to_owned());
        }
        self.problems.report(
            span,
            format!("`{}` cannot be `{word}`", key.name),
            "unknown word",
            &suggestion(word, words),
        );
        None
    }

    fn integer(&mut self, key: &Key, min: u64, max: u64, value: Spanned<'_, '_>) -> Option<Value> {
        let amount = match text(value) {
            Some(range) => Amount::parse(range, Unit::One).ok(),
            None => number(value).map(|number| Amount::fixed(Unit::One, number)),
        };
        let amount = amount.filter(|amount| amount.low >= min && amount.high <= max);
        if amount.is_none() {
            self.wrong(key, value, "");
        }
        amount.map(Value::Amount)
    }

    fn amount(&mut self, key: &Key, unit: Unit, value: Spanned<'_, '_>) -> Option<Value> {
        let result = match value.get_ref() {
            DeValue::String(text) => Amount::parse(text, unit),
            DeValue::Integer(_) | DeValue::Float(_) => Err(AmountError::NoUnit),
            DeValue::Boolean(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
                Err(AmountError::NotANumber)
            }
        };
        match result {
            Ok(amount) => Some(Value::Amount(amount)),
            Err(error) => {
                let message = format!("the value of `{}` {error}", key.name);
                let help = format!("write {}", unit.notation());
                self.problems.report(value.span(), message, "here", &help);
                None
            }
        }
    }

    fn percent(&mut self, key: &Key, value: Spanned<'_, '_>) -> Option<Value> {
        let checked = self.amount(key, Unit::PartPerMillion, value)?;
        if let Value::Amount(amount) = &checked
            && amount.high > 1_000_000
        {
            self.wrong(key, value, "a share is at most 100%");
            return None;
        }
        Some(checked)
    }

    fn count(&mut self, key: &Key, value: Spanned<'_, '_>) -> Option<Value> {
        if let Some(exactly) = number(value) {
            let max = Some(exactly);
            return Some(Value::Count(Count { min: exactly, max }));
        }
        let DeValue::Table(tree) = value.get_ref() else {
            self.wrong(key, value, "");
            return None;
        };
        let table = self.table("a count", &[COUNT], tree, value.span());
        let count = Count {
            min: table.quantity("min").unwrap_or(0),
            max: table.quantity("max"),
        };
        if count.max.is_some_and(|max| max < count.min) {
            self.wrong(key, value, "`max` is smaller than `min`");
            return None;
        }
        Some(Value::Count(count))
    }

    fn nested(
        &mut self,
        key: &Key,
        keys: &[&'static [Key]],
        value: Spanned<'_, '_>,
    ) -> Option<Value> {
        let DeValue::Table(tree) = value.get_ref() else {
            self.wrong(key, value, "");
            return None;
        };
        let what = format!("`{}`", key.name);
        Some(Value::Table(self.table(&what, keys, tree, value.span())))
    }

    fn list(
        &mut self,
        key: &Key,
        keys: &[&'static [Key]],
        value: Spanned<'_, '_>,
    ) -> Option<Value> {
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong(key, value, "");
            return None;
        };
        let tables = items.iter().map(|item| {
            if let Value::Table(table) = self.nested(key, keys, item)? {
                Some(table)
            } else {
                None
            }
        });
        tables.collect::<Option<Vec<_>>>().map(Value::Tables)
    }
}

const COUNT: &[Key] = &[
    Key::new(
        "min",
        Kind::Integer {
            min: 0,
            max: u64::MAX,
        },
        "At least so many.",
    ),
    Key::new(
        "max",
        Kind::Integer {
            min: 0,
            max: u64::MAX,
        },
        "At most so many.",
    ),
];

fn written(tree: &DeTable<'_>, key: &str) -> bool {
    tree.iter().any(|(name, _)| name.get_ref() == key)
}

fn key_span(tree: &DeTable<'_>, key: &str) -> Range<usize> {
    tree.iter()
        .find(|(name, _)| name.get_ref() == key)
        .map_or(0..0, |(name, _)| name.span())
}

fn may_default(key: &Key, tree: &DeTable<'_>) -> bool {
    match key.presence {
        Presence::Optional => true,
        Presence::Beside(others) | Presence::RequiredBeside(others) => {
            others.iter().any(|other| written(tree, other))
        }
        Presence::Required | Presence::OneOf(_) => false,
    }
}
