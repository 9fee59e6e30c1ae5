//! Two real processes that are killed: at every durable write, and at any time.
//!
//! The originator and the destination are this program started again, with a store in a file, files
//! to transfer and processes as work. They talk through the test, which writes down what each has
//! acknowledged. After each death the records of the dead are compared with that; at the end, both
//! sides, the files and the journal of the work are compared with each other.
//!
//! `CRASH_KILLS=1000` asks for more kills at random; `CRASH_CASE=random/7` repeats one case.

#[cfg(unix)]
mod boundary;
#[cfg(unix)]
mod campaign;
#[cfg(unix)]
mod child;
#[cfg(unix)]
mod journal;
#[cfg(unix)]
mod plan;
#[cfg(unix)]
mod proxy;
#[cfg(unix)]
mod site;
#[cfg(unix)]
mod trial;
#[cfg(unix)]
mod verdict;
#[cfg(unix)]
mod wrong;

/// A variable of the environment.
#[cfg(unix)]
fn variable(name: &str) -> Option<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "what a test of its own is asked to do"
    )]
    std::env::var(name).ok()
}

#[cfg(unix)]
fn main() {
    use std::path::Path;
    use std::time::Duration;

    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [word, rest @ ..] if word == "child" => {
            let (site, plan, role, point) = site::Site::parse(rest).expect("our own words");
            child::run(&site, &plan, role, point);
        }
        [word, journal, time] if word == "work" => {
            let task = variable("PORTCULLIS_TASK").expect("an agent starts this");
            let time = Duration::from_millis(time.parse().expect("a number"));
            journal::work(Path::new(journal), &task, time);
        }
        _ => campaign::main(),
    }
}

/// Other systems have no such signal.
#[cfg(not(unix))]
fn main() {}
