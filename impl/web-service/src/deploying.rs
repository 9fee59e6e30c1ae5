//! The deploying farm: exports content and has an import farm take it.
//!
//! ```text
//! user           databases                timer service                 import farm
//! run now    ->  job item, timer job (1)
//!                timer job            <-  claims it, exports
//!                                         GetRemoteAdminServerUrl (2) ->  which server imports
//!                                         CreateJob               (3) ->
//!                                         POST each package       (5) ->
//!                                         RunJob                  (3) ->
//!                job item             <-  GetJobStatus, again     (6) ->  status
//!                job item             <-  DeleteJob               (3) ->
//! status (7) <-  job item
//! ```
//!
//! The numbers are those of the article that the protocol is known from. A user's view comes from
//! the job item alone (CD-53); what asks and what is asked know each other by the databases only.
//!
//! # Module map
//! - [`DeployingFarm`]: the timer service of an export server. `run`: one run, from wherever its
//!   item says it is. `calls`: what is said to the target, and how often. `moves`: the moves of
//!   the table, recorded. `removal`: the end of a job. `schedule`: when jobs are due.
//! - [`DeploymentDesk`]: paths, jobs, run now, cancel, and what a user sees.
//! - [`Targets`]: how import farms are reached. [`offers`]: what one has to choose from.

mod calls;
mod definition;
mod desk;
mod moves;
mod removal;
mod run;
mod schedule;
mod service;
mod targets;
#[cfg(test)]
mod tests;
mod view;

pub use crate::records::Severity;
pub use definition::{
    DefinitionProblem, DeploymentPath, KeepPackages, NewDeploymentJob, Schedule, TargetSite,
};
pub use desk::{Deletion, DeploymentDesk, DeskRefusal, TargetLogs};
pub use service::DeployingFarm;
pub use targets::{Offer, Targets, offers};
pub use view::{DeploymentView, LineView, NextRun};
