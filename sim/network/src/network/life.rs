//! Hosts that go down, stand still and come back.

use super::Network;
use super::host::{HostId, Running};
use crate::capture::Fate;
use crate::time::SimTime;

#[expect(
    clippy::multiple_inherent_impl,
    reason = "one file for each concern of the network"
)]
impl Network {
    /// The host loses its memory and answers nothing until [`restart`](Self::restart). Packets for
    /// it vanish; nobody is told.
    pub fn crash(&mut self, host: HostId, now: SimTime) {
        self.now = self.now.max(now);
        let entry = &mut self.hosts[host.index()];
        entry.running = Running::Down;
        entry.stack.crash();
        for transit in std::mem::take(&mut entry.waiting) {
            self.observe_at(host, Fate::HostDown, None, transit.number, &transit.packet);
        }
    }

    /// A crashed host is up again, with an empty stack: it resets what it does not know.
    pub fn restart(&mut self, host: HostId, now: SimTime) {
        self.resume(host, now);
    }

    /// The host stands still: it handles no packet and no timer. Up to 1,024 packets wait for it.
    pub fn pause(&mut self, host: HostId) {
        let entry = &mut self.hosts[host.index()];
        if entry.running == Running::Up {
            entry.running = Running::Paused;
        }
    }

    /// A paused host goes on: first the packets that waited, then the timers that went by.
    pub fn resume(&mut self, host: HostId, now: SimTime) {
        self.now = self.now.max(now);
        let entry = &mut self.hosts[host.index()];
        entry.running = Running::Up;
        for transit in std::mem::take(&mut entry.waiting) {
            self.admit(transit);
        }
        self.settle(host, None);
    }
}
