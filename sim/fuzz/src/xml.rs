//! The strict gate, and the tree behind it.

use std::fmt::Write as _;

use portcullis_xml::{
    Child, Decoded, Document, Element, Limits, XML_NAMESPACE, XmlErrorKind, check,
};

/// The gate and the tree agree, an error lies within the document, and what the tree says, written
/// down again, is the same tree. UTF-8 without a mark is the same document when decoded first.
pub(crate) fn run(octets: &[u8]) {
    let small = Limits::control()
        .with_depth_max(4)
        .with_elements_max(8)
        .with_attributes_max(3)
        .with_name_octets_max(8)
        .with_attribute_octets_max(16)
        .with_text_octets_max(16)
        .with_namespaces_max(2)
        .with_steps_per_octet_max(2);
    let sets = [
        small,
        Limits::control(),
        Limits::transfer_part(),
        Limits::soap(),
    ];
    for limits in sets {
        let verdict = check(octets, &limits);
        let document = Document::parse(octets, &limits);
        assert_eq!(
            verdict,
            document.as_ref().map(|_| ()).map_err(|error| *error)
        );
        match document {
            Ok(document) => assert_says_the_same(&document, &limits),
            Err(error) => assert!(error.at <= octets.len()),
        }
        match Decoded::new(octets, &limits) {
            Ok(decoded) => {
                let document = Document::parse_decoded(&decoded, &limits);
                let decoded_verdict = document.map(|_| ());
                if decoded.as_str().as_bytes() == octets {
                    assert_eq!(decoded_verdict, verdict);
                } else if let Err(error) = decoded_verdict {
                    assert!(error.at <= decoded.as_str().len());
                }
            }
            Err(error) => assert!(error.at <= octets.len()),
        }
    }
}

fn assert_says_the_same(document: &Document<'_>, limits: &Limits) {
    let mut said = String::new();
    let mut again = String::new();
    say(document.root(), &mut said);
    match Document::parse(said.as_bytes(), limits) {
        Ok(document) => {
            say(document.root(), &mut again);
            assert_eq!(said, again);
        }
        // Said without prefixes it may be longer, and declares more.
        Err(error) => assert!(is_limit(error.kind), "{error}: {said}"),
    }
}

const fn is_limit(kind: XmlErrorKind) -> bool {
    use XmlErrorKind as Kind;
    matches!(
        kind,
        Kind::DocumentTooLong { .. }
            | Kind::TooManyAttributes { .. }
            | Kind::AttributeTooLong { .. }
            | Kind::TextTooLong { .. }
            | Kind::NameTooLong { .. }
            | Kind::TooManyNamespaces { .. }
            | Kind::TooMuchWork { .. }
    )
}

/// Writes an element and all that is in it; the limits bound how deep that is.
fn say(element: Element<'_>, into: &mut String) {
    // The one namespace that cannot be declared as the default.
    let prefix = if element.namespace() == XML_NAMESPACE {
        "xml:"
    } else {
        ""
    };
    let name = element.name();
    write!(into, "<{prefix}{name}").expect("a string takes everything");
    if prefix.is_empty() {
        into.push_str(" xmlns=\"");
        say_text(element.namespace(), into);
        into.push('"');
    }
    for (index, attribute) in element.attributes().iter().enumerate() {
        let local = attribute.name();
        match attribute.namespace() {
            "" => write!(into, " {local}=\""),
            XML_NAMESPACE => write!(into, " xml:{local}=\""),
            namespace => {
                write!(into, " xmlns:p{index}=\"").expect("a string takes everything");
                say_text(namespace, into);
                write!(into, "\" p{index}:{local}=\"")
            }
        }
        .expect("a string takes everything");
        say_text(attribute.value(), into);
        into.push('"');
    }
    into.push('>');
    for child in element.children() {
        match child {
            Child::Element(inner) => say(inner, into),
            Child::Text { text, .. } => say_text(text, into),
        }
    }
    write!(into, "</{prefix}{name}>").expect("a string takes everything");
}

fn say_text(text: &str, into: &mut String) {
    for character in text.chars() {
        match character {
            '<' | '>' | '&' | '"' | '\'' | '\r' | '\n' | '\t' => {
                write!(into, "&#{};", u32::from(character)).expect("a string takes everything");
            }
            other => into.push(other),
        }
    }
}
