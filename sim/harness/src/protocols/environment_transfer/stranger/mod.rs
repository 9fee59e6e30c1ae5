//! Peers that are no agents: they say what a scenario tells them, lies and octets of any kind.
//!
//! A stranger keeps no rules and is judged by none; what the environments make of it is. Each of
//! its connections leaves two effects in the history: `approached` when it is there, and
//! `encounter` when it is over, with what was heard and how it ended.

mod hazard;
pub(super) mod keys;
mod line;
mod speech;

use std::borrow::Cow;
use std::future::pending;
use std::sync::Arc;

use portcullis_net::{Listener, Net};
use portcullis_reports::Fields;

use crate::engine::{Action, Boot, Call, Node, always};
use crate::scenario::{Plan, Table};
pub(super) use line::Ending;
use line::Visit;
pub(super) use speech::octets;
use speech::{Manner, Place, Speech};

/// The role of a host that is no environment.
pub(super) const ROLE: &str = "stranger";

/// What was heard when nothing was.
pub(super) const NOTHING: &str = "nothing";

/// The main function of a stranger: it waits for steps.
pub(super) fn boot() -> Boot {
    Arc::new(|_| Box::pin(pending()))
}

/// The action for `send`.
pub(super) fn sending(plan: &Plan, table: &Table) -> Action {
    let (from, to) = (text(table, "from"), text(table, "to"));
    let port = table.port("port").unwrap_or_default();
    let place = Place { host: &to, port };
    let visits = visits(plan, table, Some(&place));
    let connections = table.quantity("connections").unwrap_or(1);
    let host = to.clone();
    let run: Boot = Arc::new(move |node: Node| {
        let (visits, host) = (visits.clone(), host.clone());
        Box::pin(async move {
            for _ in 1..connections {
                let (visits, host, node) = (visits.clone(), host.clone(), node.clone());
                let spawner = node.host.spawner.clone();
                spawner.spawn(async move { go(&node, &visits, &host, port).await });
            }
            go(&node, &visits, &host, port).await;
        })
    });
    let particulars = [("to", to), ("port", port.to_string())];
    call(from, "send", table, particulars, run)
}

async fn go(node: &Node, visits: &[Visit], host: &str, port: u16) {
    for visit in visits {
        visit.open(node, host, port).await;
    }
}

/// The action for `listen`.
pub(super) fn listening(plan: &Plan, table: &Table) -> Action {
    let port = table.port("port").unwrap_or_default();
    let visits = visits(plan, table, None);
    let run: Boot = Arc::new(move |node: Node| {
        let visits = visits.clone();
        Box::pin(async move {
            let Ok(mut listener) = node.host.net.bind(port).await else {
                return;
            };
            let mut next = visits.iter().cycle();
            while let Ok((stream, _)) = listener.accept().await {
                let Some(visit) = next.next().cloned() else {
                    return;
                };
                let node = node.clone();
                let spawner = node.host.spawner.clone();
                spawner.spawn(async move { visit.attend(&node, stream).await });
            }
        })
    });
    let particulars = [("port", port.to_string())];
    call(text(table, "host"), "listen", table, particulars, run)
}

fn visits(plan: &Plan, table: &Table, place: Option<&Place<'_>>) -> Vec<Visit> {
    let manner = Manner::of(table);
    let speeches = Speech::of(plan, table, place).into_iter();
    speeches
        .map(|speech| Visit {
            act: text(table, "as"),
            speech,
            manner: manner.clone(),
        })
        .collect()
}

fn call<const N: usize>(
    host: String,
    name: &str,
    table: &Table,
    particulars: [(&'static str, String); N],
    run: Boot,
) -> Action {
    let act = [("act", text(table, "as"))].into_iter();
    let fields: Fields = act
        .chain(particulars)
        .map(|(name, value)| (Cow::Borrowed(name), value))
        .collect();
    Action::Call(Call {
        host,
        name: name.to_owned(),
        fields,
        run: always(run),
        waits: false,
    })
}

fn text(table: &Table, key: &str) -> String {
    table.text(key).unwrap_or_default().to_owned()
}
