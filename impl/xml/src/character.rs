//! Which characters, names and references XML 1.0 allows.

use std::borrow::Cow;

use crate::XmlErrorKind;

/// Whether XML 1.0 has the character: its production Char (ET-65).
#[must_use]
pub const fn is_legal(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

/// White space of XML 1.0.
pub(crate) const fn is_space(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t' | b'\r' | b'\n')
}

/// Whether `text` is white space only.
pub(crate) fn is_blank(text: &str) -> bool {
    text.bytes().all(is_space)
}

/// How many octets [`first_illegal`] looks at together; the compiler makes vector code of it.
const CHUNK: usize = 64;

/// The offset of the first character that XML 1.0 does not allow.
///
/// In UTF-8 that is a control octet other than tab, line feed and carriage return, or one of
/// U+FFFE and U+FFFF, which begin with the octet EF.
pub(crate) fn first_illegal(text: &str) -> Option<usize> {
    let suspicious = |&octet: &u8| {
        octet == 0xEF || (octet < 0x20) & (octet != 9) & (octet != 10) & (octet != 13)
    };
    let mut start = 0_usize;
    for chunk in text.as_bytes().chunks(CHUNK) {
        if chunk
            .iter()
            .fold(false, |seen, octet| seen | suspicious(octet))
        {
            let rest = text.as_bytes().get(start..).unwrap_or_default();
            let within = chunk.iter().enumerate().position(|(index, &octet)| {
                let three = rest.get(index..index.saturating_add(3));
                (octet != 0xEF && suspicious(&octet))
                    || three == Some(&[0xEF, 0xBF, 0xBE])
                    || three == Some(&[0xEF, 0xBF, 0xBF])
            });
            if let Some(index) = within {
                return Some(start.saturating_add(index));
            }
        }
        start = start.saturating_add(CHUNK);
    }
    None
}

/// The offset of the first `]]>`, which text may not hold.
pub(crate) fn section_end(text: &str) -> Option<usize> {
    let octets = text.as_bytes();
    let mut start = 0_usize;
    for chunk in octets.chunks(CHUNK) {
        // `>` is rare in text: whole chunks are passed over.
        if chunk
            .iter()
            .fold(false, |seen, octet| seen | (*octet == b'>'))
        {
            let ends = |index: &usize| {
                let end = start.saturating_add(*index).saturating_add(1);
                octets.get(..end).is_some_and(|text| text.ends_with(b"]]>"))
            };
            if let Some(index) = (0..chunk.len()).find(ends) {
                return start.saturating_add(index).checked_sub(2);
            }
        }
        start = start.saturating_add(CHUNK);
    }
    None
}

/// The production `NameStartChar` without the colon.
const fn starts_name(c: char) -> bool {
    matches!(c,
        'A'..='Z' | '_' | 'a'..='z' | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}'
        | '\u{F8}'..='\u{2FF}' | '\u{370}'..='\u{37D}' | '\u{37F}'..='\u{1FFF}'
        | '\u{200C}'..='\u{200D}' | '\u{2070}'..='\u{218F}' | '\u{2C00}'..='\u{2FEF}'
        | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}'
        | '\u{10000}'..='\u{EFFFF}')
}

/// The production `NameChar` without the colon.
const fn continues_name(c: char) -> bool {
    starts_name(c)
        || matches!(c,
            '-' | '.' | '0'..='9' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}

/// The octets of ASCII that [`continues_name`] takes.
const fn continues_name_in_ascii(octet: u8) -> bool {
    matches!(octet, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'.')
}

/// The production `NCName`.
pub(crate) fn is_local_name(name: &str) -> bool {
    let octets = name.as_bytes();
    if octets.iter().all(|octet| continues_name_in_ascii(*octet)) {
        return matches!(octets, [b'a'..=b'z' | b'A'..=b'Z' | b'_', ..]);
    }
    let mut letters = name.chars();
    letters.next().is_some_and(starts_name) && letters.all(continues_name)
}

/// A qualified name as prefix, empty for none, and local name.
pub(crate) fn split_name(name: &str) -> Option<(&str, &str)> {
    let (prefix, local) = match name.bytes().position(|octet| octet == b':') {
        None => ("", name),
        Some(colon) => {
            let (prefix, rest) = name.split_at_checked(colon)?;
            if !is_local_name(prefix) {
                return None;
            }
            (prefix, rest.get(1..)?)
        }
    };
    is_local_name(local).then_some((prefix, local))
}

/// The character that the reference `&name;` stands for (ET-64, ET-65).
pub(crate) fn resolve(name: &str) -> Result<char, XmlErrorKind> {
    let Some(number) = name.strip_prefix('#') else {
        return match name {
            "lt" => Ok('<'),
            "gt" => Ok('>'),
            "amp" => Ok('&'),
            "apos" => Ok('\''),
            "quot" => Ok('"'),
            _ if is_local_name(name) => Err(XmlErrorKind::UnknownEntity),
            _ => Err(XmlErrorKind::MalformedReference),
        };
    };
    let (digits, radix) = match number.strip_prefix('x') {
        Some(digits) => (digits, 16),
        None => (number, 10),
    };
    // `from_str_radix` would take a sign.
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return Err(XmlErrorKind::MalformedReference);
    }
    u32::from_str_radix(digits, radix)
        .ok()
        .and_then(char::from_u32)
        .filter(|c| is_legal(*c))
        .ok_or(XmlErrorKind::IllegalCharacter)
}

/// Line ends of text as XML 1.0 section 2.11 wants them.
pub(crate) fn normal_text(raw: &str) -> Cow<'_, str> {
    if raw.contains('\r') {
        Cow::Owned(raw.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(raw)
    }
}

/// Whether an octet of an attribute value means that the value is not what it looks like.
pub(crate) const fn is_special_in_value(octet: u8) -> bool {
    matches!(octet, b'<' | b'&' | b'\t' | b'\r' | b'\n')
}

/// An attribute value as XML 1.0 section 3.3.3 wants it; its references were checked before.
pub(crate) fn normal_value(raw: &str) -> Cow<'_, str> {
    if !raw.bytes().any(is_special_in_value) {
        return Cow::Borrowed(raw);
    }
    let mut value = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(index) = rest.find(['&', '\t', '\r', '\n']) {
        let (before, from) = rest.split_at(index);
        value.push_str(before);
        if let Some(reference) = from.strip_prefix('&') {
            let (name, after) = reference.split_once(';').unwrap_or((reference, ""));
            value.extend(resolve(name));
            rest = after;
        } else {
            value.push(' ');
            rest = from
                .strip_prefix("\r\n")
                .or_else(|| from.get(1..))
                .unwrap_or_default();
        }
    }
    value.push_str(rest);
    Cow::Owned(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_is_judged_as_the_production_says() {
        for c in '\0'..=char::MAX {
            let text = format!("{}{c}x", "padding ".repeat(7));
            assert_eq!(first_illegal(&text).is_none(), is_legal(c), "{c:?}");
        }
    }

    #[test]
    fn the_first_illegal_character_is_found_across_chunks() {
        for before in 0..200 {
            let text = format!("{}\u{FFFF}", "\u{FF01}a\n".repeat(before));
            assert_eq!(first_illegal(&text), Some(before * 5));
        }
    }

    #[test]
    fn the_end_of_a_section_is_found_across_chunks() {
        for before in 0..200 {
            let text = format!("{}]]>]]>", "]> ".repeat(before));
            assert_eq!(section_end(&text), Some(before * 3));
        }
        assert_eq!(section_end(&"]] >]]".repeat(50)), None);
    }

    #[test]
    fn references_resolve_or_say_why_not() {
        assert_eq!(resolve("amp"), Ok('&'));
        assert_eq!(resolve("#65"), Ok('A'));
        assert_eq!(resolve("#x1F600"), Ok('\u{1F600}'));
        for illegal in ["#0", "#1", "#xD800", "#xFFFF", "#x110000", "#99999999999"] {
            assert_eq!(resolve(illegal), Err(XmlErrorKind::IllegalCharacter));
        }
        for malformed in ["", "#", "#x", "#+65", "#X41", "# 65", "a b", "1"] {
            assert_eq!(resolve(malformed), Err(XmlErrorKind::MalformedReference));
        }
        assert_eq!(resolve("nbsp"), Err(XmlErrorKind::UnknownEntity));
    }

    #[test]
    fn values_and_text_are_normalised() {
        assert_eq!(normal_text("a\r\nb\rc\n"), "a\nb\nc\n");
        assert_eq!(normal_value("a\r\n\tb&#13;&lt;"), "a  b\r<");
        assert!(matches!(normal_value("plain"), Cow::Borrowed("plain")));
    }
}
