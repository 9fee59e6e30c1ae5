//! What is kept of packets: history entries, and a capture file.

use std::borrow::Cow;
use std::sync::Arc;

use portcullis_network::{Capture, Observation, Observer, PcapNg};
use portcullis_reports::{Entry, Event, PacketEvent, Source};

use super::journal::Journal;
use super::spec::PacketDetail;

/// A capture that keeps what `detail` asks for, and the pcapng file that it fills.
pub(crate) fn capture(detail: PacketDetail, journal: &Arc<Journal>) -> (Capture, Option<PcapNg>) {
    let mut capture = Capture::new();
    if detail >= PacketDetail::History {
        let journal = Arc::clone(journal);
        capture.add(PacketRecorder { journal });
    }
    let file = (detail == PacketDetail::Capture).then(PcapNg::new);
    if let Some(file) = &file {
        capture.add(file.clone());
    }
    (capture, file)
}

/// Enters every packet's fates into the history.
struct PacketRecorder {
    journal: Arc<Journal>,
}

impl Observer for PacketRecorder {
    fn observe(&mut self, observation: &Observation<'_>) {
        let packet = observation.packet;
        let segment = packet.tcp();
        let length = segment.map_or(0, |segment| segment.payload.len());
        let event = PacketEvent {
            fate: Cow::Borrowed(observation.fate.name()),
            by: observation.by.map(ToString::to_string),
            source: packet.source_socket(),
            destination: packet.destination_socket(),
            flags: Cow::Borrowed(segment.map_or("I", |segment| segment.flags.letters())),
            sequence: segment.map_or(0, |segment| segment.sequence.0),
            octets: u32::try_from(length).unwrap_or(u32::MAX),
        };
        self.journal.append(Entry {
            at: observation.at.since_start(),
            host: Cow::Owned(observation.place.to_string()),
            source: Source::Wire,
            event: Event::Packet(event),
        });
    }
}
