//! A directory with two environments, `dev` and `prod`, and the processes that run them.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use portcullis_net::Randomness;
use tokio::fs::OpenOptions;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{sleep, timeout};

/// No step of a test takes longer; what does has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Two environments that share a machine, in a directory of their own.
pub(crate) struct Site {
    directory: tempfile::TempDir,
    /// Where prod listens.
    pub(crate) remote_port: u16,
    /// Where dev listens.
    pub(crate) local_port: u16,
}

impl Site {
    /// A site with configurations, a directory to transfer, and commands: `wait` ends when the test
    /// says so, `fail` fails.
    pub(crate) fn new() -> Self {
        let site = Self {
            directory: tempfile::tempdir().expect("a directory"),
            remote_port: free_port(),
            local_port: free_port(),
        };
        let ports = format!(
            "remote_port = {}\nlocal_port = {}\n",
            site.remote_port, site.local_port
        );
        let retries = "[retries]\ncompletion = [\"100ms\"]\ntask = [\"100ms\", \"1s\"]\n";
        site.write(
            "dev.toml",
            format!(
                "name = \"dev\"\nproduct = \"1.0\"\nstate = \"dev\"\n\
                 [[later]]\nname = \"prod\"\n{ports}{retries}"
            ),
        );
        site.write(
            "prod.toml",
            format!(
                "name = \"prod\"\nproduct = \"1.0\"\nstate = \"prod\"\n\
                 [[earlier]]\nname = \"dev\"\n{ports}\
                 [[command]]\nname = \"wait\"\nargv = [\"cat\", \"gate\"]\ndirectory = \".\"\n\
                 [[command]]\nname = \"fail\"\nargv = [\"false\"]\n\
                 [[command]]\nname = \"list\"\nargv = [\"ls\"]\n{retries}"
            ),
        );
        let made = std::process::Command::new("mkfifo")
            .arg(site.path("gate"))
            .status();
        assert!(made.expect("mkfifo runs").success());
        site
    }

    /// Has dev send to `port`, behind which prod's is, and try a part again soon.
    pub(crate) fn reroute(&self, port: u16) {
        let path = self.path("dev.toml");
        let text = fs::read_to_string(&path).expect("a configuration");
        let direct = format!("remote_port = {}\n", self.remote_port);
        let text = text.replace(&direct, &format!("remote_port = {port}\n"));
        let text = text.replace("[retries]\n", "[retries]\nrequest = [\"100ms\"]\n");
        fs::write(path, text).expect("written");
    }

    /// A path of the site.
    pub(crate) fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.directory.path().join(relative)
    }

    /// Writes a file of the site.
    pub(crate) fn write(&self, relative: &str, content: impl AsRef<[u8]>) {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().expect("inside the site")).expect("made");
        fs::write(path, content).expect("written");
    }

    /// Changes a file of the site.
    pub(crate) fn replace(&self, relative: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(relative)).expect("the file");
        assert!(text.contains(from), "{from} in {relative}");
        self.write(relative, text.replacen(from, to, 1));
    }

    /// Writes a file of the site that nobody else may read.
    pub(crate) fn write_secret(&self, relative: &str, content: &str) {
        self.write(relative, content);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let own = fs::Permissions::from_mode(0o600);
            fs::set_permissions(self.path(relative), own).expect("ours");
        }
    }

    /// Adds `keys` to the link of the environment `name`.
    pub(crate) fn secure(&self, name: &str, keys: &str) {
        let file = format!("{name}.toml");
        let link = match name {
            "dev" => "[[later]]\nname = \"prod\"\n",
            _ => "[[earlier]]\nname = \"dev\"\n",
        };
        self.replace(&file, link, &format!("{link}{keys}"));
    }

    /// Makes a key with the program.
    pub(crate) async fn new_key(&self, file: &str) {
        let said = self.start("key.log", &["new-key", file]).ends_with(0).await;
        assert!(said.contains(file), "{said}");
    }

    /// Starts the program in the site's directory. Its log goes to the file `log`.
    pub(crate) fn start(&self, log: &str, arguments: &[&str]) -> Program {
        let path = self.path(log);
        let mut child = Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .args(arguments)
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&path).expect("a log"))
            .kill_on_drop(true)
            .spawn()
            .expect("the program starts");
        let output = child.stdout.take().expect("piped");
        Program {
            child,
            lines: BufReader::new(output).lines(),
            said: Vec::new(),
            log: path,
        }
    }

    /// Starts `serve agent` and waits until it is ready.
    pub(crate) async fn serve(&self, name: &str, log: &str) -> Program {
        let config = format!("{name}.toml");
        let mut program = self.start(log, &["serve", "agent", "--config", &config]);
        program.says(&format!("{name} is ready")).await;
        program
    }

    /// Starts `submit` of dev with its connections logged.
    pub(crate) fn submit(&self, log: &str, rest: &[&str]) -> Program {
        let mut arguments = vec!["submit", "--config", "dev.toml", "--log", "info"];
        arguments.extend(rest);
        self.start(log, &arguments)
    }

    /// Waits until the command `wait` runs; it ends when the file is dropped.
    pub(crate) async fn running_work(&self) -> File {
        let gate = self.path("gate");
        // Opening a pipe for writing waits for a reader.
        let mut writing = OpenOptions::new();
        let opened = timeout(PATIENCE, writing.write(true).open(gate)).await;
        let opened = opened.expect("the work begins");
        opened.expect("the gate opens").into_std().await
    }
}

/// One process of the program.
pub(crate) struct Program {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    said: Vec<String>,
    log: PathBuf,
}

impl Program {
    /// Waits for a line that contains `words`.
    pub(crate) async fn says(&mut self, words: &str) {
        let found = timeout(PATIENCE, async {
            while let Some(line) = self.lines.next_line().await.expect("text") {
                self.said.push(line.clone());
                if line.contains(words) {
                    return true;
                }
            }
            false
        });
        if found.await != Ok(true) {
            self.fail(&format!("did not say `{words}`"));
        }
    }

    /// Waits for the end: the exit code, and everything said.
    pub(crate) async fn ends(mut self) -> (i32, String) {
        let status = self.wait().await;
        (status.code().unwrap_or(-1), self.said.join("\n"))
    }

    /// Waits for the end with exit code `code`; returns everything said.
    pub(crate) async fn ends_with(mut self, code: i32) -> String {
        let status = self.wait().await;
        if status.code() != Some(code) {
            self.fail(&format!("ended with {status}, not {code}"));
        }
        self.said.join("\n")
    }

    async fn wait(&mut self) -> ExitStatus {
        let ended = timeout(PATIENCE, async {
            while let Some(line) = self.lines.next_line().await.expect("text") {
                self.said.push(line);
            }
            self.child.wait().await.expect("waited for")
        })
        .await;
        match ended {
            Ok(status) => status,
            Err(_) => self.fail("did not end"),
        }
    }

    /// The most memory that it has had at a time, in octets.
    #[cfg(target_os = "linux")]
    pub(crate) fn peak_memory(&self) -> u64 {
        let pid = self.child.id().expect("still runs");
        let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("still runs");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|peak| peak.trim().strip_suffix(" kB"));
        peak.and_then(|peak| peak.parse::<u64>().ok())
            .expect("a number")
            * 1024
    }

    /// Kills it without warning, as `kill -9` does.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.expect("killed");
    }

    /// Asks it to end.
    pub(crate) async fn terminate(&self) {
        self.signal("-TERM").await;
    }

    /// Sends it a signal.
    pub(crate) async fn signal(&self, signal: &str) {
        let pid = self.child.id().expect("still runs").to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().await;
        assert!(sent.expect("kill runs").success());
    }

    /// Waits until it has logged `words`.
    pub(crate) async fn logs(&self, words: &str) {
        let logged = timeout(PATIENCE, async {
            while !self.log().contains(words) {
                sleep(Duration::from_millis(20)).await;
            }
        });
        if logged.await.is_err() {
            self.fail(&format!("did not log `{words}`"));
        }
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).expect("a log")
    }

    fn fail(&self, what: &str) -> ! {
        panic!(
            "{what}; said:\n{}\n{}",
            self.said.join("\n"),
            self.logs_of_all()
        );
    }

    /// What this and every other process of the site has logged: the fault may be another's.
    fn logs_of_all(&self) -> String {
        let directory = self.log.parent().expect("inside the site");
        let entries = fs::read_dir(directory).expect("a directory");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        let logs = paths.filter(|path| path.extension().is_some_and(|end| end == "log"));
        logs.map(|path| {
            let log = fs::read_to_string(&path).expect("a log");
            format!("{}:\n{log}", path.display())
        })
        .collect()
    }
}

/// A port that nobody uses, below the ports that systems hand out, so that no outgoing connection
/// of another test takes it meanwhile; never the same one twice.
pub(crate) fn free_port() -> u16 {
    /// How many ports this process has tried.
    static TRIED: AtomicU64 = AtomicU64::new(0);
    /// Where it began, so that two processes seldom try the same ones.
    static FIRST: LazyLock<u64> = LazyLock::new(|| Randomness::from_os().below(12_000));

    let mut candidates = std::iter::repeat_with(|| {
        let tried = TRIED.fetch_add(1, Ordering::Relaxed);
        20_000 + (*FIRST + tried) % 12_000
    });
    candidates
        .find_map(|port| {
            let port = u16::try_from(port).expect("below 32,000");
            let free = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
            free.then_some(port)
        })
        .expect("some port is free")
}

/// The values of `key=` in the lines of a log that contain all of `words`.
pub(crate) fn logged(log: &str, key: &str, words: &[&str]) -> Vec<String> {
    let start = format!(" {key}=");
    log.lines()
        .filter(|line| words.iter().all(|word| line.contains(word)))
        .filter_map(|line| line.split_once(&start))
        .map(|(_, rest)| rest.split(' ').next().unwrap_or_default().to_owned())
        .collect()
}
