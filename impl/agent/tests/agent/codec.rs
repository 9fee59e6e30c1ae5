//! The codec's promises: round trips, any split, any octets, one form.

use bytes::Bytes;
use jiff::Timestamp;
use portcullis_agent::codec::{DecodeError, Decoder, LENGTH_OCTETS, NAMESPACE, decode, encode};
use portcullis_agent::error::FailureClass;
use portcullis_agent::message::{
    Assignment, Body, Callback, CommandName, Digest, EnvironmentName, FailureReason, Header, Known,
    Message, MessageId, ObjectId, Outcome, Part, Place, PortRange, PreflightResult, Product,
    Reason, Task, TaskId,
};
use portcullis_agent::state::DestinationState;
use proptest::prelude::*;

const FRAME_MAX: usize = 16 << 20;

fn token() -> impl Strategy<Value = String> {
    "[A-Za-z0-9][A-Za-z0-9._-]{0,30}[A-Za-z0-9_-]"
}

fn task_id() -> impl Strategy<Value = TaskId> {
    token().prop_map(|text| TaskId::new(&text).unwrap())
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let of_destination = FailureReason::ALL.iter().copied();
    let of_destination: Vec<_> = of_destination
        .filter(|reason| !reason.is_of_originator())
        .collect();
    prop_oneof![
        Just(Outcome::Succeeded),
        Just(Outcome::Cancelled),
        proptest::sample::select(of_destination).prop_map(Outcome::Failed),
    ]
}

fn known() -> impl Strategy<Value = Known> {
    let state = proptest::sample::select(&DestinationState::ALL[..]);
    (state, outcome()).prop_map(|(state, outcome)| {
        Known::new(state, state.has_outcome().then_some(outcome)).unwrap()
    })
}

fn product() -> impl Strategy<Value = Product> {
    "[!-~]{1,64}".prop_map(|text| Product::new(&text).unwrap())
}

fn part() -> impl Strategy<Value = Body> {
    let octets = proptest::collection::vec(any::<u8>(), 0..2000);
    (token(), 1..1000_u32, 0..1000_u32, octets).prop_map(|(object, number, more, octets)| {
        Body::Part(Part {
            object: ObjectId::new(&object).unwrap(),
            number,
            of: number + more,
            digest: Digest::of(&octets),
            octets: Bytes::from(octets),
        })
    })
}

fn assignment() -> impl Strategy<Value = Assignment> {
    let command = || token().prop_map(|text| CommandName::new(&text).unwrap());
    prop_oneof![
        (token(), any::<u32>()).prop_map(|(object, parts)| Assignment::Transfer {
            object: ObjectId::new(&object).unwrap(),
            parts,
            digest: Digest::of(object.as_bytes()),
        }),
        command().prop_map(|command| Assignment::Deploy { command }),
        command().prop_map(|command| Assignment::Execute { command }),
    ]
}

fn message_id() -> impl Strategy<Value = MessageId> {
    token().prop_map(|text| MessageId::new(&text).unwrap())
}

fn preflight_result() -> impl Strategy<Value = PreflightResult> {
    let callback = prop_oneof![
        Just(Callback::Reached),
        proptest::sample::select(FailureClass::ALL).prop_map(Callback::Failed),
    ];
    let ports = (any::<u16>(), any::<u16>()).prop_map(|(a, b)| PortRange::new(a.min(b), a.max(b)));
    let ports = prop_oneof![Just(None), ports];
    (callback, "[!-~]{1,255}", any::<u16>(), ports).prop_map(
        |(callback, address, port, dynamic_ports)| PreflightResult {
            callback,
            address: Place::new(&address).unwrap(),
            port,
            dynamic_ports,
        },
    )
}

fn body() -> impl Strategy<Value = Body> {
    prop_oneof![
        product().prop_map(Body::Hello),
        product().prop_map(Body::HelloAck),
        part(),
        (token(), any::<u32>()).prop_map(|(object, number)| Body::PartAck {
            object: ObjectId::new(&object).unwrap(),
            number,
        }),
        (task_id(), any::<bool>(), assignment()).prop_map(|(id, independent, assignment)| {
            Body::Task(Task {
                id,
                independent,
                assignment,
            })
        }),
        (task_id(), known()).prop_map(|(task, known)| Body::Accepted { task, known }),
        (task_id(), outcome()).prop_map(|(task, outcome)| Body::Completed { task, outcome }),
        task_id().prop_map(|task| Body::CompletedAck { task }),
        task_id().prop_map(|task| Body::Query { task }),
        (task_id(), proptest::option::of(known()))
            .prop_map(|(task, known)| Body::Status { task, known }),
        Just(Body::Preflight),
        preflight_result().prop_map(Body::PreflightResult),
        message_id().prop_map(|preflight| Body::Probe { preflight }),
        message_id().prop_map(|preflight| Body::ProbeAck { preflight }),
        (proptest::sample::select(Reason::ALL), product())
            .prop_map(|(reason, product)| Body::Rejection { reason, product }),
    ]
}

prop_compose! {
    pub(super) fn message()(
        (text, from, to) in (token(), token(), token()),
        related in token(),
        millis in 0..4_000_000_000_000_i64,
        attempt in 1..1000_u32,
        body in body(),
    ) -> Message {
        let id = |text: &str| MessageId::new(text).unwrap();
        let name = |text: &str| EnvironmentName::new(text).unwrap();
        Message {
            header: Header {
                id: id(&text),
                from: name(&from),
                to: name(&to),
                sent_at: Timestamp::from_millisecond(millis).unwrap(),
                // ET-35: in every reply and in no request.
                relates_to: (!body.is_request()).then(|| id(&related)),
                attempt,
            },
            body,
        }
    }
}

fn seen_in_pieces(octets: &[u8], pieces: &[usize]) -> Vec<portcullis_agent::codec::Seen> {
    let mut decoder = Decoder::new(FRAME_MAX);
    let mut seen = Vec::new();
    let mut rest = octets;
    for piece in pieces {
        let (head, tail) = rest.split_at((*piece).min(rest.len()));
        seen.extend(decoder.feed(head));
        rest = tail;
    }
    seen.extend(decoder.feed(rest));
    seen
}

proptest! {
    #[test]
    fn what_was_encoded_is_decoded(message in message()) {
        let unit = encode(&message).unwrap();
        let length = u32::from_be_bytes(*unit.first_chunk().unwrap());
        prop_assert_eq!(usize::try_from(length).unwrap(), unit.len());
        prop_assert_eq!(decode(&unit[LENGTH_OCTETS..]), Ok(message));
    }

    /// ET-71: equal messages have equal octets, also after a round trip.
    #[test]
    fn output_is_canonical(message in message()) {
        let unit = encode(&message).unwrap();
        let again = encode(&decode(&unit[LENGTH_OCTETS..]).unwrap()).unwrap();
        prop_assert_eq!(unit, again);
    }

    /// ET-31: every split, also inside the length, gives the same result.
    #[test]
    fn splits_do_not_matter(
        first in message(),
        second in message(),
        pieces in proptest::collection::vec(0..40_usize, 0..60),
    ) {
        let octets = [encode(&first).unwrap(), encode(&second).unwrap()].concat();
        let whole = seen_in_pieces(&octets, &[]);
        prop_assert_eq!(whole.len(), 2);
        prop_assert_eq!(whole[0].kind, first.kind());
        prop_assert_eq!(whole, seen_in_pieces(&octets, &pieces));
    }

    #[test]
    fn any_octets_are_refused_or_read_but_never_fatal(
        octets in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let seen = seen_in_pieces(&octets, &[]);
        prop_assert!(seen.len() <= octets.len());
        prop_assert!(decode(&octets).is_err());
    }

    /// One octet of a good message changed: an error, or another message, never a panic.
    #[test]
    fn damaged_messages_are_refused_or_read(
        message in message(),
        at in any::<proptest::sample::Index>(),
        octet in any::<u8>(),
    ) {
        let mut unit = encode(&message).unwrap();
        let at = at.index(unit.len());
        unit[at] = octet;
        let seen = seen_in_pieces(&unit, &[]);
        prop_assert!(seen.len() <= 1);
    }
}

fn hello() -> Message {
    Message {
        header: Header {
            id: MessageId::new("m1").unwrap(),
            from: EnvironmentName::new("dev").unwrap(),
            to: EnvironmentName::new("prod").unwrap(),
            sent_at: Timestamp::UNIX_EPOCH,
            relates_to: None,
            attempt: 1,
        },
        body: Body::Hello(Product::new("20.10").unwrap()),
    }
}

#[test]
fn what_only_replies_or_originators_say_is_no_request() {
    let mut related = hello();
    related.header.relates_to = Some(MessageId::new("m0").unwrap());
    let mut reserved = hello();
    reserved.header.id = MessageId::unreadable();
    let completed = |reason| Message {
        body: Body::Completed {
            task: TaskId::new("t1").unwrap(),
            outcome: Outcome::Failed(reason),
        },
        ..hello()
    };
    let refused = [
        related,
        reserved,
        completed(FailureReason::DependencyFailed),
        completed(FailureReason::SourceUnreadable),
    ];
    for message in refused {
        let unit = encode(&message).unwrap();
        let error = decode(&unit[LENGTH_OCTETS..]).unwrap_err().error;
        assert_eq!(error.name(), "malformed", "{message:?}");
    }
    let unit = encode(&completed(FailureReason::Storage)).unwrap();
    assert!(decode(&unit[LENGTH_OCTETS..]).is_ok());
}

#[test]
fn a_control_document_fills_its_data_unit_at_most() {
    let unit = encode(&hello()).unwrap();
    for (octets, is_taken) in [(1 << 20, true), ((1 << 20) + 1, false)] {
        // White space before the end of the tag is none of the message.
        let mut document = unit[LENGTH_OCTETS..].to_vec();
        let end = document.len() - 2;
        let blanks = vec![b' '; octets - unit.len()];
        document.splice(end..end, blanks);
        assert_eq!(decode(&document).is_ok(), is_taken, "{octets} octets");
    }
}

#[test]
fn the_form_of_a_message() {
    let task = Message {
        body: Body::Task(Task {
            id: TaskId::new("t1").unwrap(),
            independent: false,
            assignment: Assignment::Deploy {
                command: CommandName::new("nightly").unwrap(),
            },
        }),
        ..hello()
    };
    let unit = encode(&task).unwrap();
    insta::assert_snapshot!(String::from_utf8_lossy(&unit[LENGTH_OCTETS..]));
}

/// What is refused, and whether the refusal can name the message (ET-35).
#[test]
fn documents_of_other_forms_are_refused() {
    let header = r#"id="m1" from="dev" to="prod" sent-at="1970-01-01T00:00:00Z" attempt="1""#;
    let check = |document: String| {
        let refused = decode(document.as_bytes()).unwrap_err();
        (refused.error, refused.header.is_some())
    };
    let ours = |name: &str, version: &str, rest: &str| {
        format!(r#"<{name} xmlns="{NAMESPACE}" version="{version}" {header} {rest}"#)
    };
    let (error, named) = check(ours(
        "task",
        "1",
        r#"task="t1" independent="true"><backup/></task>"#,
    ));
    assert_eq!((error, named), (DecodeError::UnknownTaskKind, true));
    assert_eq!(
        check(ours("wave", "1", "/>")),
        (DecodeError::UnknownKind, true)
    );
    assert_eq!(
        check(ours("hello", "2", r#"product="1"/>"#)),
        (DecodeError::Version, true)
    );
    let next = ours("hello", "1", r#"product="1"/>"#).replace("transfer:1", "transfer:2");
    assert_eq!(check(next), (DecodeError::Version, false));
    for (rest, named) in [
        (r#"product="1" colour="red"/>"#, true),
        (r#"product="1"><more/></hello>"#, true),
        (r#"product="1">text</hello>"#, true),
        ("/>", true),
        (r#"product="1"><!-- comment --></hello>"#, false),
        (r#"product="1">"#, false),
        (r#"product="1"/><hello/>"#, false),
    ] {
        let (error, is_named) = check(ours("hello", "1", rest));
        assert!(matches!(error, DecodeError::Xml(_)), "{rest}");
        assert_eq!(is_named, named, "{rest}");
    }
    let spelled =
        ours("hello", "1", r#"product="1"/>"#).replace(r#"attempt="1""#, r#"attempt="01""#);
    assert!(matches!(check(spelled).0, DecodeError::Xml(_)));
}
