//! Runs many plans on all cores, one thread a run, with results in a fixed order.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use portcullis_reports::{CaseRecord, Entry, Evidence, RecordError, Verdict};

use super::case::{Attempt, Engine, attempt, disabled, unsupported};
use crate::engine::PacketDetail;
use crate::scenario::{Plan, Scenario};

/// What to run and how.
#[derive(Clone, Debug)]
pub struct Job<'s> {
    /// The scenarios, in the order of their results.
    pub scenarios: &'s [Scenario],
    /// The engine.
    pub engine: Engine,
    /// The first seed.
    pub seed: u64,
    /// How many seeds, counted up from the first.
    pub seeds: u64,
    /// How many threads.
    pub jobs: usize,
    /// How many runs are repeated to compare digests.
    pub repeats: Repeats,
    /// Where the evidence of every run goes, if it is kept.
    pub report: Option<PathBuf>,
    /// When it turns true no further run is begun; those under way are finished.
    pub stop: Arc<AtomicBool>,
}

/// Which runs are made twice, to see that the same seed gives the same run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeats {
    /// The first seed of each scenario, and one seed in a hundred.
    Sample,
    /// Every run.
    Every,
}

/// What came of one scenario under one seed.
#[derive(Debug)]
pub struct Done {
    /// The scenario, as an index into those of the job.
    pub scenario: usize,
    /// The seed.
    pub seed: u64,
    /// The verdict.
    pub verdict: Verdict,
    /// Whether the seed was to draw faults and none of them did anything.
    pub is_quiet: bool,
    /// The whole case: for everything but a pass without report.
    pub case: Option<Case>,
    /// The first difference between two runs of this seed, if they differed.
    pub divergence: Option<Divergence>,
    /// What went wrong when the evidence was written.
    pub trouble: Option<RecordError>,
}

/// A run with its evidence.
#[derive(Debug)]
pub struct Case {
    /// What is kept on disk.
    pub record: CaseRecord,
    /// Everything observable, with packets.
    pub history: Vec<Entry>,
}

/// Two runs of one seed that differ.
#[derive(Debug)]
pub struct Divergence {
    /// The index of the first entry that differs; beyond both when only packets differ.
    pub index: usize,
    /// The entry in the first run.
    pub first: Option<Entry>,
    /// The entry in the second run.
    pub second: Option<Entry>,
}

impl Job<'_> {
    /// How many runs there are, repeats not counted.
    #[must_use]
    pub fn len(&self) -> usize {
        let seeds = usize::try_from(self.seeds).unwrap_or(usize::MAX);
        self.scenarios.len().saturating_mul(seeds)
    }

    /// Whether there is nothing to run.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Runs everything and hands each result to `take`, in the order of scenarios, then seeds.
    pub fn run(&self, mut take: impl FnMut(Done)) {
        let next = AtomicUsize::new(0);
        // Bounded, so that a fast thread cannot fill memory with histories nobody has read.
        let (done, results) = mpsc::sync_channel(4 * self.jobs.max(1));
        thread::scope(|scope| {
            for _ in 0..self.jobs.max(1).min(self.len().max(1)) {
                let (done, next) = (done.clone(), &next);
                scope.spawn(move || {
                    while !self.stop.load(Ordering::Relaxed) {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        if index >= self.len() || done.send((index, self.one(index))).is_err() {
                            break;
                        }
                    }
                });
            }
            drop(done);
            let mut early = BTreeMap::new();
            let mut wanted = 0;
            for (index, result) in results {
                early.insert(index, result);
                while let Some(result) = early.remove(&wanted) {
                    take(result);
                    wanted += 1;
                }
            }
        });
    }

    fn one(&self, index: usize) -> Done {
        let seeds = usize::try_from(self.seeds.max(1)).unwrap_or(usize::MAX);
        let (scenario, nth) = (index / seeds, index % seeds);
        let seed = self.seed.wrapping_add(nth as u64);
        let chosen = &self.scenarios[scenario];
        let mut done = Done {
            scenario,
            seed,
            verdict: Verdict::Disabled,
            is_quiet: false,
            case: None,
            divergence: None,
            trouble: None,
        };
        if chosen.disabled().is_some() {
            let record = disabled(chosen, self.engine, seed);
            let history = Vec::new();
            done.case = Some(Case { record, history });
            return done;
        }
        let plan = Plan::new(chosen, seed);
        let refusals = self.engine.refusals(&plan);
        if !refusals.is_empty() {
            done.verdict = Verdict::Unsupported;
            let record = unsupported(&plan, self.engine, &refusals);
            let history = Vec::new();
            done.case = Some(Case { record, history });
            return done;
        }
        let mut run = attempt(&plan, self.engine, self.detail());
        if self.repeats == Repeats::Every || nth.is_multiple_of(100) {
            let again = attempt(&plan, self.engine, self.detail());
            if again.digest != run.digest {
                done.divergence = Some(diverge(&plan, self.engine));
            }
        }
        done.verdict = run.judgement.verdict;
        done.is_quiet = run.judgement.is_quiet;
        if self.report.is_none() && run.judgement.verdict == Verdict::Pass {
            return done;
        }
        if self.detail() == PacketDetail::Digest {
            // Once more with its packets, which the explanation shows.
            run = attempt(&plan, self.engine, PacketDetail::History);
        }
        let record = run.record(&plan, self.engine);
        if let Some(report) = &self.report {
            done.trouble = write(&record, &run, report).err();
        }
        let history = run.history;
        done.case = Some(Case { record, history });
        done
    }

    /// A report shows packets; otherwise only what does not pass is run again with them.
    const fn detail(&self) -> PacketDetail {
        if self.report.is_some() {
            PacketDetail::Capture
        } else {
            PacketDetail::Digest
        }
    }
}

fn write(record: &CaseRecord, run: &Attempt, report: &Path) -> Result<(), RecordError> {
    let evidence = Evidence {
        history: &run.history,
        capture: run.capture.as_deref(),
        key_log: &run.key_log,
    };
    record.write_evidence(report, evidence)
}

/// Where two fresh runs of `plan` part.
fn diverge(plan: &Plan, engine: Engine) -> Divergence {
    let first = attempt(plan, engine, PacketDetail::History).history;
    let second = attempt(plan, engine, PacketDetail::History).history;
    first_difference(&first, &second)
}

/// The first entry in which two histories differ.
#[must_use]
pub fn first_difference(first: &[Entry], second: &[Entry]) -> Divergence {
    let longest = first.len().max(second.len());
    let index = (0..longest).find(|index| first.get(*index) != second.get(*index));
    let index = index.unwrap_or(longest);
    Divergence {
        index,
        first: first.get(index).cloned(),
        second: second.get(index).cloned(),
    }
}
