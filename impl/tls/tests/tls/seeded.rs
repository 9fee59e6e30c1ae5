//! A seed decides every octet of a simulated host's TLS.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use portcullis_net::{Connection, Listener, Net, Randomness, WallClock};
use portcullis_tls::simulated::{self, Authority};
use portcullis_tls::{Endpoint, Tls};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};
use tokio::sync::mpsc;

use crate::site::at;

/// Octets that passed, by who wrote them.
type Passed = Arc<Mutex<[Vec<u8>; 2]>>;

/// A pipe's end that notes what is written to it.
struct End {
    pipe: DuplexStream,
    side: usize,
    passed: Passed,
}

impl Connection for End {
    fn local_addr(&self) -> SocketAddr {
        at(1)
    }

    fn peer_addr(&self) -> SocketAddr {
        at(2)
    }
}

impl AsyncRead for End {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_read(cx, buf)
    }
}

impl AsyncWrite for End {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.pipe).poll_write(cx, octets);
        if let Poll::Ready(Ok(count)) = written {
            self.passed.lock().expect("no test has panicked")[self.side]
                .extend_from_slice(&octets[..count]);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_shutdown(cx)
    }
}

/// A network of pipes between one opener and one acceptor.
#[derive(Clone)]
struct Pipes {
    passed: Passed,
    arriving: mpsc::Sender<End>,
    arrived: Arc<Mutex<Option<mpsc::Receiver<End>>>>,
}

struct Arrivals(mpsc::Receiver<End>);

impl Net for Pipes {
    type Stream = End;
    type Listener = Arrivals;

    async fn bind(&self, _: u16) -> io::Result<Arrivals> {
        let arrived = self.arrived.lock().expect("no test has panicked").take();
        arrived.map(Arrivals).ok_or(io::ErrorKind::AddrInUse.into())
    }

    async fn connect(&self, _: &str, _: u16) -> io::Result<End> {
        let (near, far) = tokio::io::duplex(1024);
        let end = |pipe, side| End {
            pipe,
            side,
            passed: Arc::clone(&self.passed),
        };
        self.arriving.send(end(far, 1)).await.ok();
        Ok(end(near, 0))
    }
}

impl Listener for Arrivals {
    type Stream = End;

    async fn accept(&mut self) -> io::Result<(End, SocketAddr)> {
        let end = self.0.recv().await;
        end.map(|end| (end, at(1)))
            .ok_or(io::ErrorKind::NotConnected.into())
    }

    fn local_addr(&self) -> SocketAddr {
        at(2)
    }
}

/// The octets of one conversation and the secrets of its session.
fn conversation(seed: u64) -> io::Result<([Vec<u8>; 2], Vec<String>)> {
    let random = Randomness::from_seed(seed);
    let epoch = jiff::Timestamp::UNIX_EPOCH;
    let span = epoch..epoch + std::time::Duration::from_secs(1_000);
    let authority = Authority::new("the authority", span.clone(), &random);
    let secrets = Arc::new(Mutex::new(Vec::new()));
    let host = |name: &str| -> Endpoint {
        let secrets = Arc::clone(&secrets);
        let sink = Arc::new(move |line: &str| {
            let mut secrets = secrets.lock().expect("no test has panicked");
            secrets.push(line.to_owned());
        });
        let wall = WallClock::from_fn(move || epoch + std::time::Duration::from_secs(500));
        let identity = authority.issue(name, span.clone(), &authority);
        simulated::endpoint(&identity, wall, &random.fork(name), sink).expect("it is its own")
    };
    let (arriving, arrived) = mpsc::channel(1);
    let pipes = Pipes {
        passed: Passed::default(),
        arriving,
        arrived: Arc::new(Mutex::new(Some(arrived))),
    };
    let passed = Arc::clone(&pipes.passed);
    let (dev, prod) = (
        Tls::new(pipes.clone(), host("dev")),
        Tls::new(pipes, host("prod")),
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()?;
    runtime.block_on(async {
        let mut listener = prod.bind(1).await?;
        let serve = async {
            let (mut stream, _) = listener.accept().await?;
            let mut heard = Vec::new();
            stream.read_to_end(&mut heard).await?;
            assert_eq!(stream.peer_names(), Some(&["dev".to_owned()][..]));
            stream.write_all(&heard).await?;
            stream.shutdown().await
        };
        let open = async {
            let mut stream = dev.connect("prod", 1).await?;
            stream.write_all(b"the same for the same seed").await?;
            stream.shutdown().await?;
            stream.read_to_end(&mut Vec::new()).await
        };
        tokio::try_join!(serve, open)
    })?;
    let (passed, secrets) = (
        passed.lock().expect("no test has panicked").clone(),
        secrets.lock().expect("no test has panicked").clone(),
    );
    Ok((passed, secrets))
}

#[test]
fn the_seed_decides_every_octet() -> io::Result<()> {
    let first = conversation(1)?;
    assert_eq!(first, conversation(1)?);
    let other = conversation(2)?;
    assert_ne!(first.0[0], other.0[0]);
    assert_ne!(first.0[1], other.0[1]);
    // Nothing of what was said is on the wire.
    for side in &first.0 {
        assert!(!side.windows(8).any(|part| part == b"the same"));
    }
    Ok(())
}

#[test]
fn the_secrets_are_lines_of_a_key_log() -> io::Result<()> {
    let (_, secrets) = conversation(1)?;
    for label in [
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        "CLIENT_TRAFFIC_SECRET_0",
        "SERVER_TRAFFIC_SECRET_0",
    ] {
        let lines = secrets.iter().filter(|line| line.starts_with(label));
        // Once from each end, and both ends agree.
        let lines: Vec<_> = lines.collect();
        assert_eq!(lines.len(), 2, "{secrets:?}");
        assert_eq!(lines[0], lines[1]);
        let random = lines[0].split(' ').nth(1).unwrap_or_default();
        assert_eq!(random.len(), 64);
    }
    Ok(())
}
