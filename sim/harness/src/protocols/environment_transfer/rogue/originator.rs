//! A rogue that gives tasks.

use std::time::Duration;

use portcullis_agent::config::LaterLink;
use portcullis_agent::error::{CancelError, QueryError, SubmitError, UnknownTask};
use portcullis_agent::message::{
    Assignment, Body, EnvironmentName, Message, MessageId, Outcome, Task, TaskId,
};
use portcullis_agent::{Order, SubmitRequest};
use portcullis_net::{Listener, Net};
use tokio::time::{sleep, timeout};

use super::Rogue;
use super::player::Player;
use crate::engine::SimStream;
use crate::protocols::environment_transfer::station::{Answer, Operator};
use crate::protocols::environment_transfer::vocabulary::state;

/// How long a rogue waits between two attempts.
const WAIT: Duration = Duration::from_secs(15);

/// Listens at the local port of each link from this environment.
pub(super) async fn open(player: &Player) {
    if player.does(Rogue::NeverListens) {
        return;
    }
    for link in &player.part.config.later {
        let Ok(mut listener) = player.node.host.net.bind(link.local_port).await else {
            continue;
        };
        let player = player.clone();
        player.node.host.spawner.clone().spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let player = player.clone();
                let spawner = player.node.host.spawner.clone();
                spawner.spawn(async move { be_told(&player, stream).await });
            }
        });
    }
}

/// Takes one completion.
async fn be_told(player: &Player, mut stream: SimStream) {
    let timers = player.part.config.timers;
    let Some(completed) = player.learn(&mut stream, timers.frame).await else {
        return;
    };
    let Body::Completed { task, outcome } = &completed.body else {
        return;
    };
    let acknowledgement = player.reply(&completed, Body::CompletedAck { task: task.clone() });
    if player.does(Rogue::AcknowledgesResultBeforeStoring) {
        player.say(&mut stream, &acknowledgement).await.ok();
    }
    let news = player
        .memory()
        .ended
        .insert(task.clone(), *outcome)
        .is_none();
    player.write("outbound-task", task).await;
    if news {
        end(player, task, &completed.header.from, *outcome);
    }
    if !player.does(Rogue::AcknowledgesResultBeforeStoring) {
        player.say(&mut stream, &acknowledgement).await.ok();
    }
    player.hear(&mut stream, timers.linger).await;
}

fn end(player: &Player, task: &TaskId, peer: &EnvironmentName, outcome: Outcome) {
    let to = match outcome {
        Outcome::Succeeded => state::COMPLETED,
        Outcome::Failed(_) => state::FAILED,
        Outcome::Cancelled => state::CANCELLED,
    };
    player.enter(state::ORIGINATOR, task, peer, to, Some(outcome));
}

/// Sends one task until somebody accepts it.
async fn send(player: &Player, link: &LaterLink, task: Task, after: Option<TaskId>) {
    let id = task.id.clone();
    player.write("outbound-task", &id).await;
    player.enter(state::ORIGINATOR, &id, &link.name, state::PREPARED, None);
    while let Some(earlier) = &after
        && !player.does(Rogue::DoesNotWait)
        && !player.memory().ended.contains_key(earlier)
    {
        sleep(WAIT).await;
    }
    while !player.does(Rogue::SkipsGreeting) && !player.does(Rogue::SendsTwiceOnOneConnection) {
        if greet(player, link).await.is_some() {
            break;
        }
        if player.does(Rogue::TakesSilenceForFailure) {
            return player.enter(state::ORIGINATOR, &id, &link.name, state::FAILED, None);
        }
        sleep(WAIT).await;
    }
    player.enter(state::ORIGINATOR, &id, &link.name, state::SENDING, None);
    while give(player, link, &task).await.is_none() {
        sleep(WAIT).await;
    }
    let ended = player.memory().ended.contains_key(&id);
    if player.does(Rogue::TakesAcceptanceForSuccess) {
        end(player, &id, &link.name, Outcome::Succeeded);
    } else if !ended {
        player.enter(state::ORIGINATOR, &id, &link.name, state::ACCEPTED, None);
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a rogue does one thing wrong and is like all others in the rest"
)]
async fn connect(player: &Player, link: &LaterLink) -> Option<SimStream> {
    let net = &player.node.host.net;
    let timer = player.part.config.timers.connect;
    let port = link.remote_port;
    let opened = match player.rogue {
        Rogue::SendsFromConfiguredPort => {
            timeout(
                timer,
                net.connect_from(&link.address, port, link.local_port),
            )
            .await
        }
        Rogue::KnocksAtWrongPort => timeout(timer, net.connect(&link.address, port + 1)).await,
        _ => timeout(timer, net.connect(&link.address, port)).await,
    };
    opened.ok()?.ok()
}

fn greeting(player: &Player, link: &LaterLink) -> Message {
    let hello = Body::Hello(player.part.config.product.clone());
    player.message(&link.name, player.fresh("hello"), None, hello)
}

async fn greet(player: &Player, link: &LaterLink) -> Option<Message> {
    let mut stream = connect(player, link).await?;
    player
        .say(&mut stream, &greeting(player, link))
        .await
        .ok()?;
    let timer = player.part.config.timers.acknowledgement;
    player.learn(&mut stream, timer).await
}

/// One attempt to give a task.
async fn give(player: &Player, link: &LaterLink, task: &Task) -> Option<Message> {
    let timer = player.part.config.timers.acknowledgement;
    let mut stream = connect(player, link).await?;
    if player.does(Rogue::SendsTwiceOnOneConnection) {
        player
            .say(&mut stream, &greeting(player, link))
            .await
            .ok()?;
        player.learn(&mut stream, timer).await?;
    }
    let id = MessageId::of_task(&task.id);
    let message = player.message(&link.name, id, None, Body::Task(task.clone()));
    player.say(&mut stream, &message).await.ok()?;
    let accepted = player.learn(&mut stream, timer).await;
    while player.does(Rogue::WaitsOnOpenConnection) && !player.memory().ended.contains_key(&task.id)
    {
        sleep(WAIT).await;
    }
    accepted
}

impl Operator for Player {
    fn submit(&self, request: SubmitRequest) -> Answer<'_, Result<TaskId, SubmitError>> {
        Box::pin(async move {
            let links = &self.part.config.later;
            let link = links.iter().find(|link| link.name == request.to);
            let link = link.cloned().ok_or(SubmitError::NotNext(request.to))?;
            let assignment = match request.order {
                Order::Deploy { command } => Assignment::Deploy { command },
                Order::Execute { command } => Assignment::Execute { command },
                // Rogues carry no files.
                Order::Transfer { .. } => return Err(SubmitError::Conflict),
            };
            let id = request.id.ok_or(SubmitError::Conflict)?;
            let task = Task {
                id: id.clone(),
                independent: request.independent,
                assignment,
            };
            let player = self.clone();
            self.node.host.spawner.spawn(async move {
                send(&player, &link, task, request.after).await;
            });
            Ok(id)
        })
    }

    fn query(&self, task: TaskId) -> Answer<'_, Result<(), QueryError>> {
        Box::pin(async move { Err(QueryError::Unknown(UnknownTask(task))) })
    }

    fn cancel(&self, _: EnvironmentName, task: TaskId) -> Answer<'_, Result<(), CancelError>> {
        Box::pin(async move { Err(CancelError::Unknown(UnknownTask(task))) })
    }

    fn preflight(&self, _: EnvironmentName) -> Answer<'_, ()> {
        Box::pin(async {})
    }

    fn stop(&self) -> Answer<'_, ()> {
        Box::pin(async {})
    }
}
