//! Seeds per second and core: whole scenarios, from the plan to the verdict with all checks.

mod cpu_time;

use std::path::Path;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use portcullis_harness::engine::PacketDetail;
use portcullis_harness::protocols;
use portcullis_harness::run::{Engine, attempt};
use portcullis_harness::scenario::{Library, Plan, Scenario};
use portcullis_reports::Verdict;

use cpu_time::CpuTime;

/// A short exchange, a transfer with what follows it, and one with faults.
const SCENARIOS: [&str; 3] = [
    "session/a-task-is-accepted-worked-on-and-reported-by-callback",
    "session/transfer-deploy-and-execute-follow-each-other",
    "firewall/a-dropped-syn-at-the-remote-port-is-a-timeout-and-is-retried",
];

fn load(library: &Library, name: &str) -> Scenario {
    let wanted = format!("environment-transfer/{name}");
    let file = library.files().find(|file| file.name == wanted);
    let file = file.expect("the scenario exists");
    library.load(&file).expect("the scenario is well-formed")
}

fn seeds(criterion: &mut Criterion<CpuTime>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let library = Library::find(&folder, protocols::PROTOCOLS.to_vec()).expect("it can be read");
    let mut group = criterion.benchmark_group("seeds");
    group.throughput(Throughput::Elements(1));
    for name in SCENARIOS {
        let scenario = load(&library, name);
        let mut seed = 0;
        group.bench_with_input(
            BenchmarkId::from_parameter(name),
            &scenario,
            |bencher, scenario| {
                bencher.iter(|| {
                    seed += 1;
                    let plan = Plan::new(scenario, seed);
                    let run = attempt(&plan, Engine::Packet, PacketDetail::Digest);
                    assert_eq!(run.judgement.verdict, Verdict::Pass, "seed {seed}");
                });
            },
        );
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(CpuTime);
    targets = seeds
}
criterion_main!(benches);
