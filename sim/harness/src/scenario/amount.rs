//! Quantities with units inside the value: "10s", "256 KiB", "5%", "10 Mbit/s", and ranges of them.

use std::fmt;
use std::time::Duration;

use portcullis_net::Randomness;
use thiserror::Error;

/// What a quantity counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Plain numbers.
    One,
    /// Time, counted in nanoseconds.
    Nanosecond,
    /// Sizes, counted in octets.
    Octet,
    /// Rates, counted in bits per second.
    BitPerSecond,
    /// Shares, counted in parts per million.
    PartPerMillion,
}

impl Unit {
    /// The suffixes that a file may use, with their factors; a canonical text uses the largest that
    /// divides the quantity.
    const fn suffixes(self) -> &'static [(&'static str, u64)] {
        match self {
            Self::One => &[("", 1)],
            Self::Nanosecond => &[
                ("d", 86_400_000_000_000),
                ("h", 3_600_000_000_000),
                ("m", 60_000_000_000),
                ("s", 1_000_000_000),
                ("ms", 1_000_000),
                ("us", 1_000),
                ("ns", 1),
            ],
            Self::Octet => &[
                ("GiB", 1 << 30),
                ("MiB", 1 << 20),
                ("KiB", 1 << 10),
                ("B", 1),
            ],
            Self::BitPerSecond => &[
                ("Gbit/s", 1_000_000_000),
                ("Mbit/s", 1_000_000),
                ("kbit/s", 1_000),
                ("bit/s", 1),
            ],
            Self::PartPerMillion => &[("%", 10_000)],
        }
    }

    /// An example and the units, for diagnostics and the reference page.
    pub(super) const fn notation(self) -> &'static str {
        match self {
            Self::One => "a whole number",
            Self::Nanosecond => "a duration such as \"10s\" (d, h, m, s, ms, us, ns)",
            Self::Octet => "a size such as \"256 KiB\" (GiB, MiB, KiB, B)",
            Self::BitPerSecond => "a rate such as \"10 Mbit/s\" (Gbit/s, Mbit/s, kbit/s, bit/s)",
            Self::PartPerMillion => "a share such as \"5%\"",
        }
    }

    /// The grain in which a range is drawn, so that drawn values stay readable.
    const fn grain(self) -> u64 {
        match self {
            Self::Nanosecond => 1_000,
            Self::One | Self::Octet | Self::BitPerSecond | Self::PartPerMillion => 1,
        }
    }
}

/// A quantity, or a range of which a seed draws one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amount {
    /// What it counts.
    pub unit: Unit,
    /// The smallest quantity meant.
    pub low: u64,
    /// The largest quantity meant; equal to `low` when there is nothing to draw.
    pub high: u64,
}

/// Why a text is no quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AmountError {
    /// Nothing that looks like a number.
    #[error("is not a number with a unit")]
    NotANumber,
    /// A number without unit, where there are several units.
    #[error("lacks a unit")]
    NoUnit,
    /// A unit of something else, or of nothing.
    #[error("has a unit that does not fit")]
    WrongUnit,
    /// More than the program can count, or more digits after the point than the unit can express.
    #[error("is too large or too fine")]
    OutOfRange,
    /// A range whose end comes before its start.
    #[error("is a range that ends before it starts")]
    EmptyRange,
}

impl Amount {
    /// A single quantity.
    #[must_use]
    pub const fn fixed(unit: Unit, quantity: u64) -> Self {
        Self {
            unit,
            low: quantity,
            high: quantity,
        }
    }

    /// Parses `"5m"`, `"1m30s"` or `"1ms..40ms"`.
    ///
    /// # Errors
    /// See [`AmountError`].
    pub fn parse(text: &str, unit: Unit) -> Result<Self, AmountError> {
        let (low, high) = match text.split_once("..") {
            Some((low, high)) => (quantity(low, unit)?, quantity(high, unit)?),
            None => {
                let quantity = quantity(text, unit)?;
                (quantity, quantity)
            }
        };
        if high < low {
            return Err(AmountError::EmptyRange);
        }
        Ok(Self { unit, low, high })
    }

    /// Whether a seed has something to draw.
    #[must_use]
    pub const fn is_range(&self) -> bool {
        self.low != self.high
    }

    /// The quantity that `random` draws; takes nothing from it when there is no choice.
    #[must_use]
    pub fn draw(&self, random: &Randomness) -> Self {
        if !self.is_range() {
            return *self;
        }
        let grain = self.unit.grain();
        let steps = ((self.high - self.low) / grain).saturating_add(1);
        Self::fixed(self.unit, self.low + random.below(steps) * grain)
    }

    /// The quantity as time; meaningless for other units.
    #[must_use]
    pub const fn duration(&self) -> Duration {
        Duration::from_nanos(self.low)
    }
}

/// Prints what [`Amount::parse`] reads back to the same amount.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_quantity(f, self.low, self.unit)?;
        if self.is_range() {
            f.write_str("..")?;
            write_quantity(f, self.high, self.unit)?;
        }
        Ok(())
    }
}

fn write_quantity(f: &mut fmt::Formatter<'_>, quantity: u64, unit: Unit) -> fmt::Result {
    let suffixes = unit.suffixes();
    let smallest = suffixes.last().copied().unwrap_or(("", 1));
    let exact = suffixes
        .iter()
        .copied()
        .find(|&(_, factor)| quantity >= factor && quantity.is_multiple_of(factor));
    let (mut suffix, mut factor) = match (unit, exact) {
        (Unit::Nanosecond, None) => ("s", 1_000_000_000),
        (_, exact) => exact.unwrap_or(smallest),
    };
    // 22.223ms reads better than 22223us.
    while unit == Unit::Nanosecond && factor < 1_000_000_000 && quantity / factor >= 1000 {
        factor *= 1000;
        suffix = suffixes
            .iter()
            .find(|(_, larger)| *larger == factor)
            .map_or("", |(suffix, _)| suffix);
    }
    let (whole, rest) = (quantity / factor, quantity % factor);
    write!(f, "{whole}")?;
    if rest > 0 {
        let digits = factor.ilog10();
        let fraction = format!(
            "{rest:0width$}",
            width = usize::try_from(digits).unwrap_or(0)
        );
        write!(f, ".{}", fraction.trim_end_matches('0'))?;
    }
    let spaced = matches!(unit, Unit::Octet | Unit::BitPerSecond);
    write!(f, "{}{suffix}", if spaced { " " } else { "" })
}

/// One quantity: a number with a unit, or several in a row as in `1m30s`.
fn quantity(text: &str, unit: Unit) -> Result<u64, AmountError> {
    let mut rest = text.trim();
    let mut total: u64 = 0;
    if rest.is_empty() {
        return Err(AmountError::NotANumber);
    }
    while !rest.is_empty() {
        let number_end = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_')
            .unwrap_or(rest.len());
        let (number, tail) = rest.split_at(number_end);
        let tail = tail.trim_start();
        let unit_end = tail
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(tail.len());
        let (suffix, tail) = tail.split_at(unit_end);
        let factor = factor(suffix.trim(), unit)?;
        total = total
            .checked_add(scaled(number, factor)?)
            .ok_or(AmountError::OutOfRange)?;
        rest = tail.trim_start();
    }
    Ok(total)
}

fn factor(suffix: &str, unit: Unit) -> Result<u64, AmountError> {
    unit.suffixes()
        .iter()
        .find(|(known, _)| *known == suffix)
        .map(|&(_, factor)| factor)
        .ok_or(if suffix.is_empty() {
            AmountError::NoUnit
        } else {
            AmountError::WrongUnit
        })
}

/// A decimal number times a factor, exactly or not at all.
fn scaled(number: &str, factor: u64) -> Result<u64, AmountError> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| -> Result<u64, AmountError> {
        let text = text.replace('_', "");
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(AmountError::NotANumber);
        }
        text.parse().map_err(|_| AmountError::OutOfRange)
    };
    let whole = digits(whole)?
        .checked_mul(factor)
        .ok_or(AmountError::OutOfRange)?;
    if fraction.is_empty() {
        return if number.ends_with('.') {
            Err(AmountError::NotANumber)
        } else {
            Ok(whole)
        };
    }
    let places = u32::try_from(fraction.len()).map_err(|_| AmountError::OutOfRange)?;
    let scale = 10u64.checked_pow(places).ok_or(AmountError::OutOfRange)?;
    let part = digits(fraction)?
        .checked_mul(factor)
        .ok_or(AmountError::OutOfRange)?;
    if !part.is_multiple_of(scale) {
        return Err(AmountError::OutOfRange);
    }
    whole
        .checked_add(part / scale)
        .ok_or(AmountError::OutOfRange)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_inside_values_are_read_and_printed_back() {
        let table = [
            ("10s", Unit::Nanosecond, 10_000_000_000, "10s"),
            ("1m30s", Unit::Nanosecond, 90_000_000_000, "90s"),
            ("0.25s", Unit::Nanosecond, 250_000_000, "250ms"),
            ("4h", Unit::Nanosecond, 14_400_000_000_000, "4h"),
            ("12.345ms", Unit::Nanosecond, 12_345_000, "12.345ms"),
            ("0s", Unit::Nanosecond, 0, "0s"),
            ("256 KiB", Unit::Octet, 262_144, "256 KiB"),
            ("1000 B", Unit::Octet, 1_000, "1000 B"),
            ("0.5 MiB", Unit::Octet, 524_288, "512 KiB"),
            ("10 Mbit/s", Unit::BitPerSecond, 10_000_000, "10 Mbit/s"),
            ("5%", Unit::PartPerMillion, 50_000, "5%"),
            ("0.1%", Unit::PartPerMillion, 1_000, "0.1%"),
            ("42", Unit::One, 42, "42"),
        ];
        for (text, unit, quantity, printed) in table {
            let amount = Amount::parse(text, unit).expect(text);
            assert_eq!(amount, Amount::fixed(unit, quantity), "{text}");
            assert_eq!(amount.to_string(), printed, "{text}");
            assert_eq!(Amount::parse(printed, unit), Ok(amount), "{printed}");
        }
    }

    #[test]
    fn what_is_no_quantity_is_refused_with_its_reason() {
        let table = [
            ("10", Unit::Nanosecond, AmountError::NoUnit),
            ("10 KiB", Unit::Nanosecond, AmountError::WrongUnit),
            ("10 sec", Unit::Nanosecond, AmountError::WrongUnit),
            ("s", Unit::Nanosecond, AmountError::NotANumber),
            ("", Unit::Nanosecond, AmountError::NotANumber),
            ("-5s", Unit::Nanosecond, AmountError::WrongUnit),
            ("0.5ns", Unit::Nanosecond, AmountError::OutOfRange),
            ("999999999d", Unit::Nanosecond, AmountError::OutOfRange),
            ("4ms..1ms", Unit::Nanosecond, AmountError::EmptyRange),
            ("256 kB", Unit::Octet, AmountError::WrongUnit),
            ("5", Unit::PartPerMillion, AmountError::NoUnit),
        ];
        for (text, unit, error) in table {
            assert_eq!(Amount::parse(text, unit), Err(error), "{text}");
        }
    }

    #[test]
    fn a_draw_stays_within_its_range_and_depends_on_the_seed() {
        let range = Amount::parse("1ms..40ms", Unit::Nanosecond).expect("a range");
        let draws: Vec<_> = (0..50)
            .map(|seed| range.draw(&Randomness::from_seed(seed)))
            .collect();
        assert!(
            draws
                .iter()
                .all(|d| (range.low..=range.high).contains(&d.low))
        );
        assert!(draws.iter().any(|d| d != &draws[0]));
        assert_eq!(draws[7], range.draw(&Randomness::from_seed(7)));
    }
}
