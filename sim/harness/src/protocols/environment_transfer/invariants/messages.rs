//! What messages must say, and in which order.

use std::collections::BTreeMap;

use portcullis_reports::Passage;

use crate::protocols::environment_transfer::invariant::Breach;
use crate::protocols::environment_transfer::reading::{Reading, Said};
use crate::protocols::environment_transfer::setting::Use;
use crate::protocols::environment_transfer::vocabulary::{field, kind, outcome};

/// ET-25, ET-33, ET-39: every message decodes, carries version, id, sender, recipient and time, and
/// names as its ends the environments between which it travels.
pub(crate) fn messages_are_complete(reading: &Reading<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for said in reading.sent() {
        if said.kind() == kind::UNDECODABLE {
            let octets = said.message.octets;
            breaches.push(Breach::at(
                said.position,
                "one framed document that the protocol's codec reads",
                format!(
                    "{octets} octets that it does not read: {}",
                    said.field(field::ERROR)
                ),
            ));
            continue;
        }
        let required = [
            field::VERSION,
            field::ID,
            field::FROM,
            field::TO,
            field::SENT_AT,
        ];
        for name in required
            .into_iter()
            .filter(|name| said.field(name).is_empty())
        {
            breaches.push(Breach::at(
                said.position,
                format!("{} says its {name}", said.kind()),
                "it does not",
            ));
        }
        let ends = [
            (field::FROM, said.message.source),
            (field::TO, said.message.destination),
        ];
        for (name, address) in ends {
            // Whom a stranger pretends to be is not for the environment that answers it to know.
            let Some(actual) = reading.setting.name_of(address) else {
                continue;
            };
            let claimed = said.field(name);
            let is_led = reading.led_to(actual, said.position) == Some(claimed);
            if !claimed.is_empty() && claimed != actual && !is_led {
                breaches.push(Breach::at(
                    said.position,
                    format!("{} names {actual} as its {name}", said.kind()),
                    format!("it names {claimed}"),
                ));
            }
        }
    }
    breaches
}

/// What the decoder says of a length above every cap.
const ABOVE_THE_CAP: [&str; 2] = ["frame-too-long", "tls-record"];

/// ET-26, ET-88: a frame above the cap of its kind is never sent; what arrives above it is refused
/// before memory is reserved, which the agent's own tests measure.
pub(crate) fn frames_stay_below_the_cap(reading: &Reading<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for said in reading.sent() {
        let cap = match said.kind() {
            kind::PART => reading.setting.part_frame_max,
            _ => reading.setting.control_frame_max,
        };
        let octets = said.message.octets;
        if ABOVE_THE_CAP.contains(&said.field(field::ERROR)) {
            breaches.push(Breach::at(
                said.position,
                "a length within the cap",
                "a length above it was announced",
            ));
        }
        if octets > cap {
            breaches.push(Breach::at(
                said.position,
                format!("{} of at most {cap} octets", said.kind()),
                format!("{octets} octets"),
            ));
        }
    }
    breaches
}

/// ET-35, ET-37: a response is of the kind that belongs to its request, or a rejection, and relates
/// to the request's id. Acceptance answers a task; a completion is never an answer.
pub(crate) fn replies_name_their_request(reading: &Reading<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let mut requests: BTreeMap<_, Said<'_>> = BTreeMap::new();
    for said in reading.sent_by_anybody() {
        let Some(life) = reading.connections.get(&said.message.connection) else {
            continue;
        };
        if said.by_opener(life) {
            requests.entry(said.message.connection).or_insert(said);
            continue;
        }
        if reading.setting.name_of(said.message.source).is_none() {
            continue;
        }
        // A response without any request is the business of `one_exchange_a_connection`.
        let Some(request) = requests.get(&said.message.connection) else {
            continue;
        };
        let proper = kind::answer(request.kind());
        if said.kind() != kind::REJECTION && Some(said.kind()) != proper {
            breaches.push(Breach::at(
                said.position,
                format!(
                    "{} or a rejection as answer to {}",
                    proper.unwrap_or("nothing"),
                    request.kind()
                ),
                format!("{} was sent", said.kind()),
            ));
        }
        let id = match request.field(field::ID) {
            "" if request.kind() == kind::UNDECODABLE => field::UNREADABLE,
            id => id,
        };
        if said.field(field::RELATES_TO) != id {
            breaches.push(Breach::at(
                said.position,
                format!("{} relates to {id}", said.kind()),
                format!("it relates to `{}`", said.field(field::RELATES_TO)),
            ));
        }
    }
    breaches
}

/// ET-34: tasks, parts and completions are retried under the id of the first attempt, and an id
/// stands for one message only.
pub(crate) fn ids_survive_retries(reading: &Reading<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let mut id_of: BTreeMap<(&str, &str, &str, &str), &str> = BTreeMap::new();
    let mut meaning_of: BTreeMap<&str, (&str, &str, &str, &str)> = BTreeMap::new();
    for said in reading.sent() {
        let subject = match said.kind() {
            kind::TASK | kind::COMPLETED => (said.field(field::TASK), ""),
            kind::PART => (said.field(field::OBJECT), said.field(field::PART)),
            _ => continue,
        };
        let meaning = (said.kind(), said.field(field::FROM), subject.0, subject.1);
        let id = said.field(field::ID);
        let first = *id_of.entry(meaning).or_insert(id);
        if first != id {
            breaches.push(Breach::at(
                said.position,
                format!("{} for {} again under id {first}", said.kind(), subject.0),
                format!("a new id {id}"),
            ));
        }
        let known = *meaning_of.entry(id).or_insert(meaning);
        if known != meaning {
            breaches.push(Breach::at(
                said.position,
                format!("id {id} stands for the {} of {} only", known.0, known.2),
                format!("it is used for the {} of {}", said.kind(), subject.0),
            ));
        }
    }
    breaches
}

/// ET-9, ET-12: before the first task of each life of the originator, a greeting of it was
/// acknowledged by the destination.
pub(crate) fn no_task_before_the_greeting(reading: &Reading<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for task in reading.sent().filter(|said| said.kind() == kind::TASK) {
        let (source, destination) = (task.message.source.ip(), task.message.destination.ip());
        let greeted = reading.delivered().any(|said| {
            said.position < task.position
                && said.kind() == kind::HELLO_ACK
                && said.message.source.ip() == destination
                && said.message.destination.ip() == source
        });
        if !greeted {
            breaches.push(Breach::at(
                task.position,
                format!(
                    "a greeting acknowledged before task {}",
                    task.field(field::TASK)
                ),
                "the task was sent without",
            ));
        }
    }
    breaches
}

/// ET-17, ET-18: the destination opens the connection on which it reports, to the originator's
/// local port; never does a completion travel back on a connection that the originator opened.
pub(crate) fn completions_come_by_callback(reading: &Reading<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let completions = reading.sent().filter(|said| said.kind() == kind::COMPLETED);
    for said in completions {
        let Some(life) = reading.connections.get(&said.message.connection) else {
            continue;
        };
        let name = |address| reading.setting.name_of(address).unwrap_or_default();
        let (opener, acceptor) = (name(life.opener), name(life.acceptor));
        let port = life.acceptor.port();
        let callback = match reading.setting.name_of(life.acceptor) {
            Some(host) => {
                let meant = reading.led_to(host, life.opened()).unwrap_or(host);
                let link = reading.setting.link_for(opener, meant, port);
                matches!(link, Some((_, Use::Callback)))
            }
            // Who is there instead is not the sender's doing, the port is.
            None => {
                let mut links = reading.setting.links.iter();
                links.any(|link| link.later == opener && link.local_port == port)
            }
        };
        if !callback || !said.by_opener(life) {
            breaches.push(Breach::at(
                said.position,
                "completion on a connection that its sender opened to the local port",
                format!(
                    "it was written by {} to the connection {opener} -> {acceptor}:{port}",
                    name(said.message.source)
                ),
            ));
        }
    }
    breaches
}

/// ET-38, ET-75: who reports completion had been given that task by the environment it reports to,
/// and says success, failure with a reason, or cancelled.
pub(crate) fn completions_answer_a_task(reading: &Reading<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let completions = reading.sent().filter(|said| said.kind() == kind::COMPLETED);
    for said in completions {
        let task = said.field(field::TASK);
        let given = reading.messages.iter().any(|other| {
            other.position < said.position
                && other.kind() == kind::TASK
                && other.message.passage == Passage::Delivered
                && other.field(field::TASK) == task
                && other.field(field::FROM) == said.field(field::TO)
                && other.field(field::TO) == said.field(field::FROM)
        });
        if !given {
            breaches.push(Breach::at(
                said.position,
                format!("{} reports a task it was given", said.field(field::FROM)),
                format!("it reports {task} to {}", said.field(field::TO)),
            ));
        }
        let said_outcome = said.field(field::OUTCOME);
        let reasoned = said_outcome != outcome::FAILED || !said.field(field::REASON).is_empty();
        if !outcome::ALL.contains(&said_outcome) || !reasoned {
            breaches.push(Breach::at(
                said.position,
                "success, failed with a reason, or cancelled",
                format!(
                    "outcome `{said_outcome}`, reason `{}`",
                    said.field(field::REASON)
                ),
            ));
        }
    }
    breaches
}
