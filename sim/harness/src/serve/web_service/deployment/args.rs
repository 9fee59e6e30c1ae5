//! The command lines of `deployment`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use portcullis_web_service::deploying::{KeepPackages, NewDeploymentJob, Schedule};
use portcullis_web_service::message::IncludeSecurity;
use portcullis_web_service::message::UserInfoDateTime;
use portcullis_web_service::work::JobKind;

use crate::scenario::{Amount, Unit};

/// What every exit code of these commands means, for `--help`.
const EXIT_CODES: &str = "Exit codes:
  0   it is done; of `run`, `watch` and `status JOB`: the newest run succeeded
  1   the run failed, was cancelled or timed out; there was nothing to cancel
  2   nothing was done: the command line, the configuration, a refusal, or a target that does not
      answer
  3   the outcome is not known (yet): the run goes on or there was none, or no farm answered
  70  what was said could not be written, or a bug in this program";

/// Deploy content trees to other farms: define paths and jobs, run and watch them.
///
/// A path leads from a `[[source]]` of the configuration to a site collection of another farm. A
/// job deploys along a path: everything, what has changed, or what was marked for quick deployment.
/// All but `offers` are handed to the process that serves the farm (`serve web-service` with the
/// same configuration), which also shows the jobs at /_admin/DeploymentJobs.aspx.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct DeploymentArgs {
    // Global, so that it may stand before or after the command; that is why it cannot be required.
    /// The server's configuration file. Required.
    #[arg(long, value_name = "FILE", global = true)]
    pub(super) config: Option<PathBuf>,

    /// What to log on standard error, such as `info` or `portcullis_web_service=debug`.
    #[arg(long, value_name = "FILTER", default_value = "warn", global = true)]
    pub(super) log: String,

    #[command(subcommand)]
    pub(super) order: Order,
}

/// What can be done.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum Order {
    /// Ask a farm which web applications and site collections it offers to deploy to.
    ///
    /// Calls `GetVirtualServersInformation`, and `GetSiteCollectionNames` for each; the server need
    /// not run. A farm that takes no incoming jobs offers nothing.
    #[command(after_help = EXIT_CODES)]
    Offers {
        /// Its Central Administration, such as `http://target:8080`.
        url: String,
    },
    /// Define a path, or define one of that name anew.
    ///
    /// The target is asked first what it offers, and anything else is refused.
    #[command(after_help = EXIT_CODES)]
    DefinePath(Box<PathArgs>),
    /// Define a job, or define one of that name anew; the runs that it had stay.
    ///
    /// While it runs it can only be given another schedule, or none.
    #[command(after_help = EXIT_CODES)]
    DefineJob(JobArgs),
    /// Run a job now, whether it has a schedule or not, and follow it to its end.
    ///
    /// Ctrl-C ends the command and not the run: `deployment watch` takes it up again.
    #[command(after_help = EXIT_CODES)]
    Run {
        /// The job.
        job: String,

        /// Only order the run.
        #[arg(long)]
        detach: bool,
    },
    /// Follow the newest run of a job to its end.
    #[command(after_help = EXIT_CODES)]
    Watch {
        /// The job.
        job: String,
    },
    /// Show all jobs, or one with its log, as this farm knows them: no target is asked.
    #[command(after_help = EXIT_CODES)]
    Status {
        /// The job.
        job: Option<String>,
    },
    /// Ask for the end of a job's run.
    ///
    /// An import whose decompression has begun goes on to its end: then the run ends as that does.
    #[command(after_help = EXIT_CODES)]
    Cancel {
        /// The job.
        job: String,
    },
    /// Delete a job with its log, and the logs that its target keeps of its imports.
    ///
    /// A job that runs is refused. What was deployed stays. While the target cannot be reached or
    /// refuses, the job stays as well: those logs are found by its id alone.
    #[command(after_help = EXIT_CODES)]
    DeleteJob {
        /// The job.
        job: String,

        /// Do not ask the target, not even if a deletion waits for it: its logs are left there.
        #[arg(long)]
        leave_logs: bool,
    },
    /// Mark files or directories of a source for the next quick deployment.
    #[command(after_help = EXIT_CODES)]
    Mark {
        /// The source, as the configuration names it.
        #[arg(long)]
        source: String,

        /// Paths within the source, such as `news/today.html`.
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<String>,
    },
    /// Show all paths.
    #[command(after_help = EXIT_CODES)]
    Paths,
}

/// A path.
#[derive(Clone, Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
pub(super) struct PathArgs {
    /// Its name.
    pub(super) name: String,

    /// The source, as the configuration names it.
    #[arg(long)]
    pub(super) source: String,

    /// The target's Central Administration, such as `http://target:8080`.
    #[arg(long, value_name = "URL")]
    pub(super) to: String,

    /// The web application there.
    #[arg(long, value_name = "URL")]
    pub(super) web_application: String,

    /// The site collection there, such as `/sites/news`.
    #[arg(long, value_name = "PATH")]
    pub(super) site_collection: String,

    /// What is imported of security.
    #[arg(long, value_name = "WHAT", default_value = "none")]
    pub(super) security: Security,

    /// What becomes of authors and time stamps: new, times kept, or both kept.
    #[arg(long, value_name = "WHAT", default_value = "none")]
    pub(super) user_info: UserInformation,

    /// Call no event receivers during the import.
    #[arg(long)]
    pub(super) no_event_receivers: bool,

    /// Do not compress the packages.
    #[arg(long)]
    pub(super) no_compression: bool,

    /// When the packages stay here after a run.
    #[arg(long, value_name = "WHEN", default_value = "never")]
    pub(super) keep_packages: Keep,

    /// How often the status is asked for, such as `10s`; without it as the configuration says.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(super) polling_interval: Option<Duration>,

    /// After how long without a change of the status a run has timed out, likewise.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(super) timeout: Option<Duration>,

    /// No run may begin along it, by hand or by schedule; one that has begun goes on.
    #[arg(long)]
    pub(super) disabled: bool,

    /// Do not ask the target what it offers.
    #[arg(long)]
    pub(super) unchecked: bool,
}

/// A job.
#[derive(Clone, Debug, Args)]
pub(super) struct JobArgs {
    /// Its name.
    name: String,

    /// The path along which it deploys.
    #[arg(long)]
    path: String,

    /// How much it deploys.
    #[arg(long, default_value = "full")]
    kind: Kind,

    /// How often it runs by itself, such as `1h`; without it only when told.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    every: Option<Duration>,
}

impl From<JobArgs> for NewDeploymentJob {
    fn from(job: JobArgs) -> Self {
        Self {
            name: job.name,
            id: None,
            path: job.path,
            kind: match job.kind {
                Kind::Full => JobKind::Full,
                Kind::Incremental => JobKind::Incremental,
                Kind::QuickDeploy => JobKind::QuickDeploy,
            },
            schedule: job.every.map(|every| Schedule { every }),
        }
    }
}

/// How much is deployed.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// Everything.
    Full,
    /// What has changed since the path's last success.
    Incremental,
    /// What was marked since then.
    QuickDeploy,
}

/// What is imported of security.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Security {
    /// Nothing.
    None,
    /// Memberships, role assignments and access lists.
    WssOnly,
    /// The same and directory user information.
    All,
}

impl From<Security> for IncludeSecurity {
    fn from(security: Security) -> Self {
        match security {
            Security::None => Self::None,
            Security::WssOnly => Self::WssOnly,
            Security::All => Self::All,
        }
    }
}

/// What becomes of authors and time stamps.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum UserInformation {
    /// Both are replaced.
    None,
    /// Time stamps are kept, authors are replaced by the system account.
    ReplaceUserWithSystemAccount,
    /// Both are kept.
    ImportAll,
}

impl From<UserInformation> for UserInfoDateTime {
    fn from(user_info: UserInformation) -> Self {
        match user_info {
            UserInformation::None => Self::None,
            UserInformation::ReplaceUserWithSystemAccount => Self::ReplaceUserWithSystemAccount,
            UserInformation::ImportAll => Self::ImportAll,
        }
    }
}

/// When packages stay.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Keep {
    /// Never.
    Never,
    /// When the run did not succeed.
    OnFailure,
    /// Always.
    Always,
}

impl From<Keep> for KeepPackages {
    fn from(keep: Keep) -> Self {
        match keep {
            Keep::Never => Self::Never,
            Keep::OnFailure => Self::OnFailure,
            Keep::Always => Self::Always,
        }
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    match Amount::parse(text, Unit::Nanosecond) {
        Ok(amount) if !amount.is_range() => Ok(amount.duration()),
        Ok(_) => Err("is not one duration".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
