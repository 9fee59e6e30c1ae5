//! What `Content-Type` says of a request.

use super::{SoapVersion, Unread};

/// A content type of SOAP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MediaType {
    /// The version whose type it is.
    pub(super) version: SoapVersion,
    /// The encoding, in lower case.
    pub(super) charset: Option<String>,
    /// The operation, where SOAP 1.2 says it.
    pub(super) action: Option<String>,
    /// A parameter is there twice with different values.
    pub(super) is_contradictory: bool,
}

impl MediaType {
    /// Reads the field's value.
    pub(super) fn read(value: Option<&str>) -> Result<Self, Unread> {
        let value = value.ok_or(Unread::MediaType)?;
        let (essence, parameters) = value.split_once(';').unwrap_or((value, ""));
        let essence = essence.trim();
        let version = if essence.eq_ignore_ascii_case("text/xml") {
            SoapVersion::V11
        } else if essence.eq_ignore_ascii_case("application/soap+xml") {
            SoapVersion::V12
        } else {
            return Err(Unread::MediaType);
        };
        let mut media_type = Self {
            version,
            charset: None,
            action: None,
            is_contradictory: false,
        };
        let mut rest = parameters;
        while let Some((name, value, after)) = parameter(rest)? {
            let place = if name.eq_ignore_ascii_case("charset") {
                Some((&mut media_type.charset, value.to_ascii_lowercase()))
            } else if name.eq_ignore_ascii_case("action") && version == SoapVersion::V12 {
                Some((&mut media_type.action, value))
            } else {
                None
            };
            if let Some((place, value)) = place {
                media_type.is_contradictory |= place.as_ref().is_some_and(|known| *known != value);
                *place = Some(value);
            }
            rest = after;
        }
        Ok(media_type)
    }
}

/// The first parameter: its name, its value without quotes, and what follows it.
fn parameter(text: &str) -> Result<Option<(&str, String, &str)>, Unread> {
    let text = text.trim_start_matches([' ', '\t', ';']);
    if text.is_empty() {
        return Ok(None);
    }
    let (name, rest) = text.split_once('=').ok_or(Unread::MediaType)?;
    let (name, rest) = (name.trim(), rest.trim_start());
    let Some(quoted) = rest.strip_prefix('"') else {
        let (value, after) = rest.split_once(';').unwrap_or((rest, ""));
        return Ok(Some((name, value.trim().to_owned(), after)));
    };
    let mut value = String::new();
    let mut letters = quoted.chars();
    loop {
        match letters.next() {
            Some('"') => break,
            Some('\\') => value.extend(letters.next()),
            Some(letter) => value.push(letter),
            None => return Err(Unread::MediaType),
        }
    }
    let after = letters.as_str().trim_start();
    if !after.is_empty() && !after.starts_with(';') {
        return Err(Unread::MediaType);
    }
    Ok(Some((name, value, after)))
}
