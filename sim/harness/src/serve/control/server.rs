//! The owner's end of a control channel.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use portcullis_net::Spawner;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::super::secret::random_text;
use super::super::state_directory::{ControlAddress, StateDirectory};

use super::{LINE_OCTETS_MAX, Letter};

/// How long a caller may take to say what it wants.
const LETTER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long callers may take for their last answer when the process ends.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Who answers the callers of a channel.
pub(in crate::serve) trait Clerk: Clone + Send + Sync + 'static {
    /// What callers ask.
    type Question: DeserializeOwned + Send;
    /// What they are answered.
    type Answer: Serialize + Send + Sync;

    /// The answer to what cannot be heard.
    fn refusal(why: &str) -> Self::Answer;

    /// Answers, with as many answers as there are; with what is left to say soon after `stop`.
    fn serve(
        &self,
        question: Self::Question,
        stop: &CancellationToken,
        answers: &mut Answers<Self::Answer>,
    ) -> impl Future<Output = io::Result<()>> + Send;
}

/// Where the answers to one caller go.
#[derive(Debug)]
pub(in crate::serve) struct Answers<A> {
    writer: OwnedWriteHalf,
    kind: std::marker::PhantomData<fn(A)>,
}

impl<A: Serialize + Sync> Answers<A> {
    /// Sends one.
    pub(in crate::serve) async fn send(&mut self, answer: &A) -> io::Result<()> {
        let mut line = serde_json::to_vec(answer)?;
        line.push(b'\n');
        self.writer.write_all(&line).await
    }
}

/// An open channel.
#[derive(Debug)]
pub(in crate::serve) struct ControlChannel {
    stop: CancellationToken,
    conversations: TaskTracker,
}

impl ControlChannel {
    /// Opens the channel and leaves the way to it in `directory`.
    pub(in crate::serve) async fn open(
        clerk: impl Clerk,
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
                let (clerk, token, stop) = (clerk.clone(), address.token.clone(), stop.clone());
                own.spawn(conversations.track_future(async move {
                    if let Err(error) = converse(&clerk, stream, &token, &stop).await {
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

async fn converse<C: Clerk>(
    clerk: &C,
    stream: TcpStream,
    token: &str,
    stop: &CancellationToken,
) -> io::Result<()> {
    let (reader, writer) = stream.into_split();
    let mut answers = Answers {
        writer,
        kind: std::marker::PhantomData,
    };
    let mut line = String::new();
    let mut reader = BufReader::new(reader.take(LINE_OCTETS_MAX as u64));
    timeout(LETTER_TIMEOUT, reader.read_line(&mut line)).await??;
    let refusal = match serde_json::from_str::<Letter<C::Question>>(&line) {
        Ok(letter) if is_token(&letter.token, token) => {
            return clerk.serve(letter.ask, stop, &mut answers).await;
        }
        Ok(_) => "the token is not the one in the state directory",
        Err(_) => "not a request of the control channel",
    };
    answers.send(&C::refusal(refusal)).await
}
