//! One connection of a caller: what it says, how fast, and what it hears.

use std::io::ErrorKind;
use std::time::Duration;

use httparse::{EMPTY_HEADER, Response};
use portcullis_net::Net;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use super::decoder::framing::{Found, Framing, Side, Stream};
use super::decoder::{HEADERS_MAX, framing_of};

/// The longest body of an answer that a caller keeps.
const ANSWER_OCTETS_MAX: usize = 4 << 20;

/// How a connection ended, as its caller saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The server closed it.
    Closed,
    /// The server reset it.
    Reset,
    /// The caller ended it.
    Left,
    /// It was never opened: refused.
    Refused,
    /// It was never opened: no answer, or an error on the way.
    Unreached,
}

impl Ending {
    /// Every ending's name, for scenario files.
    pub(super) const NAMES: &'static [&'static str] =
        &["closed", "reset", "left", "refused", "unreached"];

    /// The name in histories.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Reset => "reset",
            Self::Left => "left",
            Self::Refused => "refused",
            Self::Unreached => "unreached",
        }
    }

    fn of(error: ErrorKind) -> Self {
        if error == ErrorKind::ConnectionRefused {
            Self::Refused
        } else {
            Self::Unreached
        }
    }
}

/// What follows what a caller says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// It reads one answer and closes.
    Wait,
    /// It reads and never closes.
    Stay,
    /// It closes its own direction, reads one answer and closes.
    HalfClose,
    /// It closes at once.
    Close,
}

/// What a caller does on one connection.
#[derive(Clone, Debug)]
pub(super) struct Visit {
    /// What it says.
    pub(super) octets: Vec<u8>,
    /// How many octets it sends at a time; all at once without it.
    pub(super) chunk: Option<usize>,
    /// How long it rests in between.
    pub(super) every: Duration,
    /// What follows.
    pub(super) then: Then,
    /// How long it waits for the answer, counted from the opening.
    pub(super) patience: Duration,
}

/// What came of a visit.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard {
    /// The status code of the first final answer; 0 without one.
    pub(super) code: u16,
    /// The body of that answer.
    pub(super) body: Vec<u8>,
    is_whole: bool,
}

impl Heard {
    /// Whether the answer came to its end.
    pub(super) const fn is_whole(&self) -> bool {
        self.is_whole
    }
}

impl Visit {
    /// Opens a connection to `port` of `host`, calls `opened` when it is there, and does what is to
    /// be done on it.
    pub(super) async fn make<N: Net>(
        &self,
        net: &N,
        host: &str,
        port: u16,
        opened: impl FnOnce(),
    ) -> (Heard, Ending) {
        let until = Instant::now() + self.patience;
        let mut ear = Ear::default();
        let mut stream = match timeout_at(until, net.connect(host, port)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return (ear.heard, Ending::of(error.kind())),
            Err(_) => return (ear.heard, Ending::Unreached),
        };
        opened();
        let talk = self.talk(&mut stream, &mut ear);
        let ending = timeout_at(until, talk).await.unwrap_or(Ending::Left);
        (ear.heard, ending)
    }

    async fn talk<S: portcullis_net::Connection>(&self, stream: &mut S, ear: &mut Ear) -> Ending {
        if let Some(ending) = self.say(stream, ear).await {
            return ending;
        }
        match self.then {
            Then::Close => return Ending::Left,
            Then::HalfClose => {
                stream.shutdown().await.ok();
            }
            Then::Wait | Then::Stay => {}
        }
        loop {
            if ear.heard.is_whole && self.then != Then::Stay {
                return Ending::Left;
            }
            if let Some(ending) = ear.hear(stream).await {
                return ending;
            }
        }
    }

    /// Sends everything as slowly as it is told to; how the connection ended, if it did meanwhile.
    async fn say<S: portcullis_net::Connection>(
        &self,
        stream: &mut S,
        ear: &mut Ear,
    ) -> Option<Ending> {
        let size = self.chunk.unwrap_or(self.octets.len()).max(1);
        let mut chunks = self.octets.chunks(size).peekable();
        while let Some(chunk) = chunks.next() {
            if let Some(ending) = send(stream, chunk, ear).await {
                return Some(ending);
            }
            if chunks.peek().is_none() {
                break;
            }
            let next = Instant::now() + self.every;
            // What comes meanwhile is heard, an end in particular.
            while let Ok(ending) = timeout_at(next, ear.hear(stream)).await {
                if ending.is_some() || ear.heard.is_whole {
                    return ending.or(Some(Ending::Left));
                }
            }
        }
        None
    }
}

/// Writes `octets`, and listens while the server takes none of them.
async fn send<S: portcullis_net::Connection>(
    stream: &mut S,
    mut octets: &[u8],
    ear: &mut Ear,
) -> Option<Ending> {
    let (mut reader, mut writer) = tokio::io::split(stream);
    while !octets.is_empty() {
        tokio::select! {
            biased;
            // An early answer says that the rest is not wanted.
            ending = ear.hear(&mut reader) => {
                if ending.is_some() || ear.heard.is_whole {
                    return ending.or(Some(Ending::Left));
                }
            }
            written = writer.write(octets) => match written {
                Ok(count) if count > 0 => octets = octets.get(count..).unwrap_or_default(),
                _ => return Some(Ending::Reset),
            },
        }
    }
    None
}

/// Hears answers.
#[derive(Default)]
struct Ear {
    stream: Stream,
    heard: Heard,
    /// The code of the answer that is being heard.
    code: u16,
}

impl Ear {
    /// Reads whatever comes next; how the connection ended, if it did.
    async fn hear<R: tokio::io::AsyncRead + Unpin>(&mut self, reader: &mut R) -> Option<Ending> {
        let mut buffer = [0; 4096];
        match reader.read(&mut buffer).await {
            Ok(0) => Some(Ending::Closed),
            Ok(count) => {
                self.take(buffer.get(..count).unwrap_or_default());
                None
            }
            Err(_) => Some(Ending::Reset),
        }
    }

    fn take(&mut self, mut octets: &[u8]) {
        while !octets.is_empty() && !self.heard.is_whole {
            let mut side = Answering {
                code: &mut self.code,
                heard: &mut self.heard,
            };
            if let Found::Message(_) = self.stream.take(&mut octets, &mut side) {
                self.heard.is_whole = self.code >= 200;
            }
        }
    }
}

/// An answer on its way into an ear.
struct Answering<'e> {
    code: &'e mut u16,
    heard: &'e mut Heard,
}

impl Side for Answering<'_> {
    fn head(&mut self, head: &[u8]) -> Result<Framing, &'static str> {
        let mut headers = [EMPTY_HEADER; HEADERS_MAX];
        let mut response = Response::new(&mut headers);
        response.parse(head).map_err(|_| "response-head")?;
        *self.code = response.code.ok_or("response-head")?;
        if *self.code < 200 {
            return Ok(Framing::Length(0));
        }
        self.heard.code = *self.code;
        Ok(framing_of(response.headers)?.unwrap_or(Framing::UntilClose))
    }

    fn body(&mut self, octets: &[u8]) {
        if self.heard.body.len() + octets.len() <= ANSWER_OCTETS_MAX {
            self.heard.body.extend_from_slice(octets);
        }
    }
}
