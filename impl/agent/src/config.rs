//! What an operator decides: names, neighbours, ports, timers, limits.

mod authentication;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::message::{EnvironmentName, Product, TaskKind};
use crate::retry::Schedule;

pub use authentication::{Authentication, Key, KeyId, KeyRing, KeyTooShort};

/// Everything that an agent is configured with.
///
/// No port has a default: the vendor documents none, and none of ours may pass for one (ET-5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// This environment's name.
    pub name: EnvironmentName,
    /// The product version; neighbours must have the same (ET-9).
    pub product: Product,
    /// The environments that this one sends tasks to (ET-2).
    pub later: Vec<LaterLink>,
    /// The environments that send tasks to this one.
    pub earlier: Vec<EarlierLink>,
    /// The kinds whose work may be started a second time after a crash (ET-54). Default: none.
    pub restartable: BTreeSet<TaskKind>,
    /// The timers.
    pub timers: Timers,
    /// The retry schedules.
    pub retries: Retries,
    /// The limits.
    pub limits: Limits,
    /// How far the time in a message may be from this host's wall clock, in either direction,
    /// unless the message's id is known already. Default 5 min; ours (ET-74).
    pub tolerance: Duration,
    /// The ports that this host hands out to outgoing connections, if known: a listener among them
    /// is worth a warning (ET-7).
    pub dynamic_ports: Option<RangeInclusive<u16>>,
}

impl Config {
    /// An environment without neighbours and with every default.
    #[must_use]
    pub fn new(name: EnvironmentName, product: Product) -> Self {
        Self {
            name,
            product,
            later: Vec::new(),
            earlier: Vec::new(),
            restartable: BTreeSet::new(),
            timers: Timers::default(),
            retries: Retries::default(),
            limits: Limits::default(),
            tolerance: Duration::from_secs(5 * 60),
            dynamic_ports: None,
        }
    }

    /// Every contradiction in the configuration; empty when it can be used.
    #[must_use]
    pub fn problems(&self) -> Vec<ConfigProblem> {
        let mut problems = Vec::new();
        let mut names = BTreeSet::new();
        let mut ports: BTreeMap<u16, EnvironmentName> = BTreeMap::new();
        for (peer, port) in self.listeners() {
            if peer == &self.name {
                problems.push(ConfigProblem::LinkToItself);
            }
            // ET-1, ET-8: each link has its own listener, and no two share a port.
            if ports.insert(port, peer.clone()).is_some() && port != 0 {
                problems.push(ConfigProblem::PortTwice(port));
            }
        }
        for link in &self.later {
            if !names.insert(&link.name) {
                problems.push(ConfigProblem::LinkTwice(link.name.clone()));
            }
        }
        names.clear();
        for link in &self.earlier {
            if !names.insert(&link.name) {
                problems.push(ConfigProblem::LinkTwice(link.name.clone()));
            }
        }
        problems
    }

    /// The ports to listen on, each with the neighbour that its link is with. ET-1
    pub fn listeners(&self) -> impl Iterator<Item = (&EnvironmentName, u16)> {
        let doors = self.doors();
        doors.map(|(name, port, _)| (name, port))
    }

    /// The same, with what whoever comes in must prove.
    pub(crate) fn doors(&self) -> impl Iterator<Item = (&EnvironmentName, u16, &Authentication)> {
        let later = self.later.iter();
        let later = later.map(|link| (&link.name, link.local_port, &link.authentication));
        let earlier = self.earlier.iter();
        let earlier = earlier.map(|link| (&link.name, link.remote_port, &link.authentication));
        later.chain(earlier)
    }
}

/// A contradiction in a [`Config`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigProblem {
    /// Two links with the same environment in the same direction.
    #[error("two links with {0}")]
    LinkTwice(EnvironmentName),
    /// A link of the environment with itself.
    #[error("a link of the environment with itself")]
    LinkToItself,
    /// Two listeners on one port.
    #[error("two listeners on port {0}")]
    PortTwice(u16),
}

/// A link to the next environment. ET-1
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaterLink {
    /// Its name.
    pub name: EnvironmentName,
    /// The name or address of its host.
    pub address: String,
    /// The port on which it listens for greetings, tasks and queries.
    pub remote_port: u16,
    /// The port on which this environment listens for its completions.
    pub local_port: u16,
    /// How the two know each other.
    pub authentication: Authentication,
}

/// A link from the previous environment. ET-1
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlierLink {
    /// Its name.
    pub name: EnvironmentName,
    /// The name or address of its host: the only place that completions are sent to (ET-40).
    pub address: String,
    /// The port on which this environment listens for its greetings, tasks and queries.
    pub remote_port: u16,
    /// The port on which it listens for completions.
    pub local_port: u16,
    /// How the two know each other.
    pub authentication: Authentication,
}

/// Separate, explicit timers; none relies on a default of the operating system. ET-59
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timers {
    /// From the start of a connect to the established connection. Default 20 s: below the 21 s
    /// after which Windows gives up, so that all hosts report the same class (ET-60).
    pub connect: Duration,
    /// From accept to the complete request at the acceptor (ET-30), and for handing a whole
    /// request to the network at the opener. Default 60 s; ours.
    pub frame: Duration,
    /// From the sent request to the complete reply. Default 20 s (ET-16, ET-61).
    pub acknowledgement: Duration,
    /// How long an acceptor waits for the opener to close first. Default 5 s; ours (ET-20).
    pub linger: Duration,
    /// From acceptance to doubt. Default 4 h; ours (ET-49).
    pub task_deadline: Duration,
    /// For the whole of a probe of the way back, from the start of its connect. Default 10 s: the
    /// answer to a preflight is due before the opener's acknowledgement timer ends (ET-81).
    pub probe: Duration,
}

impl Timers {
    /// The timers of one probe: those of its exchange share `probe`, the most of it for the
    /// connect, whose segments may have to be repeated. ET-81
    #[must_use]
    pub fn of_probe(self) -> Self {
        let tenths = |count: u32| self.probe.saturating_mul(count).checked_div(10);
        Self {
            connect: tenths(6).unwrap_or_default(),
            frame: tenths(1).unwrap_or_default(),
            acknowledgement: tenths(3).unwrap_or_default(),
            ..self
        }
    }
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(20),
            frame: Duration::from_secs(60),
            acknowledgement: Duration::from_secs(20),
            linger: Duration::from_secs(5),
            task_deadline: Duration::from_secs(4 * 3600),
            probe: Duration::from_secs(10),
        }
    }
}

/// The retry schedules; each field's default is the constructor of the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retries {
    /// Greetings and parts.
    pub request: Schedule,
    /// Tasks (ET-44).
    pub task: Schedule,
    /// Completions (ET-45).
    pub completion: Schedule,
    /// Status queries for tasks in doubt (ET-51).
    pub status: Schedule,
}

impl Default for Retries {
    fn default() -> Self {
        Self {
            request: Schedule::request(),
            task: Schedule::task(),
            completion: Schedule::completion(),
            status: Schedule::status(),
        }
    }
}

/// What is bounded, and by what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections accepted at a time from one address (ET-24). Default 32.
    ///
    /// At this limit and the next, a new connection takes the place of the oldest one that has not
    /// sent a whole data unit; it is closed only if there is none.
    pub connections_per_peer_max: usize,
    /// Connections accepted at a time in total (ET-24). Default 256.
    pub connections_max: usize,
    /// Octets of one data unit, except of a part. Default 1 MiB.
    pub control_frame_max: usize,
    /// Octets of one data unit that carries a part. Default 16 MiB.
    pub part_frame_max: usize,
    /// Connections that a link opens at a time; more wait for their turn. Default 6: less than a
    /// fifth of what is accepted from one address, where several environments may be.
    pub connections_at_a_time: usize,
    /// Parts of one transfer sent at a time: with `part_octets` the bound on an originator's
    /// memory. Default 4.
    pub parts_at_a_time: usize,
    /// Octets of a part that is sent, at most 6 MiB. Default 1 MiB.
    pub part_octets: usize,
    /// Octets of all frames above the control limit that are held at a time; the next one is read
    /// when there is room. The bound on a destination's memory, of which a part takes less than
    /// twice as much. Default 24 MiB.
    pub part_frames_held_max: usize,
    /// Parts of one object. Default 65,536, which is 384 GiB.
    pub parts_max: u32,
    /// Tasks of one link that wait at the destination; more are refused as busy. Default 1024.
    pub tasks_waiting_max: usize,
    /// Independent tasks that run at a time beside the ordered one. Default 8.
    pub independent_at_a_time: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_per_peer_max: 32,
            connections_max: 256,
            control_frame_max: 1024 * 1024,
            part_frame_max: 16 * 1024 * 1024,
            connections_at_a_time: 6,
            parts_at_a_time: 4,
            part_octets: 1024 * 1024,
            part_frames_held_max: 24 * 1024 * 1024,
            parts_max: 65_536,
            tasks_waiting_max: 1024,
            independent_at_a_time: 8,
        }
    }
}
