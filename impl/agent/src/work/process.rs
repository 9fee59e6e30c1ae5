//! The real executor: processes of the operating system.

mod group;
mod left;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;
use tokio::time::timeout;

use self::group::Group;
use super::{Executor, Job};
use crate::message::{CommandName, FailureReason, Outcome};

/// A command of the destination's configuration: a program and its arguments, passed as they are.
/// No shell reads them, and no message can add to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandLine {
    /// The program, looked up as the operating system does.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Where it runs; `None` is the agent's own directory.
    pub directory: Option<PathBuf>,
}

/// The most that is kept of what a command writes, of each of its two streams. 64 KiB: what comes
/// last is kept, because that is where commands say why they failed.
pub const OUTPUT_OCTETS_MAX: usize = 64 * 1024;

/// What a command wrote, as far as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Captured {
    /// The end of its standard output.
    pub output: Vec<u8>,
    /// The end of its standard error.
    pub errors: Vec<u8>,
}

/// Receives what each command wrote, when it has ended.
type OnOutput = Arc<dyn Fn(&Job, &Captured) + Send + Sync>;

/// Runs the configured commands as processes.
///
/// A command finds the task and its sender in the environment variables `PORTCULLIS_TASK` and
/// `PORTCULLIS_FROM`. It succeeds when it exits with 0. When its task is cancelled, or the agent
/// stops, the process is killed, on Unix with everything that it started and that stayed in its
/// process group. What it leaves behind when it ends by itself goes on.
///
/// When the agent itself is killed, its processes go on. With [`Processes::marked`] the next agent
/// finds and kills them, on Linux, before it reports their work as interrupted or begins it again.
#[derive(Clone)]
pub struct Processes {
    commands: Arc<BTreeMap<CommandName, CommandLine>>,
    mark: Option<Arc<str>>,
    on_output: OnOutput,
}

impl Processes {
    /// An executor of the given commands.
    #[must_use]
    pub fn new(commands: BTreeMap<CommandName, CommandLine>) -> Self {
        Self {
            commands: Arc::new(commands),
            mark: None,
            on_output: Arc::new(|_, _| {}),
        }
    }

    /// The same, with a receiver of what commands write; without one it is dropped.
    #[must_use]
    pub fn with_output(self, on_output: impl Fn(&Job, &Captured) + Send + Sync + 'static) -> Self {
        Self {
            on_output: Arc::new(on_output),
            ..self
        }
    }

    /// The same, with a mark that tells this agent's processes from all others of the host, such as
    /// the path of its store. A command finds it in the environment variable `PORTCULLIS_AGENT`.
    #[must_use]
    pub fn marked(self, mark: &str) -> Self {
        Self {
            mark: Some(mark.into()),
            ..self
        }
    }

    /// What the environment of a job's processes holds.
    fn environment(&self, job: &Job) -> Vec<(&'static str, String)> {
        let mut variables = vec![
            ("PORTCULLIS_TASK", job.task.to_string()),
            ("PORTCULLIS_FROM", job.from.to_string()),
        ];
        variables.extend(
            self.mark
                .iter()
                .map(|mark| ("PORTCULLIS_AGENT", mark.as_ref().to_owned())),
        );
        variables
    }

    async fn run_line(&self, job: &Job, line: &CommandLine) -> Outcome {
        let mut command = Command::new(&line.program);
        command
            .args(&line.arguments)
            .envs(self.environment(job))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if let Some(directory) = &line.directory {
            command.current_dir(directory);
        }
        group::lead(&mut command);
        let Ok(mut child) = command.spawn() else {
            return Outcome::Failed(FailureReason::CommandNotStarted);
        };
        // ET-54: work that is reported as interrupted does not go on behind the report.
        let group = Group::of(&child);
        let (mut output, mut errors) = (Vec::new(), Vec::new());
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let ended = {
            let reading = async {
                tokio::join!(keep_end(stdout, &mut output), keep_end(stderr, &mut errors));
            };
            tokio::pin!(reading);
            let ended = tokio::select! {
                biased;
                () = &mut reading => child.wait().await,
                ended = child.wait() => {
                    // What the process left behind may hold its streams open for ever.
                    drop(timeout(Duration::from_secs(1), reading).await);
                    ended
                }
            };
            ended
        };
        group.ended();
        (self.on_output)(job, &Captured { output, errors });
        match ended {
            Ok(status) if status.success() => Outcome::Succeeded,
            Ok(_) | Err(_) => Outcome::Failed(FailureReason::CommandFailed),
        }
    }
}

impl Executor for Processes {
    fn knows(&self, command: &CommandName) -> bool {
        self.commands.contains_key(command)
    }

    async fn run(&self, job: &Job, command: &CommandName) -> Outcome {
        match self.commands.get(command) {
            Some(line) => self.run_line(job, line).await,
            None => Outcome::Failed(FailureReason::CommandNotStarted),
        }
    }

    async fn end_left(&self, job: &Job) {
        if self.mark.is_some() {
            let variables = self.environment(job).into_iter();
            let marks: Vec<String> = variables.map(|(name, v)| format!("{name}={v}")).collect();
            left::kill_marked(&marks).await;
        }
    }
}

impl fmt::Debug for Processes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Processes")
            .field("commands", &self.commands)
            .finish_non_exhaustive()
    }
}

/// Reads a stream to its end and keeps the last [`OUTPUT_OCTETS_MAX`] octets.
async fn keep_end(stream: Option<impl AsyncRead + Unpin>, kept: &mut Vec<u8>) {
    let Some(mut stream) = stream else { return };
    let mut piece = vec![0; 8 * 1024];
    while let Ok(octets @ 1..) = stream.read(&mut piece).await {
        kept.extend_from_slice(piece.get(..octets).unwrap_or_default());
        let excess = kept.len().saturating_sub(OUTPUT_OCTETS_MAX);
        kept.drain(..excess);
    }
}
