//! One host's identity and its handles to the world.

use std::net::IpAddr;
use std::sync::Arc;

use crate::{Net, Randomness, Spawner, TokioNet, WallClock};

/// Everything that code running on one host may use of the world. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Host<N> {
    /// The host's name, for logs and histories; for a simulated host, its name in the scenario.
    pub name: Arc<str>,
    /// The network as seen from this host.
    pub net: N,
    /// Starts tasks that end with this host.
    pub spawner: Spawner,
    /// Civil time as this host believes it to be.
    pub wall: WallClock,
    /// The root of this host's randomness; take a labelled [`Randomness::fork`] for each concern.
    pub random: Randomness,
}

impl Host<TokioNet> {
    /// A host on the operating system's network, listening on `address` only.
    ///
    /// Must be used inside a tokio runtime. Randomness is seeded by the operating system.
    #[must_use]
    pub fn real(name: &str, address: IpAddr) -> Self {
        Self {
            name: name.into(),
            net: TokioNet::new(address),
            spawner: Spawner::tokio(),
            wall: WallClock::system(),
            random: Randomness::from_os(),
        }
    }
}

impl<N: Net> Host<N> {
    /// The same host over another network, such as an adapter around this one.
    pub fn map_net<M: Net>(self, adapt: impl FnOnce(N) -> M) -> Host<M> {
        Host {
            name: self.name,
            net: adapt(self.net),
            spawner: self.spawner,
            wall: self.wall,
            random: self.random,
        }
    }
}
