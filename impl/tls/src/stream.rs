//! One connection, from the handshake to its end.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use portcullis_net::Connection;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::client;

use crate::accepting::Accepting;
use crate::endpoint::Endpoint;
use crate::failure::classified;
use crate::verify::names_of;

/// A connection of a [`Tls`](crate::Tls) network.
pub struct TlsStream<C: Connection> {
    state: State<C>,
    local: SocketAddr,
    peer: SocketAddr,
    /// What the endpoint needs for as long as it has connections.
    _keep: Option<Arc<dyn Send + Sync>>,
}

enum State<C: Connection> {
    /// Not TLS at all.
    Plain(C),
    /// The client's certificate has not been seen yet.
    Accepting(Box<Accepting<C>>),
    Open(Box<Open<C>>),
    /// The handshake came to nothing.
    Failed(io::ErrorKind),
}

/// An established TLS connection.
struct Open<C: Connection> {
    session: tokio_rustls::TlsStream<C>,
    /// The DNS names of the peer's certificate.
    names: Vec<String>,
    /// Whether the peer has said that it has nothing more to say.
    is_read_to_end: bool,
    is_shut: bool,
}

impl<C: Connection> TlsStream<C> {
    pub(crate) fn plain(stream: C) -> Self {
        let (local, peer) = (stream.local_addr(), stream.peer_addr());
        Self {
            state: State::Plain(stream),
            local,
            peer,
            _keep: None,
        }
    }

    pub(crate) fn opened(
        session: client::TlsStream<C>,
        (local, peer): (SocketAddr, SocketAddr),
        keep: Option<Arc<dyn Send + Sync>>,
    ) -> io::Result<Self> {
        Ok(Self {
            state: State::Open(Box::new(Open::new(session.into())?)),
            local,
            peer,
            _keep: keep,
        })
    }

    pub(crate) fn accepted(stream: C, endpoint: &Endpoint) -> Self {
        let (local, peer) = (stream.local_addr(), stream.peer_addr());
        let accepting = Accepting::new(stream, &endpoint.acceptor, endpoint.handshake_timer);
        Self {
            state: State::Accepting(Box::new(accepting)),
            local,
            peer,
            _keep: endpoint.keep.clone(),
        }
    }

    /// Whether what this stream carries is encrypted on its way.
    #[must_use]
    pub const fn is_tls(&self) -> bool {
        !matches!(self.state, State::Plain(_))
    }

    /// Takes the handshake as far as it goes.
    fn poll_established(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let State::Accepting(accepting) = &mut self.state else {
            return Poll::Ready(match self.state {
                State::Failed(kind) => Err(kind.into()),
                State::Plain(_) | State::Accepting(_) | State::Open(_) => Ok(()),
            });
        };
        let accepted = ready!(accepting.poll(cx));
        let opened = accepted.and_then(|session| Open::new(session.into()));
        match opened {
            Ok(open) => {
                self.state = State::Open(Box::new(open));
                Poll::Ready(Ok(()))
            }
            Err(error) => {
                self.state = State::Failed(error.kind());
                Poll::Ready(Err(error))
            }
        }
    }
}

impl<C: Connection> Open<C> {
    fn new(session: tokio_rustls::TlsStream<C>) -> io::Result<Self> {
        let certificates = session.get_ref().1.peer_certificates();
        // Who insists on a certificate has refused the peer without one in the handshake.
        let own = certificates.and_then(|chain| chain.first()).map(names_of);
        let names = own.unwrap_or_else(|| Ok(Vec::new()));
        let names = names.map_err(|_| io::Error::from(io::ErrorKind::PermissionDenied))?;
        Ok(Self {
            session,
            names,
            is_read_to_end: false,
            is_shut: false,
        })
    }

    /// Sends what the session still has to send, without waiting for it.
    fn push(&mut self, cx: &mut Context<'_>) {
        if self.session.get_ref().1.wants_write() {
            // Should it fail, reading will say so too.
            let (Poll::Ready(_) | Poll::Pending) = Pin::new(&mut self.session).poll_flush(cx);
        }
    }
}

impl<C: Connection> Connection for TlsStream<C> {
    fn local_addr(&self) -> SocketAddr {
        self.local
    }

    fn peer_addr(&self) -> SocketAddr {
        self.peer
    }

    fn peer_names(&self) -> Option<&[String]> {
        match &self.state {
            State::Open(open) => Some(&open.names),
            State::Plain(_) | State::Accepting(_) | State::Failed(_) => None,
        }
    }

    fn is_secure(&self) -> bool {
        self.is_tls()
    }

    async fn establish(&mut self) -> io::Result<()> {
        std::future::poll_fn(|cx| self.poll_established(cx)).await
    }
}

impl<C: Connection> AsyncRead for TlsStream<C> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_established(cx))?;
        match &mut self.state {
            State::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            State::Open(open) => {
                // What was written is on its way without being asked for, as with TCP.
                open.push(cx);
                let before = buf.remaining();
                let read = ready!(Pin::new(&mut open.session).poll_read(cx, buf));
                if read.is_ok() && before > 0 && buf.remaining() == before {
                    open.is_read_to_end = true;
                }
                Poll::Ready(read.map_err(classified))
            }
            State::Accepting(_) | State::Failed(_) => Poll::Ready(Err(failed())),
        }
    }
}

impl<C: Connection> AsyncWrite for TlsStream<C> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_established(cx))?;
        match &mut self.state {
            State::Plain(stream) => Pin::new(stream).poll_write(cx, octets),
            State::Open(open) => {
                let written = ready!(Pin::new(&mut open.session).poll_write(cx, octets));
                Poll::Ready(written.map_err(classified))
            }
            State::Accepting(_) | State::Failed(_) => Poll::Ready(Err(failed())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.state {
            State::Plain(stream) => Pin::new(stream).poll_flush(cx),
            State::Open(open) => Pin::new(&mut open.session)
                .poll_flush(cx)
                .map_err(classified),
            // Nothing was written.
            State::Accepting(_) | State::Failed(_) => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_established(cx))?;
        match &mut self.state {
            State::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            State::Open(open) => {
                open.is_shut = true;
                Pin::new(&mut open.session)
                    .poll_shutdown(cx)
                    .map_err(classified)
            }
            State::Accepting(_) | State::Failed(_) => Poll::Ready(Err(failed())),
        }
    }
}

impl<C: Connection> Drop for TlsStream<C> {
    fn drop(&mut self) {
        // TCP's answer to a dropped stream is FIN. Where the peer has ended its direction properly,
        // it is told that this one ends properly too; anything else is a cut, and must look so.
        if let State::Open(open) = &mut self.state
            && open.is_read_to_end
            && !open.is_shut
        {
            let mut cx = Context::from_waker(Waker::noop());
            let (Poll::Ready(_) | Poll::Pending) =
                Pin::new(&mut open.session).poll_shutdown(&mut cx);
        }
    }
}

impl<C: Connection> fmt::Debug for TlsStream<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Plain(_) => "plain",
            State::Accepting(_) => "handshake",
            State::Open(_) => "open",
            State::Failed(_) => "failed",
        };
        write!(f, "TlsStream({} to {}, {state})", self.local, self.peer)
    }
}

fn failed() -> io::Error {
    io::ErrorKind::NotConnected.into()
}
