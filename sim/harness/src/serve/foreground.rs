//! The originator in the foreground: an environment without a service (ET-4).

use std::io::Write as _;
use std::time::Duration;

use portcullis_agent::message::TaskId;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::control::Ask;
use super::owner::Owner;
use super::screen::Screen;
use super::sight::{ASK_EVERY, ask, follow};
use super::{Exit, Signals, complain, open_tasks, show_answer, words_of};

/// Carries out `ask` and stays until the task that it asks for has ended, or to `resume` every
/// task, or until a signal comes.
pub(super) async fn submit(owner: Owner, ask: Ask) -> Exit {
    let exit = until_signal(async {
        let Ask::Submit(submission) = ask else {
            return resume(&owner).await;
        };
        match owner.agent.submit(submission.into()).await {
            Ok(task) => see_through(&owner, &mut Screen::new(task), None).await,
            Err(error) => complain(&words_of(&error)),
        }
    })
    .await;
    owner.stop().await;
    exit
}

/// Follows a task whose store nobody owns: the originator runs for as long as that takes.
pub(super) async fn watch(owner: Owner, screen: &mut Screen) -> Exit {
    let exit = until_signal(see_through(&owner, screen, Some(ASK_EVERY))).await;
    owner.stop().await;
    exit
}

/// Asks the destination of a task once.
pub(super) async fn query(owner: Owner, task: TaskId) -> Exit {
    let exit = until_signal(async {
        let sight = ask(&owner.agent, &task).await;
        let exit = show_answer(task, &sight);
        say_what_is_left(&owner).await;
        exit
    })
    .await;
    owner.stop().await;
    exit
}

/// What comes of `work`, unless a signal comes first.
pub(super) async fn until_signal(work: impl Future<Output = Exit>) -> Exit {
    let words = "interrupted; `submit .. resume` takes up what is unfinished";
    unless_interrupted(words, work).await
}

/// The same; `words` say what becomes of an interrupted work.
pub(super) async fn unless_interrupted(words: &str, work: impl Future<Output = Exit>) -> Exit {
    let mut signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => return complain(&format!("cannot listen for signals: {error}")),
    };
    tokio::select! {
        biased;
        () = signals.wait() => {
            complain(words);
            Exit::InDoubt
        }
        exit = work => exit,
    }
}

/// Shows the task of `screen` until it has ended and its completion has been heard. Other tasks go
/// on meanwhile, and are left to the next start.
async fn see_through(owner: &Owner, screen: &mut Screen, every: Option<Duration>) -> Exit {
    let exit = show(owner, screen, every).await;
    owner.hear_out(&[screen.task().clone()]).await;
    say_what_is_left(owner).await;
    exit
}

/// Shows a task until it has ended.
async fn show(owner: &Owner, screen: &mut Screen, every: Option<Duration>) -> Exit {
    let task = screen.task().clone();
    let (sender, mut sights) = mpsc::channel(1);
    let showing = async {
        while let Some(sight) = sights.recv().await {
            screen.show(&sight);
        }
    };
    let stop = CancellationToken::new();
    let following = follow(&owner.agent, &owner.troubles, &task, every, &stop, sender);
    tokio::join!(following, showing);
    screen.exit()
}

/// Follows one task after the other until every one of the store has ended (ET-4).
async fn resume(owner: &Owner) -> Exit {
    let mut worst = Exit::Completed;
    let mut ended = Vec::new();
    loop {
        let open = open_tasks(&owner.agent).await;
        if open.is_empty() {
            break;
        }
        for task in open {
            worst = worst.worse(show(owner, &mut Screen::new(task.clone()), None).await);
            ended.push(task);
        }
    }
    owner.hear_out(&ended).await;
    worst
}

/// What is unfinished is durable, and goes on when its store has an owner again.
async fn say_what_is_left(owner: &Owner) {
    let count = open_tasks(&owner.agent).await.len();
    match count {
        0 => {}
        1 => remind("1 task is unfinished: `submit resume` goes on with it"),
        _ => remind(&format!(
            "{count} tasks are unfinished: `submit resume` goes on with them"
        )),
    }
}

/// Says something on standard error that is no mistake.
fn remind(words: &str) {
    drop(writeln!(anstream::stderr(), "{words}"));
}
