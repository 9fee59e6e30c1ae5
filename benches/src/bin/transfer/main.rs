//! A transfer between two agents in processes of their own, beside what it costs at least.
//!
//! `cargo run --release -p portcullis-benches --bin transfer` prints the table of `README.md`.
//!
//! # Module map
//! - `compare`: the rounds and the table. `part`: one process and what it says of itself.
//! - `agents`: the two agents. `plain`: the least pipeline and the raw copy.
//! - `tasks`: many tasks at once.

mod agents;
mod compare;
mod part;
mod plain;
mod tasks;

use std::io::{Write as _, stderr};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// As the program `portcullis` has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What went wrong; a bench has nobody who would tell errors apart.
type Failed = Box<dyn std::error::Error + Send + Sync>;

#[derive(Parser)]
#[command(about = "Measures whole processes on loopback, as ratios within one run")]
struct Arguments {
    #[command(subcommand)]
    what: Option<What>,
    /// Octets to transfer, in MiB.
    #[arg(long, default_value_t = 1024)]
    mib: u64,
    /// How often each way is measured; the table has the medians.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Where files are written; on the disk that is to be measured.
    #[arg(long, default_value = ".")]
    directory: PathBuf,
    /// Octets of a part, in KiB.
    #[arg(long, default_value_t = 1024)]
    part_kib: usize,
}

#[derive(Subcommand)]
enum What {
    /// 1,000 tasks at once: tasks a second, and what they take.
    Tasks(tasks::Tasks),
    /// One of the processes; started by this program itself.
    #[command(hide = true)]
    Process(part::Process),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let ended = runtime.map_err(Failed::from).and_then(|runtime| {
        runtime.block_on(async {
            match &arguments.what {
                None => compare::run(&arguments).await,
                Some(What::Tasks(tasks)) => tasks.run(&arguments.directory).await,
                Some(What::Process(process)) => process.run().await,
            }
        })
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            writeln!(stderr(), "{error}").ok();
            ExitCode::FAILURE
        }
    }
}
