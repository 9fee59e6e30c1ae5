//! What is asked of the process that owns the store.

use portcullis_agent::message::{EnvironmentName, TaskId};

use super::control::{Answer, Ask, Client, ControlError};
use super::screen::Screen;
use super::settings::Settings;
use super::state_directory::StateDirectory;
use super::{Exit, complain, nobody, say, show_answer};

/// The owner ended before it had answered, or before the task had ended: whoever asks may take its
/// place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gone;

/// What an owner took on.
pub(super) enum Handed {
    /// These tasks, which are to be waited for.
    Tasks(Vec<TaskId>),
    /// Nothing, and this is how to end.
    Nothing(Exit),
}

/// What the owner makes of a submission.
pub(super) async fn submit(client: Client) -> Result<Handed, Gone> {
    Ok(match only_answer(client).await? {
        Some(Answer::Submitted(task)) => Handed::Tasks(vec![task]),
        Some(Answer::Open(tasks)) => Handed::Tasks(tasks),
        Some(Answer::Refused(why)) => Handed::Nothing(complain(&why)),
        _ => Handed::Nothing(complain(SOMETHING_ELSE)),
    })
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
pub(super) async fn watch(mut client: Client, screen: &mut Screen) -> Result<Exit, Gone> {
    let mut is_first = true;
    loop {
        match client.next_answer().await {
            Ok(Some(Answer::Sight(sight))) => screen.show(&sight),
            Ok(Some(Answer::Left)) => return Err(Gone),
            Ok(Some(Answer::Refused(why))) => return Ok(complain(&why)),
            Ok(None) | Err(_) if is_first => return Err(Gone),
            Ok(_) => return Ok(screen.exit()),
            Err(error) => return Ok(nobody(&error)),
        }
        is_first = false;
    }
}

/// Shows what the task's destination says.
pub(super) async fn query(client: Client, task: &TaskId) -> Result<Exit, Gone> {
    Ok(match only_answer(client).await? {
        Some(Answer::Sight(sight)) => show_answer(task.clone(), &sight),
        Some(Answer::Refused(why)) => complain(&why),
        _ => complain(SOMETHING_ELSE),
    })
}

/// The owner's answer; none when it is not one.
async fn only_answer(mut client: Client) -> Result<Option<Answer>, Gone> {
    match client.next_answer().await {
        Ok(Some(answer)) => Ok(Some(answer)),
        Err(ControlError::NoAnswer(_)) => Ok(None),
        Ok(None) | Err(ControlError::Absent(_) | ControlError::Broken(_)) => Err(Gone),
    }
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
