//! Engines: execute a plan and leave its history behind.

mod decoder;
mod digest;
mod journal;
mod outcome;
mod pattern;
mod shelf;
mod tasks;

pub use decoder::{Decoded, DecoderChoice, Flow, StreamDecoder};
pub use journal::Recorder;
pub use outcome::{End, EngineError, Hits, RunOutcome};
pub use shelf::Shelf;
pub use pattern::{Aliases, EventKind, EventPattern, Wanted, entry_field};
