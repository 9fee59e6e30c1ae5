//! Identifiers of jobs.

use std::fmt;
use std::str::FromStr;

use portcullis_net::Randomness;
use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How many hexadecimal digits a guid has.
const DIGITS: usize = 32;

/// How many characters a guid has: its digits and hyphens between them.
const LENGTH: usize = 36;

/// The digits, by their values.
const HEXADECIMAL: &[u8; 16] = b"0123456789abcdef";

/// Where the hyphens are.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

/// Where the two digits of each octet begin, between the hyphens.
const PAIRS: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/// An identifier in the form of a guid, written in lower case (CD-9).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Guid(u128);

/// The text is not 8-4-4-4-12 hexadecimal digits with hyphens between (CD-10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a guid")]
pub struct GuidError;

impl Guid {
    /// The guid without a bit set, which names nothing.
    pub const NIL: Self = Self(0);

    /// The guid with these bits.
    #[must_use]
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    /// A random guid (version 4).
    #[must_use]
    pub fn random(random: &Randomness) -> Self {
        let bits = (u128::from(random.next_u64()) << 64) | u128::from(random.next_u64());
        let version = 0x4 << 76;
        let variant = 0b10 << 62;
        let free = !((0xF << 76) | (0b11 << 62));
        Self(bits & free | version | variant)
    }

    /// As [`str::parse`], and in the other forms that ASP.NET takes: with white space around it, in
    /// braces or parentheses, without hyphens.
    ///
    /// # Errors
    /// When it is no guid in any form.
    pub fn parse_loosely(text: &str) -> Result<Self, GuidError> {
        let text = text.trim_matches([' ', '\t', '\r', '\n']);
        let inside = [('{', '}'), ('(', ')')]
            .into_iter()
            .find_map(|(open, close)| text.strip_prefix(open)?.strip_suffix(close));
        let text = inside.unwrap_or(text);
        if text.len() == DIGITS && text.bytes().all(|octet| octet.is_ascii_hexdigit()) {
            let bits = u128::from_str_radix(text, 16);
            return bits.map(Self).map_err(|_| GuidError);
        }
        text.parse()
    }
}

impl FromStr for Guid {
    type Err = GuidError;

    // CD-10: 36 characters, no braces, digits in either case.
    fn from_str(text: &str) -> Result<Self, GuidError> {
        let text = text.as_bytes();
        let is_hyphen = |at: &usize| text.get(*at) == Some(&b'-');
        if text.len() != LENGTH || !HYPHENS.iter().all(is_hyphen) {
            return Err(GuidError);
        }
        let mut octets = [0; 16];
        for (octet, at) in octets.iter_mut().zip(PAIRS) {
            let pair = text.get(at..).and_then(<[u8]>::first_chunk);
            let [high, low] = *pair.ok_or(GuidError)?;
            *octet = (value(high)? << 4) | value(low)?;
        }
        Ok(Self(u128::from_be_bytes(octets)))
    }
}

/// The value of a digit in either case.
const fn value(digit: u8) -> Result<u8, GuidError> {
    match digit {
        b'0'..=b'9' => Ok(digit & 0xF),
        b'a'..=b'f' | b'A'..=b'F' => Ok((digit & 0xF).wrapping_add(9)),
        _ => Err(GuidError),
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Written for every message and every record: without the machinery of formats.
        let digit = |value: u8| HEXADECIMAL.get(usize::from(value)).copied();
        let mut text = [b'-'; LENGTH];
        for (octet, at) in self.0.to_be_bytes().into_iter().zip(PAIRS) {
            if let Some(pair) = text.get_mut(at..).and_then(<[u8]>::first_chunk_mut)
                && let (Some(high), Some(low)) = (digit(octet >> 4), digit(octet & 0xF))
            {
                *pair = [high, low];
            }
        }
        f.pad(str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Guid({self})")
    }
}

impl Serialize for Guid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Guid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Written)
    }
}

/// Reads a guid without a copy of its text.
struct Written;

impl Visitor<'_> for Written {
    type Value = Guid;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a guid")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Guid, E> {
        text.parse().map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guid_is_read_in_either_case_and_written_in_lower_case() {
        let text = "49bebd7d-62d0-4d68-a1f0-9118b3ac4416";
        let guid: Guid = text.to_uppercase().parse().unwrap();
        assert_eq!(guid.to_string(), text);
    }

    #[test]
    fn aspnet_takes_guids_in_other_forms() {
        let text = "49bebd7d-62d0-4d68-a1f0-9118b3ac4416";
        let guid = text.parse();
        for form in [
            text.to_owned(),
            format!("{{{text}}}"),
            format!(" ({text})\n"),
            text.replace('-', ""),
        ] {
            assert_eq!(Guid::parse_loosely(&form), guid, "{form}");
        }
        for form in [
            "",
            "{}",
            "{49bebd7d-62d0-4d68-a1f0-9118b3ac4416)",
            "+9bebd7d62d04d68a1f09118b3ac4416",
        ] {
            assert_eq!(Guid::parse_loosely(form), Err(GuidError), "{form}");
        }
    }

    #[test]
    fn what_is_no_guid_is_refused() {
        for text in [
            "",
            "49bebd7d62d04d68a1f09118b3ac4416",
            "{49bebd7d-62d0-4d68-a1f0-9118b3ac4416}",
            "49bebd7d-62d0-4d68-a1f0-9118b3ac441",
            "49bebd7d-62d0-4d68-a1f0-9118b3ac44166",
            "49bebd7g-62d0-4d68-a1f0-9118b3ac4416",
            "49bebd7d-62d0-4d68-a1f0+9118b3ac4416",
            "+9bebd7d-62d0-4d68-a1f0-9118b3ac4416",
        ] {
            assert_eq!(text.parse::<Guid>(), Err(GuidError), "{text}");
        }
    }

    #[test]
    fn random_guids_say_that_they_are() {
        let random = Randomness::from_seed(1);
        let text = Guid::random(&random).to_string();
        assert_eq!(text.as_bytes()[14], b'4', "{text}");
        assert!(b"89ab".contains(&text.as_bytes()[19]), "{text}");
    }
}
