//! Engines: execute a plan and leave its history behind.
//!
//! An engine takes a [`RunSpec`] (hosts with their programs, what connects them, what happens when)
//! and gives a [`RunOutcome`]. Nothing here knows a protocol: programs, calls and decoders come from
//! the protocol's adapter, verdicts are made of the history afterwards.
//!
//! # Module map
//! - [`packet`]: the default engine, every host in one runtime over `portcullis_network`.
//! - spec ([`RunSpec`], [`Topology`], [`Step`], [`Action`], [`Node`]): what goes in.
//! - outcome ([`RunOutcome`], [`End`], [`EngineError`]): what comes out.
//! - pattern ([`EventPattern`], [`entry_field`]): how entries of the history are named.
//! - net ([`SimNet`]): the network as a host's code sees it; door: the way to the host's stack.
//! - tasks: the executor of the hosts' tasks. seat: what outlives a host's crash. timeline: steps.
//! - journal, digest, tap, decoder: how the history comes about.

mod decoder;
mod digest;
mod door;
mod journal;
mod net;
mod outcome;
pub mod packet;
mod pattern;
mod seat;
mod shelf;
mod spec;
mod tap;
mod tasks;
mod timeline;

pub use decoder::{Decoded, DecoderChoice, Flow, StreamDecoder};
pub use journal::Recorder;
pub use net::{SimListener, SimNet, SimStream};
pub use outcome::{End, EngineError, Hits, RunOutcome};
pub use pattern::{Aliases, EventKind, EventPattern, Wanted, entry_field};
pub use shelf::Shelf;
pub use spec::{
    Action, Boot, Call, HostChange, HostFuture, HostSpec, MiddleboxSpec, NetworkChange, Node,
    PacketDetail, PathSpec, Place, Rank, RunSpec, Step, Topology, Trigger,
};
