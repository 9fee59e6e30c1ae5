//! A store on another host: the host's end.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{SinkExt as _, StreamExt as _};
use portcullis_net::{Host, Listener as _, Net};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::frame::{self, Answered, Asked, Failure, Hello};
use crate::queue::{Answer, Question};
use crate::{Store, StoreError};

/// Connections at the same time; one more is closed at once.
const CONNECTIONS_MAX: usize = 256;

/// Questions of one connection that are being answered; the next is read afterwards.
const IN_FLIGHT_MAX: usize = 128;

/// How long a peer may take for its first frame, and to take an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a connection may go without a whole question.
const IDLE_MAX: Duration = Duration::from_secs(120);

/// How long to rest when no connection can be accepted.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// Serves `store` on `port` of `host` to [`RemoteStore`](super::RemoteStore)s until the host ends;
/// returns the port, which the host chose when 0 was asked for.
///
/// Whoever reaches the port may read and write everything: it belongs on a trusted network, or on a
/// [`Net`] that authenticates. A peer that says what is no question, or is slow, loses its
/// connection; what it had asked before is carried out.
///
/// # Errors
/// Those of [`Net::bind`].
pub async fn serve_store<N: Net, S: Store>(host: &Host<N>, port: u16, store: S) -> io::Result<u16> {
    let mut listener = host.net.bind(port).await?;
    let port = listener.local_addr().port();
    let spawner = host.spawner.clone();
    let guests = Guests::default();
    host.spawner.spawn(async move {
        loop {
            let Ok((stream, peer)) = listener.accept().await else {
                sleep(ACCEPT_REST).await;
                continue;
            };
            let Some(guest) = guests.admit(peer) else {
                continue;
            };
            let (guests, store) = (guests.clone(), store.clone());
            let gone = guest.gone.drop_guard();
            spawner.spawn(async move {
                let _gone = gone;
                tokio::select! {
                    biased;
                    () = guest.cut.cancelled() => {}
                    ended = converse(stream, peer, &guests, &store) => drop(ended),
                }
            });
        }
    });
    Ok(port)
}

/// One connection: how to end it, and how to know that it has ended.
#[derive(Clone, Debug, Default)]
struct Guest {
    cut: CancellationToken,
    gone: CancellationToken,
}

/// The connections by their peers' addresses.
#[derive(Clone, Debug, Default)]
struct Guests(Arc<Mutex<BTreeMap<SocketAddr, Guest>>>);

impl Guests {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<SocketAddr, Guest>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a connection in while there is room.
    fn admit(&self, peer: SocketAddr) -> Option<Guest> {
        let mut guests = self.lock();
        guests.retain(|_, guest| !guest.gone.is_cancelled());
        if guests.len() >= CONNECTIONS_MAX {
            return None;
        }
        let guest = Guest::default();
        if let Some(before) = guests.insert(peer, guest.clone()) {
            before.cut.cancel();
        }
        Some(guest)
    }

    /// Ends the connection of `peer`; when it returns, nothing more comes from it.
    async fn dismiss(&self, peer: SocketAddr) {
        let guest = self.lock().get(&peer).cloned();
        if let Some(guest) = guest {
            guest.cut.cancel();
            guest.gone.cancelled().await;
        }
    }
}

/// Answers what is asked on one connection; an error says why it ends.
async fn converse<S: AsyncRead + AsyncWrite>(
    stream: S,
    peer: SocketAddr,
    guests: &Guests,
    store: &impl Store,
) -> io::Result<()> {
    let (mut questions, mut answers) = frame::ends(stream);
    let first = timeout(PATIENCE, questions.next()).await?;
    let first = first.ok_or(io::ErrorKind::UnexpectedEof)??;
    let hello: Hello = frame::decode(&first)?;
    for lost in hello.superseded {
        if lost != peer {
            guests.dismiss(lost).await;
        }
    }
    let mut in_flight = FuturesUnordered::new();
    let mut flush_by: Option<Instant> = None;
    loop {
        let is_flushed = flush_by.is_none();
        let patience_ends = flush_by.unwrap_or_else(Instant::now);
        tokio::select! {
            biased;
            flushed = timeout_at(patience_ends, frame::flush(&mut answers)), if !is_flushed => {
                flushed??;
                flush_by = None;
            }
            Some(answered) = in_flight.next(), if is_flushed => {
                answers.feed(encode(&answered)?).await?;
                flush_by = Some(Instant::now() + PATIENCE);
            }
            frame = timeout(IDLE_MAX, questions.next()), if in_flight.len() < IN_FLIGHT_MAX => {
                let Some(frame) = frame? else {
                    return Ok(());
                };
                let Asked { number, question } = frame::decode(&frame?)?;
                in_flight.push(async move {
                    let result = carry_out(store, question).await;
                    let result = result.map_err(Failure::from);
                    Answered { number, result }
                });
            }
        }
    }
}

async fn carry_out(store: &impl Store, question: Question) -> Result<Answer, StoreError> {
    match question {
        Question::Commit(batch) => store.commit(batch).await.map(Answer::Commit),
        Question::Outcome(operation) => store.outcome(&operation).await.map(Answer::Outcome),
        Question::Read { table, key } => store.read(&table, &key).await.map(Answer::Read),
        Question::Scan { table } => store.scan(&table).await.map(Answer::Scan),
        Question::Count { table } => store.count(&table).await.map(Answer::Count),
    }
}

/// The frame of an answer; one that is too long is not available.
fn encode(answered: &Answered) -> io::Result<bytes::Bytes> {
    frame::encode(answered).or_else(|_| {
        frame::encode(&Answered {
            number: answered.number,
            result: Err(Failure::Unavailable),
        })
    })
}
