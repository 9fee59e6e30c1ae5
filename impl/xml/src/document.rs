//! A document that passed the gate, as a flat tree.

use std::borrow::Cow;
use std::ops::Range;

use crate::character::normal_text;
use crate::gate::{Gate, Token};
use crate::namespace::{Binding, resolve};
use crate::{Decoded, ElementReader, Limits, XmlError, XmlErrorKind};

/// Room for the nodes of most messages, and for whatever else they have fewer of.
const ROOM: usize = 16;

/// A checked document.
///
/// Names, attribute values and text borrow from the octets where no reference and no line end has
/// to be resolved, so one long text, such as a part in base64, is not copied. The tree is an array
/// in document order: building and dropping it is iterative.
#[derive(Debug)]
pub struct Document<'a> {
    nodes: Vec<Node<'a>>,
    attributes: Vec<Attribute<'a>>,
    declarations: Vec<Binding<'a>>,
}

#[derive(Debug)]
struct Node<'a> {
    at: usize,
    /// The element that this one is in; the root is in itself.
    parent: usize,
    /// One past the last node inside this one.
    end: usize,
    content: Content<'a>,
}

#[derive(Debug)]
enum Content<'a> {
    Element {
        namespace: Cow<'a, str>,
        local: &'a str,
        attributes: Range<usize>,
        declarations: Range<usize>,
    },
    Text(Cow<'a, str>),
}

/// An attribute with its resolved name and value.
#[derive(Clone, Debug)]
pub struct Attribute<'a> {
    at: usize,
    namespace: Cow<'a, str>,
    local: &'a str,
    value: Cow<'a, str>,
}

impl Attribute<'_> {
    /// Offset of the name in the document.
    #[must_use]
    pub const fn at(&self) -> usize {
        self.at
    }

    /// The namespace; empty for a name without prefix.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The name without prefix.
    #[must_use]
    pub const fn name(&self) -> &str {
        self.local
    }

    /// The value, with references resolved.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl<'a> Document<'a> {
    /// Checks `octets` as [`check`](crate::check) does and keeps what they say.
    ///
    /// # Errors
    /// Those of [`check`](crate::check).
    pub fn parse(octets: &'a [u8], limits: &Limits) -> Result<Self, XmlError> {
        Self::build(Gate::new(octets, limits)?)
    }

    /// Checks a document whose encoding was recognised before, and keeps what it says. Offsets are
    /// those of the decoded text.
    ///
    /// # Errors
    /// Those of [`check`](crate::check), and [`XmlErrorKind::EncodingContradicted`].
    pub fn parse_decoded(decoded: &'a Decoded<'_>, limits: &Limits) -> Result<Self, XmlError> {
        Self::build(Gate::of_text(decoded.as_str(), decoded.encoding(), limits)?)
    }

    fn build(mut gate: Gate<'a>) -> Result<Self, XmlError> {
        let mut document = Self {
            nodes: Vec::with_capacity(ROOM),
            attributes: Vec::with_capacity(ROOM),
            declarations: Vec::with_capacity(ROOM),
        };
        let mut open = Vec::with_capacity(ROOM);
        loop {
            match gate.next_token()? {
                Token::Open(name) => {
                    let index = document.nodes.len();
                    let attributes = document.attributes.len();
                    document
                        .attributes
                        .extend(gate.scope().attributes().map(|a| Attribute {
                            at: a.raw.at,
                            namespace: a.namespace.clone(),
                            local: a.local,
                            value: a.raw.normal_value(),
                        }));
                    let declarations = document.declarations.len();
                    document
                        .declarations
                        .extend_from_slice(gate.scope().declarations());
                    document.nodes.push(Node {
                        at: name.at,
                        parent: open.last().copied().unwrap_or(index),
                        end: index,
                        content: Content::Element {
                            namespace: name.namespace,
                            local: name.local,
                            attributes: attributes..document.attributes.len(),
                            declarations: declarations..document.declarations.len(),
                        },
                    });
                    open.push(index);
                }
                Token::Close => {
                    let end = document.nodes.len();
                    let closed = open.pop().and_then(|index| document.nodes.get_mut(index));
                    if let Some(node) = closed {
                        node.end = end;
                    }
                }
                Token::Text { at, raw } | Token::Section { at, raw } => {
                    document.add_text(at, &open, normal_text(raw));
                }
                Token::Reference { at, means } => {
                    document.add_text(at, &open, Cow::Owned(means.to_string()));
                }
                Token::End => return Ok(document),
            }
        }
    }

    /// Adds to the text that ends the nodes so far, or begins one.
    fn add_text(&mut self, at: usize, open: &[usize], more: Cow<'a, str>) {
        let index = self.nodes.len();
        let inside = open.last().copied().unwrap_or_default();
        if let Some(Node {
            content: Content::Text(text),
            parent,
            ..
        }) = self.nodes.last_mut()
            && *parent == inside
        {
            text.to_mut().push_str(&more);
            return;
        }
        self.nodes.push(Node {
            at,
            parent: inside,
            end: index.saturating_add(1),
            content: Content::Text(more),
        });
    }

    /// The root element.
    #[must_use]
    pub const fn root(&self) -> Element<'_> {
        Element {
            document: self,
            index: 0,
        }
    }

    /// The root element, to be read strictly.
    ///
    /// # Errors
    /// [`XmlErrorKind::UnexpectedElement`] when it is another (ET-66).
    pub fn expect_root(&self, namespace: &str, name: &str) -> Result<ElementReader<'_>, XmlError> {
        let root = self.root();
        if root.is(namespace, name) {
            Ok(ElementReader::new(root))
        } else {
            Err(XmlError::new(root.at(), XmlErrorKind::UnexpectedElement))
        }
    }

    fn content(&self, index: usize) -> Option<&Content<'_>> {
        self.nodes.get(index).map(|node| &node.content)
    }

    fn end(&self, index: usize) -> usize {
        self.nodes.get(index).map_or(usize::MAX, |node| node.end)
    }
}

/// One element of a document. Names are resolved: prefixes are never compared.
#[derive(Clone, Copy, Debug)]
pub struct Element<'d> {
    document: &'d Document<'d>,
    index: usize,
}

/// What an element contains.
#[derive(Clone, Copy, Debug)]
pub enum Child<'d> {
    /// An element.
    Element(Element<'d>),
    /// Text between two tags, never empty.
    Text {
        /// Offset in the document.
        at: usize,
        /// The text, with references resolved and line ends normalised.
        text: &'d str,
    },
}

impl<'d> Element<'d> {
    /// Offset of the name in the start tag, which errors about the element give.
    #[must_use]
    pub fn at(&self) -> usize {
        self.document
            .nodes
            .get(self.index)
            .map_or(0, |node| node.at)
    }

    /// The namespace; empty for none.
    #[must_use]
    pub fn namespace(&self) -> &'d str {
        match self.document.content(self.index) {
            Some(Content::Element { namespace, .. }) => namespace,
            Some(Content::Text(_)) | None => "",
        }
    }

    /// The name without prefix.
    #[must_use]
    pub fn name(&self) -> &'d str {
        match self.document.content(self.index) {
            Some(Content::Element { local, .. }) => local,
            Some(Content::Text(_)) | None => "",
        }
    }

    /// Whether this is the element `name` of `namespace`.
    #[must_use]
    pub fn is(&self, namespace: &str, name: &str) -> bool {
        self.name() == name && self.namespace() == namespace
    }

    /// The attributes in the order written, without namespace declarations.
    #[must_use]
    pub fn attributes(&self) -> &'d [Attribute<'d>] {
        match self.document.content(self.index) {
            Some(Content::Element { attributes, .. }) => self
                .document
                .attributes
                .get(attributes.clone())
                .unwrap_or_default(),
            Some(Content::Text(_)) | None => &[],
        }
    }

    /// The value of the attribute `name` of `namespace` (empty for a name without prefix).
    #[must_use]
    pub fn attribute(&self, namespace: &str, name: &str) -> Option<&'d str> {
        self.attributes()
            .iter()
            .find(|a| a.local == name && a.namespace == namespace)
            .map(Attribute::value)
    }

    /// The elements and texts directly inside, in document order.
    pub fn children(&self) -> impl Iterator<Item = Child<'d>> + use<'d> {
        let document = self.document;
        let end = document.end(self.index);
        let mut next = self.index.saturating_add(1);
        std::iter::from_fn(move || {
            if next >= end {
                return None;
            }
            let index = next;
            let node = document.nodes.get(index)?;
            next = node.end.max(index.saturating_add(1));
            Some(match &node.content {
                Content::Element { .. } => Child::Element(Element { document, index }),
                Content::Text(text) => Child::Text { at: node.at, text },
            })
        })
    }

    /// The text of an element that contains nothing but text; empty when it contains nothing.
    ///
    /// # Errors
    /// [`XmlErrorKind::UnexpectedElement`] at the first element inside.
    pub fn text(&self) -> Result<&'d str, XmlError> {
        let mut found = "";
        for child in self.children() {
            match child {
                Child::Element(inner) => {
                    let kind = XmlErrorKind::UnexpectedElement;
                    return Err(XmlError::new(inner.at(), kind));
                }
                Child::Text { text, .. } => found = text,
            }
        }
        Ok(found)
    }

    /// The namespace that `prefix` means here, for values that are qualified names (`xsi:type`).
    #[must_use]
    pub fn resolve(&self, prefix: &str) -> Option<&'d str> {
        let mut index = self.index;
        loop {
            let node = self.document.nodes.get(index)?;
            if let Content::Element { declarations, .. } = &node.content {
                let here = self.document.declarations.get(declarations.clone())?;
                if let Some(binding) = here.iter().find(|b| b.prefix == prefix) {
                    return Some(&binding.uri);
                }
            }
            if node.parent == index {
                // Only what is bound without declaration is left.
                return match resolve(&[], prefix) {
                    Ok(Cow::Borrowed(uri)) => Some(uri),
                    Ok(Cow::Owned(_)) | Err(_) => None,
                };
            }
            index = node.parent;
        }
    }
}
