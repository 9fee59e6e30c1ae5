//! What connections may look like from outside.

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_reports::{ConnectionId, ConnectionPhase, Passage};

use crate::protocols::environment_transfer::invariant::Breach;
use crate::protocols::environment_transfer::reading::{Reading, Said};

/// ET-10: whoever opens a connection lets its host choose the source port.
///
/// Decided by the SYN alone: the port must lie in the dynamic range of the opener's profile and
/// must not be one of the opener's own configured ports (the misconception that the vendor names).
pub(crate) fn source_ports_are_dynamic(reading: &Reading<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for life in reading.connections.values() {
        let Some(name) = reading.setting.name_of(life.opener) else {
            continue;
        };
        let Some(environment) = reading.setting.environments.get(name) else {
            continue;
        };
        let port = life.opener.port();
        let configured = reading.setting.configured_ports(name).contains(&port);
        if configured || !environment.dynamic.contains(&port) {
            let (low, high) = (environment.dynamic.start(), environment.dynamic.end());
            breaches.push(Breach::at(
                life.opened(),
                format!("a source port of {name} in {low}-{high} that is not configured"),
                format!("{} connected from port {port}", life.name(reading)),
            ));
        }
    }
    breaches
}

/// ET-1, ET-2, ET-13: an environment connects to its neighbours only, each at the port that the
/// link gives for that direction.
pub(crate) fn connections_follow_the_links(reading: &Reading<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for life in reading.connections.values() {
        let ends = (
            reading.setting.name_of(life.opener),
            reading.setting.name_of(life.acceptor),
        );
        // Other hosts of the topology are none of this protocol's business.
        let (Some(opener), Some(acceptor)) = ends else {
            continue;
        };
        let port = life.acceptor.port();
        // Who was led astray went where the name of its neighbour leads.
        let meant = reading.led_to(acceptor, life.opened()).unwrap_or(acceptor);
        if reading.setting.link_for(opener, meant, port).is_none() {
            breaches.push(Breach::at(
                life.opened(),
                format!("{opener} connects only to its neighbours' ports for their link"),
                format!("{opener} opened a connection to port {port} of {acceptor}"),
            ));
        }
    }
    breaches
}

/// ET-13, ET-23, ET-29: request, response, end. A second message in either direction, or a response
/// that overtakes its request, is a breach.
pub(crate) fn one_exchange_a_connection(reading: &Reading<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let mut spoken: BTreeMap<ConnectionId, (u32, u32)> = BTreeMap::new();
    for said in reading.sent_by_anybody() {
        let Some(life) = reading.connections.get(&said.message.connection) else {
            continue;
        };
        let is_judged = reading.setting.name_of(said.message.source).is_some();
        let (requests, responses) = spoken.entry(said.message.connection).or_default();
        let count = if said.by_opener(life) {
            *requests += 1;
            *requests
        } else {
            *responses += 1;
            if *requests == 0 && is_judged {
                breaches.push(Breach::at(
                    said.position,
                    "a response only after a whole request",
                    format!("{} was sent before any request", said.kind()),
                ));
            }
            *responses
        };
        if count > 1 && is_judged {
            breaches.push(Breach::at(
                said.position,
                "one request and one response on a connection",
                format!("message {count} in one direction: {}", said.kind()),
            ));
        }
    }
    breaches
}

/// ET-14, ET-20, ET-22, ET-30: neither end keeps a connection while work goes on.
///
/// On the wire, an end is over when it has sent its FIN, was reset, or gave up. The bound is the
/// sum of the timers of one exchange; a host that crashed or was paused meanwhile is excused, as is
/// a connection that the end of the run cut short. A connection that waits for its task to complete
/// exceeds the bound whenever the work is longer.
pub(crate) fn connections_do_not_wait_for_work(reading: &Reading<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for life in reading.connections.values() {
        for host in life.hosts() {
            let begun = life.begun(host);
            let Some((from, started)) = begun else {
                continue;
            };
            let bound = started.saturating_add(reading.setting.connection_max(host));
            let over = life.over(host);
            let late = over.map_or(reading.end > bound, |(_, at)| at > bound);
            let until = over.map_or(reading.entries.len(), |(position, _)| position);
            if late && !reading.was_away(host, from..=until) {
                breaches.push(Breach::at(
                    from,
                    format!(
                        "{} over at {host} within {:?}",
                        life.name(reading),
                        bound.saturating_sub(started)
                    ),
                    over.map_or_else(
                        || "it stayed open to the end of the run".to_owned(),
                        |(_, at)| format!("it lasted {:?}", at.saturating_sub(started)),
                    ),
                ));
            }
        }
    }
    breaches
}

/// How long an opener may take to read a response that has arrived and to close.
const READING: Duration = Duration::from_secs(1);

/// How much sooner than counted from the segment on the wire a linger may end: it starts when the
/// response is written.
const WRITING: Duration = Duration::from_millis(100);

/// ET-20: the side that opened closes first, so that `TIME_WAIT` rests on the dynamic port.
///
/// The exchange is whole when the response has been delivered, not when it is sent. Until then an
/// acceptor is right to close, as it must, as soon as its linger is over; one that does not even
/// wait for so long is wrong whether the response has arrived or not. A response that never arrives
/// gives no verdict.
pub(crate) fn the_opener_closes_first(reading: &Reading<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (id, life) in &reading.connections {
        let first = life
            .phases
            .iter()
            .find(|(_, _, _, phase)| *phase == ConnectionPhase::FinSent);
        let Some((position, closed, host, _)) = first else {
            continue;
        };
        let by_acceptor = reading.setting.name_of(life.acceptor) == Some(*host)
            && reading.setting.name_of(life.opener) != Some(*host);
        let Some(opener) = reading.setting.name_of(life.opener) else {
            continue;
        };
        let answers = || {
            let on = |said: &Said<'_>| said.message.connection == *id && !said.by_opener(life);
            reading.messages.iter().copied().filter(on)
        };
        let delivered = answers().find(|said| said.message.passage == Passage::Delivered);
        let sent = answers().find(|said| said.message.passage == Passage::Sent);
        let (Some(delivered), Some(sent)) = (delivered, sent) else {
            continue;
        };
        let waited = *closed + WRITING >= sent.at.saturating_add(reading.setting.linger(host));
        let was_read = *closed >= delivered.at + READING;
        let excused = waited && !was_read;
        // Who was stopped may not linger, and who was away may not close in time.
        let span = || life.opened()..=*position;
        let was_away = reading.was_away(opener, span()) || reading.was_away(host, span());
        // An opener whose connection was reset, as by a firewall, has nothing left to close.
        let has_ended = life.over(opener).is_some_and(|(over, _)| over < *position);
        if by_acceptor && !excused && !was_away && !has_ended {
            breaches.push(Breach::at(
                *position,
                format!("{opener}, which opened, closes first"),
                format!("{host} sent the first FIN around its {}", delivered.kind()),
            ));
        }
    }
    breaches
}
