//! The one strict door to XML: nothing else in the project names a tokenizer.
//!
//! quick-xml is safe against entity expansion and external entities by construction, but it is no
//! checker of well-formedness: it takes unclosed elements, two roots, control characters, duplicate
//! attributes and more. [`check`] and [`Document::parse`] therefore put a strict pass around its
//! tokens. What passes is a well-formed document of Namespaces in XML 1.0 in the subset that XMPP
//! legislates (RFC 6120, section 11.1), within [`Limits`].
//!
//! # What is refused, beyond what is not well-formed
//! - Other encodings than UTF-8, a byte order mark, XML 1.1 (ET-63).
//! - Document type declarations, comments, processing instructions, and references other than to
//!   the five predefined entities and to characters (ET-64).
//! - CDATA sections. XMPP allows them, but they are a second way to write text, which canonical
//!   output never uses (ET-71) and which hides content from filters. A peer that cannot do without
//!   them would be the reason to think again.
//! - Whatever is above a limit (ET-67).
//!
//! SOAP's senders do write comments, CDATA sections, byte order marks and UTF-16. [`Limits::soap`]
//! lets the first two pass, [`Decoded`] takes care of the others, and the rest stays refused.
//!
//! # Module map
//! - [`check`]: the gate alone. [`Document`], [`Element`]: what a document says, names resolved.
//! - [`Decoded`]: documents in either of two encodings.
//! - [`ElementReader`]: reads an element so that nothing in it goes unnoticed (ET-69).
//! - [`Writer`]: canonical output (ET-71).
//! - [`Limits`], [`XmlError`]: what a document may cost, and why it was refused.

#![deny(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::expect_used,
    clippy::arithmetic_side_effects,
    clippy::as_conversions
)]

mod attribute;
mod character;
mod document;
mod encoding;
mod error;
mod gate;
mod limits;
mod namespace;
mod reader;
mod scope;
mod writer;

pub use character::is_legal as is_character;
pub use document::{Attribute, Child, Document, Element};
pub use encoding::{Decoded, Encoding};
pub use error::{XmlError, XmlErrorKind};
pub use gate::check;
pub use limits::Limits;
pub use namespace::XML_NAMESPACE;
pub use reader::ElementReader;
pub use writer::{WriteError, Writer};
