//! One process of a measurement, and what it says of itself at its end.

use std::io::{Write as _, stdout};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use clap::{Args, ValueEnum};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::Instant;

use crate::{Failed, agents, plain};

/// Which process of a measurement this is.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Role {
    Originator,
    Destination,
    PlainSource,
    PlainSink,
    RawSource,
    RawSink,
}

/// What a process of a measurement is told.
#[derive(Clone, Debug, Args)]
pub(crate) struct Process {
    #[arg(long, value_enum)]
    pub(crate) role: Role,
    /// The directory to read or to write.
    #[arg(long)]
    pub(crate) directory: PathBuf,
    /// The listener's port of the other side, and for agents that of the callback.
    #[arg(long, value_delimiter = ',')]
    pub(crate) ports: Vec<u16>,
    #[arg(long)]
    pub(crate) part_octets: usize,
    /// Whether messages carry an authentication code.
    #[arg(long)]
    pub(crate) code: bool,
    /// Whether the plain pipeline syncs once at the end instead of after each part.
    #[arg(long)]
    pub(crate) one_sync: bool,
}

/// What a process has used.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Used {
    pub(crate) seconds: f64,
    pub(crate) cpu_seconds: f64,
    pub(crate) peak_mib: f64,
}

impl Process {
    pub(crate) async fn run(&self) -> Result<(), Failed> {
        let start = Instant::now();
        match self.role {
            Role::Originator => agents::originator(self).await?,
            Role::Destination => agents::destination(self).await?,
            Role::PlainSource => plain::source(self)?,
            Role::PlainSink => plain::sink(self)?,
            Role::RawSource => plain::raw_source(self)?,
            Role::RawSink => plain::raw_sink(self)?,
        }
        report(start)
    }
}

/// Says what this process has used.
fn report(start: Instant) -> Result<(), Failed> {
    let used = Used::of_this_process(start)?;
    writeln!(
        stdout(),
        "used {} {} {}",
        used.seconds,
        used.cpu_seconds,
        used.peak_mib
    )?;
    Ok(())
}

impl Used {
    pub(crate) fn of_this_process(start: Instant) -> Result<Self, Failed> {
        let status = std::fs::read_to_string("/proc/self/status")?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|rest| rest.trim().strip_suffix(" kB"));
        let peak_kib: f64 = peak.ok_or("no VmHWM")?.parse()?;
        let clock = rustix::time::ClockId::ProcessCPUTime;
        let cpu = rustix::time::clock_gettime(clock);
        Ok(Self {
            seconds: start.elapsed().as_secs_f64(),
            cpu_seconds: cpu.tv_sec as f64 + cpu.tv_nsec as f64 / 1e9,
            peak_mib: peak_kib / 1024.0,
        })
    }

    fn parse(line: &str) -> Result<Self, Failed> {
        let numbers: Result<Vec<f64>, _> = line.split(' ').map(str::parse).collect();
        match numbers?.as_slice() {
            [seconds, cpu_seconds, peak_mib] => Ok(Self {
                seconds: *seconds,
                cpu_seconds: *cpu_seconds,
                peak_mib: *peak_mib,
            }),
            _ => Err("a process did not say what it used".into()),
        }
    }
}

/// A process that was started.
pub(crate) struct Running {
    child: Child,
    /// Closed, it tells a process that waits to end.
    input: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    pub(crate) fn start(process: &Process) -> Result<Self, Failed> {
        let ports: Vec<String> = process.ports.iter().map(u16::to_string).collect();
        let role = process.role.to_possible_value().ok_or("a role")?;
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["process", "--role", role.get_name(), "--ports"])
            .arg(ports.join(","))
            .args(["--part-octets", &process.part_octets.to_string()])
            .args(process.code.then_some("--code"))
            .args(process.one_sync.then_some("--one-sync"))
            .arg("--directory")
            .arg(&process.directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn()?;
        let output = child.stdout.take().ok_or("piped")?;
        Ok(Self {
            input: child.stdin.take(),
            child,
            lines: BufReader::new(output).lines(),
        })
    }

    /// Waits until the process says that it is ready.
    pub(crate) async fn ready(&mut self) -> Result<(), Failed> {
        match self.lines.next_line().await? {
            Some(line) if line == "ready" => Ok(()),
            _ => Err("a process did not start".into()),
        }
    }

    /// Lets the process end, and returns what it used.
    pub(crate) async fn end(mut self) -> Result<Used, Failed> {
        drop(self.input.take());
        let mut used = Err("a process did not say what it used".into());
        while let Some(line) = self.lines.next_line().await? {
            if let Some(rest) = line.strip_prefix("used ") {
                used = Used::parse(rest);
            }
        }
        if !self.child.wait().await?.success() {
            return Err("a process failed".into());
        }
        used
    }
}

/// Says that this process listens.
pub(crate) fn say_ready() -> Result<(), Failed> {
    Ok(writeln!(stdout(), "ready")?)
}

/// Waits until this process is told to end.
pub(crate) async fn told_to_end() {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Ok(Some(_)) = lines.next_line().await {}
}

/// A port that nobody uses at the moment.
pub(crate) fn free_port() -> Result<u16, Failed> {
    let socket = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0))?;
    Ok(socket.local_addr()?.port())
}

/// The file that is transferred.
pub(crate) fn the_file(directory: &Path) -> PathBuf {
    directory.join("file")
}
