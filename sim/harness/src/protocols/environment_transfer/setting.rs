//! Who takes part in a run, as the checks need to know it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::SignedDuration;

/// The environments of one run and the links between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// By name, which is also the name of the host.
    pub environments: BTreeMap<String, Environment>,
    /// Each link once, from the earlier environment to the later.
    pub links: Vec<Link>,
    /// The greatest frame of a control message, length octets included.
    pub control_frame_max: u64,
    /// The greatest frame of a transfer part, length octets included.
    pub part_frame_max: u64,
    /// Tasks that must not be sent before another: (later, earlier), by the scenario's names.
    pub dependencies: Vec<(String, String)>,
    /// How long the work of each task takes when nothing interrupts it, by the task's id.
    pub works: BTreeMap<String, Duration>,
}

/// What the checks need to know about one environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// The host's address.
    pub address: Ipv4Addr,
    /// The ports that the host's profile hands out for outgoing connections (ET-10).
    pub dynamic: RangeInclusive<u16>,
    /// How long one end of a connection may live: all timers of one exchange together, and slack.
    pub connection_max: Duration,
    /// How long it waits as an acceptor for the opener to close first (ET-20).
    pub linger: Duration,
    /// How long after acceptance a task that it originated falls into doubt (ET-49).
    pub task_deadline: Duration,
    /// Its product version, which is all that a refusal says besides its reason (ET-76).
    pub product: String,
    /// How far its wall clock is ahead of the run's time at the start.
    pub clock_ahead: SignedDuration,
    /// How far from its clock the time in a message may be (ET-74).
    pub tolerance: Duration,
    /// The kinds of task whose work may start again after a crash (ET-54).
    pub restartable: BTreeSet<String>,
    /// How long its ports stay reserved after it closed first.
    pub time_wait: Duration,
    /// What a way must be like so that its requests get through.
    pub needs: Needs,
}

/// What a way must be like so that the requests of an environment get through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// How long an opening may take, and so a round trip.
    pub connect: Duration,
    /// At how many octets a second its messages without files pass within the timers.
    pub message_rate: u64,
    /// At how many the largest part of its transfers does.
    pub part_rate: u64,
}

/// Two consecutive environments of a chain and the two ports between them (ET-1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The environment that sends tasks.
    pub earlier: String,
    /// The environment that works on them.
    pub later: String,
    /// Where the later environment listens.
    pub remote_port: u16,
    /// Where the earlier environment listens for what the later one reports.
    pub local_port: u16,
    /// Whether its connections are TLS.
    pub is_tls: bool,
}

impl Setting {
    /// The name of the environment at `address`.
    #[must_use]
    pub fn name_of(&self, address: SocketAddrV4) -> Option<&str> {
        self.environments
            .iter()
            .find(|(_, environment)| environment.address == *address.ip())
            .map(|(name, _)| name.as_str())
    }

    /// Whether the listener at `address` speaks TLS.
    #[must_use]
    pub fn speaks_tls(&self, address: SocketAddrV4) -> bool {
        let Some(name) = self.name_of(address) else {
            return false;
        };
        self.links.iter().filter(|link| link.is_tls).any(|link| {
            let forward = (link.later.as_str(), link.remote_port);
            let backward = (link.earlier.as_str(), link.local_port);
            [forward, backward].contains(&(name, address.port()))
        })
    }

    /// Every port that the environment called `name` listens on.
    #[must_use]
    pub fn configured_ports(&self, name: &str) -> BTreeSet<u16> {
        let remote = self.links.iter().filter(|link| link.later == name);
        let local = self.links.iter().filter(|link| link.earlier == name);
        remote
            .map(|link| link.remote_port)
            .chain(local.map(|link| link.local_port))
            .collect()
    }

    /// The link over which `opener` may connect to `port` of `acceptor`, and in which role.
    #[must_use]
    pub fn link_for(&self, opener: &str, acceptor: &str, port: u16) -> Option<(&Link, Use)> {
        self.links.iter().find_map(|link| {
            let forward =
                link.earlier == opener && link.later == acceptor && link.remote_port == port;
            let backward =
                link.later == opener && link.earlier == acceptor && link.local_port == port;
            match (forward, backward) {
                (true, _) => Some((link, Use::Forward)),
                (false, true) => Some((link, Use::Callback)),
                (false, false) => None,
            }
        })
    }

    /// The link that a connection belongs to, whoever is at its ends: the port decides.
    #[must_use]
    pub fn link_through(&self, opener: SocketAddrV4, acceptor: SocketAddrV4) -> Option<&Link> {
        let port = acceptor.port();
        let here = self.name_of(acceptor);
        let there = self.name_of(opener);
        let mut links = self.links.iter();
        links.find(|link| {
            let forward = link.remote_port == port
                && here.is_none_or(|name| name == link.later)
                && (here.is_some() || there == Some(&link.earlier));
            let backward = link.local_port == port
                && here.is_none_or(|name| name == link.earlier)
                && (here.is_some() || there == Some(&link.later));
            forward || backward
        })
    }

    /// Whether work of `kind` may start again at `host` after a crash.
    #[must_use]
    pub fn is_restartable(&self, host: &str, kind: &str) -> bool {
        self.environments
            .get(host)
            .is_some_and(|environment| environment.restartable.contains(kind))
    }

    /// How long `host` waits as an acceptor for the opener to close first.
    #[must_use]
    pub fn linger(&self, host: &str) -> Duration {
        self.environments
            .get(host)
            .map_or(Duration::MAX, |environment| environment.linger)
    }

    /// How long one end of a connection at `host` may live at most.
    #[must_use]
    pub fn connection_max(&self, host: &str) -> Duration {
        self.environments
            .get(host)
            .map_or(Duration::MAX, |environment| environment.connection_max)
    }
}

/// What a connection of a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Use {
    /// From the earlier environment to the remote port: greetings, parts, tasks, queries.
    Forward,
    /// From the later environment to the local port: completions.
    Callback,
}
