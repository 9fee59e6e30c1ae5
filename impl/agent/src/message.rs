//! What the two environments say to each other.
//!
//! A [`Message`] is a [`Header`], the same for every kind (ET-33), and a [`Body`]. The types here
//! hold only values that may be said: names, ids and digests are checked when they are made, so
//! that no later code looks at their text again.

mod outcome;
mod preflight;
mod token;

use std::fmt;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub(crate) use outcome::named;
pub use outcome::{FailureReason, Outcome, Reason};
pub use preflight::{Callback, Place, PortRange, PreflightResult};
pub use token::{CommandName, Digest, EnvironmentName, MessageId, ObjectId, TaskId, TokenError};

/// The version of the protocol that this crate speaks; both sides must speak the same (ET-9).
pub const PROTOCOL_VERSION: u32 = 1;

/// One message, as sent or as decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What every message carries.
    pub header: Header,
    /// What this one says.
    pub body: Body,
}

impl Message {
    /// The kind's name on the wire, in kebab case.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        self.body.kind()
    }
}

/// What every message carries. ET-33
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Unique, and unchanged when the message is sent again (ET-34).
    pub id: MessageId,
    /// The sending environment.
    pub from: EnvironmentName,
    /// The environment that the message is for; any other rejects it (ET-39).
    pub to: EnvironmentName,
    /// When this attempt was made, by the sender's wall clock.
    pub sent_at: Timestamp,
    /// The message that this one answers; every reply has it (ET-35).
    pub relates_to: Option<MessageId>,
    /// Counts the attempts at sending this message, from 1; the only part of a retry that differs
    /// besides `sent_at`.
    pub attempt: u32,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Opens a transfer session (ET-12).
    Hello(Product),
    /// The greeting is accepted: versions agree.
    HelloAck(Product),
    /// One part of an object that a later Transfer task names (ET-32).
    Part(Part),
    /// The part is staged durably.
    PartAck {
        /// The object.
        object: ObjectId,
        /// Which part, from 1.
        number: u32,
    },
    /// A task for the next environment.
    Task(Task),
    /// The task is recorded durably (ET-41); not a completion (ET-37).
    Accepted {
        /// The task.
        task: TaskId,
        /// What the destination has recorded: for a duplicate, the state by now (ET-42).
        known: Known,
    },
    /// The task has ended (ET-17, ET-38).
    Completed {
        /// The task.
        task: TaskId,
        /// How it ended.
        outcome: Outcome,
    },
    /// The completion is recorded (ET-19).
    CompletedAck {
        /// The task.
        task: TaskId,
    },
    /// Asks for the recorded state of a task (ET-50).
    Query {
        /// The task.
        task: TaskId,
    },
    /// The recorded state, or that the task is not known.
    Status {
        /// The task.
        task: TaskId,
        /// What is recorded; `None` when the task is not known here.
        known: Option<Known>,
    },
    /// Asks the destination to try the way back (ET-81).
    Preflight,
    /// What became of the attempt.
    PreflightResult(PreflightResult),
    /// Proves that the way back is open: sent to the local port, as a completion would be (ET-81).
    Probe {
        /// The `preflight` message that asked for it.
        preflight: MessageId,
    },
    /// The probe has arrived.
    ProbeAck {
        /// As in the probe.
        preflight: MessageId,
    },
    /// The request is refused. Echoes nothing of it (ET-76).
    Rejection {
        /// Why.
        reason: Reason,
        /// The refusing side's own product version, so that a version refusal names both.
        product: Product,
    },
}

impl Body {
    /// Whether it opens an exchange; everything else answers.
    #[must_use]
    pub const fn is_request(&self) -> bool {
        matches!(
            self,
            Self::Hello(_)
                | Self::Part(_)
                | Self::Task(_)
                | Self::Completed { .. }
                | Self::Query { .. }
                | Self::Preflight
                | Self::Probe { .. }
        )
    }

    /// The kind's name on the wire, in kebab case.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Hello(_) => "hello",
            Self::HelloAck(_) => "hello-ack",
            Self::Part(_) => "part",
            Self::PartAck { .. } => "part-ack",
            Self::Task(_) => "task",
            Self::Accepted { .. } => "accepted",
            Self::Completed { .. } => "completed",
            Self::CompletedAck { .. } => "completed-ack",
            Self::Query { .. } => "query",
            Self::Status { .. } => "status",
            Self::Preflight => "preflight",
            Self::PreflightResult(_) => "preflight-result",
            Self::Probe { .. } => "probe",
            Self::ProbeAck { .. } => "probe-ack",
            Self::Rejection { .. } => "rejection",
        }
    }

    /// The task that it is about, if it is about one.
    #[must_use]
    pub const fn task(&self) -> Option<&TaskId> {
        match self {
            Self::Task(Task { id: task, .. })
            | Self::Accepted { task, .. }
            | Self::Completed { task, .. }
            | Self::CompletedAck { task }
            | Self::Query { task }
            | Self::Status { task, .. } => Some(task),
            Self::Hello(_)
            | Self::HelloAck(_)
            | Self::Part(_)
            | Self::PartAck { .. }
            | Self::Preflight
            | Self::PreflightResult(_)
            | Self::Probe { .. }
            | Self::ProbeAck { .. }
            | Self::Rejection { .. } => None,
        }
    }
}

/// The version of the product whose environments exchange work, compared for equality at the
/// greeting (ET-9). At most 64 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Product(String);

impl Product {
    /// Checks and takes a version text.
    ///
    /// # Errors
    /// When it is empty, longer than 64 octets, or holds anything but visible ASCII.
    pub fn new(version: &str) -> Result<Self, TokenError> {
        let visible = version.bytes().all(|octet| octet.is_ascii_graphic());
        match version.len() {
            1..=64 if visible => Ok(Self(version.to_owned())),
            _ => Err(TokenError),
        }
    }

    /// The version's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One part of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The object that it belongs to.
    pub object: ObjectId,
    /// Which part, from 1.
    pub number: u32,
    /// How many parts the object has.
    pub of: u32,
    /// SHA-256 of the octets.
    pub digest: Digest,
    /// The octets, at most [`PART_OCTETS_MAX`].
    pub octets: Bytes,
}

/// The most octets that one part carries, before base64: 6 MiB, so that the frame stays well below
/// the cap of 16 MiB and the text below that of 8 MiB (section 6.3 of the source).
pub const PART_OCTETS_MAX: usize = 6 * 1024 * 1024;

/// A task as the originator orders it; equal orders have equal octets, and a repeated id with a
/// different order is a conflict (ET-43).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// The task's id, chosen by the originator.
    pub id: TaskId,
    /// Whether it may run beside other tasks of its link and out of their order (ET-56).
    pub independent: bool,
    /// What is to be done.
    pub assignment: Assignment,
}

/// What a task asks the destination to do. ET-36
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Assignment {
    /// Put the object, whose parts have been sent before, in place.
    Transfer {
        /// The object.
        object: ObjectId,
        /// How many parts it has.
        parts: u32,
        /// SHA-256 over the digests of the parts, in order: each octet is hashed once.
        digest: Digest,
    },
    /// Run the command of that name in the destination's configuration.
    Deploy {
        /// The command's name there.
        command: CommandName,
    },
    /// As deploy: separate kinds because they are separate steps that may be run apart.
    Execute {
        /// The command's name there.
        command: CommandName,
    },
}

impl Assignment {
    /// The kind of the task.
    #[must_use]
    pub const fn kind(&self) -> TaskKind {
        match self {
            Self::Transfer { .. } => TaskKind::Transfer,
            Self::Deploy { .. } => TaskKind::Deploy,
            Self::Execute { .. } => TaskKind::Execute,
        }
    }
}

/// The kinds of task. ET-36
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskKind {
    /// Carries a directory of files.
    Transfer,
    /// Turns definitions into the destination's structures.
    Deploy,
    /// Moves content through them.
    Execute,
}

impl TaskKind {
    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Transfer => "transfer",
            Self::Deploy => "deploy",
            Self::Execute => "execute",
        }
    }
}

/// What the destination has recorded of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// The recorded state.
    pub state: crate::state::DestinationState,
    /// How the task ended; present exactly when the state says that it has.
    pub outcome: Option<Outcome>,
}
