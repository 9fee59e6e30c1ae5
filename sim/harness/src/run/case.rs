//! One run: a plan on an engine, judged.

use std::borrow::Cow;
use std::fmt;
use std::path::{Component, Path};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use portcullis_reports::{CaseRecord, Entry, Event, Fields, Source, Verdict};

use super::compile::{following, origin, run_spec};
use crate::check::{Checks, HITS, Judgement, MISSED, judge, judge_followed};
use crate::engine::{self, End, Hits, Missed, PacketDetail, RunOutcome, RunSpec};
use crate::scenario::{Plan, Scenario};

/// Who executes a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Engine {
    /// All hosts and the packet-level network in one event queue.
    #[default]
    Packet,
    /// Every host a host of turmoil, every packet a datagram of turmoil's network.
    Turmoil,
}

impl Engine {
    /// Every engine, the default one first.
    pub const ALL: &[Self] = &[Self::Packet, Self::Turmoil];

    /// As written on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Packet => "packet",
            Self::Turmoil => "turmoil",
        }
    }

    /// Executes a run.
    #[must_use]
    pub fn run(self, spec: RunSpec) -> RunOutcome {
        match self {
            Self::Packet => engine::packet::run(spec),
            Self::Turmoil => engine::turmoil::run(spec),
        }
    }

    /// Why this engine does not run `plan`; empty when it does.
    #[must_use]
    pub fn refusals(self, plan: &Plan) -> Vec<String> {
        match self {
            Self::Packet => Vec::new(),
            Self::Turmoil => {
                let spec = run_spec(plan, PacketDetail::Digest);
                let longest = plan.last_moment();
                let reasons = engine::turmoil::unsupported(&spec.topology, &spec.steps, longest);
                reasons.iter().map(ToString::to_string).collect()
            }
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One run of one plan, with its evidence.
#[derive(Debug)]
pub struct Attempt {
    /// Everything observable, closed by what the faults hit and which steps did nothing.
    pub history: Vec<Entry>,
    /// The digest over every event.
    pub digest: u128,
    /// The capture as pcapng, when one was asked for.
    pub capture: Option<Vec<u8>>,
    /// The secrets of the run's TLS sessions, in the format of `SSLKEYLOGFILE`; empty without TLS.
    pub key_log: String,
    /// Simulated time from start to end.
    pub elapsed: Duration,
    /// What the checks made of it.
    pub judgement: Judgement,
}

/// Runs `plan` on `engine` and judges it.
#[must_use]
pub fn attempt(plan: &Plan, engine: Engine, packets: PacketDetail) -> Attempt {
    let checks = Arc::new(Mutex::new(Checks::new(plan)));
    let outcome = engine.run(following(plan, packets, Arc::clone(&checks)));
    let mut checks = checks.lock().unwrap_or_else(PoisonError::into_inner);
    settle(plan, outcome, |history, end, error| match engine {
        // What followed the run need not read the history again.
        Engine::Packet => {
            let judgement = judge_followed(plan, &mut checks, history, end, error);
            debug_assert_eq!(
                judgement,
                judge(plan, history, end, error),
                "a judge is pure"
            );
            judgement
        }
        // This engine puts its history in order only at the end.
        Engine::Turmoil => judge(plan, history, end, error),
    })
}

/// Judges what an engine made of `plan`, perhaps with a [`RunSpec`] that a test has tampered with.
#[must_use]
pub fn judged(plan: &Plan, outcome: RunOutcome) -> Attempt {
    settle(plan, outcome, |history, end, error| {
        judge(plan, history, end, error)
    })
}

/// Closes the history of a run and has it judged.
fn settle(
    plan: &Plan,
    outcome: RunOutcome,
    judge: impl FnOnce(&[Entry], Duration, Option<&str>) -> Judgement,
) -> Attempt {
    let RunOutcome {
        mut history,
        digest,
        capture,
        key_log,
        end,
        elapsed,
        hits,
        missed,
    } = outcome;
    history.extend(hit_entries(&hits, elapsed));
    history.extend(missed_entries(plan, &missed, elapsed));
    let error = match end {
        End::Finished | End::Deadline => None,
        End::Error(error) => Some(error.to_string()),
    };
    let judgement = judge(&history, elapsed, error.as_deref());
    Attempt {
        history,
        digest,
        capture,
        key_log,
        elapsed,
        judgement,
    }
}

impl Attempt {
    /// What is kept of it on disk.
    #[must_use]
    pub fn record(&self, plan: &Plan, engine: Engine) -> CaseRecord {
        CaseRecord {
            verdict: self.judgement.verdict,
            findings: self.judgement.findings.clone(),
            digest: format!("{:032x}", self.digest),
            entries: self.history.len(),
            simulated_ms: u64::try_from(self.elapsed.as_millis()).unwrap_or(u64::MAX),
            engine: engine.name().to_owned(),
            seed: plan.seed,
            replay: replay_line(&plan.name, engine, plan.seed),
            plan: plan.to_string(),
            ..blank(
                &plan.name,
                plan.title(),
                plan.top.text("why"),
                plan.clause_ids(),
            )
        }
    }
}

/// The record of a scenario that is switched off.
#[must_use]
pub fn disabled(scenario: &Scenario, engine: Engine, seed: u64) -> CaseRecord {
    let clauses = scenario.clause_ids();
    CaseRecord {
        verdict: Verdict::Disabled,
        engine: engine.name().to_owned(),
        seed,
        replay: replay_line(&scenario.name, engine, seed),
        ..blank(
            &scenario.name,
            scenario.title(),
            scenario.disabled(),
            clauses,
        )
    }
}

/// The record of a plan that `engine` does not run.
pub(super) fn unsupported(plan: &Plan, engine: Engine, refusals: &[String]) -> CaseRecord {
    let why = format!("{engine} does not offer it: {}", refusals.join("; "));
    CaseRecord {
        verdict: Verdict::Unsupported,
        engine: engine.name().to_owned(),
        seed: plan.seed,
        replay: replay_line(&plan.name, engine, plan.seed),
        plan: plan.to_string(),
        ..blank(&plan.name, plan.title(), Some(&why), plan.clause_ids())
    }
}

/// The command that shows a run again.
#[must_use]
pub fn replay_line(scenario: &str, engine: Engine, seed: u64) -> String {
    let engine = match engine {
        Engine::Packet => String::new(),
        Engine::Turmoil => " --engine turmoil".to_owned(),
    };
    let scenario = if scenario.contains(|c: char| c.is_whitespace() || c == '\'') {
        format!("{scenario:?}")
    } else {
        scenario.to_owned()
    };
    format!("portcullis replay {scenario}{engine} --seed {seed}")
}

fn blank(name: &str, title: &str, why: Option<&str>, clauses: &[String]) -> CaseRecord {
    // The name becomes a path below the report: one of a file elsewhere must not lead out of it.
    let parts = Path::new(name).components().filter_map(|part| match part {
        Component::Normal(part) => part.to_str(),
        Component::Prefix(_) | Component::RootDir | Component::CurDir | Component::ParentDir => {
            None
        }
    });
    let scenario = parts.collect::<Vec<_>>().join("/");
    CaseRecord {
        scenario: scenario.trim_end_matches(".toml").to_owned(),
        title: title.to_owned(),
        why: why.unwrap_or_default().to_owned(),
        clauses: clauses.to_vec(),
        engine: String::new(),
        seed: 0,
        verdict: Verdict::Pass,
        findings: Vec::new(),
        digest: String::new(),
        entries: 0,
        simulated_ms: 0,
        replay: String::new(),
        plan: String::new(),
    }
}

/// What each fault hit, as entries that close the history: the verdict is a function of the history
/// alone, and packets need not be part of it.
fn hit_entries(hits: &Hits, at: Duration) -> Vec<Entry> {
    let kinds = [
        ("rule", &hits.rules),
        ("partition", &hits.partitions),
        ("hold", &hits.holds),
        ("middlebox", &hits.middleboxes),
    ];
    let counts = kinds
        .into_iter()
        .flat_map(|(kind, counts)| counts.iter().map(move |(name, count)| (kind, name, *count)));
    counts
        .map(|(kind, name, packets)| Entry {
            at,
            host: Cow::Borrowed(""),
            source: Source::Harness,
            event: Event::Action {
                name: Cow::Borrowed(HITS),
                fields: Fields::from([
                    (Cow::Borrowed(kind), name.clone()),
                    (Cow::Borrowed("packets"), packets.to_string()),
                ]),
            },
        })
        .collect()
}

/// The steps of the file that had no effect, each once, likewise.
fn missed_entries(plan: &Plan, missed: &[Missed], at: Duration) -> Vec<Entry> {
    let mut lines = Vec::new();
    for step in missed {
        let Some(table) = origin(plan, step.step).filter(|table| !table.flag("optional")) else {
            continue;
        };
        let line = plan.line(table);
        if !lines.iter().any(|(known, _)| *known == line) {
            lines.push((line, step.why));
        }
    }
    let entry = |(line, why): (usize, &str)| Entry {
        at,
        host: Cow::Borrowed(""),
        source: Source::Harness,
        event: Event::Action {
            name: Cow::Borrowed(MISSED),
            fields: Fields::from([
                (Cow::Borrowed("on-line"), line.to_string()),
                (Cow::Borrowed("why"), why.to_owned()),
            ]),
        },
    };
    lines.into_iter().map(entry).collect()
}
