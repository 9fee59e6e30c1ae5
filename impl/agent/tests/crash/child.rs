//! The two processes that are killed.

use std::io::Write as _;
use std::time::Duration;

use portcullis_agent::message::TaskId;
use portcullis_agent::state::DestinationState;
use portcullis_agent::work::{Files, Processes, Workshop};
use portcullis_agent::{Agent, Observer};
use portcullis_net::{Host, TokioNet};
use portcullis_store::SqliteStore;

use crate::boundary::{Fuse, FusedExecutor, FusedPayload, FusedStore};
use crate::plan::{Plan, Point, Role, Wrong};
use crate::site::{Site, TASKS};
use crate::wrong::{MaybeEarly, MaybeEarlyStage};

type Store = FusedStore<MaybeEarly<SqliteStore>>;
type Work = Workshop<FusedPayload<MaybeEarlyStage<Files>>, FusedExecutor<Processes>>;
type RealAgent = Agent<TokioNet, Store, Work>;

/// Runs until it is killed.
pub(crate) fn run(site: &Site, plan: &Plan, role: Role, point: Option<Point>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let agent = start(site, plan, role, point).await;
        match role {
            Role::Originator => originate(&agent, site).await,
            Role::Destination => watch(&agent).await,
        }
        say("done");
        std::future::pending::<()>().await;
    });
}

/// One line for the test.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").expect("the test listens");
    out.flush().expect("the test listens");
}

async fn start(site: &Site, plan: &Plan, role: Role, point: Option<Point>) -> RealAgent {
    let host = Host::real(role.name(), site.ip());
    let fuse = Fuse::new(point);
    let store = SqliteStore::open(&site.store(role)).expect("the store is whole and free");
    let store = FusedStore {
        inner: MaybeEarly::new(store, plan.wrong, &host.spawner),
        fuse: fuse.clone(),
    };
    let payload = MaybeEarlyStage {
        inner: Files::new(site.inbox()),
        is_early: plan.wrong == Wrong::EarlyStage,
        spawner: host.spawner.clone(),
    };
    let mut processes = Processes::new(site.commands(plan).expect("this program"));
    if plan.wrong != Wrong::GoesOn {
        processes = processes.marked(&site.root.display().to_string());
    }
    let work = Workshop {
        payload: FusedPayload {
            inner: payload,
            fuse: fuse.clone(),
        },
        executor: FusedExecutor {
            inner: processes,
            fuse,
        },
    };
    let config = site.config(role, plan);
    Agent::start(host, store, work, config, Observer::none())
        .await
        .expect("the agent starts")
}

/// Submits everything, as an operator would who does not know what came of the last time.
async fn originate(agent: &RealAgent, site: &Site) {
    for request in site.requests() {
        let task = agent.submit(request).await.expect("is taken on");
        say(&format!("submitted {task}"));
    }
    for planned in &TASKS {
        let task = TaskId::new(planned.task).expect("an id");
        let settled = agent.wait(&task).await.expect("is known");
        say(&format!("settled {task} {settled:?}"));
    }
}

/// Waits until everything has been reported.
async fn watch(agent: &RealAgent) {
    loop {
        let received = agent.received().await;
        let is_over =
            |state| matches!(state, DestinationState::Reported | DestinationState::Parked);
        if received.len() == TASKS.len() && received.iter().all(|(_, known)| is_over(known.state)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
