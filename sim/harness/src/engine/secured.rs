//! TLS between hosts that are ours, and what is said inside it.

use std::fmt;
use std::io;
use std::net::{SocketAddr, SocketAddrV4};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use portcullis_net::{Connection, Host, Listener, Net};
use portcullis_network::Way;
use portcullis_tls::{Identity, IdentityError, Reach, Tls, TlsListener, TlsStream, simulated};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::door::Door;
use super::net::{SimListener, SimNet, SimStream};
use super::spec::Node;
use super::tap::Ends;

impl Node {
    /// The same host speaking TLS as `identity` within `reach`, or as it is without an identity.
    ///
    /// What it says and hears inside TLS is read at this end
    /// ([`Source::Endpoint`](portcullis_reports::Source::Endpoint)); the secrets of its sessions
    /// are kept with the run.
    ///
    /// # Errors
    /// When the identity cannot be used.
    pub fn secured(
        &self,
        identity: Option<(&Identity, Reach)>,
    ) -> Result<Host<SecuredNet>, IdentityError> {
        let host = self.host.clone();
        let door = host.net.door().clone();
        let Some((identity, reach)) = identity else {
            return Ok(host.map_net(|net| SecuredNet {
                tls: Tls::off(net),
                door,
            }));
        };
        let recorder = self.recorder.clone();
        let keys: simulated::KeySink = Arc::new(move |line| recorder.secret(line));
        let random = host.random.fork("tls");
        let endpoint = simulated::endpoint(identity, host.wall.clone(), &random, keys)?;
        Ok(host.map_net(|net| SecuredNet {
            tls: Tls::new(net, endpoint).within(reach),
            door,
        }))
    }
}

/// The simulated network as seen from a host that may speak TLS; see [`Node::secured`].
#[derive(Clone)]
pub struct SecuredNet {
    tls: Tls<SimNet>,
    door: Door,
}

impl Net for SecuredNet {
    type Stream = SecuredStream;
    type Listener = SecuredListener;

    async fn bind(&self, port: u16) -> io::Result<SecuredListener> {
        Ok(SecuredListener {
            inner: self.tls.bind(port).await?,
            door: self.door.clone(),
        })
    }

    async fn connect(&self, name: &str, port: u16) -> io::Result<SecuredStream> {
        let stream = self.tls.connect(name, port).await?;
        Ok(SecuredStream::new(stream, &self.door))
    }
}

impl fmt::Debug for SecuredNet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecuredNet({:?})", self.tls)
    }
}

/// A bound port of a [`SecuredNet`].
pub struct SecuredListener {
    inner: TlsListener<SimListener>,
    door: Door,
}

impl Listener for SecuredListener {
    type Stream = SecuredStream;

    async fn accept(&mut self) -> io::Result<(SecuredStream, SocketAddr)> {
        let (stream, peer) = self.inner.accept().await?;
        Ok((SecuredStream::new(stream, &self.door), peer))
    }

    fn local_addr(&self) -> SocketAddr {
        self.inner.local_addr()
    }
}

impl fmt::Debug for SecuredListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecuredListener({})", self.local_addr())
    }
}

/// One connection of a [`SecuredNet`].
pub struct SecuredStream {
    inner: TlsStream<SimStream>,
    /// Where what passes inside TLS is told.
    ear: Option<(Door, Ends)>,
}

impl SecuredStream {
    fn new(inner: TlsStream<SimStream>, door: &Door) -> Self {
        let ends = v4(inner.local_addr()).zip(v4(inner.peer_addr()));
        let ends = ends.filter(|_| inner.is_tls());
        let ear = ends.map(|(local, remote)| (door.clone(), Ends { local, remote }));
        Self { inner, ear }
    }

    fn overhear(&self, way: Way, octets: &[u8]) {
        if let Some((door, ends)) = &self.ear
            && !octets.is_empty()
        {
            door.overhear(*ends, way, octets);
        }
    }
}

const fn v4(address: SocketAddr) -> Option<SocketAddrV4> {
    match address {
        SocketAddr::V4(address) => Some(address),
        // The simulated network has none.
        SocketAddr::V6(_) => None,
    }
}

impl Connection for SecuredStream {
    fn local_addr(&self) -> SocketAddr {
        self.inner.local_addr()
    }

    fn peer_addr(&self) -> SocketAddr {
        self.inner.peer_addr()
    }

    fn peer_names(&self) -> Option<&[String]> {
        self.inner.peer_names()
    }

    fn is_secure(&self) -> bool {
        self.inner.is_secure()
    }

    async fn establish(&mut self) -> io::Result<()> {
        self.inner.establish().await
    }
}

impl AsyncRead for SecuredStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        self.overhear(Way::Received, &buf.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for SecuredStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.inner).poll_write(cx, octets))?;
        self.overhear(Way::Sent, &octets[..written]);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

impl fmt::Debug for SecuredStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secured{:?}", self.inner)
    }
}
