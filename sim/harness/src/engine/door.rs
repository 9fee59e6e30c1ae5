//! The way from a host's sockets to the TCP stack of that host, whichever engine runs it.

use std::sync::Arc;

use portcullis_network::{SimTime, Stack, Way};

use super::packet::Fabric;
use super::tap::Ends;
use super::tasks::HostIndex;
use super::turmoil::Port;

/// One host's access to its stack.
#[derive(Clone)]
pub(crate) enum Door {
    /// The stack is one of many in the packet engine's network.
    Fabric(Arc<Fabric>, HostIndex),
    /// The stack is that of a turmoil host.
    Port(Arc<Port>),
}

impl Door {
    /// Makes one call on the stack, then lets what the call caused leave the host.
    pub(crate) fn with<R>(&self, call: impl FnOnce(SimTime, &mut Stack) -> R) -> R {
        match self {
            Self::Fabric(fabric, host) => fabric.with_stack(*host, call),
            Self::Port(port) => port.with_stack(call),
        }
    }

    /// Tells whoever reads the run's messages what passed above TLS.
    pub(crate) fn overhear(&self, ends: Ends, way: Way, octets: &[u8]) {
        match self {
            Self::Fabric(fabric, host) => fabric.overhear(*host, ends, way, octets),
            Self::Port(port) => port.overhear(ends, way, octets),
        }
    }
}
