//! Single values of a file: reading them, their defaults, and what to say about them.

use std::ops::{Range, RangeInclusive};

use toml::de::DeValue;

use super::amount::{Amount, Unit};
use super::key::{Key, Kind};
use super::table::{Located, Value};

/// A value with its place.
pub(super) type Spanned<'d, 'i> = &'d toml::Spanned<DeValue<'i>>;

/// The default of a key, which the key tables state in the notation of the file.
pub(super) fn default(key: &Key) -> Located {
    let amount = |unit| Amount::parse(key.default, unit).ok().map(Value::Amount);
    let value = match key.kind {
        Kind::Boolean => Some(Value::Boolean(key.default == "true")),
        Kind::Integer { .. } => amount(Unit::One),
        Kind::Duration => amount(Unit::Nanosecond),
        Kind::Bytes => amount(Unit::Octet),
        Kind::Rate => amount(Unit::BitPerSecond),
        Kind::Percent => amount(Unit::PartPerMillion),
        Kind::Offset => offset(key.default).map(Value::Offset),
        Kind::Drift => drift(key.default).map(Value::Drift),
        Kind::Port | Kind::Ports => key
            .default
            .parse()
            .ok()
            .map(|port| Value::Ports(port..=port)),
        Kind::Texts | Kind::Choices(_) | Kind::Words(_) | Kind::Hosts => {
            Some(Value::Texts(vec![key.default.to_owned()]))
        }
        Kind::Text | Kind::Choice(_) | Kind::Declares(_) | Kind::Refers(_) => {
            Some(Value::Text(key.default.to_owned()))
        }
        Kind::Count | Kind::Table(_) | Kind::Tables(_) | Kind::Event(_) | Kind::Events(_) => None,
    };
    Located {
        value: value.expect("the key tables' own test reads every default"),
        span: 0..0,
        is_default: true,
    }
}

pub(super) fn boolean(value: Spanned<'_, '_>) -> Option<bool> {
    let DeValue::Boolean(on) = value.get_ref() else {
        return None;
    };
    Some(*on)
}

pub(super) fn text<'d>(value: Spanned<'d, '_>) -> Option<&'d str> {
    let DeValue::String(text) = value.get_ref() else {
        return None;
    };
    Some(text)
}

pub(super) fn texts<'d>(value: Spanned<'d, '_>) -> Option<Vec<(&'d str, Range<usize>)>> {
    if let Some(text) = text(value) {
        return Some(vec![(text, value.span())]);
    }
    let DeValue::Array(items) = value.get_ref() else {
        return None;
    };
    items
        .iter()
        .map(|item| text(item).map(|text| (text, item.span())))
        .collect()
}

pub(super) fn owned(texts: &[(&str, Range<usize>)]) -> Vec<String> {
    texts.iter().map(|(text, _)| (*text).to_owned()).collect()
}

pub(super) fn number(value: Spanned<'_, '_>) -> Option<u64> {
    let DeValue::Integer(integer) = value.get_ref() else {
        return None;
    };
    u64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

pub(super) fn offset(text: &str) -> Option<i64> {
    let (negative, size) = match text.strip_prefix('-') {
        Some(size) => (true, size),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let amount = Amount::parse(size, Unit::Nanosecond).ok()?;
    let size = i64::try_from(amount.low)
        .ok()
        .filter(|_| !amount.is_range())?;
    Some(if negative { -size } else { size })
}

/// Parts per billion from parts per million with at most three decimals.
pub(super) fn drift(text: &str) -> Option<i64> {
    let (sign, size) = match text.strip_prefix('-') {
        Some(size) => (-1, size),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let number = size.strip_suffix("ppm")?.trim_end();
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if whole.is_empty()
        || fraction.len() > 3
        || !(whole.to_owned() + fraction)
            .bytes()
            .all(|b| b.is_ascii_digit())
    {
        return None;
    }
    let parts: i64 = format!("{whole}{fraction:0<3}").parse().ok()?;
    (parts < DRIFT_MAX).then_some(sign * parts)
}

/// A clock that runs backwards, or at double speed, in parts per billion.
const DRIFT_MAX: i64 = 1_000_000_000;

pub(super) fn ports(kind: Kind, value: Spanned<'_, '_>) -> Option<RangeInclusive<u16>> {
    let port = |text: &str| text.trim().parse::<u16>().ok().filter(|port| *port > 0);
    if let Some(number) = number(value) {
        let port = u16::try_from(number).ok().filter(|port| *port > 0)?;
        return Some(port..=port);
    }
    if matches!(kind, Kind::Port) {
        return None;
    }
    let (first, last) = text(value)?.split_once("..")?;
    let ports = port(first)?..=port(last)?;
    (!ports.is_empty()).then_some(ports)
}

/// What a kind of value looks like, for diagnostics and the reference page.
pub(super) fn expected(kind: Kind) -> String {
    match kind {
        Kind::Text => "a text".to_owned(),
        Kind::Choice(words) => format!("one of {}", quoted(words).join(", ")),
        Kind::Choices(words) => format!("one or a list of {}", quoted(words).join(", ")),
        Kind::Words(field) => format!("one or a list of the protocol's words for `{field}`"),
        Kind::Texts => "a text or a list of texts".to_owned(),
        Kind::Declares(kind) => format!("a new name for a {kind}"),
        Kind::Refers("host") => "a host".to_owned(),
        Kind::Refers(kind) => format!("the name of a {kind}"),
        Kind::Hosts => "a host or a list of hosts".to_owned(),
        Kind::Boolean => "`true` or `false`".to_owned(),
        Kind::Integer { min, max: u64::MAX } => format!("a whole number from {min}"),
        Kind::Integer { min, max } => format!("a whole number from {min} to {max}"),
        Kind::Duration => Unit::Nanosecond.notation().to_owned(),
        Kind::Offset => "a duration such as \"90s\", or negative as \"-90s\"".to_owned(),
        Kind::Drift => "a drift such as \"50 ppm\", or negative as \"-0.5 ppm\"".to_owned(),
        Kind::Bytes => Unit::Octet.notation().to_owned(),
        Kind::Rate => Unit::BitPerSecond.notation().to_owned(),
        Kind::Percent => Unit::PartPerMillion.notation().to_owned(),
        Kind::Port => "a port from 1 to 65535".to_owned(),
        Kind::Ports => "a port, or a range such as \"49152..65535\"".to_owned(),
        Kind::Count => "a number, or a table such as { min = 1, max = 4 }".to_owned(),
        Kind::Table(_) => "a table".to_owned(),
        Kind::Tables(_) => "a list of tables".to_owned(),
        Kind::Event(_) => "an event".to_owned(),
        Kind::Events(_) => "a list of events".to_owned(),
    }
}

pub(super) fn found(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text that does not fit",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a number with a point",
        DeValue::Boolean(_) => "`true` or `false`",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

pub(super) fn quoted(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| format!("`{word}`")).collect()
}

#[cfg(test)]
mod tests {
    use super::drift;

    #[test]
    fn a_drift_is_signed_and_has_three_decimals_at_most() {
        let table = [
            ("50 ppm", Some(50_000)),
            ("-0.5 ppm", Some(-500)),
            ("+1.250ppm", Some(1_250)),
            ("1.2345 ppm", None),
            ("1000000 ppm", None),
            ("50", None),
            ("5.-1 ppm", None),
            (" ppm", None),
        ];
        for (text, parts) in table {
            assert_eq!(drift(text), parts, "{text}");
        }
    }
}
