//! The attributes of a tag, as they stand in the source.

use std::borrow::Cow;

use crate::character::{is_space, is_special_in_value, normal_value, resolve};
use crate::{XmlError, XmlErrorKind};

/// One attribute as written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawAttribute<'a> {
    /// Offset of the name.
    pub(crate) at: usize,
    /// The qualified name.
    pub(crate) name: &'a str,
    /// Offset of the first octet of the value.
    pub(crate) value_at: usize,
    /// The value between the quotes, references unresolved.
    pub(crate) value: &'a str,
    /// The value is what it looks like: no reference, no `<`, no tab, no line end.
    pub(crate) is_plain: bool,
}

impl<'a> RawAttribute<'a> {
    /// The value as XML 1.0 wants it; its references were checked before.
    pub(crate) fn normal_value(&self) -> Cow<'a, str> {
        if self.is_plain {
            Cow::Borrowed(self.value)
        } else {
            normal_value(self.value)
        }
    }
}

/// Walks over what follows the name in a tag or in the XML declaration.
#[derive(Debug)]
pub(crate) struct Attributes<'a> {
    rest: &'a str,
    at: usize,
}

impl<'a> Attributes<'a> {
    /// Walks over `text`, which stands at the offset `at` of the document.
    pub(crate) const fn new(text: &'a str, at: usize) -> Self {
        Self { rest: text, at }
    }

    /// The next attribute; none at the end.
    pub(crate) fn read_next(&mut self) -> Result<Option<RawAttribute<'a>>, XmlError> {
        let separated = self.skip_space();
        if self.rest.is_empty() {
            return Ok(None);
        }
        if !separated {
            return Err(self.error(XmlErrorKind::AttributeNotSeparated));
        }
        let at = self.at;
        let name = self.take_until(|octet| octet == b'=' || is_space(octet));
        self.skip_space();
        if !self.skip(b'=') {
            return Err(self.error(XmlErrorKind::MalformedAttribute));
        }
        self.skip_space();
        let Some(&quote @ (b'"' | b'\'')) = self.rest.as_bytes().first() else {
            return Err(self.error(XmlErrorKind::MalformedAttribute));
        };
        self.skip(quote);
        let value_at = self.at;
        // One look at most values finds their end and that nothing before it is special.
        let octets = self.rest.as_bytes();
        let stops = |octet: &u8| *octet == quote || is_special_in_value(*octet);
        let stop = octets.iter().position(stops);
        let is_plain = stop.and_then(|stop| octets.get(stop)) == Some(&quote);
        let length = if is_plain {
            stop
        } else {
            self.rest.find(char::from(quote))
        };
        let value = self.take(length.unwrap_or(self.rest.len()));
        if !self.skip(quote) {
            return Err(self.error(XmlErrorKind::MalformedAttribute));
        }
        Ok(Some(RawAttribute {
            at,
            name,
            value_at,
            value,
            is_plain,
        }))
    }

    const fn error(&self, kind: XmlErrorKind) -> XmlError {
        XmlError::new(self.at, kind)
    }

    fn skip_space(&mut self) -> bool {
        !self.take_until(|octet| !is_space(octet)).is_empty()
    }

    fn skip(&mut self, octet: u8) -> bool {
        let found = self.rest.as_bytes().first() == Some(&octet);
        if found {
            self.take(1);
        }
        found
    }

    fn take_until(&mut self, ends: impl FnMut(u8) -> bool) -> &'a str {
        let length = self.rest.bytes().position(ends);
        self.take(length.unwrap_or(self.rest.len()))
    }

    fn take(&mut self, octets: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(octets).unwrap_or_default();
        self.rest = rest;
        self.at = self.at.saturating_add(octets);
        taken
    }
}

/// Checks a value as written: no `<`, and nothing but good references.
pub(crate) fn check_value(attribute: &RawAttribute<'_>) -> Result<(), XmlError> {
    let RawAttribute {
        value,
        value_at,
        is_plain,
        ..
    } = *attribute;
    if is_plain {
        return Ok(());
    }
    let marks = |octet: u8| matches!(octet, b'<' | b'&');
    let mut from = 0_usize;
    while let Some(index) = value
        .as_bytes()
        .get(from..)
        .and_then(|rest| rest.iter().position(|octet| marks(*octet)))
    {
        let mark = from.saturating_add(index);
        let error = |kind| XmlError::new(value_at.saturating_add(mark), kind);
        let reference = value
            .get(mark..)
            .unwrap_or_default()
            .strip_prefix('&')
            .ok_or_else(|| error(XmlErrorKind::LessThanInAttribute))?;
        let (name, _) = reference
            .split_once(';')
            .ok_or_else(|| error(XmlErrorKind::MalformedReference))?;
        resolve(name).map_err(error)?;
        from = mark.saturating_add(name.len()).saturating_add(2);
    }
    Ok(())
}
