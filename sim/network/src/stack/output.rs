//! Segments that leave an open connection.

use bytes::Bytes;

use super::send::{Fin, Portion};
use super::socket::Socket;
use super::turn::Turn;
use super::{Phase, Way};
use crate::error::SocketError;
use crate::packet::{TcpFlags, TcpSegment};

/// Whether to send an acknowledgement even when nothing else is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ack {
    Needed,
    NotNeeded,
}

/// Sends everything that state and window admit; an acknowledgement rides along or goes alone.
pub(super) fn transmit(socket: &mut Socket, turn: &mut Turn<'_>, ack: Ack) {
    let mut ack = ack;
    if socket.may_transmit() {
        while let Some(portion) = socket.send.next_portion() {
            turn.octets(socket, Way::Sent, &portion.payload);
            socket.rto.time(socket.send.nxt, turn.now);
            let fin = portion.fin;
            emit(socket, turn, portion);
            if fin == Fin::Sent {
                turn.phase(socket, Phase::FinSent);
            }
            ack = Ack::NotNeeded;
        }
        // Waiting for an acknowledgement, or for a window: either way a timer runs.
        let waits = socket.send.in_flight() > 0 || socket.send.unsent() > 0;
        if waits && socket.retransmit_at.is_none() {
            arm(socket, turn);
        }
    }
    if ack == Ack::Needed {
        send_ack(socket, turn);
    }
}

fn arm(socket: &mut Socket, turn: &Turn<'_>) {
    socket.retransmit_at = Some(turn.now + socket.rto.timeout(&turn.config.profile));
}

/// Restarts the timer after progress, or stops it when nothing is outstanding.
pub(super) fn rearm(socket: &mut Socket, turn: &Turn<'_>) {
    socket.retransmit_at = None;
    if socket.send.in_flight() > 0 {
        arm(socket, turn);
    }
}

fn emit(socket: &mut Socket, turn: &mut Turn<'_>, portion: Portion) {
    let mut flags = TcpFlags::ACK;
    if portion.fin == Fin::Sent {
        flags = flags | TcpFlags::FIN;
    }
    let end = portion.sequence + portion.payload.len() as u32 + u32::from(flags.fin());
    if !portion.payload.is_empty() && socket.send.unsent() == 0 && end == socket.send.nxt {
        flags = flags | TcpFlags::PSH;
    }
    let mut segment = header(socket, flags);
    segment.sequence = portion.sequence;
    segment.payload = portion.payload;
    turn.send(socket, segment);
}

/// A segment of this connection at `nxt`, with acknowledgement and window.
pub(super) fn header(socket: &mut Socket, flags: TcpFlags) -> TcpSegment {
    let mut segment = TcpSegment::between(socket.local.port(), socket.remote.port());
    segment.flags = flags;
    segment.sequence = socket.send.nxt;
    segment.acknowledgement = socket.receive.nxt;
    segment.window = socket.receive.promise_window();
    segment
}

pub(super) fn send_ack(socket: &mut Socket, turn: &mut Turn<'_>) {
    let segment = header(socket, TcpFlags::ACK);
    turn.send(socket, segment);
}

/// Aborts: the peer is told by RST.
pub(super) fn send_reset(socket: &mut Socket, turn: &mut Turn<'_>) {
    let mut segment = header(socket, TcpFlags::RST | TcpFlags::ACK);
    segment.window = 0;
    turn.send(socket, segment);
}

/// Sends the first unacknowledged segment again.
pub(super) fn retransmit_first(socket: &mut Socket, turn: &mut Turn<'_>) {
    socket.rto.distrust();
    turn.outbox.retransmissions += 1;
    let portion = socket.send.first_portion();
    emit(socket, turn, portion);
}

/// The retransmission timer of an open connection went off.
pub(super) fn on_timer(socket: &mut Socket, turn: &mut Turn<'_>) {
    if socket.rto.attempts >= turn.retransmissions_max(socket) || starves(socket, turn) {
        let error = socket.soft_error.unwrap_or(SocketError::TimedOut);
        socket.end(turn, Phase::TimedOut, Some(error));
        return;
    }
    socket.rto.attempts += 1;
    socket.rto.backoff += 1;
    if socket.send.in_flight() > 0 {
        socket.send.recover = Some(socket.send.nxt);
        socket.send.repeated_acks = 0;
        retransmit_first(socket, turn);
    } else {
        probe_window(socket, turn);
    }
    arm(socket, turn);
}

/// A peer that answers every probe with a closed window may hold an owned socket for ever, but not
/// one without an owner.
fn starves(socket: &Socket, turn: &Turn<'_>) -> bool {
    socket.owner == super::socket::Owner::Nobody
        && socket.rto.backoff > turn.config.profile.data_retransmissions()
}

/// Asks for the peer's window with an empty segment that must be answered, as Linux does.
fn probe_window(socket: &mut Socket, turn: &mut Turn<'_>) {
    let mut segment = header(socket, TcpFlags::ACK);
    segment.sequence = socket.send.una - 1;
    segment.payload = Bytes::new();
    turn.send(socket, segment);
}
