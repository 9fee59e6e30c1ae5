//! Whole messages: the header on the root element, the body below it.

use std::num::NonZeroU32;

use jiff::Timestamp;
use portcullis_xml::{Document, ElementReader, Limits, WriteError, Writer, XmlError, XmlErrorKind};

use super::element::{canonical, read_body, write_body};
use super::seal::{UNSEALED, seal};
use super::{LENGTH_OCTETS, NAMESPACE};
use crate::config::{Authentication, Key, KeyId};
use crate::message::{Body, Digest, Header, Message, MessageId, PROTOCOL_VERSION};

/// Why a document is not a message of this protocol. Holds nothing of the document (ET-76).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The gate, or the structure behind it, refuses the document.
    #[error("not a document of this protocol")]
    Xml(#[source] XmlError),
    /// The message is of another protocol version.
    #[error("another protocol version")]
    Version,
    /// No message kind of that name.
    #[error("unknown kind of message")]
    UnknownKind,
    /// No task kind of that name. ET-36
    #[error("unknown kind of task")]
    UnknownTaskKind,
}

impl From<XmlError> for DecodeError {
    fn from(error: XmlError) -> Self {
        Self::Xml(error)
    }
}

impl DecodeError {
    /// Whether the sender speaks another version.
    #[must_use]
    pub const fn is_version(&self) -> bool {
        matches!(self, Self::Version)
    }

    /// The name in histories and reports.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Xml(_) => "malformed",
            Self::Version => "version",
            Self::UnknownKind => "unknown-kind",
            Self::UnknownTaskKind => "unknown-task-kind",
        }
    }
}

/// A document that is not a message, with its header where that could be read: a refusal has to
/// name what it refuses (ET-35).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub error: DecodeError,
    /// The header, if the document passed the gate and its root has one.
    pub header: Option<Box<Header>>,
}

/// A message that cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// A value that XML cannot carry.
    #[error("message cannot be written")]
    Write(#[source] WriteError),
    /// The code of the message has no place in it.
    #[error("message cannot be signed")]
    Seal,
    /// The data unit would be longer than its length can say.
    #[error("message too long")]
    TooLong,
}

/// The data unit of a message without a code: its length and its canonical document. ET-25, ET-71
///
/// # Errors
/// [`EncodeError`]; no message that this crate makes meets one.
pub fn encode(message: &Message) -> Result<Vec<u8>, EncodeError> {
    write(message, None)
}

/// The data unit of a message on a link: signed with the link's first key where it has keys.
/// ET-73
///
/// # Errors
/// [`EncodeError`]; no message that this crate makes meets one.
pub fn encode_for(
    message: &Message,
    authentication: &Authentication,
) -> Result<Vec<u8>, EncodeError> {
    match authentication {
        Authentication::Mac(keys) => write(message, Some(&keys.first())),
        Authentication::None | Authentication::Connection => write(message, None),
    }
}

fn write(message: &Message, key: Option<&Key>) -> Result<Vec<u8>, EncodeError> {
    let payload = if let Body::Part(part) = &message.body {
        part.octets.len()
    } else {
        0
    };
    // Base64 makes four octets of three.
    let room = payload
        .saturating_mul(4)
        .saturating_div(3)
        .saturating_add(1024);
    let mut writer = Writer::with_capacity(room);
    let header = &message.header;
    // ET-71: the order of attributes and elements is the order of these calls.
    writer
        .open(message.kind())
        .attribute("xmlns", NAMESPACE)
        .attribute("version", PROTOCOL_VERSION)
        .attribute("id", &header.id)
        .attribute("from", &header.from)
        .attribute("to", &header.to)
        .attribute("sent-at", header.sent_at)
        .optional_attribute("relates-to", header.relates_to.as_ref())
        .attribute("attempt", header.attempt)
        .optional_attribute("key", key.map(Key::id))
        .optional_attribute("mac", key.map(|_| UNSEALED));
    write_body(&mut writer, &message.body);
    writer.close();
    let mut document = writer.finish().map_err(EncodeError::Write)?;
    if let Some(key) = key {
        seal(&mut document, key).map_err(|_| EncodeError::Seal)?;
    }
    let length = document.len().saturating_add(LENGTH_OCTETS);
    let length = u32::try_from(length).map_err(|_| EncodeError::TooLong)?;
    // In the same memory: a second buffer would double what a part takes.
    document.splice(..0, length.to_be_bytes());
    Ok(document)
}

/// The message that a document says. Reads nothing of the body unless version and kind are known.
/// Whether the document is authentic is another question: [`verify`](super::verify).
///
/// # Errors
/// [`Refused`], with the header where it could be read.
pub fn decode(document: &[u8]) -> Result<Message, Refused> {
    let unread = |error| Refused {
        error,
        header: None,
    };
    let parsed = Document::parse(document, &limits(document))
        .map_err(|error| unread(DecodeError::Xml(error)))?;
    let root = parsed.root();
    if root.namespace() != NAMESPACE {
        return Err(unread(foreign(root.namespace(), root.at())));
    }
    let mut reader = ElementReader::new(root);
    let version = reader
        .attribute("version")
        .map_err(|error| unread(error.into()))?;
    let other_version = version != PROTOCOL_VERSION.to_string();
    let header = match read_header(&mut reader) {
        Ok(header) => header,
        Err(_) if other_version => return Err(unread(DecodeError::Version)),
        Err(error) => return Err(unread(error.into())),
    };
    let refused = |error, header| Refused {
        error,
        header: Some(Box::new(header)),
    };
    if other_version {
        return Err(refused(DecodeError::Version, header));
    }
    match read_body(root.name(), reader) {
        Ok(body) if body.is_request() => match misused(&header, root.at()) {
            Some(error) => Err(refused(error.into(), header)),
            None => Ok(Message { header, body }),
        },
        Ok(body) => Ok(Message { header, body }),
        Err(error) => Err(refused(error, header)),
    }
}

/// What a request says that only replies say: that it relates to something (ET-35), or the id that
/// stands for a message that cannot be read.
fn misused(header: &Header, at: usize) -> Option<XmlError> {
    let kind = if header.relates_to.is_some() {
        XmlErrorKind::UnknownAttribute
    } else if header.id == MessageId::unreadable() {
        XmlErrorKind::InvalidValue
    } else {
        return None;
    };
    Some(XmlError::new(at, kind))
}

/// The most that a document other than a part may have: with its length it fills the data unit that
/// control messages may have.
const CONTROL_DOCUMENT_OCTETS_MAX: usize = (1 << 20) - LENGTH_OCTETS;

/// How far into a document its root is looked for.
const START_OCTETS: usize = 256;

/// Which limits of section 6.3 apply. Decided on the name of the first tag, which the gate checks
/// afterwards: a document that only pretends to be a part is refused then.
fn limits(document: &[u8]) -> Limits {
    let is_name = |octet: &u8| !matches!(octet, b' ' | b'\t' | b'\r' | b'\n' | b'/' | b'>');
    // A declaration, if any, and the name: nothing of that is long.
    let start = document.get(..START_OCTETS).unwrap_or(document);
    let mut tags = start.split(|octet| *octet == b'<').skip(1);
    let root = tags.find(|tag| !tag.starts_with(b"?")).unwrap_or_default();
    let end = root
        .iter()
        .position(|octet| !is_name(octet))
        .unwrap_or(root.len());
    let name = root.get(..end).unwrap_or_default();
    let local = name.rsplit(|octet| *octet == b':').next().unwrap_or(name);
    if local == b"part" {
        Limits::transfer_part()
    } else {
        Limits::control().with_octets_max(CONTROL_DOCUMENT_OCTETS_MAX)
    }
}

/// A namespace that is not ours: of another version of this protocol, or of something else.
fn foreign(namespace: &str, at: usize) -> DecodeError {
    let family = NAMESPACE.trim_end_matches(|c: char| c.is_ascii_digit());
    if namespace.starts_with(family) {
        DecodeError::Version
    } else {
        DecodeError::Xml(XmlError::new(at, XmlErrorKind::UnexpectedElement))
    }
}

/// ET-33: all of it must be there.
fn read_header(reader: &mut ElementReader<'_>) -> Result<Header, XmlError> {
    let header = Header {
        id: reader.parse_attribute("id")?,
        from: reader.parse_attribute("from")?,
        to: reader.parse_attribute("to")?,
        sent_at: canonical::<Timestamp>(reader, "sent-at")?,
        relates_to: reader.parse_optional_attribute("relates-to")?,
        attempt: canonical::<NonZeroU32>(reader, "attempt")?.get(),
    };
    let key: Option<KeyId> = reader.parse_optional_attribute("key")?;
    let mac: Option<Digest> = reader.parse_optional_attribute("mac")?;
    // One without the other says nothing.
    if key.is_some() == mac.is_some() {
        Ok(header)
    } else {
        Err(reader.error(XmlErrorKind::MissingAttribute))
    }
}
