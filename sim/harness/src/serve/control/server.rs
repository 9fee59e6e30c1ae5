//! The owner's end of the control channel.

use std::fmt::Write as _;
use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use portcullis_agent::Agent;
use portcullis_agent::message::TaskId;
use portcullis_agent::work::Work;
use portcullis_net::{Net, Spawner};
use portcullis_store::Store;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::super::sight::{ASK_EVERY, ask, follow};
use super::super::state_directory::{ControlAddress, StateDirectory};
use super::{Answer, Ask, LINE_OCTETS_MAX, Letter};

/// How long a caller may take to say what it wants.
const LETTER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long callers may take for their last answer when the process ends.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// An open channel.
#[derive(Debug)]
pub(in crate::serve) struct ControlChannel {
    stop: CancellationToken,
    conversations: TaskTracker,
}

impl ControlChannel {
    /// Opens the channel and leaves the way to it in `directory`.
    pub(in crate::serve) async fn open<N: Net, S: Store, W: Work>(
        agent: Agent<N, S, W>,
        directory: &StateDirectory,
        spawner: &Spawner,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = ControlAddress {
            port: listener.local_addr()?.port(),
            token: new_token()?,
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
                let (agent, token, stop) = (agent.clone(), address.token.clone(), stop.clone());
                own.spawn(conversations.track_future(async move {
                    if let Err(error) = converse(&agent, stream, &token, &stop).await {
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

/// 256 bits that only the system and the token file know.
fn new_token() -> io::Result<String> {
    let mut bits = [0_u8; 32];
    getrandom::fill(&mut bits).map_err(|_| io::Error::other("the system gives no entropy"))?;
    let mut token = String::new();
    for octet in bits {
        write!(token, "{octet:02x}").map_err(io::Error::other)?;
    }
    Ok(token)
}

/// Compares in a time that does not depend on where the first difference is.
fn is_token(shown: &str, token: &str) -> bool {
    let pairs = shown.bytes().zip(token.bytes());
    shown.len() == token.len() && pairs.fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

async fn converse<N: Net, S: Store, W: Work>(
    agent: &Agent<N, S, W>,
    stream: TcpStream,
    token: &str,
    stop: &CancellationToken,
) -> io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut line = String::new();
    let mut reader = BufReader::new(reader.take(LINE_OCTETS_MAX as u64));
    timeout(LETTER_TIMEOUT, reader.read_line(&mut line)).await??;
    let answer = match serde_json::from_str::<Letter>(&line) {
        Ok(letter) if is_token(&letter.token, token) => match letter.ask {
            Ask::Submit(submission) => match agent.submit(submission.into()).await {
                Ok(task) => Answer::Submitted(task),
                Err(error) => Answer::Refused(super::super::words_of(&error)),
            },
            Ask::Resume => Answer::Open(super::super::open_tasks(agent).await),
            Ask::Query(task) => Answer::Sight(ask(agent, &task).await),
            Ask::Watch(task) => return show(agent, &task, stop, &mut writer).await,
        },
        Ok(_) => Answer::Refused("the token is not the one in the state directory".into()),
        Err(_) => Answer::Refused("not a request of the control channel".into()),
    };
    send(&mut writer, &answer).await
}

/// Sends sights of the task until it has ended or the caller is gone.
async fn show<N: Net, S: Store, W: Work>(
    agent: &Agent<N, S, W>,
    task: &TaskId,
    stop: &CancellationToken,
    writer: &mut (impl AsyncWriteExt + Unpin),
) -> io::Result<()> {
    let (sender, mut sights) = mpsc::channel(1);
    let sending = async move {
        while let Some(sight) = sights.recv().await {
            send(writer, &Answer::Sight(sight)).await?;
        }
        Ok(())
    };
    let ((), sent) = tokio::join!(follow(agent, task, Some(ASK_EVERY), stop, sender), sending);
    sent
}

async fn send(writer: &mut (impl AsyncWriteExt + Unpin), answer: &Answer) -> io::Result<()> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    writer.write_all(&line).await
}
