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
    .one_of("sides"),
    Key::new(
        "first",
        Kind::Hosts,
        "The hosts on its first side, where there are several; `out` is away from them.",
    )
    .one_of("sides"),
    Key::new("second", Kind::Hosts, "The hosts on its other side.").required_beside(&["first"]),
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
    Key::new(
        "pickup",
        Kind::Choice(&["by-rules", "strict", "loose"]),
        "What a packet from the middle of an unknown connection meets. `by-rules`: what they say, \
         or with `idle_timeout` nothing. `strict`: it is dropped. `loose`: it makes the connection \
         known again.",
    )
    .default_value("by-rules"),
    Key::new(
        "table_size",
        Kind::Integer {
            min: 1,
            max: 1_000_000,
        },
        "How many connections it can remember; new ones beyond are dropped. No limit without it.",
    ),
    Key::new(
        "nat",
        Kind::Table(NAT),
        "Hides the hosts of its first side behind its own address. Hosts outside use the \
         middlebox's name as that address and reach only what is forwarded.",
    ),
];

const NAT: &[Key] = &[
    Key::new(
        "ports",
        Kind::Ports,
        "The outside ports that connections of inside hosts are given.",
    ),
    Key::new(
        "forward",
        Kind::Tables(FORWARD),
        "The ports that are forwarded to inside hosts.",
    ),
    Key::new(
        "established_timeout",
        Kind::Duration,
        "How long an established connection may be silent before its mapping is forgotten.",
    )
    .default_value("124m"),
    Key::new(
        "transitory_timeout",
        Kind::Duration,
        "How long one that is opening or closing may.",
    )
    .default_value("4m"),
    Key::new(
        "unsolicited",
        Kind::Choice(&["silent", "port-unreachable"]),
        "What a SYN meets that nothing inside asked for: nothing, or ICMP port unreachable after \
         six seconds of silence.",
    )
    .default_value("silent"),
];

const FORWARD: &[Key] = &[
    Key::new("port", Kind::Port, "The port of the middlebox's address.").required(),
    Key::new("to", Kind::Refers("host"), "The inside host.").required(),
    Key::new(
        "to_port",
        Kind::Port,
        "The inside host's port; the same as `port` without it.",
    ),
];

pub(in crate::scenario) const KILL: &[Key] = &[
    Key::new(
        "middlebox",
        Kind::Refers("middlebox"),
        "The middlebox that forgets.",
    )
    .required(),
    Key::new(
        "from",
        Kind::Refers("host"),
        "The host that opened the connections; any without it.",
    ),
    Key::new(
        "to",
        Kind::Refers("host"),
        "The host that accepted them; any without it.",
    ),
    Key::new(
        "port",
        Kind::Ports,
        "The ports at which they were accepted; any without it.",
    ),
    Key::new(
        "reset",
        Kind::Boolean,
        "Whether both ends are told by a reset. Otherwise later packets meet `pickup`.",
    )
    .default_value("false"),
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
         swallows everything after the handshake, `reorder` lets connections overtake each other \
         and keeps the order within each.",
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

pub(in crate::scenario) const HOLD: &[Key] = &[
    Key::new(
        "name",
        Kind::Declares("hold"),
        "Its name, for `release` and `[[bites]]`.",
    )
    .required(),
    Key::new("from", Kind::Hosts, "The hosts on one side.").required(),
    Key::new("to", Kind::Hosts, "The hosts on the other side.").required(),
];

pub(in crate::scenario) const CLOCK: &[Key] = &[
    Key::new("host", Kind::Refers("host"), "The host.").required(),
    Key::new(
        "offset",
        Kind::Offset,
        "How far its clock is then ahead of the true time.",
    ),
    Key::new(
        "drift",
        Kind::Drift,
        "How much its clock runs fast from then on.",
    ),
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
