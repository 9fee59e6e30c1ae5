//! Links and partitions.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use portcullis_network::{
    Fate, HostSet, LinkConfig, Phase, Probability, Profile, Severed, SimTime, SocketError, Stack,
};

use crate::lab::{Lab, config, cx, link, ready};

const SECOND: Duration = Duration::from_secs(1);

fn pair() -> Lab {
    Lab::new(&[Profile::LINUX, Profile::LINUX])
}

/// An address of the local network that no host has.
const fn nowhere() -> SocketAddrV4 {
    SocketAddrV4::new(Ipv4Addr::new(10, 9, 9, 9), 80)
}

fn sever(lab: &mut Lab, name: &str, from: &str, to: &str, severed: Severed) {
    let [from, to] = [lab.host(from), lab.host(to)].map(|host| HostSet::from_iter([host]));
    lab.net.wire_mut().partition(name, from, to, severed);
}

#[test]
fn a_partition_stalls_and_its_end_lets_the_connection_recover() {
    let mut lab = pair();
    let (a, b) = lab.open("a", "b", 80);
    sever(&mut lab, "cable", "a", "b", Severed::BothWays);
    lab.write("a", a, b"patience");
    lab.run_for(SECOND * 30);
    assert_eq!(lab.read("b", b), None);
    assert!(lab.net.wire_mut().heal("cable"));
    assert!(!lab.net.wire_mut().heal("cable"));
    lab.run_for(SECOND * 30);
    assert_eq!(lab.read("b", b), Some(Ok(b"patience".to_vec())));
    // 0, 0.2, 0.6, 1.4, 3, 6.2, 12.6 and 25.4 s after the write.
    assert_eq!(lab.net.wire().partition_hits()[&"cable".into()], 8);
}

#[test]
fn a_one_way_partition_lets_the_other_way_pass() {
    let mut lab = pair();
    let (a, b) = lab.open("a", "b", 80);
    sever(&mut lab, "deaf", "a", "b", Severed::OneWay);
    lab.write("b", b, b"heard");
    lab.write("a", a, b"unheard");
    lab.run_for(SECOND * 5);
    assert_eq!(lab.read("a", a), Some(Ok(b"heard".to_vec())));
    assert_eq!(lab.read("b", b), None);
}

#[test]
fn what_is_on_hold_arrives_at_the_release_with_all_its_repetitions() {
    let mut lab = pair();
    let (a, b) = lab.open("a", "b", 80);
    let [one, other] = ["a", "b"].map(|host| HostSet::from_iter([lab.host(host)]));
    lab.net.hold("jam", one.clone(), other.clone());
    lab.write("a", a, b"patience");
    lab.run_for(SECOND * 5);
    assert_eq!(lab.read("b", b), None);
    // 0, 0.2, 0.6, 1.4 and 3 s after the write.
    assert_eq!(lab.net.hold_hits()[&"jam".into()], 5);
    // A second hold takes over what the first one releases.
    lab.net.hold("again", one, other);
    assert!(lab.net.release("jam", lab.now));
    assert!(!lab.net.release("jam", lab.now));
    lab.run_for(SECOND / 2);
    assert_eq!(lab.read("b", b), None);
    assert!(lab.net.release("again", lab.now));
    lab.run_for(SECOND / 10);
    assert_eq!(lab.read("b", b), Some(Ok(b"patience".to_vec())));
}

#[test]
fn a_link_that_is_down_in_one_direction_loses_what_goes_that_way() {
    let mut lab = pair();
    let (from, to) = (lab.host("b"), lab.host("a"));
    let down = LinkConfig {
        up: false,
        ..lab.net.link(from, to)
    };
    lab.net.set_link(from, to, down);
    let id = lab.connect("a", "b", 80);
    lab.run_out();
    assert_eq!(lab.connected("a", id), Some(Err(SocketError::TimedOut)));
    let fates = lab.seen();
    assert_eq!(
        fates
            .iter()
            .filter(|seen| seen.fate == Fate::LinkDown)
            .count(),
        11
    );
}

#[test]
fn duplicates_and_overtaking_do_not_reach_the_application() {
    let config_of = |name, number| config(name, number, Profile::LINUX);
    let wild = LinkConfig {
        duplicate: Probability::percent(50),
        reorder: Probability::percent(30),
        ..link()
    };
    let mut lab = Lab::seeded(3, wild, [config_of("a", 1), config_of("b", 2)]);
    let (a, b) = lab.open("a", "b", 80);
    let stream: Vec<u8> = (0..50_000_u32).map(|at| (at % 251) as u8).collect();
    lab.write("a", a, &stream);
    lab.run_for(SECOND * 10);
    assert_eq!(lab.read("b", b), Some(Ok(stream)));
    assert!(lab.seen().iter().any(|seen| seen.fate == Fate::Duplicated));
}

#[test]
fn packets_to_an_address_without_a_host_are_captured_as_such() {
    let mut lab = pair();
    lab.connect_to("a", nowhere());
    lab.run_out();
    assert!(lab.seen().iter().any(|seen| seen.fate == Fate::NoHost));
}

#[test]
fn a_crashed_host_is_silent_unlike_one_that_does_not_exist() {
    let mut lab = pair();
    let host = lab.host("b");
    lab.net.crash(host, lab.now);
    let crashed = lab.connect("a", "b", 80);
    let missing = lab.connect_to("a", nowhere());
    lab.run_out();
    assert_eq!(lab.phase_ms("a", Phase::HostUnreachable), [3_100]);
    assert_eq!(lab.phase_ms("a", Phase::TimedOut), [131_000]);
    let ends = [crashed, missing].map(|id| lab.connected("a", id));
    let errors = [SocketError::TimedOut, SocketError::HostUnreachable];
    assert_eq!(ends, errors.map(|error| Some(Err(error))));
}

#[test]
fn a_stack_on_its_own_learns_from_its_driver_that_there_is_no_host() {
    let mut stack = Stack::new(config("alone", 1, Profile::LINUX), 1);
    let id = stack.connect(SimTime::START, nowhere(), None).unwrap();
    let mut now = SimTime::START;
    let ended = loop {
        while let Some(packet) = stack.poll_transmit(now) {
            stack.handle_no_host(now, &packet);
        }
        if let Some(ended) = ready(stack.poll_connected(id, &mut cx())) {
            break ended;
        }
        now = stack.poll_timeout().unwrap();
        stack.handle_timeout(now);
    };
    assert_eq!(ended, Err(SocketError::HostUnreachable));
    assert_eq!(now, SimTime::from_millis(3_100));
}

#[test]
fn a_host_reaches_itself() {
    let mut lab = pair();
    let (opened, accepted) = lab.open("a", "a", 80);
    lab.write("a", opened, b"hello me");
    lab.run_for(SECOND);
    assert_eq!(lab.read("a", accepted), Some(Ok(b"hello me".to_vec())));
}

#[test]
fn a_closed_window_is_probed_for_as_long_as_the_peer_answers() {
    let mut small = config("b", 2, Profile::LINUX);
    small.receive_window = 1_000;
    let mut lab = Lab::of([config("a", 1, Profile::LINUX), small]);
    let (a, b) = lab.open("a", "b", 80);
    lab.write("a", a, &[1; 1_500]);
    lab.run_for(SECOND * 7_200);
    assert_eq!(
        lab.read("b", b),
        Some(Ok(vec![1; 1_000])),
        "two hours are no reason to give up"
    );
    lab.run_for(SECOND * 121);
    assert_eq!(lab.read("b", b), Some(Ok(vec![1; 500])));
    assert_eq!(
        lab.net.stack(lab.host("a")).retransmissions(),
        0,
        "probes are no loss"
    );
}

#[test]
fn unanswered_probes_end_the_connection() {
    let mut small = config("b", 2, Profile::LINUX);
    small.receive_window = 1_000;
    let mut lab = Lab::of([config("a", 1, Profile::LINUX), small]);
    let (a, _) = lab.open("a", "b", 80);
    lab.write("a", a, &[1; 1_500]);
    lab.run_for(SECOND * 10);
    sever(&mut lab, "cable", "a", "b", Severed::BothWays);
    lab.run_out();
    assert_eq!(lab.read("a", a), Some(Err(SocketError::TimedOut)));
    assert!(lab.now < SimTime::from_secs(2_000), "{}", lab.now);
}

#[test]
fn the_same_seed_gives_the_same_digest_and_another_seed_another() {
    let digest = |seed| {
        let lossy = LinkConfig {
            loss: Probability::percent(5),
            ..link()
        };
        let hosts = [
            config("a", 1, Profile::LINUX),
            config("b", 2, Profile::WIN_CURRENT),
        ];
        let mut lab = Lab::seeded(seed, lossy, hosts);
        let host = lab.host("b");
        lab.net.stack_mut(host).listen(80, 8).unwrap();
        let id = lab.connect("a", "b", 80);
        lab.run_for(SECOND * 10);
        lab.write("a", id, &[3; 100_000]);
        lab.run_for(SECOND * 60);
        lab.net.capture().digest()
    };
    assert_eq!(digest(1), digest(1));
    assert_ne!(digest(1), digest(2));
    // The same on every machine and in every build: a change here breaks every recorded seed.
    insta::assert_snapshot!(format!("{:032x}", digest(1)));
}

#[test]
fn losses_within_one_window_are_repaired_one_a_round_trip() {
    let lossy = LinkConfig {
        loss: Probability::percent(3),
        ..link()
    };
    let hosts = [
        config("a", 1, Profile::LINUX),
        config("b", 2, Profile::LINUX),
    ];
    let mut lab = Lab::seeded(4, lossy, hosts);
    let (a, b) = lab.open("a", "b", 80);
    let (start, stream) = (lab.now, vec![9; 250_000]);
    lab.write("a", a, &stream);
    let mut received = 0;
    while received < stream.len() {
        lab.run_for(Duration::from_millis(5));
        received += lab.read("b", b).map_or(0, |octets| octets.unwrap().len());
    }
    let losses = lab.net.stack(lab.host("a")).retransmissions();
    let took = lab.now.since(start);
    assert!(losses >= 4, "{losses}");
    // One timeout alone would take 200 ms.
    assert!(
        took < Duration::from_millis(180),
        "{took:?} for {losses} losses"
    );
}

#[test]
fn a_reader_that_makes_room_is_sent_more_after_one_round_trip() {
    let mut small = config("b", 2, Profile::LINUX);
    small.receive_window = 10_000;
    let mut lab = Lab::of([config("a", 1, Profile::LINUX), small]);
    let (a, b) = lab.open("a", "b", 80);
    lab.write("a", a, &[1; 30_000]);
    lab.run_for(SECOND * 100);
    assert_eq!(
        lab.read("b", b).map(|octets| octets.unwrap().len()),
        Some(10_000)
    );
    lab.run_for(Duration::from_millis(20));
    // Six whole segments: the rest of the window is too small for a seventh.
    let read = lab.read("b", b).map_or(0, |octets| octets.unwrap().len());
    assert_eq!(read, 6 * 1_460, "no probe had to ask");
}

#[test]
fn a_window_that_opens_just_before_the_first_probe_causes_no_retransmission() {
    let mut small = config("b", 2, Profile::LINUX);
    small.receive_window = 10_000;
    let mut lab = Lab::of([config("a", 1, Profile::LINUX), small]);
    let (a, b) = lab.open("a", "b", 80);
    lab.write("a", a, &[1; 30_000]);
    // The window closes after 40 ms at the latest, and the first probe would leave 200 ms later.
    for pause in [205, 225, 245] {
        lab.run_for(Duration::from_millis(pause));
        assert!(lab.read("b", b).is_some());
    }
    lab.run_for(SECOND);
    assert_eq!(lab.net.stack(lab.host("a")).retransmissions(), 0);
}
