//! Segments that arrive on a synchronised connection (RFC 9293 section 3.10.7.4, RFC 5961).

use std::time::Duration;

use super::opening;
use super::output::{self, Ack};
use super::send::Fin;
use super::socket::{Owner, Socket, State};
use super::turn::Turn;
use super::{Phase, Way};
use crate::error::SocketError;
use crate::packet::{TcpFlags, TcpSegment};

/// Least time between two answers to unacceptable segments, as Linux's `tcp_invalid_ratelimit`:
/// two ends that disagree must not answer each other's answers for ever.
const CHALLENGE_INTERVAL: Duration = Duration::from_millis(500);

/// How the rest of a segment is to be treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Continue,
    Done,
}

pub(super) fn on_segment(socket: &mut Socket, turn: &mut Turn<'_>, segment: &TcpSegment) {
    match socket.state {
        State::Closed => return,
        State::SynSent => {
            opening::on_segment(socket, turn, segment);
            return;
        }
        State::SynReceived
        | State::Established
        | State::FinWait1
        | State::FinWait2
        | State::CloseWait
        | State::Closing
        | State::LastAck
        | State::TimeWait => {}
    }
    if check_acceptable(socket, turn, segment) == Verdict::Done || !segment.flags.ack() {
        return;
    }
    if on_ack(socket, turn, segment) == Verdict::Done {
        return;
    }
    let mut ack = Ack::NotNeeded;
    if !segment.payload.is_empty() {
        if refuses_data(socket, segment) {
            // As Linux: nobody is left to read, so the peer is told at once.
            output::send_reset(socket, turn);
            socket.end(turn, Phase::Closed, None);
            return;
        }
        on_octets(socket, turn, segment);
        ack = Ack::Needed;
    }
    if segment.flags.fin() {
        let payload = segment.sequence_len() - 1;
        socket.receive.note_fin(segment.sequence + payload);
        ack = Ack::Needed;
        if socket.state == State::TimeWait {
            // The peer missed the last acknowledgement: stay for another full period.
            socket.linger_until = Some(turn.now + turn.config.profile.time_wait());
        }
    }
    if socket.receive.take_fin() {
        on_fin(socket, turn);
    }
    output::transmit(socket, turn, ack);
}

/// Sequence, RST and SYN checks; what fails them is answered here.
fn check_acceptable(socket: &mut Socket, turn: &mut Turn<'_>, segment: &TcpSegment) -> Verdict {
    let flags = segment.flags;
    if !socket
        .receive
        .accepts(segment.sequence, segment.sequence_len())
    {
        if !flags.rst() {
            if flags.syn() && socket.state == State::SynReceived {
                opening::send_syn_ack(socket, turn);
            } else if is_answered(socket, segment) {
                output::send_ack(socket, turn);
            } else {
                challenge(socket, turn);
            }
        }
        return Verdict::Done;
    }
    if flags.rst() {
        on_reset(socket, turn, segment);
        return Verdict::Done;
    }
    if flags.syn() {
        // RFC 5961 section 4: a SYN never ends a connection; a restarted peer answers with RST.
        let expected =
            socket.state == State::SynReceived && segment.sequence + 1 == socket.receive.nxt;
        if expected && flags.ack() {
            // Both ends opened at once, and this is the other's SYN-ACK.
            return Verdict::Continue;
        }
        if expected {
            opening::send_syn_ack(socket, turn);
        } else {
            challenge(socket, turn);
        }
        return Verdict::Done;
    }
    Verdict::Continue
}

/// Whether an unacceptable segment is answered at any rate: it carries something, or it is a probe.
fn is_answered(socket: &Socket, segment: &TcpSegment) -> bool {
    (segment.sequence_len() > 0 && !segment.flags.syn())
        || segment.sequence + 1 == socket.receive.nxt
}

fn challenge(socket: &mut Socket, turn: &mut Turn<'_>) {
    if turn.now >= socket.challenge_from {
        socket.challenge_from = turn.now + CHALLENGE_INTERVAL;
        output::send_ack(socket, turn);
    }
}

/// An RST inside the window: it counts only exactly at the next expected number.
fn on_reset(socket: &mut Socket, turn: &mut Turn<'_>, segment: &TcpSegment) {
    if segment.sequence != socket.receive.nxt {
        challenge(socket, turn);
        return;
    }
    let error = match socket.state {
        State::TimeWait => return, // RFC 1337.
        State::SynReceived => SocketError::Refused,
        // Linux: the peer had closed, so what failed is the write.
        State::CloseWait => SocketError::BrokenPipe,
        State::SynSent
        | State::Established
        | State::FinWait1
        | State::FinWait2
        | State::Closing
        | State::LastAck
        | State::Closed => SocketError::Reset,
    };
    socket.end(turn, Phase::Reset, Some(error));
}

fn on_ack(socket: &mut Socket, turn: &mut Turn<'_>, segment: &TcpSegment) -> Verdict {
    let ack = segment.acknowledgement;
    if ack.is_after(socket.send.nxt) || ack.ahead_of(socket.send.una) < oldest_ack(socket) {
        challenge_ack(socket, turn, segment);
        return Verdict::Done;
    }
    if socket.state == State::SynReceived {
        if ack != socket.send.nxt {
            challenge_ack(socket, turn, segment);
            return Verdict::Done;
        }
        socket.establish(turn);
    }
    // RFC 7323 section 2.2: the window of a SYN is never scaled.
    let scale = if segment.flags.syn() {
        0
    } else {
        socket.send.scale
    };
    let window = u32::from(segment.window) << scale;
    let repeats = ack == socket.send.una
        && segment.sequence_len() == 0
        && window == socket.send.window
        && socket.send.in_flight() > 0;
    if ack.is_before(socket.send.una) {
        return Verdict::Continue;
    }
    let advance = socket.send.acknowledge(ack);
    socket.send.update_window(segment.sequence, ack, window);
    if advance > 0 {
        on_progress(socket, turn, segment);
    } else if repeats {
        on_repeated_ack(socket, turn);
    } else if socket.send.window == 0 {
        // The peer lives and has no room: probes are answered, so nothing counts as lost.
        socket.rto.attempts = 0;
    } else if socket.send.in_flight() == 0 {
        // The window is open: what leaves now gets a timer of its own.
        socket.rto.backoff = 0;
        socket.rto.attempts = 0;
        socket.retransmit_at = None;
    }
    Verdict::Continue
}

/// How far behind `una` an acknowledgement may lie (RFC 5961 section 5).
fn oldest_ack(socket: &Socket) -> i32 {
    -i32::try_from(socket.send.window_max().max(1 << 16)).unwrap_or(i32::MAX)
}

fn challenge_ack(socket: &mut Socket, turn: &mut Turn<'_>, segment: &TcpSegment) {
    if socket.state == State::SynReceived {
        let mut reset = TcpSegment::between(socket.local.port(), socket.remote.port());
        reset.flags = TcpFlags::RST;
        reset.sequence = segment.acknowledgement;
        turn.send(socket, reset);
    } else {
        challenge(socket, turn);
    }
}

fn on_progress(socket: &mut Socket, turn: &mut Turn<'_>, segment: &TcpSegment) {
    let ack = segment.acknowledgement;
    socket.rto.acknowledged(ack, turn.now, &turn.config.profile);
    socket.send.repeated_acks = 0;
    match socket.send.recover {
        Some(recover) if ack.is_before(recover) => {
            // A partial acknowledgement: the next hole starts here (RFC 6582).
            output::retransmit_first(socket, turn);
        }
        Some(_) => socket.send.recover = None,
        None => {}
    }
    output::rearm(socket, turn);
    if socket.send.writable() {
        socket.wake_writer();
    }
    if socket.send.fin == Fin::Sent && socket.send.in_flight() == 0 {
        on_fin_acknowledged(socket, turn);
    }
}

fn on_repeated_ack(socket: &mut Socket, turn: &mut Turn<'_>) {
    socket.send.repeated_acks += 1;
    // RFC 5681: the third repetition means loss and not reordering.
    if socket.send.repeated_acks == 3 && socket.send.recover.is_none() {
        socket.send.recover = Some(socket.send.nxt);
        output::retransmit_first(socket, turn);
        output::rearm(socket, turn);
    }
}

fn on_fin_acknowledged(socket: &mut Socket, turn: &mut Turn<'_>) {
    match socket.state {
        State::FinWait1 => socket.enter_fin_wait_2(turn),
        State::Closing => socket.enter_time_wait(turn),
        State::LastAck => socket.end(turn, Phase::Closed, None),
        State::SynSent
        | State::SynReceived
        | State::Established
        | State::FinWait2
        | State::CloseWait
        | State::TimeWait
        | State::Closed => {}
    }
}

/// Whether these octets are new and nobody will ever read them.
fn refuses_data(socket: &Socket, segment: &TcpSegment) -> bool {
    let end = segment.sequence + segment.payload.len() as u32;
    socket.owner == Owner::Nobody
        && matches!(socket.state, State::FinWait1 | State::FinWait2)
        && end.is_after(socket.receive.nxt)
}

fn on_octets(socket: &mut Socket, turn: &mut Turn<'_>, segment: &TcpSegment) {
    if socket.receive.finished {
        return;
    }
    let chunks = socket.receive.accept(segment.sequence, &segment.payload);
    if chunks == 0 {
        return;
    }
    if turn.config.observe_streams {
        for octets in socket.receive.newest(chunks) {
            turn.octets(socket, Way::Received, octets);
        }
    }
    socket.wake_reader();
}

fn on_fin(socket: &mut Socket, turn: &mut Turn<'_>) {
    turn.phase(socket, Phase::FinReceived);
    match socket.state {
        State::SynReceived | State::Established => socket.state = State::CloseWait,
        State::FinWait1 => socket.state = State::Closing,
        State::FinWait2 => socket.enter_time_wait(turn),
        State::SynSent
        | State::CloseWait
        | State::Closing
        | State::LastAck
        | State::TimeWait
        | State::Closed => {}
    }
    socket.wake_reader();
}
