//! The simulated network as a host's code sees it: a [`Net`] over the host's TCP stack.

use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use portcullis_net::{Connection, Listener, Net};
use portcullis_network::{ListenerId, SocketError, SocketId, middlebox_address};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::door::Door;
use super::outcome::EngineError;
use super::spec::Topology;

/// How many connections wait to be accepted at most on a host that nothing else is said of; what
/// comes beyond is answered by the host's profile. As large as Linux's `SOMAXCONN` since 5.4.
pub const BACKLOG: usize = 4096;

/// The names of a run's hosts and of its NATs, and their addresses.
#[derive(Debug)]
pub(crate) struct Names {
    hosts: Vec<(Arc<str>, Ipv4Addr)>,
    nats: Vec<(String, Ipv4Addr)>,
    /// Names that lead to another host's address than their own.
    moved: Mutex<BTreeMap<String, Ipv4Addr>>,
}

impl Names {
    /// Gives the hosts the addresses 10.0.0.1, 10.0.0.2 and so on, in order.
    pub(crate) fn of(topology: &Topology) -> Self {
        let first = u32::from(Ipv4Addr::new(10, 0, 0, 1));
        let addresses = (first..).map(Ipv4Addr::from);
        let names = topology.hosts.iter().map(|host| Arc::from(&*host.name));
        let boxes = topology.middleboxes.iter().zip(0..);
        let nats = boxes.filter(|(middlebox, _)| middlebox.nat.is_some());
        Self {
            hosts: names.zip(addresses).collect(),
            nats: nats
                .map(|(nat, index)| (nat.name.clone(), middlebox_address(index)))
                .collect(),
            moved: Mutex::default(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.hosts.len()
    }

    pub(crate) fn address(&self, host: usize) -> Ipv4Addr {
        self.hosts[host].1
    }

    pub(crate) fn name(&self, host: usize) -> &Arc<str> {
        &self.hosts[host].0
    }

    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.hosts.iter().position(|(it, _)| &**it == name)
    }

    /// From now on `name` leads to the address of the host `to`, for every host.
    ///
    /// # Errors
    /// When there is no such host.
    pub(crate) fn lead(&self, name: &str, to: &str) -> Result<(), EngineError> {
        let unknown = || EngineError::UnknownHost {
            name: to.to_owned(),
        };
        let address = self.address(self.position(to).ok_or_else(unknown)?);
        let mut moved = self.moved.lock().unwrap_or_else(PoisonError::into_inner);
        moved.insert(name.to_owned(), address);
        Ok(())
    }

    fn resolve(&self, name: &str) -> Option<Ipv4Addr> {
        let moved = self.moved.lock().unwrap_or_else(PoisonError::into_inner);
        let own = || self.position(name).map(|host| self.address(host));
        let led = moved.get(name).copied();
        let mut nats = self.nats.iter();
        let nat = nats.find(|(it, _)| it == name).map(|(_, address)| *address);
        led.or_else(own).or(nat).or_else(|| name.parse().ok())
    }
}

/// The simulated network as seen from one host; the same type on every simulated engine.
///
/// Resolves the names of the run's hosts and NATs and dotted addresses; an unknown name is
/// `NotFound`. A step may make a name lead elsewhere.
#[derive(Clone)]
pub struct SimNet {
    door: Door,
    names: Arc<Names>,
    address: Ipv4Addr,
    backlog: usize,
}

impl SimNet {
    pub(crate) fn new(door: Door, names: Arc<Names>, address: Ipv4Addr, backlog: usize) -> Self {
        Self {
            door,
            names,
            address,
            backlog,
        }
    }

    /// As [`Net::connect`], from a source port that the caller chooses.
    ///
    /// Nothing that follows ET-10 may use it: it exists for deliberately wrong agents.
    ///
    /// # Errors
    /// As [`Net::connect`]; `AddrNotAvailable` when the port is taken towards that destination.
    pub async fn connect_from(
        &self,
        name: &str,
        port: u16,
        source_port: u16,
    ) -> io::Result<SimStream> {
        self.open(name, port, Some(source_port)).await
    }

    pub(crate) const fn door(&self) -> &Door {
        &self.door
    }

    async fn open(&self, name: &str, port: u16, from: Option<u16>) -> io::Result<SimStream> {
        let address = self.names.resolve(name).ok_or_else(|| {
            let problem = "no host of this run has the name";
            io::Error::new(io::ErrorKind::NotFound, problem)
        })?;
        let remote = SocketAddrV4::new(address, port);
        let socket = self
            .door
            .with(|now, stack| stack.connect(now, remote, from))?;
        // From here on the socket is closed when this future is dropped.
        let mut stream = SimStream {
            door: self.door.clone(),
            socket,
            local: SocketAddrV4::new(self.address, 0),
            remote,
        };
        poll_fn(|cx| {
            stream
                .door
                .with(|_, stack| stack.poll_connected(socket, cx))
        })
        .await?;
        stream.local = stream
            .door
            .with(|_, stack| stack.local_address(socket))
            .ok_or(SocketError::NotConnected)?;
        Ok(stream)
    }
}

impl fmt::Debug for SimNet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimNet({})", self.address)
    }
}

impl Net for SimNet {
    type Stream = SimStream;
    type Listener = SimListener;

    async fn bind(&self, port: u16) -> io::Result<SimListener> {
        let listener = self
            .door
            .with(|_, stack| stack.listen(port, self.backlog))?;
        let mut bound = SimListener {
            door: self.door.clone(),
            listener,
            address: SocketAddrV4::new(self.address, port),
        };
        let chosen = self.door.with(|_, stack| stack.listener_port(listener));
        bound
            .address
            .set_port(chosen.ok_or(SocketError::NotConnected)?);
        Ok(bound)
    }

    async fn connect(&self, name: &str, port: u16) -> io::Result<SimStream> {
        self.open(name, port, None).await
    }
}

/// A bound port of a simulated host; dropping it closes the port.
pub struct SimListener {
    door: Door,
    listener: ListenerId,
    address: SocketAddrV4,
}

impl Listener for SimListener {
    type Stream = SimStream;

    async fn accept(&mut self) -> io::Result<(SimStream, SocketAddr)> {
        let (socket, local, remote) = poll_fn(|cx| {
            self.door.with(|_, stack| {
                let socket = ready!(stack.poll_accept(self.listener, cx))?;
                let ends = stack
                    .local_address(socket)
                    .zip(stack.remote_address(socket));
                let (local, remote) = ends.ok_or(SocketError::NotConnected)?;
                Poll::Ready(Ok::<_, SocketError>((socket, local, remote)))
            })
        })
        .await?;
        let stream = SimStream {
            door: self.door.clone(),
            socket,
            local,
            remote,
        };
        Ok((stream, remote.into()))
    }

    fn local_addr(&self) -> SocketAddr {
        self.address.into()
    }
}

impl fmt::Debug for SimListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimListener({})", self.address)
    }
}

impl Drop for SimListener {
    fn drop(&mut self) {
        self.door
            .with(|now, stack| stack.close_listener(now, self.listener));
    }
}

/// One connection of a simulated host.
///
/// Dropping it closes the connection: FIN, or RST when unread data is left. The host's TCP carries
/// on with what was written before.
pub struct SimStream {
    door: Door,
    socket: SocketId,
    local: SocketAddrV4,
    remote: SocketAddrV4,
}

impl SimStream {
    /// Ends the connection with a reset, whatever is queued or unread.
    pub fn abort(self) {
        self.door.with(|now, stack| stack.abort(now, self.socket));
    }
}

impl Connection for SimStream {
    fn local_addr(&self) -> SocketAddr {
        self.local.into()
    }

    fn peer_addr(&self) -> SocketAddr {
        self.remote.into()
    }
}

impl fmt::Debug for SimStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimStream({} to {})", self.local, self.remote)
    }
}

impl AsyncRead for SimStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // What is filled is what was read.
        let read = self
            .door
            .with(|now, stack| stack.poll_read(now, self.socket, cx, buf));
        read.map_ok(|_| ()).map_err(Into::into)
    }
}

impl AsyncWrite for SimStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written =
            ready!(
                self.door
                    .with(|now, stack| stack.poll_write(now, self.socket, cx, octets))
            )?;
        Poll::Ready(Ok(written))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // What was written is with the host's TCP already, as with a real socket.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = self
            .door
            .with(|now, stack| stack.shutdown(now, self.socket));
        Poll::Ready(done.map_err(Into::into))
    }
}

impl Drop for SimStream {
    fn drop(&mut self) {
        self.door.with(|now, stack| stack.close(now, self.socket));
    }
}
