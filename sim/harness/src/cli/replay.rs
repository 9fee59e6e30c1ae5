//! `portcullis replay`.

use std::fmt::Write;
use std::fs::OpenOptions;
use std::path::PathBuf;

use clap::Args;
use portcullis_reports::timeline::{HEADING, line};
use portcullis_reports::{Determinism, Event, Evidence, ExitCode};

use super::error::CliError;
use super::run::{style, write_report};
use super::{OneScenario, library, load_one, prepare_report, say};
use crate::check::explain;
use crate::engine::PacketDetail;
use crate::run::{Engine, attempt};
use crate::scenario::Plan;

/// What to replay.
#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    #[command(flatten)]
    one: OneScenario,
    /// The seed.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// The engine.
    #[arg(long, value_enum, default_value_t)]
    engine: Engine,
    /// Shows every packet; without it only those that a fault stopped.
    #[arg(long)]
    packets: bool,
    /// Writes every packet with its fate to this pcapng file.
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,
    /// Keeps the evidence in this directory.
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
}

pub(super) fn replay(args: &ReplayArgs) -> Result<ExitCode, CliError> {
    let library = library()?;
    let scenario = load_one(&library, &args.one)?;
    let plan = Plan::new(&scenario, args.seed);
    if let Some(reason) = args.engine.refusals(&plan).into_iter().next() {
        return Err(CliError::NotOffered {
            engine: args.engine.to_string(),
            scenario: scenario.name,
            reason,
        });
    }
    prepare_report(args.report.as_deref())?;
    if let Some(path) = &args.pcap {
        let opened = OpenOptions::new().append(true).create(true).open(path);
        opened.map_err(|source| CliError::Unwritable {
            path: path.clone(),
            source,
        })?;
    }
    let run = attempt(&plan, args.engine, PacketDetail::Capture);
    let mut text = format!("{plan}\n{HEADING}\n");
    let shown = run.history.iter().filter(|entry| match &entry.event {
        Event::Packet(packet) => args.packets || packet.by.is_some(),
        Event::Connection(_)
        | Event::Message(_)
        | Event::State(_)
        | Event::Write { .. }
        | Event::Effect { .. }
        | Event::Action { .. } => true,
    });
    for entry in shown {
        writeln!(text, "{}", line(entry)).expect("a String takes everything");
    }
    say(&text);
    let record = run.record(&plan, args.engine);
    let style = style(record.verdict);
    say(&format!(
        "{style}{}{style:#}  {}",
        record.verdict, record.scenario
    ));
    say(&explain(&record, &scenario.clauses, &run.history));
    say(&format!("  digest    {}", record.digest));
    if let Some(path) = &args.pcap {
        let capture = run.capture.as_deref().unwrap_or_default();
        std::fs::write(path, capture).map_err(|source| CliError::Write {
            path: path.clone(),
            source,
        })?;
    }
    let verdict = record.verdict;
    if let Some(report) = &args.report {
        let evidence = Evidence {
            history: &run.history,
            capture: run.capture.as_deref(),
            key_log: &run.key_log,
        };
        record.write_evidence(report, evidence)?;
        write_report(&library, record, report)?;
    }
    Ok(ExitCode::of([verdict], Determinism::Held))
}
