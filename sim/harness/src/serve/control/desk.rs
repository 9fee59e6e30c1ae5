//! What the owner of an environment's store answers.

use std::io;
use std::path::Path;
use std::sync::Arc;

use portcullis_agent::Agent;
use portcullis_agent::config::Config;
use portcullis_agent::message::{EnvironmentName, TaskId};
use portcullis_agent::work::Work;
use portcullis_net::Net;
use portcullis_store::Store;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::super::owner::Tenure;
use super::super::preflight::survey;
use super::super::settings::renew_keys;
use super::super::sight::{ASK_EVERY, ask, follow};
use super::super::trouble::Troubles;
use super::super::{open_tasks, words_of};
use crate::scenario::Ink;

use super::{Answer, Answers, Ask, Clerk};

/// What callers are served with.
#[derive(Clone)]
pub(in crate::serve) struct Desk<N, S, W> {
    /// The agent of this process.
    pub(in crate::serve) agent: Agent<N, S, W>,
    /// What it is configured with.
    pub(in crate::serve) config: Arc<Config>,
    /// The file that says so.
    pub(in crate::serve) file: Arc<Path>,
    /// What stands in the way of its tasks.
    pub(in crate::serve) troubles: Troubles,
    /// Why this process owns the store.
    pub(in crate::serve) tenure: Tenure,
}

impl<N: Net, S: Store, W: Work> Clerk for Desk<N, S, W> {
    type Question = Ask;
    type Answer = Answer;

    fn refusal(why: &str) -> Answer {
        Answer::Refused(why.to_owned())
    }

    async fn serve(
        &self,
        question: Ask,
        stop: &CancellationToken,
        answers: &mut Answers<Answer>,
    ) -> io::Result<()> {
        if let Ask::Watch(task) = &question {
            return show(self, task, stop, answers).await;
        }
        answers.send(&answer(self, question).await).await
    }
}

/// What there is to say to `question`; to `watch`, what there is to see now.
async fn answer<N: Net, S: Store, W: Work>(desk: &Desk<N, S, W>, question: Ask) -> Answer {
    let agent = &desk.agent;
    match question {
        Ask::Submit(submission) => match agent.submit(submission.into()).await {
            Ok(task) => Answer::Submitted(task),
            Err(error) => Answer::Refused(words_of(&error)),
        },
        Ask::Resume => Answer::Open(open_tasks(agent).await),
        Ask::Query(task) | Ask::Watch(task) => Answer::Sight(ask(agent, &task).await),
        Ask::Cancel { from, task } => match cancel(agent, from, &task).await {
            Ok(()) => Answer::Cancelled(task),
            Err(why) => Answer::Refused(why),
        },
        Ask::RenewKeys => match renew_keys(&desk.config, &desk.file) {
            Ok(renewed) => {
                for name in &renewed {
                    tracing::info!(peer = %name, "keys renewed");
                }
                Answer::Renewed(renewed)
            }
            Err(error) => Answer::Refused(error.render(Ink::Plain)),
        },
        Ask::Preflight(to) => match survey(agent, &desk.config, to.as_ref()).await {
            Ok(report) => Answer::Preflight(report),
            Err(why) => Answer::Refused(why),
        },
    }
}

/// Stops a task of the environment `from`, or of whoever sent the only one of that id.
///
/// # Errors
/// Why not, in words.
async fn cancel<N: Net, S: Store, W: Work>(
    agent: &Agent<N, S, W>,
    from: Option<EnvironmentName>,
    task: &TaskId,
) -> Result<(), String> {
    let received = agent.received().await.into_iter();
    let mut senders = received
        .map(|(job, _)| job)
        .filter(|job| job.task == *task && from.as_ref().is_none_or(|from| *from == job.from));
    let Some(job) = senders.next() else {
        return Err(format!("no task {task} was sent here"));
    };
    if senders.next().is_some() {
        return Err(format!(
            "several environments sent a task {task}: name one by --from"
        ));
    }
    let cancelled = agent.cancel(&job.from, task).await;
    cancelled.map_err(|error| format!("{task}: {}", words_of(&error)))
}

/// Sends sights of the task until it has ended or the caller is gone.
async fn show<N: Net, S: Store, W: Work>(
    desk: &Desk<N, S, W>,
    task: &TaskId,
    stop: &CancellationToken,
    answers: &mut Answers<Answer>,
) -> io::Result<()> {
    let (sender, mut sights) = mpsc::channel(1);
    let sending = async {
        while let Some(sight) = sights.recv().await {
            answers.send(&Answer::Sight(sight)).await?;
        }
        io::Result::Ok(())
    };
    let following = follow(
        &desk.agent,
        &desk.troubles,
        task,
        Some(ASK_EVERY),
        stop,
        sender,
    );
    let ((), sent) = tokio::join!(following, sending);
    sent?;
    let progress = desk.agent.progress(task).await;
    let is_open = progress.is_ok_and(|progress| !progress.state.is_final());
    if is_open && desk.tenure == Tenure::Errand {
        answers.send(&Answer::Left).await?;
    }
    Ok(())
}
