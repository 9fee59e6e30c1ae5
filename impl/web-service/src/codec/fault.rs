//! Faults as envelopes (CD-5).

use portcullis_xml::{Child, Element, Writer, XML_NAMESPACE, XmlError, XmlErrorKind};

use super::wire_type::collapse;
use super::{SeenFault, SoapVersion, envelope};
use crate::config::Compat;
use crate::message::{Fault, FaultCode, HeaderName, NAMESPACE, Violation};

/// The element of the detail that names the rule: ours.
const VIOLATION: &str = "violation";

/// See [`write_fault`](super::write_fault).
pub(super) fn write(version: SoapVersion, fault: &Fault) -> String {
    let violation = &fault.violation;
    let upgrade: &dyn Fn(&mut Writer) = &write_upgrade;
    let not_understood: &dyn Fn(&mut Writer) = &|writer| write_not_understood(writer, violation);
    let header = match (fault.code(), version) {
        (FaultCode::VersionMismatch, _) => Some(upgrade),
        (FaultCode::MustUnderstand, SoapVersion::V12) => Some(not_understood),
        _ => None,
    };
    envelope::write(version, header, |writer| {
        writer.open("soap:Fault");
        match version {
            SoapVersion::V11 => {
                let code = format_args!("soap:{}", code_name(version, fault.code()));
                writer.open("faultcode").text(code).close();
                writer.open("faultstring").text(violation).close();
                write_detail(writer, "detail", fault);
            }
            SoapVersion::V12 => {
                let code = format_args!("soap:{}", code_name(version, fault.code()));
                writer.open("soap:Code").open("soap:Value").text(code);
                writer.close().close();
                writer.open("soap:Reason").open("soap:Text");
                writer.attribute("xml:lang", "en").text(violation);
                writer.close().close();
                write_detail(writer, "soap:Detail", fault);
            }
        }
        writer.close();
    })
}

/// See [`fault_status`](super::fault_status).
pub(super) fn status(version: SoapVersion, fault: &Fault, compat: Compat) -> u16 {
    match (version, fault.code(), compat) {
        (SoapVersion::V12, FaultCode::Client, Compat::Strict) => 400,
        _ => 500,
    }
}

/// The code in the words of the version.
const fn code_name(version: SoapVersion, code: FaultCode) -> &'static str {
    match (version, code) {
        (SoapVersion::V11, FaultCode::Client) => "Client",
        (SoapVersion::V11, FaultCode::Server) => "Server",
        (SoapVersion::V12, FaultCode::Client) => "Sender",
        (SoapVersion::V12, FaultCode::Server) => "Receiver",
        (_, FaultCode::VersionMismatch) => "VersionMismatch",
        (_, FaultCode::MustUnderstand) => "MustUnderstand",
    }
}

/// A detail is about the body: where the body was not looked at there must be none (SOAP 1.1,
/// section 4.4).
fn write_detail(writer: &mut Writer, name: &'static str, fault: &Fault) {
    match fault.code() {
        FaultCode::VersionMismatch | FaultCode::MustUnderstand => {}
        FaultCode::Client | FaultCode::Server => {
            writer.open(name);
            writer
                .open(VIOLATION)
                .attribute("xmlns", NAMESPACE)
                .attribute("rule", fault.violation.name())
                .optional_attribute("parameter", fault.violation.parameter());
            writer.close().close();
        }
    }
}

/// The versions that we know, the preferred one first (SOAP 1.2, section 5.4.7).
fn write_upgrade(writer: &mut Writer) {
    let [v11, v12] = SoapVersion::ALL.map(SoapVersion::envelope_namespace);
    writer.open("up:Upgrade").attribute("xmlns:up", v12);
    writer.open("up:SupportedEnvelope");
    writer.attribute("qname", "soap12:Envelope");
    writer.attribute("xmlns:soap12", v12).close();
    writer.open("up:SupportedEnvelope");
    writer.attribute("qname", "soap11:Envelope");
    writer.attribute("xmlns:soap11", v11).close();
    writer.close();
}

/// The block that was not understood (SOAP 1.2, section 5.4.8).
fn write_not_understood(writer: &mut Writer, violation: &Violation) {
    let Violation::HeaderNotUnderstood(HeaderName { namespace, name }) = violation else {
        return;
    };
    writer.open("soap:NotUnderstood");
    match namespace.as_str() {
        "" => writer.attribute("qname", name),
        // This one is bound without declaration and must not be declared.
        XML_NAMESPACE => writer.attribute("qname", format_args!("xml:{name}")),
        namespace => writer
            .attribute("qname", format_args!("h:{name}"))
            .attribute("xmlns:h", namespace),
    };
    writer.close();
}

/// Reads the fault that an answer holds, whoever wrote it.
pub(super) fn read(version: SoapVersion, fault: Element<'_>) -> Result<SeenFault, XmlError> {
    let soap = version.envelope_namespace();
    let (code, text, detail) = match version {
        // SOAP 1.1 leaves these names without a namespace.
        SoapVersion::V11 => (
            required(fault, "", "faultcode")?,
            required(fault, "", "faultstring")?,
            child(fault, "", "detail"),
        ),
        SoapVersion::V12 => (
            required(required(fault, soap, "Code")?, soap, "Value")?,
            reason(required(fault, soap, "Reason")?, soap)?,
            child(fault, soap, "Detail"),
        ),
    };
    let code = collapse(code.text()?);
    let code = code.split_once(':').map_or(code, |(_, code)| code);
    let rule = detail
        .and_then(|detail| child(detail, NAMESPACE, VIOLATION))
        .and_then(|violation| violation.attribute("", "rule"));
    Ok(SeenFault {
        code: code.to_owned(),
        text: text.text()?.to_owned(),
        rule: rule.map(str::to_owned),
    })
}

/// The text in English, or else the first.
fn reason<'d>(reason: Element<'d>, soap: &str) -> Result<Element<'d>, XmlError> {
    let is_english = |text: &Element<'_>| {
        let language = text.attribute(XML_NAMESPACE, "lang").unwrap_or_default();
        language == "en" || language.starts_with("en-")
    };
    let english = children(reason, soap, "Text").find(is_english);
    english.map_or_else(|| required(reason, soap, "Text"), Ok)
}

fn required<'d>(parent: Element<'d>, namespace: &str, name: &str) -> Result<Element<'d>, XmlError> {
    let missing = XmlError::new(parent.at(), XmlErrorKind::MissingElement);
    child(parent, namespace, name).ok_or(missing)
}

fn child<'d>(parent: Element<'d>, namespace: &str, name: &str) -> Option<Element<'d>> {
    children(parent, namespace, name).next()
}

fn children<'d>(
    parent: Element<'d>,
    namespace: &str,
    name: &str,
) -> impl Iterator<Item = Element<'d>> {
    parent.children().filter_map(move |child| match child {
        Child::Element(element) if element.is(namespace, name) => Some(element),
        Child::Element(_) | Child::Text { .. } => None,
    })
}
