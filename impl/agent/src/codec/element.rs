//! Bodies as elements: each kind is written and read side by side.

use std::fmt::Display;
use std::str::FromStr;

use bytes::Bytes;
use portcullis_xml::{ElementReader, Writer, XmlError, XmlErrorKind};

use super::DecodeError;
use crate::message::{
    Assignment, Body, Callback, FailureReason, Known, Outcome, PART_OCTETS_MAX, Part, PortRange,
    PreflightResult, Product, Reason, Task,
};
use crate::state::DestinationState;

/// Writes what is below the header.
pub(super) fn write_body(writer: &mut Writer, body: &Body) {
    match body {
        Body::Hello(product) | Body::HelloAck(product) => {
            writer.attribute("product", product);
        }
        Body::Part(part) => {
            writer
                .attribute("object", &part.object)
                .attribute("number", part.number)
                .attribute("of", part.of)
                .attribute("digest", part.digest)
                .base64(&part.octets);
        }
        Body::PartAck { object, number } => {
            writer
                .attribute("object", object)
                .attribute("number", number);
        }
        Body::Task(task) => write_task(writer, task),
        Body::Accepted { task, known } => {
            writer.attribute("task", task);
            write_known(writer, Some(known));
        }
        Body::Completed { task, outcome } => {
            writer.attribute("task", task);
            write_outcome(writer, Some(*outcome));
        }
        Body::CompletedAck { task } | Body::Query { task } => {
            writer.attribute("task", task);
        }
        Body::Status { task, known } => {
            writer.attribute("task", task);
            write_known(writer, known.as_ref());
        }
        Body::Preflight => {}
        Body::PreflightResult(result) => {
            writer
                .attribute("callback", result.callback.name())
                .attribute("address", &result.address)
                .attribute("port", result.port)
                .optional_attribute("dynamic-ports", result.dynamic_ports);
        }
        Body::Probe { preflight } | Body::ProbeAck { preflight } => {
            writer.attribute("preflight", preflight);
        }
        Body::Rejection { reason, product } => {
            writer
                .attribute("reason", reason.name())
                .attribute("product", product);
        }
    }
}

fn write_task(writer: &mut Writer, task: &Task) {
    writer
        .attribute("task", &task.id)
        .attribute("independent", task.independent);
    writer.open(task.assignment.kind().name());
    match &task.assignment {
        Assignment::Transfer {
            object,
            parts,
            digest,
        } => {
            writer
                .attribute("object", object)
                .attribute("parts", parts)
                .attribute("digest", digest);
        }
        Assignment::Deploy { command } | Assignment::Execute { command } => {
            writer.attribute("command", command);
        }
    }
    writer.close();
}

fn write_known(writer: &mut Writer, known: Option<&Known>) {
    writer.attribute("state", known.map_or(UNKNOWN, |known| known.state.name()));
    write_outcome(writer, known.and_then(|known| known.outcome));
}

fn write_outcome(writer: &mut Writer, outcome: Option<Outcome>) {
    let reason = outcome.and_then(Outcome::reason);
    writer
        .optional_attribute("outcome", outcome.map(Outcome::name))
        .optional_attribute("reason", reason.map(FailureReason::name));
}

/// The state that a status answer names when the task is not known.
const UNKNOWN: &str = "unknown";

/// Reads what is below the header. ET-69: whatever is left over is refused.
pub(super) fn read_body(kind: &str, mut reader: ElementReader<'_>) -> Result<Body, DecodeError> {
    let body = match kind {
        "hello" => Body::Hello(product(&mut reader)?),
        "hello-ack" => Body::HelloAck(product(&mut reader)?),
        "part" => return Ok(Body::Part(read_part(reader)?)),
        "part-ack" => Body::PartAck {
            object: reader.parse_attribute("object")?,
            number: canonical(&mut reader, "number")?,
        },
        "task" => Body::Task(read_task(&mut reader)?),
        "accepted" => {
            let task = reader.parse_attribute("task")?;
            let Some(known) = read_known(&mut reader)? else {
                return Err(reader.error(XmlErrorKind::InvalidValue).into());
            };
            Body::Accepted { task, known }
        }
        "completed" => {
            let task = reader.parse_attribute("task")?;
            let Some(outcome) = read_outcome(&mut reader)? else {
                return Err(reader.error(XmlErrorKind::MissingAttribute).into());
            };
            Body::Completed { task, outcome }
        }
        "completed-ack" => Body::CompletedAck {
            task: reader.parse_attribute("task")?,
        },
        "query" => Body::Query {
            task: reader.parse_attribute("task")?,
        },
        "status" => Body::Status {
            task: reader.parse_attribute("task")?,
            known: read_known(&mut reader)?,
        },
        "preflight" => Body::Preflight,
        "preflight-result" => Body::PreflightResult(read_preflight_result(&mut reader)?),
        "probe" => Body::Probe {
            preflight: reader.parse_attribute("preflight")?,
        },
        "probe-ack" => Body::ProbeAck {
            preflight: reader.parse_attribute("preflight")?,
        },
        "rejection" => Body::Rejection {
            reason: named(&mut reader, "reason", Reason::parse)?,
            product: product(&mut reader)?,
        },
        _ => return Err(DecodeError::UnknownKind),
    };
    reader.finish()?;
    Ok(body)
}

fn read_part(mut reader: ElementReader<'_>) -> Result<Part, XmlError> {
    let object = reader.parse_attribute("object")?;
    let number = canonical(&mut reader, "number")?;
    let of = canonical(&mut reader, "of")?;
    let digest = reader.parse_attribute("digest")?;
    let invalid = reader.error(XmlErrorKind::InvalidValue);
    let octets = reader.base64()?;
    if octets.len() > PART_OCTETS_MAX || !(1..=of).contains(&number) {
        return Err(invalid);
    }
    let octets = Bytes::from(octets);
    Ok(Part {
        object,
        number,
        of,
        digest,
        octets,
    })
}

fn read_task(reader: &mut ElementReader<'_>) -> Result<Task, DecodeError> {
    let id = reader.parse_attribute("task")?;
    let independent = reader.parse_attribute("independent")?;
    let Some(child) = reader.next_child() else {
        return Err(reader.error(XmlErrorKind::MissingElement).into());
    };
    if child.namespace() != super::NAMESPACE {
        return Err(XmlError::new(child.at(), XmlErrorKind::UnexpectedElement).into());
    }
    let name = child.name();
    let mut child = ElementReader::new(child);
    let assignment = match name {
        "transfer" => Assignment::Transfer {
            object: child.parse_attribute("object")?,
            parts: canonical(&mut child, "parts")?,
            digest: child.parse_attribute("digest")?,
        },
        "deploy" => Assignment::Deploy {
            command: child.parse_attribute("command")?,
        },
        "execute" => Assignment::Execute {
            command: child.parse_attribute("command")?,
        },
        // ET-36: other kinds are rejected with a reason of their own.
        _ => return Err(DecodeError::UnknownTaskKind),
    };
    child.finish()?;
    Ok(Task {
        id,
        independent,
        assignment,
    })
}

fn read_preflight_result(reader: &mut ElementReader<'_>) -> Result<PreflightResult, XmlError> {
    Ok(PreflightResult {
        callback: named(reader, "callback", Callback::parse)?,
        address: reader.parse_attribute("address")?,
        port: canonical(reader, "port")?,
        dynamic_ports: optional_canonical::<PortRange>(reader, "dynamic-ports")?,
    })
}

fn read_known(reader: &mut ElementReader<'_>) -> Result<Option<Known>, XmlError> {
    let state = reader.attribute("state")?;
    let outcome = read_outcome(reader)?;
    let invalid = reader.error(XmlErrorKind::InvalidValue);
    match (DestinationState::parse(state), outcome) {
        (Some(state), outcome) => Known::new(state, outcome).map(Some).ok_or(invalid),
        (None, None) if state == UNKNOWN => Ok(None),
        (None, _) => Err(invalid),
    }
}

fn read_outcome(reader: &mut ElementReader<'_>) -> Result<Option<Outcome>, XmlError> {
    let outcome = match reader.optional_attribute("outcome") {
        None => return Ok(None),
        Some("succeeded") => Outcome::Succeeded,
        Some("cancelled") => Outcome::Cancelled,
        // ET-38: a failure has a reason code, one that a destination can have.
        Some("failed") => {
            let reason = named(reader, "reason", FailureReason::parse)?;
            if reason.is_of_originator() {
                return Err(reader.error(XmlErrorKind::InvalidValue));
            }
            Outcome::Failed(reason)
        }
        Some(_) => return Err(reader.error(XmlErrorKind::InvalidValue)),
    };
    Ok(Some(outcome))
}

fn product(reader: &mut ElementReader<'_>) -> Result<Product, XmlError> {
    named(reader, "product", |text| Product::new(text).ok())
}

/// An attribute whose value is a name from a table.
fn named<T>(
    reader: &mut ElementReader<'_>,
    name: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<T, XmlError> {
    let invalid = reader.error(XmlErrorKind::InvalidValue);
    parse(reader.attribute(name)?).ok_or(invalid)
}

/// An attribute whose value has one way to be written: `+1`, `01` or another way to write a time
/// would make equal messages of unequal octets (ET-71).
pub(crate) fn canonical<T: FromStr + Display>(
    reader: &mut ElementReader<'_>,
    name: &str,
) -> Result<T, XmlError> {
    let missing = reader.error(XmlErrorKind::MissingAttribute);
    optional_canonical(reader, name)?.ok_or(missing)
}

/// The same, for an attribute that may be absent.
fn optional_canonical<T: FromStr + Display>(
    reader: &mut ElementReader<'_>,
    name: &str,
) -> Result<Option<T>, XmlError> {
    let invalid = reader.error(XmlErrorKind::InvalidValue);
    let Some(text) = reader.optional_attribute(name) else {
        return Ok(None);
    };
    match text.parse::<T>() {
        Ok(value) if value.to_string() == text => Ok(Some(value)),
        _ => Err(invalid),
    }
}
