//! `portcullis list`, `show` and `check`.

use std::collections::BTreeSet;
use std::fmt::Write;

use clap::Args;
use portcullis_reports::ExitCode;

use super::error::CliError;
use super::{OneScenario, library, load, load_one, say};
use crate::run::{Engine, run_spec};
use crate::scenario::{Plan, Scenario};

/// Which scenarios to list.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Names, directories or globs of scenarios. All when there is none.
    #[arg(value_name = "PATH|GLOB")]
    patterns: Vec<String>,
    /// Also says which engines run each scenario, and why the others do not.
    #[arg(long)]
    why: bool,
}

/// What to show.
#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    #[command(flatten)]
    one: OneScenario,
    /// The seed of the plan.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

/// What to check.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Scenario files, anywhere. All scenarios when there is none.
    #[arg(value_name = "FILE")]
    files: Vec<String>,
}

pub(super) fn list(args: &ListArgs) -> Result<ExitCode, CliError> {
    let library = library()?;
    let scenarios = load(&library, &args.patterns)?;
    let mut text = String::new();
    for scenario in &scenarios {
        let clauses = scenario.clause_ids().join(" ");
        let mut line = |line: &str| {
            writeln!(text, "{line}").expect("a String takes everything");
        };
        line(&scenario.name);
        line(&format!("    {} [{clauses}]", scenario.title()));
        if let Some(reason) = scenario.disabled() {
            line(&format!("    disabled: {reason}"));
        }
        if args.why {
            for engine in Engine::ALL {
                line(&format!("    {}", availability(*engine, scenario)));
            }
        }
    }
    say(&text);
    Ok(if scenarios.is_empty() {
        ExitCode::NothingRan
    } else {
        ExitCode::Pass
    })
}

/// What a scenario needs may depend on what its seed draws: how many seeds are looked at.
const SEEDS_ASKED: u64 = 16;

fn availability(engine: Engine, scenario: &Scenario) -> String {
    let of = |seed| engine.refusals(&Plan::new(scenario, seed));
    let all: Vec<_> = (1..=SEEDS_ASKED).map(of).collect();
    let offered = all.iter().filter(|refusals| refusals.is_empty()).count();
    let reasons: BTreeSet<_> = all.into_iter().flatten().collect();
    let reasons: Vec<_> = reasons.into_iter().collect();
    match offered {
        0 => format!("{engine}: no, {}", reasons.join("; ")),
        _ if reasons.is_empty() => format!("{engine}: yes"),
        _ => format!(
            "{engine}: under some seeds; under others {}",
            reasons.join("; ")
        ),
    }
}

pub(super) fn show(args: &ShowArgs) -> Result<ExitCode, CliError> {
    let scenario = load_one(&library()?, &args.one)?;
    let plan = Plan::new(&scenario, args.seed);
    let mut text = String::new();
    let mut line = |line: &str| {
        writeln!(text, "{line}").expect("a String takes everything");
    };
    line(&format!("claim     {}", scenario.title()));
    if let Some(why) = scenario.top.text("why") {
        line(&format!("why       {why}"));
    }
    for clause in scenario
        .clause_ids()
        .iter()
        .filter_map(|id| scenario.clauses.find(id))
    {
        let level = clause.level.name().to_uppercase();
        line(&format!(
            "{:<9} {level}, binds {}: {}",
            clause.id, clause.binds, clause.text
        ));
    }
    for engine in Engine::ALL {
        line(&format!("engine    {}", availability(*engine, &scenario)));
    }
    for invariant in scenario.protocol.invariants() {
        let clauses = invariant.clauses.join(" ");
        line(&format!(
            "always    {} [{clauses}]: {}",
            invariant.name, invariant.expected
        ));
    }
    line("");
    line(plan.to_string().trim_end());
    say(&text);
    Ok(ExitCode::Pass)
}

/// Loads, plans and compiles each file, so that a file that is well-formed also runs.
pub(super) fn check(args: &CheckArgs) -> Result<ExitCode, CliError> {
    let library = library()?;
    let scenarios = load(&library, &args.files)?;
    for scenario in &scenarios {
        let spec = run_spec(&Plan::new(scenario, 1), crate::engine::PacketDetail::Digest);
        say(&format!(
            "{}: well-formed ({}, {} hosts, {} steps, {} expectations)",
            scenario.path,
            scenario.protocol.name(),
            scenario.hosts.len(),
            spec.steps.len(),
            scenario.expects.len()
        ));
    }
    Ok(ExitCode::Pass)
}
