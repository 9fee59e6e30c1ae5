//! The network as three functions: bind, connect, accept.

use std::future::Future;
use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncWrite};

/// A network as one host sees it.
///
/// Errors are the `io::Error` kinds that real sockets give, so that protocol code can classify them
/// once (ET-78): `ConnectionRefused`, `TimedOut`, `HostUnreachable`, `NetworkUnreachable`,
/// `ConnectionReset`, `AddrInUse`, `AddrNotAvailable`.
pub trait Net: Clone + Send + Sync + 'static {
    /// One established connection.
    type Stream: Connection;
    /// One bound port.
    type Listener: Listener<Stream = Self::Stream>;

    /// Starts to listen on `port` of this host; port 0 lets the host choose.
    ///
    /// # Errors
    /// `AddrInUse` when another socket of this host holds the port, `AddrNotAvailable` or
    /// `PermissionDenied` when the host may not use it.
    fn bind(&self, port: u16) -> impl Future<Output = io::Result<Self::Listener>> + Send;

    /// Opens a connection to the host called `name` from a port that this host assigns (ET-10).
    ///
    /// Has no timer of its own beyond the host's TCP: the caller bounds it (ET-59).
    ///
    /// # Errors
    /// The kinds listed on the trait, and `NotFound` when the name is unknown. With a
    /// [`HandshakeError`](crate::HandshakeError) in it when there was a connection and no secure
    /// one over it.
    fn connect(
        &self,
        name: &str,
        port: u16,
    ) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

/// A stream of bytes that knows both of its ends.
///
/// Shutting down the write half sends FIN; dropping the stream closes it, with RST when unread data
/// is left, as an operating system does.
pub trait Connection: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// This end: for the opener, the address with the dynamic port.
    fn local_addr(&self) -> SocketAddr;
    /// The other end. Never an identity: ET-11.
    fn peer_addr(&self) -> SocketAddr;

    /// The names that the peer has proven to have, such as the DNS names of its certificate; `None`
    /// where the connection proves nothing. ET-72
    ///
    /// On an accepted connection they are known once [`Connection::establish`] has returned.
    fn peer_names(&self) -> Option<&[String]> {
        None
    }

    /// Whether what is said cannot be read or changed on its way.
    fn is_secure(&self) -> bool {
        false
    }

    /// Completes what an accepted connection still has to agree on below the protocol, such as a
    /// TLS handshake. Reading and writing do so by themselves; who asks for
    /// [`Connection::peer_names`] before reading calls this first.
    ///
    /// # Errors
    /// Why the connection did not come about: `PermissionDenied` when one side does not accept the
    /// other's credential, `TimedOut` when the peer is too slow.
    fn establish(&mut self) -> impl Future<Output = io::Result<()>> + Send {
        std::future::ready(Ok(()))
    }
}

/// A bound port that yields connections in the order in which they were established.
pub trait Listener: Send + 'static {
    /// What [`Listener::accept`] yields.
    type Stream: Connection;

    /// Waits for the next connection.
    ///
    /// Cancel-safe: a connection is never lost when the future is dropped.
    ///
    /// # Errors
    /// Those of the host's TCP. An error concerns one connection attempt; the listener stays
    /// usable.
    fn accept(&mut self) -> impl Future<Output = io::Result<(Self::Stream, SocketAddr)>> + Send;

    /// The bound address, with the chosen port when 0 was asked for.
    fn local_addr(&self) -> SocketAddr;
}
