//! Octets to messages and back: data units of RFC 5734 around canonical XML.
//!
//! The format is this project's own and is not the vendor's, which is not public: nothing here
//! claims to interoperate with the product that the protocol imitates (ET-90).

mod frame;

pub use frame::{FrameError, LENGTH_OCTETS};

/// The namespace of every element: ours, and named so (ET-90).
pub const NAMESPACE: &str = "urn:portcullis:environment-transfer:1";

/// Why a document is not a message of this protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The gate, or the structure behind it, refuses the document.
    #[error("not a document of this protocol")]
    Xml(#[source] portcullis_xml::XmlError),
    /// The message is of another protocol version.
    #[error("another protocol version")]
    Version,
    /// No message kind of that name.
    #[error("unknown kind of message")]
    UnknownKind,
    /// No task kind of that name. ET-36
    #[error("unknown kind of task")]
    UnknownTaskKind,
}

impl DecodeError {
    /// Whether the sender speaks another version.
    #[must_use]
    pub const fn is_version(&self) -> bool {
        matches!(self, Self::Version)
    }
}
