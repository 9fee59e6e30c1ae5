//! Connections that prove who is there, as TLS does.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use portcullis_net::{Connection, Listener, Net, TokioListener, TokioNet, TokioStream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::raw::status;
use crate::world::{World, anna, target};

/// A network on which every opener proves to be `source.example`.
#[derive(Clone)]
struct Proving(TokioNet);

struct ProvingListener(TokioListener);

struct ProvingStream {
    inner: TokioStream,
    /// Known once the connection is established.
    names: Option<Vec<String>>,
}

impl Net for Proving {
    type Stream = ProvingStream;
    type Listener = ProvingListener;

    async fn bind(&self, port: u16) -> io::Result<ProvingListener> {
        self.0.bind(port).await.map(ProvingListener)
    }

    async fn connect(&self, name: &str, port: u16) -> io::Result<ProvingStream> {
        let inner = self.0.connect(name, port).await?;
        Ok(ProvingStream { inner, names: None })
    }
}

impl Listener for ProvingListener {
    type Stream = ProvingStream;

    async fn accept(&mut self) -> io::Result<(ProvingStream, SocketAddr)> {
        let (inner, peer) = self.0.accept().await?;
        Ok((ProvingStream { inner, names: None }, peer))
    }

    fn local_addr(&self) -> SocketAddr {
        self.0.local_addr()
    }
}

impl Connection for ProvingStream {
    fn local_addr(&self) -> SocketAddr {
        self.inner.local_addr()
    }

    fn peer_addr(&self) -> SocketAddr {
        self.inner.peer_addr()
    }

    fn peer_names(&self) -> Option<&[String]> {
        self.names.as_deref()
    }

    fn is_secure(&self) -> bool {
        true
    }

    async fn establish(&mut self) -> io::Result<()> {
        self.names = Some(vec!["source.example".to_owned()]);
        Ok(())
    }
}

impl AsyncRead for ProvingStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl AsyncWrite for ProvingStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

async fn uploaded(world: &World) -> String {
    let target = target("a.cab");
    let request = format!(
        "POST {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx"
    );
    status(&world.say(request).await).to_owned()
}

#[tokio::test]
async fn a_known_certificate_opens_the_gate_and_another_does_not() {
    for (name, accounts, expected) in [
        ("source.example", vec![], "HTTP/1.1 200 OK"),
        ("source.example", vec![anna()], "HTTP/1.1 200 OK"),
        ("other.example", vec![], "HTTP/1.1 403 Forbidden"),
        ("other.example", vec![anna()], "HTTP/1.1 401 Unauthorized"),
    ] {
        let world = World::over(Proving, |config| {
            config.authentication.certificates = [name.to_owned()].into();
            config.authentication.accounts = accounts;
        });
        assert_eq!(uploaded(&world.await).await, expected, "{name}");
    }
}

#[tokio::test]
async fn a_secure_connection_is_secure_enough_and_is_the_service_s_scheme() {
    let world = World::over(Proving, |config| config.require_secure_connection = true).await;
    assert_eq!(uploaded(&world).await, "HTTP/1.1 200 OK");
    let place = "/_vti_adm/ContentDeploymentRemoteImport.asmx";
    let request = format!("GET {place}?wsdl HTTP/1.1\r\nHost: a:8443\r\nConnection: close\r\n\r\n");
    let answer = world.say(request).await;
    assert!(
        answer.contains(&format!("\"https://a:8443{place}\"")),
        "{answer}"
    );
}
