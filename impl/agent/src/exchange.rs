//! The opener's side of one connection: one request, one reply, and then the end of it.

use std::io;

use portcullis_net::{Connection, Net};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::codec::{decode, encode, read_unit};
use crate::config::Timers;
use crate::error::Failure;
use crate::message::{Body, Message};
use crate::observe::{AgentEvent, ClosedBy, Phase};

/// How an opener's connection went.
#[derive(Debug)]
pub struct Exchanged<C> {
    /// The reply, or why there is none.
    pub reply: Result<Message, Failure>,
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
    timers: &Timers,
    frame_max: usize,
    (address, port): (&str, u16),
    request: &Message,
) -> Exchanged<N::Stream> {
    // ET-59, ET-60: our own timer, below the shortest that an operating system uses.
    let mut stream = match timeout(timers.connect, net.connect(address, port)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Exchanged::failed(Failure::Connect(error.kind())),
        Err(_) => return Exchanged::failed(Failure::Connect(io::ErrorKind::TimedOut)),
    };
    let reply = converse(&mut stream, timers, frame_max, request).await;
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
    });
    Exchanged { reply, closing }
}

impl<C> Exchanged<C> {
    const fn failed(failure: Failure) -> Self {
        Self {
            reply: Err(failure),
            closing: None,
        }
    }
}

/// One request and one reply. ET-23
async fn converse<C: Connection>(
    stream: &mut C,
    timers: &Timers,
    frame_max: usize,
    request: &Message,
) -> Result<Message, Failure> {
    let unit = encode(request).map_err(|_| Failure::Unencodable)?;
    match timeout(timers.frame, stream.write_all(&unit)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return Err(Failure::Stream(error.kind())),
        Err(_) => return Err(Failure::RequestTimeout),
    }
    drop(unit);
    // ET-16, ET-61: the acknowledgement is waited for, and not for ever. ET-62: a silent peer is
    // found by this timer; keepalive is never asked for.
    let unit = timeout(
        timers.acknowledgement,
        read_unit(stream, frame_max, async |_| ()),
    )
    .await;
    let document = match unit {
        Ok(Ok(Ok((document, ())))) => document,
        Ok(Ok(Err(error))) => return Err(Failure::Frame(error)),
        Ok(Err(error)) => return Err(Failure::Stream(error.kind())),
        Err(_) => return Err(Failure::ReplyTimeout),
    };
    let reply = decode(&document).map_err(|refused| Failure::Decode(refused.error))?;
    check_reply(request, &reply)?;
    if let Body::Rejection { reason, .. } = reply.body {
        return Err(Failure::Refused(reason));
    }
    Ok(reply)
}

/// ET-35, ET-39: the reply answers this request, and comes from where the request went.
fn check_reply(request: &Message, reply: &Message) -> Result<(), Failure> {
    if reply.header.relates_to.as_ref() != Some(&request.header.id) {
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
}

impl<C: Connection> Closing<C> {
    /// Waits for the other side to close too, for at most the linger time, and returns what there
    /// is to announce.
    pub async fn finish(mut self, timers: &Timers) -> [Option<AgentEvent>; 2] {
        let mut beyond = [0; 1];
        let read = timeout(timers.linger, self.stream.read(&mut beyond)).await;
        // ET-29: the connection is spent; more octets are an error and no second message.
        let extra = matches!(read, Ok(Ok(1..)));
        let warning = extra.then(|| AgentEvent::octets_after(self.stream.peer_addr().port()));
        let connection = AgentEvent::Connection {
            opened_here: true,
            local: self.stream.local_addr(),
            remote: self.stream.peer_addr(),
            phase: self.phase,
            closed_by: self.by,
        };
        [warning, Some(connection)]
    }
}
