//! What is asked of the process that owns the store.

use portcullis_agent::message::{EnvironmentName, TaskId};

use super::control::{Answer, Ask, Client, ControlError};
use super::screen::Screen;
use super::settings::Settings;
use super::state_directory::StateDirectory;
use super::{Exit, complain, say, show_answer, words_of};

/// Hands `ask` to the owner and watches what comes of it.
pub(super) async fn submit(settings: &Settings, ask: Ask) -> Exit {
    let answer = match first_answer(settings, &ask).await {
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
        Answer::Sight(_) | Answer::Cancelled(_) | Answer::Renewed(_) | Answer::Preflight(_) => {
            complain(SOMETHING_ELSE)
        }
    }
}

/// What an owner of another version may do.
const SOMETHING_ELSE: &str = "the agent answered something else";

/// Stops a task that another environment sent to the owner.
pub(super) async fn cancel(
    settings: &Settings,
    from: Option<EnvironmentName>,
    task: TaskId,
) -> Exit {
    match first_answer(settings, &Ask::Cancel { from, task }).await {
        Ok(Answer::Cancelled(task)) => {
            say(&format!("{task} cancelled"));
            Exit::Completed
        }
        Ok(Answer::Refused(why)) => {
            complain(&why);
            Exit::Failed
        }
        Ok(_) => complain(SOMETHING_ELSE),
        Err(exit) => exit,
    }
}

/// Has the owner read its key files again.
pub(super) async fn renew_keys(settings: &Settings) -> Exit {
    match first_answer(settings, &Ask::RenewKeys).await {
        Ok(Answer::Renewed(names)) if names.is_empty() => {
            say("no key has changed");
            Exit::Completed
        }
        Ok(Answer::Renewed(names)) => {
            for name in names {
                say(&format!("the keys of the link with {name} are renewed"));
            }
            Exit::Completed
        }
        Ok(Answer::Refused(why)) => {
            complain(why.trim_end());
            Exit::Failed
        }
        Ok(_) => complain(SOMETHING_ELSE),
        Err(exit) => exit,
    }
}

/// Shows a task until it has ended.
pub(super) async fn watch(settings: &Settings, task: TaskId) -> Exit {
    let directory = StateDirectory::at(&settings.state);
    let mut client = match Client::ask(&directory, &Ask::Watch(task.clone())).await {
        Ok(client) => client,
        Err(error) => return nobody(&error),
    };
    let mut screen = Screen::new(task);
    loop {
        match client.next_answer().await {
            Ok(Some(Answer::Sight(sight))) => screen.show(&sight),
            Ok(Some(Answer::Refused(why))) => return complain(&why),
            Ok(_) => return screen.exit(),
            Err(error) => return nobody(&error),
        }
    }
}

/// Asks the task's destination once.
pub(super) async fn query(settings: &Settings, task: TaskId) -> Exit {
    let answer = match first_answer(settings, &Ask::Query(task.clone())).await {
        Ok(answer) => answer,
        Err(exit) => return exit,
    };
    let sight = match answer {
        Answer::Sight(sight) => sight,
        Answer::Refused(why) => return complain(&why),
        Answer::Submitted(_)
        | Answer::Open(_)
        | Answer::Cancelled(_)
        | Answer::Renewed(_)
        | Answer::Preflight(_) => {
            return complain(SOMETHING_ELSE);
        }
    };
    show_answer(task, &sight)
}

/// The owner's answer, or how to end without one.
pub(super) async fn first_answer(settings: &Settings, ask: &Ask) -> Result<Answer, Exit> {
    let directory = StateDirectory::at(&settings.state);
    let mut client = Client::ask(&directory, ask)
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
