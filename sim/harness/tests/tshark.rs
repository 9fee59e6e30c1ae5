//! An independent reader of a run over TLS: tshark decrypts the capture with what is in it.
//!
//! Where tshark is not installed the trial reports itself as ignored, and its name says why.

use std::path::Path;
use std::process::Command;

use libtest_mimic::{Arguments, Failed, Trial};

fn main() {
    let arguments = Arguments::from_args();
    let installed = Command::new("tshark").arg("--version").output().is_ok();
    let name = if installed {
        "tshark_reads_what_is_said_inside_tls"
    } else {
        "tshark_reads_what_is_said_inside_tls (tshark is not installed)"
    };
    let trial = Trial::test(name, || read().map_err(Failed::from)).with_ignored_flag(!installed);
    libtest_mimic::run(&arguments, vec![trial]).exit();
}

/// A task and its completion over one link with TLS.
const SCENARIO: &str = r#"
title = "A task goes over TLS"
clauses = ["ET-72"]

[hosts.dev]
role = "environment"

[hosts.prod]
role = "environment"

[[link]]
from = "dev"
to = "prod"
remote_port = 6102
local_port = 6101
authentication = "tls"

[[at]]
time = "1s"
submit = { from = "dev", task = "deploy", as = "t1" }

[[expect]]
task = "t1"
becomes = "completed"
at = "dev"
"#;

fn read() -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let path = |name: &str| folder.path().join(name);
    let scenario = path("over-tls.toml");
    std::fs::write(&scenario, SCENARIO).map_err(|error| error.to_string())?;
    let (capture, report) = (path("run.pcapng"), path("report"));
    let replay = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .arg("replay")
        .arg(&scenario)
        .args(["--seed", "5", "--pcap"])
        .arg(&capture)
        .arg("--report")
        .arg(&report)
        .output();
    let replay = replay.map_err(|error| error.to_string())?;
    if !replay.status.success() {
        return Err(String::from_utf8_lossy(&replay.stdout).into_owned());
    }
    // Greeting, task and completion are one connection each.
    let heard: String = (0..3).map(|stream| inside(&capture, stream)).collect();
    for message in [
        "hello",
        "hello-ack",
        "task",
        "accepted",
        "completed",
        "completed-ack",
    ] {
        let opening = format!("<{message} xmlns=\"urn:portcullis:environment-transfer:1\"");
        if heard.matches(&opening).count() != 1 {
            return Err(format!("tshark does not show one {opening} in: {heard}"));
        }
    }
    let keys = find(&report, "keys.log").ok_or("the report has no key log")?;
    let keys = std::fs::read_to_string(keys).map_err(|error| error.to_string())?;
    let sessions = keys.matches("CLIENT_TRAFFIC_SECRET_0 ").count();
    if sessions == 3 {
        Ok(())
    } else {
        Err(format!(
            "secrets of {sessions} sessions instead of 3: {keys}"
        ))
    }
}

/// What tshark shows of the octets inside the TLS session of one connection.
fn inside(capture: &Path, stream: usize) -> String {
    let follow = format!("follow,tls,ascii,{stream}");
    let output = Command::new("tshark")
        .arg("-r")
        .arg(capture)
        .args(["-q", "-z", &follow])
        .output();
    output.map_or_else(
        |error| error.to_string(),
        |output| String::from_utf8_lossy(&output.stdout).into_owned(),
    )
}

fn find(folder: &Path, name: &str) -> Option<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).ok()?;
    entries.filter_map(Result::ok).find_map(|entry| {
        let path = entry.path();
        if path.is_dir() {
            find(&path, name)
        } else {
            path.ends_with(name).then_some(path)
        }
    })
}
