//! What a run is made of: hosts, what connects them, and what happens when.

use std::fmt;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use portcullis_net::Host;
use portcullis_network::{
    Direction, FlowSelector, LinkConfig, OnExpiry, Policy, Profile, Rule, StackConfig,
};
use portcullis_reports::Entry;

use super::decoder::DecoderChoice;
use super::journal::Recorder;
use super::middlebox::MiddleboxSpec;
use super::net::SimNet;
use super::pattern::EventPattern;
use super::shelf::Shelf;
use super::tap::Tap;

/// A future that owns what it needs, as hosts run it.
pub type HostFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The main function of a host: called when the run starts and again at every restart.
///
/// Returning ends nothing but this future: what it spawned lives on until the host crashes. The
/// return is recorded as the action `exit`.
pub type Boot = Arc<dyn Fn(Node) -> HostFuture + Send + Sync>;

/// What a step has a host do: the task to run, or why the host has nothing to do now, in words.
///
/// It is asked when the step is executed, before anything is polled. A refused command is recorded
/// as a step without effect.
pub type Command = Arc<dyn Fn(Node) -> Result<HostFuture, &'static str> + Send + Sync>;

/// The command that is never refused.
#[must_use]
pub fn always(run: Boot) -> Command {
    Arc::new(move |node| Ok(run(node)))
}

/// One life of one simulated host, as handed to its [`Boot`] and to calls.
#[derive(Clone, Debug)]
pub struct Node {
    /// Network, spawner, wall clock and randomness of this host.
    pub host: Host<SimNet>,
    /// Adds to the history on behalf of this host.
    pub recorder: Recorder,
    /// How often the host was restarted before this life.
    pub incarnation: u32,
    /// What a right clock showed at the start of the run.
    pub epoch: Timestamp,
    /// What is kept with the host for the whole run, crashes or not: its disks, for one.
    pub shelf: Shelf,
}

/// Tells from the history so far whether everything is decided.
pub type Finished = Box<dyn FnMut(&[Entry]) -> bool>;

/// Everything that determines a run. The same value gives the same digest, always and everywhere.
pub struct RunSpec {
    /// The root of all randomness.
    pub seed: u64,
    /// What the hosts' wall clocks show at the start of the run, before their offsets.
    pub epoch: Timestamp,
    /// Who is there and what connects them.
    pub topology: Topology,
    /// What happens when.
    pub steps: Vec<Step>,
    /// Turns streams into messages; without it the history holds connections only.
    pub decoder: Option<DecoderChoice>,
    /// How much of the packets is kept.
    pub packets: PacketDetail,
    /// Asked whenever the history has grown: whether everything is decided. It sees the history
    /// from its beginning and may remember how far it has read.
    pub finished: Finished,
    /// Simulated time after which the run ends in any case.
    pub ends: Duration,
}

impl fmt::Debug for RunSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunSpec")
            .field("seed", &self.seed)
            .field("topology", &self.topology)
            .field("steps", &self.steps)
            .field("ends", &self.ends)
            .finish_non_exhaustive()
    }
}

/// How much of the packets a run keeps. The digest covers every packet at every level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum PacketDetail {
    /// Nothing beyond the digest and the counts.
    Digest,
    /// Every packet's fates as history entries. The default.
    #[default]
    History,
    /// Also the packets themselves, for a pcapng file.
    Capture,
}

/// Who is there and what connects them.
#[derive(Clone, Debug, Default)]
pub struct Topology {
    /// The hosts, in the order in which they get the addresses 10.0.0.1, 10.0.0.2 and so on.
    pub hosts: Vec<HostSpec>,
    /// The link between any two hosts, in each direction, that `paths` does not name.
    pub default_link: LinkConfig,
    /// What differs from the default link, per direction.
    pub paths: Vec<PathSpec>,
    /// Middleboxes, in the order in which packets from earlier to later hosts pass them.
    pub middleboxes: Vec<MiddleboxSpec>,
}

/// One host.
#[derive(Clone)]
pub struct HostSpec {
    /// Its name, which is also the name that [`SimNet`] resolves.
    pub name: String,
    /// The TCP that it speaks.
    pub profile: Profile,
    /// Whether a Windows host answers nothing at closed ports.
    pub stealth: bool,
    /// How many connections may wait to be accepted; what comes beyond is answered by the profile.
    pub backlog: usize,
    /// How far its wall clock is ahead of the run's time at the start.
    pub clock_offset: SignedDuration,
    /// How much its wall clock runs fast, in parts per billion; negative when it runs slow.
    pub clock_drift: i64,
    /// What runs on it.
    pub boot: Boot,
}

impl HostSpec {
    /// What the host's stack is made with.
    pub(crate) fn stack_config(&self, address: Ipv4Addr, tap: &Tap) -> StackConfig {
        let mut config = StackConfig::new(&self.name, address, self.profile);
        config.stealth = self.stealth;
        config.observe_streams = tap.reads_streams();
        config
    }
}

impl fmt::Debug for HostSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostSpec")
            .field("name", &self.name)
            .field("profile", &self.profile.name())
            .field("stealth", &self.stealth)
            .field("backlog", &self.backlog)
            .field("clock_offset", &self.clock_offset)
            .field("clock_drift", &self.clock_drift)
            .finish_non_exhaustive()
    }
}

/// One direction between two hosts.
#[derive(Clone, Debug)]
pub struct PathSpec {
    /// The sending host.
    pub from: String,
    /// The receiving host.
    pub to: String,
    /// Latency, loss and so on.
    pub link: LinkConfig,
}

/// Something that happens during the run.
#[derive(Clone, Debug)]
pub struct Step {
    /// When.
    pub trigger: Trigger,
    /// What.
    pub action: Action,
    /// What the history calls it, in the field `step` of its action, when it is called something.
    pub name: Option<String>,
}

/// When a step is executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// At this time since the start. Steps at zero come before the hosts boot.
    At(Duration),
    /// This long after the entry that the pattern names; never, when there is no such entry.
    After {
        /// The entry waited for.
        pattern: EventPattern,
        /// Time between the entry and the step.
        delay: Duration,
    },
}

/// What a step does. Every executed step is recorded as an action of the harness.
#[derive(Clone, Debug)]
pub enum Action {
    /// Changes the network.
    Network(NetworkChange),
    /// Changes a host.
    Host(HostChange, String),
    /// Runs something on a host.
    Call(Call),
}

/// A change to the network.
#[derive(Clone, Debug)]
pub enum NetworkChange {
    /// Adds a firewall rule.
    AddRule {
        /// Whose firewall.
        place: Place,
        /// The rule; it replaces one of the same name at that place.
        rule: Rule,
        /// Before or behind the rules that are there.
        rank: Rank,
    },
    /// Decides about packets that no rule matches and no established flow owns.
    Policy {
        /// Whose firewall.
        place: Place,
        /// For packets in this direction.
        direction: Direction,
        /// What happens to them.
        policy: Policy,
    },
    /// Removes a firewall rule by name.
    RemoveRule {
        /// Whose firewall.
        place: Place,
        /// The rule's name.
        name: String,
    },
    /// Cuts hosts off from each other until healed.
    Partition {
        /// What [`NetworkChange::Heal`] and bites call it.
        name: String,
        /// One side; packets from here to the other side are dropped.
        from: Vec<String>,
        /// The other side.
        to: Vec<String>,
        /// Whether packets in the other direction pass.
        one_way: bool,
    },
    /// Ends a partition.
    Heal {
        /// The partition's name.
        name: String,
    },
    /// Has all packets between two sets of hosts wait until they are released.
    Hold {
        /// What [`NetworkChange::Release`] and bites call it.
        name: String,
        /// One side.
        from: Vec<String>,
        /// The other side.
        to: Vec<String>,
    },
    /// Ends a hold; what has waited arrives at once.
    Release {
        /// The hold's name.
        name: String,
    },
    /// Changes one direction between two hosts.
    Path(PathSpec),
    /// Lets a host's name lead to the address of another host, as a changed record of a name
    /// server does.
    Name {
        /// The name.
        name: String,
        /// The host that it then leads to.
        to: String,
    },
    /// Makes a middlebox forget connections that are open.
    Kill {
        /// The middlebox.
        middlebox: String,
        /// Which connections.
        selector: FlowSelector,
        /// Whether their ends are told.
        how: OnExpiry,
    },
    /// Makes a middlebox forget all connections and mappings.
    Reboot {
        /// The middlebox.
        middlebox: String,
    },
}

/// Where a new rule goes: the first rule that matches a packet decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rank {
    /// Before all others, so that it takes effect whatever they say: for faults.
    First,
    /// Behind all others: for the rules that a firewall starts with.
    Last,
}

/// Whose firewall a rule belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A host's.
    Host(String),
    /// A middlebox's.
    Middlebox(String),
}

/// A change to a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostChange {
    /// Power loss: memory is gone at once, nothing is sent, the disk keeps what was synced.
    Crash,
    /// Boots a crashed host again.
    Restart,
    /// Freezes its tasks and its network stack.
    Pause,
    /// Ends a pause.
    Resume,
    /// Stops its tasks and leaves its network stack running.
    Stall,
    /// Lets the tasks go on.
    Unstall,
    /// Sets how far its wall clock is ahead of the run's time.
    Clock(SignedDuration),
    /// Sets how much its wall clock runs fast from now on, in parts per billion.
    Drift(i64),
}

/// Why a step had no effect on a host that has crashed.
pub(crate) const DOWN: &str = "the host is down";

/// Why a step that takes something back had no effect.
pub(crate) const NOTHING: &str = "there is nothing to take back";

/// Whether a host is there when a step reaches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is up.
    Up,
    /// It has crashed and was not restarted.
    Down,
}

impl From<bool> for Standing {
    fn from(is_up: bool) -> Self {
        if is_up { Self::Up } else { Self::Down }
    }
}

impl HostChange {
    /// Why it has no effect on a host of that standing, if it has none.
    ///
    /// Which of two steps comes first may depend on events, so this is no error.
    pub(crate) const fn note(self, host: Standing) -> Option<&'static str> {
        match (self, host) {
            (
                Self::Crash | Self::Pause | Self::Resume | Self::Stall | Self::Unstall,
                Standing::Down,
            ) => Some(DOWN),
            (Self::Restart, Standing::Up) => Some("the host is up"),
            (
                Self::Crash | Self::Pause | Self::Resume | Self::Stall | Self::Unstall,
                Standing::Up,
            )
            | (Self::Restart, Standing::Down)
            | (Self::Clock(_) | Self::Drift(_), Standing::Up | Standing::Down) => None,
        }
    }
}

/// Something to run on a host, such as a command to a node.
#[derive(Clone)]
pub struct Call {
    /// The host.
    pub host: String,
    /// Whether the call waits for the host's next life when it is down; else it is recorded as
    /// skipped.
    pub waits: bool,
    /// What the history calls the action, in kebab case.
    pub name: String,
    /// Particulars for the history.
    pub fields: portcullis_reports::Fields,
    /// What to run, as a task of the host, unless it is refused.
    pub run: Command,
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("host", &self.host)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
