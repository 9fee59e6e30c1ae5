//! Whether any of the faults that a seed drew did something.

use std::time::Duration;

use portcullis_reports::{Entry, Event, Fields};

use super::expectation::{Expectation, Outcome};
use super::set::HITS;
use crate::engine::{Aliases, SKIPPED};

/// What the names of drawn faults begin with.
const PREFIX: &str = "chaos-";

/// Actions of drawn faults that do something only to packets, which are counted.
const ON_PACKETS: &[&str] = &[
    "firewall-add",
    "firewall-remove",
    "partition",
    "heal",
    "hold",
    "release",
];

/// Any fault that the seed drew: a host that went down, a way that changed, or a packet that was
/// hit.
#[derive(Debug, Default)]
pub(super) struct AnyChaos {
    is_bitten: bool,
}

impl Expectation for AnyChaos {
    fn expected(&self) -> String {
        "a fault that the seed draws does something".to_owned()
    }

    fn observe(&mut self, _index: usize, entry: &Entry, _aliases: &Aliases) {
        if let Event::Action { name, fields } = &entry.event {
            self.is_bitten |= if name == HITS {
                is_hit(fields)
            } else {
                !ON_PACKETS.contains(&name.as_ref()) && is_done(fields)
            };
        }
    }

    fn holds_open(&self, _now: Duration) -> bool {
        false
    }

    fn conclude(&self, _end: Duration) -> Outcome {
        if self.is_bitten {
            Outcome::Holds
        } else {
            let seen = "no fault that the seed drew did anything";
            Outcome::broken(seen, Vec::new())
        }
    }
}

fn is_hit(fields: &Fields) -> bool {
    let drawn = |value: &String| value.starts_with(PREFIX);
    fields.values().any(drawn) && fields.get("packets").is_some_and(|packets| packets != "0")
}

fn is_done(fields: &Fields) -> bool {
    let drawn = |step: &String| step.starts_with(PREFIX);
    fields.get("step").is_some_and(drawn) && !fields.contains_key(SKIPPED)
}
