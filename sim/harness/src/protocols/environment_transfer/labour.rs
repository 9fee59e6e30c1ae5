//! What work is in a simulation: it takes the time that the scenario says, and files are made up.

use std::time::Duration;

use portcullis_agent::message::{FailureReason, Outcome, TaskId};
use portcullis_agent::work::{
    Script, Scripted, Shelf, SimulatedExecutor, SimulatedPayload, Tree, Workshop,
};

/// How long a simulated file system takes to keep a part or to rename a directory.
const SYNC: Duration = Duration::from_millis(5);

/// Files and commands of one simulated host.
pub(super) type Labour = Workshop<SimulatedPayload, SimulatedExecutor>;

/// What one task of a scenario takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Job {
    /// The task's id.
    pub(super) id: TaskId,
    /// The scenario's name of the task, under which its files are known.
    pub(super) name: String,
    /// How long the work takes.
    pub(super) lasts: Duration,
    /// Whether it succeeds.
    pub(super) succeeds: bool,
    /// The files that a transfer carries.
    pub(super) tree: Tree,
}

/// The work of a host that keeps its files on `shelf`; `seed` determines what is in files.
pub(super) fn labour(jobs: &[Job], seed: u64, shelf: Shelf) -> Labour {
    let script = Script::default();
    let payload = SimulatedPayload::new(seed, shelf, script.clone(), SYNC);
    for job in jobs {
        let outcome = match job.succeeds {
            true => Outcome::Succeeded,
            false => Outcome::Failed(FailureReason::CommandFailed),
        };
        let lasts = job.lasts;
        script.set(job.id.clone(), Scripted { lasts, outcome });
        payload.plant(&job.name, job.tree);
    }
    Workshop {
        payload,
        executor: SimulatedExecutor::new(script),
    }
}
