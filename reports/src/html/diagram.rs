//! A sequence diagram of one case: a lane a host, an arrow a message, a word where it failed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::net::Ipv4Addr;

use crate::markup::Escaped;
use crate::{ConnectionId, ConnectionPhase, Entry, Event, MessageEvent, Passage, timeline};

/// Rows drawn; a longer run shows its last rows, where a failure is.
const ROWS_MAX: usize = 120;
/// Pixels from lane to lane, from row to row, and to the first lane.
const LANE: usize = 220;
const ROW: usize = 22;
const LEFT: usize = 110;

/// One line of the diagram.
enum Row<'a> {
    /// A message that arrived, or did not.
    Arrow {
        from: usize,
        to: usize,
        label: String,
        arrived: bool,
    },
    /// A word at one lane.
    Note {
        lane: usize,
        text: String,
        fault: bool,
    },
    /// A word that concerns everybody.
    Everywhere { text: &'a str },
}

/// Appends the diagram of `history`, or nothing when no host said or did anything.
pub(super) fn render(page: &mut String, history: &[Entry]) {
    let lanes = lanes(history);
    let addresses = addresses(history);
    let unanswered = unanswered(history);
    let mut rows: Vec<(String, Row<'_>)> = history
        .iter()
        .enumerate()
        .filter_map(|(index, entry)| {
            let row = row(entry, &history[index..], &lanes, &addresses, &unanswered)?;
            Some((timeline::time(entry.at), row))
        })
        .collect();
    if rows.is_empty() {
        return;
    }
    let skipped = rows.len().saturating_sub(ROWS_MAX);
    rows.drain(..skipped);
    // One lane's width more, for the words beside the last lane.
    let (width, height) = (LEFT + (lanes.len() + 1) * LANE, (rows.len() + 2) * ROW);
    let mut put = |text: std::fmt::Arguments<'_>| {
        page.write_fmt(text).expect("a String takes everything");
    };
    put(format_args!(
        "<svg viewBox=\"0 0 {width} {height}\" width=\"{width}\" role=\"img\" \
         aria-label=\"sequence diagram\">\n<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"8\" \
         refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\">\
         <path d=\"M0 0L8 4L0 8z\" fill=\"currentColor\"/></marker></defs>\n"
    ));
    for (lane, name) in lanes.iter().enumerate() {
        let x = x(lane);
        put(format_args!(
            "<text x=\"{x}\" y=\"14\" text-anchor=\"middle\">{}</text>\
             <line class=\"lane\" x1=\"{x}\" y1=\"20\" x2=\"{x}\" y2=\"{height}\"/>\n",
            Escaped(name)
        ));
    }
    for (index, (time, row)) in rows.iter().enumerate() {
        let y = (index + 2) * ROW;
        put(format_args!(
            "<text x=\"0\" y=\"{}\">{time}</text>\n",
            y + 4
        ));
        put(format_args!("{}\n", drawn(row, y)));
    }
    put(format_args!("</svg>\n"));
}

/// One row at height `y`.
fn drawn(row: &Row<'_>, y: usize) -> String {
    match row {
        Row::Arrow {
            from,
            to,
            label,
            arrived,
        } => {
            let (class, lost) = if *arrived {
                ("", "")
            } else {
                (" class=\"lost\"", " (lost)")
            };
            format!(
                "<line{class} x1=\"{}\" y1=\"{y}\" x2=\"{}\" y2=\"{y}\" marker-end=\"url(#tip)\"/>\
                 <text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}{lost}</text>",
                x(*from),
                x(*to),
                x(*from).midpoint(x(*to)),
                y - 4,
                Escaped(label),
            )
        }
        Row::Note { lane, text, fault } => {
            let class = if *fault { " class=\"fault\"" } else { "" };
            let (x, y) = (x(*lane) + 6, y + 4);
            format!("<text{class} x=\"{x}\" y=\"{y}\">{}</text>", Escaped(text))
        }
        Row::Everywhere { text } => {
            format!(
                "<text class=\"fault\" x=\"{LEFT}\" y=\"{}\">{}</text>",
                y + 4,
                Escaped(text)
            )
        }
    }
}

fn x(lane: usize) -> usize {
    LEFT + LANE / 2 + lane * LANE
}

/// The hosts in order of appearance.
fn lanes(history: &[Entry]) -> Vec<&str> {
    let mut lanes: Vec<&str> = Vec::new();
    for entry in history {
        let host = entry.host.as_ref();
        if !host.is_empty() && !lanes.contains(&host) {
            lanes.push(host);
        }
    }
    lanes
}

/// Which host has which address, learnt from who sent what.
fn addresses(history: &[Entry]) -> BTreeMap<Ipv4Addr, &str> {
    let mut addresses = BTreeMap::new();
    for entry in history {
        if let Event::Message(message) = &entry.event {
            let end = match message.passage {
                Passage::Sent => message.source,
                Passage::Delivered => message.destination,
            };
            addresses.insert(*end.ip(), entry.host.as_ref());
        }
        if let Event::Connection(connection) = &entry.event
            && connection.phase == ConnectionPhase::Opening
        {
            addresses.insert(*connection.opener.ip(), entry.host.as_ref());
        }
    }
    addresses
}

/// Connections that were opened and never established.
fn unanswered(history: &[Entry]) -> BTreeSet<ConnectionId> {
    let mut unanswered = BTreeSet::new();
    for entry in history {
        if let Event::Connection(event) = &entry.event {
            if event.phase == ConnectionPhase::Opening {
                unanswered.insert(event.connection);
            } else if event.phase == ConnectionPhase::Established {
                unanswered.remove(&event.connection);
            }
        }
    }
    unanswered
}

fn row<'a>(
    entry: &'a Entry,
    rest: &[Entry],
    lanes: &[&str],
    addresses: &BTreeMap<Ipv4Addr, &str>,
    unanswered: &BTreeSet<ConnectionId>,
) -> Option<Row<'a>> {
    let lane = |name: &str| lanes.iter().position(|lane| *lane == name);
    match &entry.event {
        // A second name for something that other rows show.
        Event::Action { name, .. } if name == "alias" => None,
        Event::Message(message) if message.passage == Passage::Sent => {
            let from = lane(&entry.host)?;
            let label = message.kind.to_string();
            match addresses
                .get(message.destination.ip())
                .and_then(|host| lane(host))
            {
                Some(to) => Some(Row::Arrow {
                    from,
                    to,
                    label,
                    arrived: arrived(message, rest),
                }),
                None => Some(Row::Note {
                    lane: from,
                    text: format!("{label} (lost)"),
                    fault: true,
                }),
            }
        }
        Event::Connection(connection) => match connection.phase {
            ConnectionPhase::Closed if unanswered.contains(&connection.connection) => {
                Some(Row::Note {
                    lane: lane(&entry.host)?,
                    text: format!("{} unanswered, given up", connection.connection),
                    fault: true,
                })
            }
            ConnectionPhase::Refused
            | ConnectionPhase::TimedOut
            | ConnectionPhase::HostUnreachable
            | ConnectionPhase::NetworkUnreachable
            | ConnectionPhase::Reset => Some(Row::Note {
                lane: lane(&entry.host)?,
                text: format!("{} {}", connection.connection, connection.phase.name()),
                fault: true,
            }),
            ConnectionPhase::Opening
            | ConnectionPhase::Established
            | ConnectionPhase::FinSent
            | ConnectionPhase::FinReceived
            | ConnectionPhase::Closed => None,
        },
        Event::State(state) => Some(Row::Note {
            lane: lane(&entry.host)?,
            text: format!("{}: {}", state.id, state.to),
            fault: false,
        }),
        Event::Action { name, .. } => match lane(&entry.host) {
            Some(lane) => Some(Row::Note {
                lane,
                text: name.to_string(),
                fault: is_fault(name),
            }),
            None => Some(Row::Everywhere { text: name }),
        },
        Event::Message(_) | Event::Packet(_) | Event::Write { .. } | Event::Effect { .. } => None,
    }
}

/// Whether an action is a disturbance or its end, not something that its user wants.
fn is_fault(action: &str) -> bool {
    !matches!(action, "exit" | "submit" | "query" | "start")
}

/// Whether the same message is seen delivered later.
fn arrived(sent: &MessageEvent, rest: &[Entry]) -> bool {
    let same: (ConnectionId, _) = (sent.connection, sent.source);
    rest.iter().any(|entry| match &entry.event {
        Event::Message(message) => {
            message.passage == Passage::Delivered
                && (message.connection, message.source) == same
                && message.kind == sent.kind
        }
        Event::Packet(_)
        | Event::Connection(_)
        | Event::State(_)
        | Event::Write { .. }
        | Event::Effect { .. }
        | Event::Action { .. } => false,
    })
}
