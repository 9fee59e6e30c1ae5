//! The life of a task at each of its ends, as two pure transition tables.
//!
//! Each function holds its whole table: `(state, event, now) -> Result<(state, effects), Illegal>`.
//! The shells carry the effects out; they decide nothing. The tables follow section 2.5 of the
//! source; the snapshot tests beside them print every state against every event.

mod destination;
mod originator;

#[cfg(test)]
mod tests;

pub use destination::{DestinationEffect, DestinationEvent, DestinationState, DestinationTask};
pub use originator::{OriginatorEffect, OriginatorEvent, OriginatorState, OriginatorTask, Settled};

/// The event must not happen in that state: somebody broke the protocol, or there is a bug.
///
/// Nothing has changed when a transition returns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{event} is not legal in state {state}")]
pub struct Illegal {
    /// The state's name.
    pub state: &'static str,
    /// The event's name.
    pub event: &'static str,
}
