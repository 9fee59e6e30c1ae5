//! The message authentication code of a document. ET-73
//!
//! The code is over every octet of the document, with 64 zeros where its own digits go; so it
//! covers id, time and body, and a receiver needs no second form of the document to check it.

use std::ops::Range;

use hmac::digest::InvalidLength;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::config::{Authentication, Key, KeyId};
use crate::message::Digest;

/// A document does not prove where it comes from. Says nothing about the document, and no more
/// about why than that (ET-76).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not authenticated")]
pub struct NotAuthenticated;

impl From<InvalidLength> for NotAuthenticated {
    fn from(_: InvalidLength) -> Self {
        Self
    }
}

/// The digits of a code.
const MAC_DIGITS: usize = 64;
/// What stands in their place while the code is made.
const ZEROS: [u8; MAC_DIGITS] = [b'0'; MAC_DIGITS];
/// How far into a document the code may stand: the attributes before it are short.
const START_OCTETS: usize = 1024;

/// The digits of `mac` before they are known.
pub(super) const UNSEALED: &str = match std::str::from_utf8(&ZEROS) {
    Ok(zeros) => zeros,
    Err(_) => "",
};

/// Where a document names its key, and where its code stands.
struct Seal {
    key: Range<usize>,
    mac: Range<usize>,
}

/// Finds ` key="`, 16 octets, `" mac="`, 64 octets, `"` at the start of a document: the one form
/// that canonical output has (ET-71).
///
/// Looks at nothing within the 64 octets, so that the place is the same whatever they are; the
/// decoder checks afterwards that the attributes there are `key` and `mac` of the root.
fn find(document: &[u8]) -> Option<Seal> {
    const BEFORE_KEY: &[u8] = b" key=\"";
    const BEFORE_MAC: &[u8] = b"\" mac=\"";
    let start = document.get(..START_OCTETS).unwrap_or(document);
    let at = start
        .windows(BEFORE_KEY.len())
        .position(|octets| octets == BEFORE_KEY)?;
    let key_start = at.checked_add(BEFORE_KEY.len())?;
    let key_end = key_start.checked_add(KeyId::DIGITS)?;
    let mac_start = key_end.checked_add(BEFORE_MAC.len())?;
    let mac_end = mac_start.checked_add(MAC_DIGITS)?;
    let fits = document.get(key_end..mac_start)? == BEFORE_MAC && document.get(mac_end)? == &b'"';
    fits.then_some(Seal {
        key: key_start..key_end,
        mac: mac_start..mac_end,
    })
}

/// The code of a document whose digits stand at `digits`: the document is neither copied nor
/// changed.
fn code(
    document: &[u8],
    digits: &Range<usize>,
    key: &Key,
) -> Result<Hmac<Sha256>, NotAuthenticated> {
    let mut code = Hmac::<Sha256>::new_from_slice(key.secret())?;
    code.update(document.get(..digits.start).ok_or(NotAuthenticated)?);
    code.update(&ZEROS);
    code.update(document.get(digits.end..).ok_or(NotAuthenticated)?);
    Ok(code)
}

/// Writes the code into a document that has a place for it, whatever stands there.
///
/// # Errors
/// When there is no such place.
pub fn seal(document: &mut [u8], key: &Key) -> Result<(), NotAuthenticated> {
    let digits = find(document).ok_or(NotAuthenticated)?.mac;
    let code = code(document, &digits, key)?.finalize().into_bytes();
    let code = Digest::from_octets(code.into()).to_string();
    let place = document.get_mut(digits).ok_or(NotAuthenticated)?;
    for (octet, digit) in place.iter_mut().zip(code.bytes()) {
        *octet = digit;
    }
    Ok(())
}

/// Checks that a document proves what `authentication` asks of it: with keys, a code made with one
/// of them; otherwise none, because nobody could say whether it is right. ET-73
///
/// # Errors
/// When it does not.
pub fn verify(document: &[u8], authentication: &Authentication) -> Result<(), NotAuthenticated> {
    let Authentication::Mac(keys) = authentication else {
        return match find(document) {
            Some(_) => Err(NotAuthenticated),
            None => Ok(()),
        };
    };
    let seal = find(document).ok_or(NotAuthenticated)?;
    let text = |range: Range<usize>| {
        let octets = document.get(range)?;
        std::str::from_utf8(octets).ok()
    };
    let key_id: Option<KeyId> = text(seal.key).and_then(|text| text.parse().ok());
    let claimed: Option<Digest> = text(seal.mac.clone()).and_then(|text| text.parse().ok());
    let claimed = claimed.ok_or(NotAuthenticated)?;
    let mut keys = keys.keys();
    let key = keys.find(|key| Some(key.id()) == key_id);
    let key = key.ok_or(NotAuthenticated)?;
    // The comparison takes the same time wherever the difference is.
    code(document, &seal.mac, &key)?
        .verify_slice(&claimed.octets())
        .map_err(|_| NotAuthenticated)
}

/// The id of the key that a document says it is sealed with.
pub(super) fn key_of(document: &[u8]) -> Option<KeyId> {
    let key = document.get(find(document)?.key)?;
    std::str::from_utf8(key).ok()?.parse().ok()
}
