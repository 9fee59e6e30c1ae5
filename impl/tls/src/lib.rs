//! Mutual TLS 1.3 as an adapter around any network. ET-72
//!
//! [`Tls`] takes a [`Net`](portcullis_net::Net) and is one: protocol code above it cannot tell the
//! difference, except that the streams tell the DNS names of the peer's certificate
//! ([`Connection::peer_names`]). Both sides show a certificate, and each checks the other's: its
//! chain up to one of the trusted authorities, the time by the host's own wall clock, key usages
//! and name constraints. Which *name* the certificate must have is for the caller to compare: what
//! counts is who answers, not the address that was dialled.
//!
//! Errors are of the kinds that protocol code classifies: `PermissionDenied` when one side did not
//! accept the other's certificate, `InvalidData` when the peer does not speak TLS 1.3,
//! `UnexpectedEof` for an end without `close_notify`, and those of the network below.
//!
//! A client learns whether its certificate was accepted when it first reads: TLS 1.3 lets it send
//! before the server has judged. What it sent is lost with the connection then, never processed.
//!
//! # Module map
//! - net ([`Tls`], [`Reach`], [`TlsListener`]): the adapter. stream ([`TlsStream`]): a connection;
//!   accepting: its handshake at the acceptor. failure: errors.
//! - identity ([`Identity`]): certificates and keys from PEM. endpoint ([`Endpoint`]): the rules of
//!   every session. verify: what is checked of a certificate.
//! - [`simulated`]: certificates and randomness from a seed.
//!
//! [`Connection::peer_names`]: portcullis_net::Connection::peer_names
//!
//! # Example: two hosts prove their names to each other
//! ```
//! use portcullis_net::{Connection, Host, Listener, Net, Randomness};
//! use portcullis_tls::{Endpoint, Tls, simulated::Authority};
//! use std::net::Ipv4Addr;
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! # let now = Host::real("here", Ipv4Addr::LOCALHOST.into()).wall.now();
//! // Real hosts read theirs with `Identity::from_pem_files`.
//! let year = now..now + std::time::Duration::from_secs(365 * 24 * 3600);
//! let authority = Authority::new("authority", year.clone(), &Randomness::from_os());
//! let host = |name: &str| {
//!     let identity = authority.issue(name, year.clone(), &authority);
//!     let host = Host::real(name, Ipv4Addr::LOCALHOST.into());
//!     let endpoint = Endpoint::new(&identity, host.wall.clone());
//!     endpoint.map(|endpoint| host.map_net(|net| Tls::new(net, endpoint)))
//! };
//! let (dev, prod) = (host("dev")?, host("prod")?);
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let mut listener = prod.net.bind(0).await?;
//! let port = listener.local_addr().port();
//! prod.spawner.spawn(async move {
//!     if let Ok((mut stream, _)) = listener.accept().await
//!         && stream.establish().await.is_ok()
//!         && stream.peer_names() == Some(&["dev".to_owned()])
//!     {
//!         stream.write_all(b"welcome, dev").await.ok();
//!         stream.shutdown().await.ok();
//!     }
//! });
//! // The certificate says who answered, whatever address led there.
//! let mut stream = dev.net.connect("127.0.0.1", port).await?;
//! assert_eq!(stream.peer_names(), Some(&["prod".to_owned()][..]));
//! let mut heard = String::new();
//! stream.read_to_string(&mut heard).await?;
//! assert_eq!(heard, "welcome, dev");
//! # std::io::Result::Ok(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![deny(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::expect_used,
    clippy::arithmetic_side_effects,
    clippy::as_conversions
)]

mod accepting;
mod endpoint;
mod failure;
mod identity;
mod net;
pub mod simulated;
mod stream;
mod verify;

pub use endpoint::Endpoint;
pub use identity::{Authorities, Identity, IdentityError, IdentityProblem};
pub use net::{Reach, Tls, TlsListener};
pub use stream::TlsStream;
