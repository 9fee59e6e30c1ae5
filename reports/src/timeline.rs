//! The history as lines of text: fixed columns, one event a line, made to be read and compared.
//!
//! ```text
//!       time  host          mark  where  what
//!    1.000 s  dev              >  c2     opening 10.0.0.1:50211 -> 10.0.0.2:6102
//! ```
//!
//! The mark says what kind of event it is: `>` leaves this host, `<` reaches it, `~` happens inside
//! it, `!` is a fault, a failure or a command of the harness, `-` a packet.

use std::fmt::Write;
use std::time::Duration;

use crate::{ConnectionEvent, ConnectionPhase, Entry, Event, Fields, MessageEvent, Passage};

/// The heading that explains the columns.
pub const HEADING: &str = "        time  host          mark  where  what";

/// One entry as one line without its end.
#[must_use]
pub fn line(entry: &Entry) -> String {
    let (mark, place, what) = columns(entry);
    let host = &entry.host;
    format!(
        "{:>12}  {host:<12}  {mark:>4}  {place:<5}  {what}",
        time(entry.at)
    )
}

/// A time since the start of the run, to the millisecond; longer than a minute with its parts.
#[must_use]
pub fn time(at: Duration) -> String {
    let (seconds, millis) = (at.as_secs(), at.subsec_millis());
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}.{millis:03} s"),
        (0, minutes, seconds) => format!("{minutes}:{seconds:02}.{millis:03}"),
        (hours, minutes, seconds) => format!("{hours}:{minutes:02}:{seconds:02}.{millis:03}"),
    }
}

fn columns(entry: &Entry) -> (char, String, String) {
    match &entry.event {
        Event::Connection(event) => connection(event),
        Event::Message(event) => message(event),
        Event::Packet(event) => {
            let by = event
                .by
                .as_deref()
                .map(|by| format!(" by {by}"))
                .unwrap_or_default();
            let what = format!(
                "{}{by} [{}] {} -> {} seq {} len {}",
                event.fate,
                event.flags,
                event.source,
                event.destination,
                event.sequence,
                event.octets
            );
            ('-', String::new(), what)
        }
        Event::State(event) => {
            let from = if event.from.is_empty() {
                "(new)"
            } else {
                &event.from
            };
            let fields = fields(&event.fields);
            let what = format!(
                "{} {}: {from} -> {}{fields}",
                event.machine, event.id, event.to
            );
            ('~', String::new(), what)
        }
        Event::Write { table, key } => ('~', String::new(), format!("durable {table} {key}")),
        Event::Effect {
            name,
            fields: particulars,
        } => ('~', String::new(), format!("{name}{}", fields(particulars))),
        Event::Action {
            name,
            fields: particulars,
        } => ('!', String::new(), format!("{name}{}", fields(particulars))),
    }
}

fn connection(event: &ConnectionEvent) -> (char, String, String) {
    let mark = match event.phase {
        ConnectionPhase::Opening | ConnectionPhase::FinSent => '>',
        ConnectionPhase::FinReceived => '<',
        ConnectionPhase::Established | ConnectionPhase::Closed => '~',
        ConnectionPhase::Refused
        | ConnectionPhase::TimedOut
        | ConnectionPhase::HostUnreachable
        | ConnectionPhase::NetworkUnreachable
        | ConnectionPhase::Reset => '!',
    };
    let what = format!(
        "{} {} -> {}",
        event.phase.name(),
        event.opener,
        event.acceptor
    );
    (mark, event.connection.to_string(), what)
}

fn message(event: &MessageEvent) -> (char, String, String) {
    let (mark, verb) = match event.passage {
        Passage::Sent => ('>', "sends"),
        Passage::Delivered => ('<', "receives"),
    };
    let what = format!("{verb} {}{}", event.kind, fields(&event.fields));
    (mark, event.connection.to_string(), what)
}

fn fields(fields: &Fields) -> String {
    let mut out = String::new();
    for (name, value) in fields {
        write!(out, " {name}={value}").expect("a String takes everything");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Source;

    #[test]
    fn columns_stay_in_place() {
        let entry = |at, event| Entry {
            at,
            host: "prod".into(),
            source: Source::Harness,
            event,
        };
        let crash = Event::Action {
            name: "crash".into(),
            fields: Fields::new(),
        };
        let write = Event::Write {
            table: "tasks".into(),
            key: "t1".into(),
        };
        insta::assert_snapshot!(
            [
                HEADING,
                &line(&entry(Duration::from_millis(1500), crash)),
                &line(&entry(Duration::from_secs(7_384), write)),
            ]
            .join("\n"),
            @r"
                time  host          mark  where  what
             1.500 s  prod             !         crash
         2:03:04.000  prod             ~         durable tasks t1
        "
        );
    }
}
