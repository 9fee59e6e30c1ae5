//! A network on which nobody comes.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use portcullis_net::{Connection, Listener, Net};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The network: every port is free and no connection is ever made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QuietNet;

impl Net for QuietNet {
    type Stream = NoStream;
    type Listener = QuietListener;

    async fn bind(&self, port: u16) -> io::Result<QuietListener> {
        Ok(QuietListener(port))
    }

    async fn connect(&self, _: &str, _: u16) -> io::Result<NoStream> {
        Err(io::ErrorKind::ConnectionRefused.into())
    }
}

/// A port on which nobody calls.
#[derive(Debug)]
pub(crate) struct QuietListener(u16);

impl Listener for QuietListener {
    type Stream = NoStream;

    async fn accept(&mut self) -> io::Result<(NoStream, SocketAddr)> {
        std::future::pending().await
    }

    fn local_addr(&self) -> SocketAddr {
        SocketAddr::new(Ipv4Addr::LOCALHOST.into(), self.0)
    }
}

/// A connection that does not exist.
#[derive(Debug)]
pub(crate) enum NoStream {}

impl Connection for NoStream {
    fn local_addr(&self) -> SocketAddr {
        match *self {}
    }

    fn peer_addr(&self) -> SocketAddr {
        match *self {}
    }
}

impl AsyncRead for NoStream {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match *self {}
    }
}

impl AsyncWrite for NoStream {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        match *self {}
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match *self {}
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match *self {}
    }
}
