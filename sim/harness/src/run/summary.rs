//! The lines that a run prints: one a scenario, the failing ones explained.

use std::collections::BTreeMap;
use std::fmt::Write;

use portcullis_reports::timeline::{HEADING, line};
use portcullis_reports::{Entry, ExitCode, Verdict};

use super::case::{Engine, replay_line};
use super::runner::{Case, Divergence, Done};
use crate::check::explain;
use crate::scenario::Scenario;

/// How many failing seeds of one scenario are listed.
const LISTED: usize = 20;

/// What all seeds of one scenario came to.
#[derive(Debug, Default)]
pub struct Tally {
    /// How many seeds had each verdict.
    pub verdicts: BTreeMap<Verdict, u64>,
    /// The first case of each verdict other than a pass: one is explained, the rest look alike.
    cases: BTreeMap<Verdict, Case>,
    /// Seeds that did not pass.
    seeds: Vec<(u64, Verdict)>,
    /// How many seeds were to draw faults of which none did anything.
    quiet: u64,
    divergences: Vec<(u64, Divergence)>,
}

impl Tally {
    /// Adds the result of one seed.
    pub fn add(&mut self, done: Done) {
        *self.verdicts.entry(done.verdict).or_default() += 1;
        self.quiet += u64::from(done.is_quiet);
        if !is_fine(done.verdict) {
            self.seeds.push((done.seed, done.verdict));
        }
        if let Some(case) = done.case
            && done.verdict != Verdict::Pass
        {
            self.cases.entry(done.verdict).or_insert(case);
        }
        if let Some(divergence) = done.divergence {
            self.divergences.push((done.seed, divergence));
        }
    }

    /// The worst verdict of any seed; not conclusive when the seeds were to draw faults and none of
    /// them did anything under any seed.
    #[must_use]
    pub fn verdict(&self) -> Option<Verdict> {
        let worst = self.verdicts.keys().next_back().copied()?;
        Some(if self.is_quiet() {
            worst.max(Verdict::Inconclusive)
        } else {
            worst
        })
    }

    fn is_quiet(&self) -> bool {
        self.quiet > 0 && self.quiet == self.runs()
    }

    /// Whether two runs of one seed differed.
    #[must_use]
    pub const fn is_divergent(&self) -> bool {
        !self.divergences.is_empty()
    }

    /// What is printed about the scenario: its line, and the explanation of what is not fine.
    #[must_use]
    pub fn render(&self, scenario: &Scenario, engine: Engine) -> String {
        let mut text = String::new();
        let mut say = |line: &str| {
            writeln!(text, "{line}").expect("a String takes everything");
        };
        let Some(verdict) = self.verdict() else {
            return text;
        };
        say(&format!(
            "{verdict:<12}  {}{}",
            scenario.name,
            self.counts()
        ));
        for (verdict, case) in self.cases.iter().rev() {
            match verdict {
                Verdict::Disabled | Verdict::Unsupported => say(&format!("  {}", case.record.why)),
                Verdict::Pass
                | Verdict::Info
                | Verdict::Warn
                | Verdict::Inconclusive
                | Verdict::Fail
                | Verdict::Error => {
                    say(explain(&case.record, &scenario.clauses, &case.history).trim_end());
                }
            }
        }
        if self.is_quiet() {
            say(
                "  seen      no fault that the seeds drew did anything: add seeds, or widen [[chaos]]",
            );
        }
        for (seed, divergence) in &self.divergences {
            say(&format!(
                "  NOT DETERMINISTIC: two runs of seed {seed} differ"
            ));
            say(&diverged(divergence));
            say(&format!(
                "  replay    {}",
                replay_line(&scenario.name, engine, *seed)
            ));
        }
        if self.runs() > 1 && !self.seeds.is_empty() {
            say("  failing seeds:");
            for (seed, verdict) in self.seeds.iter().take(LISTED) {
                let replay = replay_line(&scenario.name, engine, *seed);
                say(&format!("    {verdict:<12}  {replay}"));
            }
            if let Some(more) = self
                .seeds
                .len()
                .checked_sub(LISTED)
                .filter(|more| *more > 0)
            {
                say(&format!("    and {more} more"));
            }
        }
        text
    }

    fn runs(&self) -> u64 {
        self.verdicts.values().sum()
    }

    /// How the seeds are divided, when there are several.
    fn counts(&self) -> String {
        if self.runs() <= 1 {
            return String::new();
        }
        let counts = self.verdicts.iter().rev();
        let counts: Vec<_> = counts
            .map(|(verdict, count)| format!("{count} {verdict}"))
            .collect();
        let quiet = match self.quiet {
            0 => String::new(),
            quiet => format!(" ({quiet} drew no fault that did anything)"),
        };
        format!("  {} seeds: {}{quiet}", self.runs(), counts.join(", "))
    }
}

/// The last line of a run: how many scenarios came to what.
#[must_use]
pub fn totals(verdicts: &BTreeMap<Verdict, u64>, code: ExitCode) -> String {
    let total: u64 = verdicts.values().sum();
    let parts: Vec<_> = verdicts
        .iter()
        .rev()
        .map(|(verdict, count)| format!("{count} {verdict}"))
        .collect();
    let said = if parts.is_empty() {
        "nothing ran".to_owned()
    } else {
        parts.join(", ")
    };
    let scenarios = if total == 1 { "scenario" } else { "scenarios" };
    format!("{total} {scenarios}: {said} (exit code {})", code.number())
}

/// Whether a verdict needs nobody's attention.
const fn is_fine(verdict: Verdict) -> bool {
    match verdict {
        Verdict::Pass | Verdict::Info | Verdict::Unsupported | Verdict::Disabled => true,
        Verdict::Warn | Verdict::Inconclusive | Verdict::Fail | Verdict::Error => false,
    }
}

fn diverged(divergence: &Divergence) -> String {
    let shown = |entry: &Option<Entry>| entry.as_ref().map_or("(the end)".to_owned(), line);
    format!(
        "  first difference at entry {}:\n  {HEADING}\n  {}\n  {}",
        divergence.index,
        shown(&divergence.first),
        shown(&divergence.second)
    )
}
