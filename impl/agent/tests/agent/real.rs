//! Two agents on the operating system's sockets, files, processes and SQLite.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use portcullis_agent::config::{Authentication, Config, EarlierLink, LaterLink};
use portcullis_agent::message::{
    CommandName, EnvironmentName, FailureReason, Outcome, Product, TaskId,
};
use portcullis_agent::state::Settled;
use portcullis_agent::work::{CommandLine, Files, Processes, Workshop};
use portcullis_agent::{Agent, Observer, Order, SubmitRequest};
use portcullis_net::{Host, TokioNet};
use portcullis_store::SqliteStore;
use tokio::time::timeout;

use crate::port::free_port;

type RealAgent = Agent<TokioNet, SqliteStore, Workshop<Files, Processes>>;

fn name(text: &str) -> EnvironmentName {
    EnvironmentName::new(text).unwrap()
}

fn commands(root: &Path) -> BTreeMap<CommandName, CommandLine> {
    let line = |program: &str, arguments: &[&str]| CommandLine {
        program: program.into(),
        arguments: arguments
            .iter()
            .map(|argument| (*argument).to_owned())
            .collect(),
        directory: Some(root.to_owned()),
    };
    let named = |name: &str, line| (CommandName::new(name).unwrap(), line);
    BTreeMap::from([
        named("touch", line("touch", &["$(not a shell)"])),
        named("fail", line("false", &[])),
        named("missing", line("no-such-program-anywhere", &[])),
        named("sleep", line("sleep", &["1000"])),
        named(
            "tree",
            line("sh", &["-c", "sleep 1000 & echo $! > child; wait"]),
        ),
    ])
}

async fn start(root: &Path, config: Config) -> RealAgent {
    let here = root.join(config.name.as_str());
    std::fs::create_dir_all(&here).unwrap();
    let host = Host::real(config.name.as_str(), Ipv4Addr::LOCALHOST.into());
    let store = SqliteStore::open(&here.join("state.sqlite")).unwrap();
    let work = Workshop {
        payload: Files::new(here.join("inbox")),
        executor: Processes::new(commands(&here)),
    };
    Agent::start(host, store, work, config, Observer::none())
        .await
        .unwrap()
}

/// Two environments whose listeners got ports from the operating system.
async fn pair(root: &Path) -> (RealAgent, RealAgent) {
    let (remote_port, local_port) = (free_port(), free_port());
    let product = || Product::new("20.10").unwrap();
    let mut dev = Config::new(name("dev"), product());
    let address = || "127.0.0.1".to_owned();
    dev.later.push(LaterLink {
        name: name("prod"),
        address: address(),
        remote_port,
        local_port,
        authentication: Authentication::None,
    });
    dev.limits.part_octets = 10_000;
    let mut prod = Config::new(name("prod"), product());
    prod.earlier.push(EarlierLink {
        name: name("dev"),
        address: address(),
        remote_port,
        local_port,
        authentication: Authentication::None,
    });
    (start(root, dev).await, start(root, prod).await)
}

async fn settled(agent: &RealAgent, order: Order) -> (TaskId, Settled) {
    let task = agent
        .submit(SubmitRequest::new(name("prod"), order))
        .await
        .unwrap();
    let settled = timeout(Duration::from_secs(60), agent.wait(&task))
        .await
        .unwrap();
    (task, settled.unwrap())
}

fn execute(command: &str) -> Order {
    Order::Execute {
        command: CommandName::new(command).unwrap(),
    }
}

fn plant(root: &Path, files: &[(&str, Vec<u8>)]) -> PathBuf {
    let source = root.join("project");
    for (path, content) in files {
        let path = source.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    source
}

#[tokio::test]
async fn a_real_directory_is_transferred_and_a_real_command_runs() {
    let root = tempfile::tempdir().unwrap();
    let (dev, prod) = pair(root.path()).await;
    let big: Vec<u8> = (0..45_678_u32)
        .map(|n| u8::try_from(n % 251).unwrap())
        .collect();
    let files = [
        ("empty", Vec::new()),
        ("a/b/c.txt", b"hello".to_vec()),
        ("a/big.bin", big),
        ("\u{e4}/x y", b"!".to_vec()),
    ];
    let source = plant(root.path(), &files).to_str().unwrap().to_owned();
    let (task, ended) = settled(&dev, Order::Transfer { source }).await;
    assert_eq!(ended, Settled::Ended(Outcome::Succeeded));
    let place = root.path().join("prod/inbox/dev").join(task.as_str());
    for (path, content) in files {
        assert_eq!(std::fs::read(place.join(path)).unwrap(), content, "{path}");
    }
    let staging = root.path().join("prod/inbox/.staging");
    assert_eq!(std::fs::read_dir(staging).unwrap().count(), 0);

    let (_, ended) = settled(&dev, execute("touch")).await;
    assert_eq!(ended, Settled::Ended(Outcome::Succeeded));
    // The argument reached the program as it is configured: no shell has read it.
    assert!(root.path().join("prod/$(not a shell)").exists());
    dev.stop().await;
    prod.stop().await;
}

#[tokio::test]
async fn commands_that_fail_or_do_not_exist_are_told_apart() {
    let root = tempfile::tempdir().unwrap();
    let (dev, prod) = pair(root.path()).await;
    let failed = |reason| Settled::Ended(Outcome::Failed(reason));
    assert_eq!(
        settled(&dev, execute("fail")).await.1,
        failed(FailureReason::CommandFailed)
    );
    let (_, ended) = settled(&dev, execute("missing")).await;
    assert_eq!(ended, failed(FailureReason::CommandNotStarted));
    let (_, ended) = settled(&dev, execute("unheard-of")).await;
    let unknown = portcullis_agent::message::Reason::UnknownCommand;
    assert_eq!(ended, Settled::Rejected(unknown));
    dev.stop().await;
    prod.stop().await;
}

#[tokio::test]
async fn a_cancelled_command_is_killed_and_reported_as_cancelled() {
    let root = tempfile::tempdir().unwrap();
    let (dev, prod) = pair(root.path()).await;
    let task = dev
        .submit(SubmitRequest::new(name("prod"), execute("sleep")))
        .await
        .unwrap();
    timeout(Duration::from_secs(30), async {
        while prod.cancel(&name("dev"), &task).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap();
    let settled = timeout(Duration::from_secs(30), dev.wait(&task))
        .await
        .unwrap();
    assert_eq!(settled, Ok(Settled::Ended(Outcome::Cancelled)));
    dev.stop().await;
    prod.stop().await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_cancelled_command_takes_what_it_started_with_it() {
    let root = tempfile::tempdir().unwrap();
    let (dev, prod) = pair(root.path()).await;
    let request = SubmitRequest::new(name("prod"), execute("tree"));
    let task = dev.submit(request).await.unwrap();
    let started = root.path().join("prod/child");
    let running = |number: &str| {
        let line = std::fs::read(format!("/proc/{number}/cmdline")).unwrap_or_default();
        // A dead process that nobody has asked after yet has no command line any more.
        !line.is_empty()
    };
    timeout(Duration::from_secs(30), async {
        let child = loop {
            let number = std::fs::read_to_string(&started).unwrap_or_default();
            if let Some(number) = number.strip_suffix('\n') {
                break number.to_owned();
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        // While a process becomes another program it has no command line for a moment.
        while !running(&child) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        prod.cancel(&name("dev"), &task).await.unwrap();
        while running(&child) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap();
    dev.stop().await;
    prod.stop().await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_directory_with_a_link_is_not_transferred() {
    let root = tempfile::tempdir().unwrap();
    let (dev, prod) = pair(root.path()).await;
    let source = plant(root.path(), &[("file", b"x".to_vec())]);
    std::os::unix::fs::symlink("/etc", source.join("link")).unwrap();
    let source = source.to_str().unwrap().to_owned();
    let refused = dev
        .submit(SubmitRequest::new(name("prod"), Order::Transfer { source }))
        .await;
    assert!(matches!(
        refused,
        Err(portcullis_agent::error::SubmitError::Payload(_))
    ));
    dev.stop().await;
    prod.stop().await;
}

/// A transfer into a place where somebody has made a directory fails, and what is there stays.
#[tokio::test]
async fn a_transfer_does_not_take_a_directory_of_somebody_else_for_its_own_result() {
    let root = tempfile::tempdir().unwrap();
    let (dev, prod) = pair(root.path()).await;
    let place = root.path().join("prod/inbox/dev/t1");
    std::fs::create_dir_all(&place).unwrap();
    let source = plant(root.path(), &[("file", b"x".to_vec())]);
    let source = source.to_str().unwrap().to_owned();
    let request = SubmitRequest {
        id: Some(TaskId::new("t1").unwrap()),
        ..SubmitRequest::new(name("prod"), Order::Transfer { source })
    };
    let task = dev.submit(request).await.unwrap();
    let ended = timeout(Duration::from_secs(60), dev.wait(&task)).await;
    let failed = Settled::Ended(Outcome::Failed(FailureReason::TargetExists));
    assert_eq!(ended.unwrap(), Ok(failed));
    assert_eq!(std::fs::read_dir(&place).unwrap().count(), 0);
    dev.stop().await;
    prod.stop().await;
}
