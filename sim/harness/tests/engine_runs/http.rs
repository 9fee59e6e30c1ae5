//! Ordinary library code runs on a simulated host: hyper, client and server.

use std::convert::Infallible;
use std::time::Duration;

use http_body_util::{BodyExt, Collected, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use portcullis_harness::engine::{Boot, End, EngineError, Node, RunOutcome, packet};
use portcullis_net::{Listener, Net, Spawner};

use crate::programs::{PORT, boot, host, run, said, say, spec};

/// The host's spawner as hyper's executor: what hyper starts dies with the host.
#[derive(Clone)]
struct OnHost(Spawner);

impl<F: Future<Output = ()> + Send + 'static> hyper::rt::Executor<F> for OnHost {
    fn execute(&self, task: F) {
        self.0.spawn(task);
    }
}

async fn echo(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request.into_body().collect().await;
    let octets = body.map(Collected::to_bytes).unwrap_or_default();
    Ok(Response::new(Full::new(octets)))
}

fn server() -> Boot {
    boot(|node| async move {
        let mut listener = node.host.net.bind(PORT).await.expect("the port is free");
        while let Ok((stream, _)) = listener.accept().await {
            let executor = OnHost(node.host.spawner.clone());
            let mut server = hyper_util::server::conn::auto::Builder::new(executor);
            // The date would be the operating system's, inside the stream.
            server
                .http1()
                .auto_date_header(false)
                .timer(TokioTimer::new());
            node.host.spawner.spawn(async move {
                let service = service_fn(echo);
                server
                    .serve_connection(TokioIo::new(stream), service)
                    .await
                    .ok();
            });
        }
    })
}

/// Posts 100 kB three times over one connection and says what came back.
fn client() -> Boot {
    boot(|node| async move {
        let stream = node.host.net.connect("server", PORT).await;
        let stream = TokioIo::new(stream.expect("the server listens"));
        let (mut sender, connection) = hyper::client::conn::http1::handshake(stream)
            .await
            .expect("nothing was sent yet");
        node.host.spawner.spawn(async move {
            connection.await.ok();
        });
        for _ in 0..3 {
            let request = Request::post("http://server/")
                .body(Full::new(Bytes::from(vec![b'x'; 100_000])))
                .expect("the request is well formed");
            let response = sender.send_request(request).await;
            let response = response.expect("the server answers");
            let status = response.status();
            let body = response.into_body().collect().await;
            let octets = body.expect("the answer is whole").to_bytes().len();
            say(&node, "answer", &format!("{status} with {octets} octets"));
        }
        say(&node, "done", "");
    })
}

fn exchange() -> RunOutcome {
    run(server(), client(), Vec::new(), Duration::from_secs(60))
}

#[test]
fn hyper_talks_to_hyper_and_fifty_runs_have_one_digest() {
    let first = exchange();
    assert_eq!(first.end, End::Finished);
    let answers = said(&first);
    let answered = |line: &&String| line.ends_with("200 OK with 100000 octets");
    assert_eq!(answers.iter().filter(answered).count(), 3, "{answers:#?}");
    for _ in 1..50 {
        assert_eq!(exchange().digest, first.digest);
    }
}

/// What a library does that takes no executor.
#[expect(
    clippy::disallowed_methods,
    reason = "the test does what the ban prevents, to see it noticed"
)]
async fn start_behind_the_back(_: Node) {
    tokio::spawn(std::future::pending::<()>());
}

#[test]
fn a_library_that_spawns_by_itself_ends_the_run_as_an_error() {
    let hosts = vec![
        host("server", server()),
        host("client", boot(start_behind_the_back)),
    ];
    let outcome = packet::run(spec(hosts, Vec::new(), Duration::from_secs(1)));
    let bare = EngineError::BareSpawn {
        host: "client".to_owned(),
        task: "main".to_owned(),
        call: "tokio::spawn",
    };
    assert_eq!(outcome.end, End::Error(bare));
}

#[test]
fn a_panic_in_a_task_ends_the_run_with_its_message() {
    let broken = boot(|node: Node| async move {
        node.host
            .spawner
            .spawn(async { panic!("the {} broke", "wheel") });
    });
    let hosts = vec![host("server", server()), host("client", broken)];
    let outcome = packet::run(spec(hosts, Vec::new(), Duration::from_secs(1)));
    let panicked = EngineError::Panicked {
        host: "client".to_owned(),
        task: "task".to_owned(),
        message: "the wheel broke".to_owned(),
    };
    assert_eq!(outcome.end, End::Error(panicked));
}
