//! The rounds, and the table of their medians.

use std::fs::File;
use std::io::{BufReader, Read as _, Write as _, stdout};
use std::path::{Path, PathBuf};

use tokio::time::Instant;

use crate::agents::TASK;
use crate::part::{Process, Role, Running, Used, free_port, the_file};
use crate::{Arguments, Failed};

/// One way to get the file from one process to another.
struct Way {
    name: &'static str,
    source: Role,
    sink: Role,
    code: bool,
    one_sync: bool,
    /// Where the file is afterwards, below the sink's directory; the raw copy keeps nothing.
    result: Option<&'static [&'static str]>,
}

const PLAIN: Way = Way {
    name: "plain pipeline",
    source: Role::PlainSource,
    sink: Role::PlainSink,
    code: false,
    one_sync: false,
    result: Some(&["file"]),
};

const PORTCULLIS: Way = Way {
    name: "portcullis",
    source: Role::Originator,
    sink: Role::Destination,
    code: false,
    one_sync: false,
    result: Some(&["received", "dev", TASK, "file"]),
};

/// Those with which the others are compared come first.
const WAYS: [Way; 6] = [
    Way {
        name: "raw copy",
        source: Role::RawSource,
        sink: Role::RawSink,
        result: None,
        ..PLAIN
    },
    PLAIN,
    Way {
        name: "plain pipeline, one sync at the end",
        one_sync: true,
        ..PLAIN
    },
    Way {
        name: "plain pipeline, with codes",
        code: true,
        ..PLAIN
    },
    PORTCULLIS,
    Way {
        name: "portcullis, with codes (ET-73)",
        code: true,
        ..PORTCULLIS
    },
];

/// What one way took in one round.
struct Taken {
    seconds: f64,
    source: Used,
    sink: Used,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<(), Failed> {
    let root = tempfile::tempdir_in(&arguments.directory)?;
    let source = root.path().join("source");
    std::fs::create_dir(&source)?;
    write_noise(&the_file(&source), arguments.mib)?;
    let mut rounds: Vec<Vec<Taken>> = Vec::new();
    for _ in 0..arguments.rounds.max(1) {
        let mut round = Vec::new();
        for way in &WAYS {
            round.push(take(way, arguments, root.path(), &source).await?);
        }
        rounds.push(round);
    }
    print(arguments, &rounds)
}

async fn take(
    way: &Way,
    arguments: &Arguments,
    root: &Path,
    source: &Path,
) -> Result<Taken, Failed> {
    // What earlier ways left to be written is not this one's to wait for.
    tokio::process::Command::new("sync").status().await?;
    let target = tempfile::tempdir_in(root)?;
    let process = |role, directory: &Path, ports: &[u16]| Process {
        role,
        directory: directory.to_owned(),
        ports: ports.to_vec(),
        part_octets: arguments.part_kib * 1024,
        code: way.code,
        one_sync: way.one_sync,
    };
    let ports = [free_port()?, free_port()?];
    let mut sink = Running::start(&process(way.sink, target.path(), &ports))?;
    sink.ready().await?;
    let start = Instant::now();
    let source_used = Running::start(&process(way.source, source, &ports))?
        .end()
        .await?;
    let seconds = start.elapsed().as_secs_f64();
    let taken = Taken {
        seconds,
        source: source_used,
        sink: sink.end().await?,
    };
    if let Some(result) = way.result
        && !same(&the_file(source), &below(target.path(), result))?
    {
        return Err(format!("{}: the files differ", way.name).into());
    }
    Ok(taken)
}

fn below(directory: &Path, names: &[&str]) -> PathBuf {
    names
        .iter()
        .fold(directory.to_owned(), |path, name| path.join(name))
}

/// A file that no layer can make smaller.
fn write_noise(path: &Path, mib: u64) -> Result<(), Failed> {
    let noise = portcullis_net::Randomness::from_seed(1);
    let mut file = File::create(path)?;
    let mut piece = Vec::with_capacity(1 << 20);
    for _ in 0..mib {
        piece.clear();
        while piece.len() < 1 << 20 {
            piece.extend_from_slice(&noise.next_u64().to_le_bytes());
        }
        file.write_all(&piece)?;
    }
    file.sync_all()?;
    Ok(())
}

fn same(one: &Path, other: &Path) -> Result<bool, Failed> {
    let (one, other) = (File::open(one)?, File::open(other)?);
    if one.metadata()?.len() != other.metadata()?.len() {
        return Ok(false);
    }
    let (mut one, mut other) = (BufReader::new(one), BufReader::new(other));
    let (mut left, mut right) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        let octets = one.read(&mut left)?;
        if octets == 0 {
            return Ok(true);
        }
        let right = right.get_mut(..octets).ok_or("no more than asked for")?;
        other.read_exact(right)?;
        if left.get(..octets) != Some(right) {
            return Ok(false);
        }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// What each way is compared with: raw copy, and the plain pipelines by their places in [`WAYS`].
const COMPARED: [usize; 4] = [0, 1, 2, 3];

fn print(arguments: &Arguments, rounds: &[Vec<Taken>]) -> Result<(), Failed> {
    let column = |way: usize, value: &dyn Fn(&Taken, &[Taken]) -> f64| {
        let taken = |round: &Vec<Taken>| round.get(way).map(|taken| value(taken, round));
        median(rounds.iter().filter_map(taken).collect())
    };
    let cpu = |taken: &Taken| taken.source.cpu_seconds + taken.sink.cpu_seconds;
    let load = std::fs::read_to_string("/proc/loadavg")?;
    writeln!(
        stdout(),
        "{} MiB in parts of {} KiB, medians of {} rounds, load {} at the end",
        arguments.mib,
        arguments.part_kib,
        rounds.len(),
        load.split(' ').next().unwrap_or_default()
    )?;
    writeln!(
        stdout(),
        "| | seconds | MiB/s | of raw | of plain | of one sync | of plain with codes \
         | CPU s | plain's CPU over its | peak MiB, source | sink |"
    )?;
    writeln!(
        stdout(),
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
    )?;
    for (index, way) in WAYS.iter().enumerate() {
        let over = |other: usize, value: &dyn Fn(&Taken) -> f64| {
            column(index, &|taken, round| {
                round.get(other).map_or(f64::NAN, value) / value(taken)
            })
        };
        let ratios = COMPARED.map(|other| format!("{:.2}", over(other, &|taken| taken.seconds)));
        writeln!(
            stdout(),
            "| {} | {:.1} | {:.0} | {} | {:.1} | {:.2} | {:.0} | {:.0} |",
            way.name,
            column(index, &|taken, _| taken.seconds),
            column(index, &|taken, _| arguments.mib as f64 / taken.seconds),
            ratios.join(" | "),
            column(index, &|taken, _| cpu(taken)),
            over(1, &cpu),
            column(index, &|taken, _| taken.source.peak_mib),
            column(index, &|taken, _| taken.sink.peak_mib),
        )?;
    }
    Ok(())
}
