//! What both roles of a rogue share: how it speaks, and what it says of itself.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portcullis_agent::codec::{self, read_unit};
use portcullis_agent::config::Authentication;
use portcullis_agent::message::{
    Body, EnvironmentName, Header, Message, MessageId, Outcome, Reason, TaskId,
};
use portcullis_reports::{Event, Source, StateEvent};
use tokio::io::AsyncWriteExt;
use tokio::time::{sleep, timeout};

use super::Rogue;
use crate::engine::{Node, SimStream};
use crate::protocols::environment_transfer::announce::fields;
use crate::protocols::environment_transfer::station::Part;

/// How long a rogue's disk takes.
const SYNC_LATENCY: Duration = Duration::from_millis(2);

/// One rogue environment. Clones are the same one.
#[derive(Clone)]
pub(super) struct Player {
    pub(super) node: Node,
    pub(super) part: Arc<Part>,
    pub(super) rogue: Rogue,
    memory: Arc<Mutex<Memory>>,
}

/// What it remembers; a crash takes it.
#[derive(Default)]
pub(super) struct Memory {
    /// Tasks that were given to it, and how they ended.
    pub(super) given: BTreeMap<TaskId, Option<Outcome>>,
    /// Tasks that it sent and that have ended.
    pub(super) ended: BTreeMap<TaskId, Outcome>,
    /// The port from which the first connection came.
    pub(super) trusted_port: Option<u16>,
    /// The last state of each task, by machine.
    states: BTreeMap<(&'static str, TaskId), &'static str>,
}

impl Player {
    pub(super) fn new(node: Node, part: Part, rogue: Rogue) -> Self {
        Self {
            node,
            part: Arc::new(part),
            rogue,
            memory: Arc::default(),
        }
    }

    /// Whether this is the rogue that does `wrong`.
    pub(super) fn does(&self, wrong: Rogue) -> bool {
        self.rogue == wrong
    }

    pub(super) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A message to `to`; `answers` is the request, for replies.
    pub(super) fn message(
        &self,
        to: &EnvironmentName,
        id: MessageId,
        answers: Option<&Message>,
        body: Body,
    ) -> Message {
        let relates_to = answers.map(|request| match self.does(Rogue::RepliesToNothing) {
            true => self.fresh("nothing"),
            false => request.header.id.clone(),
        });
        let to = match self.does(Rogue::Misaddresses) {
            true => EnvironmentName::new("elsewhere").expect("a word is a name"),
            false => to.clone(),
        };
        Message {
            header: Header {
                id,
                from: self.part.config.name.clone(),
                to,
                sent_at: self.node.host.wall.now(),
                relates_to,
                attempt: 1,
            },
            body,
        }
    }

    /// The reply to `request`.
    pub(super) fn reply(&self, request: &Message, body: Body) -> Message {
        let id = MessageId::reply_to(&request.header.id);
        self.message(&request.header.from, id, Some(request), body)
    }

    /// Writes one message, signed as its link asks.
    pub(super) async fn say(&self, stream: &mut SimStream, message: &Message) -> io::Result<()> {
        let authentication = self.authentication(&message.header.to);
        let unit = match self.does(Rogue::SignsNothing) {
            true => codec::encode(message),
            false => codec::encode_for(message, authentication),
        };
        let unit = unit.map_err(io::Error::other)?;
        stream.write_all(&unit).await
    }

    /// What the link with `peer` asks; for somebody elsewhere, what any link does.
    fn authentication(&self, peer: &EnvironmentName) -> &Authentication {
        let config = &self.part.config;
        let later = config.later.iter();
        let later = later.map(|link| (&link.name, &link.authentication));
        let earlier = config.earlier.iter();
        let earlier = earlier.map(|link| (&link.name, &link.authentication));
        let mut links: Vec<_> = later.chain(earlier).collect();
        links.sort_by_key(|(name, _)| *name != peer);
        let link = links.first().expect("who has a message to send has a link");
        link.1
    }

    /// Reads one message within `timer`, and says why it is not to be believed, if so; `None` when
    /// none comes.
    pub(super) async fn hear(
        &self,
        stream: &mut SimStream,
        timer: Duration,
    ) -> Option<(Message, Option<Reason>)> {
        let unit = timeout(timer, read_unit(stream, 16 * 1024 * 1024, async |_| ()));
        let (document, ()) = unit.await.ok()?.ok()?.ok()?;
        let message = codec::decode(&document).ok()?;
        let keys = self.authentication(&message.header.from);
        let is_forged = codec::verify(&document, keys).is_err();
        let age = self
            .node
            .host
            .wall
            .now()
            .duration_since(message.header.sent_at);
        let is_stale = age.unsigned_abs() > self.part.config.tolerance;
        let problem = if is_forged && !self.does(Rogue::SkipsVerification) {
            Some(Reason::NotAuthenticated)
        } else if is_stale && !self.does(Rogue::AcceptsStale) {
            Some(Reason::Stale)
        } else {
            None
        };
        Some((message, problem))
    }

    /// As [`Player::hear`], for what is of use only if it is to be believed.
    pub(super) async fn learn(&self, stream: &mut SimStream, timer: Duration) -> Option<Message> {
        let (message, problem) = self.hear(stream, timer).await?;
        problem.is_none().then_some(message)
    }

    /// An id that nothing else has.
    pub(super) fn fresh(&self, what: &str) -> MessageId {
        let number = self.node.host.random.next_u64();
        MessageId::new(&format!("{what}-{number:016x}")).expect("words and digits are an id")
    }

    /// Says that a record is durable, once it would be.
    pub(super) async fn write(&self, table: &'static str, task: &TaskId) {
        sleep(SYNC_LATENCY).await;
        let (table, key) = (Cow::Borrowed(table), task.to_string());
        self.tell(Event::Write { table, key });
    }

    /// Says that a task has entered a state.
    pub(super) fn enter(
        &self,
        machine: &'static str,
        task: &TaskId,
        peer: &EnvironmentName,
        to: &'static str,
        outcome: Option<Outcome>,
    ) {
        let from = self.memory().states.insert((machine, task.clone()), to);
        self.tell(Event::State(StateEvent {
            machine: Cow::Borrowed(machine),
            id: task.to_string(),
            from: Cow::Borrowed(from.unwrap_or_default()),
            to: Cow::Borrowed(to),
            fields: fields([
                ("task", Some(task.as_str())),
                ("peer", Some(peer.as_str())),
                ("outcome", outcome.map(Outcome::name)),
            ]),
        }));
    }

    /// Says that work starts or ends.
    pub(super) fn note(&self, name: &'static str, task: &TaskId, peer: &EnvironmentName) {
        let name = Cow::Borrowed(name);
        let fields = fields([("task", Some(task.as_str())), ("peer", Some(peer.as_str()))]);
        self.tell(Event::Effect { name, fields });
    }

    fn tell(&self, event: Event) {
        self.node.recorder.record(Source::Inside, event);
    }
}
