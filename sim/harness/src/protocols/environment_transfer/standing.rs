//! What is there from the start of a run, or has come to stay, and lets no exchange through.

use std::net::Ipv4Addr;
use std::time::Duration;

use jiff::SignedDuration;
use portcullis_network::{TABLE_FULL, middlebox_address};

use super::cast;
use super::credentials::Credentials;
use super::reading::{Noted, Reading};
use super::setting::Needs;
use super::vocabulary::effect;
use crate::check::HITS;
use crate::scenario::{Plan, Table};

/// What may be so wrong with the way from one host to another that no exchange gets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PathFault {
    /// All is lost.
    Dead,
    /// A round trip takes longer than a connect may.
    Slow,
    /// A part of a transfer takes longer than a request may.
    Narrow,
    /// Any message takes longer than it may.
    Thin,
}

impl PathFault {
    pub(super) const ALL: [Self; 4] = [Self::Dead, Self::Slow, Self::Narrow, Self::Thin];

    /// The fault in words.
    pub(super) fn name(self, from: &str, to: &str) -> String {
        let what = match self {
            Self::Dead => "loss of everything",
            Self::Slow => "a latency beyond the connect timer",
            Self::Narrow => "a bandwidth too small for a part",
            Self::Thin => "a bandwidth too small for a message",
        };
        format!("{what} from {from} to {to}")
    }
}

/// A loss of 100%, in parts of a million.
const ALL_LOST: u64 = 1_000_000;

/// What one direction between two hosts is like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quality {
    latency: Duration,
    /// How much is lost, in parts of a million.
    loss: u64,
    octets_per_second: u64,
}

impl Quality {
    /// As a table of a file has it.
    pub(super) fn of(way: &Table) -> Self {
        Self {
            latency: way.duration("latency").unwrap_or_default(),
            loss: way.quantity("loss").unwrap_or_default(),
            octets_per_second: way.quantity("bandwidth").map_or(u64::MAX, |bits| bits / 8),
        }
    }

    /// As a step of the history has set it.
    pub(super) fn told(action: &Noted<'_>) -> Self {
        let latency = action.field("latency").parse::<SignedDuration>().ok();
        let octets = action.field("octets-per-second").parse().ok();
        Self {
            latency: latency.map_or(Duration::ZERO, SignedDuration::unsigned_abs),
            loss: action.field("loss").parse().unwrap_or_default(),
            octets_per_second: octets.unwrap_or(u64::MAX),
        }
    }

    /// Why none of the exchanges with these needs gets through, if none does.
    ///
    /// A round trip takes the latency so many times as `ways` says.
    pub(super) fn fault(self, needs: Needs, ways: u32) -> Option<PathFault> {
        if self.loss >= ALL_LOST {
            Some(PathFault::Dead)
        } else if self.latency.saturating_mul(ways) > needs.connect {
            Some(PathFault::Slow)
        } else if self.octets_per_second < needs.message_rate {
            Some(PathFault::Thin)
        } else if self.octets_per_second < needs.part_rate {
            Some(PathFault::Narrow)
        } else {
            None
        }
    }
}

/// What is there from the start of the run and stops something, in the words of `liveness`.
pub(super) fn faults(plan: &Plan) -> Vec<String> {
    let stops = |rule: &&Table| rule.text("verdict") != Some("accept");
    let rules = plan.firewall.iter().filter(stops);
    let mut faults: Vec<String> = rules
        .filter_map(|rule| Some(format!("rule {}", rule.text("name")?)))
        .collect();
    faults.extend(plan.hosts.iter().filter_map(Credentials::fault));
    let submits: Vec<_> = cast::submits(plan).collect();
    // A link is both ways of a round trip, a path is one of them.
    let links = plan.links.iter();
    let links = links.flat_map(|way| [(way, "from", "to", 2), (way, "to", "from", 2)]);
    let paths = plan.paths.iter().map(|way| (way, "from", "to", 1));
    for (way, from, to, ways) in links.chain(paths) {
        if let (Some(from), Some(to)) = (way.text(from), way.text(to))
            && let Some(host) = plan.hosts.iter().find(|host| host.name == from)
        {
            let needs = cast::needs(from, &host.keys, &submits);
            let fault = Quality::of(way).fault(needs, ways);
            faults.extend(fault.map(|fault| fault.name(from, to)));
        }
    }
    faults.extend(plan.links.iter().flat_map(|table| lost_ways(plan, table)));
    faults
}

/// The directions of a link in which no connection finds its acceptor, in words: a NAT lets none
/// be opened, or the address is somebody else's or nobody's.
fn lost_ways(plan: &Plan, table: &Table) -> Vec<String> {
    let link = cast::link(table);
    let (earlier, later) = (&link.earlier, &link.later);
    let ways = [
        (earlier, later, "remote_address", link.remote_port),
        (later, earlier, "callback_address", link.local_port),
    ];
    let lost = ways
        .into_iter()
        .filter_map(|(opener, acceptor, key, port)| {
            let nats = plan.middleboxes.iter().zip(0..);
            let nats = nats.filter_map(|(each, index)| Some((each, each.table("nat")?, index)));
            let mut hiding = nats.filter(|(each, ..)| hides(each, acceptor, opener));
            let wanted = table.text(key);
            let Some((middlebox, nat, index)) = hiding.next() else {
                let wanted = wanted.filter(|wanted| {
                    let address = wanted.parse::<Ipv4Addr>().ok();
                    wanted != acceptor && (address.is_none() || address != plan.address(acceptor))
                })?;
                return Some(format!("{wanted} as the address of {acceptor}"));
            };
            let name = middlebox.text("name").unwrap_or_default();
            let forwards = nat.tables("forward");
            let is_forwarded = forwards.iter().any(|it| it.port("port") == Some(port));
            let address = middlebox_address(index).to_string();
            let is_meant = wanted.is_some_and(|wanted| wanted == name || wanted == address);
            let is_hidden = !is_meant || !is_forwarded;
            is_hidden.then(|| format!("the NAT {name} between {opener} and {acceptor}"))
        });
    lost.collect()
}

/// Whether a middlebox stands between `inside`, on its first side, and `outside`.
fn hides(middlebox: &Table, inside: &str, outside: &str) -> bool {
    let side = |index, key| {
        let one = middlebox.texts("between").get(index);
        one.into_iter().chain(middlebox.texts(key))
    };
    side(0, "first").any(|host| host == inside) && side(1, "second").any(|host| host == outside)
}

/// What the run has used up and not got back when it ended: ports and places in tables, in words.
pub(super) fn shortages(reading: &Reading<'_>) -> Vec<String> {
    let mut shortages = Vec::new();
    for (name, environment) in &reading.setting.environments {
        let mut failed = reading.effects.iter().rev();
        let last = failed.find(|noted| {
            noted.name == effect::ATTEMPT_FAILED
                && noted.host == name
                && noted.field("class") == "local-resource"
        });
        // Whatever port was taken then is free again after its reservation.
        if last.is_some_and(|last| last.at.saturating_add(environment.time_wait) > reading.end) {
            shortages.push(format!("the ports of {name}, which are all reserved"));
        }
    }
    let is_full = |action: &Noted<'_>| {
        action.name == HITS && action.field("rule") == TABLE_FULL && action.field("packets") != "0"
    };
    if reading.actions.iter().any(is_full) {
        shortages.push("the table of a middlebox, which was full".to_owned());
    }
    shortages
}
