//! What can go wrong, by whose fault it is.

use std::io;

use portcullis_net::HandshakeError;

use crate::codec::{DecodeError, FrameError};
use crate::message::{EnvironmentName, Reason, TaskId, named};

named! {
    /// The class of a failed attempt, as reports and histories name it. ET-78
    FailureClass {
        /// The peer's host answered that nobody listens.
        Refused = "refused",
        /// No answer in time.
        TimedOut = "timed-out",
        /// The network reported the host unreachable, or forbade it.
        UnreachableHost = "unreachable-host",
        /// The network reported that it has no route.
        UnreachableNetwork = "unreachable-network",
        /// The established connection was reset.
        Reset = "reset",
        /// The stream ended inside a data unit, or before one.
        Truncated = "truncated",
        /// The peer broke the protocol, or refused the request.
        Protocol = "protocol",
        /// Protocol or product versions differ.
        Version = "version",
        /// The peer is not who it should be.
        Auth = "auth",
        /// This host could not open a connection, or not record something.
        LocalResource = "local-resource",
        /// The destination could not open the connection for the completion.
        CallbackUnreachable = "callback-unreachable",
    }
}

impl FailureClass {
    /// The class in words, where nothing more is known of the failure.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Refused => "nobody listens, or a firewall rejects",
            Self::TimedOut => FILTERED,
            Self::UnreachableHost => "host unreachable, or a firewall prohibits",
            Self::UnreachableNetwork => "network unreachable",
            Self::Reset => "the connection was reset",
            Self::Truncated => "the reply ended early",
            Self::Protocol => "the answer was not that of this protocol",
            Self::Version => "protocol or product versions differ",
            Self::Auth => {
                "the answer came from somebody else, or was refused as from somebody else"
            }
            Self::LocalResource => "the host could not open a connection",
            Self::CallbackUnreachable => "the completion could not be delivered",
        }
    }
}

/// ET-79: a closed port behind a stealth firewall looks exactly like a filtered one.
const FILTERED: &str = "filtered or not listening";

/// Why one attempt (one connection, one request, one reply) failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// No connection came about.
    #[error("failed to connect: {}", connect_words(*.0))]
    Connect(io::ErrorKind),
    /// A connection came about, and no secure one over it.
    #[error(transparent)]
    Handshake(HandshakeError),
    /// The established connection failed.
    #[error("connection failed: {0}")]
    Stream(io::ErrorKind),
    /// The request cannot be written as a message.
    #[error("request cannot be written")]
    Unencodable,
    /// The request could not be handed to the network in time.
    #[error("request not taken by the network in time")]
    RequestTimeout,
    /// No whole reply came in time.
    #[error("no acknowledgement in time")]
    ReplyTimeout,
    /// The reply is not a data unit.
    #[error("reply is not a data unit")]
    Frame(#[source] FrameError),
    /// The reply is not a document of this protocol.
    #[error("reply cannot be read")]
    Decode(#[source] DecodeError),
    /// The reply does not answer this request.
    #[error("reply does not answer the request")]
    Unrelated,
    /// The reply comes from another environment, or is for another.
    #[error("reply has the wrong sender or recipient")]
    Misdirected,
    /// The reply, or the connection, does not prove that it is the peer's (ET-72).
    #[error("the peer is not authenticated")]
    NotAuthenticated,
    /// The reply's time is too far from this host's (ET-74).
    #[error("reply is too old, or its time too far ahead")]
    Stale,
    /// The peer could not read the request at all.
    #[error("the peer could not read the request")]
    Unread,
    /// The request was refused.
    #[error("refused by the peer: {}", .0.name())]
    Refused(Reason),
    /// This host's store did not take what had to be recorded first.
    #[error("failed to record")]
    Store,
}

impl Failure {
    /// Whether the request may have taken effect all the same.
    #[must_use]
    pub const fn may_have_arrived(&self) -> bool {
        !matches!(
            self,
            Self::Connect(_)
                | Self::Handshake(HandshakeError::Unanswered(_))
                | Self::Refused(_)
                | Self::Unread
                | Self::Unencodable
                | Self::Store
        )
    }

    /// Why nothing could be said at all, when that is the matter.
    pub(crate) const fn unconnected(&self) -> Option<io::ErrorKind> {
        if let Self::Connect(kind) | Self::Handshake(HandshakeError::Unanswered(kind)) = self {
            Some(*kind)
        } else {
            None
        }
    }

    /// The class. ET-78
    #[must_use]
    pub fn class(&self) -> FailureClass {
        match self {
            Self::Connect(kind)
            | Self::Stream(kind)
            | Self::Handshake(HandshakeError::Unanswered(kind)) => class_of(*kind),
            Self::RequestTimeout | Self::ReplyTimeout => FailureClass::TimedOut,
            Self::Frame(FrameError::Truncated | FrameError::Absent) => FailureClass::Truncated,
            Self::Refused(Reason::Version) => FailureClass::Version,
            Self::Handshake(HandshakeError::Peer(_) | HandshakeError::Own(_))
            | Self::Misdirected
            | Self::NotAuthenticated
            | Self::Stale
            | Self::Refused(
                Reason::UnknownSender
                | Reason::WrongRecipient
                | Reason::NotAuthenticated
                | Reason::Stale,
            ) => FailureClass::Auth,
            Self::Store | Self::Unencodable => FailureClass::LocalResource,
            Self::Decode(error) if error.is_version() => FailureClass::Version,
            Self::Frame(_)
            | Self::Decode(_)
            | Self::Unrelated
            | Self::Unread
            | Self::Refused(_) => FailureClass::Protocol,
        }
    }
}

fn class_of(kind: io::ErrorKind) -> FailureClass {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the list of kinds is open")]
    match kind {
        io::ErrorKind::ConnectionRefused => FailureClass::Refused,
        io::ErrorKind::TimedOut => FailureClass::TimedOut,
        io::ErrorKind::HostUnreachable => FailureClass::UnreachableHost,
        io::ErrorKind::NetworkUnreachable => FailureClass::UnreachableNetwork,
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => FailureClass::Reset,
        io::ErrorKind::UnexpectedEof => FailureClass::Truncated,
        // What a secure connection says of a peer that does not speak as agreed.
        io::ErrorKind::InvalidData => FailureClass::Protocol,
        _ => FailureClass::LocalResource,
    }
}

const fn connect_words(kind: io::ErrorKind) -> &'static str {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the list of kinds is open")]
    match kind {
        io::ErrorKind::TimedOut => FILTERED,
        io::ErrorKind::ConnectionRefused => "nobody listens, or a firewall rejects",
        io::ErrorKind::HostUnreachable => "host unreachable, or a firewall prohibits",
        io::ErrorKind::NetworkUnreachable => "network unreachable",
        io::ErrorKind::AddrNotAvailable => "this host has no free dynamic port",
        io::ErrorKind::NotFound => "the peer's address is not known",
        _ => "the connection could not be opened",
    }
}

/// Why an agent does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration contradicts itself; all its problems.
    #[error("configuration: {}", list(.0))]
    Config(Vec<crate::config::ConfigProblem>),
    /// A listener cannot bind. ET-6
    #[error("cannot listen on port {port}: {kind}")]
    Bind {
        /// The port.
        port: u16,
        /// What the host said.
        kind: io::ErrorKind,
    },
    /// A listener would take whatever comes from other hosts, and nothing would say who it is
    /// from (ET-72).
    #[error("cannot listen on port {port} at {address}: the link has no authentication")]
    Unauthenticated {
        /// The port.
        port: u16,
        /// The address that is not loopback.
        address: std::net::IpAddr,
    },
    /// The store could not be read, or not written.
    #[error("cannot recover the records of the last run")]
    Store(#[source] portcullis_store::StoreError),
}

fn list(problems: &[crate::config::ConfigProblem]) -> String {
    let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
    problems.join("; ")
}

/// Why a task is not taken on.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// No link leads there: tasks go to the next environment only. ET-2
    #[error("{0} is not a next environment of this one")]
    NotNext(EnvironmentName),
    /// The id is taken by a different task.
    #[error("task id is already used for something else")]
    Conflict,
    /// The task that it is to follow is not known on this link.
    #[error("the task to follow is not known on this link")]
    UnknownPredecessor,
    /// The files cannot be listed, or not be sent as they are.
    #[error("the files cannot be transferred")]
    Payload(#[source] crate::work::SourceError),
    /// The task could not be recorded.
    #[error("the task could not be recorded")]
    Store(#[source] portcullis_store::StoreError),
}

/// The task is not known here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no task {0}")]
pub struct UnknownTask(pub TaskId);

/// Why a status query gave no answer.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The task is not known here, so it is not known where to ask.
    #[error(transparent)]
    Unknown(UnknownTask),
    /// The destination did not answer.
    #[error("the destination did not answer")]
    Failed(#[source] Failure),
}

/// Why a task is not cancelled at its destination.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CancelError {
    /// The task is not known here.
    #[error(transparent)]
    Unknown(UnknownTask),
    /// The work has already ended.
    #[error("the work has already ended")]
    TooLate,
    /// The cancellation could not be recorded.
    #[error("the cancellation could not be recorded")]
    Store,
}
