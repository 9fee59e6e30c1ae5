//! A network between two environments that counts, and that a test can cut.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::site::{PATIENCE, free_port};

/// Carries connections to a port, and counts the octets in their direction.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    gauge: Arc<Gauge>,
    /// Ends with the proxy.
    _running: JoinSet<()>,
}

impl Proxy {
    /// A network without faults before the listener at `port` of this machine.
    pub(crate) async fn before(port: u16) -> Self {
        let target = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let port = free_port();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
        let listener = listener.expect("a free port");
        let gauge = Arc::new(Gauge {
            counted: AtomicU64::new(0),
            cut_at: AtomicU64::new(u64::MAX),
        });
        let shared = Arc::clone(&gauge);
        let mut running = JoinSet::new();
        running.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                connections.spawn(carry(near, target, Arc::clone(&shared)));
            }
        });
        Self {
            port,
            gauge,
            _running: running,
        }
    }

    /// From when `octets` have passed on, every connection that says more is reset.
    pub(crate) fn cut_at(&self, octets: u64) {
        self.gauge.cut_at.store(octets, Ordering::Relaxed);
    }

    /// Lets everything pass again.
    pub(crate) fn mend(&self) {
        self.cut_at(u64::MAX);
    }

    /// How many octets have passed, those at which connections were reset included.
    pub(crate) fn octets(&self) -> u64 {
        self.gauge.counted.load(Ordering::Relaxed)
    }

    /// Waits until `octets` have passed.
    pub(crate) async fn passed(&self, octets: u64) {
        let pass = async {
            while self.octets() < octets {
                sleep(Duration::from_millis(2)).await;
            }
        };
        timeout(PATIENCE, pass).await.expect("they pass");
    }
}

/// What a proxy has counted, and up to where it lets octets pass.
struct Gauge {
    counted: AtomicU64,
    cut_at: AtomicU64,
}

impl Gauge {
    /// Counts octets that want to pass.
    fn count(&self, octets: usize) -> io::Result<()> {
        self.counted.fetch_add(octets as u64, Ordering::Relaxed);
        if self.counted.load(Ordering::Relaxed) < self.cut_at.load(Ordering::Relaxed) {
            Ok(())
        } else {
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }
}

/// One connection, until both sides have closed it or the network is cut.
async fn carry(mut near: TcpStream, target: SocketAddr, gauge: Arc<Gauge>) {
    let Ok(mut far) = TcpStream::connect(target).await else {
        near.set_zero_linger().ok();
        return;
    };
    if relay(&mut near, &mut far, &gauge).await.is_err() {
        // Dropped like this, a connection is reset.
        near.set_zero_linger().ok();
        far.set_zero_linger().ok();
    }
}

async fn relay(near: &mut TcpStream, far: &mut TcpStream, gauge: &Gauge) -> io::Result<()> {
    gauge.count(0)?;
    let (mut from_near, mut to_near) = near.split();
    let (mut from_far, mut to_far) = far.split();
    let there = async {
        let mut piece = vec![0; 64 * 1024];
        loop {
            let octets = from_near.read(&mut piece).await?;
            gauge.count(octets)?;
            if octets == 0 {
                return to_far.shutdown().await;
            }
            to_far.write_all(&piece[..octets]).await?;
        }
    };
    let back = async {
        tokio::io::copy(&mut from_far, &mut to_near).await?;
        to_near.shutdown().await
    };
    tokio::try_join!(there, back)?;
    Ok(())
}
