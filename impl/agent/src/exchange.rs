//! The opener's side of one connection: one request, one reply, and then the end of it.

use std::io;

use std::time::Duration;

use portcullis_net::{Connection, HandshakeError, Net, Objection, WallClock};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::codec::{decode, encode_for, read_unit, verify};
use crate::config::{Authentication, Timers};
use crate::error::Failure;
use crate::message::{Body, EnvironmentName, Message, MessageId, TaskId};
use crate::observe::{AgentEvent, ClosedBy, Phase};
use crate::services::skew_ms;

/// What an opener asks of a connection, and of the reply.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// How long each step may take.
    pub timers: &'a Timers,
    /// The longest reply.
    pub frame_max: usize,
    /// How the two ends of the link know each other.
    pub authentication: &'a Authentication,
    /// This host's clock.
    pub wall: &'a WallClock,
    /// How far from it the reply's time may be.
    pub tolerance: Duration,
}

/// How an opener's connection went.
#[derive(Debug)]
pub struct Exchanged<C> {
    /// The reply, or why there is none.
    pub reply: Result<Message, Failure>,
    /// How far ahead of this host's clock the reply was sent, in milliseconds, when that is more
    /// than the tolerance (ET-74).
    pub skew_ms: Option<i64>,
    /// What is left to see to its end, if a connection came about.
    pub closing: Option<Closing<C>>,
}

/// Opens a connection to `port` of the host called `address`, sends `request`, reads one reply and
/// closes its own direction.
///
/// The connection is always new, and its source port is the host's choice (ET-10, ET-13). A
/// rejection is a [`Failure::Refused`]. What is left in [`Exchanged::closing`] may be awaited
/// elsewhere: this side has said and heard everything by then.
pub async fn exchange<N: Net>(
    net: &N,
    terms: &Terms<'_>,
    (address, port): (&str, u16),
    request: &Message,
) -> Exchanged<N::Stream> {
    let timers = terms.timers;
    // ET-59, ET-60: our own timer, below the shortest that an operating system uses.
    let mut stream = match timeout(timers.connect, net.connect(address, port)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Exchanged::failed(Terms::connect_failure(&error)),
        Err(_) => return Exchanged::failed(Failure::Connect(io::ErrorKind::TimedOut)),
    };
    let mut heard = Heard::default();
    let reply = match terms.trusts(&stream, &request.header.to) {
        Ok(()) => converse(&mut stream, terms, request, &mut heard).await,
        Err(failure) => Err(failure),
    };
    let by = match &reply {
        Err(Failure::Stream(_) | Failure::Frame(_)) => ClosedBy::Failure,
        _ => ClosedBy::Opener,
    };
    // ET-14, ET-20: the opener closes first, as soon as it has its acknowledgement, and without
    // waiting for any work (ET-22).
    let by = match stream.shutdown().await {
        Ok(()) => by,
        Err(_) => ClosedBy::Failure,
    };
    let closing = Some(Closing {
        stream,
        by,
        phase: Phase::of(&request.body),
        task: request.body.task().cloned(),
    });
    Exchanged {
        reply,
        skew_ms: heard.skew_ms,
        closing,
    }
}

impl<C> Exchanged<C> {
    const fn failed(failure: Failure) -> Self {
        Self {
            reply: Err(failure),
            skew_ms: None,
            closing: None,
        }
    }
}

impl Terms<'_> {
    /// Why there is no connection: for secure ones, the handshake is part of opening it.
    fn connect_failure(error: &io::Error) -> Failure {
        match (HandshakeError::of(error), error.kind()) {
            (Some(why), _) => Failure::Handshake(why),
            (None, kind @ io::ErrorKind::InvalidData) => Failure::Stream(kind),
            (None, kind) => Failure::Connect(kind),
        }
    }

    /// ET-72: before anything is said, whether `peer` is at the other end, as far as the connection
    /// can tell.
    fn trusts(&self, stream: &impl Connection, peer: &EnvironmentName) -> Result<(), Failure> {
        match self.authentication {
            Authentication::Connection => check_name(stream, peer).map_err(Failure::Handshake),
            Authentication::None | Authentication::Mac(_) => {
                let known = self.authentication.suffices_at(stream.peer_addr().ip());
                known.then_some(()).ok_or(Failure::NotAuthenticated)
            }
        }
    }

    /// What went wrong with the stream: a peer that refuses this side's credential says so late.
    fn stream_failure(error: &io::Error) -> Failure {
        HandshakeError::of(error).map_or(Failure::Stream(error.kind()), Failure::Handshake)
    }
}

/// Whether the connection proves that `peer` is at its other end. ET-72
pub(crate) fn check_name(
    stream: &impl Connection,
    peer: &EnvironmentName,
) -> Result<(), HandshakeError> {
    let names = stream.peer_names().unwrap_or_default();
    let is_named = names.iter().any(|name| name == peer.as_str());
    let wrong = HandshakeError::Peer(Objection::WrongName);
    is_named.then_some(()).ok_or(wrong)
}

/// What was noticed while listening.
#[derive(Default)]
struct Heard {
    skew_ms: Option<i64>,
}

/// One request and one reply. ET-23
async fn converse<C: Connection>(
    stream: &mut C,
    terms: &Terms<'_>,
    request: &Message,
    heard: &mut Heard,
) -> Result<Message, Failure> {
    let timers = terms.timers;
    let unit = encode_for(request, terms.authentication).map_err(|_| Failure::Unencodable)?;
    match timeout(timers.frame, stream.write_all(&unit)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return Err(Terms::stream_failure(&error)),
        Err(_) => return Err(Failure::RequestTimeout),
    }
    drop(unit);
    // ET-16, ET-61: the acknowledgement is waited for, and not for ever. ET-62: a silent peer is
    // found by this timer; keepalive is never asked for.
    let unit = timeout(
        timers.acknowledgement,
        read_unit(stream, terms.frame_max, async |_| ()),
    )
    .await;
    let document = match unit {
        Ok(Ok(Ok((document, ())))) => document,
        Ok(Ok(Err(error))) => return Err(Failure::Frame(error)),
        Ok(Err(error)) => return Err(Terms::stream_failure(&error)),
        Err(_) => return Err(Failure::ReplyTimeout),
    };
    // ET-73: checked before anything of the reply is believed, also that it is of another version.
    verify(&document, terms.authentication).map_err(|_| Failure::NotAuthenticated)?;
    let reply = decode(&document).map_err(|refused| Failure::Decode(refused.error))?;
    check_reply(request, &reply)?;
    // ET-74: an old reply may have been true once.
    heard.skew_ms = skew_ms(reply.header.sent_at, terms.wall.now(), terms.tolerance);
    if heard.skew_ms.is_some() {
        return Err(Failure::Stale);
    }
    if let Body::Rejection { reason, .. } = reply.body {
        return Err(Failure::Refused(reason));
    }
    Ok(reply)
}

/// ET-35, ET-39: the reply answers this request, and comes from where the request went.
fn check_reply(request: &Message, reply: &Message) -> Result<(), Failure> {
    let relates_to = reply.header.relates_to.as_ref();
    let unread = matches!(reply.body, Body::Rejection { .. })
        && relates_to == Some(&MessageId::unreadable());
    if unread {
        return Err(Failure::Unread);
    }
    if relates_to != Some(&request.header.id) {
        return Err(Failure::Unrelated);
    }
    if reply.header.from != request.header.to || reply.header.to != request.header.from {
        return Err(Failure::Misdirected);
    }
    Ok(())
}

/// A connection that its opener has closed in one direction.
#[derive(Debug)]
pub struct Closing<C> {
    stream: C,
    by: ClosedBy,
    phase: Phase,
    task: Option<TaskId>,
}

impl<C: Connection> Closing<C> {
    /// Waits for the other side to close too, for at most the linger time, and returns what there
    /// is to announce.
    pub async fn finish(mut self, timers: &Timers) -> [Option<AgentEvent>; 2] {
        let mut beyond = [0; 1];
        let read = timeout(timers.linger, self.stream.read(&mut beyond)).await;
        // ET-29: the connection is spent; more octets are an error and no second message.
        let extra = matches!(read, Ok(Ok(1..)));
        let peer = self.stream.peer_addr();
        let warning = extra.then(|| AgentEvent::octets_after(peer.port()).by(peer.ip()));
        let connection = AgentEvent::Connection {
            opened_here: true,
            local: self.stream.local_addr(),
            remote: self.stream.peer_addr(),
            phase: self.phase,
            task: self.task,
            closed_by: self.by,
        };
        [warning, Some(connection)]
    }
}
