//! The command lines of `serve`, `submit`, `watch` and `query`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use portcullis_agent::message::{CommandName, EnvironmentName, TaskId};

/// What every exit code of these commands means, for `--help`.
const EXIT_CODES: &str = "Exit codes:
  0   the task was completed; `serve` was stopped by a signal
  1   the task failed, was cancelled or was rejected
  2   nothing was done: the command line, the configuration, a port or the store
  3   the outcome is not known yet: in doubt, interrupted, or nobody answered
  70  a bug in this program";

/// Which file and how much to say.
#[derive(Clone, Debug, Args)]
pub(super) struct Common {
    /// The environment's configuration file.
    #[arg(long, value_name = "FILE")]
    pub(super) config: PathBuf,

    /// What to log on standard error, such as `info` or `portcullis_agent=debug`.
    #[arg(long, value_name = "FILTER", default_value = "warn")]
    pub(super) log: String,
}

/// Run an implementation on real sockets until a signal ends it.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct ServeArgs {
    #[command(subcommand)]
    pub(super) what: Served,
}

/// What can be served.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum Served {
    /// One environment of environment transfer, both roles.
    Agent {
        /// The environment's configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,

        /// What to log on standard error, such as `info` or `portcullis_agent=debug`.
        #[arg(long, value_name = "FILTER", default_value = "info")]
        log: String,
    },
}

/// Send a task to the next environment and wait for its completion.
///
/// Runs the originator in the foreground, listener included, unless `serve agent` owns the store;
/// then the task is handed to that process. A foreground originator stays until every task of the
/// store has ended, and takes up what an earlier one left unfinished.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct SubmitArgs {
    #[command(flatten)]
    pub(super) common: Common,

    /// The next environment; may be left out where there is only one.
    #[arg(long, value_name = "ENVIRONMENT")]
    pub(super) to: Option<EnvironmentName>,

    /// The task's id; repeating a submission with the same id is harmless.
    #[arg(long, value_name = "TASK")]
    pub(super) id: Option<TaskId>,

    /// Send it only when this task has been completed.
    #[arg(long, value_name = "TASK")]
    pub(super) after: Option<TaskId>,

    /// Let it run beside other tasks and out of their order.
    #[arg(long)]
    pub(super) independent: bool,

    #[command(subcommand)]
    pub(super) order: OrderArgs,
}

/// What is to be done.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum OrderArgs {
    /// Carry the files of a directory.
    Transfer {
        /// The directory.
        directory: PathBuf,
    },
    /// Run a deploy command of the destination's configuration.
    Deploy {
        /// Its name there.
        command: CommandName,
    },
    /// Run an execute command of the destination's configuration.
    Execute {
        /// Its name there.
        command: CommandName,
    },
    /// Submit nothing new; take up what is unfinished and wait until all of it has ended.
    Resume,
}

/// Follow a task: its parts, then what the destination has recorded.
///
/// Asks the process that owns the store; where there is none, runs the originator in the foreground
/// until the task has ended.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct WatchArgs {
    #[command(flatten)]
    pub(super) common: Common,

    /// The task.
    pub(super) task: TaskId,
}

/// Ask the destination of a task once for its recorded state.
///
/// Goes through the process that owns the store; where there is none, runs the originator in the
/// foreground for as long as the answer takes.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct QueryArgs {
    #[command(flatten)]
    pub(super) common: Common,

    /// The task.
    pub(super) task: TaskId,
}
