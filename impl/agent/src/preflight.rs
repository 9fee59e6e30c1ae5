//! What a preflight finds out about a link: each of its two directions, tried for real. ET-81

use std::ops::RangeInclusive;

use crate::error::{Failure, FailureClass};
use crate::message::{EnvironmentName, named};

named! {
    /// The two directions of a link: connections are opened in both.
    Direction {
        /// From the earlier environment's dynamic ports to the later one's remote port: greetings,
        /// parts, tasks and queries.
        Forward = "forward",
        /// From the later environment's dynamic ports to the earlier one's local port: completions.
        Reverse = "reverse",
    }
}

/// What was found out about a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preflight {
    /// The environment at the other end.
    pub peer: EnvironmentName,
    /// The directions that can be tried from here, in the order of the protocol: both from the
    /// earlier environment, the reverse one alone from the later one.
    pub ways: Vec<Way>,
}

impl Preflight {
    /// Whether every direction was tried and found open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.ways.iter().all(|way| way.finding == Finding::Open)
    }
}

/// What was found out about one direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// Which.
    pub direction: Direction,
    /// The host that the opener connects to, as the opener's configuration has it; `None` where
    /// that is the other side's configuration and it has not told.
    pub address: Option<String>,
    /// The port that it connects to; where the opener has not told, the one of our configuration.
    pub port: u16,
    /// The ports that the opener's host hands out, where they are known.
    pub source_ports: Option<RangeInclusive<u16>>,
    /// What came of it.
    pub finding: Finding,
}

/// What came of trying one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// A connection, a request and its reply.
    Open,
    /// This side tried, and failed.
    Failed(Failure),
    /// The other side tried, and tells the class of its failure.
    Reported(FailureClass),
    /// The other side says that it was answered, but nothing came here: somebody else answers at
    /// that address.
    Elsewhere,
    /// Not tried: the question to try it could not be put.
    Untried,
}

impl Finding {
    /// The name in histories: `open`, `elsewhere`, `untried`, or the class of the failure.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Failed(failure) => failure.class().name(),
            Self::Reported(class) => class.name(),
            Self::Elsewhere => "elsewhere",
            Self::Untried => "untried",
        }
    }
}
