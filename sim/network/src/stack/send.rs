//! The sending half of a connection: what is queued, what is in flight, what the peer allows.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use crate::packet::Sequence;

/// Whether and how far this end has closed its direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fin {
    /// The application may still write.
    Open,
    /// Leaves after the queued octets.
    Queued,
    /// Occupies the last sequence number before `nxt`.
    Sent,
}

/// A segment's worth of new octets.
#[derive(Debug)]
pub(super) struct Portion {
    pub(super) sequence: Sequence,
    pub(super) payload: Bytes,
    pub(super) fin: Fin,
}

#[derive(Debug)]
pub(super) struct SendHalf {
    queue: SendQueue,
    /// Lengths of the segments in flight, so that one is sent again as it was sent before.
    segments: VecDeque<usize>,
    capacity: usize,
    /// Oldest unacknowledged number.
    pub(super) una: Sequence,
    /// Next number to send.
    pub(super) nxt: Sequence,
    /// The peer's window in octets, counted from `una`.
    pub(super) window: u32,
    window_max: u32,
    window_from: (Sequence, Sequence),
    /// Shift that the peer applies to its window field.
    pub(super) scale: u8,
    pub(super) mss: u32,
    pub(super) fin: Fin,
    /// Acknowledgements in a row that repeated `una`.
    pub(super) repeated_acks: u32,
    /// While losses are repaired: the `nxt` at which the repair began.
    pub(super) recover: Option<Sequence>,
}

impl SendHalf {
    /// A half that has sent nothing; the SYN takes `iss`.
    pub(super) fn new(iss: Sequence, capacity: usize) -> Self {
        Self {
            queue: SendQueue::default(),
            segments: VecDeque::new(),
            capacity,
            una: iss,
            nxt: iss,
            window: 0,
            window_max: 0,
            window_from: (Sequence(0), Sequence(0)),
            scale: 0,
            mss: 536,
            fin: Fin::Open,
            repeated_acks: 0,
            recover: None,
        }
    }

    /// Sequence numbers sent and not acknowledged.
    pub(super) const fn in_flight(&self) -> u32 {
        self.nxt.ahead_of(self.una).cast_unsigned()
    }

    pub(super) const fn unsent(&self) -> usize {
        self.queue.len - self.queue.sent
    }

    pub(super) const fn free(&self) -> usize {
        self.capacity.saturating_sub(self.queue.len)
    }

    /// Whether a writer that waits for room should try again: at a third free, as Linux does.
    pub(super) const fn writable(&self) -> bool {
        self.free() * 3 >= self.capacity
    }

    /// Queues as much of `octets` as fits and says how much that was.
    pub(super) fn push(&mut self, octets: &[u8]) -> usize {
        let fitting = octets.len().min(self.free());
        self.queue.push(&octets[..fitting]);
        fitting
    }

    /// The next new segment that the peer's window admits, counted as sent.
    pub(super) fn next_portion(&mut self) -> Option<Portion> {
        let unsent = self.unsent();
        if unsent == 0 {
            // A FIN needs no window: it carries no octet.
            return self.take_fin_alone();
        }
        let usable = self.window.saturating_sub(self.in_flight());
        let take = (unsent.min(self.mss as usize)).min(usable as usize);
        let partial = take < unsent.min(self.mss as usize);
        // Sender's silly window avoidance (RFC 9293 3.8.6.2.1), without Nagle's delay.
        let silly = partial && self.in_flight() > 0 && (take as u32) < self.window_max / 2;
        if take == 0 || silly {
            return None;
        }
        let sequence = self.nxt;
        let payload = self.queue.take(take);
        self.segments.push_back(take);
        self.nxt = self.nxt + payload.len() as u32;
        let mut fin = Fin::Open;
        if self.fin == Fin::Queued && self.unsent() == 0 {
            fin = self.count_fin();
        }
        Some(Portion {
            sequence,
            payload,
            fin,
        })
    }

    fn take_fin_alone(&mut self) -> Option<Portion> {
        if self.fin != Fin::Queued {
            return None;
        }
        let sequence = self.nxt;
        let fin = self.count_fin();
        Some(Portion {
            sequence,
            payload: Bytes::new(),
            fin,
        })
    }

    fn count_fin(&mut self) -> Fin {
        self.nxt = self.nxt + 1;
        self.fin = Fin::Sent;
        Fin::Sent
    }

    /// The first unacknowledged segment, to be sent again.
    pub(super) fn first_portion(&self) -> Portion {
        let payload = self
            .queue
            .front(self.segments.front().copied().unwrap_or(0));
        let last = payload.len() == self.queue.sent && self.queue.sent == self.queue.len;
        let fin = if last && self.fin == Fin::Sent {
            Fin::Sent
        } else {
            Fin::Open
        };
        Portion {
            sequence: self.una,
            payload,
            fin,
        }
    }

    /// Takes an acknowledgement that lies in `una..=nxt`; says how many numbers are new.
    pub(super) fn acknowledge(&mut self, ack: Sequence) -> u32 {
        let advance = ack.ahead_of(self.una).max(0).cast_unsigned();
        self.una = self.una + advance;
        let octets = (advance as usize).min(self.queue.sent);
        self.queue.drop_front(octets);
        self.drop_segments(octets);
        advance
    }

    fn drop_segments(&mut self, mut octets: usize) {
        while let Some(front) = self.segments.front_mut()
            && octets > 0
        {
            if octets < *front {
                *front -= octets;
                return;
            }
            octets -= *front;
            self.segments.pop_front();
        }
    }

    /// Takes the peer's window unless a newer segment has already told it (RFC 9293 3.10.7.4).
    pub(super) fn update_window(&mut self, sequence: Sequence, ack: Sequence, window: u32) {
        let (from_sequence, from_ack) = self.window_from;
        let newer = from_sequence.is_before(sequence)
            || (from_sequence == sequence && !ack.is_before(from_ack));
        if newer {
            self.learn_window(sequence, ack, window);
        }
    }

    /// Takes the peer's window unconditionally: during the handshake.
    pub(super) fn learn_window(&mut self, sequence: Sequence, ack: Sequence, window: u32) {
        self.window = window;
        self.window_max = self.window_max.max(window);
        self.window_from = (sequence, ack);
    }

    pub(super) const fn window_max(&self) -> u32 {
        self.window_max
    }

    /// Forgets everything queued: the connection is gone.
    pub(super) fn purge(&mut self) {
        self.queue = SendQueue::default();
        self.segments.clear();
        self.una = self.nxt;
    }
}

/// Octets from the first unacknowledged one on, in the chunks in which they were written.
#[derive(Debug, Default)]
struct SendQueue {
    chunks: VecDeque<Bytes>,
    len: usize,
    /// How many octets from the front have been sent.
    sent: usize,
    /// Where the first unsent octet is: chunk, and offset in it.
    cursor: (usize, usize),
}

impl SendQueue {
    fn push(&mut self, octets: &[u8]) {
        if !octets.is_empty() {
            self.chunks.push_back(Bytes::copy_from_slice(octets));
            self.len += octets.len();
        }
    }

    /// The next `count` unsent octets; there must be that many.
    fn take(&mut self, count: usize) -> Bytes {
        let (chunk, offset) = self.cursor;
        let taken = self.slice(chunk, offset, count);
        self.sent += count;
        let mut left = count;
        while left > 0 {
            let in_chunk = self.chunks[self.cursor.0].len() - self.cursor.1;
            if left < in_chunk {
                self.cursor.1 += left;
                left = 0;
            } else {
                self.cursor = (self.cursor.0 + 1, 0);
                left -= in_chunk;
            }
        }
        taken
    }

    fn front(&self, count: usize) -> Bytes {
        self.slice(0, 0, count)
    }

    /// Shares one chunk's memory where the range lies in one chunk, and copies where it does not.
    fn slice(&self, mut chunk: usize, mut offset: usize, count: usize) -> Bytes {
        let Some(first) = self.chunks.get(chunk).filter(|_| count > 0) else {
            return Bytes::new();
        };
        if first.len() - offset >= count {
            return first.slice(offset..offset + count);
        }
        let mut copy = BytesMut::with_capacity(count);
        while copy.len() < count {
            let part = &self.chunks[chunk][offset..];
            copy.extend_from_slice(&part[..part.len().min(count - copy.len())]);
            chunk += 1;
            offset = 0;
        }
        copy.freeze()
    }

    fn drop_front(&mut self, count: usize) {
        self.len -= count;
        self.sent -= count;
        let mut left = count;
        while left > 0 {
            let front = &mut self.chunks[0];
            if left < front.len() {
                let shared = front.split_to(left);
                if self.cursor.0 == 0 {
                    self.cursor.1 -= shared.len();
                }
                left = 0;
            } else {
                left -= front.len();
                self.chunks.pop_front();
                self.cursor.0 -= 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_leave_in_order_whatever_the_chunks() {
        let mut queue = SendQueue::default();
        for chunk in ["ab", "cde", "f", "ghij"] {
            queue.push(chunk.as_bytes());
        }
        assert_eq!(queue.take(4), "abcd");
        assert_eq!(queue.front(3), "abc");
        queue.drop_front(3);
        assert_eq!(queue.front(1), "d");
        assert_eq!(queue.take(4), "efgh");
        queue.drop_front(5);
        assert_eq!(queue.take(2), "ij");
        queue.drop_front(2);
        assert_eq!((queue.len, queue.sent, queue.cursor), (0, 0, (0, 0)));
    }

    #[test]
    fn a_small_window_is_not_nibbled_at() {
        let mut half = SendHalf::new(Sequence(0), 10_000);
        half.mss = 1_000;
        half.push(&[0; 5_000]);
        half.learn_window(Sequence(0), Sequence(0), 2_400);
        let sent: Vec<_> = std::iter::from_fn(|| half.next_portion()).collect();
        assert_eq!(
            sent.iter()
                .map(|portion| portion.payload.len())
                .sum::<usize>(),
            2_000
        );
    }
}
