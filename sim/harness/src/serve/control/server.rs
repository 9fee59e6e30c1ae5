//! The owner's end of the control channel.

use std::io;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use portcullis_agent::Agent;
use portcullis_agent::config::Config;
use portcullis_agent::message::{EnvironmentName, TaskId};
use portcullis_agent::work::Work;
use portcullis_net::{Net, Spawner};
use portcullis_store::Store;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::super::owner::Tenure;
use super::super::preflight::survey;
use super::super::secret::random_text;
use super::super::settings::renew_keys;
use super::super::sight::{ASK_EVERY, ask, follow};
use super::super::state_directory::{ControlAddress, StateDirectory};
use super::super::trouble::Troubles;
use super::super::{open_tasks, words_of};
use crate::scenario::Ink;

use super::{Answer, Ask, LINE_OCTETS_MAX, Letter};

/// How long a caller may take to say what it wants.
const LETTER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long callers may take for their last answer when the process ends.
const LAST_WORDS: Duration = Duration::from_secs(1);

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

/// An open channel.
#[derive(Debug)]
pub(in crate::serve) struct ControlChannel {
    stop: CancellationToken,
    conversations: TaskTracker,
}

impl ControlChannel {
    /// Opens the channel and leaves the way to it in `directory`.
    pub(in crate::serve) async fn open<N: Net, S: Store, W: Work>(
        desk: Desk<N, S, W>,
        directory: &StateDirectory,
        spawner: &Spawner,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = ControlAddress {
            port: listener.local_addr()?.port(),
            token: random_text()?,
        };
        directory.announce(&address)?;
        let channel = Self {
            stop: CancellationToken::new(),
            conversations: TaskTracker::new(),
        };
        let (directory, own) = (directory.clone(), spawner.clone());
        let (stop, conversations) = (channel.stop.clone(), channel.conversations.clone());
        spawner.spawn(channel.conversations.track_future(async move {
            while let Some(stream) = next_caller(&listener, &stop).await {
                let (desk, token, stop) = (desk.clone(), address.token.clone(), stop.clone());
                own.spawn(conversations.track_future(async move {
                    if let Err(error) = converse(&desk, stream, &token, &stop).await {
                        tracing::debug!("control channel: {error}");
                    }
                }));
            }
            directory.withdraw();
        }));
        Ok(channel)
    }

    /// Lets every watcher have a last look, and closes the channel.
    pub(in crate::serve) async fn close(self) {
        self.stop.cancel();
        self.conversations.close();
        if timeout(LAST_WORDS, self.conversations.wait())
            .await
            .is_err()
        {
            tracing::debug!("a caller of the control channel did not take its answer");
        }
    }
}

/// The next connection; none after `stop`.
async fn next_caller(listener: &TcpListener, stop: &CancellationToken) -> Option<TcpStream> {
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => return None,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => return Some(stream),
            // Out of descriptors, most likely: let some close.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

/// Compares in a time that does not depend on where the first difference is.
fn is_token(shown: &str, token: &str) -> bool {
    let pairs = shown.bytes().zip(token.bytes());
    shown.len() == token.len() && pairs.fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

async fn converse<N: Net, S: Store, W: Work>(
    desk: &Desk<N, S, W>,
    stream: TcpStream,
    token: &str,
    stop: &CancellationToken,
) -> io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut line = String::new();
    let mut reader = BufReader::new(reader.take(LINE_OCTETS_MAX as u64));
    timeout(LETTER_TIMEOUT, reader.read_line(&mut line)).await??;
    let answer = match serde_json::from_str::<Letter>(&line) {
        Ok(letter) if is_token(&letter.token, token) => {
            if let Ask::Watch(task) = &letter.ask {
                return show(desk, task, stop, &mut writer).await;
            }
            answer(desk, letter.ask).await
        }
        Ok(_) => Answer::Refused("the token is not the one in the state directory".into()),
        Err(_) => Answer::Refused("not a request of the control channel".into()),
    };
    send(&mut writer, &answer).await
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
    writer: &mut (impl AsyncWriteExt + Unpin),
) -> io::Result<()> {
    let (sender, mut sights) = mpsc::channel(1);
    let sending = async {
        while let Some(sight) = sights.recv().await {
            send(&mut *writer, &Answer::Sight(sight)).await?;
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
        send(writer, &Answer::Left).await?;
    }
    Ok(())
}

async fn send(writer: &mut (impl AsyncWriteExt + Unpin), answer: &Answer) -> io::Result<()> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    writer.write_all(&line).await
}
