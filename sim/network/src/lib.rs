//! The simulated network: TCP stacks, firewalls, links and capture, as a pure core.
//!
//! Everything here is state + time + packet -> packets, wakes and the next deadline. There is no
//! I/O, no clock and no runtime; randomness comes from one seed, split by labels, so that a draw in
//! one place shifts no other. Packets carry real IPv4, TCP and ICMP headers: Wireshark reads the
//! captures and another TCP can be at the other end.
//!
//! ```text
//!   application        Stack                     Wire                  Link
//!   connect, write --> TCP --> rules (out) --> partitions, --> loss, latency, --+
//!   accept, read   <-- TCP <-- rules (in)      middleboxes     bandwidth, ..    |
//!                                ^                                              |
//!                                +----------------- event queue <---------------+
//! ```
//!
//! # Two ways to drive it
//! [`Network`] is the whole world as one machine with one event queue. A driver repeats:
//! 1. let the tasks run; after every call on [`Network::stack_mut`] call [`Network::flush`];
//! 2. ask [`Network::next_deadline`] and move its clock there;
//! 3. call [`Network::advance`] with that time, which wakes tasks;
//! 4. drain [`Network::poll_event`].
//!
//! A driver that moves packets by other means (UDP datagrams between turmoil hosts) gives each host
//! a [`Stack`] and shares a [`Wire`] and a [`Capture`] among them. After every call on a stack it
//! drains [`Stack::poll_transmit`] and [`Stack::poll_event`], then asks [`Stack::poll_timeout`]; a
//! packet passes [`Wire::inspect`], travels as [`Packet::encode`] and [`Packet::decode`] have it,
//! and goes into [`Stack::handle_packet`]; one for an address that no host has goes back to its
//! sender's [`Stack::handle_no_host`].
//!
//! Time never goes back. Wakers are woken inside the call that makes their task ready, at most one
//! task a direction and connection; like sockets, they say only "try again".
//!
//! # Example: a dropped SYN costs a Windows host 21 seconds
//! ```
//! use std::net::{Ipv4Addr, SocketAddrV4};
//! use std::task::{Context, Poll, Waker};
//!
//! use portcullis_network::{
//!     Capture, LinkConfig, Network, Profile, Rule, SimTime, SocketError, StackConfig, Verdict,
//! };
//!
//! let mut network = Network::new(7, LinkConfig::default(), Capture::new());
//! let [dev, prod] = [("dev", 1), ("prod", 2)].map(|(name, number)| {
//!     let address = Ipv4Addr::new(10, 0, 0, number);
//!     network.add_host(StackConfig::new(name, address, Profile::WIN_CURRENT))
//! });
//! network.stack_mut(prod).firewall_mut().append(Rule::new("closed", Verdict::Drop));
//!
//! let remote = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 2), 6102);
//! let socket = network.stack_mut(dev).connect(SimTime::START, remote, None)?;
//! network.flush(dev, SimTime::START);
//!
//! let mut now = SimTime::START;
//! while let Some(at) = network.next_deadline() {
//!     network.advance(at);
//!     now = at;
//! }
//! let cx = &mut Context::from_waker(Waker::noop());
//! let connected = network.stack_mut(dev).poll_connected(socket, cx);
//! assert_eq!(connected, Poll::Ready(Err(SocketError::TimedOut)));
//! assert_eq!(now, SimTime::from_secs(21));
//! assert_eq!(network.stack(prod).firewall().hits()[&"closed".into()], 5);
//! # Ok::<(), SocketError>(())
//! ```
//!
//! # Errors and panics
//! What an operating system would report is a [`SocketError`], with the `io::ErrorKind` of real
//! sockets. What arrives from the wire never panics. A panic is a bug, ours or the caller's (an id
//! of another network).
//!
//! # Where the figures come from
//! Profiles, schedules and answers: environment-transfer.md section 8.6, cited at each constant of
//! [`Profile`]; connection tracking: section 8.5. Where a nominal and a measured figure exist, the
//! nominal one is modelled. TCP itself: RFC 9293, with RFC 5961 (challenge ACKs), RFC 6298
//! (timeouts), RFC 6582 (partial acknowledgements), RFC 7323 (window scale only).
//!
//! # What is absent
//! IPv6, UDP, fragments, SACK, TCP timestamps, urgent data, keepalive, delayed acknowledgements
//! (every segment is acknowledged when it arrives), Nagle's algorithm (`TCP_NODELAY` is always on)
//! and congestion control: a sender fills the peer's window at once, so a link with bandwidth needs
//! a queue of that size or recovers its losses one a round trip. Of routing and ARP only the
//! failures exist (section 8.2): [`LOCAL_NETWORK`] bounds the one route, and
//! [`Profile::arp_failure`] is when a neighbour that does not exist is given up. Captures show the
//! SYNs to such a neighbour, which a real host would not put on the wire. Names are resolved by the
//! driver.
//!
//! # Module map
//! - `stack`: one host's TCP. `config`, `endpoint` (sockets and listeners), `opening`, `segment`,
//!   `output` (what arrives and leaves), `send`, `receive`, `rto`, `ports`, `timer`.
//! - `firewall`: rules, policy, connection tracking. `wire`: the same on a path, with NAT, and
//!   partitions.
//! - `link`, `latency`: one direction between two hosts. `network`: all of it.
//! - `packet`: headers and octets. `capture`: digest, observers, pcapng.

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
    CutEnd, Direction, Firewall, FlowSelector, FlowState, IDLE_TIMEOUT, Idle, KILLED, OnExpiry,
    POLICY, Pickup, Policy, Prefix, Rule, RuleName, STRICT_PICKUP, TABLE_FULL, Verdict,
};
pub use latency::Latency;
pub use link::{Bandwidth, LinkConfig, Probability};
pub use network::{HostId, Network, NetworkEvent};
pub use packet::{
    DecodeError, IcmpError, Packet, Sequence, TcpFlags, TcpSegment, Transport, Unreachable,
};
pub use partition::{HostSet, Severed};
pub use profile::Profile;
pub use stack::{
    LOCAL_NETWORK, ListenerId, Phase, Role, SocketId, Stack, StackConfig, StackEvent, Way,
};
pub use time::SimTime;
pub use wire::{
    Forward, MiddleboxId, NAT, NAT_EXHAUSTED, NAT_FORGOTTEN, NAT_PRIVATE, NAT_UNSOLICITED,
    NatConfig, Passage, Stopped, Translated, Unsolicited, Wire, middlebox_address,
};
