//! Segments that no honest peer would send now: forged, late, or from before a crash.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use bytes::Bytes;
use portcullis_network::{
    ListenerId, Packet, Phase, Profile, Sequence, SimTime, SocketError, SocketId, Stack, TcpFlags,
    TcpSegment, Transport,
};
use proptest::prelude::*;

use crate::lab::{config, cx, ready};
use crate::property::cases;

const PEER: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 9), 50_000);
/// The peer's initial sequence number, close to the wrap.
const PEER_ISS: Sequence = Sequence(u32::MAX - 100);

/// A stack with one connection, accepted from a peer that the test plays by hand.
struct Victim {
    stack: Stack,
    listener: ListenerId,
    socket: SocketId,
    now: SimTime,
    /// The victim's next sequence number.
    nxt: Sequence,
}

fn segment(flags: TcpFlags, sequence: Sequence, ack: Sequence, payload: &[u8]) -> Packet {
    let mut segment = TcpSegment::between(PEER.port(), 80);
    segment.flags = flags;
    segment.sequence = sequence;
    segment.acknowledgement = ack;
    segment.window = 10_000;
    segment.payload = Bytes::copy_from_slice(payload);
    Packet {
        source: *PEER.ip(),
        destination: Ipv4Addr::new(10, 0, 0, 1),
        identification: 0,
        transport: Transport::Tcp(segment),
    }
}

impl Victim {
    fn new(profile: Profile) -> Self {
        let mut stack = Stack::new(config("victim", 1, profile), 1);
        let listener = stack.listen(80, 4).unwrap();
        let now = SimTime::from_secs(1);
        stack.handle_packet(now, segment(TcpFlags::SYN, PEER_ISS, Sequence(0), b""));
        let answer = stack.poll_transmit(now).unwrap();
        let nxt = answer.tcp().unwrap().sequence + 1;
        stack.handle_packet(now, segment(TcpFlags::ACK, PEER_ISS + 1, nxt, b""));
        let socket = ready(stack.poll_accept(listener, &mut cx()))
            .unwrap()
            .unwrap();
        Self {
            stack,
            listener,
            socket,
            now,
            nxt,
        }
    }

    /// What the victim answers to a segment.
    fn give(&mut self, flags: TcpFlags, sequence: Sequence, payload: &[u8]) -> Vec<String> {
        let packet = segment(flags, sequence, self.nxt, payload);
        self.stack.handle_packet(self.now, packet);
        self.sent()
    }

    fn sent(&mut self) -> Vec<String> {
        let sent = std::iter::from_fn(|| self.stack.poll_transmit(self.now));
        sent.filter_map(|packet| {
            let segment = packet.tcp()?;
            self.nxt = segment.sequence + segment.sequence_len();
            let ahead = segment.acknowledgement.ahead_of(PEER_ISS);
            Some(format!("{} ack {ahead}", segment.flags))
        })
        .collect()
    }

    fn read(&mut self) -> Option<Result<usize, SocketError>> {
        ready(
            self.stack
                .poll_read(self.now, self.socket, &mut cx(), &mut &mut [0; 100][..]),
        )
    }

    fn wait(&mut self, seconds: u64) {
        self.now = self.now + Duration::from_secs(seconds);
        while let Some(at) = self.stack.poll_timeout()
            && at <= self.now
        {
            self.stack.handle_timeout(at);
            while self.stack.poll_transmit(at).is_some() {}
        }
    }

    fn ended(&mut self) -> Vec<Phase> {
        let events = std::iter::from_fn(|| self.stack.poll_event());
        events
            .filter_map(|event| match event {
                portcullis_network::StackEvent::Connection { phase, .. } => Some(phase),
                portcullis_network::StackEvent::Octets { .. }
                | portcullis_network::StackEvent::Blocked { .. } => None,
            })
            .collect()
    }
}

#[test]
fn a_blind_reset_is_challenged_and_only_the_exact_one_counts() {
    let mut victim = Victim::new(Profile::LINUX);
    assert_eq!(victim.give(TcpFlags::RST, PEER_ISS + 500, b""), ["A ack 1"]);
    assert!(
        victim.give(TcpFlags::RST, PEER_ISS + 600, b"").is_empty(),
        "one answer in 0.5 s"
    );
    assert!(
        victim
            .give(TcpFlags::RST, PEER_ISS + 1_000_000, b"")
            .is_empty(),
        "out of window"
    );
    assert_eq!(victim.read(), None);
    assert!(victim.give(TcpFlags::RST, PEER_ISS + 1, b"").is_empty());
    assert_eq!(victim.read(), Some(Err(SocketError::Reset)));
}

#[test]
fn a_syn_on_an_open_connection_is_challenged() {
    let mut victim = Victim::new(Profile::LINUX);
    assert_eq!(victim.give(TcpFlags::SYN, PEER_ISS + 7, b""), ["A ack 1"]);
    assert_eq!(victim.read(), None);
}

#[test]
fn octets_acknowledging_what_was_never_sent_are_not_taken() {
    let mut victim = Victim::new(Profile::LINUX);
    victim.nxt = victim.nxt + 5_000;
    assert_eq!(
        victim.give(TcpFlags::ACK, PEER_ISS + 1, b"forged"),
        ["A ack 1"]
    );
    assert_eq!(victim.read(), None);
}

#[test]
fn octets_outside_the_window_are_answered_and_not_taken() {
    let mut victim = Victim::new(Profile::LINUX);
    assert_eq!(
        victim.give(TcpFlags::ACK, PEER_ISS + 2_000_000, b"far ahead"),
        ["A ack 1"]
    );
    assert_eq!(
        victim.give(TcpFlags::ACK, PEER_ISS + 1, b"right"),
        ["A ack 6"]
    );
    assert_eq!(
        victim.give(TcpFlags::ACK, PEER_ISS + 1, b"right"),
        ["A ack 6"]
    );
    assert_eq!(victim.read(), Some(Ok(5)));
    assert_eq!(victim.read(), None);
}

#[test]
fn time_wait_answers_a_repeated_fin_and_ignores_a_reset() {
    let mut victim = Victim::new(Profile::LINUX);
    let fin = TcpFlags::FIN | TcpFlags::ACK;
    victim.stack.close(victim.now, victim.socket);
    assert_eq!(victim.sent(), ["FA ack 1"]);
    assert_eq!(victim.give(fin, PEER_ISS + 1, b""), ["A ack 2"]);
    victim.wait(50);
    assert_eq!(
        victim.give(fin, PEER_ISS + 1, b""),
        ["A ack 2"],
        "its last ACK was lost"
    );
    victim.give(TcpFlags::RST, PEER_ISS + 2, b"");
    victim.wait(50);
    assert_eq!(
        victim.stack.socket_count(),
        1,
        "the repeated FIN began another 60 s"
    );
    victim.wait(11);
    assert_eq!(victim.stack.socket_count(), 0);
}

#[test]
fn a_new_syn_may_reuse_the_ends_of_time_wait() {
    let mut victim = Victim::new(Profile::LINUX);
    victim.stack.close(victim.now, victim.socket);
    victim.sent();
    victim.give(TcpFlags::FIN | TcpFlags::ACK, PEER_ISS + 1, b"");
    assert_eq!(
        victim.give(TcpFlags::SYN, PEER_ISS + 100_000, b""),
        ["SA ack 100001"]
    );
}

#[test]
fn octets_for_an_ownerless_connection_are_answered_with_rst() {
    let mut victim = Victim::new(Profile::LINUX);
    victim.stack.close(victim.now, victim.socket);
    victim.sent();
    assert_eq!(
        victim.give(TcpFlags::ACK, PEER_ISS + 1, b"anybody?"),
        ["RA ack 1"]
    );
    assert_eq!(victim.stack.socket_count(), 0);
}

#[test]
fn an_ownerless_connection_does_not_wait_for_the_peers_fin_for_ever() {
    let mut victim = Victim::new(Profile::LINUX);
    victim.stack.close(victim.now, victim.socket);
    victim.sent();
    victim.give(TcpFlags::ACK, PEER_ISS + 1, b"");
    victim.wait(59);
    assert_eq!(victim.stack.socket_count(), 1);
    victim.wait(1);
    assert_eq!(victim.stack.socket_count(), 0, "tcp_fin_timeout is 60 s");
}

#[test]
fn an_unacknowledged_fin_of_an_ownerless_connection_is_repeated_eight_times() {
    let mut victim = Victim::new(Profile::LINUX);
    victim.stack.close(victim.now, victim.socket);
    victim.sent();
    victim.wait(600);
    assert_eq!(victim.stack.retransmissions(), 8);
    assert_eq!(victim.stack.socket_count(), 0);
    assert!(victim.ended().contains(&Phase::TimedOut));
}

#[test]
fn a_closed_listener_resets_what_nobody_accepted() {
    let mut stack = Stack::new(config("victim", 1, Profile::LINUX), 1);
    let listener = stack.listen(80, 4).unwrap();
    let now = SimTime::from_secs(1);
    stack.handle_packet(now, segment(TcpFlags::SYN, PEER_ISS, Sequence(0), b""));
    let nxt = stack.poll_transmit(now).unwrap().tcp().unwrap().sequence + 1;
    stack.handle_packet(now, segment(TcpFlags::ACK, PEER_ISS + 1, nxt, b""));
    stack.close_listener(now, listener);
    assert_eq!(
        stack
            .poll_transmit(now)
            .unwrap()
            .tcp()
            .unwrap()
            .flags
            .letters(),
        "RA"
    );
    assert_eq!(stack.socket_count(), 0);
    assert!(stack.listen(80, 4).is_ok());
}

#[test]
fn two_openers_may_meet() {
    let mut one = Stack::new(config("one", 1, Profile::LINUX), 1);
    let mut other = Stack::new(config("other", 2, Profile::LINUX), 2);
    let now = SimTime::from_secs(1);
    let ends = [1, 2].map(|number| SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, number), 5_000));
    let opened = [
        one.connect(now, ends[1], Some(5_000)).unwrap(),
        other.connect(now, ends[0], Some(5_000)).unwrap(),
    ];
    for _ in 0..4 {
        let from_one: Vec<_> = std::iter::from_fn(|| one.poll_transmit(now)).collect();
        let from_other: Vec<_> = std::iter::from_fn(|| other.poll_transmit(now)).collect();
        from_one
            .into_iter()
            .for_each(|packet| other.handle_packet(now, packet));
        from_other
            .into_iter()
            .for_each(|packet| one.handle_packet(now, packet));
    }
    assert_eq!(
        ready(one.poll_connected(opened[0], &mut cx())),
        Some(Ok(()))
    );
    assert_eq!(
        ready(other.poll_connected(opened[1], &mut cx())),
        Some(Ok(()))
    );
}

/// One thing that happens to the victim.
#[derive(Clone, Debug)]
enum Blow {
    Segment {
        flags: u8,
        ahead: i32,
        ack_ahead: i32,
        window: u16,
        length: usize,
    },
    Write(usize),
    Read,
    Shutdown,
    Wait(u64),
}

fn blow() -> impl Strategy<Value = Blow> {
    let near = || prop_oneof![4 => -20_i32..20, 2 => -3_000_i32..3_000, 1 => any::<i32>()];
    prop_oneof![
        8 => (0_u8..32, near(), near(), any::<u16>(), 0_usize..3_000).prop_map(
            |(flags, ahead, ack_ahead, window, length)| Blow::Segment {
                flags,
                ahead,
                ack_ahead,
                window,
                length,
            }
        ),
        2 => (0_usize..50_000).prop_map(Blow::Write),
        2 => Just(Blow::Read),
        1 => Just(Blow::Shutdown),
        2 => (0_u64..130).prop_map(Blow::Wait),
    ]
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn no_sequence_of_segments_makes_a_stack_panic_or_forget_a_timer(
        blows in proptest::collection::vec(blow(), 1..60),
    ) {
        let mut victim = Victim::new(Profile::LINUX);
        for blow in blows {
            match blow {
                Blow::Segment { flags, ahead, ack_ahead, window, length } => {
                    let sequence = PEER_ISS + 1 + ahead.cast_unsigned();
                    let ack = victim.nxt + ack_ahead.cast_unsigned();
                    let mut packet = segment(TcpFlags(flags), sequence, ack, &vec![1; length]);
                    if let Transport::Tcp(segment) = &mut packet.transport {
                        segment.window = window;
                    }
                    victim.stack.handle_packet(victim.now, packet);
                }
                Blow::Write(length) => {
                    let (now, socket) = (victim.now, victim.socket);
                    let octets = vec![2; length];
                    victim.stack.poll_write(now, socket, &mut cx(), &octets).is_ready();
                }
                Blow::Read => {
                    victim.read();
                }
                Blow::Shutdown => {
                    victim.stack.shutdown(victim.now, victim.socket).ok();
                }
                Blow::Wait(seconds) => victim.wait(seconds),
            }
            victim.sent();
        }
        victim.stack.close(victim.now, victim.socket);
        // A new connection may have come of it, which nobody accepts.
        victim.stack.close_listener(victim.now, victim.listener);
        victim.sent();
        victim.wait(2_000);
        prop_assert_eq!(victim.stack.socket_count(), 0);
    }
}
