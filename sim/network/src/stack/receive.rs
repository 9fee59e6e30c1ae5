//! The receiving half of a connection: reassembly and the window that it offers.

use std::collections::{BTreeMap, VecDeque};

use bytes::{Buf, BufMut, Bytes};

use crate::packet::Sequence;

#[derive(Debug)]
pub(super) struct ReceiveHalf {
    /// Next number expected.
    pub(super) nxt: Sequence,
    /// In order, not yet read.
    ready: VecDeque<Bytes>,
    ready_len: usize,
    /// Ahead of a gap, by stream offset; entries never overlap and lie inside the window.
    parked: BTreeMap<u64, Bytes>,
    /// Stream offset of `nxt`.
    offset: u64,
    capacity: u32,
    /// Shift that this end applies to its window field.
    pub(super) scale: u8,
    /// Right edge of the window last told to the peer; never moves left.
    edge: Sequence,
    /// Where the peer's FIN is, once seen.
    fin: Option<Sequence>,
    /// All octets and the FIN have arrived in order.
    pub(super) finished: bool,
}

impl ReceiveHalf {
    /// A half that expects a SYN, with room for `capacity` octets.
    pub(super) const fn new(capacity: u32) -> Self {
        Self {
            nxt: Sequence(0),
            ready: VecDeque::new(),
            ready_len: 0,
            parked: BTreeMap::new(),
            offset: 0,
            capacity,
            scale: 0,
            edge: Sequence(0),
            fin: None,
            finished: false,
        }
    }

    /// Takes the peer's initial sequence number.
    pub(super) fn synchronise(&mut self, sequence: Sequence) {
        self.nxt = sequence + 1;
        self.edge = self.nxt;
    }

    /// Octets that the application could read now.
    pub(super) const fn unread(&self) -> usize {
        self.ready_len
    }

    /// Linux's acceptance test: overlaps or touches the window, whose right edge is inclusive.
    pub(super) fn accepts(&self, sequence: Sequence, length: u32) -> bool {
        !(sequence + length).is_before(self.nxt) && !sequence.is_after(self.edge)
    }

    /// The window field of the next segment, which from then on is promised.
    pub(super) fn promise_window(&mut self) -> u16 {
        let promised = self.edge.ahead_of(self.nxt).max(0).cast_unsigned();
        let free = self.capacity.saturating_sub(self.ready_len as u32);
        // Rounding a promise up and free room down keeps the edge from moving left.
        let units = (free >> self.scale).max(promised.div_ceil(1 << self.scale));
        let field = u16::try_from(units).unwrap_or(u16::MAX);
        let edge = self.nxt + (u32::from(field) << self.scale);
        if edge.is_after(self.edge) {
            self.edge = edge;
        }
        field
    }

    /// The window field of a SYN or SYN-ACK, which is never scaled.
    pub(super) fn promise_unscaled(&mut self) -> u16 {
        let field = u16::try_from(self.capacity).unwrap_or(u16::MAX);
        self.edge = self.nxt + u32::from(field);
        field
    }

    /// Whether reading has freed so much that the peer should hear of it (RFC 9293 3.8.6.2.2).
    pub(super) fn window_update_due(&self, mss: u32) -> bool {
        let promised = self.edge.ahead_of(self.nxt).max(0).cast_unsigned();
        let free = self.capacity.saturating_sub(self.ready_len as u32);
        let rounded = (free >> self.scale).min(u32::from(u16::MAX)) << self.scale;
        rounded.saturating_sub(promised) >= (2 * mss).min(self.capacity / 2).max(1)
    }

    /// Takes a segment's octets and says how many chunks became readable.
    pub(super) fn accept(&mut self, sequence: Sequence, payload: &Bytes) -> usize {
        let ahead = sequence.ahead_of(self.nxt);
        let mut octets = payload.clone();
        let mut at = self.offset;
        if ahead < 0 {
            octets.advance(octets.len().min(ahead.unsigned_abs() as usize));
        } else {
            at += u64::from(ahead.cast_unsigned());
        }
        // The free room admits more than was promised only until the promise is made.
        let room = self.edge.ahead_of(self.nxt).max(0).cast_unsigned() as usize;
        let start = (at - self.offset) as usize;
        octets.truncate(room.saturating_sub(start));
        if octets.is_empty() {
            return 0;
        }
        if start == 0 && self.parked.is_empty() {
            self.append(octets);
            return 1;
        }
        self.park(at, octets);
        self.drain_parked()
    }

    fn append(&mut self, octets: Bytes) {
        self.nxt = self.nxt + octets.len() as u32;
        self.offset += octets.len() as u64;
        self.ready_len += octets.len();
        self.ready.push_back(octets);
    }

    /// Keeps the parts of `octets` that are not parked yet.
    fn park(&mut self, mut at: u64, mut octets: Bytes) {
        if let Some((&before, earlier)) = self.parked.range(..=at).next_back() {
            let covered = (before + earlier.len() as u64).saturating_sub(at);
            let covered = (covered as usize).min(octets.len());
            octets.advance(covered);
            at += covered as u64;
        }
        while !octets.is_empty() {
            let next = self
                .parked
                .range(at..)
                .next()
                .map(|(&next, later)| (next, later.len()));
            let Some((next, later_len)) = next else {
                self.parked.insert(at, octets);
                return;
            };
            let gap = ((next - at) as usize).min(octets.len());
            let part = octets.split_to(gap);
            if !part.is_empty() {
                self.parked.insert(at, part);
            }
            let covered = later_len.min(octets.len());
            octets.advance(covered);
            at = next + covered as u64;
        }
    }

    fn drain_parked(&mut self) -> usize {
        let mut chunks = 0;
        while let Some(entry) = self.parked.first_entry()
            && *entry.key() == self.offset
        {
            let octets = entry.remove();
            self.append(octets);
            chunks += 1;
        }
        chunks
    }

    /// The last `count` chunks that became readable.
    pub(super) fn newest(&self, count: usize) -> impl Iterator<Item = &Bytes> {
        self.ready.range(self.ready.len() - count..)
    }

    /// Notes the FIN at `sequence`.
    pub(super) fn note_fin(&mut self, sequence: Sequence) {
        self.fin.get_or_insert(sequence);
    }

    /// Consumes the FIN when everything before it has arrived; true exactly once.
    pub(super) fn take_fin(&mut self) -> bool {
        if self.finished || self.fin != Some(self.nxt) {
            return false;
        }
        self.finished = true;
        self.nxt = self.nxt + 1;
        // The FIN's number needs no room: keep the promised edge on its right.
        if self.edge.is_before(self.nxt) {
            self.edge = self.nxt;
        }
        true
    }

    /// Moves readable octets into `buffer`.
    pub(super) fn read(&mut self, buffer: &mut impl BufMut) -> usize {
        let mut filled = 0;
        while buffer.has_remaining_mut()
            && let Some(front) = self.ready.front_mut()
        {
            let count = front.len().min(buffer.remaining_mut());
            buffer.put_slice(&front[..count]);
            front.advance(count);
            filled += count;
            if front.is_empty() {
                self.ready.pop_front();
            }
        }
        self.ready_len -= filled;
        filled
    }

    /// Drops what is parked: no more octets will come.
    pub(super) fn purge_parked(&mut self) {
        self.parked.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn half() -> ReceiveHalf {
        let mut half = ReceiveHalf::new(100);
        half.synchronise(Sequence(u32::MAX - 5));
        half.promise_window();
        half
    }

    fn read_all(half: &mut ReceiveHalf) -> String {
        let mut buffer = [0; 200];
        let count = half.read(&mut &mut buffer[..]);
        String::from_utf8_lossy(&buffer[..count]).into_owned()
    }

    #[test]
    fn overlapping_segments_in_any_order_give_the_stream_once() {
        let mut half = half();
        let start = half.nxt;
        for (at, octets) in [
            (4, "efg"),
            (8, "ijkl"),
            (2, "cdefghij"),
            (0, "a"),
            (0, "abcd"),
            (10, "klmn"),
        ] {
            half.accept(start + at, &Bytes::from_static(octets.as_bytes()));
        }
        assert_eq!(read_all(&mut half), "abcdefghijklmn");
        assert!(half.parked.is_empty());
    }

    #[test]
    fn octets_beyond_the_promised_window_are_dropped() {
        let mut half = half();
        let start = half.nxt;
        half.accept(start, &Bytes::from(vec![b'x'; 150]));
        assert_eq!(half.unread(), 100);
        assert_eq!(half.promise_window(), 0);
        assert_eq!(read_all(&mut half).len(), 100);
        assert!(half.window_update_due(1460));
    }
}
