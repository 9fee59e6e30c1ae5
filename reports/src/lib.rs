//! The run record: the history of a run, its verdicts, their format on disk, and what renders them.
//!
//! Knows no protocol and no engine: the harness writes the record that this crate defines, and a
//! verdict can be recomputed from it alone.

mod history;

pub use history::{
    ConnectionEvent, ConnectionId, ConnectionPhase, Entry, Event, Fields, MessageEvent,
    PacketEvent, Passage, Source, StateEvent,
};
