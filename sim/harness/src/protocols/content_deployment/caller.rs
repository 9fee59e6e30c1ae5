//! Callers that say octets of any kind.
//!
//! A caller keeps no rules and is judged by none; what the farm makes of it is. Each of its
//! connections leaves two effects in the history: `approached` when it is there, and `encounter`
//! when it is over, with the status code that was heard and how it ended.

use std::sync::Arc;
use std::time::Duration;

use portcullis_reports::Source;

use super::announce::noted;
use super::cast;
use super::commands::text;
pub(super) use super::line::Ending;
use super::line::{Heard, Then, Visit};
use super::vocabulary::{effect, field};
use crate::engine::{Boot, Command, Node, always};
use crate::scenario::{Key, Kind, Plan, Table};

/// How long a caller waits for anything.
pub(super) const PATIENCE: Duration = Duration::from_secs(24 * 3600);

/// `say = { … }`.
pub(super) const KEYS: &[Key] = &[
    Key::new(
        "from",
        Kind::Refers("host"),
        "The host of the role `caller`.",
    )
    .required(),
    Key::new(
        "to",
        Kind::Refers("host"),
        "The server that it connects to.",
    )
    .required(),
    Key::new(
        "as",
        Kind::Declares("act"),
        "What the scenario calls it; the effects `approached` and `encounter` name it as `act`.",
    )
    .required(),
    Key::new("text", Kind::Text, "What it says: these characters.").required(),
    Key::new(
        "chunk",
        Kind::Integer {
            min: 1,
            max: 1_000_000,
        },
        "How many octets it sends at a time; all at once without it.",
    ),
    Key::new("every", Kind::Duration, "How long it rests in between.").beside(&["chunk"]),
    Key::new(
        "then",
        Kind::Choice(&["wait", "stay", "half-close", "close"]),
        "What follows what it says. `wait`: it reads one answer and closes. `stay`: it reads and \
         never closes. `half-close`: it closes its own direction at once, reads one answer and \
         closes. `close`: at once, without reading.",
    )
    .default_value("wait"),
    Key::new(
        "connections",
        Kind::Integer {
            min: 1,
            max: 10_000,
        },
        "How many connections it opens at once, to say the same on each.",
    )
    .default_value("1"),
];

/// The step for `say`.
pub(super) fn saying(plan: &Plan, table: &Table) -> (String, Vec<(&'static str, String)>, Command) {
    let (to, act) = (text(table, "to"), text(table, "as"));
    let port = cast::port(cast::host(plan, &to));
    let chunk = table.quantity("chunk");
    let visit = Visit {
        octets: text(table, "text").into_bytes(),
        chunk: chunk.map(|octets| usize::try_from(octets).unwrap_or(usize::MAX)),
        every: table.duration("every").unwrap_or_default(),
        then: match table.text("then") {
            Some("stay") => Then::Stay,
            Some("half-close") => Then::HalfClose,
            Some("close") => Then::Close,
            _ => Then::Wait,
        },
        patience: PATIENCE,
    };
    let connections = table.quantity("connections").unwrap_or(1);
    let particulars = vec![(field::ACT, act.clone()), ("to", to.clone())];
    let run: Boot = Arc::new(move |node: Node| {
        let (visit, act, to) = (visit.clone(), act.clone(), to.clone());
        Box::pin(async move {
            for _ in 1..connections {
                let (visit, act, to, node) = (visit.clone(), act.clone(), to.clone(), node.clone());
                let spawner = node.host.spawner.clone();
                spawner.spawn(async move { go(&node, &visit, &act, &to, port).await });
            }
            go(&node, &visit, &act, &to, port).await;
        })
    });
    (text(table, "from"), particulars, always(run))
}

async fn go(node: &Node, visit: &Visit, act: &str, to: &str, port: u16) {
    let approached = || {
        let event = noted(effect::APPROACHED, [(field::ACT, Some(act.to_owned()))]);
        node.recorder.record(Source::Harness, event);
    };
    let (heard, ending) = visit.make(&node.host.net, to, port, approached).await;
    let particulars = [
        (field::ACT, Some(act.to_owned())),
        (field::HTTP, code(&heard)),
        (field::ENDING, Some(ending.name().to_owned())),
    ];
    let event = noted(effect::ENCOUNTER, particulars);
    node.recorder.record(Source::Harness, event);
}

fn code(heard: &Heard) -> Option<String> {
    (heard.code > 0).then(|| heard.code.to_string())
}
