//! SPEC.md says what the code does: its examples octet for octet, its names, its figures.

use std::time::Duration;

use portcullis_agent::codec::{LENGTH_OCTETS, Reassembly, decode, encode_for, verify};
use portcullis_agent::config::{Authentication, Key, KeyRing, Limits, Retries, Timers};
use portcullis_agent::error::FailureClass;
use portcullis_agent::message::{
    Assignment, Body, Callback, Digest, FailureReason, Message, Outcome, PART_OCTETS_MAX, Reason,
};
use portcullis_agent::retry::{Schedule, Then};
use portcullis_agent::state::{DestinationState, OriginatorState};
use portcullis_agent::work::Manifest;

const SPEC: &str = include_str!("../../SPEC.md");
const SECRET: &[u8] = b"portcullis example secret No. 1!";

fn authentication() -> Authentication {
    Authentication::Mac(KeyRing::new(Key::from_octets(SECRET).unwrap(), None))
}

/// Every example: the four octets of its length and its document.
fn examples() -> Vec<([u8; LENGTH_OCTETS], &'static str)> {
    let mut pieces = SPEC.split("\nLength `");
    pieces.next();
    let example = |piece: &'static str| {
        let (length, rest) = piece.split_once("`, document:\n\n```xml\n").unwrap();
        let (document, _) = rest.split_once("\n```\n").unwrap();
        let octets: Vec<u8> = length
            .split(' ')
            .map(|octet| u8::from_str_radix(octet, 16).unwrap())
            .collect();
        (octets.try_into().unwrap(), document)
    };
    pieces.map(example).collect()
}

/// The rows of the tables of a section.
fn rows(heading: &str) -> impl Iterator<Item = &'static str> {
    let (_, section) = SPEC.split_once(&format!("\n### {heading} ")).unwrap();
    let (section, _) = section.split_once("\n#").unwrap();
    section.lines()
}

fn message(document: &str) -> Message {
    decode(document.as_bytes()).unwrap_or_else(|refused| panic!("{refused:?}: {document}"))
}

#[test]
fn every_example_is_what_the_codec_writes_and_reads() {
    let authentication = authentication();
    for (length, document) in examples() {
        let unit = [&length, document.as_bytes()].concat();
        let mut reassembly = Reassembly::new(1 << 20);
        assert_eq!(reassembly.feed(&unit), Ok((unit.len(), true)), "{document}");
        let message = message(document);
        assert_eq!(
            encode_for(&message, &authentication).unwrap(),
            unit,
            "{document}"
        );
        assert_eq!(
            verify(document.as_bytes(), &authentication),
            Ok(()),
            "{document}"
        );
        let stale = document.replace("sent-at=\"2026", "sent-at=\"2027");
        assert!(
            verify(stale.as_bytes(), &authentication).is_err(),
            "{document}"
        );
    }
}

/// A kind of message without an example fails here; a new kind does not compile.
#[test]
fn every_kind_of_message_has_an_example() {
    let mut shown = [false; 15];
    for (_, document) in examples() {
        let index = match message(document).body {
            Body::Hello(_) => 0,
            Body::HelloAck(_) => 1,
            Body::Part(_) => 2,
            Body::PartAck { .. } => 3,
            Body::Task(_) => 4,
            Body::Accepted { .. } => 5,
            Body::Completed { .. } => 6,
            Body::CompletedAck { .. } => 7,
            Body::Query { .. } => 8,
            Body::Status { .. } => 9,
            Body::Preflight => 10,
            Body::PreflightResult(_) => 11,
            Body::Probe { .. } => 12,
            Body::ProbeAck { .. } => 13,
            Body::Rejection { .. } => 14,
        };
        shown[index] = true;
    }
    assert_eq!(shown, [true; 15]);
}

/// Nor is a variant of a message left out.
#[test]
fn every_form_of_a_message_has_an_example() {
    let bodies: Vec<Body> = examples()
        .iter()
        .map(|(_, text)| message(text).body)
        .collect();
    let count = |wanted: &dyn Fn(&Body) -> bool| bodies.iter().filter(|body| wanted(body)).count();
    for kind in ["transfer", "deploy", "execute"] {
        let of_kind = |assignment: &Assignment| assignment.kind().name() == kind;
        assert_eq!(
            count(&|body| matches!(body, Body::Task(task) if of_kind(&task.assignment))),
            1,
            "{kind}"
        );
    }
    for named in ["succeeded", "failed", "cancelled"] {
        let has = |outcome: Outcome| outcome.name() == named;
        assert_eq!(
            count(&|body| matches!(body, Body::Completed { outcome, .. } if has(*outcome))),
            1,
            "{named}"
        );
    }
    assert_eq!(
        count(&|body| matches!(body, Body::Status { known: None, .. })),
        1
    );
    let reached = |callback| callback == Callback::Reached;
    assert_eq!(
        count(&|body| matches!(body, Body::PreflightResult(result) if reached(result.callback))),
        1
    );
    assert_eq!(
        count(
            &|body| matches!(body, Body::PreflightResult(result) if result.dynamic_ports.is_some())
        ),
        1
    );
}

#[test]
fn every_name_is_in_it() {
    let reasons = Reason::ALL.iter().map(|reason| reason.name());
    let failures = FailureReason::ALL.iter().map(|reason| reason.name());
    let classes = FailureClass::ALL.iter().map(|class| class.name());
    let here = OriginatorState::ALL.iter().map(|state| state.name());
    let there = DestinationState::ALL.iter().map(|state| state.name());
    for name in reasons
        .chain(failures)
        .chain(classes)
        .chain(here)
        .chain(there)
    {
        assert!(SPEC.contains(&format!("`{name}`")), "{name}");
    }
    // Which refusals may be repeated.
    for reason in Reason::ALL {
        let row = rows("4.1").find(|line| line.starts_with(&format!("| `{}` |", reason.name())));
        let word = if reason.is_final() { "yes" } else { "no" };
        let cell = row
            .unwrap_or_default()
            .split(" | ")
            .nth(1)
            .unwrap_or_default();
        assert!(cell.starts_with(word), "{}: {cell}", reason.name());
    }
    let (_, rule) = SPEC.split_once("looking for the task's id: ").unwrap();
    let (rule, _) = rule.split_once("Any other").unwrap();
    for reason in Reason::ALL {
        let named = rule.contains(&format!("`{}`", reason.name()));
        assert_eq!(named, reason.is_about_task(), "{}", reason.name());
    }
}

fn words(duration: Duration) -> String {
    match duration.as_secs() {
        seconds if seconds >= 3600 && seconds % 3600 == 0 => format!("{} h", seconds / 3600),
        seconds if seconds > 60 && seconds % 60 == 0 => format!("{} min", seconds / 60),
        seconds => format!("{seconds} s"),
    }
}

#[test]
fn the_timers_are_those_of_the_code() {
    let timers = Timers::default();
    let config = portcullis_agent::Config::new(
        portcullis_agent::message::EnvironmentName::new("a").unwrap(),
        portcullis_agent::message::Product::new("1").unwrap(),
    );
    for (name, timer) in [
        ("connect", timers.connect),
        ("frame", timers.frame),
        ("acknowledgement", timers.acknowledgement),
        ("linger", timers.linger),
        ("task deadline", timers.task_deadline),
        ("probe", timers.probe),
        ("tolerance", config.tolerance),
    ] {
        let row = format!("| {name} | {} |", words(timer));
        assert!(SPEC.contains(&row), "{row}");
    }
}

#[test]
fn the_schedules_are_those_of_the_code() {
    let Retries {
        request,
        task,
        completion,
        status,
    } = Retries::default();
    let row = |what: &str, schedule: &Schedule| {
        let row = rows("6.4").find(|line| line.starts_with(&format!("| {what}")));
        let cells: Vec<&str> = row.unwrap_or_default().split(" | ").collect();
        let unit = if cells[1].contains("min") { "" } else { " s" };
        let waits: Vec<String> = schedule
            .waits
            .iter()
            .map(|wait| match unit {
                "" if wait.as_secs() < 60 => words(*wait),
                "" if wait.as_secs() < 3600 => format!("{} min", wait.as_secs() / 60),
                "" => words(*wait),
                _ => wait.as_secs().to_string(),
            })
            .collect();
        assert_eq!(cells[1], format!("{}{unit}", waits.join(", ")), "{what}");
        let jitter = cells[3].trim_end_matches(" |");
        match schedule.jitter_percent {
            0 => assert_eq!(jitter, "none"),
            percent => assert_eq!(jitter, format!("{percent} %")),
        }
        match schedule.then {
            Then::Stop => assert_eq!(cells[2], "in doubt"),
            Then::Repeat => assert!(cells[2].ends_with("without end"), "{what}"),
            Then::RepeatWithin(horizon) => {
                assert!(cells[2].contains(&words(horizon)), "{what}");
            }
        }
    };
    row("`hello`, `part`", &request);
    row("`task`", &task);
    row("`completed`", &completion);
    row("`query`", &status);
}

fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[test]
fn the_limits_are_those_of_the_code() {
    let limits = Limits::default();
    let (control, part) = (
        portcullis_xml::Limits::control(),
        portcullis_xml::Limits::transfer_part(),
    );
    for sentence in [
        format!(
            "The cap is {} octets; at a remote port it is {}",
            grouped(limits.control_frame_max),
            grouped(limits.part_frame_max)
        ),
        format!(
            "| octets of the document | {} | {} |",
            grouped(limits.control_frame_max - LENGTH_OCTETS),
            grouped(limits.part_frame_max - LENGTH_OCTETS)
        ),
        format!(
            "| octets of one text, as written | {} | {} |",
            grouped(control.text_octets_max()),
            grouped(part.text_octets_max())
        ),
        format!(
            "| connections accepted at a time, from one address / in all | {} / {} |",
            limits.connections_per_peer_max, limits.connections_max
        ),
        format!("sent at a time | {} |", limits.parts_at_a_time),
        format!(
            "| parts of an object | {} |",
            grouped(usize::try_from(limits.parts_max).unwrap())
        ),
        format!("before base64 | {};", grouped(PART_OCTETS_MAX)),
        format!("senders here use {} ", grouped(limits.part_octets)),
        format!(
            "when there is room | {} |",
            grouped(limits.part_frames_held_max)
        ),
        format!(
            "connections that a link opens at a time | {} |",
            limits.connections_at_a_time
        ),
        format!("are `busy` | {} |", grouped(limits.tasks_waiting_max)),
        format!("at a time on a link | {} |", limits.independent_at_a_time),
    ] {
        assert!(SPEC.contains(&sentence), "{sentence}");
    }
}

#[test]
fn the_test_vector_is_that_of_the_first_example() {
    let key = Key::from_octets(SECRET).unwrap().id().to_string();
    let (_, document) = examples()[0];
    let (_, mac) = document.split_once(" mac=\"").unwrap();
    let mac = &mac[..64];
    let zeros = document.replace(mac, &"0".repeat(64));
    for line in [
        format!(
            "    secret           {}   (",
            String::from_utf8_lossy(SECRET)
        ),
        format!("    SHA-256(secret)  {}\n", Digest::of(SECRET)),
        format!("    key              {key}\n"),
        format!("with zeros, is {} octets long", zeros.len()),
        format!("    SHA-256          {}\n", Digest::of(zeros.as_bytes())),
        format!("    HMAC-SHA256      {mac}\n"),
    ] {
        assert!(SPEC.contains(&line), "{line}");
    }
}

/// Section 7: the part of the examples is the object that is described there.
#[test]
fn the_object_of_the_examples_is_the_one_described() {
    let bodies = examples().into_iter().map(|(_, text)| message(text).body);
    let mut part = None;
    let mut named = None;
    for body in bodies {
        if let Body::Part(found) = body {
            part = Some(found);
        } else if let Body::Task(task) = body
            && let Assignment::Transfer { digest, .. } = task.assignment
        {
            named = Some(digest);
        }
    }
    let (part, named) = (part.unwrap(), named.unwrap());
    assert_eq!(Digest::of(&part.octets), part.digest);
    assert_eq!(Digest::of_parts(&[part.digest]), named);
    let length: [u8; LENGTH_OCTETS] = part.octets[..LENGTH_OCTETS].try_into().unwrap();
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap();
    let (head, content) = part.octets.split_at(length);
    let manifest = Manifest::decode(&head[LENGTH_OCTETS..]).unwrap();
    assert_eq!(manifest.encode().unwrap(), head);
    assert_eq!(content, b"hellook");
    let sizes: Vec<u64> = manifest.files().iter().map(|file| file.size).collect();
    assert_eq!(sizes, [5, 2]);
    let document = String::from_utf8_lossy(&head[LENGTH_OCTETS..]).into_owned();
    for line in [
        format!("```xml\n{document}\n```\n"),
        format!("this stream of {} octets, in one part", part.octets.len()),
        format!("    digest of part 1       {}\n", part.digest),
        format!("    digest of the object   {named}\n"),
    ] {
        assert!(SPEC.contains(&line), "{line}");
    }
}
