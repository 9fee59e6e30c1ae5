//! The agent's own codec as the engine's outsider.

use std::borrow::Cow;

use portcullis_agent::codec::{Decoder, Seen};
use portcullis_agent::config::Authentication;
use portcullis_reports::Source;

use super::vocabulary::field;
use crate::engine::{Decoded, StreamDecoder};

/// Reads one direction of one connection.
#[derive(Debug)]
pub(super) struct WireDecoder {
    decoder: Decoder,
    source: Source,
}

impl WireDecoder {
    /// A decoder that reads frames of at most `frame_max` octets where `source` says, and has the
    /// keys of the link.
    pub(super) fn new(frame_max: usize, source: Source, keys: Authentication) -> Self {
        let decoder = Decoder::new(frame_max).knowing(keys);
        Self { decoder, source }
    }
}

impl StreamDecoder for WireDecoder {
    fn feed(&mut self, octets: &[u8], messages: &mut Vec<Decoded>) {
        messages.extend(self.decoder.feed(octets).into_iter().map(decoded));
    }

    fn source(&self) -> Source {
        self.source
    }
}

/// Renames what a scenario's patterns could confuse with events of other kinds.
fn decoded(seen: Seen) -> Decoded {
    let named = seen
        .fields
        .into_iter()
        .filter_map(|(name, value)| match name {
            // The kind stands beside the fields.
            "kind" => None,
            // `state` in a pattern means a state machine's move.
            "state" => Some((Cow::Borrowed(field::RECORDED), value)),
            _ => Some((Cow::Borrowed(name), value)),
        });
    Decoded {
        kind: Cow::Borrowed(seen.kind),
        fields: named.collect(),
        octets: u64::try_from(seen.octets).unwrap_or(u64::MAX),
    }
}
