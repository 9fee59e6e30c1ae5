//! Two farms, `source` and `target`, one on each machine, and what can be pulled between them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use portcullis_web_service::work::manifest::SitePath;
use tokio::net::unix::pipe;
use tokio::time::{Instant, sleep};

use crate::lab::{Lab, Running, run};

/// No step of a story takes longer; what does has failed.
const PATIENCE: Duration = Duration::from_secs(60);

const TARGET: &str = "http://198.51.100.20:18080";

/// What leads from the source to the target, as nftables says it.
const WAY: &str = "ip daddr 198.51.100.20 tcp dport 18080";

/// The farms of the README's sample, behind firewalls that let calls of the target through and
/// nothing back: whatever this protocol says is an answer.
pub(crate) struct Farms {
    lab: Lab,
    _running: [Running; 2],
}

/// Where the network can be pulled.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cable {
    /// The source sees that its link is gone.
    OfSource,
    /// The router knows no way any more, and may say so.
    OfTarget,
    /// A firewall drops everything and says nothing.
    Firewall,
}

/// Stops an import of the target before it places a certain object.
pub(crate) struct Gate(PathBuf);

/// An import that stands at the gate.
pub(crate) struct Stopped(pipe::Sender);

impl Farms {
    /// Farms that run, a path and a job `nightly` along it. `deployments` are keys of that table;
    /// `timers` are the target's.
    pub(crate) fn new(deployments: &str, timers: &str) -> Self {
        let lab = Lab::new(["source", "target"]);
        for (place, chain) in [
            ("source", "output"),
            ("between", "forward"),
            ("target", "input"),
        ] {
            let rule = format!("nft insert rule inet filter {chain} {WAY} accept");
            lab.shell(place, &rule);
        }
        // Each call has a connection of its own.
        let first = "oif eth0 tcp flags syn / syn,ack counter name calls";
        lab.shell(
            "source",
            &format!(
                "nft add counter inet filter calls; nft insert rule inet filter output {first}"
            ),
        );
        configure(&lab, deployments, timers);
        let log = ["--log", "info,portcullis_web_service=debug"];
        let serve = |machine| lab.serve(machine, "web-service", &log);
        let running = [serve("target"), serve("source")];
        let farms = Self {
            lab,
            _running: running,
        };
        let path = ["define-path", "production", "--source", "staging", "--to"];
        let site = ["--site-collection", "/sites/news", "--web-application"];
        let path = [&path[..], &[TARGET], &site, &["http://intranet"]].concat();
        farms.ends(0, &path);
        farms.ends(0, &["define-job", "nightly", "--path", "production"]);
        farms
    }

    /// A file of a machine.
    pub(crate) fn path(&self, machine: &str, relative: &str) -> PathBuf {
        self.lab.path(machine).join(relative)
    }

    /// Writes a file of the source that no compression makes smaller.
    pub(crate) fn write_noise(&self, file: &str, octets: u32) {
        let line = format!("head -c {octets} /dev/urandom > {file}");
        self.lab.shell("source", &line);
    }

    /// Runs `deployment` at the source to its end with exit code `code`: what it said.
    pub(crate) fn ends(&self, code: i32, arguments: &[&str]) -> String {
        let all = [&["deployment", "--config", "source.toml"], arguments].concat();
        let (ended, said) = self.lab.portcullis("source", &all);
        assert_eq!(ended, code, "{arguments:?}: {said}\n{}", self.logs());
        said
    }

    /// Waits until the source's administrator is shown `words`, by the command and by the page.
    pub(crate) async fn shows(&self, words: &str) {
        wait_for(words, || {
            self.status().contains(words) && self.page().contains(words)
        })
        .await;
    }

    /// What `deployment status` says, however the run is.
    pub(crate) fn status(&self) -> String {
        let all = ["deployment", "--config", "source.toml", "status", "nightly"];
        self.lab.portcullis("source", &all).1
    }

    /// The page that a browser at the source sees.
    pub(crate) fn page(&self) -> String {
        let url = "http://127.0.0.1:18081/_admin/DeploymentJob.aspx?job=nightly";
        self.lab
            .shell("source", &format!("curl --silent --fail '{url}'"))
    }

    /// What the server of a machine has logged.
    pub(crate) fn log(&self, machine: &str) -> String {
        self.lab.log(machine)
    }

    fn logs(&self) -> String {
        ["source", "target"].map(|name| self.log(name)).join("\n\n")
    }

    /// How often the source has begun to call, since it was last asked.
    pub(crate) fn calls(&self) -> u64 {
        let said = self
            .lab
            .shell("source", "nft reset counter inet filter calls");
        packets(&said)
    }

    /// Waits until the source has begun `count` more calls. Polls follow each other, so all but
    /// the last have ended.
    pub(crate) async fn called(&self, count: u64) {
        let mut seen = 0;
        wait_for("calls", || {
            seen += self.calls();
            seen >= count
        })
        .await;
    }

    /// Pulls a cable, or has the firewall drop everything.
    pub(crate) fn pull(&self, cable: Cable) {
        let line = match cable {
            Cable::OfSource => "ip link set to-source down",
            Cable::OfTarget => "ip link set to-target down",
            Cable::Firewall => "nft insert rule inet filter forward drop comment pulled",
        };
        self.lab.shell("between", line);
    }

    /// Puts it back.
    pub(crate) fn put_back(&self, cable: Cable) {
        let line = match cable {
            Cable::OfSource => "ip link set to-source up",
            Cable::OfTarget => "ip link set to-target up",
            Cable::Firewall => return self.remove_rule("pulled"),
        };
        self.lab.shell("between", line);
    }

    /// Has the network break in the middle of what the source sends: after this many KiB.
    pub(crate) fn break_after(&self, kib: u32) {
        let rule = format!("{WAY} quota over {kib} kbytes counter name broken drop");
        let lines = "nft add counter inet filter broken; nft insert rule inet filter forward";
        self.lab.shell("between", &format!("{lines} {rule}"));
    }

    /// Waits until it has broken, pulls the cable, and takes the rule away that has broken it.
    pub(crate) async fn pulled_when_broken(&self, cable: Cable) {
        let look = "nft list counter inet filter broken";
        let has_broken = || packets(&self.lab.shell("between", look)) > 0;
        wait_for("the network breaks", has_broken).await;
        self.pull(cable);
        self.remove_rule("broken");
    }

    fn remove_rule(&self, word: &str) {
        let rules = self
            .lab
            .shell("between", "nft -a list chain inet filter forward");
        let rule = rules.lines().find(|line| line.contains(word));
        let handle = rule.and_then(|rule| rule.rsplit(' ').next());
        let handle = handle.expect("the rule is there");
        let line = format!("nft delete rule inet filter forward handle {handle}");
        self.lab.shell("between", &line);
    }

    /// Whether the target has a connection.
    pub(crate) fn is_connected(&self) -> bool {
        let look = "ss --no-header --tcp --numeric state established";
        !self.lab.shell("target", look).trim().is_empty()
    }

    /// How often the target has begun to import.
    pub(crate) fn imports(&self) -> usize {
        self.log("target").matches("DecompressionStarted").count()
    }

    /// A gate before the object at `path`, for the first import of it.
    pub(crate) fn gate(&self, path: &str) -> Gate {
        // The record of the path: an import reads it to learn whose the place is.
        let records = self.path("target", "sites/news/.portcullis/objects");
        fs::create_dir_all(&records).expect("made");
        let path = SitePath::new(path).expect("a path");
        let record = records.join(path.key().to_string());
        run("mkfifo", &[record.to_str().expect("text")]);
        Gate(record)
    }
}

impl Gate {
    /// Waits until the import stands at the gate.
    pub(crate) async fn reached(&self) -> Stopped {
        let start = Instant::now();
        loop {
            // A pipe cannot be opened for writing while nobody reads.
            match pipe::OpenOptions::new().open_sender(&self.0) {
                Ok(sender) => return Stopped(sender),
                Err(error) => assert!(start.elapsed() < PATIENCE, "no import: {error}"),
            }
            sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Stopped {
    /// Lets the import go on: the place was another's, who is gone.
    pub(crate) fn goes_on(self) {
        let record = r#"{"id":"00000000-0000-0000-0000-000000000001","path":"/gone"}"#;
        let written = self.0.try_write(record.as_bytes());
        assert_eq!(written.expect("it fits"), record.len());
    }
}

/// Waits until it is so.
pub(crate) async fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "waited in vain: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// The first number of packets that nft names.
fn packets(said: &str) -> u64 {
    let mut words = said.split_whitespace();
    words.find(|word| *word == "packets");
    let count = words.next().expect("a counter");
    count.parse().expect("a number")
}

/// Writes both configurations: the README's, and what two machines and short stories need.
fn configure(lab: &Lab, deployments: &str, timers: &str) {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../impl/web-service/examples");
    let sample = |file: &str| fs::read_to_string(examples.join(file)).expect("the sample");
    let account = "password_file = \"password\"\n";
    let target = replaced(
        &sample("target.toml"),
        "port   = 18080\n",
        "port   = 18080\nlisten = \"198.51.100.20\"\n",
    );
    let target = format!("{target}[[account]]\nname = \"source\"\n{account}[timers]\n{timers}");
    let source = replaced(
        &sample("source.toml"),
        "polling_interval = \"10s\"",
        "polling_interval = \"200ms\"\nattempt_rest = \"200ms\"",
    );
    let (source, _) = source.split_once("timeout ").expect("a timeout");
    let caller = format!("administration_url = \"{TARGET}\"\naccount = \"source\"\n{account}");
    let source =
        format!("{source}{deployments}[[target]]\n{caller}[timers]\ntimer_service = \"50ms\"\n");
    for (machine, text) in [("source", source), ("target", target)] {
        let file = |name: &str| lab.path(machine).join(name);
        fs::write(file(&format!("{machine}.toml")), text).expect("written");
        fs::write(file("password"), "correct horse\n").expect("written");
        lab.shell(machine, "chmod 600 password");
    }
    let [from, to] = [examples.join("content"), lab.path("source")];
    let [from, to] = [&from, &to].map(|path| path.to_str().expect("text"));
    run("cp", &["-r", from, to]);
}

fn replaced(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from}");
    text.replacen(from, to, 1)
}
