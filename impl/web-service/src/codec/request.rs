//! Requests as envelopes.

use portcullis_xml::{Child, Decoded, Document, Element, Encoding, Limits, XmlError, XmlErrorKind};

use super::contract::{self, Fields};
use super::envelope::{self, Envelope, NoEnvelope};
use super::leniency::Leniency;
use super::media_type::MediaType;
use super::wire_type::{WireType, Written, collapse};
use super::{Call, SoapVersion, Unread, schema};
use crate::config::Compat;
use crate::message::{Fault, NAMESPACE, Operation, Request, UnknownName, Violation};

/// How many elements the envelope of a request may have: fifty times as many as the longest needs,
/// so that there is room for headers.
const ELEMENTS_MAX: usize = 1_000;

/// See [`read_request`](super::read_request).
pub(super) fn read(
    content_type: Option<&str>,
    soap_action: Option<&str>,
    body: &[u8],
    compat: Compat,
) -> Result<Call, Unread> {
    let media_type = MediaType::read(content_type)?;
    let refuse = |version, violation| Unread::Fault(version, Fault::new(violation));
    let unreadable = |error| refuse(media_type.version, Violation::NotXml(error));
    let limits = Limits::soap().with_elements_max(ELEMENTS_MAX);
    let decoded = Decoded::new(body, &limits).map_err(unreadable)?;
    check_charset(&media_type, decoded.encoding()).map_err(unreadable)?;
    let document = Document::parse_decoded(&decoded, &limits).map_err(unreadable)?;
    let envelope = Envelope::new(document.root()).map_err(|problem| match problem {
        NoEnvelope::Version => refuse(media_type.version, Violation::NotAnEnvelope),
        NoEnvelope::Form(version, _) => refuse(version, Violation::EnvelopeMalformed),
    })?;
    // The envelope's namespace says the version, not its media type: ASP.NET reads them so, too.
    let version = envelope.version;
    let actions = [soap_action, media_type.action.as_deref()];
    let request = read_body(&envelope, actions, compat);
    let request = request.map_err(|violation| refuse(version, violation))?;
    Ok(Call { version, request })
}

/// The carrier may name the encoding, but no other than the document has.
fn check_charset(media_type: &MediaType, found: Encoding) -> Result<(), XmlError> {
    let known = [Encoding::Utf8, Encoding::Utf16].map(Encoding::name);
    let kind = match media_type.charset.as_deref() {
        _ if media_type.is_contradictory => XmlErrorKind::EncodingContradicted,
        Some(charset) if !known.contains(&charset) => XmlErrorKind::EncodingNotUtf8,
        Some(charset) if charset != found.name() => XmlErrorKind::EncodingContradicted,
        Some(_) | None => return Ok(()),
    };
    Err(XmlError::new(0, kind))
}

fn read_body(
    envelope: &Envelope<'_>,
    actions: [Option<&str>; 2],
    compat: Compat,
) -> Result<Request, Violation> {
    // Headers come first: what is not understood must not be half done.
    match envelope.not_understood(compat) {
        Ok(None) => {}
        Ok(Some(name)) => return Err(Violation::HeaderNotUnderstood(name)),
        Err(_) => return Err(Violation::EnvelopeMalformed),
    }
    let mut actions = actions
        .into_iter()
        .flatten()
        .map(bare_action)
        .filter(|action| !action.is_empty());
    let body = envelope.body.as_slice();
    let (operation, element) = if compat.allows(Leniency::BodyByAction) {
        let operation = match (actions.next(), body) {
            (Some(action), _) => named_by(action).ok_or(Violation::ActionMismatch)?,
            (None, [first, ..]) => operation_of(*first).ok_or(Violation::OperationUnknown)?,
            (None, []) => return Err(Violation::BodyEmpty),
        };
        let is_it = |element: &&Element<'_>| operation_of(**element) == Some(operation);
        (operation, body.iter().find(is_it))
    } else {
        let [element] = body else {
            return Err(Violation::BodyEmpty);
        };
        let operation = operation_of(*element).ok_or(Violation::OperationUnknown)?;
        // CD-7: it need not be there, but where it is it has to be true.
        if actions.any(|action| named_by(action) != Some(operation)) {
            return Err(Violation::ActionMismatch);
        }
        (operation, Some(element))
    };
    let mut arguments = Arguments {
        found: Vec::new(),
        compat,
    };
    if let Some(element) = element {
        arguments.take(operation, *element)?;
    }
    let mut request = contract::blank_request(operation);
    contract::parameters(&mut request, &mut arguments)?;
    Ok(request)
}

/// `SOAPAction` stands in quotes, which not every sender writes.
fn bare_action(action: &str) -> &str {
    let action = collapse(action);
    let inside = action
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    inside.unwrap_or(action)
}

/// CD-6: the operation whose request the element is.
fn operation_of(element: Element<'_>) -> Option<Operation> {
    let is_ours = element.namespace() == NAMESPACE;
    is_ours.then(|| Operation::parse(element.name())).flatten()
}

fn named_by(action: &str) -> Option<Operation> {
    Operation::parse(action.strip_prefix(NAMESPACE)?)
}

/// The parameters found in a request, by the names of the schema.
struct Arguments<'d> {
    found: Vec<(&'static str, Element<'d>)>,
    compat: Compat,
}

impl<'d> Arguments<'d> {
    /// Takes the children of the operation's element, and refuses what the schema does not have.
    fn take(&mut self, operation: Operation, element: Element<'d>) -> Result<(), Violation> {
        let names = schema::parameters(operation);
        for child in element.children() {
            match child {
                Child::Text { text, .. } if collapse(text).is_empty() => {}
                Child::Text { .. } if self.allows(Leniency::UnknownParameter) => {}
                Child::Text { .. } => return Err(Violation::TextAmongParameters),
                Child::Element(parameter) => {
                    let known = names.iter().find(|listed| listed.name == parameter.name());
                    match known {
                        Some(listed) if parameter.namespace() == NAMESPACE => {
                            self.take_known(listed.name, parameter)?;
                        }
                        _ if self.allows(Leniency::UnknownParameter) => {}
                        Some(listed) => return Err(Violation::ParameterNamespace(listed.name)),
                        None => {
                            let name = UnknownName::new(parameter.name());
                            return Err(Violation::ParameterUnknown(name));
                        }
                    }
                }
            }
        }
        self.check_order(names.iter().map(|listed| listed.name))
    }

    fn take_known(&mut self, name: &'static str, element: Element<'d>) -> Result<(), Violation> {
        if self.find(name).is_none() {
            self.found.push((name, element));
            return Ok(());
        }
        if self.allows(Leniency::RepeatedParameter) {
            return Ok(());
        }
        Err(Violation::ParameterRepeated(name))
    }

    /// What is missing is named before what is out of place.
    fn check_order(&self, names: impl Iterator<Item = &'static str>) -> Result<(), Violation> {
        let mut misplaced = None;
        let mut found = self.found.iter();
        for name in names {
            if self.find(name).is_none() {
                if self.allows(Leniency::MissingParameter) {
                    continue;
                }
                return Err(Violation::ParameterMissing(name));
            }
            if found.next().is_some_and(|(next, _)| *next != name) {
                misplaced = misplaced.or(Some(name));
            }
        }
        match misplaced {
            Some(name) if !self.allows(Leniency::AnyOrder) => {
                Err(Violation::ParameterMisplaced(name))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn find(&self, name: &str) -> Option<Element<'d>> {
        let found = self.found.iter().find(|(known, _)| *known == name);
        found.map(|(_, element)| *element)
    }

    const fn allows(&self, leniency: Leniency) -> bool {
        self.compat.allows(leniency)
    }
}

impl Fields for Arguments<'_> {
    type Error = Violation;

    fn field<T: WireType>(&mut self, name: &'static str, value: &mut T) -> Result<(), Violation> {
        // Whoever may leave a parameter out gets the value of the blank request.
        let Some(element) = self.find(name) else {
            return Ok(());
        };
        let read = value.read(element, self.compat);
        read.map_err(|_| Violation::ParameterInvalid(name))
    }
}

/// See [`write_request`](super::write_request).
pub(super) fn write(version: SoapVersion, request: &Request) -> String {
    envelope::write(version, None, |writer| {
        writer
            .open(contract::names(request.operation()).request)
            .attribute("xmlns", NAMESPACE);
        let Ok(()) = contract::parameters(&mut request.clone(), &mut Written(writer));
        writer.close();
    })
}
