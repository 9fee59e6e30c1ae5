//! ring's cryptography with the randomness of a run.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use portcullis_net::Randomness;
use rustls::crypto::ring::sign::any_eddsa_type;
use rustls::crypto::{
    ActiveKeyExchange, CryptoProvider, GetRandomFailed, KeyProvider, SecureRandom, SharedSecret,
    SupportedKxGroup, ring,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::SigningKey;
use rustls::{Error, NamedGroup, PeerMisbehaved};
use x25519_dalek::{X25519_BASEPOINT_BYTES, x25519};

/// Sources that no endpoint uses at the moment.
///
/// rustls wants its sources to live for ever, and runs come by the million. So a source is made
/// once, lent to one endpoint after the other, and there are never more than were used at a time.
static IDLE: Mutex<Vec<&'static Source>> = Mutex::new(Vec::new());

/// One endpoint's source of randomness, given back when the endpoint and its connections are gone.
pub(super) struct Slot(&'static Source);

/// Randomness of a run, for as long as an endpoint of the run has it.
pub(super) struct Source(Mutex<Option<Randomness>>);

impl Slot {
    /// A source that draws from `random` alone.
    pub(super) fn take(random: &Randomness) -> Self {
        let idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let source = idle.unwrap_or_else(|| Box::leak(Box::new(Source(Mutex::new(None)))));
        source.lend(Some(random.clone()));
        Self(source)
    }

    /// TLS 1.3 with ring's ciphers, X25519 and Ed25519.
    pub(super) fn provider(&self) -> CryptoProvider {
        CryptoProvider {
            kx_groups: vec![self.0],
            secure_random: self.0,
            key_provider: &Ed25519Only,
            ..ring::default_provider()
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.lend(None);
        let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push(self.0);
    }
}

impl Source {
    fn lend(&self, random: Option<Randomness>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = random;
    }

    fn draw(&self, octets: &mut [u8]) -> Result<(), GetRandomFailed> {
        let random = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let random = random.as_ref().ok_or(GetRandomFailed)?;
        fill(random, octets);
        Ok(())
    }
}

/// Fills `octets` from `random`.
pub(super) fn fill(random: &Randomness, octets: &mut [u8]) {
    for chunk in octets.chunks_mut(8) {
        let drawn = random.next_u64().to_le_bytes();
        for (octet, drawn) in chunk.iter_mut().zip(drawn) {
            *octet = drawn;
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source")
    }
}

impl SecureRandom for Source {
    fn fill(&self, octets: &mut [u8]) -> Result<(), GetRandomFailed> {
        self.draw(octets)
    }
}

impl SupportedKxGroup for Source {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let mut secret = [0; 32];
        self.draw(&mut secret)?;
        let public = x25519(secret, X25519_BASEPOINT_BYTES);
        Ok(Box::new(KeyExchange { secret, public }))
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

/// Half of a key agreement on Curve25519.
struct KeyExchange {
    secret: [u8; 32],
    public: [u8; 32],
}

impl ActiveKeyExchange for KeyExchange {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        let peer = <[u8; 32]>::try_from(peer).map_err(|_| PeerMisbehaved::InvalidKeyShare)?;
        let shared = x25519(self.secret, peer);
        // RFC 8446, section 7.4.2: a share of small order decides the secret alone.
        if shared == [0; 32] {
            return Err(PeerMisbehaved::InvalidKeyShare.into());
        }
        Ok(SharedSecret::from(shared.as_slice()))
    }

    fn pub_key(&self) -> &[u8] {
        &self.public
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

/// Loads the keys whose signatures depend on key and message alone.
#[derive(Debug)]
struct Ed25519Only;

impl KeyProvider for Ed25519Only {
    fn load_private_key(&self, key: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, Error> {
        let PrivateKeyDer::Pkcs8(key) = &key else {
            return Err(Error::General("not an Ed25519 key".to_owned()));
        };
        any_eddsa_type(key)
    }
}
