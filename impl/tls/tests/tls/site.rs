//! Hosts on loopback with certificates, and a wire that a test can cut.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::time::Duration;

use jiff::Timestamp;
use portcullis_net::{Listener, Net, Randomness, TokioNet, TokioStream, WallClock};
use portcullis_tls::simulated::Authority;
use portcullis_tls::{Endpoint, Identity, Tls, TlsListener, TlsStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub(crate) type Network = Tls<TokioNet>;
pub(crate) type Stream = TlsStream<TokioStream>;
pub(crate) type Bound = TlsListener<portcullis_net::TokioListener>;

/// Ten minutes before and after now.
pub(crate) fn span() -> Range<Timestamp> {
    let now = WallClock::system().now();
    now - MARGIN..now + MARGIN
}

pub(crate) const MARGIN: Duration = Duration::from_secs(600);

/// An authority of its own world for each name.
pub(crate) fn authority(name: &str) -> Authority {
    Authority::new(name, span(), &Randomness::from_seed(1))
}

pub(crate) fn loopback() -> TokioNet {
    TokioNet::new(Ipv4Addr::LOCALHOST.into())
}

/// An endpoint of `identity` whose clock is `ahead` of the real one.
pub(crate) fn endpoint(identity: &Identity, ahead: jiff::SignedDuration) -> Endpoint {
    let wall = WallClock::from_fn(move || WallClock::system().now() + ahead);
    Endpoint::new(identity, wall).expect("the identity was made for it")
}

/// The network of a host called `name` of a world with one authority.
pub(crate) fn host(name: &str) -> Network {
    let authority = authority("the authority");
    let identity = authority.issue(name, span(), &authority);
    Tls::new(loopback(), endpoint(&identity, jiff::SignedDuration::ZERO))
}

/// `prod` listens.
pub(crate) async fn listening(net: &Network) -> io::Result<(Bound, u16)> {
    let listener = net.bind(0).await?;
    let port = listener.local_addr().port();
    Ok((listener, port))
}

/// `dev` connects to a listening `prod`: both ends.
pub(crate) async fn pair() -> io::Result<(Stream, Stream)> {
    let (mut listener, port) = listening(&host("prod")).await?;
    connected(&mut listener, port).await
}

/// `dev` connects to `port`, from which a way leads to `listener`.
pub(crate) async fn connected(listener: &mut Bound, port: u16) -> io::Result<(Stream, Stream)> {
    let dev = host("dev");
    let accept = async {
        let (mut stream, _) = listener.accept().await?;
        portcullis_net::Connection::establish(&mut stream).await?;
        Ok(stream)
    };
    tokio::try_join!(dev.connect("127.0.0.1", port), accept)
}

/// How a [`Wire`] ends.
#[derive(Clone, Copy)]
pub(crate) enum Cut {
    /// Both directions end with FIN.
    Fin,
    /// Both ends get an RST.
    Reset,
}

/// A way to `to` that is cut when the returned sender is used.
pub(crate) async fn wire(to: u16) -> io::Result<(u16, tokio::sync::oneshot::Sender<Cut>)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let port = listener.local_addr()?.port();
    let (cut, wanted) = tokio::sync::oneshot::channel();
    tokio::task::spawn_local(async move {
        let (mut near, _) = listener.accept().await?;
        let mut far = TcpStream::connect((Ipv4Addr::LOCALHOST, to)).await?;
        let copying = tokio::io::copy_bidirectional(&mut near, &mut far);
        let how = tokio::select! {
            biased;
            how = wanted => how.unwrap_or(Cut::Fin),
            _ = copying => Cut::Fin,
        };
        match how {
            Cut::Fin => {
                near.shutdown().await?;
                far.shutdown().await?;
                // Nothing unread is left, so that dropping sends no RST.
                let mut rest = Vec::new();
                near.read_to_end(&mut rest).await?;
                far.read_to_end(&mut rest).await?;
            }
            Cut::Reset => {
                near.set_zero_linger()?;
                far.set_zero_linger()?;
            }
        }
        io::Result::Ok(())
    });
    Ok((port, cut))
}

/// Runs a test that ends in time or fails.
pub(crate) fn run(test: impl Future<Output = io::Result<()>>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let local = tokio::task::LocalSet::new();
    let bounded = async { tokio::time::timeout(Duration::from_secs(30), test).await? };
    runtime.block_on(local.run_until(bounded))
}

/// The address of a port on loopback.
pub(crate) fn at(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}
