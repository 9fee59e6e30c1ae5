//! The seam between protocol code and the world.
//!
//! A protocol implementation reaches everything that is not pure computation through the [`Host`]
//! it was constructed with: the network ([`Net`]), the wall clock ([`WallClock`]), randomness
//! ([`Randomness`]) and the right to start tasks ([`Spawner`]). Monotonic time is `tokio::time`,
//! which a simulation pauses. With [`Host::real`] these are the operating system's; a simulated
//! host fills the same struct from the run's seed, and the protocol code cannot tell.
//!
//! # Module map
//! - [`Net`], [`Listener`], [`Connection`]: open and accept byte streams.
//! - [`HandshakeError`]: why a secure connection did not come about.
//! - [`TokioNet`]: the operating system's TCP.
//! - [`Host`]: one host's identity and its four handles.
//! - [`WallClock`], [`Randomness`], [`Spawner`]: the handles.
//! - [`Tasks`]: the tasks of one service, which end with it.
//!
//! # Example: the same function runs over any network
//! ```
//! use portcullis_net::{Host, Listener, Net};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! async fn greet<N: Net>(host: &Host<N>, port: u16) -> std::io::Result<String> {
//!     let mut listener = host.net.bind(port).await?;
//!     let port = listener.local_addr().port();
//!     host.spawner.spawn(async move {
//!         if let Ok((mut stream, _peer)) = listener.accept().await {
//!             stream.write_all(b"hello").await.ok();
//!         }
//!     });
//!     let mut heard = String::new();
//!     host.net.connect("localhost", port).await?.read_to_string(&mut heard).await?;
//!     Ok(heard)
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let host = Host::real("here", std::net::Ipv4Addr::LOCALHOST.into());
//! assert_eq!(greet(&host, 0).await?, "hello");
//! # std::io::Result::Ok(())
//! # })?;
//! # Ok::<(), std::io::Error>(())
//! ```

mod handshake;
mod host;
mod random;
mod spawner;
mod stream;
mod tasks;
mod tokio_net;
mod wall;

pub use handshake::{HandshakeError, Objection};
pub use host::Host;
pub use random::Randomness;
pub use spawner::{Spawn, Spawner};
pub use stream::{Connection, Listener, Net};
pub use tasks::Tasks;
pub use tokio_net::{TokioListener, TokioNet, TokioStream};
pub use wall::WallClock;
