//! A directory with farms, and the processes that serve them.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use portcullis_net::Randomness;

/// The start of an envelope of SOAP 1.1 up to its body's child, and the rest.
const ENVELOPE: (&str, &str) = (
    "<e:Envelope xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\"><e:Body>",
    "</e:Body></e:Envelope>",
);

/// A directory of its own.
pub(crate) struct Town(tempfile::TempDir);

impl Town {
    /// An empty one.
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    /// A path in it.
    pub(crate) fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.0.path().join(relative)
    }

    /// Writes a file that nobody else may read.
    pub(crate) fn write(&self, relative: &str, content: &str) {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().expect("inside the town")).expect("made");
        fs::write(&path, content).expect("written");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("ours");
        }
    }

    /// Writes the configuration of an import farm called `name`; its port.
    pub(crate) fn target(&self, name: &str, more: &str) -> u16 {
        let port = free_port();
        self.target_at(port, name, more);
        port
    }

    /// The same with a port that is decided already.
    pub(crate) fn target_at(&self, port: u16, name: &str, more: &str) {
        let text = format!(
            "server = \"{name}\"\nstate = \"{name}\"\nport = {port}\naccept_incoming_jobs = true\n\
             {more}\n[[web_application]]\nname = \"Intranet\"\nurl = \"http://intranet\"\n\
             [[site_collection]]\nweb_application = \"Intranet\"\npath = \"/\"\n\
             directory = \"{name}-site\"\n[timers]\ntimer_service = \"50ms\"\n"
        );
        self.write(&format!("{name}.toml"), &text);
    }

    /// Starts the farm `name`, and waits until it is ready.
    pub(crate) fn serve(&self, name: &str) -> Farm {
        let log = self.path(format!("{name}.log"));
        let mut child = self.portcullis(&["serve", "web-service", "--config"]);
        let mut child = child
            .arg(format!("{name}.toml"))
            .stdout(Stdio::piped())
            .stderr(
                File::options()
                    .create(true)
                    .append(true)
                    .open(&log)
                    .expect("a log"),
            )
            .spawn()
            .expect("the program starts");
        let output = child.stdout.take().expect("piped");
        let is_ready = |line: Result<String, _>| line.expect("text").contains("is ready");
        let found = BufReader::new(output).lines().any(is_ready);
        let farm = Farm(child);
        let said = || fs::read_to_string(&log).unwrap_or_default();
        assert!(found, "{name} is not ready: {}", said());
        farm
    }

    /// The program with `arguments`, in the directory.
    pub(crate) fn portcullis(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        command
            .args(arguments)
            .current_dir(self.0.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs another program here, which has to succeed.
    pub(crate) fn run(&self, program: &str, arguments: &str) {
        let output = Command::new(program)
            .args(arguments.split_whitespace())
            .current_dir(self.0.path())
            .output()
            .expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{program} {arguments}: {said}");
    }

    /// Calls an operation by curl: the HTTP status (0 when there was no answer), and the body.
    pub(crate) fn curl(&self, url: &str, call: &str, options: &[&str]) -> (u16, String) {
        let mut curl = Command::new("curl")
            .args([
                "--silent",
                "--max-time",
                "30",
                "--write-out",
                "\n%{http_code}",
            ])
            .args(["--header", "Content-Type: text/xml", "--data-binary", "@-"])
            .args(options)
            .arg(format!("{url}/_vti_adm/ContentDeploymentRemoteImport.asmx"))
            .current_dir(self.0.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("curl runs");
        let message = format!(
            "{}<{call} xmlns=\"http://schemas.microsoft.com/sharepoint/soap/\"/>{}",
            ENVELOPE.0, ENVELOPE.1
        );
        let mut input = curl.stdin.take().expect("piped");
        // A server that refuses early may not read it.
        drop(input.write_all(message.as_bytes()));
        drop(input);
        let Output { stdout, .. } = curl.wait_with_output().expect("curl ends");
        let said = String::from_utf8(stdout).expect("text");
        let (body, status) = said.rsplit_once('\n').expect("a status");
        (status.parse().expect("a number"), body.to_owned())
    }
}

/// A farm that is served; killed when it is dropped.
pub(crate) struct Farm(Child);

impl Drop for Farm {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// A port that nobody uses, below the ports that systems hand out.
pub(crate) fn free_port() -> u16 {
    let random = Randomness::from_os();
    std::iter::repeat_with(|| 20_000 + u16::try_from(random.below(12_000)).expect("small"))
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .expect("some port is free")
}
