//! What an agent must not forget, as typed records of its store.

use portcullis_store::Record;
use serde::{Deserialize, Serialize};

use crate::message::{Assignment, CommandName, Digest, EnvironmentName, ObjectId, Task, TaskId};
use crate::state::{DestinationTask, OriginatorTask};
use crate::work::Manifest;

/// A task that this environment sent, or is to send.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OutboundTask {
    pub(crate) task: TaskId,
    pub(crate) to: EnvironmentName,
    /// Position in the order of submission on this link.
    pub(crate) sequence: u64,
    pub(crate) independent: bool,
    pub(crate) after: Option<TaskId>,
    pub(crate) order: RecordedOrder,
    pub(crate) progress: OriginatorTask,
    /// Counts the commits of this record: names each of them.
    pub(crate) version: u32,
}

/// What a submitted task is to do, with everything that a restart needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RecordedOrder {
    Transfer {
        source: String,
        /// Octets of a part, as configured when the task was submitted.
        part_octets: usize,
        parts: u32,
    },
    Deploy {
        command: CommandName,
    },
    Execute {
        command: CommandName,
    },
}

impl RecordedOrder {
    /// How many parts are to be sent before the task.
    pub(crate) const fn parts(&self) -> u32 {
        match self {
            Self::Transfer { parts, .. } => *parts,
            Self::Deploy { .. } | Self::Execute { .. } => 0,
        }
    }
}

impl OutboundTask {
    /// The object that the task's parts belong to: a task has one, of the same name.
    pub(crate) fn object(&self) -> Option<ObjectId> {
        ObjectId::new(self.task.as_str()).ok()
    }

    /// The task as its message carries it, given the digests of all parts in order.
    pub(crate) fn assignment(&self, digests: &[Digest]) -> Option<Task> {
        let assignment = match &self.order {
            RecordedOrder::Transfer { parts, .. } => Assignment::Transfer {
                object: self.object()?,
                parts: *parts,
                // ET-32: over the digests of the parts, so that each octet is hashed once.
                digest: Digest::of_parts(digests),
            },
            RecordedOrder::Deploy { command } => Assignment::Deploy {
                command: command.clone(),
            },
            RecordedOrder::Execute { command } => Assignment::Execute {
                command: command.clone(),
            },
        };
        Some(Task {
            id: self.task.clone(),
            independent: self.independent,
            assignment,
        })
    }
}

impl Record for OutboundTask {
    const TABLE: &'static str = "outbound-task";
    const SCHEMA: u32 = 1;

    fn key(&self) -> String {
        self.task.to_string()
    }
}

/// The files of a transfer that was submitted; written once, because it may be long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OutboundFiles {
    pub(crate) task: TaskId,
    pub(crate) manifest: Manifest,
}

impl Record for OutboundFiles {
    const TABLE: &'static str = "outbound-files";
    const SCHEMA: u32 = 1;

    fn key(&self) -> String {
        self.task.to_string()
    }
}

/// A part that the destination has acknowledged: it is not sent again, also not after a restart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OutboundPart {
    pub(crate) task: TaskId,
    pub(crate) number: u32,
    pub(crate) digest: Digest,
}

impl Record for OutboundPart {
    const TABLE: &'static str = "outbound-part";
    const SCHEMA: u32 = 1;

    fn key(&self) -> String {
        format!("{}/{:010}", self.task, self.number)
    }
}

/// A task that another environment sent here. Kept for ever, which outlives every retry horizon of
/// the sender (ET-47).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct InboundTask {
    pub(crate) from: EnvironmentName,
    pub(crate) task: Task,
    /// Position in the order of acceptance on this link.
    pub(crate) sequence: u64,
    pub(crate) progress: DestinationTask,
    /// Counts the commits of this record: names each of them.
    pub(crate) version: u32,
}

impl Record for InboundTask {
    const TABLE: &'static str = "inbound-task";
    const SCHEMA: u32 = 1;

    fn key(&self) -> String {
        format!("{}/{}", self.from, self.task.id)
    }
}

/// A part that is staged here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct InboundPart {
    pub(crate) from: EnvironmentName,
    pub(crate) object: ObjectId,
    pub(crate) number: u32,
    pub(crate) of: u32,
    pub(crate) digest: Digest,
}

impl InboundPart {
    /// The key of one part of an object.
    pub(crate) fn key_of(from: &EnvironmentName, object: &ObjectId, number: u32) -> String {
        format!("{from}/{object}/{number:010}")
    }
}

impl Record for InboundPart {
    const TABLE: &'static str = "inbound-part";
    const SCHEMA: u32 = 1;

    fn key(&self) -> String {
        Self::key_of(&self.from, &self.object, self.number)
    }
}

/// How often an agent has started on this store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Starts {
    pub(crate) count: u64,
}

impl Starts {
    /// The key of the only record.
    pub(crate) const KEY: &'static str = "agent";
}

impl Record for Starts {
    const TABLE: &'static str = "starts";
    const SCHEMA: u32 = 1;

    fn key(&self) -> String {
        Self::KEY.to_owned()
    }
}
