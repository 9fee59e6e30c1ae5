//! What is asked of the process that serves the farm.

use portcullis_web_service::deploying::TargetLogs;

use super::channel::{Question, Reply};
use super::screen::{self, Screen};
use crate::output::visible;
use crate::serve::control::{Client, ControlError};
use crate::serve::foreground::unless_interrupted;
use crate::serve::state_directory::StateDirectory;
use crate::serve::web_service::FarmSettings;
use crate::serve::{Exit, complain, say, words_of};

/// What the owner of another version may do.
const SOMETHING_ELSE: &str = "the farm answered something else";

/// Defines a path or a job.
pub(super) async fn define(settings: &FarmSettings, question: &Question) -> Exit {
    match only(settings, question).await {
        Ok(_) => Exit::Completed,
        Err(exit) => exit,
    }
}

/// Orders a run: which one, or how to end without.
pub(super) async fn order(settings: &FarmSettings, job: &str) -> (Option<u64>, Exit) {
    match only(settings, &Question::Run(job.to_owned())).await {
        Ok(Reply::Ordered(run)) => {
            say(&format!("{job}: run {run} is ordered"));
            (Some(run), Exit::Completed)
        }
        Ok(_) => (None, complain(SOMETHING_ELSE)),
        Err(exit) => (None, exit),
    }
}

/// Follows a run to its end; the newest without a number.
pub(super) async fn watch(settings: &FarmSettings, job: &str, run: Option<u64>) -> Exit {
    let question = Question::Watch {
        job: job.to_owned(),
        run,
    };
    let words = "interrupted; the run goes on, and `deployment watch` follows it";
    unless_interrupted(words, async {
        let mut client = match reach(settings, &question).await {
            Ok(client) => client,
            Err(exit) => return exit,
        };
        let mut screen = Screen::new(job, run);
        loop {
            match client.next_answer().await {
                Ok(Some(Reply::Job(view))) => screen.show(*view),
                Ok(Some(Reply::Refused(why))) => {
                    return complain(&format!("{job}: {}", visible(&why)));
                }
                Ok(Some(_)) => return complain(SOMETHING_ELSE),
                Ok(None) => return screen.exit(),
                Err(error) => {
                    screen.exit();
                    return nobody(&error);
                }
            }
        }
    })
    .await
}

/// Shows a job with its log; the exit code is that of its newest run.
pub(super) async fn show(settings: &FarmSettings, job: &str) -> Exit {
    match all(settings, &Question::Show(job.to_owned())).await {
        Ok(replies) => {
            let mut exit = Exit::InDoubt;
            for reply in replies {
                match reply {
                    Reply::Job(view) => {
                        exit = screen::exit_of(&view);
                        say(&screen::job(&view));
                    }
                    Reply::Line(line) => say(&screen::line(&line)),
                    Reply::Done
                    | Reply::Ordered(_)
                    | Reply::Path(_)
                    | Reply::NothingRuns
                    | Reply::Refused(_) => {}
                }
            }
            exit
        }
        Err(exit) => exit,
    }
}

/// Shows all jobs.
pub(super) async fn list(settings: &FarmSettings) -> Exit {
    let replies = match all(settings, &Question::List).await {
        Ok(replies) => replies,
        Err(exit) => return exit,
    };
    let views = replies.into_iter().filter_map(|reply| {
        let Reply::Job(view) = reply else { return None };
        Some(*view)
    });
    say(&screen::jobs(&views.collect::<Vec<_>>()));
    Exit::Completed
}

/// Shows all paths.
pub(super) async fn paths(settings: &FarmSettings) -> Exit {
    let replies = match all(settings, &Question::Paths).await {
        Ok(replies) => replies,
        Err(exit) => return exit,
    };
    let paths = replies.into_iter().filter_map(|reply| {
        let Reply::Path(path) = reply else {
            return None;
        };
        Some(*path)
    });
    say(&screen::paths(&paths.collect::<Vec<_>>()));
    Exit::Completed
}

/// Asks for the end of a job's run.
pub(super) async fn cancel(settings: &FarmSettings, job: &str) -> Exit {
    match only(settings, &Question::Cancel(job.to_owned())).await {
        Ok(Reply::NothingRuns) => {
            complain(&format!("{job} is not running"));
            Exit::Failed
        }
        Ok(_) => {
            say(&format!("{job}: cancelling is asked for"));
            Exit::Completed
        }
        Err(exit) => exit,
    }
}

/// Deletes a job, and waits until the target has answered.
pub(super) async fn delete(settings: &FarmSettings, job: &str, logs: TargetLogs) -> Exit {
    let question = Question::DeleteJob {
        job: job.to_owned(),
        logs,
    };
    let words = "interrupted; the deletion goes on, and `deployment status` shows it";
    unless_interrupted(words, async {
        match only(settings, &question).await {
            Ok(_) => {
                say(&format!("{job} is deleted"));
                Exit::Completed
            }
            Err(exit) => exit,
        }
    })
    .await
}

/// Marks paths of a source for quick deployment.
pub(super) async fn mark(settings: &FarmSettings, source: String, paths: Vec<String>) -> Exit {
    for path in paths {
        let question = Question::Mark {
            source: source.clone(),
            path: path.clone(),
        };
        if let Err(exit) = only(settings, &question).await {
            return exit;
        }
        say(&format!("{path} is marked"));
    }
    Exit::Completed
}

async fn only(settings: &FarmSettings, question: &Question) -> Result<Reply, Exit> {
    let mut client = reach(settings, question).await?;
    match client.next_answer().await {
        Ok(Some(Reply::Refused(why))) => Err(complain(&visible(&why))),
        Ok(Some(reply)) => Ok(reply),
        Ok(None) => Err(left()),
        Err(error) => Err(nobody(&error)),
    }
}

/// Every answer until the last one, which says that it was the last.
async fn all(settings: &FarmSettings, question: &Question) -> Result<Vec<Reply>, Exit> {
    let mut client = reach(settings, question).await?;
    let mut replies = Vec::new();
    loop {
        match client.next_answer().await {
            Ok(Some(Reply::Done)) => return Ok(replies),
            Ok(Some(Reply::Refused(why))) => return Err(complain(&visible(&why))),
            Ok(Some(reply)) => replies.push(reply),
            Ok(None) => return Err(left()),
            Err(error) => return Err(nobody(&error)),
        }
    }
}

async fn reach(settings: &FarmSettings, question: &Question) -> Result<Client, Exit> {
    let directory = StateDirectory::at(&settings.state);
    let asked = Client::ask(&directory, question).await;
    asked.map_err(|error| nobody(&error))
}

/// Nobody answered: what came of it is not known here.
fn nobody(error: &ControlError) -> Exit {
    match error {
        ControlError::Absent(_) => {
            complain(
                "no farm answers for this configuration: `serve web-service` has to run, and its \
                 databases have to answer",
            );
        }
        ControlError::Broken(_) | ControlError::NoAnswer(_) => {
            complain(&format!("the farm did not answer: {}", words_of(error)));
        }
    }
    Exit::InDoubt
}

fn left() -> Exit {
    complain("the farm ended before it had answered");
    Exit::InDoubt
}
