//! One table of a scenario file after its keys and values were checked.

use std::fmt;
use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use portcullis_net::Randomness;

use super::amount::Amount;

/// A table whose keys and values conform to their key table.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Where the table stands in the file, in octets.
    pub span: Range<usize>,
    entries: Vec<(&'static str, Located)>,
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub struct Located {
    /// The value.
    pub value: Value,
    /// Where it stands in the file, in octets; empty for a default.
    pub span: Range<usize>,
    /// Whether the file leaves it out and the key table supplied it.
    pub is_default: bool,
}

/// A checked value.
#[derive(Clone, Debug)]
pub enum Value {
    /// A text, a chosen word or a name.
    Text(String),
    /// Several texts, words or hosts.
    Texts(Vec<String>),
    /// `true` or `false`.
    Boolean(bool),
    /// A quantity with a unit.
    Amount(Amount),
    /// A signed time in nanoseconds.
    Offset(i64),
    /// How much a clock runs fast, in parts per billion.
    Drift(i64),
    /// A set of ports.
    Ports(RangeInclusive<u16>),
    /// How many.
    Count(Count),
    /// A nested table.
    Table(Table),
    /// A list of tables.
    Tables(Vec<Table>),
}

/// How many are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// At least so many.
    pub min: u64,
    /// At most so many, when there is a limit.
    pub max: Option<u64>,
}

impl Count {
    /// At least one, which is what an expectation means when it says nothing.
    pub const SOME: Self = Self { min: 1, max: None };

    /// Whether `count` is one of the numbers wanted.
    #[must_use]
    pub fn admits(self, count: u64) -> bool {
        count >= self.min && self.max.is_none_or(|max| count <= max)
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.min, self.max) {
            (0, Some(0)) => f.write_str("never"),
            (min, Some(max)) if min == max => write!(f, "exactly {min}"),
            (0, Some(max)) => write!(f, "at most {max}"),
            (min, Some(max)) => write!(f, "{min} to {max}"),
            (min, None) => write!(f, "at least {min}"),
        }
    }
}

impl Table {
    pub(super) fn new(span: Range<usize>) -> Self {
        Self {
            span,
            entries: Vec::new(),
        }
    }

    pub(super) fn insert(&mut self, key: &'static str, located: Located) {
        self.entries.push((key, located));
    }

    /// A table that no file spells out, made from what stands at `span`.
    pub(super) fn made(span: &Range<usize>, entries: Vec<(&'static str, Value)>) -> Self {
        let located = |value| Located {
            value,
            span: span.clone(),
            is_default: false,
        };
        Self {
            span: span.clone(),
            entries: entries
                .into_iter()
                .map(|(key, value)| (key, located(value)))
                .collect(),
        }
    }

    /// Every key with its value, in the order of the key table.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Located)> {
        self.entries.iter().map(|(key, located)| (*key, located))
    }

    /// The value of a key, with its place in the file.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<&Located> {
        self.iter()
            .find(|(known, _)| *known == key)
            .map(|(_, located)| located)
    }

    /// Whether the file or a default gives this key a value.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.entry(key).is_some()
    }

    /// Where the value of `key` stands; the table's place when it is absent.
    #[must_use]
    pub fn span_of(&self, key: &str) -> Range<usize> {
        match self.entry(key) {
            Some(located) if !located.is_default => located.span.clone(),
            _ => self.span.clone(),
        }
    }

    /// A text, a chosen word or a name.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        let Value::Text(text) = self.value(key)? else {
            return None;
        };
        Some(text)
    }

    /// Several texts, words or hosts; empty when absent.
    #[must_use]
    pub fn texts(&self, key: &str) -> &[String] {
        if let Some(Value::Texts(texts)) = self.value(key) {
            texts
        } else {
            &[]
        }
    }

    /// Whether a switch is on; off when absent.
    #[must_use]
    pub fn flag(&self, key: &str) -> bool {
        matches!(self.value(key), Some(Value::Boolean(true)))
    }

    /// A quantity in its base unit: octets, bits per second, parts per million, or plain numbers.
    #[must_use]
    pub fn quantity(&self, key: &str) -> Option<u64> {
        self.amount(key).map(|amount| amount.low)
    }

    /// A time.
    #[must_use]
    pub fn duration(&self, key: &str) -> Option<Duration> {
        self.amount(key).map(Amount::duration)
    }

    /// A signed time in nanoseconds.
    #[must_use]
    pub fn offset(&self, key: &str) -> Option<i64> {
        let Value::Offset(offset) = self.value(key)? else {
            return None;
        };
        Some(*offset)
    }

    /// How much a clock runs fast, in parts per billion.
    #[must_use]
    pub fn drift(&self, key: &str) -> Option<i64> {
        let Value::Drift(drift) = self.value(key)? else {
            return None;
        };
        Some(*drift)
    }

    /// A single port, or the first of a range.
    #[must_use]
    pub fn port(&self, key: &str) -> Option<u16> {
        self.ports(key).map(|ports| *ports.start())
    }

    /// A set of ports.
    #[must_use]
    pub fn ports(&self, key: &str) -> Option<RangeInclusive<u16>> {
        let Value::Ports(ports) = self.value(key)? else {
            return None;
        };
        Some(ports.clone())
    }

    /// How many are wanted.
    #[must_use]
    pub fn count(&self, key: &str) -> Option<Count> {
        let Value::Count(count) = self.value(key)? else {
            return None;
        };
        Some(*count)
    }

    /// A nested table.
    #[must_use]
    pub fn table(&self, key: &str) -> Option<&Self> {
        let Value::Table(table) = self.value(key)? else {
            return None;
        };
        Some(table)
    }

    /// A list of tables; empty when absent.
    #[must_use]
    pub fn tables(&self, key: &str) -> &[Self] {
        if let Some(Value::Tables(tables)) = self.value(key) {
            tables
        } else {
            &[]
        }
    }

    /// The same table with every range replaced by what `random` draws for it.
    ///
    /// Each draw has a stream of its own, labelled with its key, so that a new key shifts no other.
    #[must_use]
    pub fn draw(&self, random: &Randomness) -> Self {
        let entries = self.iter().map(|(key, located)| {
            let random = random.fork(key);
            let value = match &located.value {
                Value::Amount(amount) => Value::Amount(amount.draw(&random)),
                Value::Table(table) => Value::Table(table.draw(&random)),
                Value::Tables(tables) => Value::Tables(
                    tables
                        .iter()
                        .enumerate()
                        .map(|(index, table)| table.draw(&random.fork(&index.to_string())))
                        .collect(),
                ),
                other @ (Value::Text(_)
                | Value::Texts(_)
                | Value::Boolean(_)
                | Value::Offset(_)
                | Value::Drift(_)
                | Value::Ports(_)
                | Value::Count(_)) => other.clone(),
            };
            let located = Located {
                value,
                span: located.span.clone(),
                is_default: located.is_default,
            };
            (key, located)
        });
        Self {
            span: self.span.clone(),
            entries: entries.collect(),
        }
    }

    /// Adds a line for each value that was drawn from a range in `ranges`, after `place`.
    pub(super) fn describe_draws(&self, ranges: &Self, place: &str, lines: &mut Vec<String>) {
        for ((key, drawn), (_, range)) in self.iter().zip(ranges.iter()) {
            match (&drawn.value, &range.value) {
                (drawn @ Value::Amount(_), Value::Amount(range)) if range.is_range() => {
                    lines.push(format!("{place} {key} = {drawn}"));
                }
                (Value::Table(drawn), Value::Table(ranges)) => {
                    drawn.describe_draws(ranges, &format!("{place} {key}"), lines);
                }
                _ => {}
            }
        }
    }

    fn value(&self, key: &str) -> Option<&Value> {
        self.entry(key).map(|located| &located.value)
    }

    /// A quantity or a range of them.
    pub(super) fn amount(&self, key: &str) -> Option<&Amount> {
        let Value::Amount(amount) = self.value(key)? else {
            return None;
        };
        Some(amount)
    }
}

/// Prints in the notation of an inline table, defaults included.
impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{ ")?;
        for (index, (key, located)) in self.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{key} = {}", located.value)?;
        }
        f.write_str(" }")
    }
}

/// Prints in the notation of the file.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Texts(texts) => match texts.as_slice() {
                [one] => write!(f, "{one:?}"),
                several => write!(f, "{several:?}"),
            },
            Self::Boolean(on) => write!(f, "{on}"),
            Self::Amount(amount) if amount.unit == super::Unit::One => write!(f, "{amount}"),
            Self::Amount(amount) => write!(f, "\"{amount}\""),
            Self::Offset(nanoseconds) => {
                let sign = if *nanoseconds < 0 { "-" } else { "" };
                let size = Amount::fixed(super::Unit::Nanosecond, nanoseconds.unsigned_abs());
                write!(f, "\"{sign}{size}\"")
            }
            Self::Drift(parts) => {
                let sign = if *parts < 0 { "-" } else { "" };
                let (whole, fraction) =
                    (parts.unsigned_abs() / 1_000, parts.unsigned_abs() % 1_000);
                write!(f, "\"{sign}{whole}.{fraction:03} ppm\"")
            }
            Self::Ports(ports) if ports.start() == ports.end() => write!(f, "{}", ports.start()),
            Self::Ports(ports) => write!(f, "\"{}..{}\"", ports.start(), ports.end()),
            Self::Count(count) => match (count.min, count.max) {
                (min, Some(max)) if min == max => write!(f, "{min}"),
                (min, Some(max)) => write!(f, "{{ min = {min}, max = {max} }}"),
                (min, None) => write!(f, "{{ min = {min} }}"),
            },
            Self::Table(table) => write!(f, "{table}"),
            Self::Tables(tables) => write_list(f, tables),
        }
    }
}

fn write_list<T: fmt::Display>(f: &mut fmt::Formatter<'_>, items: &[T]) -> fmt::Result {
    f.write_str("[")?;
    for (index, item) in items.iter().enumerate() {
        write!(f, "{}{item}", if index == 0 { "" } else { ", " })?;
    }
    f.write_str("]")
}
