//! The protocols that the harness knows: one adapter each.

pub mod breach;
pub mod content_deployment;
pub mod environment_transfer;
mod service;

use content_deployment::ContentDeployment;
use environment_transfer::EnvironmentTransfer;

use crate::scenario::Protocol;

/// Every protocol, played by honest implementations.
pub const PROTOCOLS: &[&dyn Protocol] = &[
    &EnvironmentTransfer { rogue: None },
    &ContentDeployment { rogue: None },
];
