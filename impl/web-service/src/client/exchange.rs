//! One request and its answer over a connection of its own.
//!
//! The connection is driven by the caller's own task, so that nothing is left of it when the caller
//! gives up.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{Connection, SendRequest, handshake};
use hyper::http::request::Builder;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use portcullis_net::{Connection as Stream, HandshakeError, Net, Objection};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

use super::address::{FarmAddress, Scheme};
use super::parcel::Parcel;
use super::{Terms, UploadError};

/// Octets of an answer; what is longer is not read.
const ANSWER_OCTETS_MAX: usize = 4 << 20;

/// How much of a file is read at once.
const PIECE_OCTETS: usize = 256 << 10;

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    Unconnected(io::ErrorKind),
    Handshake(HandshakeError),
    TimedOut,
    Cut,
    Malformed,
}

/// Opens a connection.
pub(super) async fn connect<N: Net>(
    net: &N,
    address: &FarmAddress,
    within: Duration,
) -> Result<N::Stream, Broken> {
    match timeout(within, net.connect(&address.host, address.port)).await {
        Ok(Ok(stream)) => check_name(&stream, address).map(|()| stream),
        Ok(Err(error)) => Err(unconnected(&error)),
        Err(_) => Err(Broken::Unconnected(io::ErrorKind::TimedOut)),
    }
}

/// Whether a connection leads to whom the address names: a password is shown to nobody else.
fn check_name(stream: &impl Stream, address: &FarmAddress) -> Result<(), Broken> {
    if address.scheme == Scheme::Http {
        return Ok(());
    }
    if !stream.is_secure() {
        return Err(Broken::Unconnected(io::ErrorKind::PermissionDenied));
    }
    let names = stream.peer_names().unwrap_or_default();
    let is_named = names
        .iter()
        .any(|name| name.eq_ignore_ascii_case(&address.host));
    let wrong = HandshakeError::Peer(Objection::WrongName);
    is_named.then_some(()).ok_or(Broken::Handshake(wrong))
}

fn unconnected(error: &io::Error) -> Broken {
    match HandshakeError::of(error) {
        // A connection that was cut in the handshake says nothing about its other end.
        Some(HandshakeError::Unanswered(kind)) if kind != io::ErrorKind::InvalidData => {
            Broken::Unconnected(kind)
        }
        Some(why) => Broken::Handshake(why),
        None => Broken::Unconnected(error.kind()),
    }
}

/// Sends a message and reads its answer.
pub(super) async fn ask(
    stream: impl Stream,
    message: Request<Full<Bytes>>,
    within: Duration,
) -> Result<(StatusCode, Bytes), Broken> {
    let asking = async {
        let (mut sender, connection) = open(stream).await?;
        tokio::select! {
            biased;
            never = drive(connection) => match never {},
            answer = answer(&mut sender, message) => answer,
        }
    };
    timeout(within, asking)
        .await
        .unwrap_or(Err(Broken::TimedOut))
}

/// Sends a file and waits for the status.
pub(super) async fn send(
    stream: impl Stream,
    head: Builder,
    (octets, source): (u64, impl AsyncRead + Send + Unpin),
    terms: &Terms,
) -> Result<StatusCode, UploadError> {
    let (put, parcel) = Parcel::new(octets);
    let mut message = head.body(parcel).map_err(|_| UploadError::Malformed)?;
    let go_on = Arc::new(Notify::new());
    if terms.expect_continue.is_some() {
        let go_on = Arc::clone(&go_on);
        hyper::ext::on_informational(&mut message, move |said| {
            if said.status() == StatusCode::CONTINUE {
                go_on.notify_one();
            }
        });
    }
    let opening = timeout(terms.answer, open(stream)).await;
    let (mut sender, connection) = opening.map_err(|_| UploadError::TimedOut)??;
    let pumping = async {
        if let Some(wait) = terms.expect_continue {
            // A farm that does not know the question is not waited for longer.
            timeout(wait, go_on.notified()).await.ok();
        }
        pump(put, octets, source, terms.answer).await
    };
    let sending = async {
        let answering = answer(&mut sender, message);
        tokio::pin!(answering);
        tokio::select! {
            biased;
            // A refusal may come before all has been sent.
            early = &mut answering => return early.map_err(UploadError::from),
            pumped = pumping => pumped?,
        }
        let answer = timeout(terms.answer, answering).await;
        answer
            .unwrap_or(Err(Broken::TimedOut))
            .map_err(UploadError::from)
    };
    let (status, _) = tokio::select! {
        biased;
        never = drive(connection) => match never {},
        sent = sending => sent,
    }?;
    Ok(status)
}

async fn open<S: Stream, B>(
    stream: S,
) -> Result<(SendRequest<B>, Connection<TokioIo<S>, B>), Broken>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let opened = handshake(TokioIo::new(stream)).await;
    opened.map_err(|_| Broken::Cut)
}

/// Moves what is sent and received, and never ends: what became of the connection is told to who
/// waits for the answer.
async fn drive<S: Stream, B>(connection: Connection<TokioIo<S>, B>) -> Infallible
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    connection.await.ok();
    std::future::pending().await
}

async fn answer<B>(
    sender: &mut SendRequest<B>,
    message: Request<B>,
) -> Result<(StatusCode, Bytes), Broken>
where
    B: Body<Data = Bytes> + 'static,
{
    let answer: Response<Incoming> = sender.send_request(message).await.map_err(broken)?;
    let (head, body) = answer.into_parts();
    let body = Limited::new(body, ANSWER_OCTETS_MAX).collect().await;
    // What is not within the limit is no answer of a farm.
    let body = body.map_err(|error| match error.downcast::<hyper::Error>() {
        Ok(error) => broken(*error),
        Err(_) => Broken::Malformed,
    })?;
    Ok((head.status, body.to_bytes()))
}

#[expect(clippy::needless_pass_by_value, reason = "the form that map_err wants")]
fn broken(error: hyper::Error) -> Broken {
    if error.is_parse() {
        Broken::Malformed
    } else {
        Broken::Cut
    }
}

/// Moves the file into the body, piece by piece.
async fn pump(
    put: mpsc::Sender<Bytes>,
    octets: u64,
    source: impl AsyncRead + Send + Unpin,
    stands_still: Duration,
) -> Result<(), UploadError> {
    let mut source = source.take(octets);
    while source.limit() > 0 {
        let mut piece = BytesMut::with_capacity(PIECE_OCTETS);
        let read = source.read_buf(&mut piece).await;
        if read.map_err(|_| UploadError::Source)? == 0 {
            return Err(UploadError::Source);
        }
        let put = timeout(stands_still, put.send(piece.freeze())).await;
        match put {
            Ok(Ok(())) => {}
            // Why the body is not wanted any more, the answer says; and if there is none, that.
            Ok(Err(_)) => return Ok(()),
            Err(_) => return Err(UploadError::TimedOut),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::CallError;

    #[test]
    fn why_a_certificate_is_refused_is_told_and_a_cut_handshake_is_none_of_its() {
        let words = |error: io::Error| CallError::from(unconnected(&error)).to_string();
        for (objection, told) in [
            (Objection::Expired, "has expired"),
            (
                Objection::UnknownAuthority,
                "from an authority that is not trusted here",
            ),
            (Objection::WrongName, "does not have the peer's name"),
        ] {
            let why = HandshakeError::Peer(objection);
            let words = words(why.into());
            assert!(
                words.starts_with("cannot connect: ") && words.contains(told),
                "{words}"
            );
        }
        let plain = HandshakeError::Unanswered(io::ErrorKind::InvalidData);
        assert!(words(plain.into()).contains("does not answer in TLS"));
        for cut in [
            HandshakeError::Unanswered(io::ErrorKind::ConnectionReset).into(),
            io::ErrorKind::ConnectionReset.into(),
        ] {
            assert_eq!(words(cut), "cannot connect: connection reset");
        }
    }
}
