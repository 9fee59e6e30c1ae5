//! An outsider's view of the wire: HTTP/1.1 in both directions, and what is said in it.
//!
//! Bodies of uploads are counted and digested, never kept. An answer is told in the light of the
//! request that it belongs to, as anybody can who sees both directions.

mod answers;
mod calls;
pub(super) mod framing;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::SocketAddrV4;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use portcullis_reports::{Fields, Source};

use super::setting::Setting;
use super::vocabulary::{field, kind};
use crate::engine::{Decoded, DecoderChoice, StreamDecoder};
use answers::AnswerSide;
use calls::CallSide;
pub(super) use calls::{HEADERS_MAX, framing as framing_of, header as header_of};
use framing::{Found, Side, Stream};

/// The longest SOAP message that is read; longer ones are told by their length only.
const MESSAGE_OCTETS_MAX: usize = 1 << 20;

/// What is remembered of a request for the sake of its answer.
#[derive(Clone, Debug, Default)]
struct Asked {
    kind: Cow<'static, str>,
    job: Option<String>,
    /// Whether its answer has no body, whatever its head says.
    is_head: bool,
}

/// The requests of one connection, in order.
#[derive(Clone, Debug, Default)]
struct Conversation(Arc<Mutex<Vec<Asked>>>);

impl Conversation {
    fn asked(&self) -> MutexGuard<'_, Vec<Asked>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One message in the words of a history, as long as its framing is not known.
type Told = (Cow<'static, str>, Fields);

/// The newest message of a run in one direction, whoever sent it, and what it says: a job that is
/// polled is asked after, and answered for, in the same octets again and again.
struct Newest<M>(Arc<Mutex<Option<(M, Told)>>>);

impl<M> Clone for Newest<M> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<M> Default for Newest<M> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<M: PartialEq> Newest<M> {
    /// What `read` tells of `message`, which must depend on nothing else.
    fn told(&self, message: M, read: impl FnOnce(&M) -> Told) -> Told {
        let mut newest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, told)) = &*newest
            && *known == message
        {
            return told.clone();
        }
        let told = read(&message);
        *newest = Some((message, told.clone()));
        told
    }
}

/// A direction of a connection that tells its messages.
trait Teller: Side + Send {
    /// What the message was whose end has come.
    fn told(&mut self) -> Told;
}

/// Reads one direction of one connection.
struct WireDecoder<S> {
    stream: Stream,
    side: S,
    source: Source,
}

impl<S: Teller> StreamDecoder for WireDecoder<S> {
    fn feed(&mut self, mut octets: &[u8], messages: &mut Vec<Decoded>) {
        while !octets.is_empty() {
            let (told, length) = match self.stream.take(&mut octets, &mut self.side) {
                Found::Nothing => return,
                Found::Message(length) => (self.side.told(), length),
                Found::Lost(problem, length) => {
                    let fields = Fields::from([pair(field::PROBLEM, problem)]);
                    ((Cow::Borrowed(kind::UNDECODABLE), fields), length)
                }
            };
            let (kind, fields) = told;
            messages.push(Decoded {
                kind,
                fields,
                octets: length,
            });
        }
    }

    fn source(&self) -> Source {
        self.source
    }
}

fn pair(name: &'static str, value: impl Into<String>) -> (Cow<'static, str>, String) {
    (Cow::Borrowed(name), value.into())
}

/// A digest of octets, as histories write it.
pub(super) fn digest(hash: &xxhash_rust::xxh3::Xxh3) -> String {
    format!("{:032x}", hash.digest128())
}

/// Chooses the decoders of a run: connections to a Central Administration are read, others, such as
/// those to databases, are not.
pub(super) fn choice(setting: Setting) -> DecoderChoice {
    // The engine asks for the direction from the opener first.
    let begun: Mutex<BTreeMap<(SocketAddrV4, SocketAddrV4), Conversation>> = Mutex::default();
    let (calls, answers) = (Newest::default(), Newest::default());
    Arc::new(move |flow| {
        let (opener, acceptor) = match flow.from_opener {
            true => (flow.source, flow.destination),
            false => (flow.destination, flow.source),
        };
        let (_, server) = setting.server_at(acceptor)?;
        let source = match server.is_tls {
            true => Source::Endpoint,
            false => Source::Wire,
        };
        let mut begun = begun.lock().unwrap_or_else(PoisonError::into_inner);
        let stream = Stream::default();
        if flow.from_opener {
            let conversation = Conversation::default();
            begun.insert((opener, acceptor), conversation.clone());
            let side = CallSide::new(conversation, calls.clone(), server.account.clone());
            return Some(Box::new(WireDecoder {
                stream,
                side,
                source,
            }));
        }
        let conversation = begun.remove(&(opener, acceptor)).unwrap_or_default();
        Some(Box::new(WireDecoder {
            stream,
            side: AnswerSide::new(conversation, answers.clone()),
            source,
        }))
    })
}
