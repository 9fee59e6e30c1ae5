//! Rules, flows, idle timeouts: on hosts and on the path.

use std::time::Duration;

use portcullis_network::{
    CutEnd, Direction, Fate, FlowState, Idle, MiddleboxId, OnExpiry, Phase, Policy, Prefix,
    Profile, Rule, SimTime, SocketError, Verdict,
};

use crate::lab::Lab;

const SECOND: Duration = Duration::from_secs(1);

fn pair() -> Lab {
    Lab::new(&[Profile::LINUX, Profile::LINUX])
}

/// A laboratory with a middlebox `fw` between `a` and `b`.
fn guarded() -> (Lab, MiddleboxId) {
    let mut lab = pair();
    let id = lab.middlebox("fw", &["a"], &["b"]);
    (lab, id)
}

fn prepend(lab: &mut Lab, host: &str, rule: Rule) {
    let host = lab.host(host);
    lab.net.stack_mut(host).firewall_mut().prepend(rule);
}

fn hits(lab: &Lab, host: &str, rule: &str) -> u64 {
    lab.net.stack(lab.host(host)).firewall().hits()[&rule.into()]
}

#[test]
fn the_first_matching_rule_decides() {
    let mut lab = pair();
    let host = lab.host("b");
    let mut accept = Rule::new("http", Verdict::Accept);
    accept.destination_ports = 80..=80;
    let firewall = lab.net.stack_mut(host).firewall_mut();
    firewall.append(accept);
    let mut rest = Rule::new("rest", Verdict::Reset);
    rest.direction = Some(Direction::In);
    firewall.append(rest);
    for port in [80, 81] {
        lab.net.stack_mut(host).listen(port, 8).unwrap();
    }
    let [admitted, refused] = [80, 81].map(|port| lab.connect("a", "b", port));
    lab.run_for(SECOND);
    assert_eq!(lab.connected("a", admitted), Some(Ok(())));
    assert_eq!(lab.connected("a", refused), Some(Err(SocketError::Refused)));
    assert_eq!(hits(&lab, "b", "http"), 2, "the SYN and the last ACK");
    assert_eq!(hits(&lab, "b", "rest"), 1);
}

#[test]
fn a_rule_for_new_flows_spares_the_established_ones() {
    let mut lab = pair();
    let (a, b) = lab.open("a", "b", 80);
    let mut closed = Rule::new("closed", Verdict::Drop);
    closed.state = Some(FlowState::New);
    closed.direction = Some(Direction::In);
    prepend(&mut lab, "b", closed);
    lab.write("a", a, b"still here");
    let late = lab.connect("a", "b", 80);
    lab.run_for(SECOND * 5 / 2);
    assert_eq!(lab.read("b", b), Some(Ok(b"still here".to_vec())));
    assert_eq!(lab.connected("a", late), None);
    assert_eq!(hits(&lab, "b", "closed"), 3, "the SYNs at 0, 1 and 2 s");
    let host = lab.host("b");
    assert!(
        lab.net
            .stack_mut(host)
            .firewall_mut()
            .remove(&"closed".into())
    );
    lab.run_for(SECOND * 2);
    assert_eq!(lab.connected("a", late), Some(Ok(())));
    assert_eq!(hits(&lab, "b", "closed"), 3, "the count outlives the rule");
}

#[test]
fn a_default_deny_host_admits_answers_but_no_callback() {
    // Section 2.3: state from C2 never admits C3.
    let mut lab = pair();
    let host = lab.host("a");
    lab.net
        .stack_mut(host)
        .firewall_mut()
        .set_policy(Direction::In, Policy::Drop);
    lab.net.stack_mut(host).listen(6_101, 8).unwrap();
    let (a, b) = lab.open("a", "b", 6_102);
    lab.write("b", b, b"accepted");
    let callback = lab.connect("b", "a", 6_101);
    lab.run_for(SECOND * 5);
    assert_eq!(lab.read("a", a), Some(Ok(b"accepted".to_vec())));
    assert_eq!(lab.connected("b", callback), None);
}

#[test]
fn a_prefix_rule_tells_hosts_apart() {
    let mut lab = Lab::new(&[Profile::LINUX; 4]);
    let host = lab.host("d");
    lab.net.stack_mut(host).listen(80, 8).unwrap();
    let mut rule = Rule::new("pair", Verdict::Drop);
    rule.source = Prefix::new(*lab.address("b", 0).ip(), 31); // 10.0.0.2 and 10.0.0.3.
    prepend(&mut lab, "d", rule);
    let ids = ["a", "b", "c"].map(|name| (name, lab.connect(name, "d", 80)));
    lab.run_for(SECOND);
    let open = ids.map(|(name, id)| lab.connected(name, id).is_some());
    assert_eq!(open, [true, false, false]);
}

#[test]
fn an_outgoing_reject_ends_the_hosts_own_connect() {
    let mut lab = pair();
    let mut rule = Rule::new("no-way-out", Verdict::Reset);
    rule.direction = Some(Direction::Out);
    prepend(&mut lab, "a", rule);
    let id = lab.connect("a", "b", 80);
    assert_eq!(lab.connected("a", id), Some(Err(SocketError::Refused)));
    let seen = lab.seen();
    assert_eq!(seen.len(), 1, "nothing reached the wire");
    assert_eq!(
        (seen[0].fate, seen[0].by.as_deref()),
        (Fate::Rejected, Some("no-way-out"))
    );
}

#[test]
fn a_delay_rule_adds_to_the_latency() {
    let (mut lab, fw) = guarded();
    let rule = Rule::new("slow", Verdict::Delay(SECOND / 2));
    lab.net.wire_mut().middlebox_mut(fw).append(rule);
    prepend(
        &mut lab,
        "b",
        Rule::new("slower", Verdict::Delay(SECOND / 10)),
    );
    let host = lab.host("b");
    lab.net.stack_mut(host).listen(80, 8).unwrap();
    lab.connect("a", "b", 80);
    lab.run_for(SECOND * 2);
    // SYN: 500 + 10 + 100; SYN-ACK: 100 + 500 + 10.
    assert_eq!(lab.phase_ms("a", Phase::Established), [1_220]);
}

#[test]
fn reordered_packets_of_many_connections_overtake_one_another() {
    let (mut lab, fw) = guarded();
    let rule = Rule::new("shuffle", Verdict::Reorder(SECOND / 4));
    lab.net.wire_mut().middlebox_mut(fw).append(rule);
    let ids: Vec<_> = (80..100).map(|port| lab.connect("a", "b", port)).collect();
    lab.run_out();
    let ports = |fate| {
        let syns = lab.seen().into_iter().filter(move |seen| seen.fate == fate);
        let syns = syns.filter(|seen| seen.packet.tcp().unwrap().flags.syn());
        syns.map(|seen| seen.packet.destination_socket().port())
            .collect::<Vec<_>>()
    };
    assert_eq!(ports(Fate::Sent).len(), ids.len());
    assert_ne!(ports(Fate::Sent), ports(Fate::Delivered));
}

#[test]
fn reordering_between_connections_keeps_the_order_within_each() {
    let (mut lab, fw) = guarded();
    let ends = [80, 81].map(|port| lab.open("a", "b", port));
    let rule = Rule::new("shuffle", Verdict::Reorder(SECOND / 4));
    lab.net.wire_mut().middlebox_mut(fw).append(rule);
    let start = lab.now;
    for round in 0_u8..50 {
        for (opened, _) in ends {
            lab.write("a", opened, &[round; 10]);
        }
        lab.run_for(Duration::from_millis(7));
    }
    lab.run_for(SECOND * 2);
    let passed = |fate| {
        let seen = lab.seen().into_iter();
        let seen = seen.filter(move |seen| seen.fate == fate && seen.at >= start);
        let data = seen.filter_map(|seen| {
            let segment = seen.packet.tcp()?;
            let place = (segment.destination_port, segment.sequence.0);
            (!segment.payload.is_empty()).then_some(place)
        });
        data.collect::<Vec<_>>()
    };
    let of = |port, packets: &[(u16, u32)]| {
        let own = packets.iter().copied().filter(move |(to, _)| *to == port);
        own.collect::<Vec<_>>()
    };
    let (sent, delivered) = (passed(Fate::Sent), passed(Fate::Delivered));
    assert_ne!(sent, delivered, "the connections overtake each other");
    for port in [80, 81] {
        assert_eq!(of(port, &sent), of(port, &delivered), "within {port}");
    }
}

#[test]
fn a_cut_passes_exactly_so_many_octets_and_then_resets_both_ends() {
    for offered in [2_000, 5_000, 100_000] {
        let (mut lab, fw) = guarded();
        let then = CutEnd::Reset;
        let mut rule = Rule::new("cut", Verdict::Cut { after: 4_321, then });
        rule.direction = Some(Direction::Out);
        lab.net.wire_mut().middlebox_mut(fw).append(rule);
        let (a, b) = lab.open("a", "b", 80);
        lab.write("a", a, &vec![7; offered]);
        lab.run_for(SECOND);
        assert_eq!(lab.read("b", b), Some(Ok(vec![7; offered.min(4_321)])));
        let end = (offered > 4_321).then_some(Err(SocketError::Reset));
        assert_eq!(lab.read("b", b), end, "{offered}");
        assert_eq!(lab.read("a", a), end, "{offered}");
    }
}

#[test]
fn a_silent_cut_leaves_the_sender_to_its_timer() {
    let (mut lab, fw) = guarded();
    let rule = Rule::new(
        "cut",
        Verdict::Cut {
            after: 10,
            then: CutEnd::Drop,
        },
    );
    lab.net.wire_mut().middlebox_mut(fw).append(rule);
    let (a, b) = lab.open("a", "b", 80);
    lab.write("a", a, b"0123456789lost");
    lab.write("b", b, b"the other");
    lab.run_for(SECOND * 1_000);
    assert_eq!(lab.read("b", b), Some(Ok(b"0123456789".to_vec())));
    assert_eq!(lab.read("b", b), None);
    assert_eq!(
        lab.read("a", a),
        Some(Ok(b"the other".to_vec())),
        "each direction has its own"
    );
    assert_eq!(lab.read("a", a), Some(Err(SocketError::TimedOut)));
}

#[test]
fn a_blackhole_lets_the_handshake_pass_and_nothing_else() {
    let (mut lab, fw) = guarded();
    let mut rule = Rule::new("hole", Verdict::Blackhole);
    rule.source = Prefix::from(*lab.address("a", 0).ip());
    rule.destination_ports = 80..=80;
    lab.net.wire_mut().middlebox_mut(fw).append(rule);
    let (a, b) = lab.open("a", "b", 80);
    lab.write("a", a, b"into the hole");
    lab.write("b", b, b"out of it");
    lab.run_for(SECOND * 2);
    assert_eq!((lab.read("a", a), lab.read("b", b)), (None, None));
    let hits = lab.net.wire().middlebox_hits()["fw"][&"hole".into()];
    assert!(hits >= 4, "{hits}");
}

fn idle(on_expiry: OnExpiry) -> Idle {
    Idle {
        timeout: Duration::from_secs(240),
        on_expiry,
    }
}

#[test]
fn an_idle_flow_is_forgotten_silently_and_its_octets_vanish() {
    for (pause, arrives) in [(239, true), (241, false)] {
        let (mut lab, fw) = guarded();
        lab.net
            .wire_mut()
            .middlebox_mut(fw)
            .set_idle(Some(idle(OnExpiry::Silent)));
        let (a, b) = lab.open("a", "b", 80);
        lab.run_for(SECOND * pause);
        lab.write("a", a, b"after the pause");
        lab.run_for(SECOND * 3);
        assert_eq!(lab.read("b", b).is_some(), arrives, "{pause}");
        // Row 26 of the failure table: neither end has learnt anything yet.
        assert_eq!(lab.read("a", a), None);
        let fresh = lab.connect("a", "b", 80);
        lab.run_for(SECOND);
        assert_eq!(
            lab.connected("a", fresh),
            Some(Ok(())),
            "a SYN opens a new flow"
        );
    }
}

#[test]
fn an_idle_flow_may_be_reset_at_both_ends_when_it_expires() {
    let (mut lab, fw) = guarded();
    lab.net
        .wire_mut()
        .middlebox_mut(fw)
        .set_idle(Some(idle(OnExpiry::Reset)));
    let (a, b) = lab.open("a", "b", 80);
    lab.run_to(SimTime::from_secs(100));
    lab.write("a", a, b"a sign of life");
    lab.run_out();
    // Last seen: the acknowledgement, which leaves `b` at 100.010 s.
    assert_eq!(lab.phase_ms("a", Phase::Reset), [340_020]);
    assert_eq!(lab.phase_ms("b", Phase::Reset), [340_020]);
    assert_eq!(lab.read("b", b), Some(Ok(b"a sign of life".to_vec())));
    assert_eq!(lab.read("b", b), Some(Err(SocketError::Reset)));
    let hits = lab.net.wire().middlebox_hits()["fw"][&"idle-timeout".into()];
    assert_eq!(hits, 2);
}

#[test]
fn the_direction_of_a_middlebox_rule_is_that_of_its_sides() {
    for (direction, blocked) in [(Direction::Out, true), (Direction::In, false)] {
        let (mut lab, fw) = guarded();
        let mut rule = Rule::new("one-way", Verdict::Drop);
        rule.direction = Some(direction);
        rule.state = Some(FlowState::New);
        lab.net.wire_mut().middlebox_mut(fw).append(rule);
        for name in ["a", "b"] {
            let host = lab.host(name);
            lab.net.stack_mut(host).listen(80, 8).unwrap();
        }
        let (out, back) = (lab.connect("a", "b", 80), lab.connect("b", "a", 80));
        lab.run_for(SECOND / 2);
        assert_eq!(lab.connected("a", out).is_none(), blocked);
        assert_eq!(lab.connected("b", back).is_none(), !blocked);
    }
}
