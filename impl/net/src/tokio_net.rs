//! The operating system's TCP as a [`Net`].

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, lookup_host};

use crate::{Connection, Listener, Net};

/// Real sockets: listens on one address, connects by name through the system's resolver.
#[derive(Clone, Debug)]
pub struct TokioNet {
    address: IpAddr,
}

impl TokioNet {
    /// A network whose listeners are bound to `address`.
    #[must_use]
    pub const fn new(address: IpAddr) -> Self {
        Self { address }
    }
}

impl Net for TokioNet {
    type Stream = TokioStream;
    type Listener = TokioListener;

    async fn bind(&self, port: u16) -> io::Result<TokioListener> {
        let socket = TcpListener::bind(SocketAddr::new(self.address, port)).await?;
        let address = socket.local_addr()?;
        Ok(TokioListener { socket, address })
    }

    async fn connect(&self, name: &str, port: u16) -> io::Result<TokioStream> {
        // What the system says of a name that it cannot resolve has no kind of its own.
        let unknown = |error| io::Error::new(io::ErrorKind::NotFound, error);
        let places = lookup_host((name, port)).await.map_err(unknown)?;
        let places: Vec<SocketAddr> = places.collect();
        let socket = TcpStream::connect(places.as_slice()).await?;
        let (local, peer) = (socket.local_addr()?, socket.peer_addr()?);
        TokioStream::new(socket, local, peer)
    }
}

/// A bound operating-system socket.
#[derive(Debug)]
pub struct TokioListener {
    socket: TcpListener,
    address: SocketAddr,
}

impl Listener for TokioListener {
    type Stream = TokioStream;

    async fn accept(&mut self) -> io::Result<(TokioStream, SocketAddr)> {
        let (socket, peer) = self.socket.accept().await?;
        let local = socket.local_addr()?;
        Ok((TokioStream::new(socket, local, peer)?, peer))
    }

    fn local_addr(&self) -> SocketAddr {
        self.address
    }
}

/// An operating-system connection, with Nagle's algorithm off: a message is one write.
#[derive(Debug)]
pub struct TokioStream {
    socket: TcpStream,
    local: SocketAddr,
    peer: SocketAddr,
}

impl TokioStream {
    fn new(socket: TcpStream, local: SocketAddr, peer: SocketAddr) -> io::Result<Self> {
        socket.set_nodelay(true)?;
        Ok(Self {
            socket,
            local,
            peer,
        })
    }
}

impl Connection for TokioStream {
    fn local_addr(&self) -> SocketAddr {
        self.local
    }

    fn peer_addr(&self) -> SocketAddr {
        self.peer
    }
}

impl AsyncRead for TokioStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buf)
    }
}

impl AsyncWrite for TokioStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
