//! The originator in the foreground: an environment without a service (ET-4).

use std::time::Duration;

use portcullis_agent::message::TaskId;
use portcullis_agent::state::Settled;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::control::Ask;
use super::owner::Owner;
use super::screen::Screen;
use super::sight::{ASK_EVERY, ask, follow};
use super::{Exit, Signals, complain, open_tasks, show_answer, words_of};

/// Carries out `ask` and stays until every task of the store has ended, or a signal comes.
pub(super) async fn submit(mut owner: Owner, ask: Ask) -> Exit {
    let exit = until_signal(carry_out(&mut owner, ask)).await;
    owner.stop().await;
    exit
}

/// Follows a task whose store nobody owns: the originator runs for as long as that takes.
pub(super) async fn watch(mut owner: Owner, task: TaskId) -> Exit {
    let exit = until_signal(async {
        let exit = show(&owner, &task, Some(ASK_EVERY)).await;
        owner.hear_out(1).await;
        exit
    })
    .await;
    owner.stop().await;
    exit
}

/// Asks the destination of a task once.
pub(super) async fn query(owner: Owner, task: TaskId) -> Exit {
    let exit = until_signal(async {
        let sight = ask(&owner.agent, &task).await;
        show_answer(task, &sight)
    })
    .await;
    owner.stop().await;
    exit
}

/// What comes of `work`, unless a signal comes first.
pub(super) async fn until_signal(work: impl Future<Output = Exit>) -> Exit {
    let signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => return complain(&format!("cannot listen for signals: {error}")),
    };
    tokio::select! {
        biased;
        () = signals.wait() => {
            complain("interrupted; `submit .. resume` takes up what is unfinished");
            Exit::InDoubt
        }
        exit = work => exit,
    }
}

/// Shows a task until it has ended.
async fn show(owner: &Owner, task: &TaskId, every: Option<Duration>) -> Exit {
    let mut screen = Screen::new(task.clone());
    let (sender, mut sights) = mpsc::channel(1);
    let showing = async {
        while let Some(sight) = sights.recv().await {
            screen.show(&sight);
        }
    };
    let stop = CancellationToken::new();
    let following = follow(&owner.agent, &owner.troubles, task, every, &stop, sender);
    tokio::join!(following, showing);
    screen.exit()
}

async fn carry_out(owner: &mut Owner, ask: Ask) -> Exit {
    let before = open_tasks(&owner.agent).await;
    let own = match ask {
        Ask::Submit(submission) => match owner.agent.submit(submission.into()).await {
            Ok(task) => Some(task),
            Err(error) => return complain(&words_of(&error)),
        },
        Ask::Resume
        | Ask::Watch(_)
        | Ask::Query(_)
        | Ask::Cancel { .. }
        | Ask::RenewKeys
        | Ask::Preflight(_) => None,
    };
    let mut worst = Exit::Completed;
    let mut settled_by_peer = 0;
    // The one that was asked for first; then what an earlier run, or another caller, left open.
    let mut tasks: Vec<TaskId> = own.into_iter().collect();
    tasks.extend(before);
    while let Some(task) = next_task(owner, &mut tasks).await {
        worst = worst.worse(show(owner, &task, None).await);
        if let Ok(Settled::Ended(_)) = owner.agent.wait(&task).await {
            settled_by_peer += 1;
        }
    }
    owner.hear_out(settled_by_peer).await;
    worst
}

/// The next task to follow: those already known, then whatever is open by now (ET-4).
async fn next_task(owner: &Owner, tasks: &mut Vec<TaskId>) -> Option<TaskId> {
    if tasks.is_empty() {
        tasks.extend(open_tasks(&owner.agent).await);
    }
    (!tasks.is_empty()).then(|| tasks.remove(0))
}
