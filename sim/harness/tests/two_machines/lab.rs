//! Three namespaces: two machines, and the firewall between them.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// Where the machines are: the addresses of the sample configuration.
const MACHINES: [(&str, &str, &str); 2] = [
    ("dev", "192.0.2.10", "192.0.2.1"),
    ("prod", "198.51.100.20", "198.51.100.1"),
];

/// Everything is denied, in and out, except what belongs to a connection that was allowed.
const STRICT: &str = "table inet filter {
    chain input { type filter hook input priority filter; policy drop;
        ct state established,related accept; iif lo accept; }
    chain forward { type filter hook forward priority filter; policy drop;
        ct state established,related accept; }
    chain output { type filter hook output priority filter; policy drop;
        ct state established,related accept; oif lo accept; }
}";

/// Both machines, each with a directory of its own, and the firewall, which is this process's own
/// namespace.
pub(crate) struct Lab {
    directory: tempfile::TempDir,
}

/// A program that runs on a machine until it is dropped.
pub(crate) struct Running(Child);

impl Lab {
    /// The machines as they are delivered: routed, closed, with the sample of the README.
    pub(crate) fn new() -> Self {
        // Names of namespaces are files below /run, which here is nobody else's.
        run("mount", &["-t", "tmpfs", "none", "/run"]);
        run("ip", &["link", "set", "lo", "up"]);
        for (name, address, gateway) in MACHINES {
            let outside = format!("to-{name}");
            run("ip", &["netns", "add", name]);
            let ends = [
                "link", "add", &outside, "type", "veth", "peer", "name", "eth0",
            ];
            run("ip", &[&ends[..], &["netns", name]].concat());
            run(
                "ip",
                &["addr", "add", &format!("{gateway}/24"), "dev", &outside],
            );
            run("ip", &["link", "set", &outside, "up"]);
            let inside = |arguments: &[&str]| run("ip", &[&["-n", name], arguments].concat());
            inside(&["link", "set", "lo", "up"]);
            inside(&["addr", "add", &format!("{address}/24"), "dev", "eth0"]);
            inside(&["link", "set", "eth0", "up"]);
            inside(&["route", "add", "default", "via", gateway]);
        }
        fs::write("/proc/sys/net/ipv4/ip_forward", "1").expect("this namespace routes");
        let lab = Self {
            directory: tempfile::tempdir().expect("a directory"),
        };
        lab.shell("between", &format!("nft -f - <<'END'\n{STRICT}\nEND"));
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../impl/agent/examples");
        for (name, ..) in MACHINES {
            lab.shell(name, &format!("nft -f - <<'END'\n{STRICT}\nEND"));
            let file = format!("{name}.toml");
            fs::create_dir(lab.path(name)).expect("made");
            let sample = examples.join("two-machines").join(&file);
            let mut text = fs::read_to_string(sample).expect("the sample");
            // A closed port is found in seconds: nobody waits longer for a test than for a rule.
            text.push_str("[timers]\nconnect = \"4s\"\nprobe = \"5s\"\n");
            fs::write(lab.path(name).join(file), text).expect("written");
        }
        let project = examples.join("project");
        let copy = [
            project.to_str().expect("text"),
            lab.path("dev").to_str().expect("text"),
        ]
        .map(ToOwned::to_owned);
        run("cp", &["-r", &copy[0], &copy[1]]);
        lab
    }

    /// The directory of a machine.
    pub(crate) fn path(&self, machine: &str) -> PathBuf {
        self.directory.path().join(machine)
    }

    /// Changes the configuration of a machine.
    pub(crate) fn edit(&self, machine: &str, from: &str, to: &str) {
        let file = self.path(machine).join(format!("{machine}.toml"));
        let text = fs::read_to_string(&file).expect("the file");
        assert!(text.contains(from), "{from}");
        fs::write(file, text.replace(from, to)).expect("written");
    }

    /// Runs a line of a shell on a machine, or on the firewall `between` them.
    pub(crate) fn shell(&self, machine: &str, line: &str) {
        let output = self.command(machine, "sh").args(["-c", line]).output();
        let output = output.expect("a shell");
        assert!(output.status.success(), "{line}: {}", told(&output));
    }

    /// Runs the program on a machine to its end: the exit code, and what it said.
    pub(crate) fn portcullis(&self, machine: &str, arguments: &[&str]) -> (i32, String) {
        let mut command = self.command(machine, env!("CARGO_BIN_EXE_portcullis"));
        let output = command.args(arguments).output().expect("it starts");
        let code = output.status.code().unwrap_or(-1);
        (code, told(&output))
    }

    /// Starts the agent of a machine and waits until it is ready.
    pub(crate) fn serve(&self, machine: &str) -> Running {
        let config = format!("{machine}.toml");
        let log = File::create(self.path(machine).join("log")).expect("a log");
        let mut child = self
            .command(machine, env!("CARGO_BIN_EXE_portcullis"))
            .args(["serve", "agent", "--config", &config])
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("it starts");
        let mut line = String::new();
        let output = child.stdout.take().expect("piped");
        BufReader::new(output).read_line(&mut line).expect("text");
        let running = Running(child);
        assert!(line.contains("is ready"), "{line}\n{}", self.log(machine));
        running
    }

    /// What the agent of a machine has logged.
    pub(crate) fn log(&self, machine: &str) -> String {
        fs::read_to_string(self.path(machine).join("log")).expect("a log")
    }

    fn command(&self, machine: &str, program: &str) -> Command {
        let between = machine == "between";
        let mut command = Command::new(if between { program } else { "ip" });
        if !between {
            command.args(["netns", "exec", machine, program]);
            command.current_dir(
                self.path(machine)
                    .ancestors()
                    .find(|path| path.exists())
                    .expect("/"),
            );
        }
        command.stdin(Stdio::null());
        command
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The namespaces end with the test, and what runs in them with these.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output();
    let output = output.expect("the program is there");
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}",
        told(&output)
    );
}

fn told(output: &Output) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    format!("{out}{err}")
}
