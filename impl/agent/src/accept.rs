//! The acceptor's side: listeners, their limits, and one request and one reply a connection.

mod door;
mod room;

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use portcullis_net::{Connection, HandshakeError, Listener, Net};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::codec::{DecodeError, Refused, decode, encode_for, read_unit, verify};
use crate::config::{Authentication, Limits};
use crate::exchange::check_name;
use crate::message::{Body, EnvironmentName, Header, Message, MessageId, Reason};
use crate::observe::{AgentEvent, ClosedBy, Phase, Warning};
use crate::services::Services;

pub(crate) use door::Door;
use door::{Entry, Pass};
pub(crate) use room::LargeFrames;

/// How long a listener rests when the host cannot give it a connection, for want of descriptors.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// What answers the requests of one port.
pub(crate) trait Respond: Clone + Send + Sync + 'static {
    /// The environment that this port's link is with: the only one that is answered.
    fn peer(&self) -> &EnvironmentName;

    /// How the peer proves that it is that environment.
    fn authentication(&self) -> &Authentication;

    /// The longest data unit that is read here.
    fn frame_max(&self, limits: &Limits) -> usize;

    /// Whether the request is a repetition of one that has taken effect here: then its answer is
    /// the same at any time (ET-74).
    fn knows(&self, request: &Message) -> impl Future<Output = bool> + Send;

    /// Answers one request that is for this environment and from the peer. Runs to its end also
    /// when the opener closes (ET-15).
    fn respond(&self, request: Message) -> impl Future<Output = Answer> + Send;
}

/// What to say to a request.
#[derive(Debug)]
pub(crate) enum Answer {
    /// This.
    Say(Body),
    /// That it is refused.
    Refuse(Reason),
    /// Nothing: it is not known whether the request took effect, so the opener has to ask again.
    Silence,
}

/// Accepts connections until the agent leaves.
pub(crate) async fn accept_all<N: Net, S, W, R: Respond>(
    services: Arc<Services<N, S, W>>,
    mut listener: N::Listener,
    respond: R,
) where
    S: Send + Sync + 'static,
    W: Send + Sync + 'static,
{
    let port = listener.local_addr().port();
    let limits = services.config.limits;
    loop {
        let accepted = tokio::select! {
            biased;
            () = services.leaving.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, peer)) = accepted else {
            services.announce(&AgentEvent::at_port(Warning::AcceptFailed, port));
            sleep(ACCEPT_REST).await;
            continue;
        };
        // ET-11: the peer's address counts connections and nothing else; its port means nothing.
        let entry = services.door.enter(
            peer.ip(),
            limits.connections_per_peer_max,
            limits.connections_max,
        );
        let pass = match entry {
            Entry::Room(pass) => pass,
            Entry::Instead(pass, gone) => {
                services
                    .announce(&AgentEvent::at_port(Warning::ConnectionLimit, port).by(peer.ip()));
                // The limit holds at every moment, so its memory is freed before more is taken.
                gone.cancelled().await;
                pass
            }
            Entry::Full => {
                services
                    .announce(&AgentEvent::at_port(Warning::ConnectionLimit, port).by(peer.ip()));
                continue;
            }
        };
        let conversation = serve(Arc::clone(&services), stream, pass, respond.clone());
        services.spawn(services.conversations.track_future(conversation));
    }
}

/// One connection from accept to its end.
async fn serve<N: Net, S, W, R: Respond>(
    services: Arc<Services<N, S, W>>,
    mut stream: N::Stream,
    pass: Pass,
    respond: R,
) where
    S: Send + Sync + 'static,
    W: Send + Sync + 'static,
{
    let (mut phase, mut task) = (Phase::Unknown, None);
    let from = stream.peer_addr().ip();
    let frame_max = respond.frame_max(&services.config.limits);
    let request = tokio::select! {
        biased;
        () = pass.given_up() => Err(NoRequest::GIVEN_UP),
        request = read_request(&services, &mut stream, frame_max, &respond) => request,
    };
    let request = request.and_then(|request| {
        pass.has_spoken()
            .then_some(request)
            .ok_or(NoRequest::GIVEN_UP)
    });
    let closed_by = match request {
        Ok((document, permit)) => {
            let request = read(&document, respond.authentication());
            drop(document);
            if let Ok(request) = &request {
                phase = Phase::of(&request.body);
                task = request.body.task().cloned();
            }
            let reply = reply(&services, request, &respond, from).await;
            drop(permit);
            let reply = reply.and_then(|reply| encode_for(&reply, respond.authentication()).ok());
            match reply {
                Some(reply) => say_and_linger(&services, &mut stream, &reply).await,
                None => ClosedBy::Acceptor,
            }
        }
        Err(ended) => {
            services.announce(&AgentEvent::refused(respond.peer(), ended.detail).by(from));
            ended.closed_by
        }
    };
    services.announce(&AgentEvent::Connection {
        opened_here: false,
        local: stream.local_addr(),
        remote: stream.peer_addr(),
        phase,
        task,
        closed_by,
    });
    // The connection is closed before its pass is given back.
    drop(stream);
    drop(pass);
}

/// Why no request was read.
struct NoRequest {
    detail: &'static str,
    closed_by: ClosedBy,
}

impl NoRequest {
    /// The connection gave way to another one. ET-24
    const GIVEN_UP: Self = Self {
        detail: "connection-limit",
        closed_by: ClosedBy::Acceptor,
    };

    /// What became of a connection, or of its handshake.
    fn of(error: &io::Error) -> Self {
        if let Some(why) = HandshakeError::of(error) {
            return Self {
                detail: why.name(),
                closed_by: ClosedBy::Acceptor,
            };
        }
        #[expect(clippy::wildcard_enum_match_arm, reason = "the list of kinds is open")]
        let (detail, closed_by) = match error.kind() {
            io::ErrorKind::InvalidData => ("not-tls", ClosedBy::Acceptor),
            io::ErrorKind::TimedOut => ("handshake-timeout", ClosedBy::Acceptor),
            io::ErrorKind::UnexpectedEof => ("truncated", ClosedBy::Failure),
            _ => ("reset", ClosedBy::Failure),
        };
        Self { detail, closed_by }
    }
}

/// Reads one data unit within the frame timer, which runs from accept (ET-30).
async fn read_request<N, S, W, R: Respond>(
    services: &Services<N, S, W>,
    stream: &mut impl Connection,
    frame_max: usize,
    respond: &R,
) -> Result<(Vec<u8>, Option<OwnedSemaphorePermit>), NoRequest> {
    let limits = services.config.limits;
    // Memory is bounded by the permits: one is held for as long as a large frame is.
    let permit = async |octets: usize| {
        if octets > limits.control_frame_max {
            services.large_frames.enter(octets).await
        } else {
            None
        }
    };
    let deadline = Instant::now().checked_add(services.config.timers.frame);
    let deadline = deadline.unwrap_or_else(Instant::now);
    let closed_by = ClosedBy::Acceptor;
    let unit = timeout_at(deadline, async {
        // ET-72: who is there is asked before anything is read.
        if *respond.authentication() == Authentication::Connection {
            stream.establish().await?;
            check_name(stream, respond.peer())?;
        }
        read_unit(stream, frame_max, permit).await
    });
    match unit.await {
        Ok(Ok(Ok(unit))) => Ok(unit),
        Ok(Ok(Err(error))) => Err(NoRequest {
            detail: error.name(),
            closed_by,
        }),
        Ok(Err(error)) => Err(NoRequest::of(&error)),
        Err(_) => Err(NoRequest {
            detail: "frame-timeout",
            closed_by,
        }),
    }
}

/// A request that is not acted on.
struct Unacceptable {
    reason: Reason,
    /// The header, if it could be read.
    header: Option<Box<Header>>,
}

/// What a document asks, if it is a message that proves where it comes from.
fn read(document: &[u8], authentication: &Authentication) -> Result<Message, Unacceptable> {
    let refused = |reason, header| Unacceptable { reason, header };
    // ET-73: checked before anything of the body is acted on. The header of what is not authentic
    // is read for the refusal's sake, which has to name it (ET-35).
    match (verify(document, authentication), decode(document)) {
        (Ok(()), Ok(request)) => Ok(request),
        (Ok(()), Err(Refused { error, header }))
        | (
            _,
            Err(Refused {
                error,
                header: header @ None,
            }),
        ) => Err(refused(why(error), header)),
        (Err(_), Ok(Message { header, .. })) => {
            Err(refused(Reason::NotAuthenticated, Some(Box::new(header))))
        }
        (Err(_), Err(Refused { header, .. })) => Err(refused(Reason::NotAuthenticated, header)),
    }
}

/// The reply to whatever arrived; `None` when nothing can or should be said.
async fn reply<N, S, W, R: Respond>(
    services: &Services<N, S, W>,
    request: Result<Message, Unacceptable>,
    respond: &R,
    from: IpAddr,
) -> Option<Message> {
    let (header, answer) = match request {
        Err(Unacceptable { reason, mut header }) => {
            // ET-76: a name that nobody has proven is not repeated; the link says whom to answer.
            if let Some(header) = &mut header
                && reason == Reason::NotAuthenticated
            {
                header.from = respond.peer().clone();
            }
            (header, Answer::Refuse(reason))
        }
        Ok(request) => {
            let header = Some(Box::new(request.header.clone()));
            let answer = match objection(services, respond, &request).await {
                Some(reason) => Answer::Refuse(reason),
                None => respond.respond(request).await,
            };
            (header, answer)
        }
    };
    let body = match answer {
        Answer::Say(body) => body,
        Answer::Refuse(reason) => {
            services.announce(&AgentEvent::refused(respond.peer(), reason.name()).by(from));
            // ET-76: a reason from a fixed list and our own version; nothing of the request.
            Body::Rejection {
                reason,
                product: services.config.product.clone(),
            }
        }
        Answer::Silence => return None,
    };
    Some(match header {
        Some(header) => Message {
            header: Header {
                id: MessageId::reply_to(&header.id),
                from: services.name().clone(),
                to: header.from,
                sent_at: services.now(),
                relates_to: Some(header.id),
                attempt: header.attempt,
            },
            body,
        },
        None => unreadable(services, respond.peer(), body),
    })
}

/// The refusal of what has no readable id: it relates to a reserved one (ET-35).
fn unreadable<N, S, W>(
    services: &Services<N, S, W>,
    peer: &EnvironmentName,
    body: Body,
) -> Message {
    let id = MessageId::fresh("unreadable", &services.new_id());
    let mut refusal = services.message(id, peer, 1, body);
    refusal.header.relates_to = Some(MessageId::unreadable());
    refusal
}

/// Why an authentic request is not answered as it asks.
async fn objection<N, S, W, R: Respond>(
    services: &Services<N, S, W>,
    respond: &R,
    request: &Message,
) -> Option<Reason> {
    let header = &request.header;
    if let Some(reason) = misdirected(services.name(), respond.peer(), header) {
        return Some(reason);
    }
    let ahead_ms = services.skew_ms(header.sent_at)?;
    services.announce(&AgentEvent::clock_skew(respond.peer(), ahead_ms));
    // ET-74: too old, or from the future, and not a repetition of something known.
    (!respond.knows(request).await).then_some(Reason::Stale)
}

const fn why(error: DecodeError) -> Reason {
    match error {
        DecodeError::Xml(_) => Reason::Malformed,
        DecodeError::Version => Reason::Version,
        DecodeError::UnknownKind => Reason::UnknownKind,
        DecodeError::UnknownTaskKind => Reason::UnknownTaskKind,
    }
}

/// ET-39, ET-75: for this environment, and from the one that the port's link is with.
fn misdirected(here: &EnvironmentName, peer: &EnvironmentName, header: &Header) -> Option<Reason> {
    if header.to != *here {
        Some(Reason::WrongRecipient)
    } else if header.from != *peer {
        Some(Reason::UnknownSender)
    } else {
        None
    }
}

/// Sends the reply, also when the opener has closed its direction already (ET-21), and waits for
/// the opener to close first (ET-20).
async fn say_and_linger<N, S, W>(
    services: &Services<N, S, W>,
    stream: &mut impl Connection,
    unit: &[u8],
) -> ClosedBy {
    let timers = &services.config.timers;
    match timeout(timers.acknowledgement, stream.write_all(unit)).await {
        Ok(Ok(())) => {}
        Ok(Err(_)) => return ClosedBy::Failure,
        Err(_) => return ClosedBy::Acceptor,
    }
    let mut beyond = [0; 1];
    match timeout(timers.linger, stream.read(&mut beyond)).await {
        Ok(Ok(0)) => ClosedBy::Opener,
        // ET-29: the message before them counts, whatever the split was; they do not (ET-31).
        Ok(Ok(_)) => {
            let event = AgentEvent::octets_after(stream.local_addr().port());
            services.announce(&event.by(stream.peer_addr().ip()));
            ClosedBy::Acceptor
        }
        Ok(Err(_)) => ClosedBy::Failure,
        Err(_) => ClosedBy::Acceptor,
    }
}
