//! A network in memory.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use portcullis_net::{Connection, Listener, Net, Spawner};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::sync::mpsc;

use crate::way::Way;

/// A host to which no packet comes.
pub(crate) const UNREACHABLE: &str = "unreachable";

/// The network of all hosts, which are told apart by the ports that they listen on.
#[derive(Clone, Default)]
pub(crate) struct Wires {
    state: Arc<Mutex<State>>,
    /// What all connections go through.
    pub(crate) way: Way,
}

#[derive(Default)]
struct State {
    listeners: BTreeMap<u16, mpsc::Sender<MemoryStream>>,
    opened: u16,
}

impl Wires {
    /// How many connections were opened.
    pub(crate) fn opened(&self) -> u16 {
        self.lock().opened
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn address(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

impl Net for Wires {
    type Stream = MemoryStream;
    type Listener = MemoryListener;

    async fn bind(&self, port: u16) -> io::Result<MemoryListener> {
        let (sender, incoming) = mpsc::channel(64);
        self.lock().listeners.insert(port, sender);
        let local = address(port);
        Ok(MemoryListener { incoming, local })
    }

    async fn connect(&self, name: &str, port: u16) -> io::Result<MemoryStream> {
        if name == UNREACHABLE {
            std::future::pending::<()>().await;
        }
        let (listener, local) = {
            let mut state = self.lock();
            let listener = state.listeners.get(&port).cloned();
            let listener = listener.ok_or(io::ErrorKind::ConnectionRefused)?;
            state.opened += 1;
            (listener, address(50_000 + state.opened))
        };
        let peer = address(port);
        let [(opener, near), (far, acceptor)] = [(); 2].map(|()| tokio::io::duplex(64 * 1024));
        let acceptor = MemoryStream {
            pipe: acceptor,
            local: peer,
            peer: local,
        };
        listener
            .send(acceptor)
            .await
            .map_err(|_| io::ErrorKind::ConnectionRefused)?;
        Spawner::tokio().spawn(self.way.clone().relay(near, far));
        let pipe = opener;
        Ok(MemoryStream { pipe, local, peer })
    }
}

/// A bound port.
pub(crate) struct MemoryListener {
    incoming: mpsc::Receiver<MemoryStream>,
    local: SocketAddr,
}

impl Listener for MemoryListener {
    type Stream = MemoryStream;

    async fn accept(&mut self) -> io::Result<(MemoryStream, SocketAddr)> {
        let stream = self.incoming.recv().await;
        let stream = stream.ok_or(io::ErrorKind::NotConnected)?;
        let peer = stream.peer;
        Ok((stream, peer))
    }

    fn local_addr(&self) -> SocketAddr {
        self.local
    }
}

/// One end of a connection.
pub(crate) struct MemoryStream {
    pipe: DuplexStream,
    local: SocketAddr,
    peer: SocketAddr,
}

impl Connection for MemoryStream {
    fn local_addr(&self) -> SocketAddr {
        self.local
    }

    fn peer_addr(&self) -> SocketAddr {
        self.peer
    }
}

impl AsyncRead for MemoryStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_read(cx, buf)
    }
}

impl AsyncWrite for MemoryStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.pipe).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_shutdown(cx)
    }
}
