//! What a seed may draw, and what of it is the same when the space grows.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::scenario::Plan;
use crate::scenario::toy::{PLAIN, load, load_as};

const SPACE: &str = r#"
[[chaos]]
faults = "1..4"
kinds = ["partition", "crash", "drop", "loss"]
from = "2s"
until = "1m"
lasts = "1s..20s"

[[bites]]
chaos = true
"#;

fn planned(space: &str, seed: u64) -> Plan {
    let scenario = load(&format!("{PLAIN}\n{space}")).expect("a valid scenario");
    Plan::new(&scenario, seed)
}

fn drawn(plan: &Plan) -> Vec<&String> {
    let lines = plan.drawn.iter();
    lines.filter(|line| line.starts_with("chaos-")).collect()
}

#[test]
fn every_fault_begins_and_ends_in_the_window_in_this_order() {
    for seed in 0..300 {
        let plan = planned(SPACE, seed);
        let steps: Vec<_> = plan.steps.iter().filter(|it| it.has("name")).collect();
        assert!((2..=8).contains(&steps.len()), "{}", steps.len());
        for fault in steps.chunks(2) {
            let times = [0, 1].map(|index| fault[index].duration("time").unwrap());
            assert_eq!(fault[0].text("name"), fault[1].text("name"));
            assert!(times[0] < times[1], "{plan}");
            assert!(times[0] >= Duration::from_secs(2) && times[1] <= Duration::from_secs(60));
        }
    }
}

#[test]
fn a_host_is_down_once_at_a_time() {
    let space = SPACE
        .replace("\"1..4\"", "8")
        .replace("\"partition\", ", "");
    let space = space.replace(", \"drop\", \"loss\"", ", \"pause\"");
    for seed in 0..100 {
        let plan = planned(&space, seed);
        for host in ["ann", "bob"] {
            let mut spells = Vec::new();
            for (begin, end) in [("crash", "restart"), ("pause", "resume")] {
                let of = |key| {
                    let steps = plan.steps.iter();
                    let steps = steps.filter(move |step| step.text(key) == Some(host));
                    steps.filter_map(|step| step.duration("time"))
                };
                spells.extend(of(begin).zip(of(end)));
            }
            spells.sort_unstable();
            assert!(spells.is_sorted_by(|one, other| one.1 < other.0), "{plan}");
        }
    }
}

#[test]
fn all_kinds_are_drawn_and_more_of_them_change_only_the_faults_that_choose_them() {
    let mut kinds = BTreeSet::new();
    let wider = SPACE.replace("\"loss\"]", "\"loss\", \"pause\"]");
    let (mut same, mut all) = (0, 0);
    for seed in 0..200 {
        let (plan, other) = (planned(SPACE, seed), planned(&wider, seed));
        for (one, other) in drawn(&plan).iter().zip(drawn(&other)) {
            let kind = one.split(' ').nth(2).unwrap_or_default();
            kinds.insert(kind.to_owned());
            all += 1;
            same += u32::from(*one == other);
        }
    }
    assert_eq!(kinds.len(), 4, "{kinds:?}");
    // One in five chooses the new kind; a few more make way for it.
    assert!(same * 10 > all * 7, "{same} of {all}");
}

#[test]
fn the_printed_plan_is_a_scenario_that_does_the_same() {
    let kinds = [
        "partition",
        "one-way-partition",
        "hold",
        "drop",
        "reset",
        "unreachable",
        "blackhole",
        "cut",
        "delay",
        "loss",
        "latency",
        "crash",
        "pause",
    ];
    let wide = SPACE.replace(
        "[\"partition\", \"crash\", \"drop\", \"loss\"]",
        &format!("{kinds:?}"),
    );
    let after = r#"
        [[chaos]]
        faults = 2
        kinds = "crash"
        hosts = "bob"
        after = [{ write = "words", nth = "1..9" }, { message = "hello" }]
        delay = "0s..5ms"
        lasts = "10s"
    "#;
    let wide = format!(
        "{wide}{}",
        after.replace("write = \"words\"", "effect = \"heard\"")
    );
    for seed in 0..50 {
        let plan = planned(&wide, seed);
        let again = load_as("toy/test", &plan.to_string());
        let again = again.unwrap_or_else(|error| panic!("{error:?}\n{plan}"));
        let again = Plan::new(&again, seed);
        let steps =
            |plan: &Plan| -> Vec<String> { plan.steps.iter().map(ToString::to_string).collect() };
        assert_eq!(steps(&again), steps(&plan));
    }
}

#[test]
fn what_a_space_cannot_mean_is_a_problem() {
    let crash = "\n[[at]]\ntime = \"5s\"\ncrash = \"bob\"\n";
    let table = [
        (
            SPACE.replace("\"1m\"", "\"1s\""),
            "over before one has begun",
        ),
        (SPACE.replace("\"1s..20s\"", "\"0s..20s\""), "lasts no time"),
        (
            SPACE.replace("chaos = true", "rule = \"x\""),
            "nothing proves",
        ),
        (
            SPACE.replace("until", "hosts = \"ann\"\nuntil"),
            "needs two hosts",
        ),
        (format!("{SPACE}{crash}"), "may take down `bob` too"),
        (SPACE.replace("\"crash\"", "\"crush\""), "cannot be `crush`"),
    ];
    for (space, problem) in table {
        let error = load(&format!("{PLAIN}\n{space}")).expect_err(problem);
        let said = format!("{error:?}");
        assert!(said.contains(problem), "{problem} is not in {said}");
    }
}
