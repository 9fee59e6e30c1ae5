//! `portcullis run`.

use std::collections::BTreeMap;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::thread;

use anstyle::{AnsiColor, Style};
use clap::Args;
use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use portcullis_reports::{CaseRecord, Determinism, ExitCode, FORMAT, RunRecord, Verdict};

use super::error::CliError;
use super::{library, load, prepare_report, say};
use crate::run::summary::{Tally, totals};
use crate::run::{Engine, Job, Repeats};
use crate::scenario::{Library, Plan, Scenario};

/// What to run and how.
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// Names, directories or globs (`environment-transfer/callback/*`, `**/crash*`) of scenarios,
    /// or paths of files anywhere. All scenarios when there is none.
    #[arg(value_name = "PATH|GLOB")]
    patterns: Vec<String>,
    /// Which engine runs them.
    #[arg(long, value_enum, default_value_t)]
    engine: Engine,
    /// The first seed.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Under how many seeds each scenario runs, counted up from the first.
    #[arg(long, value_name = "N", default_value = "1")]
    seeds: NonZeroU64,
    /// How many runs go on at once; as many as there are cores without it.
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Runs every seed twice and compares. Without it the first of each hundred seeds of a
    /// scenario is.
    #[arg(long)]
    twice: bool,
    /// Keeps the evidence of every run in this directory: history, capture, plan, and a report as
    /// JSON, JUnit and HTML.
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
}

impl Default for RunArgs {
    fn default() -> Self {
        Self {
            patterns: Vec::new(),
            engine: Engine::default(),
            seed: 1,
            seeds: NonZeroU64::MIN,
            jobs: None,
            twice: false,
            report: None,
        }
    }
}

/// Runs scenarios and prints their verdicts.
pub(super) fn run(args: &RunArgs) -> Result<ExitCode, CliError> {
    let (seed, seeds) = (args.seed, args.seeds.get());
    if seed.checked_add(seeds - 1).is_none() {
        return Err(CliError::Seeds { seed, seeds });
    }
    let library = library()?;
    let scenarios = offered(load(&library, &args.patterns)?, args);
    prepare_report(args.report.as_deref())?;
    let cores = || thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let job = Job {
        scenarios: &scenarios,
        engine: args.engine,
        seed,
        seeds,
        jobs: args.jobs.map_or_else(cores, NonZeroUsize::get),
        repeats: if args.twice {
            Repeats::Every
        } else {
            Repeats::Sample
        },
        report: args.report.clone(),
        stop: super::interrupt::listen(),
    };
    let results = play(&job)?;
    let determinism = if results.is_divergent {
        Determinism::Broken
    } else {
        Determinism::Held
    };
    if let Some(report) = &args.report {
        record(&library, results.records).write(report)?;
        say(&format!("report: {}", report.join("report.html").display()));
    }
    let mut code = ExitCode::of(results.verdicts.keys().copied(), determinism);
    if results.runs < job.len() {
        let (done, all) = (results.runs, job.len());
        say(&format!("interrupted after {done} of {all} runs"));
        code = code.interrupted();
    }
    say(&totals(&results.verdicts, code));
    Ok(code)
}

/// What all scenarios came to.
struct Results {
    /// How many scenarios had each verdict, each counted by its worst seed.
    verdicts: BTreeMap<Verdict, u64>,
    records: Vec<CaseRecord>,
    is_divergent: bool,
    /// How many runs were made.
    runs: usize,
}

impl Results {
    /// Prints what the seeds of a scenario came to and adds it up.
    fn close(&mut self, tally: &Tally, scenario: &Scenario, engine: Engine, bar: &ProgressBar) {
        bar.suspend(|| say(&painted(tally, scenario, engine)));
        self.is_divergent |= tally.is_divergent();
        let verdict = tally.verdict().unwrap_or(Verdict::Error);
        *self.verdicts.entry(verdict).or_default() += 1;
    }
}

/// Runs the job and prints each scenario when all its seeds are through.
fn play(job: &Job<'_>) -> Result<Results, CliError> {
    let bar = progress(job.len() as u64);
    let mut results = Results {
        verdicts: BTreeMap::new(),
        records: Vec::new(),
        is_divergent: false,
        runs: 0,
    };
    let mut tally = Tally::default();
    let mut open = None;
    let mut trouble = None;
    job.run(|mut done| {
        bar.inc(1);
        let (index, last) = (done.scenario, job.seed.wrapping_add(job.seeds - 1));
        let is_last = done.seed == last;
        results.runs += 1;
        if job.report.is_some()
            && let Some(case) = &done.case
        {
            results.records.push(case.record.clone());
        }
        trouble = trouble.take().or(done.trouble.take());
        tally.add(done);
        open = job.scenarios.get(index);
        if is_last && let Some(scenario) = open.take() {
            let finished = std::mem::take(&mut tally);
            results.close(&finished, scenario, job.engine, &bar);
        }
    });
    if let Some(scenario) = open {
        // Interrupted in the middle of its seeds.
        results.close(&tally, scenario, job.engine, &bar);
    }
    bar.finish_and_clear();
    match trouble {
        Some(error) => Err(error.into()),
        None => Ok(results),
    }
}

/// How many seeds are looked at to tell whether an engine offers a scenario: a seed that draws what
/// it does not offer is UNSUPPORTED.
const OFFERS_ASKED: u64 = 16;

/// The scenarios that the engine runs; says how many it does not.
fn offered(scenarios: Vec<Scenario>, args: &RunArgs) -> Vec<Scenario> {
    let all = scenarios.len();
    let offered: Vec<_> = scenarios
        .into_iter()
        .filter(|scenario| {
            let seeds = args.seeds.get().min(OFFERS_ASKED);
            (0..seeds).any(|nth| {
                let plan = Plan::new(scenario, args.seed + nth);
                args.engine.refusals(&plan).is_empty()
            })
        })
        .collect();
    let refused = all - offered.len();
    if refused > 0 {
        let engine = args.engine;
        say(&format!(
            "{engine} does not offer what {refused} of {all} scenarios need: see `portcullis list \
             --why`"
        ));
    }
    offered
}

/// The text of a scenario with its verdict in colour.
fn painted(tally: &Tally, scenario: &Scenario, engine: Engine) -> String {
    let text = tally.render(scenario, engine);
    let Some(verdict) = tally.verdict() else {
        return text;
    };
    let rest = text.strip_prefix(verdict.name()).unwrap_or(&text);
    let style = style(verdict);
    format!("{style}{verdict}{style:#}{rest}")
}

/// The colour of a verdict.
pub(super) fn style(verdict: Verdict) -> Style {
    let color = match verdict {
        Verdict::Pass => AnsiColor::Green,
        Verdict::Info | Verdict::Unsupported | Verdict::Disabled => AnsiColor::Blue,
        Verdict::Warn | Verdict::Inconclusive => AnsiColor::Yellow,
        Verdict::Fail | Verdict::Error => AnsiColor::Red,
    };
    color.on_default().bold()
}

/// A bar on a terminal; nothing in a pipe, where the lines of the scenarios are the progress.
fn progress(runs: u64) -> ProgressBar {
    let bar = ProgressBar::new(runs);
    let style = ProgressStyle::with_template("{bar:32} {pos}/{len} runs, {rate}/s, {eta} left");
    let rate = |state: &ProgressState, out: &mut dyn std::fmt::Write| {
        // A bar that cannot be written to is no reason to end a run.
        write!(out, "{:.0}", state.per_sec()).ok();
    };
    match style {
        Ok(style) => bar.with_style(style.with_key("rate", rate)),
        Err(_) => bar,
    }
}

fn record(library: &Library, cases: Vec<CaseRecord>) -> RunRecord {
    RunRecord {
        format: FORMAT,
        program: format!("portcullis {}", env!("CARGO_PKG_VERSION")),
        cases,
        clauses: library.clause_records(),
    }
}

/// Writes the report of a single case.
pub(super) fn write_report(
    library: &Library,
    case: CaseRecord,
    report: &std::path::Path,
) -> Result<(), CliError> {
    record(library, vec![case]).write(report)?;
    Ok(())
}
