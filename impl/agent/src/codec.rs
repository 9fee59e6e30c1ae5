//! Octets to messages and back: data units of RFC 5734 around canonical XML.
//!
//! The format is this project's own and is not the vendor's, which is not public: nothing here
//! claims to interoperate with the product that the protocol imitates (ET-90).

mod decoder;
mod document;
mod element;
mod frame;
mod seal;

pub use decoder::{Decoder, Seen, fields};
pub use document::{DecodeError, EncodeError, Refused, decode, encode, encode_for};
pub(crate) use element::canonical;
pub use frame::{FrameError, LENGTH_OCTETS, Reassembly, read_unit};
pub use seal::{NotAuthenticated, seal, verify};

/// The namespace of every element: ours, and named so (ET-90).
pub const NAMESPACE: &str = "urn:portcullis:environment-transfer:1";
