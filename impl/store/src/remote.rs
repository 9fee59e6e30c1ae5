//! A store on another host: the client's end.

mod frame;
mod server;

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use portcullis_net::{Connection as _, Host, Net};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};

use self::frame::{Answered, Asked, Hello, Receiver, Sender};
pub use self::server::serve_store;
use crate::StoreError;
use crate::queue::{Answer, Queue, Reply, Request, answer, queue, refuse, store_by_queue};

/// How many questions may wait for their answers on one connection.
const IN_FLIGHT_MAX: usize = 128;

/// How long a connection without questions is kept; less than what the server bears.
const IDLE_MAX: Duration = Duration::from_secs(60);

/// How many lost connections are named to the server; more are lost only while it answers nothing.
const SUPERSEDED_MAX: usize = 64;

/// Where a store is served, and how long to wait for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteConfig {
    /// The host's name.
    pub server: String,
    /// The port on which it serves the store.
    pub port: u16,
    /// How long a connection may take to come about, and an answer to come. Default 5 s; ours.
    /// Long against the network's delays and the medium's sync, short against what waits for the
    /// store.
    pub timeout: Duration,
}

impl RemoteConfig {
    /// The store on `port` of `server`, with the default timeout.
    pub fn new(server: impl Into<String>, port: u16) -> Self {
        Self {
            server: server.into(),
            port,
            timeout: Duration::from_secs(5),
        }
    }
}

/// A store on another host, which [`serve_store`] serves there.
///
/// One connection is opened when there is something to ask, kept, and opened again after a loss.
/// An operation fails with [`StoreError::Unavailable`] when the connection does not come about. One
/// that was sent and is not answered within the timeout costs the connection, and with it all that
/// wait: commits are [`StoreError::Unknown`], everything else is unavailable. So no operation takes
/// longer than twice the timeout, once it is its turn.
///
/// The connection that replaces a lost one has the server end the lost one first. Therefore what
/// [`Store::outcome`](crate::Store::outcome) says afterwards stays true: nothing that was sent
/// before arrives later.
#[derive(Clone, Debug)]
pub struct RemoteStore {
    queue: Queue,
}

store_by_queue!(RemoteStore);

impl RemoteStore {
    /// A handle to the store; connects when first used. The task behind it belongs to `host`.
    #[must_use]
    pub fn open<N: Net>(host: &Host<N>, config: RemoteConfig) -> Self {
        let (queue, requests) = queue(None);
        let net = host.net.clone();
        host.spawner.spawn(serve(net, config, requests));
        Self { queue }
    }

    /// Waits for the answers to what was asked and closes the connection.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it was closed before.
    pub async fn close(self) -> Result<(), StoreError> {
        self.queue.close().await
    }
}

/// Answers requests over one connection after the other.
async fn serve<N: Net>(net: N, config: RemoteConfig, mut requests: mpsc::Receiver<Request>) {
    let mut superseded = Vec::new();
    while let Some(request) = requests.recv().await {
        let opening = net.connect(&config.server, config.port);
        let Ok(Ok(stream)) = timeout(config.timeout, opening).await else {
            if refuse([request], &mut requests) {
                return;
            }
            continue;
        };
        let local = stream.local_addr();
        let mut conversation = Conversation::over(stream, config.timeout);
        let hello = Hello { superseded };
        let ended = conversation.hold(&hello, request, &mut requests).await;
        if ended.is_ok() {
            return;
        }
        superseded = hello.superseded;
        if conversation.was_answered {
            superseded.clear();
        }
        if superseded.len() >= SUPERSEDED_MAX {
            superseded.remove(0);
        }
        superseded.push(local);
    }
}

/// One connection. What still waits when it is dropped gets no answer, which means for a commit
/// that its fate is unknown.
struct Conversation<S> {
    answers: Receiver<S>,
    questions: Sender<S>,
    is_flushed: bool,
    /// What was asked, by number, with the time until which the answer has to come.
    waiting: BTreeMap<u64, (Instant, Reply<Answer>)>,
    last: u64,
    timeout: Duration,
    was_answered: bool,
    closing: Option<Reply<()>>,
}

impl<S: AsyncRead + AsyncWrite> Conversation<S> {
    fn over(stream: S, timeout: Duration) -> Self {
        let (answers, questions) = frame::ends(stream);
        Self {
            answers,
            questions,
            is_flushed: true,
            waiting: BTreeMap::new(),
            last: 0,
            timeout,
            was_answered: false,
            closing: None,
        }
    }

    /// Asks what is requested until the store is closed; an error says that the connection is lost,
    /// or had nothing to do.
    async fn hold(
        &mut self,
        hello: &Hello,
        first: Request,
        requests: &mut mpsc::Receiver<Request>,
    ) -> io::Result<()> {
        self.questions.feed(frame::encode(hello)?).await?;
        self.ask(first).await?;
        while self.closing.is_none() || !self.waiting.is_empty() {
            let due = self.waiting.values().next().map(|(due, _)| *due);
            let is_open = self.closing.is_none();
            let has_room = self.is_flushed && self.waiting.len() < IN_FLIGHT_MAX;
            tokio::select! {
                biased;
                // Beside the reading: two ends that only write would wait for each other.
                flushed = frame::flush(&mut self.questions), if !self.is_flushed => {
                    flushed?;
                    self.is_flushed = true;
                }
                frame = self.answers.next() => {
                    let frame = frame.ok_or(io::ErrorKind::UnexpectedEof)??;
                    self.hear(frame::decode(&frame)?)?;
                }
                () = sleep_until(due.unwrap_or_else(|| Instant::now() + IDLE_MAX)) => {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                request = requests.recv(), if is_open && has_room => {
                    let all_handles_gone = || Request::Close(oneshot::channel().0);
                    self.ask(request.unwrap_or_else(all_handles_gone)).await?;
                }
            }
        }
        if let Some(reply) = self.closing.take() {
            answer(reply, Ok(()));
        }
        Ok(())
    }

    /// Puts a question on its way; nothing else is, so there is room for it.
    async fn ask(&mut self, request: Request) -> io::Result<()> {
        let (question, reply) = match request {
            Request::Ask(question, reply) => (question, reply),
            Request::Close(reply) => {
                self.closing = Some(reply);
                return Ok(());
            }
        };
        self.last += 1;
        let number = self.last;
        let Ok(frame) = frame::encode(&Asked { number, question }) else {
            answer(reply, Err(StoreError::Unavailable));
            return Ok(());
        };
        self.questions.feed(frame).await?;
        self.is_flushed = false;
        let due = Instant::now() + self.timeout;
        self.waiting.insert(number, (due, reply));
        Ok(())
    }

    fn hear(&mut self, answered: Answered) -> io::Result<()> {
        let waiting = self.waiting.remove(&answered.number);
        let (_, reply) = waiting.ok_or(io::ErrorKind::InvalidData)?;
        answer(reply, answered.result.map_err(StoreError::from));
        self.was_answered = true;
        Ok(())
    }
}
