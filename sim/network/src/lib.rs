//! The simulated network as a pure core.

mod capture;
mod error;
mod firewall;
mod hash;
mod latency;
mod link;
mod network;
mod packet;
mod partition;
mod profile;
mod random;
mod slots;
mod stack;
mod time;
mod wire;

pub use capture::{Capture, Fate, Observation, Observer, PcapNg};
pub use error::SocketError;
pub use firewall::{
    CutEnd, Direction, Firewall, FlowState, IDLE_TIMEOUT, Idle, OnExpiry, POLICY, Policy, Prefix,
    Rule, RuleName, Verdict,
};
pub use latency::Latency;
pub use link::{Bandwidth, LinkConfig, Probability};
pub use network::{HostId, Network, NetworkEvent};
pub use packet::{
    DecodeError, IcmpError, Packet, Sequence, TcpFlags, TcpSegment, Transport, Unreachable,
};
pub use partition::{HostSet, Severed};
pub use profile::Profile;
pub use stack::{ListenerId, Phase, Role, SocketId, Stack, StackConfig, StackEvent, Way};
pub use time::SimTime;
pub use wire::{MiddleboxId, Passage, Stopped, Wire};
