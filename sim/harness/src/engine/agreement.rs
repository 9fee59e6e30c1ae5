//! Whether two engines made the same of one plan, host by host.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use portcullis_reports::{Entry, Event, Passage, Source};

/// The first application event in which two histories differ at one host.
///
/// Application events are what implementations announce from inside and the messages on the wire.
/// Packets are not compared: acknowledgements ride along differently when tasks interleave
/// differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// The host.
    pub host: String,
    /// What the first history has there, with its time; nothing when it is over.
    pub first: Option<(Duration, String)>,
    /// What the second history has there.
    pub second: Option<(Duration, String)>,
    /// What happened at the host before, in both.
    pub agreed: usize,
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |event: &Option<(Duration, String)>| match event {
            Some((at, gist)) => format!("{gist} at {at:?}"),
            None => "nothing more".to_owned(),
        };
        write!(
            f,
            "after {} equal events at {}: {}, but {}",
            self.agreed,
            self.host,
            side(&self.first),
            side(&self.second)
        )
    }
}

/// Compares per host the sequences of application events; the times of equal events may differ by
/// `tolerance`. Two ticks of the turmoil engine are what it needs.
#[must_use]
pub fn disagreement(
    first: &[Entry],
    second: &[Entry],
    tolerance: Duration,
) -> Option<Disagreement> {
    let (mut first, mut second) = (by_host(first), by_host(second));
    let mut hosts: Vec<_> = first.keys().chain(second.keys()).cloned().collect();
    hosts.sort();
    hosts.dedup();
    hosts.into_iter().find_map(|host| {
        let one = first.remove(&host).unwrap_or_default();
        let other = second.remove(&host).unwrap_or_default();
        let agreed = one
            .iter()
            .zip(&other)
            .take_while(|(one, other)| one.1 == other.1 && one.0.abs_diff(other.0) <= tolerance)
            .count();
        let differ = agreed < one.len().max(other.len());
        differ.then(|| Disagreement {
            host: host.into_owned(),
            first: one.get(agreed).cloned(),
            second: other.get(agreed).cloned(),
            agreed,
        })
    })
}

type Sequences<'e> = BTreeMap<Cow<'e, str>, Vec<(Duration, String)>>;

fn by_host(history: &[Entry]) -> Sequences<'_> {
    let mut sequences = Sequences::new();
    for entry in history {
        if let Some(gist) = gist(entry) {
            let host = Cow::Borrowed(&*entry.host);
            sequences.entry(host).or_default().push((entry.at, gist));
        }
    }
    sequences
}

/// What an application event says apart from times, which may differ.
fn gist(entry: &Entry) -> Option<String> {
    match &entry.event {
        Event::Message(message) => {
            let passage = match message.passage {
                Passage::Sent => "sent",
                Passage::Delivered => "delivered",
            };
            Some(format!("message {} {passage}", message.kind))
        }
        Event::State(state) if entry.source == Source::Inside => Some(format!(
            "{} {} from {} to {}",
            state.machine, state.id, state.from, state.to
        )),
        Event::Write { table, key } if entry.source == Source::Inside => {
            Some(format!("write {table} {key}"))
        }
        Event::Effect { name, .. } if entry.source == Source::Inside => {
            Some(format!("effect {name}"))
        }
        Event::Packet(_)
        | Event::Connection(_)
        | Event::State(_)
        | Event::Write { .. }
        | Event::Effect { .. }
        | Event::Action { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use portcullis_reports::Fields;

    use super::*;

    fn history(events: &[(u64, &'static str, &'static str)]) -> Vec<Entry> {
        let entry = |&(at, host, name): &(u64, &'static str, &'static str)| Entry {
            at: Duration::from_millis(at),
            host: Cow::Borrowed(host),
            source: Source::Inside,
            event: Event::Effect {
                name: Cow::Borrowed(name),
                fields: Fields::new(),
            },
        };
        events.iter().map(entry).collect()
    }

    const TOLERANCE: Duration = Duration::from_millis(10);

    #[test]
    fn hosts_are_compared_one_by_one_and_times_within_the_tolerance() {
        let one = history(&[(0, "a", "x"), (5, "b", "y"), (20, "a", "z")]);
        let other = history(&[(3, "b", "y"), (4, "a", "x"), (30, "a", "z")]);
        assert_eq!(disagreement(&one, &other, TOLERANCE), None);
    }

    #[test]
    fn another_order_a_late_event_and_a_missing_one_are_disagreements() {
        let one = history(&[(0, "a", "x"), (5, "a", "y")]);
        for other in [
            history(&[(0, "a", "y"), (5, "a", "x")]),
            history(&[(0, "a", "x"), (16, "a", "y")]),
            history(&[(0, "a", "x")]),
            history(&[(0, "a", "x"), (5, "a", "y"), (6, "b", "x")]),
        ] {
            assert!(disagreement(&one, &other, TOLERANCE).is_some());
        }
    }
}
