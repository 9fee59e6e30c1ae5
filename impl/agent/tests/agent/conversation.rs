//! Whole conversations between agents on a network in memory, under paused time.

use std::time::Duration;

use crate::world::{Fault, World, command, deploy_request, name, task};
use portcullis_agent::message::{FailureReason, Outcome, Product, Reason};
use portcullis_agent::observe::{Phase, Warning};
use portcullis_agent::state::Settled;
use portcullis_agent::work::{Job, Tree};
use portcullis_agent::{AgentEvent, Order, SubmitRequest};
use tokio::time::{sleep, timeout};

const SUCCEEDED: Settled = Settled::Ended(Outcome::Succeeded);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

#[tokio::test(start_paused = true)]
async fn a_task_is_greeted_sent_worked_on_and_reported_over_a_connection_of_its_own() {
    let world = World::chain(&["dev", "prod"]).await;
    let t1 = world.deploy("dev", "prod", "t1", 30 * MINUTE).await;
    assert_eq!(world.ended("dev", &t1).await, SUCCEEDED);
    sleep(MINUTE).await;
    insta::assert_snapshot!(world.transcript());
}

#[tokio::test(start_paused = true)]
async fn a_transfer_arrives_whole_over_one_connection_a_part() {
    let world =
        World::chain_with(&["dev", "prod"], |config| config.limits.part_octets = 1000).await;
    let dev = &world.sites["dev"];
    dev.payload.plant(
        "project",
        Tree {
            files: 7,
            octets: 700,
        },
    );
    let request = SubmitRequest {
        id: Some(task("t1")),
        ..SubmitRequest::new(
            name("prod"),
            Order::Transfer {
                source: "project".to_owned(),
            },
        )
    };
    let t1 = dev.agent.submit(request).await.unwrap();
    assert_eq!(world.ended("dev", &t1).await, SUCCEEDED);
    let progress = dev.agent.progress(&t1).await.unwrap();
    assert_eq!((progress.parts_done, progress.parts), (6, 6));
    let placed = world.sites["prod"]
        .shelf
        .placed(&Job {
            from: name("dev"),
            task: t1,
        })
        .unwrap();
    assert_eq!(placed.paths().count(), 7);
    for path in placed.paths() {
        let sent = dev.payload.content("project", path, 0, 700);
        assert_eq!(placed.content(path).unwrap(), sent, "{path}");
    }
    // One greeting, six parts, one task.
    assert_eq!(world.wires.attempts("prod", 6102), 8);
}

#[tokio::test(start_paused = true)]
async fn a_task_whose_acknowledgement_is_lost_runs_once() {
    let world = World::chain(&["dev", "prod"]).await;
    world.deploy("dev", "prod", "t0", Duration::ZERO).await;
    sleep(Duration::from_millis(5)).await;
    let t1 = world.deploy("dev", "prod", "t1", MINUTE).await;
    assert_eq!(world.ended("dev", &t1).await, SUCCEEDED);
    let before = world.wires.attempts("prod", 6102);

    let t2 = world.deploy("dev", "prod", "t2", 10 * MINUTE).await;
    // The greeting passes, the answer to the task does not.
    while world.wires.attempts("prod", 6102) == before {
        sleep(Duration::from_micros(10)).await;
    }
    world.wires.break_next("prod", 6102, Fault::LoseReply, 1);
    assert_eq!(world.ended("dev", &t2).await, SUCCEEDED);
    let starts = |_: &str, event: &AgentEvent| {
        let AgentEvent::WorkStarted { task, .. } = event else {
            return false;
        };
        *task == t2
    };
    assert_eq!(world.count(starts), 1);
    let lost = |_: &str, event: &AgentEvent| {
        matches!(
            event,
            AgentEvent::AttemptFailed {
                phase: Phase::Task,
                ..
            }
        )
    };
    assert_eq!(world.count(lost), 1);
    assert_eq!(
        world.states("dev", "t2"),
        ["prepared", "sending", "accepted", "completed"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_completion_that_cannot_connect_is_retried_until_it_can() {
    let world = World::chain(&["dev", "prod"]).await;
    world.wires.break_next("dev", 6101, Fault::Drop, 3);
    let t1 = world.deploy("dev", "prod", "t1", MINUTE).await;
    assert_eq!(world.ended("dev", &t1).await, SUCCEEDED);
    insta::assert_snapshot!(world.transcript());
}

#[tokio::test(start_paused = true)]
async fn a_task_in_doubt_is_resolved_by_asking() {
    let world = World::chain(&["dev", "prod"]).await;
    world.wires.break_next("dev", 6101, Fault::Drop, usize::MAX);
    let t1 = world.deploy("dev", "prod", "t1", MINUTE).await;
    assert_eq!(world.ended("dev", &t1).await, SUCCEEDED);
    assert_eq!(
        world.states("dev", "t1"),
        ["prepared", "sending", "accepted", "in-doubt", "completed"]
    );
    assert!(world.start.elapsed() >= Duration::from_secs(4 * 3600));
    sleep(2 * DAY).await;
    // ET-46: given up after the horizon, kept, and the operator is told.
    assert_eq!(
        world.states("prod", "t1"),
        ["recorded", "running", "finished-unreported", "parked"]
    );
    let parked = |_: &str, event: &AgentEvent| {
        matches!(
            event,
            AgentEvent::Warning {
                warning: Warning::CompletionParked,
                ..
            }
        )
    };
    assert_eq!(world.count(parked), 1);
    let known = world.agent("dev").query(&t1).await.unwrap().unwrap();
    assert_eq!(known.outcome, Some(Outcome::Succeeded));
    let kept = world.agent("prod").received().await;
    assert_eq!(
        kept,
        [(
            Job {
                from: name("dev"),
                task: t1
            },
            known
        )]
    );
}

#[tokio::test(start_paused = true)]
async fn other_versions_are_refused_at_the_greeting_and_no_task_follows() {
    let world = World::chain_with(&["dev", "prod"], |config| {
        if config.name == name("prod") {
            config.product = Product::new("20.11").unwrap();
        }
    })
    .await;
    let t1 = world.deploy("dev", "prod", "t1", MINUTE).await;
    assert_eq!(
        world.ended("dev", &t1).await,
        Settled::Rejected(Reason::Version)
    );
    sleep(DAY).await;
    assert_eq!(world.wires.attempts("prod", 6102), 1);
    assert_eq!(world.states("dev", "t1"), ["prepared", "rejected"]);
    assert!(world.states("prod", "t1").is_empty());
}

#[tokio::test(start_paused = true)]
async fn work_interrupted_by_a_crash_is_reported_as_interrupted() {
    let mut world = World::chain(&["dev", "prod"]).await;
    let t1 = world.deploy("dev", "prod", "t1", 10 * MINUTE).await;
    sleep(MINUTE).await;
    world.crash("prod").await;
    sleep(MINUTE).await;
    world.restart("prod").await;
    let interrupted = Settled::Ended(Outcome::Failed(FailureReason::Interrupted));
    assert_eq!(world.ended("dev", &t1).await, interrupted);
    let starts = |_: &str, event: &AgentEvent| matches!(event, AgentEvent::WorkStarted { .. });
    assert_eq!(world.count(starts), 1);
}

#[tokio::test(start_paused = true)]
async fn work_of_a_restartable_kind_is_begun_again_after_a_crash() {
    let mut world = World::chain_with(&["dev", "prod"], |config| {
        config
            .restartable
            .insert(portcullis_agent::message::TaskKind::Deploy);
    })
    .await;
    let t1 = world.deploy("dev", "prod", "t1", 10 * MINUTE).await;
    sleep(MINUTE).await;
    world.crash("prod").await;
    world.restart("prod").await;
    assert_eq!(world.ended("dev", &t1).await, SUCCEEDED);
    let starts = |_: &str, event: &AgentEvent| matches!(event, AgentEvent::WorkStarted { .. });
    assert_eq!(world.count(starts), 2);
}

#[tokio::test(start_paused = true)]
async fn a_finished_task_is_reported_after_a_restart_of_the_destination() {
    let mut world = World::chain(&["dev", "prod"]).await;
    world.wires.break_next("dev", 6101, Fault::Drop, usize::MAX);
    let t1 = world.deploy("dev", "prod", "t1", MINUTE).await;
    sleep(3 * MINUTE).await;
    world.crash("prod").await;
    world.wires.heal();
    world.restart("prod").await;
    assert_eq!(world.ended("dev", &t1).await, SUCCEEDED);
    let starts = |_: &str, event: &AgentEvent| matches!(event, AgentEvent::WorkStarted { .. });
    assert_eq!(world.count(starts), 1);
}

#[tokio::test(start_paused = true)]
async fn an_originator_that_restarts_hears_the_completion() {
    let mut world = World::chain(&["dev", "prod"]).await;
    let t1 = world.deploy("dev", "prod", "t1", 10 * MINUTE).await;
    sleep(MINUTE).await;
    world.crash("dev").await;
    sleep(20 * MINUTE).await;
    world.restart("dev").await;
    assert_eq!(world.ended("dev", &t1).await, SUCCEEDED);
    assert_eq!(
        world.states("dev", "t1"),
        ["prepared", "sending", "accepted", "completed"]
    );
}

#[tokio::test(start_paused = true)]
async fn acknowledged_parts_are_not_sent_again_after_a_restart() {
    let mut world = World::chain_with(&["dev", "prod"], |config| {
        config.limits.part_octets = 1000;
        config.limits.parts_at_a_time = 1;
    })
    .await;
    world.sites["dev"].payload.plant(
        "project",
        Tree {
            files: 1,
            octets: 50_000,
        },
    );
    let request = SubmitRequest {
        id: Some(task("t1")),
        ..SubmitRequest::new(
            name("prod"),
            Order::Transfer {
                source: "project".to_owned(),
            },
        )
    };
    let t1 = world.agent("dev").submit(request).await.unwrap();
    while world.agent("dev").progress(&t1).await.unwrap().parts_done < 20 {
        sleep(Duration::from_millis(1)).await;
    }
    world.crash("dev").await;
    let before = world.wires.attempts("prod", 6102);
    world.restart("dev").await;
    assert_eq!(world.ended("dev", &t1).await, SUCCEEDED);
    let parts = world.agent("dev").progress(&t1).await.unwrap().parts;
    // A greeting and the task, and at most the one part that was under way goes twice.
    let after = world.wires.attempts("prod", 6102) - before;
    assert!(
        after <= 2 + usize::try_from(parts).unwrap() - 20 + 1,
        "{after} of {parts}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_environment_in_the_middle_has_both_roles_at_once() {
    let world = World::chain(&["dev", "test", "prod"]).await;
    let t1 = world.deploy("dev", "test", "t1", 20 * MINUTE).await;
    let t2 = world.deploy("test", "prod", "t1", 10 * MINUTE).await;
    assert_eq!(world.ended("test", &t2).await, SUCCEEDED);
    assert_eq!(world.states("test", "t1").last(), Some(&"completed"));
    assert_eq!(world.ended("dev", &t1).await, SUCCEEDED);
}

#[tokio::test(start_paused = true)]
async fn ordered_tasks_run_one_at_a_time_and_independent_ones_beside_them() {
    let world = World::chain(&["dev", "prod"]).await;
    let t1 = world.deploy("dev", "prod", "t1", 10 * MINUTE).await;
    let t2 = world.deploy("dev", "prod", "t2", 10 * MINUTE).await;
    world.scripted("prod", "t3", MINUTE);
    let request = SubmitRequest {
        id: Some(task("t3")),
        independent: true,
        ..deploy_request("prod")
    };
    let t3 = world.agent("dev").submit(request).await.unwrap();
    assert_eq!(world.ended("dev", &t3).await, SUCCEEDED);
    assert!(world.start.elapsed() < 2 * MINUTE);
    assert_eq!(world.ended("dev", &t1).await, SUCCEEDED);
    assert_eq!(world.ended("dev", &t2).await, SUCCEEDED);
    assert!(world.start.elapsed() >= 20 * MINUTE);
}

#[tokio::test(start_paused = true)]
async fn a_step_is_not_sent_before_the_one_it_depends_on_has_completed() {
    let world = World::chain(&["dev", "prod"]).await;
    let t1 = world.deploy("dev", "prod", "t1", 10 * MINUTE).await;
    let request = SubmitRequest {
        id: Some(task("t2")),
        after: Some(t1.clone()),
        ..deploy_request("prod")
    };
    let t2 = world.agent("dev").submit(request).await.unwrap();
    sleep(9 * MINUTE).await;
    assert_eq!(world.states("dev", "t2"), ["prepared"]);
    world.agent("prod").cancel(&name("dev"), &t1).await.unwrap();
    assert_eq!(
        world.ended("dev", &t1).await,
        Settled::Ended(Outcome::Cancelled)
    );
    let failed = Settled::Ended(Outcome::Failed(FailureReason::DependencyFailed));
    assert_eq!(world.ended("dev", &t2).await, failed);
    assert!(world.states("prod", "t2").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_submission_with_an_id_may_be_repeated_but_not_changed() {
    let world = World::chain(&["dev", "prod"]).await;
    let t1 = world.deploy("dev", "prod", "t1", MINUTE).await;
    assert_eq!(world.deploy("dev", "prod", "t1", MINUTE).await, t1);
    let other = Order::Execute {
        command: command("nightly"),
    };
    let request = SubmitRequest {
        id: Some(t1),
        ..SubmitRequest::new(name("prod"), other)
    };
    assert!(world.agent("dev").submit(request).await.is_err());
    assert!(
        world
            .agent("dev")
            .submit(deploy_request("elsewhere"))
            .await
            .is_err()
    );
}

#[tokio::test(start_paused = true)]
async fn a_stopped_agent_leaves_nothing_running_and_can_be_started_again() {
    let mut world = World::chain(&["dev", "prod"]).await;
    let t1 = world.deploy("dev", "prod", "t1", 10 * MINUTE).await;
    sleep(MINUTE).await;
    timeout(MINUTE, world.agent("prod").stop()).await.unwrap();
    world.crash("prod").await;
    world.restart("prod").await;
    let interrupted = Settled::Ended(Outcome::Failed(FailureReason::Interrupted));
    assert_eq!(world.ended("dev", &t1).await, interrupted);
}

#[tokio::test(start_paused = true)]
async fn who_leaves_acknowledges_what_has_come_and_takes_no_more() {
    let world = World::chain(&["dev", "prod"]).await;
    let t1 = world.deploy("dev", "prod", "t1", MINUTE).await;
    let t2 = world.deploy("dev", "prod", "t2", MINUTE).await;
    assert_eq!(world.ended("dev", &t1).await, SUCCEEDED);
    world.agent("dev").leave().await;
    world.agent("dev").stop().await;
    sleep(2 * MINUTE).await;
    assert_eq!(world.states("prod", "t1").last(), Some(&"reported"));
    // The completion of the other one finds nobody, and waits for the next start.
    let waiting = Some(&"finished-unreported");
    assert_eq!(world.states("prod", "t2").last(), waiting, "{t2}");
}

#[tokio::test(start_paused = true)]
async fn the_same_work_is_not_sent_again_while_it_is_in_doubt() {
    let world = World::chain(&["dev", "prod"]).await;
    world.wires.break_next("dev", 6101, Fault::Drop, usize::MAX);
    let t1 = world.deploy("dev", "prod", "t1", 300 * MINUTE).await;
    sleep(245 * MINUTE).await;
    assert_eq!(world.states("dev", "t1").last(), Some(&"in-doubt"));
    let t2 = world.deploy("dev", "prod", "t2", MINUTE).await;
    sleep(10 * MINUTE).await;
    assert_eq!(world.states("dev", "t2"), ["prepared"]);
    assert_eq!(world.ended("dev", &t1).await, SUCCEEDED);
    world.wires.heal();
    assert_eq!(world.ended("dev", &t2).await, SUCCEEDED);
}

/// ET-51, ET-89: what arrived before a refusal is asked for, and not taken for refused.
#[tokio::test(start_paused = true)]
async fn a_refusal_of_the_session_does_not_speak_of_a_task_that_may_have_arrived() {
    let mut world = World::chain(&["dev", "prod"]).await;
    // Keeps the session open.
    world.deploy("dev", "prod", "t0", 100 * MINUTE).await;
    sleep(MINUTE).await;
    world.wires.break_next("prod", 6102, Fault::LoseReply, 1);
    world.wires.break_next("dev", 6101, Fault::Drop, 1000);
    world.scripted("prod", "t1", MINUTE);
    let request = SubmitRequest {
        id: Some(task("t1")),
        independent: true,
        ..deploy_request("prod")
    };
    let t1 = world.agent("dev").submit(request).await.unwrap();
    sleep(Duration::from_secs(5)).await;
    // The task has arrived, its acknowledgement has not; now every greeting is refused.
    assert_eq!(world.states("prod", "t1"), ["recorded", "running"]);
    world.agent("prod").stop().await;
    world.sites.get_mut("prod").unwrap().config.product = Product::new("next").unwrap();
    world.restart("prod").await;
    let interrupted = Settled::Ended(Outcome::Failed(FailureReason::Interrupted));
    assert_eq!(world.ended("dev", &t1).await, interrupted);
    let states = ["prepared", "sending", "in-doubt", "failed"];
    assert_eq!(world.states("dev", "t1"), states, "{}", world.transcript());
}
