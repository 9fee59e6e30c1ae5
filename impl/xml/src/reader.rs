//! Reading an element so that nothing in it goes unnoticed.

use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::character::is_blank;
use crate::{Child, Element, XmlError, XmlErrorKind};

/// Reads one element in a fixed order and refuses what nobody asked for (ET-69).
///
/// Attributes are asked for by name, in any order; child elements in document order. The reading
/// ends with [`ElementReader::finish`] or [`ElementReader::text`], which report attributes,
/// elements and text that were not asked for. White space between child elements is not text.
///
/// # Example: a message with a required attribute and an optional child
/// ```
/// use portcullis_xml::{Document, Limits, XmlError, XmlErrorKind};
///
/// fn read(octets: &[u8]) -> Result<(u32, Option<String>), XmlError> {
///     let document = Document::parse(octets, &Limits::control())?;
///     let mut order = document.expect_root("urn:shop", "order")?;
///     let count = order.parse_attribute("count")?;
///     let note = match order.optional_child("note")? {
///         Some(note) => Some(note.text()?.to_owned()),
///         None => None,
///     };
///     order.finish()?;
///     Ok((count, note))
/// }
///
/// let order = br#"<order xmlns="urn:shop" count="3"><note>fast</note></order>"#;
/// assert_eq!(read(order), Ok((3, Some("fast".to_owned()))));
///
/// let order = br#"<order xmlns="urn:shop" count="3" colour="red"/>"#;
/// assert_eq!(read(order), Err(XmlError::new(34, XmlErrorKind::UnknownAttribute)));
/// ```
#[derive(Debug)]
#[must_use = "an element is read to its end by `finish` or `text`"]
pub struct ElementReader<'d> {
    element: Element<'d>,
    /// One bit an attribute, set when it was asked for.
    asked: u128,
    /// The children not yet read, the next one last.
    children: Vec<Element<'d>>,
    /// The first text other than white space.
    text_at: Option<usize>,
}

impl<'d> ElementReader<'d> {
    /// Reads `element` strictly.
    pub fn new(element: Element<'d>) -> Self {
        let mut children = Vec::new();
        let mut text_at = None;
        for child in element.children() {
            match child {
                Child::Element(inner) => children.push(inner),
                Child::Text { at, text } if !is_blank(text) => text_at = text_at.or(Some(at)),
                Child::Text { .. } => {}
            }
        }
        children.reverse();
        Self {
            element,
            asked: 0,
            children,
            text_at,
        }
    }

    /// The element itself.
    #[must_use]
    pub const fn element(&self) -> Element<'d> {
        self.element
    }

    /// An error of `kind` at this element's start tag, for rules of the caller.
    #[must_use]
    pub fn error(&self, kind: XmlErrorKind) -> XmlError {
        XmlError::new(self.element.at(), kind)
    }

    /// The value of an attribute without prefix.
    ///
    /// # Errors
    /// [`XmlErrorKind::MissingAttribute`] at the start tag.
    pub fn attribute(&mut self, name: &str) -> Result<&'d str, XmlError> {
        self.optional_attribute(name)
            .ok_or_else(|| self.error(XmlErrorKind::MissingAttribute))
    }

    /// The value of an attribute without prefix, when there is one.
    pub fn optional_attribute(&mut self, name: &str) -> Option<&'d str> {
        self.optional_attribute_in("", name).map(|(_, value)| value)
    }

    /// Offset and value of the attribute `name` of `namespace`, when there is one.
    pub fn optional_attribute_in(
        &mut self,
        namespace: &str,
        name: &str,
    ) -> Option<(usize, &'d str)> {
        let (index, attribute) = self
            .element
            .attributes()
            .iter()
            .enumerate()
            .find(|(_, a)| a.name() == name && a.namespace() == namespace)?;
        self.asked |= bit(index);
        Some((attribute.at(), attribute.value()))
    }

    /// The value of an attribute without prefix, as a `T`.
    ///
    /// # Errors
    /// [`XmlErrorKind::MissingAttribute`]; [`XmlErrorKind::InvalidValue`] at the attribute when `T`
    /// cannot be read from the value.
    pub fn parse_attribute<T: FromStr>(&mut self, name: &str) -> Result<T, XmlError> {
        self.parse_optional_attribute(name)?
            .ok_or_else(|| self.error(XmlErrorKind::MissingAttribute))
    }

    /// The value of an attribute without prefix, as a `T`, when there is one.
    ///
    /// # Errors
    /// [`XmlErrorKind::InvalidValue`] at the attribute when `T` cannot be read from the value.
    pub fn parse_optional_attribute<T: FromStr>(
        &mut self,
        name: &str,
    ) -> Result<Option<T>, XmlError> {
        match self.optional_attribute_in("", name) {
            None => Ok(None),
            Some((at, value)) => match value.parse() {
                Ok(value) => Ok(Some(value)),
                Err(_) => Err(XmlError::new(at, XmlErrorKind::InvalidValue)),
            },
        }
    }

    /// The next child, which must be the element `name` of this element's namespace.
    ///
    /// # Errors
    /// [`XmlErrorKind::UnexpectedElement`] at another child, [`XmlErrorKind::MissingElement`] at
    /// this element when there is none.
    pub fn child(&mut self, name: &str) -> Result<Self, XmlError> {
        self.child_in(self.element.namespace(), name)
    }

    /// The next child, which must be the element `name` of `namespace`.
    ///
    /// # Errors
    /// As [`ElementReader::child`].
    pub fn child_in(&mut self, namespace: &str, name: &str) -> Result<Self, XmlError> {
        match self.next_child() {
            None => Err(self.error(XmlErrorKind::MissingElement)),
            Some(child) if child.is(namespace, name) => Ok(Self::new(child)),
            Some(child) => Err(XmlError::new(child.at(), XmlErrorKind::UnexpectedElement)),
        }
    }

    /// The next child when it is the element `name` of this element's namespace; otherwise nothing,
    /// and the child stays.
    ///
    /// # Errors
    /// None at present; a `Result` because readers of repeated children all read alike.
    pub fn optional_child(&mut self, name: &str) -> Result<Option<Self>, XmlError> {
        match self.children.last() {
            Some(next) if next.is(self.element.namespace(), name) => self.child(name).map(Some),
            _ => Ok(None),
        }
    }

    /// The next child, whatever it is.
    pub fn next_child(&mut self) -> Option<Element<'d>> {
        self.children.pop()
    }

    /// Ends the reading of an element that contains text only, and returns the text.
    ///
    /// # Errors
    /// [`XmlErrorKind::UnknownAttribute`] and [`XmlErrorKind::UnexpectedElement`] at the first
    /// thing that was not asked for.
    pub fn text(self) -> Result<&'d str, XmlError> {
        self.refuse_unread()?;
        self.element.text()
    }

    /// Ends the reading of an element that contains octets in base64 only: padded, without white
    /// space, and in the one way that they can be written.
    ///
    /// # Errors
    /// Those of [`ElementReader::text`], and [`XmlErrorKind::InvalidValue`] at the start tag when
    /// the text is not base64.
    pub fn base64(self) -> Result<Vec<u8>, XmlError> {
        let invalid = self.error(XmlErrorKind::InvalidValue);
        STANDARD.decode(self.text()?).map_err(|_| invalid)
    }

    /// Ends the reading of an element that contains no text.
    ///
    /// # Errors
    /// [`XmlErrorKind::UnknownAttribute`], [`XmlErrorKind::UnexpectedElement`] and
    /// [`XmlErrorKind::UnexpectedText`] at the first thing that was not asked for.
    pub fn finish(self) -> Result<(), XmlError> {
        self.refuse_unread()?;
        match self.text_at {
            Some(at) => Err(XmlError::new(at, XmlErrorKind::UnexpectedText)),
            None => Ok(()),
        }
    }

    fn refuse_unread(&self) -> Result<(), XmlError> {
        let unread = |(index, _): &(usize, _)| self.asked & bit(*index) == 0;
        if let Some((_, attribute)) = self.element.attributes().iter().enumerate().find(unread) {
            let kind = XmlErrorKind::UnknownAttribute;
            return Err(XmlError::new(attribute.at(), kind));
        }
        match self.children.last() {
            Some(child) => Err(XmlError::new(child.at(), XmlErrorKind::UnexpectedElement)),
            None => Ok(()),
        }
    }
}

/// The bit of an attribute; the limits allow 64 on one element, and what is beyond is never asked
/// for.
fn bit(index: usize) -> u128 {
    u32::try_from(index)
        .ok()
        .and_then(|index| 1_u128.checked_shl(index))
        .unwrap_or(0)
}
