//! HTTP/1.1 by hyper as the exchange: 64 octets posted and sent back.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;

use http_body_util::{BodyExt, Collected, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use portcullis_harness::engine::{Boot, Node};
use portcullis_net::{Listener, Net};

use super::{INTERVAL, PAYLOAD, PORT};

async fn echo(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request.into_body().collect().await;
    let octets = body.map(Collected::to_bytes).unwrap_or_default();
    Ok(Response::new(Full::new(octets)))
}

/// A hyper server; each connection is a task of the host.
pub(crate) fn server() -> Boot {
    Arc::new(|node: Node| {
        Box::pin(async move {
            let host = node.host;
            let mut listener = host.net.bind(PORT).await.expect("the port is free");
            while let Ok((stream, _)) = listener.accept().await {
                host.spawner.spawn(async move {
                    let mut server = hyper::server::conn::http1::Builder::new();
                    // The date would be the operating system's, inside the stream.
                    let server = server.auto_date_header(false);
                    let connection =
                        server.serve_connection(TokioIo::new(stream), service_fn(echo));
                    connection.await.ok();
                });
            }
        })
    })
}

/// A hyper client: a new connection for each request.
pub(crate) fn client() -> Boot {
    Arc::new(|node: Node| -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            let host = node.host;
            loop {
                tokio::time::sleep(INTERVAL).await;
                let stream = host.net.connect("server", PORT).await;
                let stream = TokioIo::new(stream.expect("the server listens"));
                let (mut sender, connection) = hyper::client::conn::http1::handshake(stream)
                    .await
                    .expect("nothing is sent yet");
                host.spawner.spawn(async move {
                    connection.await.ok();
                });
                let request = Request::post("http://server/")
                    .body(Full::new(Bytes::from_static(&PAYLOAD)))
                    .expect("the request is well formed");
                let response = sender
                    .send_request(request)
                    .await
                    .expect("the server answers");
                let body = response
                    .into_body()
                    .collect()
                    .await
                    .expect("the answer is whole");
                assert_eq!(body.to_bytes().len(), PAYLOAD.len(), "the server echoes");
            }
        })
    })
}
