//! Environments on a network in memory, for tests of whole conversations.

mod net;

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use portcullis_agent::config::{Authentication, Config, EarlierLink, Key, KeyRing, LaterLink};
use portcullis_agent::message::{CommandName, EnvironmentName, Product, TaskId};
use portcullis_agent::state::Settled;
use portcullis_agent::work::{
    Script, Scripted, Shelf, SimulatedExecutor, SimulatedPayload, Workshop,
};
use portcullis_agent::{Agent, AgentEvent, Observer, Order, SubmitRequest};
use portcullis_net::{Host, Randomness, Spawn, Spawner, WallClock};
use portcullis_store::{Disk, SimStore};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

pub(crate) use net::{Fault, MemoryNet, MemoryStream, Wires};

/// What every clock shows at the start.
pub(crate) const EPOCH: jiff::Timestamp = jiff::Timestamp::constant(1_900_000_000, 0);

/// The work of a test environment.
pub(crate) type TestWork = Workshop<SimulatedPayload, SimulatedExecutor>;
/// An agent of a test environment.
pub(crate) type TestAgent = Agent<MemoryNet, SimStore, TestWork>;

/// One environment: what survives a crash of its host, and the agent of its present life.
pub(crate) struct Site {
    pub(crate) agent: TestAgent,
    pub(crate) payload: SimulatedPayload,
    pub(crate) shelf: Shelf,
    pub(crate) script: Script,
    pub(crate) config: Config,
    disk: Disk,
    random: Randomness,
    tasks: Arc<Mutex<JoinSet<()>>>,
}

/// All environments of a test, and what they announced.
pub(crate) struct World {
    pub(crate) wires: Wires,
    pub(crate) start: Instant,
    pub(crate) events: Arc<Mutex<Vec<(Duration, String, AgentEvent)>>>,
    pub(crate) sites: BTreeMap<String, Site>,
    /// How far the clock of each host is ahead, in seconds.
    pub(crate) clocks: Arc<Mutex<BTreeMap<String, i64>>>,
}

/// The tasks of one life of a host.
struct Life(Arc<Mutex<JoinSet<()>>>);

impl Spawn for Life {
    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>) {
        self.0.lock().unwrap().spawn(task);
    }
}

pub(crate) fn name(text: &str) -> EnvironmentName {
    EnvironmentName::new(text).unwrap()
}

pub(crate) fn task(text: &str) -> TaskId {
    TaskId::new(text).unwrap()
}

pub(crate) fn command(text: &str) -> CommandName {
    CommandName::new(text).unwrap()
}

/// A secret made of words.
pub(crate) fn key(words: &str) -> Key {
    Key::from_octets(format!("{words}, and enough octets to be a secret").as_bytes()).unwrap()
}

/// The secret of a link.
pub(crate) fn link_key(earlier: &str, later: &str) -> Key {
    key(&format!("{earlier} and {later}"))
}

/// How the two ends of a link know each other.
pub(crate) fn authentication(earlier: &str, later: &str) -> Authentication {
    Authentication::Mac(KeyRing::new(link_key(earlier, later), None))
}

/// The configuration of the environment at `index` of a chain: its links with its neighbours have
/// the ports 6102, 6202, ... (remote) and 6101, 6201, ... (local).
pub(crate) fn config(chain: &[&str], index: usize) -> Config {
    let mut config = Config::new(name(chain[index]), Product::new("20.10").unwrap());
    let ports = |link: usize| {
        let base = 6000 + 100 * u16::try_from(link + 1).unwrap();
        (base + 2, base + 1)
    };
    if let Some(later) = chain.get(index + 1) {
        let (remote_port, local_port) = ports(index);
        let address = (*later).to_owned();
        let authentication = authentication(chain[index], later);
        config.later.push(LaterLink {
            name: name(later),
            address,
            remote_port,
            local_port,
            authentication,
        });
    }
    if index > 0 {
        let earlier = chain[index - 1];
        let (remote_port, local_port) = ports(index - 1);
        let address = earlier.to_owned();
        let authentication = authentication(earlier, chain[index]);
        config.earlier.push(EarlierLink {
            name: name(earlier),
            address,
            remote_port,
            local_port,
            authentication,
        });
    }
    config
}

impl World {
    /// A chain of environments, each on a host of its own name.
    pub(crate) async fn chain(chain: &[&str]) -> Self {
        Self::chain_with(chain, |_| {}).await
    }

    /// The same, with configurations adjusted.
    pub(crate) async fn chain_with(chain: &[&str], adjust: impl Fn(&mut Config)) -> Self {
        let mut world = Self {
            wires: Wires::default(),
            start: Instant::now(),
            events: Arc::default(),
            sites: BTreeMap::new(),
            clocks: Arc::default(),
        };
        for (index, host) in chain.iter().enumerate() {
            let mut config = config(chain, index);
            adjust(&mut config);
            let random = Randomness::from_seed(7).fork(host);
            let disk = Disk::new(&random, Duration::from_millis(1));
            let (shelf, script) = (Shelf::default(), Script::default());
            let sync = Duration::from_millis(1);
            let payload = SimulatedPayload::new(7, shelf.clone(), script.clone(), sync);
            let (agent, tasks) = world
                .boot(host, &config, &disk, &random, &payload, &script)
                .await;
            let site = Site {
                agent,
                payload,
                shelf,
                script,
                config,
                disk,
                random,
                tasks,
            };
            world.sites.insert((*host).to_owned(), site);
        }
        world
    }

    async fn boot(
        &self,
        host: &str,
        config: &Config,
        disk: &Disk,
        random: &Randomness,
        payload: &SimulatedPayload,
        script: &Script,
    ) -> (TestAgent, Arc<Mutex<JoinSet<()>>>) {
        let tasks = Arc::new(Mutex::new(JoinSet::new()));
        let start = self.start;
        let (clocks, name) = (Arc::clone(&self.clocks), host.to_owned());
        let wall = WallClock::from_fn(move || {
            let ahead = clocks.lock().unwrap().get(&name).copied();
            let ahead = jiff::SignedDuration::from_secs(ahead.unwrap_or_default());
            EPOCH + ahead + jiff::SignedDuration::try_from(start.elapsed()).unwrap()
        });
        let host = Host {
            name: host.into(),
            net: self.wires.of(host),
            spawner: Spawner::new(Life(Arc::clone(&tasks))),
            wall,
            random: random.clone(),
        };
        let events = Arc::clone(&self.events);
        let (who, start) = (host.name.to_string(), self.start);
        let observer = Observer::new(move |event| {
            events
                .lock()
                .unwrap()
                .push((start.elapsed(), who.clone(), event.clone()));
        });
        let store = SimStore::open(disk, &host.spawner);
        let executor = SimulatedExecutor::new(script.clone());
        let work = Workshop {
            payload: payload.clone(),
            executor,
        };
        let agent = Agent::start(host, store, work, config.clone(), observer)
            .await
            .unwrap();
        (agent, tasks)
    }

    /// Ends every task of a host at once; what is durable stays.
    pub(crate) async fn crash(&self, host: &str) {
        let site = &self.sites[host];
        let mut tasks = std::mem::take(&mut *site.tasks.lock().unwrap());
        tasks.shutdown().await;
        site.disk.crash();
    }

    /// Starts a host that has crashed, or was stopped.
    pub(crate) async fn restart(&mut self, host: &str) {
        let site = self.sites.remove(host).unwrap();
        let (agent, tasks) = self
            .boot(
                host,
                &site.config,
                &site.disk,
                &site.random,
                &site.payload,
                &site.script,
            )
            .await;
        self.sites.insert(
            host.to_owned(),
            Site {
                agent,
                tasks,
                ..site
            },
        );
    }

    /// Sets how far the clock of a host is ahead.
    pub(crate) fn set_clock(&self, host: &str, seconds: i64) {
        self.clocks.lock().unwrap().insert(host.to_owned(), seconds);
    }

    /// Starts a second environment that believes to be the one of `host`, at a host called `twin`.
    pub(crate) async fn start_twin(&self, host: &str, twin: &str) -> TestAgent {
        let site = &self.sites[host];
        let random = Randomness::from_seed(8).fork(twin);
        let disk = Disk::new(&random, Duration::from_millis(1));
        let (agent, _) = self
            .boot(
                twin,
                &site.config,
                &disk,
                &random,
                &site.payload,
                &site.script,
            )
            .await;
        agent
    }

    pub(crate) fn agent(&self, host: &str) -> &TestAgent {
        &self.sites[host].agent
    }

    /// Submits a deploy task called `id` that takes `lasts`.
    pub(crate) async fn deploy(&self, from: &str, to: &str, id: &str, lasts: Duration) -> TaskId {
        self.scripted(to, id, lasts);
        let request = SubmitRequest {
            id: Some(task(id)),
            ..deploy_request(to)
        };
        self.agent(from).submit(request).await.unwrap()
    }

    /// How a task that `host` sent has ended. The first 30 days must do.
    pub(crate) async fn ended(&self, host: &str, task: &TaskId) -> Settled {
        let month = Duration::from_secs(30 * 24 * 3600);
        let settled = timeout(month, self.agent(host).wait(task)).await;
        settled.expect("every task ends").unwrap()
    }

    /// How many rows of a table a crash of `host` could not take away now.
    pub(crate) fn durable(&self, host: &str, table: &str) -> usize {
        self.sites[host].disk.durable_rows(table).len()
    }

    /// Says how long the work of a task takes.
    pub(crate) fn scripted(&self, host: &str, id: &str, lasts: Duration) {
        let scripted = Scripted {
            lasts,
            ..Scripted::default()
        };
        self.sites[host].script.set(task(id), scripted);
    }

    /// What was announced so far, one line an event, without durable writes.
    pub(crate) fn transcript(&self) -> String {
        let events = self.events.lock().unwrap();
        let lines = events.iter().filter_map(|(at, host, event)| {
            Some(format!(
                "{:>9.3} {host:<5} {}\n",
                at.as_secs_f64(),
                line(event)?
            ))
        });
        lines.collect()
    }

    /// How many events of all hosts satisfy `wanted`.
    pub(crate) fn count(&self, wanted: impl Fn(&str, &AgentEvent) -> bool) -> usize {
        let events = self.events.lock().unwrap();
        events
            .iter()
            .filter(|(_, host, event)| wanted(host, event))
            .count()
    }

    /// The states that `host` announced for a task, in order.
    pub(crate) fn states(&self, host: &str, id: &str) -> Vec<&'static str> {
        let events = self.events.lock().unwrap();
        let states = events.iter().filter_map(|(_, at, event)| {
            let AgentEvent::State { task, to, .. } = event else {
                return None;
            };
            (at == host && task.as_str() == id).then_some(*to)
        });
        states.collect()
    }
}

/// A deploy task for `to`.
pub(crate) fn deploy_request(to: &str) -> SubmitRequest {
    SubmitRequest::new(
        name(to),
        Order::Deploy {
            command: command("nightly"),
        },
    )
}

fn line(event: &AgentEvent) -> Option<String> {
    Some(match event {
        AgentEvent::State {
            machine,
            task,
            from,
            to,
            reason,
            ..
        } => {
            let reason = reason
                .map(|reason| format!(" ({reason})"))
                .unwrap_or_default();
            format!("{} {task}: {from} -> {to}{reason}", machine.name())
        }
        AgentEvent::Found { .. } | AgentEvent::Durable { .. } => return None,
        AgentEvent::WorkStarted {
            task, kind, start, ..
        } => {
            format!("work {task}: {} begins, start {start}", kind.name())
        }
        AgentEvent::WorkEnded { task, outcome, .. } => format!("work {task}: {}", outcome.name()),
        AgentEvent::AttemptFailed {
            phase,
            port,
            attempt,
            class,
            failure,
            ..
        } => {
            let (phase, class) = (phase.name(), class.name());
            format!("{phase} to port {port}, attempt {attempt}: {class}: {failure}")
        }
        AgentEvent::Connection {
            opened_here,
            local,
            remote,
            phase,
            closed_by,
            ..
        } => {
            let arrow = if *opened_here { "->" } else { "<-" };
            let (phase, by) = (phase.name(), closed_by.name());
            format!("connection {local} {arrow} {remote} {phase}, closed by {by}")
        }
        AgentEvent::Preflight { peer, way } => {
            let (direction, port) = (way.direction.name(), way.port);
            let finding = way.finding.name();
            format!("preflight with {peer}, {direction}, port {port}: {finding}")
        }
        AgentEvent::Warning {
            warning,
            task,
            port,
            detail,
            ..
        } => {
            let task = task
                .as_ref()
                .map(|task| format!(" {task}"))
                .unwrap_or_default();
            let port = port.map(|port| format!(" port {port}")).unwrap_or_default();
            let detail = detail
                .map(|detail| format!(" ({detail})"))
                .unwrap_or_default();
            format!("warning {}{task}{port}{detail}", warning.name())
        }
    })
}
