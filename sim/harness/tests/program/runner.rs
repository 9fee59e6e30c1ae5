//! The runner: the same results in the same order, however many threads there are.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use portcullis_harness::protocols::PROTOCOLS;
use portcullis_harness::run::{Engine, Job, Repeats};
use portcullis_harness::scenario::{Library, Scenario};
use portcullis_reports::Verdict;

fn scenarios() -> Vec<Scenario> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let library = Library::find(here, PROTOCOLS.to_vec()).expect("the scenarios are there");
    let files: Vec<_> = library.files().take(3).collect();
    let (scenarios, errors) = library.load_all(&files);
    assert_eq!(errors, Vec::new());
    scenarios
}

/// Scenario, seed and verdict of every run, in the order in which they are handed out.
fn results(scenarios: &[Scenario], jobs: usize) -> Vec<(usize, u64, Verdict)> {
    let job = Job {
        scenarios,
        engine: Engine::Packet,
        seed: 5,
        seeds: 4,
        jobs,
        repeats: Repeats::Every,
        report: None,
        stop: Arc::default(),
    };
    let mut results = Vec::new();
    job.run(|done| {
        assert!(
            done.divergence.is_none(),
            "seed {} differs from itself",
            done.seed
        );
        results.push((done.scenario, done.seed, done.verdict));
    });
    results
}

#[test]
fn results_come_in_order_and_do_not_depend_on_the_number_of_threads() {
    let scenarios = scenarios();
    let alone = results(&scenarios, 1);
    assert_eq!(alone.len(), 12);
    assert!(alone.is_sorted_by_key(|(scenario, seed, _)| (*scenario, *seed)));
    assert_eq!(results(&scenarios, 4), alone);
}

#[test]
fn a_run_that_is_stopped_hands_out_what_is_done() {
    let scenarios = scenarios();
    let stop = Arc::default();
    let job = Job {
        scenarios: &scenarios,
        engine: Engine::Packet,
        seed: 1,
        seeds: 1_000_000,
        jobs: 2,
        repeats: Repeats::Sample,
        report: None,
        stop: Arc::clone(&stop),
    };
    let mut seeds = Vec::new();
    job.run(|done| {
        seeds.push(done.seed);
        stop.store(seeds.len() >= 5, Ordering::Relaxed);
    });
    assert!((5..1_000).contains(&seeds.len()), "{}", seeds.len());
    assert!(seeds.iter().copied().eq(1..=seeds.len() as u64));
}
