//! Network address translation on the path.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use portcullis_network::{
    Direction, Fate, Forward, Idle, MiddleboxId, NAT_EXHAUSTED, NAT_FORGOTTEN, NAT_PRIVATE,
    NAT_UNSOLICITED, NatConfig, OnExpiry, Phase, Profile, Rule, SocketError, StackEvent,
    Unreachable, Unsolicited, Verdict, middlebox_address,
};
use proptest::prelude::*;

use crate::lab::Lab;

const SECOND: Duration = Duration::from_secs(1);

/// `a` and `b` inside, `c` outside of the middlebox `nat`.
fn natted(change: impl FnOnce(&mut NatConfig)) -> (Lab, MiddleboxId) {
    let mut lab = Lab::new(&[Profile::LINUX; 3]);
    let id = lab.middlebox("nat", &["a", "b"], &["c"]);
    let inside = ["a", "b"].map(|host| (lab.host(host), *lab.address(host, 0).ip()));
    let mut config = NatConfig::new(inside.into());
    change(&mut config);
    lab.net.wire_mut().set_nat(id, config);
    (lab, id)
}

const fn outside(port: u16) -> SocketAddrV4 {
    SocketAddrV4::new(middlebox_address(0), port)
}

/// `a`'s port 6101 can be reached from outside.
fn forwarding(config: &mut NatConfig) {
    config.forwards.push(Forward {
        port: 6_101,
        to: SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 1), 6_101),
    });
}

#[test]
fn the_outside_sees_the_nats_address_and_the_octets_pass() {
    let (mut lab, nat) = natted(|config| config.ports = 40_000..=40_009);
    let (a, c) = lab.open("a", "c", 80);
    let seen = lab.net.stack(lab.host("c")).remote_address(c).unwrap();
    assert_eq!(*seen.ip(), middlebox_address(0));
    assert!((40_000..=40_009).contains(&seen.port()), "{seen}");
    let own = lab.net.stack(lab.host("a")).local_address(a).unwrap();
    assert_eq!(lab.net.wire().look_behind(seen), own);
    assert_eq!(lab.net.wire().look_behind(own), own);
    lab.write("a", a, b"out");
    lab.write("c", c, b"in");
    lab.run_for(SECOND);
    assert_eq!(lab.read("c", c), Some(Ok(b"out".to_vec())));
    assert_eq!(lab.read("a", a), Some(Ok(b"in".to_vec())));
    assert_eq!(lab.net.wire().nat_mappings(nat), 1);
}

#[test]
fn a_capture_shows_a_translated_packet_on_both_sides() {
    let (mut lab, _) = natted(|_| {});
    lab.open("a", "c", 80);
    let seen = lab.seen();
    let syn = |place: &str, fate| {
        let mut found = seen
            .iter()
            .filter(|seen| seen.place == place && seen.fate == fate);
        found.next().unwrap().packet.source
    };
    let (inside, hidden) = (*lab.address("a", 0).ip(), middlebox_address(0));
    assert_eq!(syn("a", Fate::Sent), inside);
    assert_eq!(syn("nat", Fate::Translated), inside);
    assert_eq!(syn("nat", Fate::Sent), hidden);
    assert_eq!(syn("c", Fate::Delivered), hidden);
}

#[test]
fn nothing_outside_reaches_an_inside_host_but_by_a_forward() {
    let (mut lab, _) = natted(forwarding);
    for (host, port) in [("a", 6_101), ("a", 80), ("b", 6_101)] {
        let host = lab.host(host);
        lab.net.stack_mut(host).listen(port, 8).unwrap();
    }
    let private = lab.connect("c", "a", 6_101);
    let unmapped = lab.connect_to("c", outside(80));
    let forwarded = lab.connect_to("c", outside(6_101));
    lab.run_for(SECOND / 2);
    assert_eq!(lab.connected("c", private), None);
    assert_eq!(lab.connected("c", unmapped), None);
    assert_eq!(lab.connected("c", forwarded), Some(Ok(())));
    assert_eq!(lab.box_hits("nat", NAT_PRIVATE), 1);
    assert_eq!(lab.box_hits("nat", NAT_UNSOLICITED), 1);
    // Inside and outside of the same NAT, everything is as without it.
    let inside = lab.connect("b", "a", 80);
    lab.run_for(SECOND / 2);
    assert_eq!(lab.connected("b", inside), Some(Ok(())));
}

#[test]
fn a_mapped_port_admits_only_who_was_spoken_to() {
    let mut lab = Lab::new(&[Profile::LINUX; 4]);
    let id = lab.middlebox("nat", &["a"], &["c", "d"]);
    let inside = vec![(lab.host("a"), *lab.address("a", 0).ip())];
    lab.net.wire_mut().set_nat(id, NatConfig::new(inside));
    let (_, c) = lab.open("a", "c", 80);
    let mapped = lab.net.stack(lab.host("c")).remote_address(c).unwrap();
    let stranger = lab.connect_to("d", mapped);
    lab.run_for(SECOND * 5 / 2);
    assert_eq!(lab.connected("d", stranger), None);
    assert_eq!(lab.box_hits("nat", NAT_UNSOLICITED), 3);
}

#[test]
fn one_mapping_serves_every_destination_of_an_inside_end() {
    let mut lab = Lab::new(&[Profile::LINUX; 4]);
    let id = lab.middlebox("nat", &["a"], &["c", "d"]);
    let inside = vec![(lab.host("a"), *lab.address("a", 0).ip())];
    lab.net.wire_mut().set_nat(id, NatConfig::new(inside));
    let host = lab.host("a");
    for peer in ["c", "d"] {
        let peer_host = lab.host(peer);
        lab.net.stack_mut(peer_host).listen(80, 8).unwrap();
        let (remote, now) = (lab.address(peer, 80), lab.now);
        let stack = lab.net.stack_mut(host);
        stack.connect(now, remote, Some(50_000)).unwrap();
        lab.flush(host);
    }
    lab.run_for(SECOND);
    assert_eq!(lab.phase_ms("a", Phase::Established).len(), 2);
    assert_eq!(lab.net.wire().nat_mappings(id), 1);
}

#[test]
fn an_unsolicited_syn_is_met_by_silence_for_six_seconds() {
    for (unsolicited, ends_at) in [
        (Unsolicited::PortUnreachable, Some(6_010)),
        (Unsolicited::Silent, None),
    ] {
        let (mut lab, _) = natted(|config| config.unsolicited = unsolicited);
        lab.connect_to("c", outside(6_101));
        lab.run_for(SECOND * 60);
        let refused = lab.phase_ms("c", Phase::Refused);
        assert_eq!(refused, Vec::from_iter(ends_at), "{unsolicited:?}");
    }
}

#[test]
fn a_silent_connection_outlives_two_hours_and_not_more() {
    for (minutes, arrives) in [(123, true), (125, false)] {
        let (mut lab, _) = natted(|_| {});
        let (a, c) = lab.open("a", "c", 80);
        lab.run_for(SECOND * 60 * minutes);
        lab.write("a", a, b"after the pause");
        lab.run_for(SECOND * 3);
        assert_eq!(lab.read("c", c).is_some(), arrives, "{minutes} min");
        assert_eq!(lab.box_hits("nat", NAT_FORGOTTEN) == 0, arrives);
    }
}

#[test]
fn ports_run_out_and_come_back_after_the_transitory_timeout() {
    let (mut lab, nat) = natted(|config| config.ports = 40_000..=40_001);
    let (first, second) = (lab.open("a", "c", 80), lab.open("b", "c", 81));
    let third = lab.connect("a", "c", 80);
    lab.run_for(SECOND * 5 / 2);
    assert_eq!(lab.connected("a", third), None);
    assert_eq!(lab.box_hits("nat", NAT_EXHAUSTED), 3);
    lab.close("a", first.0);
    lab.run_for(SECOND);
    lab.close("c", first.1);
    lab.run_for(SECOND * 241);
    let late = lab.connect("a", "c", 80);
    lab.run_for(SECOND);
    assert_eq!(lab.connected("a", late), Some(Ok(())));
    assert_eq!(lab.net.wire().nat_mappings(nat), 2);
    lab.write("b", second.0, b"undisturbed");
    lab.run_for(SECOND);
    assert_eq!(lab.read("c", second.1), Some(Ok(b"undisturbed".to_vec())));
}

#[test]
fn icmp_errors_are_translated_and_end_no_connection() {
    // The error comes from beyond the NAT: the outside host's own firewall.
    let (mut lab, nat) = natted(|_| {});
    let (a, c) = lab.open("a", "c", 80);
    let host = lab.host("c");
    let mut rule = Rule::new("closed", Verdict::Unreachable(Unreachable::AdminProhibited));
    rule.direction = Some(Direction::In);
    lab.net.stack_mut(host).firewall_mut().prepend(rule);
    let refused = lab.connect("a", "c", 80);
    lab.write("a", a, b"advice is no order");
    lab.run_for(SECOND / 10);
    let error = lab.connected("a", refused);
    assert_eq!(error, Some(Err(SocketError::HostUnreachable)));
    assert!(
        lab.net
            .stack_mut(host)
            .firewall_mut()
            .remove(&"closed".into())
    );
    lab.run_for(SECOND * 2);
    assert_eq!(lab.read("c", c), Some(Ok(b"advice is no order".to_vec())));
    assert_eq!(lab.net.wire().nat_mappings(nat), 2);
}

#[test]
fn an_inside_hosts_icmp_error_names_the_forwarded_port() {
    let (mut lab, _) = natted(forwarding);
    let host = lab.host("a");
    let mut rule = Rule::new("closed", Verdict::Unreachable(Unreachable::Port));
    rule.direction = Some(Direction::In);
    lab.net.stack_mut(host).firewall_mut().prepend(rule);
    let refused = lab.connect_to("c", outside(6_101));
    lab.run_for(SECOND / 10);
    assert_eq!(lab.connected("c", refused), Some(Err(SocketError::Refused)));
}

#[test]
fn rules_of_the_nat_see_the_hosts_own_addresses_and_answer_both_sides() {
    for direction in [Direction::In, Direction::Out] {
        let (mut lab, nat) = natted(forwarding);
        for (host, port) in [("a", 6_101), ("c", 80)] {
            let host = lab.host(host);
            lab.net.stack_mut(host).listen(port, 8).unwrap();
        }
        let own = *lab.address("a", 0).ip();
        let mut rule = Rule::new("closed", Verdict::Reset);
        rule.direction = Some(direction);
        match direction {
            Direction::In => rule.destination = own.into(),
            Direction::Out => rule.source = own.into(),
        }
        lab.net.wire_mut().middlebox_mut(nat).append(rule);
        let refused = Some(Err(SocketError::Refused));
        let (out, back) = (
            lab.connect("a", "c", 80),
            lab.connect_to("c", outside(6_101)),
        );
        lab.run_for(SECOND / 2);
        // A rule for one direction also stops the answers that go that way.
        match direction {
            Direction::In => assert_eq!(lab.connected("c", back), refused),
            Direction::Out => assert_eq!(lab.connected("a", out), refused),
        }
    }
}

#[test]
fn resets_of_an_idle_flow_reach_both_ends_through_the_nat() {
    // The idle timer runs on the NAT itself, or on a middlebox beyond it that sees its address.
    for beyond in [false, true] {
        let (mut lab, nat) = natted(|_| {});
        let timer = if beyond {
            lab.middlebox("balancer", &["a", "b"], &["c"])
        } else {
            nat
        };
        let idle = Idle {
            timeout: SECOND * 240,
            on_expiry: OnExpiry::Reset,
        };
        lab.net.wire_mut().middlebox_mut(timer).set_idle(Some(idle));
        lab.open("a", "c", 80);
        lab.run_for(SECOND * 241);
        for host in ["a", "c"] {
            assert_eq!(lab.phase_ms(host, Phase::Reset).len(), 1, "{host} {beyond}");
        }
    }
}

#[test]
fn a_rebooted_nat_knows_nobody() {
    let (mut lab, nat) = natted(|_| {});
    let (a, c) = lab.open("a", "c", 80);
    lab.net.wire_mut().reboot(nat);
    lab.write("a", a, b"anybody?");
    lab.write("c", c, b"hello?");
    lab.run_for(SECOND);
    assert_eq!((lab.read("a", a), lab.read("c", c)), (None, None));
    assert!(lab.box_hits("nat", NAT_FORGOTTEN) > 0 && lab.box_hits("nat", NAT_UNSOLICITED) > 0);
}

#[test]
fn events_tell_the_ends_behind_the_nat_when_asked() {
    let (mut lab, _) = natted(|_| {});
    lab.open("a", "c", 80);
    let wire = lab.net.wire();
    let looked = lab.events.iter().cloned();
    let mut ends = Vec::new();
    for seen in looked {
        let event = seen.event.with_ends(|end| wire.look_behind(end));
        if let StackEvent::Connection {
            phase: Phase::Established,
            local,
            remote,
            ..
        } = event
        {
            let mut pair = [local, remote];
            pair.sort();
            ends.push(pair);
        }
    }
    assert_eq!(ends.len(), 2);
    assert_eq!(ends[0], ends[1], "one connection, however it is seen");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Conservation: what goes in at one end of a translated connection comes out at the other,
    /// and nothing else does, however many connections share the ports.
    #[test]
    fn a_translated_flow_delivers_exactly_its_octets(
        octets in prop::collection::vec(
            (prop::collection::vec(any::<u8>(), 1..4_000), prop::collection::vec(any::<u8>(), 1..4_000)),
            1..5,
        ),
        ports in 5_u16..9,
    ) {
        let (mut lab, nat) = natted(|config| {
            forwarding(config);
            config.ports = 6_100..=6_100 + ports;
        });
        let mut ends = Vec::new();
        for (index, _) in octets.iter().enumerate() {
            let host = if index % 2 == 0 { "a" } else { "b" };
            let port = 80 + u16::try_from(index).unwrap();
            let (inside, outside) = lab.open(host, "c", port);
            ends.push((host, inside, outside));
        }
        for ((host, inside, outside), (there, back)) in ends.iter().zip(&octets) {
            prop_assert_eq!(lab.write(host, *inside, there), Some(Ok(there.len())));
            prop_assert_eq!(lab.write("c", *outside, back), Some(Ok(back.len())));
        }
        lab.run_for(SECOND * 5);
        for ((host, inside, outside), (there, back)) in ends.iter().zip(&octets) {
            prop_assert_eq!(lab.read("c", *outside), Some(Ok(there.clone())));
            prop_assert_eq!(lab.read(host, *inside), Some(Ok(back.clone())));
            prop_assert_eq!(lab.read(host, *inside), None);
        }
        prop_assert_eq!(lab.net.wire().nat_mappings(nat), octets.len());
    }
}
