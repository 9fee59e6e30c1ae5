//! Every figure of environment-transfer.md sections 8.2 to 8.6, one line a figure and a profile.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use portcullis_network::{
    Direction, HostSet, LOCAL_NETWORK, Phase, Prefix, Profile, Rule, Severed, SimTime, SocketError,
    Unreachable, Verdict,
};

use crate::lab::{Lab, config};

/// The round trip of the laboratory's links, in milliseconds.
const RTT: u64 = 20;

struct Row {
    profile: Profile,
    syns_ms: &'static [u64],
    give_up_ms: u64,
    /// SYNs that meet a closed port, and when the opener learns of the refusal.
    refused_syns_ms: &'static [u64],
    refused_ms: u64,
    /// When and how a connect to an address that no host of the link has ends.
    no_host: (u64, Phase, SocketError),
    /// Data to a path that went silent: when it is sent again, and when the connection ends.
    retransmissions: usize,
    silence_ms: u64,
    full_backlog: SocketError,
    time_wait_ms: u64,
    ports: std::ops::RangeInclusive<u16>,
}

const TABLE: [Row; 4] = [
    Row {
        profile: Profile::WIN_LEGACY,
        syns_ms: &[0, 3_000, 9_000],
        give_up_ms: 21_000,
        refused_syns_ms: &[0, 500, 1_000],
        refused_ms: 1_000 + RTT,
        no_host: (21_000, Phase::TimedOut, SocketError::TimedOut),
        retransmissions: 5,
        silence_ms: 18_900, // 0.3 + 0.6 + 1.2 + 2.4 + 4.8 + 9.6 s.
        full_backlog: SocketError::Refused,
        time_wait_ms: 240_000,
        ports: 49_152..=65_535,
    },
    Row {
        profile: Profile::WIN_CURRENT,
        syns_ms: &[0, 1_000, 3_000, 7_000, 15_000],
        give_up_ms: 21_000,
        refused_syns_ms: &[0, 500, 1_000, 1_500, 2_000],
        refused_ms: 2_000 + RTT,
        no_host: (21_000, Phase::TimedOut, SocketError::TimedOut),
        retransmissions: 5,
        silence_ms: 18_900,
        full_backlog: SocketError::Refused,
        time_wait_ms: 240_000,
        ports: 49_152..=65_535,
    },
    Row {
        profile: Profile::LINUX,
        syns_ms: &[
            0, 1_000, 2_000, 3_000, 4_000, 5_000, 7_000, 11_000, 19_000, 35_000, 67_000,
        ],
        give_up_ms: 131_000,
        refused_syns_ms: &[0],
        refused_ms: RTT,
        no_host: (3_100, Phase::HostUnreachable, SocketError::HostUnreachable),
        retransmissions: 15,
        silence_ms: 924_600,
        full_backlog: SocketError::TimedOut,
        time_wait_ms: 60_000,
        ports: 32_768..=60_999,
    },
    Row {
        profile: Profile::LINUX_OLD,
        syns_ms: &[0, 1_000, 3_000, 7_000, 15_000, 31_000, 63_000],
        give_up_ms: 127_000,
        refused_syns_ms: &[0],
        refused_ms: RTT,
        no_host: (3_100, Phase::HostUnreachable, SocketError::HostUnreachable),
        retransmissions: 15,
        silence_ms: 924_600,
        full_backlog: SocketError::TimedOut,
        time_wait_ms: 60_000,
        ports: 32_768..=60_999,
    },
];

/// A laboratory in which `a` has the row's profile and `b` is an ordinary Linux.
fn opener(row: &Row) -> Lab {
    Lab::new(&[row.profile, Profile::LINUX])
}

fn drop_all() -> Rule {
    Rule::new("drop", Verdict::Drop)
}

fn set_rule(lab: &mut Lab, host: &str, rule: Rule) {
    let host = lab.host(host);
    lab.net.stack_mut(host).firewall_mut().append(rule);
}

#[test]
fn a_dropped_syn_is_repeated_on_schedule_and_given_up_on_time() {
    for row in &TABLE {
        let mut lab = opener(row);
        set_rule(&mut lab, "b", drop_all());
        let id = lab.connect("a", "b", 80);
        lab.run_out();
        let name = row.profile.name();
        assert_eq!(lab.times_ms("a", "S"), row.syns_ms, "{name}");
        assert_eq!(
            lab.phase_ms("a", Phase::TimedOut),
            [row.give_up_ms],
            "{name}"
        );
        assert_eq!(
            lab.connected("a", id),
            Some(Err(SocketError::TimedOut)),
            "{name}"
        );
    }
}

#[test]
fn a_closed_port_refuses_after_the_syns_of_the_profile() {
    for row in &TABLE {
        let mut lab = opener(row);
        let id = lab.connect("a", "b", 80);
        lab.run_out();
        let name = row.profile.name();
        // Windows counts the 0.5 s from the SYN, so the round trip does not add up.
        assert_eq!(lab.times_ms("a", "S"), row.refused_syns_ms, "{name}");
        assert_eq!(
            lab.phase_ms("a", Phase::Refused),
            [row.refused_ms],
            "{name}"
        );
        assert_eq!(
            lab.connected("a", id),
            Some(Err(SocketError::Refused)),
            "{name}"
        );
    }
}

#[test]
fn silence_after_rst_still_ends_with_the_schedule() {
    let mut lab = Lab::new(&[Profile::WIN_CURRENT, Profile::LINUX]);
    lab.connect("a", "b", 80);
    lab.run_to(SimTime::from_millis(600));
    set_rule(&mut lab, "b", drop_all());
    lab.run_out();
    // 10060 and not 10061 where the window ends first (section 8.2).
    assert_eq!(lab.phase_ms("a", Phase::TimedOut), [21_000]);
}

#[test]
fn icmp_answers_to_a_syn_end_the_connect_after_one_round_trip() {
    let kinds = [
        (Unreachable::Port, SocketError::Refused),
        (Unreachable::Host, SocketError::HostUnreachable),
        (Unreachable::AdminProhibited, SocketError::HostUnreachable),
        (Unreachable::Net, SocketError::NetworkUnreachable),
    ];
    for row in &TABLE {
        for (kind, error) in kinds {
            let mut lab = opener(row);
            set_rule(
                &mut lab,
                "b",
                Rule::new("reject", Verdict::Unreachable(kind)),
            );
            let id = lab.connect("a", "b", 80);
            assert_eq!(
                lab.run_out(),
                SimTime::from_millis(RTT),
                "{} {kind}",
                row.profile.name()
            );
            assert_eq!(
                lab.connected("a", id),
                Some(Err(error)),
                "{} {kind}",
                row.profile.name()
            );
        }
    }
}

#[test]
fn a_connect_to_an_address_without_a_host_ends_as_the_openers_system_does() {
    for row in &TABLE {
        let mut lab = opener(row);
        let (ends_ms, phase, error) = row.no_host;
        let id = lab.connect_to("a", SocketAddrV4::new(Ipv4Addr::new(10, 9, 9, 9), 80));
        lab.run_to(SimTime::from_millis(ends_ms - 1));
        let name = row.profile.name();
        assert_eq!(lab.connected("a", id), None, "{name}");
        lab.run_out();
        assert_eq!(lab.connected("a", id), Some(Err(error)), "{name}");
        assert_eq!(lab.phase_ms("a", phase), [ends_ms], "{name}");
        let syns = row.syns_ms.iter().filter(|at| **at < ends_ms);
        assert!(lab.times_ms("a", "S").iter().eq(syns), "{name}");
    }
}

#[test]
fn a_connect_to_where_no_route_leads_ends_at_once_and_sends_nothing() {
    let outside = [[9, 255, 255, 255], [11, 0, 0, 0], [192, 0, 2, 1]].map(Ipv4Addr::from);
    for row in &TABLE {
        for address in outside {
            assert!(!LOCAL_NETWORK.contains(address));
            let mut lab = opener(row);
            let id = lab.connect_to("a", SocketAddrV4::new(address, 80));
            let ended = lab.connected("a", id);
            let name = row.profile.name();
            let error = SocketError::NetworkUnreachable;
            assert_eq!(ended, Some(Err(error)), "{name} {address}");
            assert_eq!(lab.phase_ms("a", Phase::NetworkUnreachable), [0], "{name}");
            lab.close("a", id);
            assert_eq!(lab.run_out(), SimTime::START, "{name} {address}");
            assert_eq!(lab.sockets("a"), 0, "{name} {address}");
            assert!(lab.seen().is_empty(), "{name} {address}");
        }
    }
}

#[test]
fn an_established_path_that_goes_silent_ends_when_the_profile_says() {
    for row in &TABLE {
        let mut lab = opener(row);
        let (a, b) = lab.open("a", "b", 80);
        let both = [lab.host("a"), lab.host("b")].map(|host| HostSet::from_iter([host]));
        let [from, to] = both;
        lab.net
            .wire_mut()
            .partition("cut", from, to, Severed::BothWays);
        let start = lab.now;
        lab.write("a", a, b"is anybody there");
        lab.run_out();
        let name = row.profile.name();
        let ends = lab.phase_ms("a", Phase::TimedOut);
        assert_eq!(
            ends,
            [start.as_nanos() / 1_000_000 + row.silence_ms],
            "{name}"
        );
        assert_eq!(
            lab.times_ms("a", "PA").len(),
            1 + row.retransmissions,
            "{name}"
        );
        assert_eq!(lab.read("a", a), Some(Err(SocketError::TimedOut)), "{name}");
        // The silent receiver sees no event at all (section 8.4).
        assert_eq!(lab.read("b", b), None, "{name}");
    }
}

#[test]
fn a_full_backlog_answers_as_the_acceptors_system_does() {
    for row in &TABLE {
        let mut lab = Lab::new(&[Profile::LINUX, row.profile]);
        let host = lab.host("b");
        lab.net.stack_mut(host).listen(80, 2).unwrap();
        let fitting = [lab.connect("a", "b", 80), lab.connect("a", "b", 80)];
        lab.run_for(Duration::from_secs(1));
        let surplus = lab.connect("a", "b", 80);
        lab.run_out();
        let name = row.profile.name();
        assert_eq!(
            lab.connected("a", surplus),
            Some(Err(row.full_backlog)),
            "{name}"
        );
        for id in fitting {
            assert_eq!(lab.connected("a", id), Some(Ok(())), "{name}");
        }
    }
}

#[test]
fn a_stealth_host_says_nothing_where_nothing_listens_or_the_backlog_is_full() {
    for profile in [Profile::WIN_LEGACY, Profile::WIN_CURRENT] {
        let mut stealth = config("b", 2, profile);
        stealth.stealth = true;
        let mut lab = Lab::of([config("a", 1, Profile::LINUX), stealth]);
        let host = lab.host("b");
        lab.net.stack_mut(host).listen(80, 1).unwrap();
        let closed = lab.connect("a", "b", 79);
        lab.connect("a", "b", 80);
        let surplus = lab.connect("a", "b", 80);
        lab.run_out();
        assert_eq!(lab.connected("a", closed), Some(Err(SocketError::TimedOut)));
        assert_eq!(
            lab.connected("a", surplus),
            Some(Err(SocketError::TimedOut))
        );
        assert_eq!(lab.times_ms("b", "RA"), [0; 0]);
    }
}

#[test]
fn a_stealth_host_withholds_the_reset_after_a_crash() {
    let mut stealth = config("b", 2, Profile::WIN_CURRENT);
    stealth.stealth = true;
    let mut lab = Lab::of([config("a", 1, Profile::WIN_CURRENT), stealth]);
    let (a, _) = lab.open("a", "b", 80);
    let host = lab.host("b");
    lab.net.crash(host, lab.now);
    lab.net.restart(host, lab.now);
    lab.write("a", a, b"who are you");
    lab.run_out();
    assert_eq!(lab.read("a", a), Some(Err(SocketError::TimedOut)));
}

#[test]
fn an_unanswered_syn_ack_is_sent_six_times_and_given_up_after_63_seconds() {
    for row in &TABLE {
        let mut lab = Lab::new(&[Profile::LINUX, row.profile]);
        let mut rule = Rule::new("deaf", Verdict::Drop);
        rule.direction = Some(Direction::In);
        set_rule(&mut lab, "a", rule);
        let host = lab.host("b");
        lab.net.stack_mut(host).listen(80, 8).unwrap();
        let id = lab.connect("a", "b", 80);
        lab.run_to(SimTime::from_millis(500));
        lab.close("a", id);
        lab.run_out();
        let sent: Vec<_> = lab.times_ms("b", "SA").iter().map(|at| at - 10).collect();
        assert_eq!(
            sent,
            [0, 1_000, 3_000, 7_000, 15_000, 31_000],
            "{}",
            row.profile.name()
        );
        assert_eq!(
            lab.phase_ms("b", Phase::TimedOut),
            [63_010],
            "{}",
            row.profile.name()
        );
        assert_eq!(lab.sockets("b"), 0);
    }
}

#[test]
fn the_end_that_closes_first_keeps_its_port_for_time_wait() {
    for row in &TABLE {
        let mut lab = opener(row);
        let (a, b) = lab.open("a", "b", 80);
        lab.close("a", a);
        lab.run_for(Duration::from_secs(1));
        lab.close("b", b);
        lab.run_for(Duration::from_millis(RTT));
        let closed = lab.phase_ms("a", Phase::Closed)[0];
        lab.run_to(SimTime::from_millis(closed + row.time_wait_ms - 1));
        assert_eq!(lab.sockets("a"), 1, "{}", row.profile.name());
        lab.run_for(Duration::from_millis(1));
        assert_eq!(lab.sockets("a"), 0, "{}", row.profile.name());
    }
}

#[test]
fn source_ports_come_from_the_range_unpredictably_until_it_is_exhausted() {
    for row in &TABLE {
        let mut lab = opener(row);
        set_rule(&mut lab, "b", drop_all());
        let host = lab.host("a");
        let remote = lab.address("b", 80);
        let count = row.ports.len();
        let mut ports = Vec::new();
        for _ in 0..count {
            let id = lab
                .net
                .stack_mut(host)
                .connect(lab.now, remote, None)
                .unwrap();
            ports.push(lab.net.stack(host).local_address(id).unwrap().port());
        }
        let name = row.profile.name();
        let exhausted = lab.net.stack_mut(host).connect(lab.now, remote, None);
        assert_eq!(exhausted, Err(SocketError::AddrNotAvailable), "{name}");
        let other = lab.address("b", 81);
        assert!(
            lab.net
                .stack_mut(host)
                .connect(lab.now, other, None)
                .is_ok(),
            "{name}"
        );
        let steps = ports[..100]
            .windows(2)
            .filter(|pair| pair[1].wrapping_sub(pair[0]) == 1);
        assert!(steps.count() < 5, "{name}: ports follow one another");
        ports.sort_unstable();
        assert!(ports.into_iter().eq(row.ports.clone()), "{name}");
    }
}

#[test]
fn a_rule_from_port_to_port_matches_no_connection() {
    // Section 2.3: one end is always dynamic, so the rule admits nothing.
    let mut lab = Lab::new(&[Profile::LINUX, Profile::LINUX]);
    let mut rule = Rule::new("misconception", Verdict::Accept);
    rule.source = Prefix::from(*lab.address("a", 0).ip());
    rule.source_ports = 6_101..=6_101;
    rule.destination_ports = 6_102..=6_102;
    set_rule(&mut lab, "b", rule);
    let host = lab.host("b");
    let firewall = lab.net.stack_mut(host).firewall_mut();
    firewall.set_policy(Direction::In, portcullis_network::Policy::Drop);
    lab.net.stack_mut(host).listen(6_102, 8).unwrap();
    let id = lab.connect("a", "b", 6_102);
    lab.run_out();
    assert_eq!(lab.connected("a", id), Some(Err(SocketError::TimedOut)));
    let hits = lab.net.stack(host).firewall().hits();
    assert_eq!(hits[&"misconception".into()], 0);
    assert_eq!(hits[&"policy".into()], 11);
}

#[test]
fn an_icmp_error_does_not_end_an_established_connection() {
    let mut lab = Lab::new(&[Profile::LINUX, Profile::LINUX]);
    let (a, b) = lab.open("a", "b", 80);
    set_rule(
        &mut lab,
        "b",
        Rule::new("reject", Verdict::Unreachable(Unreachable::Host)),
    );
    lab.write("a", a, b"still there?");
    lab.run_for(Duration::from_secs(30));
    assert_eq!(lab.read("a", a), None);
    let host = lab.host("b");
    lab.net
        .stack_mut(host)
        .firewall_mut()
        .remove(&"reject".into());
    lab.run_for(Duration::from_secs(60));
    assert_eq!(lab.read("b", b), Some(Ok(b"still there?".to_vec())));
}

#[test]
fn a_listener_cannot_take_a_port_that_is_held() {
    let mut lab = Lab::new(&[Profile::LINUX, Profile::LINUX]);
    let (a, b) = (lab.host("a"), lab.host("b"));
    lab.net.stack_mut(b).listen(80, 8).unwrap();
    assert_eq!(
        lab.net.stack_mut(b).listen(80, 8),
        Err(SocketError::AddrInUse)
    );
    let id = lab.connect("a", "b", 80);
    let port = lab.net.stack(a).local_address(id).unwrap().port();
    // Row 12: inside the own dynamic range and taken by an outgoing connection.
    assert_eq!(
        lab.net.stack_mut(a).listen(port, 8),
        Err(SocketError::AddrInUse)
    );
}
