//! Octets as text: the two encodings that every XML processor has to know.

use std::borrow::Cow;

use crate::{Limits, XmlError, XmlErrorKind};

/// How the octets of a document say its characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with a byte order mark or without.
    Utf8,
    /// UTF-16 of either byte order, which the byte order mark says.
    Utf16,
}

impl Encoding {
    /// The name by which a document or its carrier declares it, in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Utf16 => "utf-16",
        }
    }
}

/// The text of a document, for protocols whose peers may choose the encoding: SOAP's may (WS-I
/// Basic Profile 1.1, R1012 and R4001).
///
/// UTF-8 is not copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded<'a> {
    text: Cow<'a, str>,
    encoding: Encoding,
}

impl<'a> Decoded<'a> {
    /// Decodes a document of at most as many octets as `limits` says; of UTF-16 it reserves at most
    /// one and a half times as many. The byte order mark is no part of the text.
    ///
    /// # Errors
    /// [`XmlErrorKind::DocumentTooLong`], [`XmlErrorKind::InvalidUtf8`] and
    /// [`XmlErrorKind::InvalidUtf16`], at an offset among `octets`.
    pub fn new(octets: &'a [u8], limits: &Limits) -> Result<Self, XmlError> {
        let limit = limits.octets_max();
        if octets.len() > limit {
            let kind = XmlErrorKind::DocumentTooLong { limit };
            return Err(XmlError::new(limit, kind));
        }
        match octets {
            [0xFE, 0xFF, units @ ..] => utf16(units, u16::from_be_bytes),
            [0xFF, 0xFE, units @ ..] => utf16(units, u16::from_le_bytes),
            _ => {
                let text = octets.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(octets);
                let mark = octets.len().saturating_sub(text.len());
                let text = std::str::from_utf8(text).map_err(|error| {
                    let at = mark.saturating_add(error.valid_up_to());
                    XmlError::new(at, XmlErrorKind::InvalidUtf8)
                })?;
                Ok(Self {
                    text: Cow::Borrowed(text),
                    encoding: Encoding::Utf8,
                })
            }
        }
    }

    /// The encoding found.
    #[must_use]
    pub const fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The text, without a byte order mark.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Decodes what follows a byte order mark.
fn utf16(octets: &[u8], unit: fn([u8; 2]) -> u16) -> Result<Decoded<'static>, XmlError> {
    const MARK_OCTETS: usize = 2;
    let (units, rest) = octets.as_chunks::<2>();
    let mut text = String::with_capacity(octets.len());
    let mut at = MARK_OCTETS;
    for letter in char::decode_utf16(units.iter().map(|octets| unit(*octets))) {
        let letter = letter.map_err(|_| XmlError::new(at, XmlErrorKind::InvalidUtf16))?;
        at = at.saturating_add(letter.len_utf16().saturating_mul(2));
        text.push(letter);
    }
    if !rest.is_empty() {
        return Err(XmlError::new(at, XmlErrorKind::InvalidUtf16));
    }
    Ok(Decoded {
        text: Cow::Owned(text),
        encoding: Encoding::Utf16,
    })
}
