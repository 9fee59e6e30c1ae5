//! Every scenario file as one test, named after its path: played twice on the packet engine with
//! seed 1, it must pass and give the same digest both times.

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Failed, Trial};
use portcullis_harness::check::explain;
use portcullis_harness::engine::PacketDetail;
use portcullis_harness::protocols;
use portcullis_harness::run::{Engine, attempt};
use portcullis_harness::scenario::{Library, Plan, ScenarioFile};
use portcullis_reports::Verdict;
use portcullis_scenarios::folder;

/// The seed of every scenario test; `portcullis run --seeds` explores others.
const SEED: u64 = 1;

fn main() -> ExitCode {
    let library =
        Library::find(folder(), protocols::PROTOCOLS.to_vec()).expect("scenarios/ can be read");
    let library = Arc::new(library);
    let trials: Vec<Trial> = library
        .files()
        .map(|file| {
            let library = Arc::clone(&library);
            Trial::test(file.name.clone(), move || play(&library, &file))
        })
        .collect();
    assert!(!trials.is_empty(), "there are no scenarios");
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// Loads, plays and judges one scenario.
fn play(library: &Library, file: &ScenarioFile) -> Result<(), Failed> {
    let scenario = library.load(file).map_err(|error| format!("{error:?}"))?;
    let plan = Plan::new(&scenario, SEED);
    let run = attempt(&plan, Engine::Packet, PacketDetail::Digest);
    if run.judgement.verdict != Verdict::Pass {
        let run = attempt(&plan, Engine::Packet, PacketDetail::History);
        let record = run.record(&plan, Engine::Packet);
        let protocol = file.name.split('/').next().unwrap_or_default();
        return Err(explain(&record, &library.clauses_of(protocol), &run.history).into());
    }
    let again = attempt(&plan, Engine::Packet, PacketDetail::Digest);
    if again.digest != run.digest {
        return Err(format!(
            "not deterministic: {:x} then {:x}",
            run.digest, again.digest
        )
        .into());
    }
    Ok(())
}
