//! One connection from its opening to its end, as Linux does it.

use std::time::Duration;

use crate::lab::{Lab, config, cx, link, ready};
use portcullis_network::{Phase, Profile, SimTime, SocketError};

const SECOND: Duration = Duration::from_secs(1);

fn pair() -> Lab {
    Lab::new(&[Profile::LINUX, Profile::LINUX])
}

#[test]
fn octets_cross_in_both_directions_and_both_fins_end_it() {
    let mut lab = pair();
    let (a, b) = lab.open("a", "b", 80);
    assert_eq!(lab.write("a", a, b"question"), Some(Ok(8)));
    lab.run_for(SECOND);
    assert_eq!(lab.read("b", b), Some(Ok(b"question".to_vec())));
    assert_eq!(lab.write("b", b, b"answer"), Some(Ok(6)));
    lab.close("b", b);
    lab.run_for(SECOND);
    assert_eq!(lab.read("a", a), Some(Ok(b"answer".to_vec())));
    assert_eq!(lab.read("a", a), Some(Ok(vec![])));
    lab.close("a", a);
    lab.run_for(SECOND);
    assert_eq!(lab.phase_ms("b", Phase::Closed).len(), 1);
    assert_eq!((lab.sockets("a"), lab.sockets("b")), (0, 1));
    lab.run_for(Duration::from_secs(60));
    assert_eq!(lab.sockets("b"), 0, "TIME_WAIT lasts 60 s on Linux");
}

#[test]
fn a_half_closed_connection_still_carries_the_answer() {
    let mut lab = pair();
    let (a, b) = lab.open("a", "b", 80);
    lab.write("a", a, b"all I have");
    lab.shutdown("a", a).unwrap();
    lab.run_for(SECOND);
    assert_eq!(lab.read("b", b), Some(Ok(b"all I have".to_vec())));
    assert_eq!(lab.read("b", b), Some(Ok(vec![])));
    assert_eq!(
        lab.write("a", a, b"more"),
        Some(Err(SocketError::BrokenPipe))
    );
    lab.run_for(SECOND * 600);
    lab.write("b", b, b"late answer");
    lab.run_for(SECOND);
    assert_eq!(lab.read("a", a), Some(Ok(b"late answer".to_vec())));
}

#[test]
fn after_the_peer_closed_one_write_succeeds_and_the_next_is_a_broken_pipe() {
    let mut lab = pair();
    let (a, b) = lab.open("a", "b", 80);
    lab.close("b", b);
    lab.run_for(SECOND);
    assert_eq!(lab.read("a", a), Some(Ok(vec![])));
    assert_eq!(lab.write("a", a, b"first"), Some(Ok(5)));
    lab.run_for(SECOND);
    assert_eq!(
        lab.write("a", a, b"second"),
        Some(Err(SocketError::BrokenPipe))
    );
    assert_eq!(lab.read("a", a), Some(Ok(vec![])));
    assert_eq!(lab.sockets("b"), 0);
}

#[test]
fn closing_with_unread_octets_resets_the_peer() {
    let mut lab = pair();
    let (a, b) = lab.open("a", "b", 80);
    lab.write("b", b, b"received before the reset");
    lab.write("a", a, b"never read");
    lab.run_for(SECOND);
    lab.close("b", b);
    lab.run_for(SECOND);
    assert_eq!(
        lab.read("a", a),
        Some(Ok(b"received before the reset".to_vec()))
    );
    assert_eq!(lab.read("a", a), Some(Err(SocketError::Reset)));
    assert_eq!(lab.read("a", a), Some(Ok(vec![])), "the error is told once");
    assert_eq!(
        lab.write("a", a, b"more"),
        Some(Err(SocketError::BrokenPipe))
    );
    lab.close("a", a);
    assert_eq!((lab.sockets("a"), lab.sockets("b")), (0, 0));
}

#[test]
fn both_ends_may_close_at_the_same_time() {
    let mut lab = pair();
    let (a, b) = lab.open("a", "b", 80);
    lab.close("a", a);
    lab.close("b", b);
    lab.run_for(SECOND);
    assert_eq!((lab.sockets("a"), lab.sockets("b")), (1, 1));
    let end = lab.run_out();
    assert_eq!((lab.sockets("a"), lab.sockets("b")), (0, 0));
    assert!(end < SimTime::from_secs(62));
}

#[test]
fn a_cancelled_connect_leaves_no_socket() {
    let mut lab = pair();
    let cancelled = lab.connect("a", "b", 80);
    lab.close("a", cancelled);
    lab.run_for(SECOND);
    let refused = lab.connect("a", "b", 80);
    lab.run_for(SECOND);
    assert_eq!(lab.connected("a", refused), Some(Err(SocketError::Refused)));
    lab.close("a", refused);
    assert_eq!((lab.sockets("a"), lab.sockets("b")), (0, 0));
    assert_eq!(lab.run_out(), lab.now, "no timer is left");
}

#[test]
fn a_crashed_host_is_silent_and_resets_after_its_restart() {
    let mut lab = pair();
    let (a, b) = lab.open("a", "b", 80);
    let host = lab.host("b");
    lab.net.crash(host, lab.now);
    lab.write("a", a, b"into the void");
    lab.run_for(SECOND * 60);
    assert_eq!(lab.read("a", a), None);
    assert_eq!(lab.read("b", b), Some(Err(SocketError::NotConnected)));
    lab.net.restart(host, lab.now);
    lab.run_for(SECOND * 60);
    assert_eq!(lab.read("a", a), Some(Err(SocketError::Reset)));
}

#[test]
fn a_paused_host_goes_on_where_it_stopped() {
    let mut lab = pair();
    let (a, b) = lab.open("a", "b", 80);
    let host = lab.host("b");
    lab.net.pause(host);
    lab.write("a", a, b"patience");
    lab.run_for(SECOND * 5);
    assert_eq!(lab.read("b", b), None);
    lab.net.resume(host, lab.now);
    lab.run_for(SECOND);
    assert_eq!(lab.read("b", b), Some(Ok(b"patience".to_vec())));
    lab.write("b", b, b"thanks");
    lab.run_for(SECOND);
    assert_eq!(lab.read("a", a), Some(Ok(b"thanks".to_vec())));
}

#[test]
fn a_stream_larger_than_every_buffer_arrives_whole() {
    let mut lab = pair();
    let (a, b) = lab.open("a", "b", 80);
    let stream: Vec<u8> = (0..2_000_000_u32)
        .map(|octet| (octet * 7 / 3) as u8)
        .collect();
    let (mut written, mut received) = (0, Vec::new());
    while received.len() < stream.len() {
        if let Some(count) = lab.write("a", a, &stream[written..]) {
            written += count.unwrap();
        }
        lab.run_for(Duration::from_millis(5));
        if let Some(octets) = lab.read("b", b) {
            received.extend(octets.unwrap());
        }
    }
    assert_eq!(received, stream);
    assert!(lab.now < SimTime::from_secs(5), "{}", lab.now);
}

#[test]
fn a_port_that_is_in_time_wait_at_the_listener_can_be_used_again() {
    for seed in 0..16 {
        let hosts = [("a", 1), ("b", 2)].map(|(name, number)| config(name, number, Profile::LINUX));
        let mut lab = Lab::seeded(seed, link(), hosts);
        let (opener, acceptor) = (lab.host("a"), lab.host("b"));
        let remote = lab.address("b", 80);
        let listener = lab.net.stack_mut(acceptor).listen(80, 8).unwrap();
        for _ in 0..4 {
            let a = lab
                .net
                .stack_mut(opener)
                .connect(lab.now, remote, Some(40_000))
                .unwrap();
            lab.flush(opener);
            lab.run_for(SECOND / 2);
            assert_eq!(lab.connected("a", a), Some(Ok(())), "seed {seed}");
            let b = ready(lab.net.stack_mut(acceptor).poll_accept(listener, &mut cx()));
            lab.close("b", b.unwrap().unwrap());
            lab.run_for(SECOND / 2);
            lab.close("a", a);
            lab.run_for(SECOND / 2);
            assert_eq!((lab.sockets("a"), lab.sockets("b")), (0, 1));
        }
    }
}
