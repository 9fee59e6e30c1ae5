//! Streams to data units: the same octets, split wherever the input says.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use portcullis_agent::codec::{Decoder, FrameError, Reassembly, Seen, read_unit};
use tokio::io::{AsyncRead, ReadBuf};

use crate::at_once;

/// Caps to choose from: one that small inputs exceed, and the largest that an agent has.
const FRAME_MAX: [usize; 2] = [200, 16 << 20];

/// The octets of an input: a choice, where to split, and what arrives.
struct Case<'a> {
    frame_max: usize,
    pieces: &'a [u8],
    stream: Vec<u8>,
}

impl<'a> Case<'a> {
    /// The first octet chooses the cap, whether a right length is put in front, and how many of the
    /// next octets are lengths of pieces.
    fn new(input: &'a [u8]) -> Option<Self> {
        let (choice, rest) = input.split_first()?;
        let (pieces, rest) = rest.split_at_checked(usize::from(choice >> 2))?;
        let mut stream = Vec::new();
        if choice & 2 != 0 {
            let length = u32::try_from(rest.len()).ok()?.checked_add(4)?;
            stream.extend_from_slice(&length.to_be_bytes());
        }
        stream.extend_from_slice(rest);
        Some(Self {
            frame_max: FRAME_MAX[usize::from(choice & 1)],
            pieces,
            stream,
        })
    }
}

/// ET-31: where the stream is split changes nothing, and all three readers say the same.
pub(crate) fn run(input: &[u8]) {
    let Some(case) = Case::new(input) else { return };
    let whole = seen(&case, [case.stream.as_slice()]);
    assert_eq!(whole, seen(&case, Pieces::new(&case)), "in pieces");
    assert_eq!(whole, seen(&case, case.stream.chunks(1)), "octet by octet");
    let expected = reassembled(&case);
    let mut reader = Arriving {
        pieces: Pieces::new(&case),
        now: &[],
    };
    let reserved = std::cell::Cell::new(0);
    let read = at_once(read_unit(&mut reader, case.frame_max, async |octets| {
        reserved.set(octets);
    }));
    let read = read.expect("the stream does not fail");
    // ET-26: nothing above the cap is reserved.
    assert!(reserved.get() <= case.frame_max);
    match (read, expected) {
        (Ok((document, ())), Ok((wanted, rest))) => {
            assert_eq!(document, wanted);
            // ET-29: what follows the unit is left where it is.
            assert_eq!(reader.rest(), rest);
        }
        (Err(error), Err(wanted)) => assert_eq!(error, wanted),
        (read, expected) => panic!("{read:?} is not {expected:?}"),
    }
}

fn seen<'a>(case: &'a Case<'_>, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Seen> {
    let mut decoder = Decoder::new(case.frame_max);
    pieces
        .into_iter()
        .flat_map(|piece| decoder.feed(piece))
        .collect()
}

/// What the stream is, by the other reader: a document and the octets after it, or an error.
fn reassembled<'a>(case: &'a Case<'_>) -> Result<(Vec<u8>, &'a [u8]), FrameError> {
    let mut unit = Reassembly::new(case.frame_max);
    let (taken, complete) = unit.feed(&case.stream)?;
    if complete {
        let (document, octets) = unit.take();
        assert_eq!(octets, taken);
        assert_eq!(unit.end(), None);
        return Ok((document, &case.stream[taken..]));
    }
    assert_eq!(unit.held(), case.stream.len());
    // ET-28: an end inside the unit is truncation.
    Err(unit.end().unwrap_or(FrameError::Absent))
}

/// The pieces of a stream; after the last length that the input gives comes all the rest.
struct Pieces<'a> {
    lengths: std::slice::Iter<'a, u8>,
    rest: &'a [u8],
}

impl<'a> Pieces<'a> {
    fn new(case: &'a Case<'_>) -> Self {
        Self {
            lengths: case.pieces.iter(),
            rest: &case.stream,
        }
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        // A piece of no octets would be the end of a stream.
        let length = self
            .lengths
            .next()
            .map_or(self.rest.len(), |length| usize::from(*length).max(1));
        let (piece, rest) = self.rest.split_at(length.min(self.rest.len()));
        self.rest = rest;
        Some(piece)
    }
}

/// A stream that gives one piece at a time.
struct Arriving<'a> {
    pieces: Pieces<'a>,
    now: &'a [u8],
}

impl Arriving<'_> {
    fn rest(&self) -> Vec<u8> {
        [self.now, self.pieces.rest].concat()
    }
}

impl AsyncRead for Arriving<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.now.is_empty() {
            self.now = self.pieces.next().unwrap_or_default();
        }
        let (piece, rest) = self.now.split_at(self.now.len().min(into.remaining()));
        into.put_slice(piece);
        self.now = rest;
        Poll::Ready(Ok(()))
    }
}
