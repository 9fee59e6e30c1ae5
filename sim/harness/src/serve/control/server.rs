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

use super::super::sight::{ask, follow};
use super::super::state_directory::{ControlAddress, StateDirectory};
use super::{Answer, Ask, LINE_OCTETS_MAX, Letter};

/// How long a caller may take to say what it wants.
const LETTER_TIMEOUT: Duration = Duration::from_secs(10);

/// How often a watched task's destination is asked.
const ASK_EVERY: Duration = Duration::from_secs(5);

/// Opens the channel, leaves the way to it in `directory`, and serves until `stop`.
pub(in crate::serve) async fn serve<N: Net, S: Store, W: Work>(
    agent: Agent<N, S, W>,
    directory: &StateDirectory,
    spawner: &Spawner,
    stop: CancellationToken,
) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = ControlAddress {
        port: listener.local_addr()?.port(),
        token: new_token()?,
    };
    directory.announce(&address)?;
    let directory = directory.clone();
    let own = spawner.clone();
    spawner.spawn(async move {
        loop {
            let accepted = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            let Ok((stream, _)) = accepted else {
                // Out of descriptors, most likely: let some close.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let (agent, token, stop) = (agent.clone(), address.token.clone(), stop.clone());
            own.spawn(async move {
                tokio::select! {
                    biased;
                    () = stop.cancelled() => {}
                    result = converse(&agent, stream, &token) => {
                        if let Err(error) = result {
                            tracing::debug!("control channel: {error}");
                        }
                    }
                }
            });
        }
        directory.withdraw();
    });
    Ok(())
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
            Ask::Watch(task) => return show(agent, &task, &mut writer).await,
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
    writer: &mut (impl AsyncWriteExt + Unpin),
) -> io::Result<()> {
    let (sender, mut sights) = mpsc::channel(1);
    let sending = async move {
        while let Some(sight) = sights.recv().await {
            send(writer, &Answer::Sight(sight)).await?;
        }
        Ok(())
    };
    let ((), sent) = tokio::join!(follow(agent, task, Some(ASK_EVERY), sender), sending);
    sent
}

async fn send(writer: &mut (impl AsyncWriteExt + Unpin), answer: &Answer) -> io::Result<()> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    writer.write_all(&line).await
}
