//! The types of the wire: how each is written, read and called.

use std::fmt::{self, Write as _};

use portcullis_xml::{Child, Element, Writer, XmlError, XmlErrorKind, is_character};

use super::contract::{self, Fields};
use super::envelope::XSI_NAMESPACE;
use super::leniency::Leniency;
use crate::config::Compat;
use crate::message::{
    Guid, IncludeSecurity, JobStatus, NAMESPACE, RemoteJobStatus, UserInfoDateTime, VirtualServer,
};

/// A type that fields have.
pub(super) trait WireType {
    /// What the service description calls it: `s` is XML Schema, `s1` the namespace of guids, `tns`
    /// that of the service.
    const NAME: &'static str;

    /// Writes the content of an element of this type.
    fn write(&self, writer: &mut Writer);

    /// Takes the value from an element of this type.
    fn read(&mut self, element: Element<'_>, compat: Compat) -> Result<(), XmlError>;
}

/// Text in which what XML cannot say is replaced, so that everything can be written.
pub(super) struct Sayable<'a>(pub(super) &'a str);

impl fmt::Display for Sayable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some(at) = rest.find(|letter| !is_character(letter)) {
            let (good, bad) = rest.split_at(at);
            f.write_str(good)?;
            f.write_char(char::REPLACEMENT_CHARACTER)?;
            let mut letters = bad.chars();
            letters.next();
            rest = letters.as_str();
        }
        f.write_str(rest)
    }
}

/// The text of an element, which must not call itself nil.
fn text<'d>(element: Element<'d>, compat: Compat) -> Result<&'d str, XmlError> {
    if !compat.allows(Leniency::Nil) {
        refuse_nil(element)?;
    }
    element.text()
}

/// Nothing of the service is nillable.
fn refuse_nil(element: Element<'_>) -> Result<(), XmlError> {
    let nil = element.attribute(XSI_NAMESPACE, "nil").map(collapse);
    if matches!(nil, Some("true" | "1")) {
        return Err(invalid(element));
    }
    Ok(())
}

fn invalid(element: Element<'_>) -> XmlError {
    XmlError::new(element.at(), XmlErrorKind::InvalidValue)
}

/// White space around a value whose type does not preserve it: `whiteSpace` is `collapse` for all
/// simple types of XML Schema except texts.
pub(super) fn collapse(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\r', '\n'])
}

impl WireType for String {
    const NAME: &'static str = "s:string";

    fn write(&self, writer: &mut Writer) {
        writer.text(Sayable(self));
    }

    fn read(&mut self, element: Element<'_>, compat: Compat) -> Result<(), XmlError> {
        text(element, compat)?.clone_into(self);
        Ok(())
    }
}

impl WireType for bool {
    const NAME: &'static str = "s:boolean";

    fn write(&self, writer: &mut Writer) {
        writer.text(self);
    }

    fn read(&mut self, element: Element<'_>, compat: Compat) -> Result<(), XmlError> {
        *self = match collapse(text(element, compat)?) {
            "true" | "1" => true,
            "false" | "0" => false,
            _ => return Err(invalid(element)),
        };
        Ok(())
    }
}

impl WireType for u32 {
    const NAME: &'static str = "s:unsignedInt";

    fn write(&self, writer: &mut Writer) {
        writer.text(self);
    }

    fn read(&mut self, element: Element<'_>, compat: Compat) -> Result<(), XmlError> {
        let text = collapse(text(element, compat)?);
        *self = text.parse().map_err(|_| invalid(element))?;
        Ok(())
    }
}

impl WireType for Guid {
    const NAME: &'static str = "s1:guid";

    fn write(&self, writer: &mut Writer) {
        writer.text(self);
    }

    // CD-9, CD-10: a restriction of `string`, so white space around it counts.
    fn read(&mut self, element: Element<'_>, compat: Compat) -> Result<(), XmlError> {
        let text = text(element, compat)?;
        let guid = if compat.allows(Leniency::LooseGuid) {
            Self::parse_loosely(text)
        } else {
            text.parse()
        };
        *self = guid.map_err(|_| invalid(element))?;
        Ok(())
    }
}

/// Enumerations are restrictions of `string`: neither case nor white space is forgiven.
macro_rules! enumeration {
    ($name:ty, $wire:literal) => {
        impl WireType for $name {
            const NAME: &'static str = concat!("tns:", $wire);

            fn write(&self, writer: &mut Writer) {
                writer.text(self.name());
            }

            fn read(&mut self, element: Element<'_>, compat: Compat) -> Result<(), XmlError> {
                let word = text(element, compat)?;
                *self = Self::parse(word).ok_or_else(|| invalid(element))?;
                Ok(())
            }
        }
    };
}

// CD-13
enumeration!(IncludeSecurity, "SPIncludeSecurity");
// CD-14
enumeration!(UserInfoDateTime, "SPImportUserInfoDateTimeOption");
// CD-11, CD-12
enumeration!(JobStatus, "ContentDeploymentJobStatus");

impl WireType for Vec<String> {
    const NAME: &'static str = "tns:ArrayOfString";

    fn write(&self, writer: &mut Writer) {
        for item in self {
            writer.open("string");
            item.write(writer);
            writer.close();
        }
    }

    fn read(&mut self, element: Element<'_>, compat: Compat) -> Result<(), XmlError> {
        for item in elements(element)? {
            let mut text = String::new();
            text.read(named(item, "string")?, compat)?;
            self.push(text);
        }
        Ok(())
    }
}

impl WireType for VirtualServer {
    const NAME: &'static str = "tns:VirtualServerInformation";

    fn write(&self, writer: &mut Writer) {
        let Ok(()) = contract::virtual_server(&mut self.clone(), &mut Written(writer));
    }

    fn read(&mut self, element: Element<'_>, compat: Compat) -> Result<(), XmlError> {
        let mut members = InOrder::new(element, compat)?;
        contract::virtual_server(self, &mut members)?;
        members.finish()
    }
}

impl WireType for Vec<VirtualServer> {
    const NAME: &'static str = "tns:ArrayOfVirtualServerInformation";

    fn write(&self, writer: &mut Writer) {
        for server in self {
            writer.open("VirtualServerInformation");
            server.write(writer);
            writer.close();
        }
    }

    fn read(&mut self, element: Element<'_>, compat: Compat) -> Result<(), XmlError> {
        for item in elements(element)? {
            let mut server = contract::blank_server();
            server.read(named(item, "VirtualServerInformation")?, compat)?;
            self.push(server);
        }
        Ok(())
    }
}

impl WireType for RemoteJobStatus {
    const NAME: &'static str = "tns:ContentDeploymentRemoteJobStatus";

    fn write(&self, writer: &mut Writer) {
        let Ok(()) = contract::remote_job_status(&mut self.clone(), &mut Written(writer));
    }

    // Only the status is certain, so whoever reads the answers of another farm insists on nothing
    // else: members may be missing, and others may be there.
    fn read(&mut self, element: Element<'_>, compat: Compat) -> Result<(), XmlError> {
        refuse_nil(element)?;
        let mut members = ByName {
            found: elements(element)?,
            compat,
        };
        if !members.found.iter().any(|m| m.is(NAMESPACE, "Status")) {
            return Err(XmlError::new(element.at(), XmlErrorKind::MissingElement));
        }
        contract::remote_job_status(self, &mut members)
    }
}

/// Writes fields as elements.
pub(super) struct Written<'a>(pub(super) &'a mut Writer);

impl Fields for Written<'_> {
    type Error = std::convert::Infallible;

    fn field<T: WireType>(&mut self, name: &'static str, value: &mut T) -> Result<(), Self::Error> {
        self.0.open(name);
        value.write(self.0);
        self.0.close();
        Ok(())
    }
}

/// Reads fields from elements, each once and in the order of the schema.
pub(super) struct InOrder<'d> {
    parent: Element<'d>,
    /// Those not yet read.
    left: std::vec::IntoIter<Element<'d>>,
    compat: Compat,
}

impl<'d> InOrder<'d> {
    /// Reads the children of `parent`.
    pub(super) fn new(parent: Element<'d>, compat: Compat) -> Result<Self, XmlError> {
        refuse_nil(parent)?;
        Ok(Self {
            parent,
            left: elements(parent)?.into_iter(),
            compat,
        })
    }

    /// Ends the reading.
    pub(super) fn finish(mut self) -> Result<(), XmlError> {
        match self.left.next() {
            Some(child) => Err(XmlError::new(child.at(), XmlErrorKind::UnexpectedElement)),
            None => Ok(()),
        }
    }
}

impl Fields for InOrder<'_> {
    type Error = XmlError;

    fn field<T: WireType>(&mut self, name: &'static str, value: &mut T) -> Result<(), XmlError> {
        let missing = XmlError::new(self.parent.at(), XmlErrorKind::MissingElement);
        let child = self.left.next().ok_or(missing)?;
        value.read(named(child, name)?, self.compat)
    }
}

/// Reads fields from elements wherever they are; the first of a name counts.
struct ByName<'d> {
    found: Vec<Element<'d>>,
    compat: Compat,
}

impl Fields for ByName<'_> {
    type Error = XmlError;

    fn field<T: WireType>(&mut self, name: &'static str, value: &mut T) -> Result<(), XmlError> {
        let mut found = self.found.iter();
        match found.find(|element| element.is(NAMESPACE, name)) {
            Some(element) => value.read(*element, self.compat),
            None => Ok(()),
        }
    }
}

/// The elements in one that holds nothing else.
pub(super) fn elements(parent: Element<'_>) -> Result<Vec<Element<'_>>, XmlError> {
    let mut found = Vec::new();
    for child in parent.children() {
        match child {
            Child::Element(element) => found.push(element),
            Child::Text { text, .. } if collapse(text).is_empty() => {}
            Child::Text { at, .. } => return Err(XmlError::new(at, XmlErrorKind::UnexpectedText)),
        }
    }
    Ok(found)
}

/// The element, if it has that name of the service's namespace.
fn named<'d>(element: Element<'d>, name: &str) -> Result<Element<'d>, XmlError> {
    if element.is(NAMESPACE, name) {
        return Ok(element);
    }
    Err(XmlError::new(element.at(), XmlErrorKind::UnexpectedElement))
}
