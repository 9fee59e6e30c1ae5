//! Responses as envelopes, and whatever a caller gets instead.

use portcullis_xml::{Decoded, Document, Element, Limits, XmlError, XmlErrorKind};

use super::envelope::{self, Envelope, NoEnvelope};
use super::wire_type::{InOrder, Written};
use super::{Answer, SoapVersion, contract, fault};
use crate::config::Compat;
use crate::message::{NAMESPACE, Operation, Response};

/// See [`write_response`](super::write_response).
pub(super) fn write(version: SoapVersion, response: &Response) -> String {
    envelope::write(version, None, |writer| {
        writer
            .open(contract::names(response.operation()).response)
            .attribute("xmlns", NAMESPACE);
        let Ok(()) = contract::result(&mut response.clone(), &mut Written(writer));
        writer.close();
    })
}

/// See [`read_answer`](super::read_answer).
pub(super) fn read(body: &[u8]) -> Result<(SoapVersion, Answer), XmlError> {
    let limits = Limits::soap();
    let decoded = Decoded::new(body, &limits)?;
    let document = Document::parse_decoded(&decoded, &limits)?;
    let root = document.root();
    let envelope = Envelope::new(root).map_err(|problem| match problem {
        NoEnvelope::Version => XmlError::new(root.at(), XmlErrorKind::UnexpectedElement),
        NoEnvelope::Form(_, error) => error,
    })?;
    let version = envelope.version;
    let element = match envelope.body.as_slice() {
        [element] => *element,
        [] => return Err(XmlError::new(root.at(), XmlErrorKind::MissingElement)),
        [_, second, ..] => {
            return Err(XmlError::new(second.at(), XmlErrorKind::UnexpectedElement));
        }
    };
    let answer = if element.is(version.envelope_namespace(), "Fault") {
        Answer::Fault(fault::read(version, element)?)
    } else {
        Answer::Response(read_response(element)?)
    };
    Ok((version, answer))
}

fn read_response(element: Element<'_>) -> Result<Response, XmlError> {
    let mut operations = Operation::ALL.iter().copied();
    let operation = operations
        // CD-8
        .find(|operation| element.is(NAMESPACE, contract::names(*operation).response))
        .ok_or(XmlError::new(element.at(), XmlErrorKind::UnexpectedElement))?;
    let mut response = contract::blank_response(operation);
    // CD-17, CD-20: the result is there exactly once; CD-36: or not at all.
    let mut fields = InOrder::new(element, Compat::Strict)?;
    contract::result(&mut response, &mut fields)?;
    fields.finish()?;
    Ok(response)
}
