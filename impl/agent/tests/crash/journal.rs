//! The work of a task: a process of its own, and the file in which all of them say what they did.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) at: i128,
    /// Whether the work ended; else it began.
    pub(crate) ended: bool,
    pub(crate) task: String,
    pub(crate) process: i32,
}

/// The work itself: says that it begins, takes its time, says that it has ended.
pub(crate) fn work(journal: &Path, task: &str, time: Duration) {
    let append = |what: &str| {
        let process = rustix::process::getpid().as_raw_nonzero();
        let mut line = String::new();
        let now = Timestamp::now().as_nanosecond();
        writeln!(line, "{now} {what} {task} {process}").expect("a string takes everything");
        // One write at the end of the file: lines of several processes do not mix.
        let mut file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(journal)
            .expect("the journal can be written");
        file.write_all(line.as_bytes()).expect("the disk has room");
    };
    append("start");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    runtime.block_on(async { tokio::time::sleep(time).await });
    append("end");
}

/// Everything that has been said, in order.
pub(crate) fn read(journal: &Path) -> Vec<Line> {
    let text = std::fs::read_to_string(journal).unwrap_or_default();
    let line = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let [at, what, task, process] = words.as_slice() else {
            panic!("not a line of the journal: {line}");
        };
        Line {
            at: at.parse().expect("a number"),
            ended: *what == "end",
            task: (*task).to_owned(),
            process: process.parse().expect("a number"),
        }
    };
    text.lines().map(line).collect()
}

/// The processes that have begun and not ended, and live.
pub(crate) fn alive(lines: &[Line]) -> Vec<i32> {
    let has_ended = |process: i32| lines.iter().any(|l| l.ended && l.process == process);
    let lives = |process: i32| {
        let id = rustix::process::Pid::from_raw(process).expect("a process number");
        // One that is dead and that nobody has asked after yet has no command line any more.
        let line = std::fs::read(format!("/proc/{process}/cmdline"));
        rustix::process::test_kill_process(id).is_ok() && !line.is_ok_and(|line| line.is_empty())
    };
    lines
        .iter()
        .filter(|line| !line.ended && !has_ended(line.process) && lives(line.process))
        .map(|line| line.process)
        .collect()
}
