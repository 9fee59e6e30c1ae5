//! The adapter: a network whose connections are TLS.

use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use portcullis_net::{Connection, Listener, Net};
use rustls::pki_types::ServerName;

use crate::endpoint::Endpoint;
use crate::failure::classified_opening;
use crate::stream::TlsStream;

/// Mutual TLS 1.3 over the network `N`, on all connections or on some.
///
/// The streams behave as TCP's do: shutting down the write half sends `close_notify` and FIN and
/// leaves the other direction open. A FIN without `close_notify` is `UnexpectedEof` to the reader,
/// so that nobody on the path can pass a cut for an end (ET-28); an RST is `ConnectionReset`.
#[derive(Clone, Debug)]
pub struct Tls<N> {
    net: N,
    endpoint: Option<Endpoint>,
    reach: Arc<Reach>,
}

/// Which connections of a host are TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// All of them.
    #[default]
    Everything,
    /// Those that are named; others pass as they are.
    Only {
        /// The ports on which TLS is spoken.
        listens: BTreeSet<u16>,
        /// The places, host and port, to which TLS is spoken.
        opens: BTreeSet<(String, u16)>,
    },
}

impl<N> Tls<N> {
    /// Every connection of `net` as a TLS connection of `endpoint`.
    pub fn new(net: N, endpoint: Endpoint) -> Self {
        Self {
            net,
            endpoint: Some(endpoint),
            reach: Arc::new(Reach::Everything),
        }
    }

    /// The same network as it is, for hosts that may speak TLS and do not.
    pub fn off(net: N) -> Self {
        Self {
            net,
            endpoint: None,
            reach: Arc::new(Reach::Everything),
        }
    }

    /// The same with TLS within `reach` only.
    #[must_use]
    pub fn within(mut self, reach: Reach) -> Self {
        self.reach = Arc::new(reach);
        self
    }
}

impl Reach {
    fn listens(&self, port: u16) -> bool {
        match self {
            Self::Everything => true,
            Self::Only { listens, .. } => listens.contains(&port),
        }
    }

    fn opens(&self, name: &str, port: u16) -> bool {
        match self {
            Self::Everything => true,
            Self::Only { opens, .. } => {
                opens.iter().any(|(other, at)| other == name && *at == port)
            }
        }
    }
}

impl<N: Net> Net for Tls<N> {
    type Stream = TlsStream<N::Stream>;
    type Listener = TlsListener<N::Listener>;

    async fn bind(&self, port: u16) -> io::Result<Self::Listener> {
        let inner = self.net.bind(port).await?;
        let endpoint = self.endpoint.clone().filter(|_| self.reach.listens(port));
        Ok(TlsListener { inner, endpoint })
    }

    async fn connect(&self, name: &str, port: u16) -> io::Result<Self::Stream> {
        let stream = self.net.connect(name, port).await?;
        let Some(endpoint) = &self.endpoint else {
            return Ok(TlsStream::plain(stream));
        };
        if !self.reach.opens(name, port) {
            return Ok(TlsStream::plain(stream));
        }
        let ends = (stream.local_addr(), stream.peer_addr());
        // Not sent, and not what the certificate is compared with: see `AnyName`.
        let nobody = ServerName::from(Ipv4Addr::UNSPECIFIED);
        let session = endpoint.connector.connect(nobody, stream);
        let session = session.await.map_err(classified_opening)?;
        TlsStream::opened(session, ends, endpoint.keep.clone())
    }
}

/// A bound port of a [`Tls`] network.
///
/// Accepting does not wait for the handshake: the accepted stream makes it when it is first read or
/// written, or in [`Connection::establish`]. So a client that stays silent holds up nobody but
/// itself, counts among the accepted connections, and is given up after the endpoint's timer.
#[derive(Debug)]
pub struct TlsListener<L> {
    inner: L,
    endpoint: Option<Endpoint>,
}

impl<L: Listener> Listener for TlsListener<L> {
    type Stream = TlsStream<L::Stream>;

    async fn accept(&mut self) -> io::Result<(Self::Stream, SocketAddr)> {
        // Nothing is awaited after the connection is there, so none is lost.
        let (stream, peer) = self.inner.accept().await?;
        let stream = match &self.endpoint {
            Some(endpoint) => TlsStream::accepted(stream, endpoint),
            None => TlsStream::plain(stream),
        };
        Ok((stream, peer))
    }

    fn local_addr(&self) -> SocketAddr {
        self.inner.local_addr()
    }
}
