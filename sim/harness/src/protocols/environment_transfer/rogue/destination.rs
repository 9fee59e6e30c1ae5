//! A rogue that is given tasks.

use std::time::Duration;

use portcullis_agent::config::EarlierLink;
use portcullis_agent::error::FailureClass;
use portcullis_agent::message::{
    Body, Callback, EnvironmentName, FailureReason, Known, Message, MessageId, Outcome, Place,
    PreflightResult, Product, Reason, Task, TaskId,
};
use portcullis_agent::state::DestinationState;
use portcullis_net::{Connection, Listener, Net};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::Rogue;
use super::player::Player;
use crate::engine::SimStream;
use crate::protocols::environment_transfer::vocabulary::{effect, state};

/// How many tasks may wait.
const QUEUE: usize = 64;

/// The waits between attempts to report; a rogue is soon content.
const WAITS: [u64; 6] = [5, 30, 120, 300, 600, 0];

type Queue = mpsc::Sender<(TaskId, EnvironmentName)>;

/// Listens at the remote port of each link to this environment.
pub(super) async fn open(player: &Player) {
    for link in &player.part.config.earlier {
        let Ok(mut listener) = player.node.host.net.bind(link.remote_port).await else {
            continue;
        };
        let (queue, mut tasks) = mpsc::channel::<(TaskId, EnvironmentName)>(QUEUE);
        let (worker, link) = (player.clone(), link.clone());
        player.node.host.spawner.spawn(async move {
            while let Some((task, peer)) = tasks.recv().await {
                work(&worker, &link, &task, &peer).await;
            }
        });
        let player = player.clone();
        player.node.host.spawner.clone().spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (player, queue) = (player.clone(), queue.clone());
                let spawner = player.node.host.spawner.clone();
                spawner.spawn(async move { serve(&player, stream, &queue).await });
            }
        });
    }
}

async fn serve(player: &Player, mut stream: SimStream, queue: &Queue) {
    let timers = player.part.config.timers;
    let Some((request, problem)) = player.hear(&mut stream, timers.frame).await else {
        return;
    };
    if is_ignored(player, &mut stream).await {
        return;
    }
    if let Some(reason) = problem {
        let product = player.part.config.product.clone();
        let refusal = player.reply(&request, Body::Rejection { reason, product });
        player.say(&mut stream, &refusal).await.ok();
    } else if let Some(body) = answer(player, &mut stream, &request, queue).await {
        let reply = player.reply(&request, body);
        if utter(player, &mut stream, &reply).await.is_err() || player.does(Rogue::ClosesFirst) {
            return;
        }
    }
    while player.does(Rogue::TakesSecondMessage)
        && let Some(request) = player.learn(&mut stream, timers.linger).await
        && let Some(body) = answer(player, &mut stream, &request, queue).await
    {
        let reply = player.reply(&request, body);
        player.say(&mut stream, &reply).await.ok();
    }
    // ET-20: the opener closes first, if it does so soon.
    let mut rest = [0; 64];
    timeout(timers.linger, stream.read(&mut rest)).await.ok();
}

/// How long a rogue looks whether the opener has closed its own direction.
const LOOK: Duration = Duration::from_millis(100);

/// Whether the rogue finds a reason in the connection not to answer.
async fn is_ignored(player: &Player, stream: &mut SimStream) -> bool {
    if player.does(Rogue::TrustsSourcePort) {
        let port = stream.peer_addr().port();
        return *player.memory().trusted_port.get_or_insert(port) != port;
    }
    if player.does(Rogue::IgnoresHalfClosed) {
        let read = timeout(LOOK, stream.read(&mut [0; 1])).await;
        return matches!(read, Ok(Ok(0)));
    }
    false
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a rogue does one thing wrong and is like all others in the rest"
)]
async fn utter(player: &Player, stream: &mut SimStream, reply: &Message) -> std::io::Result<()> {
    match player.rogue {
        Rogue::Mumbles => stream.write_all(b"\0\0\0\x0ano xml").await,
        // Section 5.3 of the source: the first octets of a TLS client, read as a length.
        Rogue::Shouts => stream.write_all(b"\x16\x03\x01\x00<shout>").await,
        _ => player.say(stream, reply).await,
    }
}

async fn answer(
    player: &Player,
    stream: &mut SimStream,
    request: &Message,
    queue: &Queue,
) -> Option<Body> {
    match &request.body {
        Body::Hello(product) => {
            if player.does(Rogue::ReportsInventedTask) {
                invent(player, &request.header.from).await;
            }
            if player.does(Rogue::EchoesContent) {
                return Some(Body::Rejection {
                    reason: Reason::Version,
                    product: Product::new(request.header.from.as_str()).ok()?,
                });
            }
            Some(Body::HelloAck(product.clone()))
        }
        Body::Task(task) => take(player, stream, request, task, queue).await,
        Body::Query { task } => Some(Body::Status {
            task: task.clone(),
            known: known(player, task),
        }),
        Body::Preflight => preflight(player, request).await,
        Body::HelloAck(_)
        | Body::Part(_)
        | Body::PartAck { .. }
        | Body::Accepted { .. }
        | Body::Completed { .. }
        | Body::CompletedAck { .. }
        | Body::Status { .. }
        | Body::PreflightResult(_)
        | Body::Probe { .. }
        | Body::ProbeAck { .. }
        | Body::Rejection { .. } => None,
    }
}

/// Tries the way back, or only says so. ET-81
async fn preflight(player: &Player, request: &Message) -> Option<Body> {
    let links = &player.part.config.earlier;
    let link = links.iter().find(|link| link.name == request.header.from)?;
    let preflight = request.header.id.clone();
    let is_reached = player.does(Rogue::ClaimsToHaveCalledBack) || {
        let id = player.fresh("probe");
        let probe = player.message(&link.name, id, None, Body::Probe { preflight });
        let reply = call_back(player, link, &probe).await;
        reply.is_some_and(|reply| matches!(reply.body, Body::ProbeAck { .. }))
    };
    Some(Body::PreflightResult(PreflightResult {
        callback: if is_reached {
            Callback::Reached
        } else {
            Callback::Failed(FailureClass::TimedOut)
        },
        address: Place::new(&link.address).ok()?,
        port: link.local_port,
        dynamic_ports: None,
    }))
}

fn known(player: &Player, task: &TaskId) -> Option<Known> {
    let outcome = *player.memory().given.get(task)?;
    let state = match outcome {
        Some(_) => DestinationState::FinishedUnreported,
        None => DestinationState::Running,
    };
    Some(Known { state, outcome })
}

/// Takes on a task, or says again that it did.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a rogue does one thing wrong and is like all others in the rest"
)]
async fn take(
    player: &Player,
    stream: &mut SimStream,
    request: &Message,
    task: &Task,
    queue: &Queue,
) -> Option<Body> {
    let (id, peer) = (&task.id, &request.header.from);
    let recorded = Known {
        state: DestinationState::Recorded,
        outcome: None,
    };
    let accepted = |known| Body::Accepted {
        task: id.clone(),
        known,
    };
    if player.does(Rogue::ForgetsAccepted) {
        player.write("inbound-task", id).await;
        return Some(accepted(recorded));
    }
    let repeated = player.memory().given.contains_key(id);
    if repeated && !player.does(Rogue::RunsDuplicatesTwice) {
        return Some(accepted(known(player, id).unwrap_or(recorded)));
    }
    player.memory().given.insert(id.clone(), None);
    if player.does(Rogue::AcknowledgesBeforeStoring) {
        let reply = player.reply(request, accepted(recorded));
        player.say(stream, &reply).await.ok();
    }
    player.write("inbound-task", id).await;
    if !repeated {
        player.enter(state::DESTINATION, id, peer, state::RECORDED, None);
    }
    match player.rogue {
        Rogue::CompletesOnTaskConnection => {
            let outcome = labour(player, id, peer).await;
            let (task, id) = (id.clone(), MessageId::of_completion(id));
            let body = Body::Completed { task, outcome };
            let completed = player.message(peer, id, None, body);
            player.say(stream, &completed).await.ok();
            None
        }
        Rogue::Overtakes => {
            let (player, queue) = (player.clone(), queue.clone());
            let (id, peer) = (id.clone(), peer.clone());
            player.node.host.spawner.clone().spawn(async move {
                // The first task thinks about it for so long that others come before it.
                let first = player.memory().given.len() == 1;
                sleep(Duration::from_secs(if first { 10 } else { 0 })).await;
                queue.send((id, peer)).await.ok();
            });
            Some(accepted(recorded))
        }
        Rogue::AcknowledgesBeforeStoring => {
            queue.send((id.clone(), peer.clone())).await.ok();
            None
        }
        _ => {
            queue.send((id.clone(), peer.clone())).await.ok();
            Some(accepted(recorded))
        }
    }
}

/// Does the work of one task.
async fn labour(player: &Player, task: &TaskId, peer: &EnvironmentName) -> Outcome {
    let jobs = &player.part.jobs;
    let lasts = jobs.iter().find(|job| job.id == *task).map(|job| job.lasts);
    player.enter(state::DESTINATION, task, peer, state::RUNNING, None);
    player.note(effect::WORK_STARTED, task, peer);
    sleep(lasts.unwrap_or_default()).await;
    player.note(effect::WORK_ENDED, task, peer);
    let outcome = Outcome::Succeeded;
    player.memory().given.insert(task.clone(), Some(outcome));
    player.write("inbound-task", task).await;
    player.enter(
        state::DESTINATION,
        task,
        peer,
        state::FINISHED,
        Some(outcome),
    );
    outcome
}

async fn work(player: &Player, link: &EarlierLink, task: &TaskId, peer: &EnvironmentName) {
    let mut outcome = labour(player, task, peer).await;
    for wait in WAITS {
        if report(player, link, task, outcome).await {
            player.write("inbound-task", task).await;
            player.enter(
                state::DESTINATION,
                task,
                peer,
                state::REPORTED,
                Some(outcome),
            );
            break;
        }
        if player.does(Rogue::ChangesItsMind) {
            outcome = Outcome::Failed(FailureReason::CommandFailed);
        }
        sleep(Duration::from_secs(wait)).await;
    }
    if player.does(Rogue::ReopensFinal) {
        player.enter(state::DESTINATION, task, peer, state::RUNNING, None);
    }
}

/// One attempt to report; whether it was acknowledged.
async fn report(player: &Player, link: &EarlierLink, task: &TaskId, outcome: Outcome) -> bool {
    let id = match player.does(Rogue::RenamesRetries) {
        true => player.fresh("completed"),
        false => MessageId::of_completion(task),
    };
    let task = task.clone();
    let completed = player.message(&link.name, id, None, Body::Completed { task, outcome });
    let reply = call_back(player, link, &completed).await;
    reply.is_some_and(|reply| matches!(reply.body, Body::CompletedAck { .. }))
}

/// One request to the local port, and its reply.
async fn call_back(player: &Player, link: &EarlierLink, request: &Message) -> Option<Message> {
    let timers = player.part.config.timers;
    let net = &player.node.host.net;
    let connected = timeout(timers.connect, net.connect(&link.address, link.local_port)).await;
    let mut stream = connected.ok()?.ok()?;
    player.say(&mut stream, request).await.ok()?;
    player.learn(&mut stream, timers.acknowledgement).await
}

/// Reports a task that was never given.
async fn invent(player: &Player, peer: &EnvironmentName) {
    let links = &player.part.config.earlier;
    let Some(link) = links.iter().find(|link| link.name == *peer) else {
        return;
    };
    let task = TaskId::new("invented").expect("a word is an id");
    report(player, link, &task, Outcome::Succeeded).await;
}
