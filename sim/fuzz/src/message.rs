//! Documents to messages: the codec that reads what any peer may send.

use portcullis_agent::codec::{LENGTH_OCTETS, decode, encode, fields};

/// A document is refused, or it is a message that has one form, which reads as the same message.
pub(crate) fn run(document: &[u8]) {
    let message = match decode(document) {
        Ok(message) => message,
        Err(refused) => {
            assert!(!refused.error.name().is_empty());
            return;
        }
    };
    assert!(!fields(&message).is_empty());
    let unit = encode(&message).expect("what was decoded can be encoded");
    let (length, canonical) = unit.split_at(LENGTH_OCTETS);
    let octets = u32::try_from(unit.len()).expect("a unit is within its cap");
    assert_eq!(length, octets.to_be_bytes());
    let again = decode(canonical).expect("what we write is what we read");
    assert_eq!(again, message);
    // ET-71: one form for a message, whatever form it came in.
    assert_eq!(encode(&again).expect("as before"), unit);
}
