//! The envelope of either version: what is around a message.

use portcullis_xml::{Element, Writer, XmlError, XmlErrorKind};

use super::SoapVersion;
use super::leniency::Leniency;
use super::wire_type::{collapse, elements};
use crate::config::Compat;
use crate::message::HeaderName;

/// The namespace of `xsi:nil` and `xsi:type`.
pub(super) const XSI_NAMESPACE: &str = "http://www.w3.org/2001/XMLSchema-instance";
/// The namespace of XML Schema.
pub(super) const XSD_NAMESPACE: &str = "http://www.w3.org/2001/XMLSchema";

/// The role of whoever is next on the way, in SOAP 1.1.
const NEXT_ACTOR: &str = "http://schemas.xmlsoap.org/soap/actor/next";
/// The same in SOAP 1.2.
const NEXT_ROLE: &str = "http://www.w3.org/2003/05/soap-envelope/role/next";
/// The role of whom the message is for, in SOAP 1.2; in SOAP 1.1 it has no name.
const ULTIMATE_RECEIVER: &str = "http://www.w3.org/2003/05/soap-envelope/role/ultimateReceiver";

impl SoapVersion {
    /// Both versions.
    pub const ALL: [Self; 2] = [Self::V11, Self::V12];

    /// The namespace of the envelope, which says the version.
    #[must_use]
    pub const fn envelope_namespace(self) -> &'static str {
        match self {
            Self::V11 => "http://schemas.xmlsoap.org/soap/envelope/",
            Self::V12 => "http://www.w3.org/2003/05/soap-envelope",
        }
    }

    /// The value of `Content-Type` for what this codec writes.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::V11 => "text/xml; charset=utf-8",
            Self::V12 => "application/soap+xml; charset=utf-8",
        }
    }
}

/// Why an element is no envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoEnvelope {
    /// It is another element, or an envelope of a version unknown.
    Version,
    /// It is an envelope of this version with something in it that does not belong there.
    Form(SoapVersion, XmlError),
}

/// An envelope taken apart.
#[derive(Clone, Debug)]
pub(super) struct Envelope<'d> {
    /// The version, which its namespace says.
    pub(super) version: SoapVersion,
    /// The header blocks.
    pub(super) headers: Vec<Element<'d>>,
    /// The elements of the body.
    pub(super) body: Vec<Element<'d>>,
}

impl<'d> Envelope<'d> {
    /// Takes an envelope apart: at most one header, then one body, and nothing else.
    pub(super) fn new(root: Element<'d>) -> Result<Self, NoEnvelope> {
        let is_envelope = |version: &SoapVersion| root.is(version.envelope_namespace(), "Envelope");
        let version = SoapVersion::ALL
            .into_iter()
            .find(is_envelope)
            .ok_or(NoEnvelope::Version)?;
        Self::parts(root, version).map_err(|error| NoEnvelope::Form(version, error))
    }

    fn parts(root: Element<'d>, version: SoapVersion) -> Result<Self, XmlError> {
        let namespace = version.envelope_namespace();
        let mut parts = elements(root)?.into_iter().peekable();
        let headers = match parts.next_if(|part| part.is(namespace, "Header")) {
            Some(header) => elements(header)?,
            None => Vec::new(),
        };
        let body = match parts.next() {
            Some(body) if body.is(namespace, "Body") => elements(body)?,
            Some(other) => {
                return Err(XmlError::new(other.at(), XmlErrorKind::UnexpectedElement));
            }
            None => return Err(XmlError::new(root.at(), XmlErrorKind::MissingElement)),
        };
        match parts.next() {
            Some(other) => Err(XmlError::new(other.at(), XmlErrorKind::UnexpectedElement)),
            None => Ok(Self {
                version,
                headers,
                body,
            }),
        }
    }

    /// The first header block that has to be understood, by us; we understand none. Blocks for
    /// others on the way are not ours to judge.
    ///
    /// # Errors
    /// When a block does not say properly whether it has to be understood.
    pub(super) fn not_understood(&self, compat: Compat) -> Result<Option<HeaderName>, XmlError> {
        for block in &self.headers {
            if self.must_be_understood(*block, compat)? && self.is_ours(*block) {
                return Ok(Some(HeaderName {
                    namespace: block.namespace().to_owned(),
                    name: block.name().to_owned(),
                }));
            }
        }
        Ok(None)
    }

    /// SOAP 1.1 has 0 and 1 (WS-I Basic Profile 1.1, R1013), SOAP 1.2 also words.
    fn must_be_understood(&self, block: Element<'_>, compat: Compat) -> Result<bool, XmlError> {
        let has_words = match self.version {
            SoapVersion::V11 => compat.allows(Leniency::WordyMustUnderstand),
            SoapVersion::V12 => true,
        };
        let namespace = self.version.envelope_namespace();
        match block.attribute(namespace, "mustUnderstand").map(collapse) {
            None | Some("0") => Ok(false),
            Some("1") => Ok(true),
            Some("false") if has_words => Ok(false),
            Some("true") if has_words => Ok(true),
            Some(_) => Err(XmlError::new(block.at(), XmlErrorKind::InvalidValue)),
        }
    }

    fn is_ours(&self, block: Element<'_>) -> bool {
        let (name, ours): (_, &[&str]) = match self.version {
            SoapVersion::V11 => ("actor", &["", NEXT_ACTOR]),
            SoapVersion::V12 => ("role", &["", NEXT_ROLE, ULTIMATE_RECEIVER]),
        };
        let role = block.attribute(self.version.envelope_namespace(), name);
        ours.contains(&collapse(role.unwrap_or_default()))
    }
}

/// Writes an envelope, of which `header` writes the header blocks if there are any.
pub(super) fn write(
    version: SoapVersion,
    header: Option<&dyn Fn(&mut Writer)>,
    body: impl FnOnce(&mut Writer),
) -> String {
    let mut writer = Writer::with_capacity(ENVELOPE_OCTETS);
    writer
        .open("soap:Envelope")
        .attribute("xmlns:soap", version.envelope_namespace())
        .attribute("xmlns:xsi", XSI_NAMESPACE)
        .attribute("xmlns:xsd", XSD_NAMESPACE);
    if let Some(header) = header {
        writer.open("soap:Header");
        header(&mut writer);
        writer.close();
    }
    writer.open("soap:Body");
    body(&mut writer);
    writer.close().close();
    document(writer)
}

/// What was written, as a document. The names are ours and the texts were made sayable, so nothing
/// can have gone wrong.
pub(super) fn document(writer: Writer) -> String {
    let octets = writer.finish().unwrap_or_default();
    let text = String::from_utf8(octets).unwrap_or_default();
    format!("{DECLARATION}{text}")
}

/// Room for most envelopes.
const ENVELOPE_OCTETS: usize = 1024;

/// ASP.NET begins so, too.
const DECLARATION: &str = r#"<?xml version="1.0" encoding="utf-8"?>"#;
