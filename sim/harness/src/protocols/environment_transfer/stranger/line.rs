//! One connection of a stranger, from its opening to its end.

use std::borrow::Cow;
use std::io::ErrorKind;

use portcullis_agent::codec::{self, Decoder, LENGTH_OCTETS, Seen};
use portcullis_agent::message::Message;
use portcullis_net::Net;
use portcullis_reports::{Event, Fields, Source};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use super::speech::{Manner, Speech};
use crate::engine::{Node, SimStream};
use crate::protocols::environment_transfer::vocabulary::{effect, field};

/// The longest data unit that a stranger reads.
const UNIT_MAX: usize = 16 * 1024 * 1024;

/// How a connection ended, as the stranger saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Ending {
    /// The other side closed it.
    Closed,
    /// The other side reset it.
    Reset,
    /// The stranger ended it.
    Left,
    /// It was never opened: refused.
    Refused,
    /// It was never opened: no answer, or an error on the way.
    Unreached,
}

impl Ending {
    /// Every ending's name, for scenario files.
    pub(in super::super) const NAMES: &'static [&'static str] =
        &["closed", "reset", "left", "refused", "unreached"];

    const fn name(self) -> &'static str {
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

/// What a stranger does on one connection.
#[derive(Clone, Debug)]
pub(super) struct Visit {
    /// The scenario's name of the step.
    pub(super) act: String,
    pub(super) speech: Speech,
    pub(super) manner: Manner,
}

impl Visit {
    /// Opens a connection to `port` of `host` and does what is to be done there.
    pub(super) async fn open(&self, node: &Node, host: &str, port: u16) {
        match node.host.net.connect(host, port).await {
            Ok(stream) => {
                self.tell(node, effect::APPROACHED, []);
                self.talk(node, stream, &Ear::default()).await;
            }
            Err(error) => self.over(node, &Ear::default(), Ending::of(error.kind())),
        }
    }

    /// Does what is to be done on a connection that somebody else opened.
    pub(super) async fn attend(&self, node: &Node, mut stream: SimStream) {
        self.tell(node, effect::APPROACHED, []);
        let mut ear = Ear::default();
        if !self.manner.first
            && let Some(ending) = ear.listen(&mut stream).await
        {
            return self.over(node, &ear, ending);
        }
        self.talk(node, stream, &ear).await;
    }

    /// Says what there is to say, does what follows, and tells of it.
    async fn talk(&self, node: &Node, mut stream: SimStream, heard: &Ear) {
        let mut octets = self.speech.octets(node, heard.message.as_ref());
        octets = octets.repeat(self.manner.times);
        if let Some(most) = self.manner.stop_after {
            octets.truncate(most);
        }
        let mut ear = heard.again();
        let ending = match self.say(&mut stream, &octets, &mut ear).await {
            Some(ending) => ending,
            None => match self.manner.then.as_str() {
                "close" => Ending::Left,
                "reset" => {
                    stream.abort();
                    return self.over(node, &ear, Ending::Left);
                }
                "stay" => ear.stay(&mut stream).await,
                then => {
                    if then == "half-close" {
                        stream.shutdown().await.ok();
                    }
                    ear.listen(&mut stream).await.unwrap_or(Ending::Left)
                }
            },
        };
        drop(stream);
        self.over(node, &ear, ending);
    }

    /// Sends `octets` as slowly as it is told to; how the connection ended, if it did meanwhile.
    async fn say(&self, stream: &mut SimStream, octets: &[u8], ear: &mut Ear) -> Option<Ending> {
        let size = self.manner.chunk.unwrap_or(octets.len()).max(1);
        let mut chunks = octets.chunks(size).peekable();
        while let Some(chunk) = chunks.next() {
            if stream.write_all(chunk).await.is_err() {
                return Some(Ending::Reset);
            }
            if chunks.peek().is_some() {
                let next = Instant::now() + self.manner.every;
                // What comes meanwhile is heard, an end in particular.
                while let Ok(ending) = timeout_at(next, ear.hear(stream)).await {
                    if ending.is_some() {
                        return ending;
                    }
                }
            }
        }
        None
    }

    fn over(&self, node: &Node, ear: &Ear, ending: Ending) {
        let said = ear.seen.as_ref().map(|seen| &seen.fields);
        let field_of = |name: &str| said.and_then(|fields| fields.get(name)).map(String::as_str);
        self.tell(
            node,
            effect::ENCOUNTER,
            [
                ("hazard", self.speech.hazard()),
                (field::HEARD, Some(ear.heard())),
                (field::ENDING, Some(ending.name())),
                (field::REASON, field_of("reason")),
                (field::TASK, field_of("task")),
                (field::OUTCOME, field_of("outcome")),
            ],
        );
    }

    fn tell<const N: usize>(
        &self,
        node: &Node,
        name: &'static str,
        pairs: [(&'static str, Option<&str>); N],
    ) {
        let act = [(Cow::Borrowed(field::ACT), self.act.clone())];
        let more = pairs
            .into_iter()
            .filter_map(|(name, value)| Some((Cow::Borrowed(name), value?.to_owned())));
        let fields: Fields = act.into_iter().chain(more).collect();
        let name = Cow::Borrowed(name);
        node.recorder
            .record(Source::Harness, Event::Effect { name, fields });
    }
}

/// What was heard on a connection so far.
#[derive(Debug)]
pub(super) struct Ear {
    decoder: Decoder,
    unit: Vec<u8>,
    octets: usize,
    seen: Option<Seen>,
    message: Option<Message>,
}

impl Default for Ear {
    fn default() -> Self {
        Self {
            decoder: Decoder::new(UNIT_MAX),
            unit: Vec::new(),
            octets: 0,
            seen: None,
            message: None,
        }
    }
}

impl Ear {
    /// An ear for what comes after the request that this one heard, and that remembers it.
    fn again(&self) -> Self {
        Self {
            octets: self.octets,
            seen: self.seen.clone(),
            message: self.message.clone(),
            ..Self::default()
        }
    }

    /// What was heard, in one word.
    fn heard(&self) -> &'static str {
        match (&self.seen, self.octets) {
            (Some(seen), _) => seen.kind,
            (None, 0) => super::NOTHING,
            (None, _) => "undecodable",
        }
    }

    /// Reads whatever comes next; how the connection ended, if it did.
    async fn hear(&mut self, stream: &mut SimStream) -> Option<Ending> {
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer).await {
            Ok(0) => Some(Ending::Closed),
            Ok(count) => {
                let octets = &buffer[..count];
                self.octets += count;
                if self.message.is_none() {
                    self.unit.extend_from_slice(octets);
                }
                if let Some(seen) = self.decoder.feed(octets).into_iter().next() {
                    let document = self.unit.get(LENGTH_OCTETS..seen.octets);
                    let message = document.and_then(|document| codec::decode(document).ok());
                    self.message = self.message.take().or(message);
                    self.seen = Some(seen);
                }
                None
            }
            Err(_) => Some(Ending::Reset),
        }
    }

    /// Reads until something whole has come; how the connection ended, if it did before.
    async fn listen(&mut self, stream: &mut SimStream) -> Option<Ending> {
        let before = self.seen.clone();
        while self.seen == before {
            if let Some(ending) = self.hear(stream).await {
                return Some(ending);
            }
        }
        None
    }

    /// Reads to the end of the connection.
    async fn stay(&mut self, stream: &mut SimStream) -> Ending {
        loop {
            if let Some(ending) = self.hear(stream).await {
                return ending;
            }
        }
    }
}
