//! Simulated seconds per CPU second: hosts that connect, exchange 64 octets and close every ten
//! seconds, on the packet engine and on turmoil at a tick of 1 ms.
//!
//! Throughput is in simulated seconds, time is CPU time. After criterion's report the ratios are
//! printed, from the best of several runs each.

mod cpu_time;
mod workload;

use std::io::Write;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group};

use cpu_time::CpuTime;
use portcullis_harness::engine::Boot;

/// How many hosts each column has.
const HOSTS: [usize; 3] = [2, 5, 20];

fn packet_echo(hosts: usize, simulated: Duration) {
    workload::run(
        hosts,
        simulated,
        &workload::echo_server(),
        &workload::echo_client(),
    );
}

fn packet_http(hosts: usize, simulated: Duration) {
    let (server, client): (Boot, Boot) = (workload::http::server(), workload::http::client());
    workload::run(hosts, simulated, &server, &client);
}

type Row = (&'static str, fn(usize, Duration), Duration, usize);

/// Name, what runs, simulated time, and how many runs the table takes the best of.
const ROWS: [Row; 3] = [
    ("packet/echo", packet_echo, Duration::from_secs(3_600), 20),
    ("packet/http", packet_http, Duration::from_secs(3_600), 20),
    (
        "turmoil-1ms/echo",
        workload::idle_turmoil::run,
        Duration::from_secs(20),
        3,
    ),
];

fn simulated_time(criterion: &mut Criterion<CpuTime>) {
    for (name, run, simulated, _) in ROWS {
        let mut group = criterion.benchmark_group(name);
        group
            .sample_size(10)
            .throughput(Throughput::Elements(simulated.as_secs()));
        for hosts in HOSTS {
            group.bench_with_input(
                BenchmarkId::from_parameter(hosts),
                &hosts,
                |bencher, hosts| {
                    bencher.iter(|| run(*hosts, simulated));
                },
            );
        }
        group.finish();
    }
}

/// Simulated seconds per CPU second, best of `runs`.
fn speed(run: fn(usize, Duration), hosts: usize, simulated: Duration, runs: usize) -> f64 {
    let fastest = (0..runs)
        .map(|_| {
            let start = cpu_time::now();
            run(hosts, simulated);
            cpu_time::now().saturating_sub(start)
        })
        .min()
        .unwrap_or_default();
    simulated.as_secs_f64() / fastest.as_secs_f64()
}

fn print_ratios() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "\nsimulated seconds per CPU second, best runs, and the ratio to turmoil"
    )?;
    let speeds = ROWS.map(|(name, run, simulated, runs)| {
        (name, HOSTS.map(|hosts| speed(run, hosts, simulated, runs)))
    });
    let [.., (_, base)] = speeds;
    for (name, row) in speeds {
        write!(out, "{name:>18}")?;
        for (column, figure) in row.iter().enumerate() {
            let ratio = figure / base[column];
            write!(
                out,
                "  {:>2} hosts {figure:>9.0} ({ratio:>5.0}x)",
                HOSTS[column]
            )?;
        }
        writeln!(out)?;
    }
    Ok(())
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(CpuTime);
    targets = simulated_time
}

fn main() -> std::io::Result<()> {
    benches();
    Criterion::default().configure_from_args().final_summary();
    // `cargo test --benches` only wants to know whether it runs.
    if std::env::args().any(|argument| argument == "--bench") {
        print_ratios()?;
    }
    Ok(())
}
