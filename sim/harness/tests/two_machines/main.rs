//! Two machines behind strict firewalls, on real kernels: what the README tells an administrator
//! of two environments, and of two farms between which the network is pulled.
//!
//! Each machine is a network namespace, and so is the firewall between them; nftables denies
//! everything by default in all three. They live in a user namespace of their own, so that no
//! privilege is needed and nothing stays behind. Where the system allows no namespaces, or `ip`,
//! `nft` or `curl` is missing, the trials report themselves as ignored, and their names say why.

mod environments;
#[cfg(unix)]
mod farms;
mod lab;
#[cfg(unix)]
mod pulled;

use std::process::{Command, Stdio};

use libtest_mimic::{Arguments, Failed, Trial};

/// Tells this program that it already runs in namespaces of its own, and which story to play.
const INSIDE: &str = "--inside";

/// A story: its name, and what happens in it.
type Story = (&'static str, fn());

fn stories() -> impl Iterator<Item = &'static Story> {
    let all = [
        environments::STORIES,
        #[cfg(unix)]
        pulled::STORIES,
    ];
    all.into_iter().flatten()
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some(INSIDE) {
        let name = arguments.next().unwrap_or_default();
        let story = stories().find(|(known, _)| *known == name);
        let (_, play) = story.expect("a story of that name");
        play();
        return;
    }
    let missing = missing();
    let trials = stories().map(|(name, _)| {
        let shown = match missing {
            Some(missing) => format!("{name} ({missing})"),
            None => (*name).to_owned(),
        };
        Trial::test(shown, move || inside(name)).with_ignored_flag(missing.is_some())
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit();
}

/// What this system lacks.
fn missing() -> Option<&'static str> {
    let works = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        let status = command.args(arguments).stdout(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    };
    if !works("ip", &["-V"]) {
        Some("ip is not installed")
    } else if !works("nft", &["--version"]) {
        Some("nft is not installed")
    } else if !works("curl", &["--version"]) {
        Some("curl is not installed")
    } else if !namespaces()
        .arg("true")
        .status()
        .is_ok_and(|status| status.success())
    {
        Some("no namespaces are allowed here")
    } else {
        None
    }
}

/// Runs what follows in namespaces that end with it.
fn namespaces() -> Command {
    let mut command = Command::new("unshare");
    command.args([
        "--user",
        "--map-root-user",
        "--net",
        "--mount",
        "--fork",
        "--kill-child",
        "--",
    ]);
    command.stderr(Stdio::piped());
    command
}

fn inside(story: &str) -> Result<(), Failed> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let played = namespaces().arg(own).args([INSIDE, story]).output();
    let played = played.map_err(|error| error.to_string())?;
    if played.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&played.stderr).into_owned().into())
    }
}
