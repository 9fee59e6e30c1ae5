//! How a run ended and what it left behind.

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_network::RuleName;
use portcullis_reports::Entry;
use thiserror::Error;

/// What one run left behind; verdicts are functions of it.
#[derive(Debug)]
pub struct RunOutcome {
    /// Everything observable, ordered by time, frozen before teardown.
    pub history: Vec<Entry>,
    /// Digest (xxh3-128) over every packet and every entry, the same for the same seed in every
    /// process and build, whether or not packets are kept.
    pub digest: u128,
    /// The run as a pcapng file, when [`PacketDetail::Capture`](super::PacketDetail::Capture) was
    /// asked for.
    pub capture: Option<Vec<u8>>,
    /// The secrets of the run's TLS sessions, in the format of `SSLKEYLOGFILE`; empty without TLS.
    pub key_log: String,
    /// Why it ended.
    pub end: End,
    /// Simulated time at which it ended.
    pub elapsed: Duration,
    /// How many packets met each rule, partition and middlebox.
    pub hits: Hits,
    /// The steps that had no effect or never came.
    pub missed: Vec<Missed>,
}

/// A step of a run that did nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missed {
    /// Which of the steps of the [`RunSpec`](super::RunSpec).
    pub step: usize,
    /// Why, in words.
    pub why: &'static str,
}

impl RunOutcome {
    /// A run that never began.
    pub(crate) fn failed(error: EngineError) -> Self {
        Self {
            history: Vec::new(),
            digest: 0,
            capture: None,
            key_log: String::new(),
            end: End::Error(error),
            elapsed: Duration::ZERO,
            hits: Hits::default(),
            missed: Vec::new(),
        }
    }
}

/// Why a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The `finished` predicate of the run said so.
    Finished,
    /// Simulated time ran out first.
    Deadline,
    /// The run itself went wrong; there is no verdict.
    Error(EngineError),
}

/// Packets stopped, answered or changed, by the name of what did it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hits {
    /// By firewall rule name, over all hosts and middleboxes. What decides without a rule has the
    /// names [`POLICY`](portcullis_network::POLICY) and
    /// [`IDLE_TIMEOUT`](portcullis_network::IDLE_TIMEOUT).
    pub rules: BTreeMap<String, u64>,
    /// By partition name.
    pub partitions: BTreeMap<String, u64>,
    /// By the name of a hold.
    pub holds: BTreeMap<String, u64>,
    /// By middlebox name, whichever of its rules or timers it was.
    pub middleboxes: BTreeMap<String, u64>,
}

impl Hits {
    pub(crate) fn count_rules(&mut self, rules: BTreeMap<RuleName, u64>) {
        for (rule, hits) in rules {
            *self.rules.entry(rule.to_string()).or_default() += hits;
        }
    }

    pub(crate) fn count_middlebox(&mut self, name: &str, rules: BTreeMap<RuleName, u64>) {
        let total = rules.values().sum::<u64>();
        *self.middleboxes.entry(name.to_owned()).or_default() += total;
        self.count_rules(rules);
    }

    pub(crate) fn count_holds(&mut self, holds: BTreeMap<RuleName, u64>) {
        for (hold, hits) in holds {
            *self.holds.entry(hold.to_string()).or_default() += hits;
        }
    }

    pub(crate) fn count_partitions(&mut self, partitions: BTreeMap<RuleName, u64>) {
        for (partition, hits) in partitions {
            *self.partitions.entry(partition.to_string()).or_default() += hits;
        }
    }
}

/// A run that went wrong: a fault of the harness, an adapter or a library, never of a peer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EngineError {
    /// A task of a host panicked.
    #[error("a task of host {host} ({task}) panicked: {message}")]
    Panicked {
        /// The host.
        host: String,
        /// Which of its tasks: `main`, `task`, or the name of a call.
        task: String,
        /// The panic's message.
        message: String,
    },
    /// A library started a task or thread that belongs to no host, so that no crash would end it.
    #[error(
        "a task of host {host} ({task}) called {call} instead of the host's spawner: give the \
         library the host's spawner as its executor"
    )]
    BareSpawn {
        /// The host whose task did it.
        host: String,
        /// Which of its tasks.
        task: String,
        /// `tokio::spawn` or `tokio::task::spawn_blocking`.
        call: &'static str,
    },
    /// A host's tasks woke each other over and over without simulated time passing.
    #[error("host {host} kept its tasks busy for {polls} polls without letting time pass")]
    Livelock {
        /// The host polled last.
        host: String,
        /// How often tasks were polled at that instant.
        polls: u64,
    },
    /// A step or a topology names a host that does not exist.
    #[error("no host is called {name}")]
    UnknownHost {
        /// The name.
        name: String,
    },
    /// The network refused a change, such as a rule for a middlebox that does not exist.
    #[error("a step cannot be carried out: {reason}: {name}")]
    Refused {
        /// What is wrong with the name.
        reason: &'static str,
        /// The name that the step uses.
        name: String,
    },
    /// The engine does not offer what the run needs.
    #[error("this engine cannot run it: {reason}")]
    Unsupported {
        /// The first reason.
        reason: String,
    },
    /// The engine, a decoder or a predicate panicked.
    #[error("the harness panicked: {message}")]
    Harness {
        /// The panic's message.
        message: String,
    },
    /// turmoil ended the simulation by itself.
    #[error("turmoil ended the simulation: {message}")]
    Turmoil {
        /// turmoil's message.
        message: String,
    },
}

impl EngineError {
    pub(crate) fn refused(reason: &'static str, name: &str) -> Self {
        Self::Refused {
            reason,
            name: name.to_owned(),
        }
    }
}
