//! The words that scenario files may use for what the agents announce and what is on the wire.

use portcullis_agent::message::{FailureReason, Reason};

use super::super::stranger;
use super::super::vocabulary::{effect, kind, state};
use super::STATES;

/// Every kind of message, and what is none.
pub(super) const MESSAGES: &[&str] = &[
    kind::HELLO,
    kind::HELLO_ACK,
    kind::PART,
    kind::PART_ACK,
    kind::TASK,
    kind::ACCEPTED,
    kind::COMPLETED,
    kind::COMPLETED_ACK,
    kind::QUERY,
    kind::STATUS,
    kind::REJECTION,
    kind::PREFLIGHT,
    kind::PREFLIGHT_RESULT,
    kind::PROBE,
    kind::PROBE_ACK,
    kind::UNDECODABLE,
];

/// What strangers hear: as messages, and nothing.
pub(super) const HEARD: &[&str] = &heard();

const fn heard() -> [&'static str; MESSAGES.len() + 1] {
    let mut words = [stranger::NOTHING; MESSAGES.len() + 1];
    let mut index = 0;
    while index < MESSAGES.len() {
        words[index] = MESSAGES[index];
        index += 1;
    }
    words
}

/// By field of an event, for [`crate::scenario::ProtocolKeys`].
pub(super) const WORDS: &[(&str, &[&str])] = &[
    ("message", MESSAGES),
    ("state", STATES),
    (
        "write",
        &[
            "outbound-task",
            "outbound-files",
            "outbound-part",
            "inbound-task",
            "inbound-part",
            "starts",
        ],
    ),
    (
        "effect",
        &[
            effect::WORK_STARTED,
            effect::WORK_ENDED,
            effect::ATTEMPT_FAILED,
            effect::CONNECTION,
            effect::WARNING,
            effect::PREFLIGHT,
            effect::START_FAILED,
            effect::COMMAND_REFUSED,
            effect::FILES_READ,
            effect::FILES_PLACED,
            effect::APPROACHED,
            effect::ENCOUNTER,
        ],
    ),
    ("machine", &[state::ORIGINATOR, state::DESTINATION]),
];

/// The classes of failed attempts (ET-78).
pub(super) const CLASSES: &[&str] = &[
    "refused",
    "timed-out",
    "unreachable-host",
    "unreachable-network",
    "reset",
    "truncated",
    "protocol",
    "version",
    "auth",
    "local-resource",
    "callback-unreachable",
];

/// What connections are for.
pub(super) const PHASES: &[&str] = &[
    "establish",
    "part",
    "task",
    "completion",
    "query",
    "preflight",
    "probe",
    "unknown",
];

/// What a preflight finds out about a direction (ET-81): a word of its own, or a class.
pub(super) const FOUND: &[&str] = &found();

/// The words that are no classes.
const FOUND_BESIDE_CLASSES: [&str; 3] = ["open", "elsewhere", "untried"];

const fn found() -> [&'static str; FOUND_BESIDE_CLASSES.len() + CLASSES.len()] {
    let mut words = [""; FOUND_BESIDE_CLASSES.len() + CLASSES.len()];
    let mut index = 0;
    while index < words.len() {
        words[index] = match index.checked_sub(FOUND_BESIDE_CLASSES.len()) {
            None => FOUND_BESIDE_CLASSES[index],
            Some(index) => CLASSES[index],
        };
        index += 1;
    }
    words
}

/// What operators are warned of.
pub(super) const WARNINGS: &[&str] = &[
    "reverse-path",
    "completion-parked",
    "outcome-conflict",
    "foreign-completion",
    "port-in-dynamic-range",
    "connection-limit",
    "accept-failed",
    "octets-after-message",
    "request-refused",
    "clock-skew",
    "store-failed",
    "link-missing",
];

const REASON_COUNT: usize = FailureReason::ALL.len() + Reason::ALL.len();

/// Why tasks fail, then why requests are refused.
pub(super) const REASONS: &[&str] = &reasons();

const fn reasons() -> [&'static str; REASON_COUNT] {
    let mut words = [""; REASON_COUNT];
    let mut index = 0;
    while index < REASON_COUNT {
        words[index] = match index.checked_sub(FailureReason::ALL.len()) {
            None => FailureReason::ALL[index].name(),
            Some(index) => Reason::ALL[index].name(),
        };
        index += 1;
    }
    words
}
