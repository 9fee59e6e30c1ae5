//! Why a document was refused.

use thiserror::Error;

/// A document was refused. Never holds octets of the document (ET-76).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{kind} at octet {at}")]
pub struct XmlError {
    /// The offset of the first octet concerned, from the start of the document.
    pub at: usize,
    /// The rule that was broken.
    pub kind: XmlErrorKind,
}

impl XmlError {
    /// An error of the given kind at the given offset, for codecs built on this crate.
    #[must_use]
    pub const fn new(at: usize, kind: XmlErrorKind) -> Self {
        Self { at, kind }
    }
}

/// The rules, one variant each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Error)]
#[non_exhaustive]
pub enum XmlErrorKind {
    /// Two attributes, or a name and an attribute, stand without whitespace between them.
    #[error("missing whitespace before an attribute")]
    AttributeNotSeparated,
    /// An attribute value has more octets than allowed.
    #[error("attribute value longer than {limit} octets")]
    AttributeTooLong {
        /// The limit in force.
        limit: usize,
    },
    /// ET-63: the document begins with a byte order mark.
    #[error("byte order mark")]
    ByteOrderMark,
    /// A CDATA section; see the crate's documentation for the reason.
    #[error("cdata section")]
    CdataSection,
    /// ET-64: a comment.
    #[error("comment")]
    Comment,
    /// ET-66: text other than whitespace before or after the root element.
    #[error("content outside the root element")]
    ContentOutsideRoot,
    /// An XML declaration elsewhere than at the very start.
    #[error("xml declaration not at the start")]
    DeclarationMisplaced,
    /// ET-64: a document type declaration.
    #[error("document type declaration")]
    Doctype,
    /// More octets than allowed in all.
    #[error("document longer than {limit} octets")]
    DocumentTooLong {
        /// The limit in force.
        limit: usize,
    },
    /// ET-68: the same attribute twice on one element, by name or by expanded name.
    #[error("duplicate attribute")]
    DuplicateAttribute,
    /// The document is in another encoding than it, or what carries it, says.
    #[error("declared encoding is not that of the document")]
    EncodingContradicted,
    /// ET-63: the declaration names an encoding other than UTF-8.
    #[error("declared encoding is not utf-8")]
    EncodingNotUtf8,
    /// ET-65: a character, raw or referenced, that XML 1.0 does not allow.
    #[error("illegal character")]
    IllegalCharacter,
    /// A name that is no qualified name of Namespaces in XML 1.0.
    #[error("illegal name")]
    IllegalName,
    /// The XML declaration is not as XML 1.0 wants it.
    #[error("malformed xml declaration")]
    InvalidDeclaration,
    /// The octets behind a mark of UTF-16 are not UTF-16.
    #[error("not utf-16")]
    InvalidUtf16,
    /// ET-63: the octets are not UTF-8.
    #[error("not utf-8")]
    InvalidUtf8,
    /// A value that the protocol's codec could not read.
    #[error("invalid value")]
    InvalidValue,
    /// `<` inside an attribute value.
    #[error("less-than sign in an attribute value")]
    LessThanInAttribute,
    /// An attribute without `=`, without quotes, or something in a tag that is no attribute.
    #[error("malformed attribute")]
    MalformedAttribute,
    /// `&` that begins no reference.
    #[error("malformed reference")]
    MalformedReference,
    /// Markup that is no tag at all.
    #[error("malformed markup")]
    MalformedMarkup,
    /// An end tag that does not match the open element, or matches none.
    #[error("end tag does not match")]
    MismatchedEndTag,
    /// A required attribute is absent.
    #[error("missing attribute")]
    MissingAttribute,
    /// A required element is absent.
    #[error("missing element")]
    MissingElement,
    /// A name has more octets than allowed.
    #[error("name longer than {limit} octets")]
    NameTooLong {
        /// The limit in force.
        limit: usize,
    },
    /// ET-66: no root element.
    #[error("no root element")]
    NoRoot,
    /// ET-64: a processing instruction.
    #[error("processing instruction")]
    ProcessingInstruction,
    /// A prefix or namespace that Namespaces in XML 1.0 reserves, or a prefix bound to nothing.
    #[error("reserved prefix or namespace")]
    ReservedNamespace,
    /// ET-66: a second root element.
    #[error("second root element")]
    SecondRoot,
    /// `]]>` in text.
    #[error("end of a cdata section in text")]
    SectionEndInText,
    /// A run of text has more octets than allowed.
    #[error("text longer than {limit} octets")]
    TextTooLong {
        /// The limit in force.
        limit: usize,
    },
    /// More elements inside one another than allowed.
    #[error("elements nested deeper than {limit}")]
    TooDeep {
        /// The limit in force.
        limit: usize,
    },
    /// More attributes on one element than allowed.
    #[error("more than {limit} attributes on one element")]
    TooManyAttributes {
        /// The limit in force.
        limit: usize,
    },
    /// More elements in all than allowed.
    #[error("more than {limit} elements")]
    TooManyElements {
        /// The limit in force.
        limit: usize,
    },
    /// More namespace declarations in scope than allowed.
    #[error("more than {limit} namespace declarations in scope")]
    TooManyNamespaces {
        /// The limit in force.
        limit: usize,
    },
    /// The budget of steps is used up.
    #[error("more than {limit} steps for each octet")]
    TooMuchWork {
        /// The limit in force.
        limit: usize,
    },
    /// ET-66: the input ends while an element is open.
    #[error("element not closed at the end")]
    UnclosedElement,
    /// The input ends inside a tag.
    #[error("tag not closed at the end")]
    UnclosedMarkup,
    /// A prefix that no declaration in scope binds.
    #[error("undeclared prefix")]
    UndeclaredPrefix,
    /// ET-69: an element other than the one that belongs here.
    #[error("unexpected element")]
    UnexpectedElement,
    /// Text where only elements belong.
    #[error("unexpected text")]
    UnexpectedText,
    /// ET-69: an attribute that this element does not have.
    #[error("unknown attribute")]
    UnknownAttribute,
    /// ET-64: a reference to an entity other than the predefined five.
    #[error("unknown entity")]
    UnknownEntity,
    /// A version of XML other than 1.0.
    #[error("xml version is not 1.0")]
    UnsupportedVersion,
}
