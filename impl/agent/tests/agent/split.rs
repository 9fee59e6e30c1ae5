//! The framing at every split, and the codec under damage: one message of every kind, each sealed
//! and not.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use portcullis_agent::codec::{
    Decoder, FrameError, LENGTH_OCTETS, Reassembly, decode, encode, encode_for, read_unit, verify,
};
use portcullis_agent::config::{Authentication, Key, KeyRing};
use portcullis_agent::message::Message;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use tokio::io::{AsyncRead, ReadBuf};

use super::codec::message;

const FRAME_MAX: usize = 16 << 20;

/// The kinds of message.
const KINDS: usize = 15;

fn link() -> Authentication {
    let key = |octet| Key::from_octets(&[octet; 40]).unwrap();
    Authentication::Mac(KeyRing::new(key(1), Some(key(2))))
}

/// A message of every kind, by its name.
fn one_of_each_kind() -> BTreeMap<&'static str, Message> {
    let mut runner = TestRunner::deterministic();
    let mut found = BTreeMap::new();
    while found.len() < KINDS {
        let message = message().new_tree(&mut runner).unwrap().current();
        found.entry(message.kind()).or_insert(message);
    }
    found
}

/// The units of a message: as it is, and sealed.
fn units(message: &Message) -> [Vec<u8>; 2] {
    [
        encode(message).unwrap(),
        encode_for(message, &link()).unwrap(),
    ]
}

/// A stream whose reads end where the pieces do.
struct Pieces<'a>(Vec<&'a [u8]>);

impl<'a> Pieces<'a> {
    /// Cuts `octets` at the given places, which ascend.
    fn cut(octets: &'a [u8], places: &[usize]) -> Self {
        let mut pieces = Vec::new();
        let mut from = 0;
        for at in places.iter().copied().chain([octets.len()]) {
            // A read of nothing would be the end.
            if from < at {
                pieces.push(&octets[from..at]);
            }
            from = at;
        }
        pieces.reverse();
        Self(pieces)
    }

    fn rest(&self) -> Vec<u8> {
        self.0.iter().rev().copied().collect::<Vec<_>>().concat()
    }
}

impl AsyncRead for Pieces<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(piece) = self.0.pop() {
            let (now, later) = piece.split_at(piece.len().min(into.remaining()));
            into.put_slice(now);
            if !later.is_empty() {
                self.0.push(later);
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// What a future says that never waits.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut context = Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("nothing here waits"),
    }
}

/// The first unit of a stream and what is left of it; `None` where memory was asked for in vain.
fn read(mut stream: Pieces<'_>) -> (Result<Vec<u8>, FrameError>, Vec<u8>) {
    let unit = at_once(read_unit(&mut stream, FRAME_MAX, async |_| ())).unwrap();
    (unit.map(|(document, ())| document), stream.rest())
}

/// The same from the reader that needs no stream.
fn reassembled(octets: &[u8], places: &[usize]) -> (Result<Vec<u8>, FrameError>, Vec<u8>) {
    let mut unit = Reassembly::new(FRAME_MAX);
    let mut pieces = Pieces::cut(octets, places);
    while let Some(piece) = pieces.0.pop() {
        match unit.feed(piece) {
            Err(error) => return (Err(error), Vec::new()),
            Ok((taken, true)) => {
                pieces.0.push(&piece[taken..]);
                return (Ok(unit.take().0), pieces.rest());
            }
            Ok((_, false)) => {}
        }
    }
    (Err(unit.end().unwrap_or(FrameError::Absent)), Vec::new())
}

/// ET-31: a unit of every kind, split in two at every octet, alone and with more behind it.
#[test]
fn every_split_in_two_gives_the_same_message() {
    for (kind, message) in one_of_each_kind() {
        for unit in units(&message) {
            let octets = [unit.as_slice(), b"more"].concat();
            let whole = (Ok(unit[LENGTH_OCTETS..].to_vec()), b"more".to_vec());
            for at in 0..=octets.len() {
                assert_eq!(reassembled(&octets, &[at]), whole, "{kind} at {at}");
                assert_eq!(read(Pieces::cut(&octets, &[at])), whole, "{kind} at {at}");
            }
            assert_eq!(decode(&unit[LENGTH_OCTETS..]).as_ref(), Ok(&message));
        }
    }
}

/// ET-28: an end inside the unit is truncation, and what was there is no message.
#[test]
fn an_end_at_every_octet_is_truncation_and_never_a_message() {
    for (kind, message) in one_of_each_kind() {
        for unit in units(&message) {
            for end in 0..unit.len() {
                let cut = &unit[..end];
                let error = if end == 0 {
                    FrameError::Absent
                } else {
                    FrameError::Truncated
                };
                assert_eq!(read(Pieces::cut(cut, &[])).0, Err(error), "{kind} at {end}");
                assert_eq!(reassembled(cut, &[]).0, Err(error), "{kind} at {end}");
                assert_eq!(Decoder::new(FRAME_MAX).feed(cut), [], "{kind} at {end}");
                // Row 35: also within a frame that says so.
                if let Some(document) = cut.get(LENGTH_OCTETS..) {
                    assert!(decode(document).is_err(), "{kind} at {end}");
                }
            }
        }
    }
}

/// Section 5.3: what is decided on four octets, before memory is asked for. ET-26
#[test]
fn wrong_lengths_are_refused_before_anything_is_reserved() {
    let cap = u32::try_from(FRAME_MAX).unwrap();
    for (what, length, verdict) in [
        ("zero", [0; 4], Some(FrameError::TooShort)),
        ("not even itself", [0, 0, 0, 3], Some(FrameError::TooShort)),
        ("empty instance", [0, 0, 0, 4], Some(FrameError::Empty)),
        ("one octet", [0, 0, 0, 5], None),
        ("the cap", cap.to_be_bytes(), None),
        (
            "above it",
            (cap + 1).to_be_bytes(),
            Some(FrameError::TooLong),
        ),
        ("TLS", [0x16, 3, 1, 0], Some(FrameError::Tls)),
        ("GET", *b"GET ", Some(FrameError::TooLong)),
        ("POST", *b"POST", Some(FrameError::TooLong)),
        ("XML", *b"<?xm", Some(FrameError::TooLong)),
        ("BOM", *b"\xef\xbb\xbf<", Some(FrameError::TooLong)),
        ("all ones", [0xff; 4], Some(FrameError::TooLong)),
    ] {
        let octets = [length.as_slice(), b"x"].concat();
        for at in 0..=octets.len() {
            let asked = std::cell::Cell::new(false);
            let mut stream = Pieces::cut(&octets, &[at]);
            let unit = read_unit(&mut stream, FRAME_MAX, async |_| asked.set(true));
            let error = at_once(unit).unwrap().err();
            assert_eq!(asked.get(), verdict.is_none(), "{what}");
            let complete = length == [0, 0, 0, 5];
            let expected = verdict.or((!complete).then_some(FrameError::Truncated));
            assert_eq!(error, expected, "{what} at {at}");
            assert_eq!(
                reassembled(&octets, &[at]).0.err(),
                expected,
                "{what} at {at}"
            );
        }
    }
}

/// A change to a document.
#[derive(Clone, Debug)]
enum Damage {
    Set(prop::sample::Index, u8),
    Remove(prop::sample::Index),
    Insert(prop::sample::Index, u8),
    /// A piece again somewhere else.
    Copy(prop::sample::Index, prop::sample::Index, usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    use Damage::{Copy, Insert, Remove, Set};
    let index = any::<prop::sample::Index>;
    let octet = || {
        prop_oneof![
            any::<u8>(),
            prop::sample::select(b"<>/=\"'& :;#x1a".to_vec())
        ]
    };
    prop_oneof![
        (index(), octet()).prop_map(|(at, octet)| Set(at, octet)),
        index().prop_map(Remove),
        (index(), octet()).prop_map(|(at, octet)| Insert(at, octet)),
        (index(), index(), 1..40_usize).prop_map(|(from, to, octets)| Copy(from, to, octets)),
    ]
}

fn damaged(document: &[u8], all: &[Damage]) -> Vec<u8> {
    let mut octets = document.to_vec();
    for one in all {
        match one {
            Damage::Set(at, octet) => {
                let at = at.index(octets.len());
                octets[at] = *octet;
            }
            Damage::Remove(at) if octets.len() > 1 => {
                octets.remove(at.index(octets.len()));
            }
            Damage::Remove(_) => {}
            Damage::Insert(at, octet) => octets.insert(at.index(octets.len()), *octet),
            Damage::Copy(from, to, length) => {
                let from = from.index(octets.len());
                let piece = octets[from..octets.len().min(from + length)].to_vec();
                let to = to.index(octets.len());
                octets.splice(to..to, piece);
            }
        }
    }
    octets
}

proptest! {
    /// ET-31: many pieces.
    #[test]
    fn any_pieces_give_the_same_message(
        message in message(),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..80),
    ) {
        for unit in units(&message) {
            let octets = [unit.as_slice(), &unit].concat();
            let mut places: Vec<_> = cuts.iter().map(|cut| cut.index(octets.len())).collect();
            places.sort_unstable();
            // ET-29: the second message stays where it is.
            let whole = (Ok(unit[LENGTH_OCTETS..].to_vec()), unit.clone());
            prop_assert_eq!(reassembled(&octets, &places), whole.clone());
            prop_assert_eq!(read(Pieces::cut(&octets, &places)), whole);
        }
    }

    /// ET-71, ET-73: what is left of a damaged message is refused, or is a message whose one form
    /// says the same; and its code is not right any more.
    #[test]
    fn damage_is_refused_or_says_something_in_one_form(
        message in message(),
        changes in proptest::collection::vec(damage(), 1..6),
    ) {
        for unit in units(&message) {
            let document = &unit[LENGTH_OCTETS..];
            let changed = damaged(document, &changes);
            if let Ok(read) = decode(&changed) {
                let form = encode(&read).unwrap();
                prop_assert_eq!(decode(&form[LENGTH_OCTETS..]), Ok(read.clone()));
                prop_assert_eq!(encode(&read).unwrap(), form);
            }
            prop_assert_eq!(verify(&changed, &link()).is_ok(), changed == document && unit != encode(&message).unwrap());
        }
    }
}
