//! One connection's state, and its ends.

use std::net::SocketAddrV4;
use std::task::Waker;

use super::receive::ReceiveHalf;
use super::rto::Rto;
use super::send::{Fin, SendHalf};
use super::turn::Turn;
use super::{ListenerId, Phase, Role, SocketId};
use crate::error::SocketError;
use crate::packet::Sequence;
use crate::time::SimTime;

/// The states of RFC 9293 section 3.3.2; LISTEN is a listener, not a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    SynSent,
    SynReceived,
    Established,
    FinWait1,
    FinWait2,
    CloseWait,
    Closing,
    LastAck,
    TimeWait,
    Closed,
}

/// Who will close the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// The holder of its id.
    Application,
    /// Nobody yet: it waits in this listener's backlog.
    Backlog(ListenerId),
    /// Nobody any more: TCP finishes alone.
    Nobody,
}

/// How far the opening is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opening {
    pub(super) started: SimTime,
    /// SYNs or SYN-ACKs sent.
    pub(super) sent: usize,
    pub(super) last_sent: SimTime,
    /// An RST answered the last SYN; the next one follows soon (Windows).
    pub(super) refused: Refusal,
}

/// What the last SYN was answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    None,
    Reset,
}

#[derive(Debug)]
pub(super) struct Socket {
    pub(super) id: SocketId,
    pub(super) local: SocketAddrV4,
    pub(super) remote: SocketAddrV4,
    pub(super) role: Role,
    pub(super) state: State,
    pub(super) owner: Owner,
    pub(super) opening: Opening,
    pub(super) send: SendHalf,
    pub(super) receive: ReceiveHalf,
    pub(super) rto: Rto,
    /// What the next call reports, once.
    pub(super) error: Option<SocketError>,
    /// An ICMP error on the established connection: reported only if it times out.
    pub(super) soft_error: Option<SocketError>,
    /// Retransmission, window probe, or the next SYN.
    pub(super) retransmit_at: Option<SimTime>,
    /// End of `TIME_WAIT` or of an ownerless `FIN_WAIT_2`.
    pub(super) linger_until: Option<SimTime>,
    /// The earliest entry that the timer heap holds for this socket.
    pub(super) queued_at: Option<SimTime>,
    /// Answers to unacceptable segments are limited in rate: not before this.
    pub(super) challenge_from: SimTime,
    pub(super) reader: Option<Waker>,
    pub(super) writer: Option<Waker>,
}

/// The ends of a new connection and who opened it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    pub(super) local: SocketAddrV4,
    pub(super) remote: SocketAddrV4,
    pub(super) role: Role,
}

impl Socket {
    pub(super) fn new(
        id: SocketId,
        ends: Ends,
        owner: Owner,
        iss: Sequence,
        turn: &Turn<'_>,
    ) -> Self {
        let config = turn.config;
        Self {
            id,
            local: ends.local,
            remote: ends.remote,
            role: ends.role,
            state: match ends.role {
                Role::Opener => State::SynSent,
                Role::Acceptor => State::SynReceived,
            },
            owner,
            opening: Opening {
                started: turn.now,
                sent: 0,
                last_sent: turn.now,
                refused: Refusal::None,
            },
            send: SendHalf::new(iss, config.send_buffer as usize),
            receive: ReceiveHalf::new(config.receive_window),
            rto: Rto::new(&config.profile),
            error: None,
            soft_error: None,
            retransmit_at: None,
            linger_until: None,
            queued_at: None,
            challenge_from: SimTime::START,
            reader: None,
            writer: None,
        }
    }

    pub(super) fn deadline(&self) -> Option<SimTime> {
        match (self.retransmit_at, self.linger_until) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// Whether octets and a FIN may leave in this state.
    pub(super) const fn may_transmit(&self) -> bool {
        match self.state {
            State::Established
            | State::CloseWait
            | State::FinWait1
            | State::Closing
            | State::LastAck => true,
            State::SynSent
            | State::SynReceived
            | State::FinWait2
            | State::TimeWait
            | State::Closed => false,
        }
    }

    pub(super) fn wake_reader(&mut self) {
        if let Some(waker) = self.reader.take() {
            waker.wake();
        }
    }

    pub(super) fn wake_writer(&mut self) {
        if let Some(waker) = self.writer.take() {
            waker.wake();
        }
    }

    /// The handshake is complete at this end.
    pub(super) fn establish(&mut self, turn: &mut Turn<'_>) {
        self.state = State::Established;
        self.retransmit_at = None;
        turn.phase(self, Phase::Established);
        self.wake_writer();
        self.wake_reader();
    }

    /// The connection ends at once; the application learns `error` from its next call.
    pub(super) fn end(&mut self, turn: &mut Turn<'_>, phase: Phase, error: Option<SocketError>) {
        self.state = State::Closed;
        self.error = error;
        self.retransmit_at = None;
        self.linger_until = None;
        self.send.purge();
        self.receive.purge_parked();
        turn.phase(self, phase);
        self.wake_reader();
        self.wake_writer();
    }

    /// The application has no more to send: FIN follows what is queued.
    pub(super) fn close_sending(&mut self) {
        let next = match self.state {
            State::Established => State::FinWait1,
            State::CloseWait => State::LastAck,
            State::SynSent
            | State::SynReceived
            | State::FinWait1
            | State::FinWait2
            | State::Closing
            | State::LastAck
            | State::TimeWait
            | State::Closed => return,
        };
        self.state = next;
        self.send.fin = Fin::Queued;
    }

    /// Both directions are closed and this end closed first, or at the same time.
    pub(super) fn enter_time_wait(&mut self, turn: &mut Turn<'_>) {
        self.state = State::TimeWait;
        self.retransmit_at = None;
        self.linger_until = Some(turn.now + turn.config.profile.time_wait());
        turn.phase(self, Phase::Closed);
    }

    /// This end's FIN is acknowledged and the peer's has not come.
    pub(super) fn enter_fin_wait_2(&mut self, turn: &Turn<'_>) {
        self.state = State::FinWait2;
        self.limit_fin_wait_2(turn);
    }

    /// An ownerless socket does not wait for the peer's FIN for ever.
    pub(super) fn limit_fin_wait_2(&mut self, turn: &Turn<'_>) {
        if self.owner == Owner::Nobody && self.state == State::FinWait2 {
            self.linger_until = Some(turn.now + turn.config.profile.fin_wait_2());
        }
    }
}
