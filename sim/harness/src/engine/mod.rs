//! Engines: execute a plan and leave its history behind.
//!
//! An engine takes a [`RunSpec`] (hosts with their programs, what connects them, what happens when)
//! and gives a [`RunOutcome`]. Nothing here knows a protocol: programs, calls and decoders come
//! from the protocol's adapter, verdicts are made of the history afterwards.
//!
//! # Module map
//! - [`packet`]: the default engine, every host in one runtime over `portcullis_network`.
//! - [`turmoil`]: real turmoil hosts with the same stacks, as a second opinion.
//! - spec ([`RunSpec`], [`Topology`], [`Step`], [`Action`], [`Node`]): what goes in.
//! - outcome ([`RunOutcome`], [`End`], [`EngineError`]): what comes out.
//! - agreement ([`disagreement`]): whether two engines made the same of one plan.
//! - pattern ([`EventPattern`], [`entry_field`]): how entries of the history are named.
//! - middlebox ([`MiddleboxSpec`]): what stands between hosts, the same for every engine.
//! - net ([`SimNet`]): the network as a host's code sees it; door: the way to the host's stack.
//!   secured ([`SecuredNet`]): the same with TLS.
//! - tasks: the executor of the hosts' tasks. seat: what outlives a host's crash. timeline: steps.
//! - journal, digest, tap, record, decoder: how the history comes about.

mod agreement;
mod decoder;
mod digest;
mod door;
mod journal;
mod middlebox;
mod net;
mod outcome;
pub mod packet;
mod pattern;
mod record;
mod seat;
mod secured;
mod shelf;
mod spec;
mod tap;
mod tasks;
mod timeline;
pub mod turmoil;

pub use agreement::{Disagreement, disagreement};
pub use decoder::{Decoded, DecoderChoice, Flow, StreamDecoder};
pub use journal::Recorder;
pub use middlebox::{ForwardSpec, MiddleboxSpec, NatSpec};
pub use net::{BACKLOG, SimListener, SimNet, SimStream};
pub use outcome::{End, EngineError, Hits, Missed, RunOutcome};
pub use pattern::{Aliases, EventKind, EventPattern, SKIPPED, Wanted, entry_field};
pub use secured::{SecuredListener, SecuredNet, SecuredStream};
pub use shelf::Shelf;
pub use spec::{
    Action, Boot, Call, Command, Finished, HostChange, HostFuture, HostSpec, NetworkChange, Node,
    PacketDetail, PathSpec, Place, Rank, RunSpec, Step, Topology, Trigger, always,
};
