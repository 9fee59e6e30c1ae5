//! The program `portcullis`: its command line.
//!
//! # Module map
//! - [`Cli`], [`main`]: arguments and dispatch.
//! - `run`, `look` (list, show, check), `replay`: what runs or explains scenarios. `serve` and
//!   what works with it on real sockets are [`crate::serve`]'s.
//! - `error`: what can go wrong before anything runs.

mod error;
mod interrupt;
mod look;
mod replay;
mod run;

use std::io::{self, Write};
use std::path::Path;
use std::process;

use clap::{Args, Parser, Subcommand};
use portcullis_reports::{ExitCode, RunRecord};

use crate::output::{say, unwritten};
use crate::protocols::PROTOCOLS;
use crate::scenario::{Ink, Library, LibraryError, Scenario, reference};
use crate::serve::web_service::{DeploymentArgs, PackArgs};
use crate::serve::{
    CancelArgs, NewKeyArgs, PreflightArgs, QueryArgs, RenewKeysArgs, ServeArgs, SubmitArgs,
    WatchArgs,
};
pub use error::CliError;

const EXIT_CODES: &str = "\
Exit codes of everything about scenarios, the worst first when several apply; commands on real
sockets (serve, submit, watch, query, cancel, preflight, new-key, renew-keys, deployment) have their
own, which `portcullis COMMAND --help` lists:
  70  the harness failed: says nothing about the implementation
   5  the same seed gave two different runs: no verdict can be trusted
   1  at least one MUST is broken (FAIL)
 130  interrupted by Ctrl-C: what was done until then is printed and kept
   3  at least one scenario could not be judged (INCONCLUSIVE), none failed
   4  nothing ran
   0  everything passed; WARN (a broken SHOULD), INFO, UNSUPPORTED and DISABLED count as passed
   2  the command line or a scenario file is wrong, so nothing was run";

/// Runs protocol scenarios in a simulated network with firewalls, latency, partitions and crashes,
/// and judges them clause by clause. Without a command it runs every scenario there is.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs scenarios and prints their verdicts.
    #[command(after_help = EXIT_CODES)]
    Run(run::RunArgs),
    /// Lists the scenarios with their clauses.
    List(look::ListArgs),
    /// Shows a scenario: its claim, its clauses in words, and the plan of one seed.
    Show(look::ShowArgs),
    /// Checks scenario files and reports everything that is wrong with them.
    Check(look::CheckArgs),
    /// Runs one scenario under one seed and prints its timeline.
    #[command(after_help = EXIT_CODES)]
    Replay(replay::ReplayArgs),
    /// Runs one of our implementations on real sockets.
    Serve(ServeArgs),
    /// Submits a task to the next environment and waits for its outcome.
    Submit(SubmitArgs),
    /// Shows how far a task has come until it has ended.
    Watch(WatchArgs),
    /// Asks the next environment what it has recorded about a task.
    Query(QueryArgs),
    Cancel(CancelArgs),
    Preflight(PreflightArgs),
    NewKey(NewKeyArgs),
    RenewKeys(RenewKeysArgs),
    Pack(PackArgs),
    Deployment(DeploymentArgs),
    /// Prints the JSON Schema of scenario files, for editors.
    Schema,
    /// Prints the reference page of the keys of scenario files, as Markdown.
    Keys {
        /// Of the configurations of `serve agent` instead.
        #[arg(long, conflicts_with = "web_service")]
        agent: bool,
        /// Of the configurations of `serve web-service` instead.
        #[arg(long)]
        web_service: bool,
    },
}

/// Which scenario.
#[derive(Debug, Args)]
struct OneScenario {
    /// A scenario's name (the last part is enough when it is unique), or the path of a file.
    scenario: String,
}

/// Runs the program and returns the code of its end.
#[must_use]
pub fn main() -> process::ExitCode {
    let code = carry_out(Cli::parse().command);
    match unwritten() {
        Some(error) => {
            complain(&format!("error: cannot write to standard output: {error}"));
            process::ExitCode::from(ExitCode::Harness.number())
        }
        None => code,
    }
}

fn carry_out(command: Option<Command>) -> process::ExitCode {
    let result = match command {
        Some(Command::Serve(args)) => return args.run(),
        Some(Command::Submit(args)) => return args.run(),
        Some(Command::Watch(args)) => return args.run(),
        Some(Command::Query(args)) => return args.run(),
        Some(Command::Cancel(args)) => return args.run(),
        Some(Command::Preflight(args)) => return args.run(),
        Some(Command::NewKey(args)) => return args.run(),
        Some(Command::RenewKeys(args)) => return args.run(),
        Some(Command::Pack(args)) => return args.run(),
        Some(Command::Deployment(args)) => return args.run(),
        None => run::run(&run::RunArgs::default()),
        Some(Command::Run(args)) => run::run(&args),
        Some(Command::List(args)) => look::list(&args),
        Some(Command::Show(args)) => look::show(&args),
        Some(Command::Check(args)) => look::check(&args),
        Some(Command::Replay(args)) => replay::replay(&args),
        Some(Command::Schema) => {
            say(&reference::json_schema(PROTOCOLS));
            Ok(ExitCode::Pass)
        }
        Some(Command::Keys { agent, web_service }) => {
            let page = match (agent, web_service) {
                (true, _) => crate::serve::reference(),
                (false, true) => crate::serve::web_service::reference(),
                (false, false) => reference::page(PROTOCOLS),
            };
            say(&page);
            Ok(ExitCode::Pass)
        }
    };
    let code = result.unwrap_or_else(|error| {
        error.print();
        error.code()
    });
    process::ExitCode::from(code.number())
}

/// The scenarios of the checkout around the working directory, or the embedded ones.
fn library() -> Result<Library, CliError> {
    let here = std::env::current_dir().map_err(CliError::WorkingDirectory)?;
    Ok(Library::find(&here, PROTOCOLS.to_vec())?)
}

/// The loaded scenarios that `patterns` mean; all of them when there is none.
fn load(library: &Library, patterns: &[String]) -> Result<Vec<Scenario>, CliError> {
    let (files, unreadable) = library.select(patterns);
    let is_glob = |error: &LibraryError| matches!(error, LibraryError::NoMatch { pattern, .. } if pattern.contains(['*', '?']));
    if files.is_empty() && !unreadable.is_empty() && unreadable.iter().all(is_glob) {
        return Err(CliError::NothingMatches(unreadable));
    }
    let (scenarios, wrong) = library.load_all(&files);
    if wrong.is_empty() && unreadable.is_empty() {
        Ok(scenarios)
    } else {
        Err(CliError::Scenarios { unreadable, wrong })
    }
}

fn load_one(library: &Library, one: &OneScenario) -> Result<Scenario, CliError> {
    let mut scenarios = load(library, std::slice::from_ref(&one.scenario))?;
    match (scenarios.pop(), scenarios.len()) {
        (Some(scenario), 0) => Ok(scenario),
        (_, others) => Err(CliError::NotOne {
            pattern: one.scenario.clone(),
            count: others + 1,
        }),
    }
}

/// Makes room for evidence in `report`, before it takes a run to make it.
fn prepare_report(report: Option<&Path>) -> Result<(), CliError> {
    let Some(path) = report else {
        return Ok(());
    };
    std::fs::create_dir_all(path).map_err(|source| CliError::Unwritable {
        path: path.to_owned(),
        source,
    })?;
    Ok(RunRecord::clear(path)?)
}

/// Prints to standard error likewise.
fn complain(text: &str) {
    writeln!(anstream::stderr().lock(), "{text}").ok();
}

/// Whether standard error shows colours.
fn ink() -> Ink {
    match anstream::AutoStream::choice(&io::stderr()) {
        anstream::ColorChoice::Never => Ink::Plain,
        anstream::ColorChoice::Auto
        | anstream::ColorChoice::AlwaysAnsi
        | anstream::ColorChoice::Always => Ink::Colored,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_help_lists_every_exit_code_worst_first() {
        let order = ["70", "5", "1", "130", "3", "4", "0", "2"];
        let places: Vec<_> = order
            .iter()
            .map(|code| {
                EXIT_CODES
                    .find(&format!(" {code}  "))
                    .expect("every code is listed")
            })
            .collect();
        assert!(places.is_sorted());
    }
}
