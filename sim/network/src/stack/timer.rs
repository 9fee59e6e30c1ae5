//! Which socket is due next.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::SocketId;
use super::socket::Socket;
use crate::slots::Slots;
use crate::time::SimTime;

/// A heap of deadlines with lazy removal: moving a deadline later costs nothing until the old one
/// comes to the top, and what the owner sees is always the exact next deadline.
#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<(SimTime, SocketId)>>,
}

impl Timers {
    /// Takes note of the socket's deadline.
    pub(super) fn arm(&mut self, id: SocketId, socket: &mut Socket) {
        let Some(deadline) = socket.deadline() else {
            return;
        };
        if socket.queued_at.is_none_or(|queued| deadline < queued) {
            socket.queued_at = Some(deadline);
            self.heap.push(Reverse((deadline, id)));
        }
    }

    /// The earliest deadline and its socket.
    pub(super) fn next(&mut self, sockets: &mut Slots<Box<Socket>>) -> Option<(SimTime, SocketId)> {
        while let Some(&Reverse((at, id))) = self.heap.peek() {
            let Some(socket) = sockets.peek_mut(id.0).filter(|s| s.queued_at == Some(at)) else {
                self.heap.pop();
                continue;
            };
            if socket.deadline() == Some(at) {
                return Some((at, id));
            }
            self.heap.pop();
            socket.queued_at = None;
            self.arm(id, socket);
        }
        None
    }

    /// A lower bound of the earliest deadline, without looking at the sockets.
    pub(super) fn bound(&self) -> Option<SimTime> {
        self.heap.peek().map(|&Reverse((at, _))| at)
    }

    /// Removes the entry that [`Timers::next`] returned.
    pub(super) fn pop(&mut self, socket: Option<&mut Box<Socket>>) {
        self.heap.pop();
        if let Some(socket) = socket {
            socket.queued_at = None;
        }
    }

    pub(super) fn clear(&mut self) {
        self.heap.clear();
    }
}
