//! What a stranger says: octets as the file has them, or a message made for the moment.

use std::time::Duration;

use jiff::SignedDuration;
use portcullis_agent::codec::{self, LENGTH_OCTETS};
use portcullis_agent::config::{Authentication, Key, KeyRing};
use portcullis_agent::message::{
    Assignment, Body, CommandName, EnvironmentName, FailureReason, Header, Known, Message,
    MessageId, Outcome, Product, Task, TaskId,
};
use portcullis_agent::state::DestinationState;

use super::hazard;
use crate::engine::Node;
use crate::protocols::environment_transfer::cast;
use crate::protocols::environment_transfer::setting::{Link, Setting};
use crate::scenario::{Plan, Table};

/// What is said on one connection.
#[derive(Clone, Debug)]
pub(super) enum Speech {
    /// Nothing.
    Silence,
    /// These octets.
    Octets(Vec<u8>),
    /// A message, perhaps with something wrong in its document.
    Message(Box<Lie>, Option<String>),
}

/// A message of which a scenario chose some fields.
#[derive(Clone, Debug)]
pub(super) struct Lie {
    kind: String,
    from: Option<EnvironmentName>,
    to: Option<EnvironmentName>,
    task: Option<TaskId>,
    outcome: Outcome,
    command: CommandName,
    product: Product,
    age: SignedDuration,
    signed: Signed,
    /// The link that the place belongs to, then all others.
    links: Vec<Ends>,
}

/// With which key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signed {
    /// That of the link between the environments that the message names.
    WithLinkKey,
    /// One that no link has.
    WithOtherKey,
    /// None.
    Not,
}

/// A link and its keys, as far as a stranger needs them.
#[derive(Clone, Debug)]
struct Ends {
    earlier: String,
    later: String,
    authentication: Authentication,
}

/// Where connections lead.
pub(super) struct Place<'p> {
    pub(super) host: &'p str,
    pub(super) port: u16,
}

impl Speech {
    /// What the step `table` says on each of its connections, in order. `place` is where a
    /// connection is opened to; none when the stranger listens.
    pub(super) fn of(plan: &Plan, table: &Table, place: Option<&Place<'_>>) -> Vec<Self> {
        let octets = table
            .text("text")
            .map(|text| text.as_bytes().to_vec())
            .or_else(|| octets(table.text("hex")?));
        if let Some(octets) = octets {
            let octets = if table.flag("framed") {
                framed(octets)
            } else {
                octets
            };
            return vec![Self::Octets(octets)];
        }
        let hazards = table.texts("hazard");
        let message = table.table("message");
        if message.is_none() && hazards.is_empty() {
            return vec![Self::Silence];
        }
        let lie = Box::new(Lie::of(plan, message, place));
        match hazards {
            [] => vec![Self::Message(lie, None)],
            hazards => hazards
                .iter()
                .map(|hazard| Self::Message(lie.clone(), Some(hazard.clone())))
                .collect(),
        }
    }

    /// The octets to be sent now; `heard` is the request that they answer.
    pub(super) fn octets(&self, node: &Node, heard: Option<&Message>) -> Vec<u8> {
        match self {
            Self::Silence => Vec::new(),
            Self::Octets(octets) => octets.clone(),
            Self::Message(lie, hazard) => {
                let message = lie.message(node, heard);
                let authentication = lie.authentication(&message);
                let unit = codec::encode_for(&message, &authentication);
                let mut document = unit
                    .expect("the lie can be written")
                    .split_off(LENGTH_OCTETS);
                if let Some(hazard) = hazard {
                    document = hazard::spoil(document, hazard);
                    // The code is right for what is wrong, where there is still a place for one.
                    if let (Authentication::Mac(keys), false) =
                        (&authentication, hazard == hazard::ALTERED)
                    {
                        codec::seal(&mut document, &keys.first()).ok();
                    }
                }
                framed(document)
            }
        }
    }

    /// The hazard, for the history.
    pub(super) fn hazard(&self) -> Option<&str> {
        match self {
            Self::Message(_, hazard) => hazard.as_deref(),
            Self::Silence | Self::Octets(_) => None,
        }
    }
}

/// The octets that pairs of digits stand for; `None` when they are none.
pub(in super::super) fn octets(hex: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = hex.bytes().filter(|octet| *octet != b' ').collect();
    let pair = |pair: &[u8]| {
        let text = std::str::from_utf8(pair).ok()?;
        (pair.len() == 2 && pair.iter().all(u8::is_ascii_hexdigit))
            .then(|| u8::from_str_radix(text, 16).ok())?
    };
    digits.chunks(2).map(pair).collect()
}

/// One data unit around `document` (ET-25).
fn framed(document: Vec<u8>) -> Vec<u8> {
    let length = u32::try_from(document.len() + LENGTH_OCTETS).unwrap_or(u32::MAX);
    let mut unit = length.to_be_bytes().to_vec();
    unit.extend(document);
    unit
}

impl Lie {
    fn of(plan: &Plan, message: Option<&Table>, place: Option<&Place<'_>>) -> Self {
        let text = |key| message.and_then(|message| message.text(key));
        let name = |text: &str| EnvironmentName::new(text).ok();
        let setting = cast::setting(plan);
        let link = place.and_then(|place| link_at(&setting, place));
        let peer = link
            .zip(place)
            .map(|(link, place)| match link.later == place.host {
                true => link.earlier.as_str(),
                false => link.later.as_str(),
            });
        let alias = text("task");
        let outcome = match text("outcome") {
            Some("failed") => Outcome::Failed(FailureReason::CommandFailed),
            Some("cancelled") => Outcome::Cancelled,
            _ => Outcome::Succeeded,
        };
        let command = text("command").or(alias).unwrap_or(NOBODYS_TASK);
        let age = message.and_then(|message| message.offset("age"));
        Self {
            kind: text("kind").unwrap_or("hello").to_owned(),
            from: text("name").or(peer).and_then(name),
            to: text("recipient")
                .or(place.map(|place| place.host))
                .and_then(name),
            task: alias.map(|alias| cast::task_id(plan, alias)),
            outcome,
            command: CommandName::new(command).expect("validate has refused other names"),
            product: Product::new(text("product").unwrap_or("1"))
                .expect("validate has refused other versions"),
            age: SignedDuration::from_nanos(age.unwrap_or(0)),
            signed: match text("signed") {
                Some("other-key") => Signed::WithOtherKey,
                Some("none") => Signed::Not,
                _ => Signed::WithLinkKey,
            },
            links: ends(plan, link),
        }
    }

    /// How a message that names its ends so is to be signed.
    fn authentication(&self, message: &Message) -> Authentication {
        let header = &message.header;
        let names = [header.from.as_str(), header.to.as_str()];
        let between = |link: &&Ends| {
            names.contains(&link.earlier.as_str()) && names.contains(&link.later.as_str())
        };
        let link = self.links.iter().find(between).or(self.links.first());
        match self.signed {
            Signed::Not => Authentication::None,
            Signed::WithLinkKey => {
                link.map_or(Authentication::None, |link| link.authentication.clone())
            }
            Signed::WithOtherKey => {
                let key = Key::from_octets(b"a secret that no link in this world has, at all");
                let key = key.expect("it is long enough");
                Authentication::Mac(KeyRing::new(key, None))
            }
        }
    }

    fn message(&self, node: &Node, heard: Option<&Message>) -> Message {
        let stranger = || EnvironmentName::new(&node.host.name).expect("host names are names");
        let asked = heard.map(|heard| &heard.header);
        let now = node.host.wall.now();
        let body = self.body(heard);
        let random = node.host.random.next_u64();
        let fresh = || MessageId::new(&format!("stranger-{random:016x}")).expect("it is an id");
        // What an environment would call the same message, so that a repetition is one.
        let id = match (&body, asked) {
            (_, Some(asked)) => MessageId::reply_to(&asked.id),
            (Body::Task(task), None) => MessageId::of_task(&task.id),
            (Body::Completed { task, .. }, None) => MessageId::of_completion(task),
            (_, None) => fresh(),
        };
        Message {
            header: Header {
                id,
                from: self
                    .from
                    .clone()
                    .or_else(|| Some(asked?.to.clone()))
                    .unwrap_or_else(stranger),
                to: self
                    .to
                    .clone()
                    .or_else(|| Some(asked?.from.clone()))
                    .unwrap_or_else(stranger),
                sent_at: now.checked_sub(self.age).unwrap_or(now),
                relates_to: asked.map(|asked| asked.id.clone()),
                attempt: 1,
            },
            body,
        }
    }

    fn body(&self, heard: Option<&Message>) -> Body {
        let asked = heard.and_then(task_of);
        let nobodys = || TaskId::new(NOBODYS_TASK).expect("words are an id");
        let task = self.task.clone().or(asked).unwrap_or_else(nobodys);
        let ended = Known {
            state: DestinationState::Reported,
            outcome: Some(self.outcome),
        };
        match self.kind.as_str() {
            "task" => Body::Task(Task {
                id: task,
                independent: false,
                assignment: Assignment::Deploy {
                    command: self.command.clone(),
                },
            }),
            "completed" => Body::Completed {
                task,
                outcome: self.outcome,
            },
            "query" => Body::Query { task },
            "hello-ack" => Body::HelloAck(self.product.clone()),
            "accepted" => Body::Accepted {
                task,
                known: Known {
                    state: DestinationState::Recorded,
                    outcome: None,
                },
            },
            "completed-ack" => Body::CompletedAck { task },
            "status" => Body::Status {
                task,
                known: Some(ended),
            },
            _ => Body::Hello(self.product.clone()),
        }
    }
}

/// The task of a message that speaks of none of the scenario's.
const NOBODYS_TASK: &str = "nobodys-task";

/// The link that a place belongs to.
fn link_at<'s>(setting: &'s Setting, place: &Place<'_>) -> Option<&'s Link> {
    setting.links.iter().find(|link| {
        let remote = link.later == place.host && link.remote_port == place.port;
        let local = link.earlier == place.host && link.local_port == place.port;
        remote || local
    })
}

/// All links with their keys, `first` first.
fn ends(plan: &Plan, first: Option<&Link>) -> Vec<Ends> {
    let mut links: Vec<Ends> = plan
        .links
        .iter()
        .map(|table| {
            let name = |key| table.text(key).unwrap_or_default().to_owned();
            let (earlier, later) = (name("from"), name("to"));
            let authentication = cast::authentication(table, &earlier);
            Ends {
                earlier,
                later,
                authentication,
            }
        })
        .collect();
    if let Some(first) = first {
        links.sort_by_key(|link| (&link.earlier, &link.later) != (&first.earlier, &first.later));
    }
    links
}

/// The task that a request speaks of.
fn task_of(heard: &Message) -> Option<TaskId> {
    let fields = codec::fields(heard);
    fields.get("task").and_then(|task| TaskId::new(task).ok())
}

/// How a stranger says it, and what it does afterwards.
#[derive(Clone, Debug)]
pub(super) struct Manner {
    /// Whether it speaks before it has heard anything, where it listens.
    pub(super) first: bool,
    pub(super) times: usize,
    pub(super) chunk: Option<usize>,
    pub(super) every: Duration,
    pub(super) stop_after: Option<usize>,
    pub(super) then: String,
}

impl Manner {
    pub(super) fn of(table: &Table) -> Self {
        let number = |key| Some(usize::try_from(table.quantity(key)?).unwrap_or(usize::MAX));
        Self {
            first: table.flag("first"),
            times: number("times").unwrap_or(1),
            chunk: number("chunk"),
            every: table.duration("every").unwrap_or_default(),
            stop_after: number("stop_after"),
            then: table.text("then").unwrap_or("wait").to_owned(),
        }
    }
}
