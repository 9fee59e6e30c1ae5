//! The handshake, from both ends.

use super::output::{self, Ack};
use super::socket::{Refusal, Socket, State};
use super::turn::Turn;
use super::{LOCAL_NETWORK, Phase, StackConfig};
use crate::error::SocketError;
use crate::packet::{IcmpError, TcpFlags, TcpSegment, Unreachable};
use crate::time::SimTime;
use std::time::Duration;

/// The first SYN-ACK timeout; with 5 retransmissions the acceptor gives up at 63 s (section 8.4).
const SYN_ACK_TIMEOUT: Duration = Duration::from_secs(1);

/// Sends the first SYN, or fails at once where no route leads.
pub(super) fn open(socket: &mut Socket, turn: &mut Turn<'_>) {
    if LOCAL_NETWORK.contains(*socket.remote.ip()) {
        turn.phase(socket, Phase::Opening);
        send_syn(socket, turn);
    } else {
        let error = SocketError::NetworkUnreachable;
        socket.end(turn, Phase::NetworkUnreachable, Some(error));
    }
}

/// Sends the next SYN and sets the timer for what follows it.
pub(super) fn send_syn(socket: &mut Socket, turn: &mut Turn<'_>) {
    let mut segment = TcpSegment::between(socket.local.port(), socket.remote.port());
    segment.flags = TcpFlags::SYN;
    segment.sequence = socket.send.una;
    offer(&mut segment, turn.config);
    segment.window = u16::try_from(turn.config.receive_window).unwrap_or(u16::MAX);
    socket.send.nxt = socket.send.una + 1;
    count_attempt(socket, turn.now);
    if socket.opening.sent == 1 {
        socket.rto.time(socket.send.nxt, turn.now);
    } else {
        socket.rto.distrust();
        turn.outbox.retransmissions += 1;
    }
    turn.send(socket, segment);
    let profile = &turn.config.profile;
    let started = socket.opening.started;
    let next = profile
        .syn_at(socket.opening.sent)
        .unwrap_or_else(|| profile.syn_give_up());
    // After an answered SYN the schedule may already have passed: never two SYNs at once.
    let soonest = turn.now + Duration::from_millis(500);
    let give_up = started + profile.syn_give_up();
    socket.retransmit_at = Some((started + next).max(soonest).min(give_up.max(turn.now)));
}

fn count_attempt(socket: &mut Socket, now: SimTime) {
    socket.opening.sent += 1;
    socket.opening.last_sent = now;
    socket.opening.refused = Refusal::None;
}

/// The MSS and window-scale options of a SYN.
fn offer(segment: &mut TcpSegment, config: &StackConfig) {
    segment.mss = Some(config.mss);
    segment.window_scale = Some(config.window_scale());
}

/// The opener's timer went off.
pub(super) fn on_syn_timer(socket: &mut Socket, turn: &mut Turn<'_>) {
    let profile = &turn.config.profile;
    let over = turn.now >= socket.opening.started + profile.syn_give_up();
    if over || socket.opening.sent >= profile.syn_count() {
        if over {
            socket.end(turn, Phase::TimedOut, Some(SocketError::TimedOut));
        } else {
            socket.retransmit_at = Some(socket.opening.started + profile.syn_give_up());
        }
        return;
    }
    send_syn(socket, turn);
}

/// Sends the SYN-ACK, again where it was sent before.
pub(super) fn send_syn_ack(socket: &mut Socket, turn: &mut Turn<'_>) {
    let mut segment = TcpSegment::between(socket.local.port(), socket.remote.port());
    segment.flags = TcpFlags::SYN | TcpFlags::ACK;
    segment.sequence = socket.send.una;
    segment.acknowledgement = socket.receive.nxt;
    segment.mss = Some(turn.config.mss);
    // RFC 7323: offered only when the SYN offered it, which a scale of zero on our side records.
    segment.window_scale = (socket.receive.scale > 0).then_some(socket.receive.scale);
    segment.window = socket.receive.promise_unscaled();
    socket.send.nxt = socket.send.una + 1;
    if socket.opening.sent == 0 {
        socket.rto.time(socket.send.nxt, turn.now);
    } else {
        socket.rto.distrust();
        turn.outbox.retransmissions += 1;
    }
    turn.send(socket, segment);
}

/// The first SYN-ACK, with its timer.
pub(super) fn accept_syn(socket: &mut Socket, turn: &mut Turn<'_>, syn: &TcpSegment) {
    learn(socket, turn.config, syn);
    send_syn_ack(socket, turn);
    count_attempt(socket, turn.now);
    socket.retransmit_at = Some(turn.now + SYN_ACK_TIMEOUT);
}

/// The acceptor's timer went off: 1, 3, 7, 15, 31 s after the first SYN-ACK, and the end at 63 s.
pub(super) fn on_syn_ack_timer(socket: &mut Socket, turn: &mut Turn<'_>) {
    let retransmissions = socket.opening.sent - 1;
    if retransmissions >= turn.config.profile.syn_ack_retransmissions() as usize {
        socket.end(turn, Phase::TimedOut, Some(SocketError::TimedOut));
        return;
    }
    send_syn_ack(socket, turn);
    count_attempt(socket, turn.now);
    socket.retransmit_at =
        Some(turn.now + SYN_ACK_TIMEOUT * (1 << socket.opening.sent.min(20)) / 2);
}

/// Takes the options and the sequence number of the peer's SYN or SYN-ACK.
fn learn(socket: &mut Socket, config: &StackConfig, syn: &TcpSegment) {
    socket.receive.synchronise(syn.sequence);
    // 536 is what a peer without the option gets (RFC 9293 3.7.1).
    socket.send.mss = u32::from(syn.mss.unwrap_or(536).min(config.mss).max(1));
    if let Some(shift) = syn.window_scale {
        // RFC 7323 section 2.3: larger shifts count as 14.
        socket.send.scale = shift.min(14);
        socket.receive.scale = config.window_scale();
    }
    let window = u32::from(syn.window);
    socket
        .send
        .learn_window(syn.sequence, syn.acknowledgement, window);
}

/// A segment reached an opener that waits for its SYN-ACK (RFC 9293 3.10.7.3).
pub(super) fn on_segment(socket: &mut Socket, turn: &mut Turn<'_>, segment: &TcpSegment) {
    let flags = segment.flags;
    if flags.ack() && segment.acknowledgement != socket.send.nxt {
        if !flags.rst() {
            let mut reset = TcpSegment::between(socket.local.port(), socket.remote.port());
            reset.flags = TcpFlags::RST;
            reset.sequence = segment.acknowledgement;
            turn.send(socket, reset);
        }
        return;
    }
    if flags.rst() {
        if flags.ack() {
            on_refusal(socket, turn);
        }
        return;
    }
    if !flags.syn() {
        return;
    }
    learn(socket, turn.config, segment);
    if flags.ack() {
        socket.send.acknowledge(segment.acknowledgement);
        socket
            .rto
            .acknowledged(segment.acknowledgement, turn.now, &turn.config.profile);
        socket.receive.promise_unscaled();
        socket.establish(turn);
        output::transmit(socket, turn, Ack::Needed);
    } else {
        // Both ends opened at once.
        socket.state = State::SynReceived;
        socket.opening.sent = 0;
        send_syn_ack(socket, turn);
        count_attempt(socket, turn.now);
        socket.retransmit_at = Some(turn.now + SYN_ACK_TIMEOUT);
    }
}

/// RST in answer to a SYN: Linux gives up at once, Windows repeats the SYN every 0.5 s first.
fn on_refusal(socket: &mut Socket, turn: &mut Turn<'_>) {
    let profile = &turn.config.profile;
    let repeats = socket.opening.sent < profile.syn_count();
    match profile.refused_syn_interval() {
        Some(interval) if repeats => {
            socket.opening.refused = Refusal::Reset;
            socket.retransmit_at =
                Some(socket.opening.last_sent.max(turn.now - interval) + interval);
        }
        Some(_) | None => socket.end(turn, Phase::Refused, Some(SocketError::Refused)),
    }
}

/// An ICMP error that quotes one of this socket's segments.
pub(super) fn on_icmp(socket: &mut Socket, turn: &mut Turn<'_>, icmp: &IcmpError) {
    let (phase, error) = match icmp.kind {
        Unreachable::Port => (Phase::Refused, SocketError::Refused),
        Unreachable::Host | Unreachable::AdminProhibited => {
            (Phase::HostUnreachable, SocketError::HostUnreachable)
        }
        Unreachable::Net => (Phase::NetworkUnreachable, SocketError::NetworkUnreachable),
    };
    if socket.state == State::SynSent {
        if icmp.sequence == socket.send.una {
            socket.end(turn, phase, Some(error));
        }
    } else {
        // Once connected, ICMP is advice: it only names the reason if the connection times out.
        socket.soft_error = Some(error);
    }
}
