//! A thousand tasks at once on the operating system's sockets.

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use portcullis_agent::config::{Authentication, Config, EarlierLink, LaterLink};
use portcullis_agent::message::{CommandName, EnvironmentName, Outcome, Product, TaskId};
use portcullis_agent::state::Settled;
use portcullis_agent::work::{Script, Shelf, SimulatedExecutor, SimulatedPayload, Workshop};
use portcullis_agent::{Agent, AgentEvent, Observer, Order, SubmitRequest};
use portcullis_net::{Host, TokioNet};
use portcullis_store::SqliteStore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::port::free_port;

/// Real sockets and a real store; the work itself takes no time.
type QuickAgent = Agent<TokioNet, SqliteStore, Workshop<SimulatedPayload, SimulatedExecutor>>;

const TASKS: usize = 1000;

fn name(text: &str) -> EnvironmentName {
    EnvironmentName::new(text).unwrap()
}

fn config(this: &str) -> Config {
    Config::new(name(this), Product::new("20.10").unwrap())
}

/// What went wrong on the way, even where another attempt made it good.
#[derive(Clone, Default)]
struct Troubles(Arc<Mutex<Vec<String>>>);

impl Troubles {
    fn observer(&self) -> Observer {
        let troubles = Arc::clone(&self.0);
        Observer::new(move |event| {
            if matches!(
                event,
                AgentEvent::AttemptFailed { .. } | AgentEvent::Warning { .. }
            ) {
                troubles.lock().unwrap().push(format!("{event:?}"));
            }
        })
    }

    fn assert_none(&self) {
        assert_eq!(*self.0.lock().unwrap(), Vec::<String>::new());
    }
}

async fn start(root: &Path, config: Config, troubles: &Troubles) -> QuickAgent {
    let host = Host::real(config.name.as_str(), Ipv4Addr::LOCALHOST.into());
    let store = root.join(format!("{}.sqlite", config.name));
    let store = SqliteStore::open(&store).unwrap();
    let script = Script::default();
    let work = Workshop {
        payload: SimulatedPayload::new(1, Shelf::default(), script.clone(), Duration::ZERO),
        executor: SimulatedExecutor::new(script),
    };
    Agent::start(host, store, work, config, troubles.observer())
        .await
        .unwrap()
}

/// `dev` and as many later environments as there are to be links.
async fn chain(root: &Path, links: usize, troubles: &Troubles) -> (QuickAgent, Vec<QuickAgent>) {
    let mut dev = config("dev");
    let mut later = Vec::new();
    for index in 0..links {
        let (remote_port, local_port) = (free_port(), free_port());
        let this = format!("prod{index}");
        let (address, authentication) = ("127.0.0.1".to_owned(), Authentication::None);
        dev.later.push(LaterLink {
            name: name(&this),
            address: address.clone(),
            remote_port,
            local_port,
            authentication: authentication.clone(),
        });
        let mut config = config(&this);
        config.earlier.push(EarlierLink {
            name: name("dev"),
            address,
            remote_port,
            local_port,
            authentication,
        });
        later.push(start(root, config, troubles).await);
    }
    (start(root, dev, troubles).await, later)
}

/// Submits everything at once and waits for all of it; every task must have succeeded.
async fn carry_out(dev: &QuickAgent, requests: Vec<SubmitRequest>) {
    let mut submissions = JoinSet::new();
    for request in requests {
        let dev = dev.clone();
        submissions.spawn(async move {
            let task = dev.submit(request).await.unwrap();
            dev.wait(&task).await.unwrap()
        });
    }
    let all = timeout(Duration::from_secs(120), submissions.join_all()).await;
    let succeeded = Settled::Ended(Outcome::Succeeded);
    assert!(all.unwrap().iter().all(|settled| *settled == succeeded));
}

fn requests(links: usize, independent: impl Fn(usize) -> bool) -> Vec<SubmitRequest> {
    let request = |index: usize| SubmitRequest {
        id: Some(TaskId::new(&format!("t{index}")).unwrap()),
        independent: independent(index),
        ..SubmitRequest::new(
            name(&format!("prod{}", index.checked_rem(links).unwrap())),
            Order::Execute {
                command: CommandName::new("c").unwrap(),
            },
        )
    };
    (0..TASKS).map(request).collect()
}

/// The descriptors of this process at most, until the returned watch is dropped.
#[cfg(target_os = "linux")]
fn watch_descriptors() -> (Arc<AtomicUsize>, JoinSet<()>) {
    let most = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&most);
    let mut watch = JoinSet::new();
    watch.spawn(async move {
        loop {
            let open = std::fs::read_dir("/proc/self/fd").unwrap().count();
            seen.fetch_max(open, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    });
    (most, watch)
}

/// ET-24: the originator has more to say than the destination listens to at a time, and keeps to
/// what it takes: no attempt fails, and no connection has to give way.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_thousand_independent_tasks_share_one_link() {
    let root = tempfile::tempdir().unwrap();
    let troubles = Troubles::default();
    let (dev, prod) = chain(root.path(), 1, &troubles).await;
    let before = std::fs::read_dir("/proc/self/fd").unwrap().count();
    let (most, watch) = watch_descriptors();
    carry_out(&dev, requests(1, |_| true)).await;
    drop(watch);
    troubles.assert_none();
    // Both ends of 6 connections each way, those that are just being closed, and other tests'.
    let more = most.load(Ordering::Relaxed).saturating_sub(before);
    assert!(more < 400, "{more} descriptors more than before");
    let received = prod.first().unwrap().received().await;
    assert_eq!(received.len(), TASKS);
    dev.stop().await;
}

#[tokio::test]
async fn a_thousand_tasks_are_spread_over_four_links_some_of_them_in_order() {
    let root = tempfile::tempdir().unwrap();
    let troubles = Troubles::default();
    let (dev, later) = chain(root.path(), 4, &troubles).await;
    carry_out(&dev, requests(4, |index| index >= 200)).await;
    troubles.assert_none();
    for prod in later {
        assert_eq!(prod.received().await.len(), TASKS / 4);
        prod.stop().await;
    }
    dev.stop().await;
}
