//! A network in memory, with the faults that a protocol test needs.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use portcullis_net::{Connection, Listener, Net};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::sync::mpsc;

/// What happens to connections to one port of one host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The handshake is never answered.
    Drop,
    /// The reply never reaches the opener; the request arrives.
    LoseReply,
}

/// All hosts, and what is wrong between them.
#[derive(Clone, Default)]
pub(crate) struct Wires(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    listeners: BTreeMap<(String, u16), mpsc::Sender<MemoryStream>>,
    addresses: Vec<String>,
    faults: BTreeMap<(String, u16), (Fault, usize)>,
    opened: Vec<(String, u16)>,
    next_port: u16,
    /// What the connections of each host prove.
    names: BTreeMap<String, Vec<String>>,
}

impl Wires {
    /// The next `times` connections to `port` of `host` meet `fault`.
    pub(crate) fn break_next(&self, host: &str, port: u16, fault: Fault, times: usize) {
        self.lock()
            .faults
            .insert((host.to_owned(), port), (fault, times));
    }

    /// Everything works from now on.
    pub(crate) fn heal(&self) {
        self.lock().faults.clear();
    }

    /// From now on the connections of `host` prove that it has `names`.
    pub(crate) fn prove(&self, host: &str, names: &[&str]) {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        self.lock().names.insert(host.to_owned(), names);
    }

    /// How many connections to `port` of `host` were attempted.
    pub(crate) fn attempts(&self, host: &str, port: u16) -> usize {
        let opened = &self.lock().opened;
        opened
            .iter()
            .filter(|(to, at)| to == host && *at == port)
            .count()
    }

    /// The network as seen from the host called `name`.
    pub(crate) fn of(&self, name: &str) -> MemoryNet {
        MemoryNet {
            wires: self.clone(),
            name: name.to_owned(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn address(&mut self, name: &str) -> IpAddr {
        let known = self.addresses.iter().position(|known| known == name);
        let index = known.unwrap_or_else(|| {
            self.addresses.push(name.to_owned());
            self.addresses.len() - 1
        });
        Ipv4Addr::new(10, 0, 0, u8::try_from(index + 1).unwrap()).into()
    }
}

/// One host's view.
#[derive(Clone)]
pub(crate) struct MemoryNet {
    wires: Wires,
    name: String,
}

impl Net for MemoryNet {
    type Stream = MemoryStream;
    type Listener = MemoryListener;

    async fn bind(&self, port: u16) -> io::Result<MemoryListener> {
        let (sender, incoming) = mpsc::channel(64);
        let mut state = self.wires.lock();
        let local = SocketAddr::new(state.address(&self.name), port);
        let key = (self.name.clone(), port);
        if state
            .listeners
            .get(&key)
            .is_some_and(|listener| !listener.is_closed())
        {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        state.listeners.insert(key, sender);
        Ok(MemoryListener { incoming, local })
    }

    async fn connect(&self, name: &str, port: u16) -> io::Result<MemoryStream> {
        let (here, there, fault, listener, names) = {
            let mut state = self.wires.lock();
            let key = (name.to_owned(), port);
            state.opened.push(key.clone());
            state.next_port += 1;
            let here = SocketAddr::new(state.address(&self.name), 49_151 + state.next_port);
            let there = SocketAddr::new(state.address(name), port);
            let fault = match state.faults.get_mut(&key) {
                Some((fault, times)) if *times > 0 => {
                    *times -= 1;
                    Some(*fault)
                }
                _ => None,
            };
            let names = [&self.name, &key.0].map(|host| state.names.get(host).cloned());
            let listener = state.listeners.get(&key).cloned();
            (here, there, fault, listener, names)
        };
        if fault == Some(Fault::Drop) {
            std::future::pending::<()>().await;
        }
        let listener = listener.ok_or(io::ErrorKind::ConnectionRefused)?;
        let (opener, acceptor) = tokio::io::duplex(64 * 1024);
        let deaf = fault == Some(Fault::LoseReply);
        let [ours, theirs] = names;
        let acceptor = MemoryStream {
            pipe: acceptor,
            local: there,
            peer: here,
            names: ours,
            deaf: false,
        };
        listener
            .send(acceptor)
            .await
            .map_err(|_| io::ErrorKind::ConnectionRefused)?;
        Ok(MemoryStream {
            pipe: opener,
            local: here,
            peer: there,
            names: theirs,
            deaf,
        })
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
        let stream = self
            .incoming
            .recv()
            .await
            .ok_or(io::ErrorKind::NotConnected)?;
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
    /// What the peer has proven to be called.
    names: Option<Vec<String>>,
    deaf: bool,
}

impl Connection for MemoryStream {
    fn local_addr(&self) -> SocketAddr {
        self.local
    }

    fn peer_addr(&self) -> SocketAddr {
        self.peer
    }

    fn peer_names(&self) -> Option<&[String]> {
        self.names.as_deref()
    }
}

impl AsyncRead for MemoryStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.deaf {
            return Poll::Pending;
        }
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
