//! TLS for simulated hosts: the same octets for the same seed.
//!
//! **Nothing here is secret.** Keys, nonces and key shares come from a run's [`Randomness`], which
//! the seed tells, so that a run can be repeated bit for bit. Everything else is what real hosts
//! use. Only Ed25519 keys are accepted, because the other signatures draw randomness that no
//! provider of ring's lets us choose.
//!
//! [`Randomness`]: portcullis_net::Randomness

mod authority;
mod provider;

use std::fmt;
use std::sync::Arc;

use portcullis_net::{Randomness, WallClock};
use rustls::KeyLog;

use crate::endpoint::{Clients, Endpoint};
use crate::identity::{Identity, IdentityError};

pub use authority::Authority;

/// Where the secrets of sessions go, one line each in the format of `SSLKEYLOGFILE`.
pub type KeySink = Arc<dyn Fn(&str) + Send + Sync>;

/// The endpoint of a simulated host, which draws from `random` and tells `keys` its sessions'
/// secrets, so that captures of a run can be read.
///
/// # Errors
/// When the identity's certificates or key cannot be used, or the key is not an Ed25519 key.
pub fn endpoint(
    identity: &Identity,
    wall: WallClock,
    random: &Randomness,
    keys: KeySink,
) -> Result<Endpoint, IdentityError> {
    let slot = provider::Slot::take(random);
    let made = slot.provider();
    let endpoint = Endpoint::with(
        identity,
        wall,
        Arc::new(made),
        Clients::Proven,
        Some(Arc::new(Told(keys))),
    )?;
    Ok(Endpoint {
        keep: Some(Arc::new(slot)),
        ..endpoint
    })
}

/// rustls's secrets as lines.
struct Told(KeySink);

impl KeyLog for Told {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        (self.0)(&format!("{label} {} {}", hex(client_random), hex(secret)));
    }
}

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeySink")
    }
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
