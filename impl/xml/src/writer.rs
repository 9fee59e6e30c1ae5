//! The canonical writer: equal messages, equal octets.

use std::fmt::{self, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use crate::character::{is_legal, is_local_name};

/// What the writer was asked to write is no XML. The document is then abandoned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WriteError {
    /// A value holds a character that XML 1.0 has no way to write.
    #[error("character not allowed in xml")]
    IllegalCharacter,
    /// A name is no qualified name.
    #[error("illegal name")]
    IllegalName,
    /// An attribute after content, content outside the root, or an element left open.
    #[error("written out of order")]
    OutOfOrder,
}

/// Writes one document in canonical form (ET-71).
///
/// The form: no XML declaration, attributes and elements in the order of the calls, double quotes,
/// no white space that was not asked for, `<name/>` for an element without content, and one way to
/// escape each character: `&amp;` `&lt;` `&gt;` everywhere, `&quot;` and references to tab and line
/// feed in attributes, a reference to carriage return everywhere. What the gate reads back is what
/// was written.
///
/// Errors are kept and reported by [`Writer::finish`], so calls can be chained.
///
/// # Example: one message
/// ```
/// use portcullis_xml::{WriteError, Writer};
///
/// let mut writer = Writer::new();
/// writer.open("order").attribute("xmlns", "urn:shop").attribute("count", 3);
/// writer.open("note").text("a < b").close();
/// writer.close();
/// assert_eq!(
///     writer.finish()?,
///     br#"<order xmlns="urn:shop" count="3"><note>a &lt; b</note></order>"#
/// );
/// # Ok::<(), WriteError>(())
/// ```
#[derive(Debug, Default)]
pub struct Writer {
    out: String,
    open: Vec<&'static str>,
    /// The last start tag still lacks its `>`.
    in_tag: bool,
    has_root: bool,
    error: Option<WriteError>,
}

impl Writer {
    /// A writer of a new document.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A writer with room for `octets`, for messages that carry a payload.
    #[must_use]
    pub fn with_capacity(octets: usize) -> Self {
        Self {
            out: String::with_capacity(octets),
            ..Self::default()
        }
    }

    /// Begins an element. `name` may have a prefix, which the caller declares as an attribute.
    pub fn open(&mut self, name: &'static str) -> &mut Self {
        if !is_name(name) {
            return self.fail(WriteError::IllegalName);
        }
        if self.open.is_empty() && self.has_root {
            return self.fail(WriteError::OutOfOrder);
        }
        self.end_tag();
        self.has_root = true;
        self.in_tag = true;
        self.open.push(name);
        self.out.push('<');
        self.out.push_str(name);
        self
    }

    /// Adds an attribute to the element just opened.
    pub fn attribute(&mut self, name: &'static str, value: impl fmt::Display) -> &mut Self {
        if !is_name(name) {
            return self.fail(WriteError::IllegalName);
        }
        if !self.in_tag {
            return self.fail(WriteError::OutOfOrder);
        }
        self.out.push(' ');
        self.out.push_str(name);
        self.out.push_str("=\"");
        self.escaped(value, Place::Attribute);
        self.out.push('"');
        self
    }

    /// Adds an attribute when there is a value.
    pub fn optional_attribute(
        &mut self,
        name: &'static str,
        value: Option<impl fmt::Display>,
    ) -> &mut Self {
        match value {
            Some(value) => self.attribute(name, value),
            None => self,
        }
    }

    /// Adds text; anything that can be displayed, so that a payload need not be built twice.
    pub fn text(&mut self, text: impl fmt::Display) -> &mut Self {
        if self.open.is_empty() {
            return self.fail(WriteError::OutOfOrder);
        }
        let start = self.out.len();
        let in_tag = self.in_tag;
        self.end_tag();
        let content = self.out.len();
        self.escaped(text, Place::Text);
        // Empty text leaves `<name/>`, as no text does.
        if in_tag && self.out.len() == content {
            self.out.truncate(start);
            self.in_tag = true;
        }
        self
    }

    /// Adds octets as text in base64 (XML Schema's `base64Binary`), straight into the document.
    pub fn base64(&mut self, octets: &[u8]) -> &mut Self {
        if self.open.is_empty() {
            return self.fail(WriteError::OutOfOrder);
        }
        if !octets.is_empty() {
            self.end_tag();
            // Nothing in base64 has to be escaped.
            STANDARD.encode_string(octets, &mut self.out);
        }
        self
    }

    /// Ends the innermost element.
    pub fn close(&mut self) -> &mut Self {
        let Some(name) = self.open.pop() else {
            return self.fail(WriteError::OutOfOrder);
        };
        if self.in_tag {
            self.in_tag = false;
            self.out.push_str("/>");
        } else {
            self.out.push_str("</");
            self.out.push_str(name);
            self.out.push('>');
        }
        self
    }

    /// The document.
    ///
    /// # Errors
    /// The first that any call met; [`WriteError::OutOfOrder`] when an element is still open or
    /// there is none.
    pub fn finish(self) -> Result<Vec<u8>, WriteError> {
        match self.error {
            Some(error) => Err(error),
            None if !self.open.is_empty() || !self.has_root => Err(WriteError::OutOfOrder),
            None => Ok(self.out.into_bytes()),
        }
    }

    fn end_tag(&mut self) {
        if self.in_tag {
            self.in_tag = false;
            self.out.push('>');
        }
    }

    const fn fail(&mut self, error: WriteError) -> &mut Self {
        if self.error.is_none() {
            self.error = Some(error);
        }
        self
    }

    fn escaped(&mut self, value: impl fmt::Display, place: Place) {
        let mut escape = Escape {
            out: &mut self.out,
            place,
        };
        if write!(escape, "{value}").is_err() {
            self.fail(WriteError::IllegalCharacter);
        }
    }
}

/// A qualified name: one or two local names.
fn is_name(name: &str) -> bool {
    match name.split_once(':') {
        Some((prefix, local)) => is_local_name(prefix) && is_local_name(local),
        None => is_local_name(name),
    }
}

/// What the octets written are part of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Attribute,
    Text,
}

/// Whether an octet stands for itself in attributes and in text.
const fn is_plain(octet: u8) -> bool {
    octet.wrapping_sub(b' ') <= b'~' - b' '
        && octet != b'&'
        && octet != b'<'
        && octet != b'>'
        && octet != b'"'
}

/// Escapes what is written through it; an error means a character that cannot be written.
struct Escape<'a> {
    out: &'a mut String,
    place: Place,
}

impl fmt::Write for Escape<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // Almost all text is plain; one pass without branches settles that for long ones.
        let special = |found: u8, octet: &u8| found | u8::from(!is_plain(*octet));
        if text.as_bytes().iter().fold(0, special) == 0 {
            self.out.push_str(text);
            return Ok(());
        }
        let in_attribute = self.place == Place::Attribute;
        let special = |c: char| match c {
            '&' | '<' | '>' | '\r' => true,
            '"' | '\t' | '\n' => in_attribute,
            _ => !is_legal(c),
        };
        let mut rest = text;
        while let Some(index) = rest.find(special) {
            let (plain, from) = rest.split_at(index);
            self.out.push_str(plain);
            let mut letters = from.chars();
            self.out.push_str(match letters.next() {
                Some('&') => "&amp;",
                Some('<') => "&lt;",
                Some('>') => "&gt;",
                Some('"') => "&quot;",
                Some('\t') => "&#9;",
                Some('\n') => "&#10;",
                Some('\r') => "&#13;",
                Some(_) | None => return Err(fmt::Error),
            });
            rest = letters.as_str();
        }
        self.out.push_str(rest);
        Ok(())
    }
}
