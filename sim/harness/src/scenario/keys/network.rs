//! Links, middleboxes, firewalls and partitions.

use crate::scenario::key::{Key, Kind};

/// What a link or one direction of it can be like.
const QUALITY: [Key; 7] = [
    Key::new(
        "latency",
        Kind::Duration,
        "The time that a packet takes, without jitter.",
    ),
    Key::new(
        "jitter",
        Kind::Duration,
        "How far the latency varies from packet to packet; `distribution` says how.",
    ),
    Key::new(
        "distribution",
        Kind::Choice(&["uniform", "normal", "pareto"]),
        "`uniform`: latency to latency + jitter. `normal`: around latency with this deviation. \
         `pareto`: at least latency, with a tail of this scale.",
    )
    .beside(&["jitter"])
    .default_value("uniform"),
    Key::new("loss", Kind::Percent, "The share of packets that are lost."),
    Key::new(
        "duplicate",
        Kind::Percent,
        "The share of packets that are delivered twice.",
    ),
    Key::new(
        "reorder",
        Kind::Percent,
        "The share of packets that later ones may overtake.",
    ),
    Key::new(
        "bandwidth",
        Kind::Rate,
        "The rate at which packets leave the link's queue.",
    ),
];

const FROM: Key = Key::new("from", Kind::Refers("host"), "The host at one end.").required();
const TO: Key = Key::new("to", Kind::Refers("host"), "The host at the other end.").required();

/// `[[link]]`: both directions, and what the protocol says about it.
pub(in crate::scenario) const LINK: &[Key] = &[
    FROM, TO, QUALITY[0], QUALITY[1], QUALITY[2], QUALITY[3], QUALITY[4], QUALITY[5], QUALITY[6],
];

/// `[[path]]`: one direction, from `from` to `to`.
pub(in crate::scenario) const PATH: &[Key] = LINK;

/// `[[middlebox]]`.
pub(in crate::scenario) const MIDDLEBOX: &[Key] = &[
    Key::new("name", Kind::Declares("middlebox"), "Its name.").required(),
    Key::new(
        "between",
        Kind::Hosts,
        "The two hosts between which it stands; `out` is away from the first.",
    )
    .required(),
    Key::new(
        "idle_timeout",
        Kind::Duration,
        "How long it remembers a connection without packets. Without it: for ever.",
    ),
    Key::new(
        "on_expiry",
        Kind::Choice(&["silent", "reset"]),
        "What happens to packets of a forgotten connection: dropped, or answered with resets.",
    )
    .beside(&["idle_timeout"])
    .default_value("silent"),
];

const WHERE_HOST: Key = Key::new(
    "host",
    Kind::Refers("host"),
    "The host whose firewall it is.",
)
.one_of("place");
const WHERE_BOX: Key = Key::new(
    "middlebox",
    Kind::Refers("middlebox"),
    "The middlebox whose firewall it is.",
)
.one_of("place");

/// A firewall rule, after its place.
const RULE: [Key; 11] = [
    Key::new("name", Kind::Declares("rule"), "The rule's name.").required(),
    Key::new(
        "verdict",
        Kind::Choice(&[
            "accept",
            "drop",
            "reset",
            "port-unreachable",
            "host-unreachable",
            "net-unreachable",
            "admin-prohibited",
            "delay",
            "reorder",
            "cut",
            "blackhole",
        ]),
        "What happens to a packet that matches. `cut` ends a connection at an octet, `blackhole` \
         swallows everything after the handshake, `reorder` lets other connections overtake.",
    )
    .required(),
    Key::new(
        "direction",
        Kind::Choice(&["in", "out", "both"]),
        "Into or out of the host; on a middlebox `out` is away from the first host of `between`.",
    )
    .default_value("both"),
    Key::new(
        "from",
        Kind::Refers("host"),
        "The sending host; any without it.",
    ),
    Key::new(
        "to",
        Kind::Refers("host"),
        "The receiving host; any without it.",
    ),
    Key::new(
        "port",
        Kind::Ports,
        "Destination ports that match; any without it.",
    ),
    Key::new(
        "source_port",
        Kind::Ports,
        "Source ports that match; any without it.",
    ),
    Key::new(
        "state",
        Kind::Choice(&["any", "new", "established", "untracked"]),
        "What the packet's connection is to the firewall: opened by this packet, answered \
         before, or unknown to it.",
    )
    .default_value("any"),
    Key::new(
        "by",
        Kind::Duration,
        "With `delay`: how long packets are held; with `reorder`: at most. 1 s without it.",
    ),
    Key::new(
        "octet",
        Kind::Integer {
            min: 0,
            max: u32::MAX as u64,
        },
        "With `cut`: how many octets of payload a connection carries in this direction; none \
         without it.",
    ),
    Key::new(
        "then",
        Kind::Choice(&["drop", "reset"]),
        "With `cut`: what happens to octets beyond; they are dropped without it.",
    ),
];

/// `[[firewall]]`: a rule that is there from the start, in the order of the file.
pub(in crate::scenario) const FIREWALL: &[Key] = &[
    WHERE_HOST, WHERE_BOX, RULE[0], RULE[1], RULE[2], RULE[3], RULE[4], RULE[5], RULE[6], RULE[7],
    RULE[8], RULE[9], RULE[10],
];

pub(in crate::scenario) const FIREWALL_CHANGE: &[Key] = &[
    WHERE_HOST,
    WHERE_BOX,
    Key::new(
        "add",
        Kind::Table(&RULE),
        "A rule, put before those that are there; the first that matches decides.",
    )
    .one_of("change"),
    Key::new(
        "remove",
        Kind::Refers("rule"),
        "The name of the rule to take away.",
    )
    .one_of("change"),
];

pub(in crate::scenario) const PARTITION: &[Key] = &[
    Key::new(
        "name",
        Kind::Declares("partition"),
        "Its name, for `heal` and `[[bites]]`.",
    )
    .required(),
    Key::new("from", Kind::Hosts, "The hosts on one side.").required(),
    Key::new("to", Kind::Hosts, "The hosts on the other side.").required(),
    Key::new(
        "one_way",
        Kind::Boolean,
        "Whether packets from `to` to `from` still pass.",
    )
    .default_value("false"),
];

pub(in crate::scenario) const CLOCK: &[Key] = &[
    Key::new("host", Kind::Refers("host"), "The host.").required(),
    Key::new(
        "offset",
        Kind::Offset,
        "How far its clock is then ahead of the true time.",
    )
    .required(),
];

pub(in crate::scenario) const RESOLVE: &[Key] = &[
    Key::new("name", Kind::Refers("host"), "The host whose name it is.").required(),
    Key::new(
        "to",
        Kind::Refers("host"),
        "The host that the name then leads to; the same one to undo it.",
    )
    .required(),
];
