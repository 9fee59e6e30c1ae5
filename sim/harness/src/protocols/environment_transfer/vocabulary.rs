//! The names under which the protocol's messages, states and effects appear in a history.

/// Kinds of messages, as the agent's codec names them.
pub mod kind {
    /// Opens a session.
    pub const HELLO: &str = "hello";
    /// Answers a greeting.
    pub const HELLO_ACK: &str = "hello-ack";
    /// One part of a transferred object.
    pub const PART: &str = "part";
    /// Answers a part once it is durable.
    pub const PART_ACK: &str = "part-ack";
    /// Gives a task.
    pub const TASK: &str = "task";
    /// Answers a task once it is durable.
    pub const ACCEPTED: &str = "accepted";
    /// Reports an outcome.
    pub const COMPLETED: &str = "completed";
    /// Answers a report once it is durable.
    pub const COMPLETED_ACK: &str = "completed-ack";
    /// Asks for the recorded state of a task.
    pub const QUERY: &str = "query";
    /// Answers a query.
    pub const STATUS: &str = "status";
    /// Refuses any request.
    pub const REJECTION: &str = "rejection";
    /// Asks whether the way back is open.
    pub const PREFLIGHT: &str = "preflight";
    /// Tells it.
    pub const PREFLIGHT_RESULT: &str = "preflight-result";
    /// Tries the way back.
    pub const PROBE: &str = "probe";
    /// Acknowledges that.
    pub const PROBE_ACK: &str = "probe-ack";
    /// Octets that the codec did not read as a message.
    pub const UNDECODABLE: &str = "undecodable";

    /// The kind that answers a request of kind `request` when it is not rejected.
    #[must_use]
    pub fn answer(request: &str) -> Option<&'static str> {
        match request {
            HELLO => Some(HELLO_ACK),
            PART => Some(PART_ACK),
            TASK => Some(ACCEPTED),
            COMPLETED => Some(COMPLETED_ACK),
            QUERY => Some(STATUS),
            PREFLIGHT => Some(PREFLIGHT_RESULT),
            PROBE => Some(PROBE_ACK),
            _ => None,
        }
    }
}

/// Fields of messages.
pub mod field {
    /// The protocol's version.
    pub const VERSION: &str = "version";
    /// The message's own id.
    pub const ID: &str = "id";
    /// The sending environment.
    pub const FROM: &str = "from";
    /// The environment addressed.
    pub const TO: &str = "to";
    /// The sender's wall clock.
    pub const SENT_AT: &str = "sent-at";
    /// The id of the request that a reply answers.
    pub const RELATES_TO: &str = "relates-to";
    /// What a reply relates to whose request has no readable id.
    pub const UNREADABLE: &str = "unreadable";
    /// The task concerned.
    pub const TASK: &str = "task";
    /// The transferred object concerned.
    pub const OBJECT: &str = "object";
    /// Which part of the object.
    pub const PART: &str = "part";
    /// How a task ended.
    pub const OUTCOME: &str = "outcome";
    /// Why it failed.
    pub const REASON: &str = "reason";
    /// Why octets were not read as a message.
    pub const ERROR: &str = "error";
    /// The recorded state, in a status or an acceptance.
    pub const RECORDED: &str = "recorded";
    /// Whether the task may run beside others of its link.
    pub const INDEPENDENT: &str = "independent";
    /// What became of trying the way back.
    pub const CALLBACK: &str = "callback";
    /// The preflight that a probe belongs to.
    pub const PREFLIGHT: &str = "preflight";
    /// The environment at the other end of a task's link.
    pub const PEER: &str = "peer";
    /// `false` when the code of a message is not right for its link.
    pub const AUTHENTIC: &str = "authentic";
    /// The product version that a message names.
    pub const PRODUCT: &str = "product";
    /// Which directory, of files that are read.
    pub const FILES: &str = "files";
    /// What is in files, as a digest.
    pub const DIGEST: &str = "digest";
    /// The step of the scenario that a stranger follows.
    pub const ACT: &str = "act";
    /// What a stranger heard: a kind of message, `undecodable`, or `nothing`.
    pub const HEARD: &str = "heard";
    /// How a stranger's connection ended.
    pub const ENDING: &str = "ending";
}

/// How tasks end.
pub mod outcome {
    /// The work was done.
    pub const SUCCEEDED: &str = "succeeded";
    /// The work was not done, or not to its end.
    pub const FAILED: &str = "failed";
    /// An operator stopped it.
    pub const CANCELLED: &str = "cancelled";
    /// All of them.
    pub const ALL: [&str; 3] = [SUCCEEDED, FAILED, CANCELLED];
    /// The reasons of failures that an originator decides by itself, before anything is sent.
    pub const DECIDED_AT_ORIGINATOR: [&str; 2] = ["dependency-failed", "source-unreadable"];
}

/// State machines and their states.
pub mod state {
    /// A task as the originator sees it.
    pub const ORIGINATOR: &str = "originator-task";
    /// A task as the destination sees it.
    pub const DESTINATION: &str = "destination-task";
    /// Durable at the originator, not sent yet.
    pub const PREPARED: &str = "prepared";
    /// Being sent.
    pub const SENDING: &str = "sending";
    /// The destination has acknowledged it, at the originator.
    pub const ACCEPTED: &str = "accepted";
    /// Nobody knows; a query resolves it.
    pub const IN_DOUBT: &str = "in-doubt";
    /// Ended well, at the originator.
    pub const COMPLETED: &str = "completed";
    /// Ended badly, at the originator.
    pub const FAILED: &str = "failed";
    /// Ended by an operator, at the originator.
    pub const CANCELLED: &str = "cancelled";
    /// Refused by the destination, at the originator.
    pub const REJECTED: &str = "rejected";
    /// Durable at the destination.
    pub const RECORDED: &str = "recorded";
    /// Being worked on.
    pub const RUNNING: &str = "running";
    /// Worked on; the originator does not know yet.
    pub const FINISHED: &str = "finished-unreported";
    /// The originator acknowledged the outcome.
    pub const REPORTED: &str = "reported";
    /// The outcome is kept for a query; nobody tries to report it any more.
    pub const PARKED: &str = "parked";

    /// Whether an originator's task in `state` moves no more.
    #[must_use]
    pub fn is_final_at_originator(state: &str) -> bool {
        matches!(state, COMPLETED | FAILED | CANCELLED | REJECTED)
    }

    /// Whether `state` is one of the destination's.
    #[must_use]
    pub fn is_known_at_destination(state: &str) -> bool {
        matches!(state, RECORDED | RUNNING | FINISHED | REPORTED | PARKED)
    }

    /// The outcome that a final state of the originator stands for.
    #[must_use]
    pub fn outcome(state: &str) -> Option<&'static str> {
        match state {
            COMPLETED => Some(super::outcome::SUCCEEDED),
            FAILED => Some(super::outcome::FAILED),
            CANCELLED => Some(super::outcome::CANCELLED),
            _ => None,
        }
    }
}

/// Effects that agents announce.
pub mod effect {
    /// Work on a task begins.
    pub const WORK_STARTED: &str = "work-started";
    /// Work on a task ran to its end.
    pub const WORK_ENDED: &str = "work-ended";
    /// One attempt at an exchange failed.
    pub const ATTEMPT_FAILED: &str = "attempt-failed";
    /// A connection ended, as the agent logs it (ET-82).
    pub const CONNECTION: &str = "connection";
    /// Something for an operator to look at.
    pub const WARNING: &str = "warning";
    /// An environment could not start.
    pub const START_FAILED: &str = "start-failed";
    pub use crate::check::COMMAND_REFUSED;
    /// The files of a transfer were listed at their source.
    pub const FILES_READ: &str = "files-read";
    /// The files of a transfer are in place at the destination.
    pub const FILES_PLACED: &str = "files-placed";
    /// A stranger has a connection.
    pub const APPROACHED: &str = "approached";
    /// A stranger's connection is over.
    pub const ENCOUNTER: &str = "encounter";
    /// A direction of a link was tried (ET-81).
    pub const PREFLIGHT: &str = "preflight";
    /// The kind of the task that is worked on.
    pub const TASK_KIND: &str = "task-kind";
}
