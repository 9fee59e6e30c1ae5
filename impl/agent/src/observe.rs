//! What an agent announces: to the observer given at construction, and to `tracing`.

mod log;
mod quiet;

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

use crate::error::{Failure, FailureClass};
use crate::message::{Body, EnvironmentName, Outcome, TaskId, TaskKind, named};
use crate::preflight::Way;

use quiet::{Kind, Quiet};

/// Receives everything that an agent announces, in order, on the agent's own tasks: it must not
/// block.
///
/// It receives all of them. In the log, warnings of one kind that one address causes are limited to
/// one line a second, with a count of those that were left out.
#[derive(Clone)]
pub struct Observer {
    observe: Arc<dyn Fn(&AgentEvent) + Send + Sync>,
    quiet: Arc<Mutex<Quiet>>,
}

impl Observer {
    /// An observer that calls `observe`.
    pub fn new(observe: impl Fn(&AgentEvent) + Send + Sync + 'static) -> Self {
        Self {
            observe: Arc::new(observe),
            quiet: Arc::default(),
        }
    }

    /// An observer that ignores everything.
    #[must_use]
    pub fn none() -> Self {
        Self::new(|_| {})
    }

    /// Announces `event`: the one place from which an agent logs.
    pub(crate) fn announce(&self, event: &AgentEvent) {
        if let Some(suppressed) = self.suppressed_before(event) {
            log::write(event, suppressed);
        }
        (self.observe)(event);
    }

    /// How many lines like that of `event` were left out before it; `None` when it is left out.
    fn suppressed_before(&self, event: &AgentEvent) -> Option<u64> {
        let Some(kind) = Kind::of(event) else {
            return Some(0);
        };
        let mut quiet = self.quiet.lock().unwrap_or_else(PoisonError::into_inner);
        quiet.admit(kind, Instant::now())
    }
}

impl std::fmt::Debug for Observer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Observer")
    }
}

/// The two state machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Machine {
    /// [`crate::state::OriginatorTask`].
    OriginatorTask,
    /// [`crate::state::DestinationTask`].
    DestinationTask,
}

impl Machine {
    /// The name in histories.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OriginatorTask => "originator-task",
            Self::DestinationTask => "destination-task",
        }
    }
}

named! {
    /// What a connection is for.
    Phase {
        /// The greeting of a session (C1).
        Establish = "establish",
        /// One part of an object.
        Part = "part",
        /// A task (C2).
        Task = "task",
        /// A completion (C3).
        Completion = "completion",
        /// A status query.
        Query = "query",
        /// A question whether the way back is open (ET-81).
        Preflight = "preflight",
        /// The attempt to find that out (ET-81).
        Probe = "probe",
        /// Not known yet: no request has been read.
        Unknown = "unknown",
    }
}

named! {
    /// Who ended a connection.
    ClosedBy {
        /// The side that opened it, as it should be (ET-20).
        Opener = "opener",
        /// The side that accepted it.
        Acceptor = "acceptor",
        /// Neither: it failed.
        Failure = "failure",
    }
}

named! {
    /// What an operator should look at.
    Warning {
        /// Tasks are accepted but completions do not arrive: the way back from the destination's
        /// dynamic ports to the originator's local port should be looked at (ET-80).
        ReversePath = "reverse-path",
        /// A completion could not be reported; the result is kept here (ET-46).
        CompletionParked = "completion-parked",
        /// A peer reported an outcome that differs from the recorded one; the first one stands.
        OutcomeConflict = "outcome-conflict",
        /// Somebody reported the completion of a task that was not sent to it (ET-75).
        ForeignCompletion = "foreign-completion",
        /// The listener's port is among those that the host hands out itself (ET-7).
        PortInDynamicRange = "port-in-dynamic-range",
        /// A connection was closed because too many are open (ET-24): the oldest that had not sent
        /// a whole data unit, or else the new one.
        ConnectionLimit = "connection-limit",
        /// The listener could not take a connection.
        AcceptFailed = "accept-failed",
        /// Octets followed the one message of a connection (ET-29).
        OctetsAfterMessage = "octets-after-message",
        /// A request was refused or could not be read.
        RequestRefused = "request-refused",
        /// The clocks of this host and of a peer are further apart than the tolerance allows
        /// (ET-74): one of them should be set right.
        ClockSkew = "clock-skew",
        /// The store did not take a record.
        StoreFailed = "store-failed",
        /// The store holds a task of a link that is not configured any more.
        LinkMissing = "link-missing",
    }
}

/// One thing that an agent announces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentEvent {
    /// A task moved from one state to another, or was recorded (`from` is empty). Announced after
    /// the move is durable.
    State {
        /// Which machine.
        machine: Machine,
        /// Which task.
        task: TaskId,
        /// The environment at the other end of its link.
        peer: EnvironmentName,
        /// The state left; empty for a new task.
        from: &'static str,
        /// The state entered.
        to: &'static str,
        /// How it ended, in the states that know.
        outcome: Option<Outcome>,
        /// Why it was refused, failed or moved, in kebab case, where there is a reason.
        reason: Option<&'static str>,
    },
    /// A task of an earlier run was found in the store (ET-53). A crash may have come between the
    /// record of its last move and the announcement of that.
    Found {
        /// Which machine.
        machine: Machine,
        /// Which task.
        task: TaskId,
        /// The environment at the other end of its link.
        peer: EnvironmentName,
        /// The state that it is in.
        state: &'static str,
        /// How it ended, in the states that know.
        outcome: Option<Outcome>,
        /// Why it was refused, failed or moved, in kebab case, where there is a reason.
        reason: Option<&'static str>,
    },
    /// A record is durable.
    Durable {
        /// Its table.
        table: &'static str,
        /// Its key.
        key: String,
    },
    /// The work of a task begins.
    WorkStarted {
        /// Which task.
        task: TaskId,
        /// The environment that sent it.
        peer: EnvironmentName,
        /// Its kind.
        kind: TaskKind,
        /// How often it has been begun, from 1.
        start: u32,
    },
    /// The work of a task has ended by itself or by an operator's stop.
    WorkEnded {
        /// Which task.
        task: TaskId,
        /// The environment that sent it.
        peer: EnvironmentName,
        /// How.
        outcome: Outcome,
    },
    /// An attempt failed.
    AttemptFailed {
        /// What for.
        phase: Phase,
        /// The environment at the other end.
        peer: EnvironmentName,
        /// The port that was to be reached.
        port: u16,
        /// Which task, where the attempt was for one.
        task: Option<TaskId>,
        /// Which attempt, from 1.
        attempt: u32,
        /// The class in which it is counted: a completion that cannot connect is
        /// `callback-unreachable`.
        class: FailureClass,
        /// What happened.
        failure: Failure,
    },
    /// A connection has ended. ET-82
    Connection {
        /// Whether this side opened it.
        opened_here: bool,
        /// This end.
        local: SocketAddr,
        /// The other end.
        remote: SocketAddr,
        /// What it was for.
        phase: Phase,
        /// Which task its request was about, where it was about one.
        task: Option<TaskId>,
        /// Who ended it.
        closed_by: ClosedBy,
    },
    /// One direction of a link was tried. ET-81
    Preflight {
        /// The environment at the other end.
        peer: EnvironmentName,
        /// Which direction, and what came of it.
        way: Way,
    },
    /// Something for an operator to look at.
    Warning {
        /// What.
        warning: Warning,
        /// The environment at the other end of the link, where it is known.
        peer: Option<EnvironmentName>,
        /// Which task, where it concerns one.
        task: Option<TaskId>,
        /// The port concerned, where there is one.
        port: Option<u16>,
        /// A name in kebab case that says more, such as a refusal's reason.
        detail: Option<&'static str>,
        /// The host that caused it, where that is known and is somebody else. Never an identity:
        /// ET-11.
        address: Option<IpAddr>,
        /// How far the peer's clock is ahead of this host's, in milliseconds, where that is the
        /// matter.
        ahead_ms: Option<i64>,
    },
}

impl AgentEvent {
    /// A warning about a listener's port.
    pub(crate) const fn at_port(warning: Warning, port: u16) -> Self {
        Self::Warning {
            warning,
            peer: None,
            task: None,
            port: Some(port),
            detail: None,
            address: None,
            ahead_ms: None,
        }
    }

    /// ET-74: a message of `peer` was sent `ahead_ms` from now by this host's clock.
    pub(crate) fn clock_skew(peer: &EnvironmentName, ahead_ms: i64) -> Self {
        Self::Warning {
            warning: Warning::ClockSkew,
            peer: Some(peer.clone()),
            task: None,
            port: None,
            detail: None,
            address: None,
            ahead_ms: Some(ahead_ms),
        }
    }

    /// ET-29: octets after the one message of a connection through `port`.
    pub(crate) const fn octets_after(port: u16) -> Self {
        Self::at_port(Warning::OctetsAfterMessage, port)
    }

    /// A request at the port of the link with `peer` was refused, or none came.
    pub(crate) fn refused(peer: &EnvironmentName, detail: &'static str) -> Self {
        Self::Warning {
            warning: Warning::RequestRefused,
            peer: Some(peer.clone()),
            task: None,
            port: None,
            detail: Some(detail),
            address: None,
            ahead_ms: None,
        }
    }

    /// The same event, caused by the host at `from` when it is a warning.
    pub(crate) const fn by(mut self, from: IpAddr) -> Self {
        if let Self::Warning { address, .. } = &mut self {
            *address = Some(from);
        }
        self
    }

    /// A warning about a task of the link with `peer`.
    pub(crate) fn about(warning: Warning, peer: &EnvironmentName, task: &TaskId) -> Self {
        Self::Warning {
            warning,
            peer: Some(peer.clone()),
            task: Some(task.clone()),
            port: None,
            detail: None,
            address: None,
            ahead_ms: None,
        }
    }
}

impl Phase {
    /// What a connection is for, by its request.
    #[must_use]
    pub const fn of(request: &Body) -> Self {
        match request {
            Body::Hello(_) => Self::Establish,
            Body::Part(_) => Self::Part,
            Body::Task(_) => Self::Task,
            Body::Completed { .. } => Self::Completion,
            Body::Query { .. } => Self::Query,
            Body::Preflight => Self::Preflight,
            Body::Probe { .. } => Self::Probe,
            Body::HelloAck(_)
            | Body::PartAck { .. }
            | Body::Accepted { .. }
            | Body::CompletedAck { .. }
            | Body::Status { .. }
            | Body::PreflightResult(_)
            | Body::ProbeAck { .. }
            | Body::Rejection { .. } => Self::Unknown,
        }
    }
}

impl Warning {
    /// What to tell an operator.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::ReversePath => {
                "tasks are accepted but completions do not arrive: check the way from the \
                 destination's dynamic ports to the originator's local port"
            }
            Self::CompletionParked => "the completion could not be reported; the result is kept",
            Self::OutcomeConflict => "a different outcome was reported; the first one stands",
            Self::ForeignCompletion => "a completion from an environment that has no such task",
            Self::PortInDynamicRange => "the listener's port is in this host's dynamic range",
            Self::ConnectionLimit => "too many connections; one was closed",
            Self::AcceptFailed => "a connection could not be accepted",
            Self::OctetsAfterMessage => "octets after the one message of a connection",
            Self::RequestRefused => "a request was refused",
            Self::ClockSkew => "the peer's clock and this host's are too far apart",
            Self::StoreFailed => "a record could not be written",
            Self::LinkMissing => "an unfinished task belongs to a link that is not configured",
        }
    }
}
