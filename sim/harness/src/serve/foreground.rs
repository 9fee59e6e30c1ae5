//! The originator in the foreground: an environment without a service (ET-4).

use portcullis_agent::message::TaskId;
use portcullis_agent::state::Settled;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::control::Ask;
use super::owner::Owner;
use super::screen::Screen;
use super::sight::follow;
use super::{Exit, Signals, complain, open_tasks, words_of};

/// Carries out `ask` and stays until every task of the store has ended, or a signal comes.
pub(super) async fn submit(mut owner: Owner, ask: Ask) -> Exit {
    let exit = match Signals::listen() {
        Ok(signals) => tokio::select! {
            biased;
            () = signals.wait() => {
                complain("interrupted; `submit .. resume` takes up what is unfinished");
                Exit::InDoubt
            }
            exit = carry_out(&mut owner, ask) => exit,
        },
        Err(error) => complain(&format!("cannot listen for signals: {error}")),
    };
    owner.stop().await;
    exit
}

async fn carry_out(owner: &mut Owner, ask: Ask) -> Exit {
    let before = open_tasks(&owner.agent).await;
    let own = match ask {
        Ask::Submit(submission) => match owner.agent.submit(submission.into()).await {
            Ok(task) => Some(task),
            Err(error) => return complain(&words_of(&error)),
        },
        Ask::Resume | Ask::Watch(_) | Ask::Query(_) => None,
    };
    let mut worst = Exit::Completed;
    let mut settled_by_peer = 0;
    // The one that was asked for first; then what an earlier run, or another caller, left open.
    let mut tasks: Vec<TaskId> = own.into_iter().collect();
    tasks.extend(before);
    while let Some(task) = next_task(owner, &mut tasks).await {
        let mut screen = Screen::new(task.clone());
        let (sender, mut sights) = mpsc::channel(1);
        let showing = async {
            while let Some(sight) = sights.recv().await {
                screen.show(&sight);
            }
        };
        let stop = CancellationToken::new();
        tokio::join!(follow(&owner.agent, &task, None, &stop, sender), showing);
        if let Ok(Settled::Ended(_)) = owner.agent.wait(&task).await {
            settled_by_peer += 1;
        }
        worst = worst.worse(screen.exit());
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
