//! A sequence diagram of one case: a lane a host, an arrow a message, a word where it failed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddrV4};

use crate::markup::Escaped;
use crate::{
    ConnectionEvent, ConnectionId, ConnectionPhase, Entry, Event, Fields, MessageEvent,
    PacketEvent, Passage, timeline,
};

/// Rows drawn; a longer run shows its last rows, where a failure is.
const ROWS_MAX: usize = 120;
/// Pixels from lane to lane, from row to row, and to the first lane.
const LANE: usize = 220;
const ROW: usize = 22;
const LEFT: usize = 110;

/// One line of the diagram.
enum Row {
    /// A message or an attempt to connect that arrived, or did not.
    Arrow {
        from: usize,
        to: usize,
        label: String,
        /// Why it did not arrive, if it did not.
        lost: Option<String>,
    },
    /// A word at one lane.
    Note {
        lane: usize,
        text: String,
        fault: bool,
    },
    /// A word that concerns everybody.
    Everywhere { text: String },
}

/// Appends the diagram of `history`, or nothing when no host said or did anything.
pub(super) fn render(page: &mut String, history: &[Entry]) {
    let mut scene = Scene::of(history);
    let mut rows: Vec<(String, Row)> = Vec::new();
    for (index, entry) in history.iter().enumerate() {
        if let Some(row) = scene.row(entry, &history[index..]) {
            rows.push((timeline::time(entry.at), row));
        }
    }
    let lanes = scene.lanes;
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
fn drawn(row: &Row, y: usize) -> String {
    match row {
        Row::Arrow {
            from,
            to,
            label,
            lost,
        } => {
            let (class, lost) = match lost {
                None => ("", String::new()),
                Some(why) => (" class=\"lost\"", format!(" ({})", Escaped(why))),
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

/// Connections that were opened and never established, by their ends.
fn unanswered(history: &[Entry]) -> BTreeMap<ConnectionId, [SocketAddrV4; 2]> {
    let mut unanswered = BTreeMap::new();
    for entry in history {
        if let Event::Connection(event) = &entry.event {
            if event.phase == ConnectionPhase::Opening {
                unanswered.insert(event.connection, [event.opener, event.acceptor]);
            } else if event.phase == ConnectionPhase::Established {
                unanswered.remove(&event.connection);
            }
        }
    }
    unanswered
}

/// What rows are made from.
struct Scene<'a> {
    lanes: Vec<&'a str>,
    addresses: BTreeMap<Ipv4Addr, &'a str>,
    unanswered: BTreeMap<ConnectionId, [SocketAddrV4; 2]>,
    /// Those of which a lost attempt has been drawn: its repetitions say nothing new.
    drawn: BTreeSet<ConnectionId>,
}

impl<'a> Scene<'a> {
    fn of(history: &'a [Entry]) -> Self {
        Self {
            lanes: lanes(history),
            addresses: addresses(history),
            unanswered: unanswered(history),
            drawn: BTreeSet::new(),
        }
    }

    fn lane(&self, host: &str) -> Option<usize> {
        self.lanes.iter().position(|lane| *lane == host)
    }

    fn lane_at(&self, address: Ipv4Addr) -> Option<usize> {
        self.addresses
            .get(&address)
            .and_then(|host| self.lane(host))
    }

    /// What `entry` shows; `rest` is the history from there.
    fn row(&mut self, entry: &Entry, rest: &[Entry]) -> Option<Row> {
        match &entry.event {
            // A second name for something that other rows show.
            Event::Action { name, .. } if name == "alias" => None,
            Event::Message(message) if message.passage == Passage::Sent => {
                let lost = (!arrived(message, rest)).then(|| "lost".to_owned());
                let from = self.lane(&entry.host)?;
                let to = *message.destination.ip();
                Some(self.arrow(from, to, message.kind.to_string(), lost))
            }
            Event::Packet(packet) => self.lost_attempt(packet),
            Event::Connection(connection) => Some(Row::Note {
                lane: self.lane(&entry.host)?,
                text: self.ending(connection)?,
                fault: true,
            }),
            Event::State(state) => Some(Row::Note {
                lane: self.lane(&entry.host)?,
                text: format!("{}: {}", state.id, state.to),
                fault: false,
            }),
            Event::Action { name, fields } => {
                let text = action(name, fields);
                Some(match self.lane(&entry.host) {
                    Some(lane) => Row::Note {
                        lane,
                        text,
                        fault: is_fault(name),
                    },
                    None => Row::Everywhere { text },
                })
            }
            Event::Message(_) | Event::Write { .. } | Event::Effect { .. } => None,
        }
    }

    /// An arrow to the host at `to`; where no lane is known there, a word beside the sender.
    fn arrow(&self, from: usize, to: Ipv4Addr, label: String, lost: Option<String>) -> Row {
        match self.lane_at(to) {
            Some(to) => Row::Arrow {
                from,
                to,
                label,
                lost,
            },
            None => Row::Note {
                lane: from,
                text: format!("{label} ({})", lost.as_deref().unwrap_or("lost")),
                fault: true,
            },
        }
    }

    /// The first packet of an attempt to connect that came to nothing, where it ended.
    fn lost_attempt(&mut self, packet: &PacketEvent) -> Option<Row> {
        let why = match packet.fate.as_ref() {
            "sent" | "delivered" | "translated" | "duplicated" | "held" => return None,
            fate => match &packet.by {
                Some(rule) => format!("{fate} by {rule}"),
                None => fate.to_owned(),
            },
        };
        let ends = [packet.source, packet.destination];
        let mut attempts = self.unanswered.iter();
        let (connection, _) = attempts.find(|(_, attempt)| **attempt == ends)?;
        let connection = *connection;
        if !self.drawn.insert(connection) {
            return None;
        }
        let from = self.lane_at(*packet.source.ip())?;
        let label = format!("{connection} to port {}", packet.destination.port());
        Some(self.arrow(from, *packet.destination.ip(), label, Some(why)))
    }

    /// How a connection ended that did not end well.
    fn ending(&self, event: &ConnectionEvent) -> Option<String> {
        let (connection, port) = (event.connection, event.acceptor.port());
        match event.phase {
            ConnectionPhase::Closed if self.unanswered.contains_key(&connection) => {
                Some(format!("{connection} to port {port} unanswered, given up"))
            }
            ConnectionPhase::Refused
            | ConnectionPhase::TimedOut
            | ConnectionPhase::HostUnreachable
            | ConnectionPhase::NetworkUnreachable
            | ConnectionPhase::Reset => Some(format!(
                "{connection} to port {port} {}",
                event.phase.name()
            )),
            ConnectionPhase::Opening
            | ConnectionPhase::Established
            | ConnectionPhase::FinSent
            | ConnectionPhase::FinReceived
            | ConnectionPhase::Closed => None,
        }
    }
}

/// What the harness did: of a rule its name, where it is and how often it was met.
fn action(name: &str, fields: &Fields) -> String {
    let mut text = name.to_owned();
    for (before, field, after) in [
        (" ", "rule", ""),
        (" at ", "middlebox", ""),
        (": ", "packets", " packets"),
    ] {
        if let Some(value) = fields.get(field) {
            text.extend([before, value, after]);
        }
    }
    text
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
