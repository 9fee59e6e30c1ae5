//! Scenarios of every protocol take the same course on both simulated engines and in every process.

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use portcullis_harness::engine::{
    Disagreement, PacketDetail, RunSpec, disagreement, packet, turmoil,
};
use portcullis_harness::protocols::PROTOCOLS;
use portcullis_harness::run::{Attempt, Engine, attempt, judged, run_spec};
use portcullis_harness::scenario::{Library, Plan};
use portcullis_network::Latency;
use portcullis_reports::{Entry, Event, Verdict};

/// The latency of every link here: far longer than turmoil's tick, so that what is apart on one
/// engine does not fall into one tick on the other.
const LATENCY: Duration = Duration::from_millis(20);

/// What both engines play, beside the scenarios of `engine_agreement.rs`. Scenarios with random
/// loss, varying or asymmetric links, or hours of simulated time are not offered on turmoil. Where
/// a fault strikes at the very instant of an event, both engines strike before the host goes on.
const ON_BOTH: &[&str] = &[
    "firewall/a-dropped-syn-at-the-remote-port-is-a-timeout-and-is-retried",
    "recovery/work-interrupted-by-a-crash-is-reported-as-failed",
    "firewall/rules-between-two-configured-ports-match-nothing",
    // turmoil's partition and repair, one way and both; its hold and release; crash and bounce.
    "partition/a-greeting-into-a-partition-waits-until-it-heals",
    "partition/a-callback-whose-answers-are-cut-off-is-made-again",
    "timing/packets-on-hold-arrive-all-at-once-and-change-nothing",
    "timing/a-paused-destination-accepts-a-task-when-it-goes-on",
    "recovery/an-originator-restarted-before-the-callback-still-learns-the-outcome",
    "recovery/a-completion-for-a-task-that-its-originator-has-lost-is-parked",
    "timing/clocks-that-disagree-decide-nothing",
];

/// The same of content deployment: HTTP in both directions, databases on another host.
const DEPLOYED_ON_BOTH: &[&str] = &[
    "sequence/a-deployment-takes-the-course-of-the-source",
    "configuration/the-farm-names-its-web-applications-and-their-site-collections",
    "configuration/wrong-credentials-open-nothing",
    "cancel/a-job-that-was-not-run-is-cancelled-at-once",
    "upload/the-same-file-again-is-kept-and-another-of-its-name-is-refused",
    "logs/import-logs-outlive-their-job-and-go-when-they-are-told-to",
    "databases/a-job-cannot-be-created-without-databases",
    // A deploying farm with its own databases and timer service.
    "source/the-form-for-a-path-shows-what-the-target-offers",
    "source/an-export-that-fails-reaches-nobody",
    "source/a-deployment-that-is-cancelled-while-it-exports-never-reaches-the-target",
    "source/a-failed-import-is-a-failed-deployment-and-its-job-is-deleted",
];

/// The names of scenarios of both protocols, in full.
fn in_full(transfer: &[&str], deployment: &[&str]) -> Vec<String> {
    let of = |protocol: &'static str| move |name: &&str| format!("{protocol}/{name}");
    let transfer = transfer.iter().map(of("environment-transfer"));
    let deployment = deployment.iter().map(of("content-deployment"));
    transfer.chain(deployment).collect()
}

fn plan(name: &str, seed: u64) -> Plan {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let library = Library::find(here, PROTOCOLS.to_vec()).expect("scenarios/ can be read");
    let (files, unknown) = library.select(&[name.to_owned()]);
    assert!(unknown.is_empty(), "{unknown:?}");
    let scenario = library.load(&files[0]).expect("the scenario loads");
    Plan::new(&scenario, seed)
}

/// The run of `plan` with links of that latency, to its `end` whatever is decided before: one
/// engine would notice that at once and the other at the end of the tick.
fn spec(plan: &Plan, end: Duration) -> RunSpec {
    let mut spec = run_spec(plan, PacketDetail::Digest);
    let paths = spec.topology.paths.iter_mut().map(|path| &mut path.link);
    for link in paths.chain([&mut spec.topology.default_link]) {
        link.latency = Latency::Fixed(LATENCY);
    }
    spec.ends = end;
    spec.finished = Box::new(|_| false);
    spec
}

/// The history without the agents' log of connections that have ended, which their own tasks write
/// beside everything else that goes on.
fn course(run: &Attempt) -> Vec<Entry> {
    let logged =
        |entry: &&Entry| matches!(&entry.event, Event::Effect { name, .. } if name == "connection");
    let entries = run.history.iter();
    entries.filter(|entry| !logged(entry)).cloned().collect()
}

fn compare(name: &str) -> (Verdict, Verdict, Option<Disagreement>) {
    let plan = plan(name, 1);
    // Long enough for everything, and for the last connection to have closed.
    let decided = attempt(&plan, Engine::Packet, PacketDetail::Digest).elapsed;
    let end = decided + Duration::from_secs(30);
    let one = judged(&plan, packet::run(spec(&plan, end)));
    let other = judged(&plan, turmoil::run(spec(&plan, end)));
    let differ = disagreement(&course(&one), &course(&other), 2 * LATENCY);
    (one.judgement.verdict, other.judgement.verdict, differ)
}

fn complaints(name: &str) -> Vec<String> {
    let (packet, turmoil, differ) = compare(name);
    let passes = (packet, turmoil) == (Verdict::Pass, Verdict::Pass);
    let verdicts = format!("{name}: {packet:?} on packet, {turmoil:?} on turmoil");
    let course = differ.map(|differ| format!("{name}: {differ}"));
    (!passes)
        .then_some(verdicts)
        .into_iter()
        .chain(course)
        .collect()
}

#[test]
fn both_engines_give_equal_verdicts_and_equal_courses() {
    let names = in_full(ON_BOTH, DEPLOYED_ON_BOTH);
    let failures: Vec<String> = thread::scope(|scope| {
        let halves = names.chunks(names.len().div_ceil(2));
        let halves: Vec<_> = halves
            .map(|half| scope.spawn(|| half.iter().flat_map(|name| complaints(name)).collect()))
            .collect();
        let complaints = halves.into_iter().map(thread::ScopedJoinHandle::join);
        let complaints: Result<Vec<Vec<String>>, _> = complaints.collect();
        complaints.expect("nothing panics").concat()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// A scenario with random loss, one with crashes, one with ranges of its own.
const REPEATED: &[&str] = &[
    "timing/a-lossy-link-delays-and-corrupts-nothing",
    "recovery/a-destination-crashed-while-an-acceptance-is-under-way-answers-from-its-record",
    "chain/a-crash-in-the-middle-is-recovered-in-both-roles",
];

/// The same of content deployment: a crash during an upload, a range of its own.
const DEPLOYED_REPEATED: &[&str] = &[
    "recovery/a-crash-during-an-upload-leaves-nothing-of-it",
    "cancel/canceljob-and-runjob-race-to-one-outcome",
];

#[test]
fn another_process_computes_the_same_digest() {
    for name in in_full(REPEATED, DEPLOYED_REPEATED) {
        let here = attempt(&plan(&name, 7), Engine::Packet, PacketDetail::Digest);
        let there = Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .args(["replay", &name, "--seed", "7"])
            .output()
            .expect("the program runs");
        let said = String::from_utf8_lossy(&there.stdout).into_owned();
        let digest = format!("{:032x}", here.digest);
        assert!(said.contains(&digest), "{name}: {digest} is not in\n{said}");
    }
}
