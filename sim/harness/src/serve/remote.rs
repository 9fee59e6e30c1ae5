//! What is asked of the process that owns the store.

use std::time::Duration;

use portcullis_agent::message::TaskId;

use super::control::{Answer, Ask, Client, ControlError};
use super::screen::Screen;
use super::settings::Settings;
use super::sight::Sight;
use super::state_directory::StateDirectory;
use super::{Exit, complain, words_of};

/// How long an owner may take to open its channel after it has locked the store.
const STARTING: Duration = Duration::from_secs(5);

/// Hands `ask` to the owner and watches what comes of it.
pub(super) async fn submit(settings: &Settings, ask: Ask) -> Exit {
    let answer = match first_answer(settings, &ask, STARTING).await {
        Ok(answer) => answer,
        Err(exit) => return exit,
    };
    match answer {
        Answer::Submitted(task) => watch(settings, task).await,
        Answer::Open(tasks) => {
            let mut exit = Exit::Completed;
            for task in tasks {
                exit = exit.worse(watch(settings, task).await);
            }
            exit
        }
        Answer::Refused(why) => complain(&why),
        Answer::Sight(_) => complain("the agent answered something else"),
    }
}

/// Shows a task until it has ended.
pub(super) async fn watch(settings: &Settings, task: TaskId) -> Exit {
    let directory = StateDirectory::at(&settings.state);
    let mut client = match Client::ask(&directory, &Ask::Watch(task.clone()), Duration::ZERO).await
    {
        Ok(client) => client,
        Err(error) => return nobody(&error),
    };
    let mut screen = Screen::new(task);
    loop {
        match client.next_answer().await {
            Ok(Some(Answer::Sight(sight))) => screen.show(&sight),
            Ok(Some(Answer::Refused(why))) => return complain(&why),
            Ok(Some(Answer::Submitted(_) | Answer::Open(_)) | None) => return screen.exit(),
            Err(error) => return nobody(&error),
        }
    }
}

/// Asks the task's destination once.
pub(super) async fn query(settings: &Settings, task: TaskId) -> Exit {
    let answer = match first_answer(settings, &Ask::Query(task.clone()), Duration::ZERO).await {
        Ok(answer) => answer,
        Err(exit) => return exit,
    };
    let sight = match answer {
        Answer::Sight(sight) => sight,
        Answer::Refused(why) => return complain(&why),
        Answer::Submitted(_) | Answer::Open(_) => {
            return complain("the agent answered something else");
        }
    };
    Screen::new(task).show(&sight);
    match sight {
        Sight::Recorded(recorded) => recorded.outcome.map_or(Exit::InDoubt, |outcome| {
            Exit::of(portcullis_agent::state::Settled::Ended(outcome))
        }),
        Sight::Progress(_) | Sight::NotRecorded | Sight::NoAnswer { .. } => Exit::InDoubt,
    }
}

async fn first_answer(settings: &Settings, ask: &Ask, patience: Duration) -> Result<Answer, Exit> {
    let directory = StateDirectory::at(&settings.state);
    let mut client = Client::ask(&directory, ask, patience)
        .await
        .map_err(|error| nobody(&error))?;
    match client.next_answer().await {
        Ok(Some(answer)) => Ok(answer),
        Ok(None) => Err(complain(
            "the agent that owns the store ended the connection",
        )),
        Err(error) => Err(nobody(&error)),
    }
}

/// Nobody answered: what became of the task is not known here.
fn nobody(error: &ControlError) -> Exit {
    complain(&words_of(error));
    Exit::InDoubt
}
