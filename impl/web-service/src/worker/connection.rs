//! One connection, from accept to its end.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use portcullis_net::Connection;
use tokio::io::AsyncWriteExt as _;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::door::Pass;
use super::exchange::Worker;
use super::gate::Visitor;
use super::line::{Course, Line};
use super::reply::{Closes, Reply};
use crate::config::Limits;
use crate::desk::Desk;
use crate::observe::FarmEvent;
use crate::work::Depot;

/// How much of a body is read at once, at most.
const PIECE_OCTETS_MAX: usize = 64 << 10;

/// Serves a connection until one side has enough of it.
pub(super) async fn serve<K: Desk, D: Depot>(
    worker: Arc<Worker<K, D>>,
    stream: impl Connection,
    pass: Pass,
    stop: CancellationToken,
) {
    let pass = Arc::new(pass);
    tokio::select! {
        biased;
        // The longest idle connection gives way to a new one.
        () = pass.given_up() => {}
        () = speak(&worker, stream, &pass, &stop) => {}
    }
    // The connection is closed before its pass is given back.
    drop(pass);
}

/// Speaks HTTP.
async fn speak<K: Desk, D: Depot>(
    worker: &Arc<Worker<K, D>>,
    mut stream: impl Connection,
    pass: &Arc<Pass>,
    stop: &CancellationToken,
) {
    let timers = worker.config.timers;
    let deadline = Instant::now().checked_add(timers.head);
    let deadline = deadline.unwrap_or_else(Instant::now);
    // Who is there has to be known before anything is read.
    let established = tokio::select! {
        biased;
        () = stop.cancelled() => return,
        established = timeout_at(deadline, stream.establish()) => established,
    };
    let Ok(Ok(())) = established else {
        return;
    };
    let visitor = Visitor {
        certificate_is_known: worker.gate.knows_certificate(stream.peer_names()),
        is_secure: stream.is_secure(),
    };
    let line = Line::new(stream, timers, deadline);
    let course = line.course().clone();
    let service = service_fn(|request| {
        let turn = Turn::begin(pass, &course);
        Box::pin(answer(Arc::clone(worker), visitor, turn, request))
    });
    let mut http = builder(&worker.config.limits).serve_connection(TokioIo::new(line), service);
    let (ended, mut line) = loop {
        let ended = tokio::select! {
            biased;
            () = stop.cancelled() => {
                // Who is between two requests is closed; who is not gets the answer.
                if !course.is_idle() {
                    Pin::new(&mut http).graceful_shutdown();
                    timeout(timers.drain, &mut http).await.ok();
                }
                return;
            }
            ended = poll_fn(|cx| http.poll_without_shutdown(cx)) => ended,
        };
        let parts = http.into_parts();
        let mut line = parts.io.into_inner();
        if !line.go_on(parts.read_buf) {
            break (ended, line);
        }
        let builder = builder(&worker.config.limits);
        http = builder.serve_connection(TokioIo::new(line), parts.service);
    };
    if line.head_is_late() {
        worker.observer.announce(&FarmEvent::BadRequest);
        say_that_it_is_late(&mut line).await.ok();
        return;
    }
    let is_no_request = ended.as_ref().is_err_and(hyper::Error::is_parse);
    if is_no_request {
        worker.observer.announce(&FarmEvent::BadRequest);
    }
    // Any other error is the connection's: nobody is there to be told of its end.
    if ended.is_ok() || is_no_request {
        line.shutdown().await.ok();
    }
}

/// HTTP/1 as it is spoken here.
fn builder(limits: &Limits) -> Builder {
    let mut http = Builder::new();
    // The date would be the operating system's; the timer is the line's. A client that has sent its
    // request and ended its direction still gets its answer.
    http.auto_date_header(false)
        .header_read_timeout(None)
        .half_close(true)
        .max_header_size(limits.head_octets_max)
        .max_headers(limits.header_fields_max)
        .max_buf_size(PIECE_OCTETS_MAX.max(limits.head_octets_max));
    http
}

/// Answers one request in its turn.
async fn answer<K: Desk, D: Depot>(
    worker: Arc<Worker<K, D>>,
    visitor: Visitor,
    turn: Option<Turn>,
    request: Request<Incoming>,
) -> Result<Response<Said>, Infallible> {
    let Some(mut turn) = turn else {
        // The connection has to give way: this is never read.
        let unavailable = Reply::empty("", StatusCode::SERVICE_UNAVAILABLE);
        let response = unavailable.into_http(worker.wall.now(), Closes::Yes);
        return Ok(response.map(|body| Said { body, _turn: None }));
    };
    let response = worker.exchange(visitor, request).await;
    turn.is_last = response.headers().contains_key(header::CONNECTION);
    let _turn = Some(turn);
    Ok(response.map(|body| Said { body, _turn }))
}

/// The answer to a head that does not end.
async fn say_that_it_is_late(line: &mut Line<impl Connection>) -> io::Result<()> {
    let late = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    line.write_all(late).await?;
    line.flush().await?;
    line.shutdown().await
}

/// One exchange of a connection, from the request's head to the answer's last octet.
struct Turn {
    pass: Arc<Pass>,
    course: Course,
    /// Whether the connection ends with the answer: then what still comes is not the next head.
    is_last: bool,
}

impl Turn {
    /// `None` when the connection had to give way before.
    fn begin(pass: &Arc<Pass>, course: &Course) -> Option<Self> {
        let turn = Self {
            pass: Arc::clone(pass),
            course: course.clone(),
            is_last: false,
        };
        if !pass.exchange_begins() {
            return None;
        }
        course.exchange_begins();
        Some(turn)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if !self.is_last {
            self.course.exchange_ends();
        }
        self.pass.exchange_ends();
    }
}

/// The body of an answer: the turn is over when it is dropped, which is when it has been written.
struct Said {
    body: Full<Bytes>,
    _turn: Option<Turn>,
}

impl Body for Said {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
