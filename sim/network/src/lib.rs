//! The simulated network as a pure core.

mod capture;
mod error;
mod firewall;
mod hash;
mod packet;
mod profile;
mod random;
mod slots;
mod stack;
mod time;

pub use capture::{Capture, Fate, Observation, Observer};
pub use error::SocketError;
pub use firewall::{
    CutEnd, Direction, Firewall, FlowState, IDLE_TIMEOUT, Idle, OnExpiry, POLICY, Policy, Prefix,
    Rule, RuleName, Verdict,
};
pub use packet::{
    DecodeError, IcmpError, Packet, Sequence, TcpFlags, TcpSegment, Transport, Unreachable,
};
pub use profile::Profile;
pub use stack::{ListenerId, Phase, Role, SocketId, Stack, StackConfig, StackEvent, Way};
pub use time::SimTime;
