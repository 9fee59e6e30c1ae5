//! Faults that the seed draws: `[[chaos]]`.

use super::event::EVENT;
use crate::scenario::key::{Key, Kind};

/// Faults of one of two hosts that are linked, or of the way between them.
pub(in crate::scenario) const PAIRED: &[&str] = &[
    "partition",
    "one-way-partition",
    "hold",
    "drop",
    "reset",
    "unreachable",
    "blackhole",
    "cut",
    "delay",
    "loss",
    "latency",
];

/// Faults of one host.
pub(in crate::scenario) const ALONE: &[&str] = &["crash", "pause"];

/// `[[chaos]]`: a space of faults.
pub(in crate::scenario) const CHAOS: &[Key] = &[
    Key::new(
        "faults",
        Kind::Integer { min: 0, max: 100 },
        "How many faults; a range such as \"1..4\" leaves it to the seed.",
    )
    .required(),
    Key::new(
        "kinds",
        Kind::Words("fault"),
        "What may go wrong; the seed chooses one for each fault.",
    )
    .required(),
    Key::new(
        "hosts",
        Kind::Hosts,
        "The hosts that may be hit: faults of the way between two hit both. All hosts without it.",
    ),
    Key::new(
        "until",
        Kind::Duration,
        "By when every fault is over; each begins at a time that the seed draws.",
    )
    .one_of("moment"),
    Key::new(
        "after",
        Kind::Events(EVENT),
        "Events: each fault begins with one that the seed chooses. A range as `nth` is drawn for \
         each fault.",
    )
    .one_of("moment"),
    Key::new("from", Kind::Duration, "When the first fault may begin.")
        .beside(&["until"])
        .default_value("0s"),
    Key::new("delay", Kind::Duration, "How long after the event.")
        .beside(&["after"])
        .default_value("0s"),
    Key::new(
        "lasts",
        Kind::Duration,
        "How long a fault lasts; with `until`, no longer than that.",
    )
    .required(),
    Key::new(
        "loss",
        Kind::Percent,
        "The share of packets that a fault of the kind `loss` loses.",
    )
    .default_value("1%..30%"),
    Key::new(
        "latency",
        Kind::Duration,
        "The latency of a fault of the kind `latency`, and how long one of the kind `delay` holds \
         packets.",
    )
    .default_value("50ms..3s"),
    Key::new(
        "octet",
        Kind::Integer {
            min: 0,
            max: u32::MAX as u64,
        },
        "At which octet a fault of the kind `cut` cuts connections.",
    )
    .default_value("0..2000"),
];
