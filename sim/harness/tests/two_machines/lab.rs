//! Three namespaces: two machines, and the firewall between them.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

/// The addresses of the machines, and of the firewall on their sides.
const ADDRESSES: [(&str, &str); 2] = [
    ("192.0.2.10", "192.0.2.1"),
    ("198.51.100.20", "198.51.100.1"),
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
    /// Machines of these names as they are delivered: routed, closed, and without a file.
    pub(crate) fn new(machines: [&str; 2]) -> Self {
        // Names of namespaces are files below /run, which here is nobody else's.
        run("mount", &["-t", "tmpfs", "none", "/run"]);
        run("ip", &["link", "set", "lo", "up"]);
        for (name, (address, gateway)) in machines.into_iter().zip(ADDRESSES) {
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
        for name in machines {
            lab.shell(name, &format!("nft -f - <<'END'\n{STRICT}\nEND"));
            fs::create_dir(lab.path(name)).expect("made");
        }
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

    /// Runs a line of a shell on a machine, or on the firewall `between` them: what it said.
    pub(crate) fn shell(&self, machine: &str, line: &str) -> String {
        let output = self.command(machine, "sh").args(["-c", line]).output();
        let output = output.expect("a shell");
        assert!(output.status.success(), "{line}: {}", told(&output));
        told(&output)
    }

    /// Runs the program on a machine to its end: the exit code, and what it said.
    pub(crate) fn portcullis(&self, machine: &str, arguments: &[&str]) -> (i32, String) {
        let mut command = self.command(machine, env!("CARGO_BIN_EXE_portcullis"));
        let output = command.args(arguments).output().expect("it starts");
        let code = output.status.code().unwrap_or(-1);
        (code, told(&output))
    }

    /// Starts `what` on a machine, which is served there, and waits until it is ready. Its log
    /// begins anew.
    pub(crate) fn serve(&self, machine: &str, what: &str, options: &[&str]) -> Running {
        let config = format!("{machine}.toml");
        let log = File::create(self.path(machine).join("log")).expect("a log");
        let mut child = self
            .command(machine, env!("CARGO_BIN_EXE_portcullis"))
            .args(["serve", what, "--config", &config])
            .args(options)
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

    /// What the server of a machine has logged.
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

/// Runs a program of the system, which has to succeed.
pub(crate) fn run(program: &str, arguments: &[&str]) {
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
