//! What a preflight finds out about the way back. ET-81

use std::fmt;
use std::str::FromStr;

use super::TokenError;
use crate::error::FailureClass;

/// The answer to a preflight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreflightResult {
    /// What became of the attempt to reach the originator's local port.
    pub callback: Callback,
    /// The host to which the destination sends completions, as its configuration has it (ET-40).
    pub address: Place,
    /// The port to which it sends them.
    pub port: u16,
    /// The source ports that the destination's host hands out, if it knows them: what a firewall
    /// rule for the way back has to admit (ET-80).
    pub dynamic_ports: Option<PortRange>,
}

/// What became of the destination's attempt to reach the originator's local port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callback {
    /// The probe was acknowledged.
    Reached,
    /// It was not; the class of what happened (ET-78).
    Failed(FailureClass),
}

impl Callback {
    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reached => REACHED,
            Self::Failed(class) => class.name(),
        }
    }

    /// What has that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        if name == REACHED {
            Some(Self::Reached)
        } else {
            FailureClass::parse(name).map(Self::Failed)
        }
    }
}

/// The name of a probe's success; no failure class is called so.
const REACHED: &str = "reached";

/// The name or address of a host: 1 to 255 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place(String);

impl Place {
    /// Checks and takes the text.
    ///
    /// # Errors
    /// When it is empty, longer than 255 octets, or holds anything but visible ASCII.
    pub fn new(text: &str) -> Result<Self, TokenError> {
        let visible = text.bytes().all(|octet| octet.is_ascii_graphic());
        match text.len() {
            1..=255 if visible => Ok(Self(text.to_owned())),
            _ => Err(TokenError),
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Place {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        Self::new(text)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A range of ports, both ends included; its text form is `32768-60999`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    /// The first.
    first: u16,
    /// The last, not below the first.
    last: u16,
}

impl PortRange {
    /// The ports from `first` to `last`; `None` when they are in the wrong order.
    #[must_use]
    pub const fn new(first: u16, last: u16) -> Option<Self> {
        if first <= last {
            Some(Self { first, last })
        } else {
            None
        }
    }

    /// The first port.
    #[must_use]
    pub const fn first(self) -> u16 {
        self.first
    }

    /// The last port.
    #[must_use]
    pub const fn last(self) -> u16 {
        self.last
    }
}

impl FromStr for PortRange {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let (first, last) = text.split_once('-').ok_or(TokenError)?;
        let port = |text: &str| text.parse().map_err(|_| TokenError);
        Self::new(port(first)?, port(last)?).ok_or(TokenError)
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}
