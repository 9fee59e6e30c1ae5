//! The words that event fields may have: the core's and the protocol's.

use super::key::{Kind, ProtocolKeys};
use super::keys::{ACTIONS, ALONE, EVENT, PAIRED};

/// The kinds of faults that a seed may draw, as a field of [`Kind::Words`].
const FAULT: &str = "fault";

/// The fields of [`Kind::Words`], each once, in the order of the core's keys.
pub(super) fn fields() -> Vec<&'static str> {
    let mut fields = Vec::new();
    for key in EVENT {
        if let Kind::Words(field) = key.kind
            && !fields.contains(&field)
        {
            fields.push(field);
        }
    }
    fields.push(FAULT);
    fields
}

/// The words of `field` that the core and `contributed` know, in the order in which they are
/// stated.
pub(super) fn words(field: &str, contributed: &[ProtocolKeys]) -> Vec<&'static str> {
    let mut words = Vec::new();
    let is_action = field == "action";
    if is_action {
        words.extend(ACTIONS);
    }
    if field == FAULT {
        words.extend(PAIRED.iter().chain(ALONE));
    }
    for keys in contributed {
        if field == FAULT {
            words.extend(keys.outages.iter().map(|outage| outage.begin));
        }
        if is_action {
            words.extend(keys.at.iter().map(|key| key.name));
        }
        let stated = keys.words.iter().filter(|(name, _)| *name == field);
        words.extend(stated.flat_map(|(_, words)| words.iter().copied()));
    }
    words
}
