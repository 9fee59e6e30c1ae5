//! The command lines of everything that runs on real sockets.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use portcullis_agent::message::{CommandName, EnvironmentName, TaskId};

/// What every exit code of these commands means, for `--help`.
const EXIT_CODES: &str = "Exit codes:
  0   the task was completed; `serve` was stopped by a signal
  1   the task failed, was cancelled or was rejected
  2   nothing was done: the command line, the configuration, a port or the store
  3   the outcome is not known (yet): in doubt, interrupted, nobody answered, or no such task was
      sent from here
  70  what was said could not be written, or a bug in this program";

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
    #[command(after_help = EXIT_CODES)]
    Agent {
        /// The environment's configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,

        /// What to log on standard error, such as `info` or `portcullis_agent=debug`.
        #[arg(long, value_name = "FILTER", default_value = "info")]
        log: String,
    },
    /// One server of a farm of content deployment: SOAP service, upload and import; and, where it
    /// has content to deploy, the timer service that does so and its status page.
    #[command(after_help = EXIT_CODES)]
    WebService {
        /// The server's configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,

        /// What to log on standard error, such as `info` or `portcullis_web_service=debug`.
        #[arg(long, value_name = "FILTER", default_value = "info")]
        log: String,
    },
}

/// Send a task to the next environment and wait for its completion.
///
/// Runs the originator in the foreground, listener included, unless `serve agent` owns the store;
/// then the task is handed to that process. A foreground originator stays until this task has
/// ended, which with `--after` includes the one before it; the exit code is this task's. What
/// others left unfinished goes on meanwhile, and afterwards waits for the next start: `submit
/// resume` goes on until every task of the store has ended.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct SubmitArgs {
    // Global, as the others: they may stand before or after what is to be done. That is why none
    // can be required.
    /// The environment's configuration file. Required.
    #[arg(long, value_name = "FILE", global = true)]
    pub(super) config: Option<PathBuf>,

    /// What to log on standard error, such as `info` or `portcullis_agent=debug`.
    #[arg(long, value_name = "FILTER", default_value = "warn", global = true)]
    pub(super) log: String,

    /// The next environment; may be left out where there is only one.
    #[arg(long, value_name = "ENVIRONMENT", global = true)]
    pub(super) to: Option<EnvironmentName>,

    /// The task's id; repeating a submission with the same id is harmless.
    #[arg(long, value_name = "TASK", global = true)]
    pub(super) id: Option<TaskId>,

    /// Send it only when this task has been completed.
    #[arg(long, value_name = "TASK", global = true)]
    pub(super) after: Option<TaskId>,

    /// Let it run beside other tasks and out of their order.
    #[arg(long, global = true)]
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
    /// Submit nothing new; take up what is unfinished and wait until all of it has ended. The exit
    /// code is that of the worst.
    Resume,
}

/// Follow a task: its parts, then what the destination has recorded.
///
/// Asks the process that owns the store; where there is none, runs the originator in the foreground
/// until the task has ended. Other tasks go on meanwhile, and afterwards wait for the next start.
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

/// Stop a task that another environment sent here, before its work ends.
///
/// Asks the process that works on it, which has to run: `serve agent`. The environment that sent
/// the task is told that it was cancelled.
#[derive(Clone, Debug, Args)]
#[command(after_help = CANCEL_EXIT_CODES)]
pub struct CancelArgs {
    #[command(flatten)]
    pub(super) common: Common,

    /// The environment that sent it; needed only where several sent one of that id.
    #[arg(long, value_name = "ENVIRONMENT")]
    pub(super) from: Option<EnvironmentName>,

    /// The task.
    pub(super) task: TaskId,
}

const CANCEL_EXIT_CODES: &str = "Exit codes:
  0   the task is cancelled
  1   it is not: no such task was sent here, or its work has ended
  2   nothing was done: the command line or the configuration
  3   no agent answered for this configuration
  70  what was said could not be written, or a bug in this program";

/// Find out which direction of a link is closed, and which firewall rule would open it.
///
/// Every link has two directions, and each one is tried by a real connection from a dynamic port:
/// the forward one to the remote port of the later environment, which must greet back, and the
/// reverse one, which the later environment is asked to try, to the local port of the earlier one.
/// No task is sent. Run at the later environment, it tries the reverse direction alone.
///
/// For a direction that is closed it says what was seen, and prints the rule that is missing: as a
/// table, as lines for nftables, and as lines for Windows. The agent at the other end has to run;
/// where none runs here, the listeners are this command's for as long as it takes.
#[derive(Clone, Debug, Args)]
#[command(after_help = PREFLIGHT_EXIT_CODES)]
pub struct PreflightArgs {
    #[command(flatten)]
    pub(super) common: Common,

    /// The neighbour to try; every one without it.
    #[arg(long, value_name = "ENVIRONMENT")]
    pub(super) to: Option<EnvironmentName>,
}

const PREFLIGHT_EXIT_CODES: &str = "Exit codes:
  0   every direction is open
  1   something is missing
  2   nothing was tried: the command line, the configuration, a port that is taken, or the store
  3   the agent that runs for this configuration did not answer
  70  what was said could not be written, or a bug in this program";

/// Make the secret of a link: a file that only its owner can read.
///
/// 256 random bits as hexadecimal text. Both ends of a link name a copy of the file in `key_files`.
/// An existing file is left as it is.
#[derive(Clone, Debug, Args)]
#[command(after_help = NEW_KEY_EXIT_CODES)]
pub struct NewKeyArgs {
    /// The file to make.
    pub(super) file: PathBuf,
}

const NEW_KEY_EXIT_CODES: &str = "Exit codes:
  0   the file holds a new key
  2   nothing was done: the command line, or the file is there or cannot be made
  70  what was said could not be written, or a bug in this program";

/// Have the agent that runs read its key files again.
///
/// What the configuration file says under `key_files` takes effect at once, for messages from then
/// on; no connection and no task is disturbed. Nothing else of the file reaches a running agent. To
/// replace a key: make the new one and copy it to both ends; at both, name it second and renew; at
/// both, name it first and renew; at both, name it alone and renew.
#[derive(Clone, Debug, Args)]
#[command(after_help = RENEW_EXIT_CODES)]
pub struct RenewKeysArgs {
    #[command(flatten)]
    pub(super) common: Common,
}

const RENEW_EXIT_CODES: &str = "Exit codes:
  0   the agent holds the keys that the files say
  1   it does not: the configuration that it reads cannot be used
  2   nothing was done: the command line or the configuration
  3   no agent answered for this configuration
  70  what was said could not be written, or a bug in this program";
