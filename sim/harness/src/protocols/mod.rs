//! The protocols that the harness knows: one adapter each.

pub mod environment_transfer;

use environment_transfer::EnvironmentTransfer;

use crate::scenario::Protocol;

/// Every protocol, played by honest implementations.
pub const PROTOCOLS: &[&dyn Protocol] = &[&EnvironmentTransfer { rogue: None }];
