//! `deployment`: what an administrator does with the deploying farm.
//!
//! What a farm keeps is asked of the process that serves it, over its control channel; what a
//! target offers is asked of the target, by this process.
//!
//! # Module map
//! - `args`: the command lines. `define`: paths, compared with what a target offers.
//! - `channel`: what is asked and answered, and who answers. `errand`: who asks.
//! - `screen`: how it looks.

mod args;
mod channel;
mod define;
mod errand;
mod screen;

use std::process::ExitCode;

use portcullis_web_service::deploying::TargetLogs;

use super::FarmSettings;
use crate::serve::{Exit, complain, run_with};

use args::Order;
use channel::Question;

pub use args::DeploymentArgs;
pub(super) use channel::FarmClerk;

impl DeploymentArgs {
    /// Carries out the command.
    #[must_use]
    pub fn run(self) -> ExitCode {
        let Some(config) = self.config else {
            return complain("the server's configuration is missing: --config FILE").into();
        };
        run_with(
            FarmSettings::read,
            &config,
            &self.log,
            async |settings: FarmSettings| carry_out(&settings, self.order).await,
        )
    }
}

async fn carry_out(settings: &FarmSettings, order: Order) -> Exit {
    match order {
        Order::Offers { url } => define::show_offers(settings, &url).await,
        Order::DefinePath(path) => match define::path(settings, *path).await {
            Ok(path) => errand::define(settings, &Question::DefinePath(Box::new(path))).await,
            Err(why) => complain(&why),
        },
        Order::DefineJob(job) => errand::define(settings, &Question::DefineJob(job.into())).await,
        Order::Run { job, detach: true } => errand::order(settings, &job).await.1,
        Order::Run { job, detach: false } => match errand::order(settings, &job).await {
            (Some(run), _) => errand::watch(settings, &job, Some(run)).await,
            (None, exit) => exit,
        },
        Order::Watch { job } => errand::watch(settings, &job, None).await,
        Order::Status { job: Some(job) } => errand::show(settings, &job).await,
        Order::Status { job: None } => errand::list(settings).await,
        Order::Cancel { job } => errand::cancel(settings, &job).await,
        Order::DeleteJob { job, leave_logs } => {
            let logs = if leave_logs {
                TargetLogs::Leave
            } else {
                TargetLogs::Delete
            };
            errand::delete(settings, &job, logs).await
        }
        Order::Mark { source, paths } => errand::mark(settings, source, paths).await,
        Order::Paths => errand::paths(settings).await,
    }
}
