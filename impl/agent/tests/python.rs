//! A client in another language, written from SPEC.md alone, against a real agent on loopback.

use std::collections::BTreeMap;
use std::error::Error;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use libtest_mimic::{Arguments, Failed, Trial};
use portcullis_agent::config::{Authentication, EarlierLink, Key, KeyRing};
use portcullis_agent::message::{CommandName, EnvironmentName, Outcome, Product};
use portcullis_agent::work::{CommandLine, Files, Processes, Workshop};
use portcullis_agent::{Agent, Config, Observer};
use portcullis_net::{Host, Randomness};
use portcullis_store::SqliteStore;
use tokio::io::AsyncWriteExt;

fn main() {
    let arguments = Arguments::from_args();
    let installed = Command::new("python3").arg("--version").output();
    let installed = installed.is_ok_and(|said| said.status.success());
    let name = "a client in Python written from the specification is served";
    let trial = Trial::test(name, || {
        served().map_err(|error| Failed::from(error.to_string()))
    });
    let stranger = Trial::test("a client in Python without the secret is not", || {
        refused().map_err(|error| Failed::from(error.to_string()))
    });
    let trials = [trial, stranger].map(|trial| trial.with_ignored_flag(!installed));
    libtest_mimic::run(&arguments, trials.into()).exit();
}

/// The secret that both sides have.
const SECRET: [u8; 32] = *b"shared between Rust and a snake!";
const PRODUCT: &str = "20.10 & <later>";

/// Two ports of loopback that the operating system gives to no other connection meanwhile: below
/// those that it hands out.
fn ports() -> Result<[u16; 2], Box<dyn Error>> {
    let first = u16::try_from(10_000 + 2 * Randomness::from_os().below(10_000))?;
    Ok([first, first + 1])
}

/// What the client said, and how the tasks that the agent received have ended.
type Played = (Output, Vec<Option<Outcome>>);

/// Runs the client against an agent that knows `SECRET`, and returns what it said and what the
/// agent received.
fn play(secret: &[u8], root: &Path) -> Result<Played, Box<dyn Error>> {
    let [remote_port, local_port] = ports()?;
    let mut config = Config::new(EnvironmentName::new("prod")?, Product::new(&product())?);
    config.earlier.push(EarlierLink {
        name: EnvironmentName::new("snake")?,
        address: "127.0.0.1".to_owned(),
        remote_port,
        local_port,
        authentication: Authentication::Mac(KeyRing::new(Key::from_octets(&SECRET)?, None)),
    });
    let line = CommandLine {
        program: "true".into(),
        arguments: Vec::new(),
        directory: None,
    };
    let work = Workshop {
        payload: Files::new(root.join("inbox")),
        executor: Processes::new(BTreeMap::from([(CommandName::new("nothing")?, line)])),
    };
    let store = SqliteStore::open(&root.join("state.sqlite"))?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/client.py");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let host = Host::real("prod", Ipv4Addr::LOCALHOST.into());
    runtime.block_on(async {
        let agent = Agent::start(host, store, work, config, Observer::none()).await?;
        let (remote_port, local_port) = (remote_port.to_string(), local_port.to_string());
        let mut client = tokio::process::Command::new("python3")
            .arg(script)
            .args(["snake", "prod", &product(), "127.0.0.1"])
            .args([&remote_port, &local_port, "nothing"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let digits: String = secret.iter().map(|octet| format!("{octet:02x}")).collect();
        let mut stdin = client.stdin.take().ok_or("no standard input")?;
        stdin.write_all(digits.as_bytes()).await?;
        drop(stdin);
        let output = client.wait_with_output().await?;
        let received = agent.received().await;
        agent.stop().await;
        let outcomes = received.into_iter().map(|(_, known)| known.outcome);
        Ok((output, outcomes.collect()))
    })
}

/// Visible ASCII without spaces, with everything that has to be escaped.
fn product() -> String {
    PRODUCT.replace(' ', "-") + "\"'"
}

fn served() -> Result<(), Box<dyn Error>> {
    let root = tempfile::tempdir()?;
    let (output, outcomes) = play(&SECRET, root.path())?;
    let (said, complaints) = (text(&output.stdout), text(&output.stderr));
    let last = said.lines().last().unwrap_or_default();
    // Which of the last two comes first is a matter of moments: the answer, or the record of it.
    let told = last.ends_with(": reported, succeeded")
        || last.ends_with(": finished-unreported, succeeded");
    let succeeded = [Some(Outcome::Succeeded); 2];
    if !output.status.success() || !told || outcomes != succeeded {
        return Err(format!("{said}{complaints}{outcomes:?}").into());
    }
    let files = std::fs::read_dir(root.path().join("inbox/snake"))?;
    let arrived = files.filter_map(|task| Some(task.ok()?.path().join("hello.txt")));
    let contents: Vec<String> = arrived
        .filter_map(|file| std::fs::read_to_string(file).ok())
        .collect();
    if contents == ["hello from Python\n"] {
        Ok(())
    } else {
        Err(format!("in place: {contents:?}").into())
    }
}

fn refused() -> Result<(), Box<dyn Error>> {
    let root = tempfile::tempdir()?;
    let (output, outcomes) = play(b"another secret, just as long: 32", root.path())?;
    let complaints = text(&output.stderr);
    // The refusal is signed with the secret that the client lacks.
    if output.status.success() || !complaints.contains("code") || !outcomes.is_empty() {
        return Err(format!("{complaints}{outcomes:?}").into());
    }
    Ok(())
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}
