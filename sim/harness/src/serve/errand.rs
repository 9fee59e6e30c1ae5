//! Commands that need the owner of a store: the process that is it, or this one meanwhile.

use std::time::Duration;

use portcullis_agent::message::TaskId;
use tokio::time::{Instant, sleep};

use super::control::{Ask, Client};
use super::owner::{OwnError, Owner, Tenure};
use super::remote::{self, Handed};
use super::screen::Screen;
use super::settings::Settings;
use super::state_directory::StateDirectory;
use super::{Exit, complain, foreground, nobody, words_of};

/// How long an owner may take to open its control channel after it has locked the store, or to
/// unlock it after it has closed the channel.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long to wait before looking again.
const PAUSE: Duration = Duration::from_millis(50);

/// Whoever owns the store.
enum Reached {
    /// This process from now on.
    Here(Box<Owner>),
    /// Another one, which has been asked.
    There(Client),
}

/// Submits a task, or takes up what is unfinished, and waits for what comes of it.
pub(super) async fn submit(settings: &Settings, question: Ask) -> Exit {
    let handed = loop {
        match reach(settings, &question).await {
            Ok(Reached::Here(owner)) => return foreground::submit(*owner, question).await,
            Ok(Reached::There(client)) => {
                if let Ok(handed) = remote::submit(client).await {
                    break handed;
                }
            }
            Err(exit) => return exit,
        }
    };
    match handed {
        Handed::Tasks(tasks) => {
            let mut exit = Exit::Completed;
            for task in tasks {
                exit = exit.worse(watch(settings, task).await);
            }
            exit
        }
        Handed::Nothing(exit) => exit,
    }
}

/// Follows a task until it has ended.
pub(super) async fn watch(settings: &Settings, task: TaskId) -> Exit {
    let question = Ask::Watch(task.clone());
    let mut screen = Screen::new(task);
    loop {
        match reach(settings, &question).await {
            Ok(Reached::Here(owner)) => return foreground::watch(*owner, &mut screen).await,
            Ok(Reached::There(client)) => {
                if let Ok(exit) = remote::watch(client, &mut screen).await {
                    return exit;
                }
            }
            Err(exit) => return exit,
        }
    }
}

/// Asks the destination of a task once.
pub(super) async fn query(settings: &Settings, task: TaskId) -> Exit {
    let question = Ask::Query(task.clone());
    loop {
        match reach(settings, &question).await {
            Ok(Reached::Here(owner)) => return foreground::query(*owner, task).await,
            Ok(Reached::There(client)) => {
                if let Ok(exit) = remote::query(client, &task).await {
                    return exit;
                }
            }
            Err(exit) => return exit,
        }
    }
}

/// Becomes the owner of the store, or puts `question` to the process that is. An owner that is
/// about to end has closed its channel and still holds the store: both are tried until one works.
async fn reach(settings: &Settings, question: &Ask) -> Result<Reached, Exit> {
    let directory = StateDirectory::at(&settings.state);
    let start = Instant::now();
    loop {
        match Owner::start(settings, Tenure::Errand).await {
            Ok(owner) => return Ok(Reached::Here(Box::new(owner))),
            Err(OwnError::Owned) => {}
            Err(error) => return Err(complain(&words_of(&error))),
        }
        match Client::ask_now(&directory, question).await {
            Ok(client) => return Ok(Reached::There(client)),
            Err(error) if start.elapsed() > PATIENCE => return Err(nobody(&error)),
            Err(_) => sleep(PAUSE).await,
        }
    }
}
