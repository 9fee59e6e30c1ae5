//! Which prefix means what, where.

use std::borrow::Cow;

use crate::XmlErrorKind;

/// What the prefix `xml` is always bound to.
pub const XML_NAMESPACE: &str = "http://www.w3.org/XML/1998/namespace";
/// What the prefix `xmlns` is always bound to.
const XMLNS_NAMESPACE: &str = "http://www.w3.org/2000/xmlns/";

/// One declaration; the default namespace has the empty prefix.
#[derive(Clone, Debug)]
pub(crate) struct Binding<'a> {
    pub(crate) prefix: &'a str,
    pub(crate) uri: Cow<'a, str>,
}

impl<'a> Binding<'a> {
    /// A declaration that Namespaces in XML 1.0 allows.
    pub(crate) fn new(prefix: &'a str, uri: Cow<'a, str>) -> Result<Self, XmlErrorKind> {
        let reserved = match prefix {
            "xml" => uri != XML_NAMESPACE,
            "xmlns" => true,
            "" => uri == XML_NAMESPACE || uri == XMLNS_NAMESPACE,
            _ => uri.is_empty() || uri == XML_NAMESPACE || uri == XMLNS_NAMESPACE,
        };
        if reserved {
            return Err(XmlErrorKind::ReservedNamespace);
        }
        Ok(Self { prefix, uri })
    }
}

/// The namespace that `prefix` means among `bindings`, innermost last; empty for none.
pub(crate) fn resolve<'a>(
    bindings: &[Binding<'a>],
    prefix: &str,
) -> Result<Cow<'a, str>, XmlErrorKind> {
    // The empty prefix, which most names have, is found without comparing texts.
    let mut innermost_first = bindings.iter().rev();
    let binding = if prefix.is_empty() {
        innermost_first.find(|binding| binding.prefix.is_empty())
    } else {
        innermost_first.find(|binding| binding.prefix == prefix)
    };
    if let Some(binding) = binding {
        return Ok(binding.uri.clone());
    }
    match prefix {
        "" => Ok(Cow::Borrowed("")),
        "xml" => Ok(Cow::Borrowed(XML_NAMESPACE)),
        _ => Err(XmlErrorKind::UndeclaredPrefix),
    }
}
