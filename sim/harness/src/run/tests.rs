//! What a run prints, and how two runs are compared.

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_reports::{Entry, Event, ExitCode, Fields, Source, Verdict};

use super::summary::{Tally, totals};
use super::{Done, Engine, first_difference, replay_line};
use crate::scenario::toy::{PLAIN, load};

fn entry(seconds: u64, name: &'static str) -> Entry {
    Entry {
        at: Duration::from_secs(seconds),
        host: "ann".into(),
        source: Source::Inside,
        event: Event::Effect {
            name: name.into(),
            fields: Fields::new(),
        },
    }
}

fn done(seed: u64, verdict: Verdict) -> Done {
    Done {
        scenario: 0,
        seed,
        verdict,
        is_quiet: false,
        case: None,
        divergence: None,
        trouble: None,
    }
}

#[test]
fn the_first_difference_is_found_also_at_the_end() {
    let one = [entry(1, "a"), entry(2, "b")];
    let two = [entry(1, "a"), entry(2, "c")];
    assert_eq!(first_difference(&one, &two).index, 1);
    let shorter = first_difference(&one, &one[..1]);
    assert_eq!((shorter.index, shorter.second), (1, None));
    let same = first_difference(&one, &one);
    assert_eq!((same.index, same.first), (2, None));
}

#[test]
fn several_seeds_are_counted_and_the_failing_ones_can_be_replayed() {
    let scenario = load(PLAIN).expect("a valid scenario");
    let mut tally = Tally::default();
    for (seed, verdict) in [(4, Verdict::Pass), (5, Verdict::Fail), (6, Verdict::Warn)] {
        tally.add(done(seed, verdict));
    }
    insta::assert_snapshot!(tally.render(&scenario, Engine::Packet), @r"
    FAIL          toy/test  3 seeds: 1 FAIL, 1 WARN, 1 PASS
      failing seeds:
        FAIL          portcullis replay toy/test --seed 5
        WARN          portcullis replay toy/test --seed 6
    ");
    assert_eq!(tally.verdict(), Some(Verdict::Fail));
    assert!(!tally.is_divergent());
}

#[test]
fn a_run_that_differs_from_itself_shows_the_first_difference() {
    let scenario = load(PLAIN).expect("a valid scenario");
    let mut tally = Tally::default();
    let mut odd = done(4, Verdict::Pass);
    odd.divergence = Some(first_difference(&[entry(1, "a")], &[entry(2, "a")]));
    tally.add(odd);
    assert!(tally.is_divergent());
    insta::assert_snapshot!(tally.render(&scenario, Engine::Packet), @r"
    PASS          toy/test
      NOT DETERMINISTIC: two runs of seed 4 differ
      first difference at entry 0:
              time  host          mark  where  what
           1.000 s  ann              ~         a
           2.000 s  ann              ~         a
      replay    portcullis replay toy/test --seed 4
    ");
}

#[test]
fn the_last_line_counts_scenarios_worst_first() {
    let verdicts = BTreeMap::from([(Verdict::Pass, 40), (Verdict::Fail, 2)]);
    assert_eq!(
        totals(&verdicts, ExitCode::Fail),
        "42 scenarios: 2 FAIL, 40 PASS (exit code 1)"
    );
    let nothing = totals(&BTreeMap::new(), ExitCode::NothingRan);
    assert_eq!(nothing, "0 scenarios: nothing ran (exit code 4)");
}

#[test]
fn a_replay_line_can_be_pasted_into_a_shell() {
    let line = |name| replay_line(name, Engine::Turmoil, 7);
    assert_eq!(
        line("a/b"),
        "portcullis replay a/b --engine turmoil --seed 7"
    );
    assert_eq!(
        line("my file.toml"),
        "portcullis replay \"my file.toml\" --engine turmoil --seed 7"
    );
}

#[test]
fn faults_that_hit_nothing_under_any_seed_prove_nothing() {
    let scenario = load(PLAIN).expect("a valid scenario");
    let quiet = |seed| Done {
        is_quiet: true,
        ..done(seed, Verdict::Pass)
    };
    let mut tally = Tally::default();
    tally.add(quiet(1));
    tally.add(quiet(2));
    assert_eq!(tally.verdict(), Some(Verdict::Inconclusive));
    let text = tally.render(&scenario, Engine::Packet);
    assert!(
        text.contains("no fault that the seeds drew did anything"),
        "{text}"
    );
    tally.add(done(3, Verdict::Pass));
    assert_eq!(tally.verdict(), Some(Verdict::Pass));
    let text = tally.render(&scenario, Engine::Packet);
    assert!(text.contains("3 seeds: 3 PASS (2 drew no fault"), "{text}");
}
