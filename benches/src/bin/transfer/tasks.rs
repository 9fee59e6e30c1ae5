//! Many tasks at once: two agents a link on real sockets and SQLite, all in this process.

use std::io::{Write as _, stdout};
use std::path::Path;

use clap::Args;
use portcullis_agent::message::{CommandName, Outcome};
use portcullis_agent::state::Settled;
use portcullis_agent::work::{Script, Shelf, SimulatedExecutor, SimulatedPayload, Workshop};
use portcullis_agent::{Order, SubmitRequest};
use tokio::task::JoinSet;
use tokio::time::{Duration, Instant};

use crate::Failed;
use crate::agents::{link, name, named, receiving, sealed, start_with};
use crate::part::{Used, free_port};

/// How many tasks, over how many links.
#[derive(Debug, Args)]
pub(crate) struct Tasks {
    /// How many tasks.
    #[arg(long, default_value_t = 1000)]
    count: usize,
    /// Over how many links they are spread.
    #[arg(long, default_value_t = 1)]
    links: usize,
    /// Each after the one before it, as tasks are that do not say otherwise.
    #[arg(long)]
    ordered: bool,
}

/// Work that takes no time: what is measured is the protocol.
fn work() -> Workshop<SimulatedPayload, SimulatedExecutor> {
    let script = Script::default();
    Workshop {
        payload: SimulatedPayload::new(1, Shelf::default(), script.clone(), Duration::ZERO),
        executor: SimulatedExecutor::new(script),
    }
}

impl Tasks {
    pub(crate) async fn run(&self, directory: &Path) -> Result<(), Failed> {
        let root = tempfile::tempdir_in(directory)?;
        let mut dev = named("dev")?;
        let mut later = Vec::new();
        for index in 0..self.links.max(1) {
            let ports = [free_port()?, free_port()?];
            dev.later.push(link(index, &ports, sealed()?)?);
            let config = receiving(index, &ports, sealed()?)?;
            let here = root.path().join(format!("prod{index}"));
            later.push(start_with(&here, config, work()).await?);
        }
        let dev = start_with(&root.path().join("dev"), dev, work()).await?;
        let before = Instant::now();
        let used_before = Used::of_this_process(before)?;
        let mut submissions = JoinSet::new();
        for index in 0..self.count {
            let command = CommandName::new("c")?;
            let to = name(&format!("prod{}", index % self.links.max(1)))?;
            let request = SubmitRequest {
                independent: !self.ordered,
                ..SubmitRequest::new(to, Order::Execute { command })
            };
            let dev = dev.clone();
            submissions.spawn(async move {
                let task = dev.submit(request).await?;
                let submitted = before.elapsed();
                let settled = dev.wait(&task).await?;
                Ok::<_, Failed>((submitted, settled))
            });
        }
        let mut submitted = Duration::ZERO;
        for ended in submissions.join_all().await {
            let (after, settled) = ended?;
            submitted = submitted.max(after);
            if settled != Settled::Ended(Outcome::Succeeded) {
                return Err(format!("a task ended with {settled:?}").into());
            }
        }
        let used = Used::of_this_process(before)?;
        writeln!(
            stdout(),
            "| {} | {} | {} | {:.2} s | {:.2} s | {:.0} | {:.2} ms | {:.0} MiB |",
            self.count,
            self.links,
            if self.ordered {
                "ordered"
            } else {
                "independent"
            },
            submitted.as_secs_f64(),
            used.seconds,
            self.count as f64 / used.seconds,
            (used.cpu_seconds - used_before.cpu_seconds) * 1000.0 / self.count as f64,
            used.peak_mib,
        )?;
        dev.stop().await;
        for agent in later {
            agent.stop().await;
        }
        Ok(())
    }
}
