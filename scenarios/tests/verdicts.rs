//! ET-85: the scenarios that claim it give every verdict at least once between them.

#![cfg(test)]

use std::collections::BTreeSet;

use portcullis_harness::engine::PacketDetail;
use portcullis_harness::protocols::PROTOCOLS;
use portcullis_harness::run::{Engine, run_spec};
use portcullis_harness::scenario::{Library, Plan, Table};
use portcullis_scenarios::folder;

/// What the clause lists, in the words of scenario files; the last two are no rule's verdicts.
const VERDICTS: [&str; 13] = [
    "accept",
    "drop",
    "reset",
    "port-unreachable",
    "host-unreachable",
    "net-unreachable",
    "admin-prohibited",
    "delay",
    "reorder",
    "cut",
    "blackhole",
    "idle expiry: silent",
    "idle expiry: reset",
];

/// Under which name the network counts packets of connections forgotten for idleness.
const IDLE_TIMEOUT: &str = "idle-timeout";

/// The verdicts that hit packets in a run of `plan`.
fn given(plan: &Plan) -> BTreeSet<String> {
    let outcome = Engine::Packet.run(run_spec(plan, PacketDetail::Digest));
    let hit = |name: &str| outcome.hits.rules.get(name).is_some_and(|hits| *hits > 0);
    let added = |step: &'_ Table| step.table("firewall")?.table("add").cloned();
    let added = plan.steps.iter().filter_map(added);
    let rules = plan.firewall.iter().cloned().chain(added);
    let rules = rules.filter(|rule| rule.text("name").is_some_and(hit));
    let mut verdicts: BTreeSet<String> = rules
        .filter_map(|rule| rule.text("verdict").map(str::to_owned))
        .collect();
    let expiries = plan.middleboxes.iter().filter(|_| hit(IDLE_TIMEOUT));
    let expiries = expiries.filter_map(|middlebox| middlebox.text("on_expiry"));
    verdicts.extend(expiries.map(|kind| format!("idle expiry: {kind}")));
    verdicts
}

#[test]
fn every_verdict_is_given_in_a_run() {
    let library = Library::find(folder(), PROTOCOLS.to_vec()).expect("scenarios/ can be read");
    let mut seen = BTreeSet::new();
    for file in library.files() {
        let scenario = library.load(&file).expect("the scenario loads");
        let plan = Plan::new(&scenario, 1);
        if plan.clause_ids().iter().any(|id| id == "ET-85") {
            seen.extend(given(&plan));
        }
    }
    let missing: Vec<_> = VERDICTS.iter().filter(|it| !seen.contains(**it)).collect();
    assert!(missing.is_empty(), "no scenario of ET-85 shows {missing:?}");
}
