//! Whatever crashes and whatever is lost: both ends agree in the end, and no work runs twice.

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_agent::message::{Outcome, TaskId};
use portcullis_agent::state::Settled;
use portcullis_agent::work::{Job, Tree};
use portcullis_agent::{AgentEvent, Order, SubmitRequest};
use proptest::prelude::*;
use tokio::time::{sleep, timeout};

use crate::world::{Fault, World, deploy_request, name, task};

/// One disturbance, some time after the one before it.
#[derive(Clone, Debug)]
enum Disturbance {
    Crash {
        host: &'static str,
        down: Duration,
    },
    Lose {
        host: &'static str,
        fault: Fault,
        times: usize,
    },
}

fn disturbance() -> impl Strategy<Value = (Duration, Disturbance)> {
    let host = || proptest::sample::select(vec!["dev", "prod"]);
    // Often right at a durable write or a message, sometimes long after.
    let wait = prop_oneof![
        3 => (0..12_000_u64).prop_map(Duration::from_micros),
        1 => (0..60_000_u64).prop_map(Duration::from_millis),
    ];
    let crash = (host(), 1..40_000_u64).prop_map(|(host, down)| Disturbance::Crash {
        host,
        down: Duration::from_millis(down),
    });
    let fault = proptest::sample::select(vec![Fault::Drop, Fault::LoseReply]);
    let lose = (host(), fault, 1..4_usize).prop_map(|(host, fault, times)| Disturbance::Lose {
        host,
        fault,
        times,
    });
    (wait, prop_oneof![crash, lose])
}

/// Submits, or finds submitted, the tasks of the test; a crash may have undone it.
async fn submit_all(world: &World) -> Vec<TaskId> {
    let dev = &world.sites["dev"];
    dev.payload.plant(
        "project",
        Tree {
            files: 3,
            octets: 900,
        },
    );
    let transfer = Order::Transfer {
        source: "project".to_owned(),
    };
    let mut submitted = Vec::new();
    for request in [
        SubmitRequest {
            id: Some(task("t1")),
            ..SubmitRequest::new(name("prod"), transfer)
        },
        SubmitRequest {
            id: Some(task("t2")),
            ..deploy_request("prod")
        },
        SubmitRequest {
            id: Some(task("t3")),
            independent: true,
            ..deploy_request("prod")
        },
    ] {
        submitted.push(dev.agent.submit(request).await.unwrap());
    }
    submitted
}

async fn disturb(world: &mut World, disturbances: Vec<(Duration, Disturbance)>) {
    for (wait, disturbance) in disturbances {
        sleep(wait).await;
        match disturbance {
            Disturbance::Crash { host, down } => {
                world.crash(host).await;
                sleep(down).await;
                world.restart(host).await;
            }
            Disturbance::Lose { host, fault, times } => {
                let port = if host == "dev" { 6101 } else { 6102 };
                world.wires.break_next(host, port, fault, times);
            }
        }
    }
    world.wires.heal();
}

/// ET-88: a start is followed by its end, unless the host crashed; and then there is no second one.
fn assert_no_work_ran_twice(world: &World) {
    let mut starts: BTreeMap<String, usize> = BTreeMap::new();
    for (_, _, event) in world.events.lock().unwrap().iter() {
        if let AgentEvent::WorkStarted { task, .. } = event {
            *starts.entry(task.to_string()).or_default() += 1;
        }
    }
    assert!(starts.values().all(|count| *count == 1), "{starts:?}");
}

/// ET-58: no host left a final state of a task again.
fn assert_no_final_state_changed(world: &World) {
    for (host, finals) in [
        ("dev", &["completed", "failed", "cancelled", "rejected"][..]),
        ("prod", &["reported", "parked"][..]),
    ] {
        for id in ["t1", "t2", "t3"] {
            let states = world.states(host, id);
            let ends = states.iter().filter(|state| finals.contains(state)).count();
            assert!(ends <= 1, "{host} {id}: {states:?}");
        }
    }
}

async fn check(disturbances: Vec<(Duration, Disturbance)>) {
    let mut world = World::chain_with(&["dev", "prod"], |config| {
        config.limits.part_octets = 1000;
    })
    .await;
    for id in ["t1", "t2", "t3"] {
        world.scripted("prod", id, Duration::from_secs(20));
    }
    let tasks = submit_all(&world).await;
    disturb(&mut world, disturbances).await;
    let mut ends = BTreeMap::new();
    for task in &tasks {
        let week = Duration::from_secs(7 * 24 * 3600);
        let settled = timeout(week, world.agent("dev").wait(task)).await;
        ends.insert(task.clone(), settled.expect("every task ends").unwrap());
    }
    // ET-89: the same at both ends.
    for (Job { task, .. }, known) in world.agent("prod").received().await {
        let end: Option<&Settled> = ends.get(&task);
        let at_destination = known.outcome.map(Settled::Ended);
        assert_eq!(end.copied(), at_destination, "{task}");
    }
    assert_no_work_ran_twice(&world);
    assert_no_final_state_changed(&world);
    if ends[&tasks[0]] == Settled::Ended(Outcome::Succeeded) {
        let job = Job {
            from: name("dev"),
            task: tasks[0].clone(),
        };
        let placed = world.sites["prod"].shelf.placed(&job).unwrap();
        assert_eq!(placed.paths().count(), 3);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn both_ends_agree_whatever_crashes_and_is_lost(
        disturbances in proptest::collection::vec(disturbance(), 0..6),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(check(disturbances));
    }
}
