//! How the two ends of a link know each other. ET-72, ET-73

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::{Arc, PoisonError, RwLock};

use sha2::{Digest as _, Sha256};

use crate::message::TokenError;

/// How the messages of a link prove where they come from; both ends of a link must agree. ET-72
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authentication {
    /// They do not: whoever can connect is believed. For links within one host only, and an agent
    /// does not start otherwise.
    None,
    /// Each message carries a code that only the holders of a secret can make (ET-73).
    Mac(KeyRing),
    /// The connection proves the peer's name, as mutual TLS does: it must be among
    /// [`portcullis_net::Connection::peer_names`].
    Connection,
}

impl Authentication {
    /// Whether a listener at `address`, or a connection to it, is good enough for this link.
    #[must_use]
    pub fn suffices_at(&self, address: IpAddr) -> bool {
        match self {
            Self::None => address.to_canonical().is_loopback(),
            Self::Mac(_) | Self::Connection => true,
        }
    }
}

/// The secrets of a link: the first one signs, both are accepted.
///
/// A secret is replaced without a message refused in between: each end first learns the new one as
/// its second, then makes it the first, then forgets the old one; and each step is taken at both
/// ends before the next one is.
///
/// Clones are handles to the same ring, so that a running agent's secrets can be replaced.
#[derive(Clone)]
pub struct KeyRing(Arc<RwLock<Secrets>>);

#[derive(Clone, PartialEq, Eq)]
struct Secrets {
    first: Key,
    second: Option<Key>,
}

impl KeyRing {
    /// A ring of one or two secrets.
    #[must_use]
    pub fn new(first: Key, second: Option<Key>) -> Self {
        Self(Arc::new(RwLock::new(Secrets { first, second })))
    }

    /// Takes over the secrets of `other`; messages that are read or written from now on meet these.
    pub fn replace(&self, other: &Self) {
        let secrets = other.secrets();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = secrets;
    }

    /// The one that signs.
    #[must_use]
    pub fn first(&self) -> Key {
        self.secrets().first
    }

    /// All that are accepted.
    pub fn keys(&self) -> impl Iterator<Item = Key> + use<> {
        let Secrets { first, second } = self.secrets();
        std::iter::once(first).chain(second)
    }

    fn secrets(&self) -> Secrets {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl PartialEq for KeyRing {
    fn eq(&self, other: &Self) -> bool {
        self.secrets() == other.secrets()
    }
}

impl Eq for KeyRing {}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.keys()).finish()
    }
}

/// A secret that the two ends of a link share. Prints its id only.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    secret: Arc<[u8]>,
    id: KeyId,
}

/// The shortest secret: as long as what the code is made of.
const SECRET_OCTETS_MIN: usize = 32;

impl Key {
    /// Takes a secret of at least 32 octets, which should be random.
    ///
    /// # Errors
    /// When it is shorter.
    pub fn from_octets(secret: &[u8]) -> Result<Self, KeyTooShort> {
        if secret.len() < SECRET_OCTETS_MIN {
            return Err(KeyTooShort);
        }
        let digest: [u8; 32] = Sha256::digest(secret).into();
        let mut id = [0; KeyId::OCTETS];
        for (octet, of_digest) in id.iter_mut().zip(digest) {
            *octet = of_digest;
        }
        Ok(Self {
            secret: secret.into(),
            id: KeyId(id),
        })
    }

    /// The name of the secret on the wire.
    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// The secret itself, for the code.
    pub(crate) fn secret(&self) -> &[u8] {
        &self.secret
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.id)
    }
}

/// A secret is shorter than 32 octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a secret has at least 32 octets")]
pub struct KeyTooShort;

/// Which secret a message is signed with: the first 8 octets of the secret's SHA-256, in 16
/// lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyId([u8; Self::OCTETS]);

impl KeyId {
    const OCTETS: usize = 8;
    /// The length of the text form.
    pub(crate) const DIGITS: usize = 2 * Self::OCTETS;
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl FromStr for KeyId {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let lower = |octet: u8| matches!(octet, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != Self::DIGITS || !text.bytes().all(lower) {
            return Err(TokenError);
        }
        let number = u64::from_str_radix(text, 16).map_err(|_| TokenError)?;
        Ok(Self(number.to_be_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_prints_a_secret() {
        let key = Key::from_octets(b"correct horse battery staple 123").expect("32 octets");
        let ring = KeyRing::new(key.clone(), Some(key.clone()));
        let said = format!("{key:?} {ring:?} {:?}", Authentication::Mac(ring.clone()));
        assert!(!said.contains("horse") && !said.contains("104"), "{said}");
        assert!(said.contains(&key.id().to_string()));
    }

    #[test]
    fn a_ring_that_is_replaced_is_replaced_for_all_who_hold_it() {
        let key = |octet| Key::from_octets(&[octet; 32]).expect("32 octets");
        let ring = KeyRing::new(key(1), None);
        let held = ring.clone();
        ring.replace(&KeyRing::new(key(2), Some(key(1))));
        assert_eq!(held.first(), key(2));
        assert_eq!(held.keys().collect::<Vec<_>>(), [key(2), key(1)]);
        // Equality is that of the secrets.
        assert_eq!(held, KeyRing::new(key(2), Some(key(1))));
        assert_ne!(held, KeyRing::new(key(2), None));
    }

    #[test]
    fn a_key_id_survives_its_text_form() {
        let key = Key::from_octets(&[7; 32]).expect("32 octets");
        assert_eq!(key.id().to_string().parse(), Ok(key.id()));
        assert!("0".parse::<KeyId>().is_err());
        assert!("0123456789ABCDEF".parse::<KeyId>().is_err());
        assert!("+123456789abcdef".parse::<KeyId>().is_err());
        assert_eq!(Key::from_octets(&[7; 31]), Err(KeyTooShort));
    }

    #[test]
    fn without_authentication_only_loopback_will_do() {
        let at = |text: &str| text.parse::<IpAddr>().expect("an address");
        for (address, local) in [
            ("127.0.0.1", true),
            ("127.9.9.9", true),
            ("::1", true),
            ("::ffff:127.0.0.1", true),
            ("0.0.0.0", false),
            ("::", false),
            ("10.0.0.1", false),
        ] {
            assert_eq!(Authentication::None.suffices_at(at(address)), local);
            assert!(Authentication::Connection.suffices_at(at(address)));
        }
    }
}
