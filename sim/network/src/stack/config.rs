//! What a stack is made with.

use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::firewall::Prefix;
use crate::profile::Profile;

/// Every host's only route: 10.0.0.0/8, one link on which each host is a neighbour of each other.
/// A connect to an address outside fails at once (section 8.2, "no route").
pub const LOCAL_NETWORK: Prefix = Prefix::new(Ipv4Addr::new(10, 0, 0, 0), 8);

/// What a stack is and how much it may hold. [`StackConfig::new`] gives the defaults.
#[derive(Clone, Debug)]
pub struct StackConfig {
    /// The host's name, for captures.
    pub name: Arc<str>,
    /// The host's only address, in [`LOCAL_NETWORK`]: there is no route to any other.
    pub address: Ipv4Addr,
    /// Which operating system's TCP this is.
    pub profile: Profile,
    /// Says nothing (no RST) for ports without a listener and for a full backlog, as the Windows
    /// Firewall does by default. Off by default: the Windows profiles mean firewall off.
    pub stealth: bool,
    /// Largest segment in octets, at most 65,495. Default 1,460, an Ethernet's worth.
    pub mss: u16,
    /// Receive buffer of a connection in octets, at most 2^30. Default 256 KiB.
    pub receive_window: u32,
    /// Send buffer of a connection in octets, unacknowledged octets included. Default 256 KiB.
    pub send_buffer: u32,
    /// Reports the octets of every connection as [`StackEvent::Octets`]. Default off: it is for
    /// drivers that decode messages.
    ///
    /// [`StackEvent::Octets`]: super::StackEvent::Octets
    pub observe_streams: bool,
}

impl StackConfig {
    /// A host with the default sizes.
    #[must_use]
    pub fn new(name: &str, address: Ipv4Addr, profile: Profile) -> Self {
        Self {
            name: name.into(),
            address,
            profile,
            stealth: false,
            mss: 1_460,
            receive_window: 256 * 1024,
            send_buffer: 256 * 1024,
            observe_streams: false,
        }
    }

    /// The least shift with which the whole receive buffer can be offered; 1 at least, so that an
    /// offered scale can be told from none.
    pub(super) fn window_scale(&self) -> u8 {
        let mut shift = 1;
        while shift < 14 && self.receive_window >> shift > u32::from(u16::MAX) {
            shift += 1;
        }
        shift
    }
}
