//! The table of flows: its size, what it picks up, and flows that are killed.

use std::time::Duration;

use portcullis_network::{
    CutEnd, FlowSelector, Idle, KILLED, MiddleboxId, OnExpiry, Phase, Pickup, Prefix, Profile,
    Rule, STRICT_PICKUP, SimTime, SocketError, TABLE_FULL, Verdict,
};
use proptest::prelude::*;

use crate::lab::Lab;

const SECOND: Duration = Duration::from_secs(1);

/// `a` and `b` on the two sides of the middlebox `fw`.
fn guarded(pickup: Pickup) -> (Lab, MiddleboxId) {
    let mut lab = Lab::new(&[Profile::LINUX; 3]);
    let id = lab.middlebox("fw", &["a", "c"], &["b"]);
    lab.net.wire_mut().middlebox_mut(id).set_pickup(pickup);
    (lab, id)
}

fn kill(lab: &mut Lab, id: MiddleboxId, selector: &FlowSelector, how: OnExpiry) -> usize {
    let count = lab.net.wire_mut().kill(lab.now, id, selector, how);
    lab.net.flush_wire();
    count
}

#[test]
fn a_full_table_drops_new_flows_and_spares_the_old() {
    let (mut lab, fw) = guarded(Pickup::Strict);
    let firewall = lab.net.wire_mut().middlebox_mut(fw);
    firewall.set_table_size(Some(2));
    let first = lab.open("a", "b", 80);
    let second = lab.open("a", "b", 81);
    let third = lab.connect("a", "b", 80);
    lab.run_for(SECOND * 5 / 2);
    assert_eq!(lab.connected("a", third), None);
    assert_eq!(lab.box_hits("fw", TABLE_FULL), 3, "SYNs at 0, 1 and 2 s");
    for (a, b) in [first, second] {
        lab.write("a", a, b"goes on");
        lab.run_for(SECOND / 10);
        assert_eq!(lab.read("b", b), Some(Ok(b"goes on".to_vec())));
    }
}

#[test]
fn a_flow_that_has_ended_makes_room_after_two_minutes() {
    let (mut lab, fw) = guarded(Pickup::ByRules);
    let firewall = lab.net.wire_mut().middlebox_mut(fw);
    firewall.set_table_size(Some(1));
    let (a, b) = lab.open("a", "b", 80);
    lab.close("a", a);
    lab.run_for(SECOND);
    lab.close("b", b);
    lab.run_for(SECOND * 117);
    let early = lab.connect("a", "b", 80);
    lab.run_for(SECOND);
    assert_eq!(lab.connected("a", early), None);
    // Section 8.5: `time_wait` is 120 s; the next SYN of the schedule finds the place free.
    lab.run_for(SECOND * 10);
    assert_eq!(lab.connected("a", early), Some(Ok(())));
}

#[test]
fn a_killed_flow_vanishes_without_a_word_under_strict_pickup() {
    let (mut lab, fw) = guarded(Pickup::Strict);
    let (a, b) = lab.open("a", "b", 80);
    let killed = kill(&mut lab, fw, &FlowSelector::ALL, OnExpiry::Silent);
    lab.write("a", a, b"into the void");
    lab.write("b", b, b"and back");
    lab.run_for(SECOND * 1_000);
    assert_eq!(killed, 1);
    assert_eq!(lab.box_hits("fw", KILLED), 1);
    assert!(lab.box_hits("fw", STRICT_PICKUP) > 10);
    assert_eq!(lab.read("a", a), Some(Err(SocketError::TimedOut)));
    assert_eq!(lab.read("b", b), Some(Err(SocketError::TimedOut)));
}

#[test]
fn a_killed_flow_may_be_reset_at_both_ends_at_once() {
    let (mut lab, fw) = guarded(Pickup::Strict);
    let (a, b) = lab.open("a", "b", 80);
    lab.write("a", a, b"before");
    lab.run_for(SECOND);
    kill(&mut lab, fw, &FlowSelector::ALL, OnExpiry::Reset);
    lab.run_for(SECOND);
    assert_eq!(lab.read("a", a), Some(Err(SocketError::Reset)));
    assert_eq!(lab.read("b", b), Some(Ok(b"before".to_vec())));
    assert_eq!(lab.read("b", b), Some(Err(SocketError::Reset)));
    let both = ["a", "b"].map(|host| lab.phase_ms(host, Phase::Reset));
    assert_eq!(both, [vec![1_110], vec![1_110]]);
}

#[test]
fn only_the_flows_that_are_meant_are_killed() {
    let (mut lab, fw) = guarded(Pickup::Strict);
    let chosen = lab.open("a", "b", 80);
    let other_port = lab.open("a", "b", 81);
    let other_host = lab.open("c", "b", 82);
    let selector = FlowSelector {
        opener: Prefix::from(*lab.address("a", 0).ip()),
        acceptor: Prefix::from(*lab.address("b", 0).ip()),
        ports: 80..=80,
    };
    assert_eq!(kill(&mut lab, fw, &selector, OnExpiry::Reset), 1);
    lab.run_for(SECOND);
    assert_eq!(lab.read("a", chosen.0), Some(Err(SocketError::Reset)));
    for (host, (opened, accepted)) in [("a", other_port), ("c", other_host)] {
        lab.write(host, opened, b"spared");
        lab.run_for(SECOND);
        assert_eq!(lab.read("b", accepted), Some(Ok(b"spared".to_vec())));
    }
}

#[test]
fn a_reboot_is_fatal_under_strict_pickup_and_harmless_under_loose() {
    for (pickup, survives) in [(Pickup::Strict, false), (Pickup::Loose, true)] {
        let (mut lab, fw) = guarded(pickup);
        let (a, b) = lab.open("a", "b", 80);
        lab.net.wire_mut().reboot(fw);
        lab.write("a", a, b"still there?");
        lab.run_for(SECOND * 5);
        assert_eq!(lab.read("b", b).is_some(), survives, "{pickup:?}");
        lab.write("b", b, b"yes");
        lab.run_for(SECOND * 5);
        assert_eq!(lab.read("a", a).is_some(), survives, "{pickup:?}");
        let fresh = lab.connect("a", "b", 80);
        lab.run_for(SECOND);
        assert_eq!(lab.connected("a", fresh), Some(Ok(())), "{pickup:?}");
        let strict = lab.box_hits("fw", STRICT_PICKUP);
        assert_eq!(strict == 0, survives, "{pickup:?}");
    }
}

#[test]
fn a_flow_picked_up_in_its_middle_can_be_reset_by_the_idle_timer() {
    let (mut lab, fw) = guarded(Pickup::Loose);
    let firewall = lab.net.wire_mut().middlebox_mut(fw);
    firewall.set_idle(Some(Idle {
        timeout: SECOND * 240,
        on_expiry: OnExpiry::Reset,
    }));
    let (a, b) = lab.open("a", "b", 80);
    lab.net.wire_mut().reboot(fw);
    lab.write("a", a, b"picked up");
    lab.run_for(SECOND);
    lab.run_to(SimTime::from_secs(300));
    assert_eq!(lab.read("a", a), Some(Err(SocketError::Reset)));
    assert_eq!(lab.read("b", b), Some(Ok(b"picked up".to_vec())));
    assert_eq!(lab.read("b", b), Some(Err(SocketError::Reset)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever opens, closes and dies: the table is never larger than its size, and with room for
    /// all of them nothing is refused.
    #[test]
    fn the_table_never_exceeds_its_size(
        size in 1_usize..12,
        steps in prop::collection::vec((0_u8..4, 1_u64..90), 1..40),
        seed in any::<u64>(),
    ) {
        let (mut lab, fw) = guarded(Pickup::Strict);
        let cut = Verdict::Cut { after: seed as u32 % 64, then: CutEnd::Reset };
        let firewall = lab.net.wire_mut().middlebox_mut(fw);
        firewall.set_table_size(Some(size));
        firewall.append(Rule::new("cut", cut));
        let b = lab.host("b");
        lab.net.stack_mut(b).listen(80, 64).unwrap();
        let mut open = Vec::new();
        for (what, seconds) in steps {
            match what {
                0 | 1 => open.push(lab.connect("a", "b", 80)),
                2 => if let Some(id) = open.pop() {
                    lab.write("a", id, &[0; 64]);
                    lab.close("a", id);
                },
                _ => {
                    kill(&mut lab, fw, &FlowSelector::ALL, OnExpiry::Reset);
                }
            }
            lab.run_for(SECOND * u32::try_from(seconds).unwrap());
            let tracked = lab.net.wire().middlebox(fw).tracked();
            prop_assert!(tracked <= size, "{tracked} > {size}");
        }
    }

    /// A flow that was killed never passes again under strict pickup, whoever speaks first.
    #[test]
    fn a_killed_flow_never_passes_again(
        before in prop::collection::vec(any::<bool>(), 0..6),
        after in prop::collection::vec(any::<bool>(), 1..6),
    ) {
        let (mut lab, fw) = guarded(Pickup::Strict);
        let (a, b) = lab.open("a", "b", 80);
        let speak = |lab: &mut Lab, from_a: bool| {
            let (host, id) = if from_a { ("a", a) } else { ("b", b) };
            lab.write(host, id, b"words");
            lab.run_for(SECOND);
        };
        for from_a in before {
            speak(&mut lab, from_a);
        }
        kill(&mut lab, fw, &FlowSelector::ALL, OnExpiry::Silent);
        let heard = lab.seen().len();
        for from_a in after {
            speak(&mut lab, from_a);
        }
        lab.run_for(SECOND * 2_000);
        let seen = lab.seen().split_off(heard);
        let delivered = seen.iter().filter(|seen| seen.fate == portcullis_network::Fate::Delivered);
        prop_assert_eq!(delivered.count(), 0);
    }
}
