//! Our implementations on real sockets: `serve`, and what an operator does with it.
//!
//! One process owns an environment's store: `serve agent`, or one of the others in the foreground,
//! which is the environment without a service of ET-4. It holds the listeners and opens a control
//! channel on loopback, where the commands of other processes reach it.
//!
//! ET-77: no account is asked for and no privilege is needed, so that an operator can run each
//! environment under an identity of its own, apart from the developers'.
//!
//! # Module map
//! - [`ServeArgs`], [`SubmitArgs`], [`WatchArgs`], [`QueryArgs`], [`CancelArgs`],
//!   [`PreflightArgs`], [`NewKeyArgs`], [`RenewKeysArgs`]: the command lines.
//! - [`Settings`]: the configuration file; [`reference()`]: its keys. `secret`: files that hold
//!   keys.
//! - `owner`: the process that owns the store. `errand`: commands that need one, `remote` where it
//!   is there, `foreground` where it is not. `hearing`: when it may end.
//! - `control`: the channel. `sight`, `screen`, `trouble`: what a watcher sees.
//! - [`web_service`]: a server of an import farm of content deployment.
//! - `preflight`: which direction of a link is closed, and the rule that would open it.

mod args;
mod control;
mod errand;
mod foreground;
mod hearing;
mod keys;
mod owner;
mod preflight;
mod remote;
mod screen;
mod secret;
mod settings;
mod sight;
mod state_directory;
mod trouble;
pub mod web_service;

use std::error::Error;
use std::future::Future;
use std::io::{IsTerminal as _, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;

use portcullis_agent::Agent;
use portcullis_agent::message::{Outcome, TaskId};
use portcullis_agent::state::Settled;
use portcullis_agent::work::Work;
use portcullis_net::Net;
use portcullis_store::Store;

use crate::output::say;
use crate::scenario::Ink;

use args::{OrderArgs, Served};
use control::{Ask, ControlError, Ordered, Submission};
use owner::{OwnError, Owner, Tenure};
use screen::Screen;
use sight::Sight;
use web_service::FarmSettings;

pub use args::{
    CancelArgs, NewKeyArgs, PreflightArgs, QueryArgs, RenewKeysArgs, ServeArgs, SubmitArgs,
    WatchArgs,
};
pub use keys::reference;
pub use settings::{Settings, SettingsError};

/// How these commands end; the codes are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    /// The task was completed.
    Completed,
    /// The task failed, was cancelled or was rejected.
    Failed,
    /// Nothing was done.
    Usage,
    /// The outcome is not known yet.
    InDoubt,
    /// This program is wrong.
    Bug,
}

impl Exit {
    /// The one to end with: a failure weighs more than doubt, and doubt more than success.
    const fn worse(self, other: Self) -> Self {
        match (self, other) {
            (Self::Failed, _) | (_, Self::Failed) => Self::Failed,
            (Self::Completed, exit) | (exit, _) => exit,
        }
    }

    const fn of(settled: Settled) -> Self {
        match settled {
            Settled::Ended(Outcome::Succeeded) => Self::Completed,
            Settled::Ended(Outcome::Failed(_) | Outcome::Cancelled) | Settled::Rejected(_) => {
                Self::Failed
            }
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Completed => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::InDoubt => 3,
            Exit::Bug => 70,
        })
    }
}

impl ServeArgs {
    /// Serves until SIGINT or SIGTERM.
    #[must_use]
    pub fn run(self) -> ExitCode {
        match self.what {
            Served::Agent { config, log } => run(&config, &log, serve_agent),
            Served::WebService { config, log } => {
                run_with(FarmSettings::read, &config, &log, web_service::serve)
            }
        }
    }
}

impl SubmitArgs {
    /// Submits and waits for the outcome.
    #[must_use]
    pub fn run(self) -> ExitCode {
        let Some(config) = self.config.clone() else {
            return complain("the environment's configuration is missing: --config FILE").into();
        };
        let log = self.log.clone();
        run(&config, &log, async |settings| {
            let ask = match self.ask(&settings) {
                Ok(ask) => ask,
                Err(problem) => return complain(&problem),
            };
            errand::submit(&settings, ask).await
        })
    }

    /// What the command line asks for, or what is wrong with it.
    fn ask(self, settings: &Settings) -> Result<Ask, String> {
        let order = match self.order {
            OrderArgs::Resume => return Ok(Ask::Resume),
            OrderArgs::Deploy { command } => Ordered::Deploy(command),
            OrderArgs::Execute { command } => Ordered::Execute(command),
            OrderArgs::Transfer { directory } => {
                // The process that reads it may have another working directory.
                let absolute = directory.canonicalize();
                let absolute = absolute
                    .map_err(|error| format!("cannot read {}: {error}", directory.display()))?;
                let text = absolute.into_os_string().into_string();
                Ordered::Transfer(text.map_err(|_| "the directory's path is not UTF-8")?)
            }
        };
        let to = match (self.to, settings.agent.later.as_slice()) {
            (Some(to), _) => to,
            (None, [only]) => only.name.clone(),
            (None, []) => return Err("this environment has no later environment".into()),
            (None, _) => {
                return Err("there are several later environments: name one by --to".into());
            }
        };
        Ok(Ask::Submit(Submission {
            to,
            order,
            // Chosen here, so that the same submission may be put to a second owner.
            id: Some(match self.id {
                Some(id) => id,
                None => new_id()?,
            }),
            after: self.after,
            independent: self.independent,
        }))
    }
}

/// An id that nobody else chooses.
fn new_id() -> Result<TaskId, String> {
    let text = secret::random_text().map_err(|error| error.to_string())?;
    let half = text.get(..32).unwrap_or(&text);
    TaskId::new(half).map_err(|error| error.to_string())
}

impl WatchArgs {
    /// Watches until the task has ended.
    #[must_use]
    pub fn run(self) -> ExitCode {
        run(&self.common.config, &self.common.log, async |settings| {
            errand::watch(&settings, self.task).await
        })
    }
}

impl QueryArgs {
    /// Asks once.
    #[must_use]
    pub fn run(self) -> ExitCode {
        run(&self.common.config, &self.common.log, async |settings| {
            errand::query(&settings, self.task).await
        })
    }
}

impl PreflightArgs {
    /// Tries the links.
    #[must_use]
    pub fn run(self) -> ExitCode {
        run(
            &self.common.config,
            &self.common.log,
            async |settings| match Owner::start(&settings, Tenure::Errand).await {
                Ok(owner) => preflight::foreground(owner, &settings, self.to).await,
                Err(OwnError::Owned) => preflight::remote(&settings, self.to).await,
                Err(error) => complain(&words_of(&error)),
            },
        )
    }
}

impl CancelArgs {
    /// Has the process that works on the task stop it.
    #[must_use]
    pub fn run(self) -> ExitCode {
        run(&self.common.config, &self.common.log, async |settings| {
            remote::cancel(&settings, self.from, self.task).await
        })
    }
}

impl RenewKeysArgs {
    /// Has the process that serves the environment read them.
    #[must_use]
    pub fn run(self) -> ExitCode {
        run(&self.common.config, &self.common.log, async |settings| {
            remote::renew_keys(&settings).await
        })
    }
}

impl NewKeyArgs {
    /// Writes the file.
    #[must_use]
    pub fn run(self) -> ExitCode {
        let file = self.file.display();
        let exit = match secret::create(&self.file) {
            Ok(()) => {
                say(&format!(
                    "{file} holds a new key; both ends of one link need a copy, and nobody else"
                ));
                Exit::Completed
            }
            Err(error) => complain(&format!("cannot make {file}: {error}")),
        };
        exit.into()
    }
}

/// As [`run_with`], for the configuration of an environment.
fn run<F: Future<Output = Exit>>(
    config: &Path,
    log: &str,
    body: impl FnOnce(Settings) -> F,
) -> ExitCode {
    run_with(Settings::read, config, log, body)
}

/// Reads the configuration, starts a runtime, and turns a panic into its exit code.
fn run_with<S, F: Future<Output = Exit>>(
    read: impl FnOnce(&Path) -> Result<S, SettingsError>,
    config: &Path,
    log: &str,
    body: impl FnOnce(S) -> F,
) -> ExitCode {
    if let Err(problem) = start_log(log) {
        return complain(&problem).into();
    }
    let settings = match read(config) {
        Ok(settings) => settings,
        Err(error) => {
            let ink = if std::io::stderr().is_terminal() {
                Ink::Colored
            } else {
                Ink::Plain
            };
            return complain(error.render(ink).trim_end()).into();
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return complain(&format!("the system gives no threads: {error}")).into(),
    };
    catch_unwind(AssertUnwindSafe(|| runtime.block_on(body(settings))))
        .unwrap_or(Exit::Bug)
        .into()
}

/// Logs go to standard error; what a command says goes to standard output.
fn start_log(filter: &str) -> Result<(), String> {
    let filter = tracing_subscriber::EnvFilter::try_new(filter)
        .map_err(|error| format!("--log: {error}"))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .try_init()
        .map_err(|error| error.to_string())
}

async fn serve_agent(settings: Settings) -> Exit {
    let mut signal = match Signals::listen() {
        Ok(signal) => signal,
        Err(error) => return complain(&format!("cannot listen for signals: {error}")),
    };
    let owner = match Owner::start(&settings, Tenure::Service).await {
        Ok(owner) => owner,
        Err(error) => return complain(&words_of(&error)),
    };
    say(&format!("{} is ready", settings.agent.name));
    signal.wait().await;
    owner.stop().await;
    Exit::Completed
}

/// The signals that end a process: SIGINT and SIGTERM.
#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    /// From here on they do not kill the process.
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for the first of them.
    async fn wait(&mut self) {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
        tracing::info!("stopping");
    }
}

/// What ends a process: Ctrl-C.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn wait(&mut self) {
        if tokio::signal::ctrl_c().await.is_ok() {
            tracing::info!("stopping");
        }
    }
}

/// The tasks that are not in a final state.
async fn open_tasks<N: Net, S: Store, W: Work>(agent: &Agent<N, S, W>) -> Vec<TaskId> {
    let tasks = agent.tasks().await.into_iter();
    let open = tasks.filter(|(_, progress)| !progress.state.is_final());
    open.map(|(task, _)| task).collect()
}

/// Shows what a status query found, and what that means for the exit code.
fn show_answer(task: TaskId, sight: &Sight) -> Exit {
    Screen::new(task).show(sight);
    match sight {
        Sight::Recorded(recorded) => recorded
            .outcome
            .map_or(Exit::InDoubt, |outcome| Exit::of(Settled::Ended(outcome))),
        Sight::Progress(_)
        | Sight::Trouble { .. }
        | Sight::NotRecorded
        | Sight::NotSent
        | Sight::NoAnswer { .. } => Exit::InDoubt,
    }
}

/// Nobody answered: what became of the task is not known here.
fn nobody(error: &ControlError) -> Exit {
    complain(&words_of(error));
    Exit::InDoubt
}

/// Says what is wrong.
fn complain(problem: &str) -> Exit {
    drop(writeln!(anstream::stderr(), "portcullis: {problem}"));
    Exit::Usage
}

/// An error and everything behind it, in one line.
fn words_of(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        words.push_str(": ");
        words.push_str(&error.to_string());
        source = error.source();
    }
    words
}
