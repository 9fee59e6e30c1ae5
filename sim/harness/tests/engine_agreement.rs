//! The packet engine and the turmoil engine make the same of the same scenarios: equal verdicts,
//! and at each host the same application events in the same order, times within two latencies.

use std::path::Path;
use std::time::Duration;

use portcullis_harness::engine::{PacketDetail, RunSpec, disagreement};
use portcullis_harness::protocols;
use portcullis_harness::run::{Engine, judged, run_spec};
use portcullis_harness::scenario::{Library, Plan};
use portcullis_network::Latency;

/// Of every link: as long as a sync of the simulated disks, and two of turmoil's ticks.
const LATENCY: Duration = Duration::from_millis(2);

fn spec(plan: &Plan) -> RunSpec {
    let mut spec = run_spec(plan, PacketDetail::Digest);
    let paths = spec.topology.paths.iter_mut().map(|path| &mut path.link);
    for link in paths.chain([&mut spec.topology.default_link]) {
        link.latency = Latency::Fixed(LATENCY);
    }
    spec
}

fn assert_agreement(name: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    let library = Library::find(&folder, protocols::PROTOCOLS.to_vec()).expect("it can be read");
    let mut files = library.files();
    let file = files.find(|file| file.name == format!("environment-transfer/{name}"));
    let file = file.expect("the scenario exists");
    let scenario = library.load(&file).expect("the scenario is well-formed");
    let plan = Plan::new(&scenario, 1);
    assert_eq!(Engine::Turmoil.refusals(&plan), [""; 0]);
    let [packet, turmoil] =
        [Engine::Packet, Engine::Turmoil].map(|engine| judged(&plan, engine.run(spec(&plan))));
    assert_eq!(packet.judgement.verdict, turmoil.judgement.verdict);
    assert!(packet.history.len() > 10, "something happens");
    let differ = disagreement(&packet.history, &turmoil.history, 2 * LATENCY);
    assert_eq!(differ.map(|differ| differ.to_string()), None);
}

#[test]
fn a_task_with_its_callback() {
    assert_agreement("session/a-task-is-accepted-worked-on-and-reported-by-callback");
}

#[test]
fn a_refusal_at_the_greeting() {
    assert_agreement("session/peers-of-different-versions-refuse-at-the-greeting");
}

#[test]
fn a_chain_of_steps_that_ends_early() {
    assert_agreement("session/a-step-whose-forerunner-failed-is-not-sent");
}

#[test]
fn a_rule_that_cuts_a_frame() {
    assert_agreement("firewall/a-task-cut-inside-its-frame-has-no-effect");
}

#[test]
fn a_crash_before_a_durable_write() {
    assert_agreement("recovery/a-destination-crashed-before-the-durable-write-gets-the-task-again");
}

#[test]
fn an_acceptance_that_comes_late() {
    assert_agreement("timing/a-late-acceptance-is-a-no-op");
}
