//! The run record: the history of a run, its verdicts, their format on disk, and what renders them.
//!
//! Knows no protocol and no engine: the harness writes the record that this crate defines, and a
//! verdict can be recomputed from it alone.
//!
//! # Module map
//! - [`Entry`] and [`Event`]: the history, everything observable in order.
//! - [`Verdict`], [`Finding`], [`ExitCode`]: what the checks made of it.
//! - [`RunRecord`], [`CaseRecord`]: what is kept on disk.
//! - [`timeline`]: the history as lines of text. [`junit`], [`html`]: the record for machines and
//!   for people.

mod history;
pub mod html;
pub mod junit;
mod markup;
mod record;
pub mod timeline;
mod verdict;

pub use history::{
    ConnectionEvent, ConnectionId, ConnectionPhase, Entry, Event, Fields, MessageEvent,
    PacketEvent, Passage, Source, StateEvent,
};
pub use record::{
    CaseRecord, ClauseRecord, Evidence, FORMAT, RecordError, RunRecord, read_history,
};
pub use verdict::{Determinism, ExitCode, Finding, Verdict};
