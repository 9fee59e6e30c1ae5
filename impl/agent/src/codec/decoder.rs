//! What an outsider reads from one direction of a connection.

use std::collections::BTreeMap;

use super::document::decode;
use super::frame::Reassembly;
use super::seal::{key_of, verify};
use crate::config::Authentication;
use crate::message::{Assignment, Body, Header, Known, Message, Outcome};

/// Reads one direction of a connection as it arrives and tells what was said.
///
/// Holds at most one data unit. Any split of the octets gives the same result (ET-31).
#[derive(Debug)]
pub struct Decoder {
    unit: Reassembly,
    failed: bool,
    authentication: Authentication,
}

/// A message as an outsider sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The message's kind, or `undecodable`: then nothing more of this direction is read.
    pub kind: &'static str,
    /// What it says, by name; for an undecodable one, `error`, and `id` where that could be read.
    pub fields: BTreeMap<&'static str, String>,
    /// Its octets on the wire, the length included.
    pub octets: usize,
}

impl Decoder {
    /// A decoder at the start of a direction. Frames up to `frame_max` octets are read.
    #[must_use]
    pub fn new(frame_max: usize) -> Self {
        Self {
            unit: Reassembly::new(frame_max),
            failed: false,
            authentication: Authentication::None,
        }
    }

    /// The same for somebody who has the keys of the link: a message whose code is not right has
    /// `authentic` as `false`.
    #[must_use]
    pub fn knowing(self, authentication: Authentication) -> Self {
        Self {
            authentication,
            ..self
        }
    }

    /// Takes the next octets and returns the messages that they complete.
    pub fn feed(&mut self, mut octets: &[u8]) -> Vec<Seen> {
        let mut seen = Vec::new();
        while !self.failed && !octets.is_empty() {
            match self.unit.feed(octets) {
                Ok((taken, complete)) => {
                    octets = octets.get(taken..).unwrap_or_default();
                    if complete {
                        let (document, length) = self.unit.take();
                        seen.push(self.see(&document, length));
                    }
                }
                Err(error) => {
                    self.failed = true;
                    seen.push(undecodable(error.name(), self.unit.held(), None));
                }
            }
        }
        seen
    }

    fn see(&mut self, document: &[u8], octets: usize) -> Seen {
        match decode(document) {
            Ok(message) => {
                let mut fields = fields(&message);
                if let Some(key) = key_of(document) {
                    fields.insert("key", key.to_string());
                }
                let asks = matches!(self.authentication, Authentication::Mac(_));
                if asks && verify(document, &self.authentication).is_err() {
                    fields.insert("authentic", "false".to_owned());
                }
                Seen {
                    kind: message.kind(),
                    fields,
                    octets,
                }
            }
            Err(refused) => {
                self.failed = true;
                undecodable(refused.error.name(), octets, refused.header.as_deref())
            }
        }
    }
}

fn undecodable(error: &'static str, octets: usize, header: Option<&Header>) -> Seen {
    let mut fields = BTreeMap::from([("error", error.to_owned())]);
    if let Some(header) = header {
        fields.insert("id", header.id.to_string());
    }
    Seen {
        kind: "undecodable",
        fields,
        octets,
    }
}

/// Everything that a message says, except the octets of a part.
#[must_use]
pub fn fields(message: &Message) -> BTreeMap<&'static str, String> {
    let header = &message.header;
    let mut fields = BTreeMap::from([
        ("version", crate::message::PROTOCOL_VERSION.to_string()),
        ("id", header.id.to_string()),
        ("kind", message.kind().to_owned()),
        ("from", header.from.to_string()),
        ("to", header.to.to_string()),
        ("sent-at", header.sent_at.to_string()),
        ("attempt", header.attempt.to_string()),
    ]);
    if let Some(id) = &header.relates_to {
        fields.insert("relates-to", id.to_string());
    }
    match &message.body {
        Body::Hello(product) | Body::HelloAck(product) => {
            fields.insert("product", product.to_string());
        }
        Body::Part(part) => {
            fields.insert("object", part.object.to_string());
            fields.insert("part", part.number.to_string());
            fields.insert("of", part.of.to_string());
            fields.insert("digest", part.digest.to_string());
        }
        Body::PartAck { object, number } => {
            fields.insert("object", object.to_string());
            fields.insert("part", number.to_string());
        }
        Body::Task(task) => {
            fields.insert("task", task.id.to_string());
            fields.insert("independent", task.independent.to_string());
            fields.insert("task-kind", task.assignment.kind().name().to_owned());
            assignment_fields(&task.assignment, &mut fields);
        }
        Body::Accepted { task, known } => {
            fields.insert("task", task.to_string());
            known_fields(Some(known), &mut fields);
        }
        Body::Completed { task, outcome } => {
            fields.insert("task", task.to_string());
            outcome_fields(*outcome, &mut fields);
        }
        Body::CompletedAck { task } | Body::Query { task } => {
            fields.insert("task", task.to_string());
        }
        Body::Status { task, known } => {
            fields.insert("task", task.to_string());
            known_fields(known.as_ref(), &mut fields);
        }
        Body::Preflight => {}
        Body::PreflightResult(result) => {
            fields.insert("callback", result.callback.name().to_owned());
            fields.insert("address", result.address.to_string());
            fields.insert("port", result.port.to_string());
            if let Some(ports) = result.dynamic_ports {
                fields.insert("dynamic-ports", ports.to_string());
            }
        }
        Body::Probe { preflight } | Body::ProbeAck { preflight } => {
            fields.insert("preflight", preflight.to_string());
        }
        Body::Rejection { reason, product } => {
            fields.insert("reason", reason.name().to_owned());
            fields.insert("product", product.to_string());
        }
    }
    fields
}

fn assignment_fields(assignment: &Assignment, fields: &mut BTreeMap<&'static str, String>) {
    match assignment {
        Assignment::Transfer {
            object,
            parts,
            digest,
        } => {
            fields.insert("object", object.to_string());
            fields.insert("parts", parts.to_string());
            fields.insert("digest", digest.to_string());
        }
        Assignment::Deploy { command } | Assignment::Execute { command } => {
            fields.insert("command", command.to_string());
        }
    }
}

fn known_fields(known: Option<&Known>, fields: &mut BTreeMap<&'static str, String>) {
    let state = known.map_or("unknown", |known| known.state.name());
    fields.insert("state", state.to_owned());
    if let Some(outcome) = known.and_then(|known| known.outcome) {
        outcome_fields(outcome, fields);
    }
}

fn outcome_fields(outcome: Outcome, fields: &mut BTreeMap<&'static str, String>) {
    fields.insert("outcome", outcome.name().to_owned());
    if let Some(reason) = outcome.reason() {
        fields.insert("reason", reason.name().to_owned());
    }
}
