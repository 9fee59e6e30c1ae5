//! The turmoil engine: every host a real turmoil host, every packet a datagram of turmoil's UDP.
//!
//! A second simulator for the same scenarios. turmoil's own latency, partitions, crash and bounce
//! act on single packets of the same TCP that the packet engine uses, and that TCP recovers. What
//! turmoil cannot do alike ([`unsupported`]) is not offered.
//!
//! The tick is a millisecond, and everything that happens has whole milliseconds: what a host does
//! in a tick, it does at one instant. A step with a time is executed between two ticks; one that
//! follows an event at once is executed by the host at which that happened, before it does anything
//! else. What is sent at the end of a tick arrives a millisecond early, and what an event does to
//! other hosts they may see a millisecond late. Hosts run one after the other within a tick, so the
//! history is put in order of time at the end.

mod conductor;
mod ether;
mod hold;
mod life;
mod links;
mod port;
mod reason;
mod stage;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

pub(crate) use port::Port;
pub use reason::{Reason, unsupported};

use super::outcome::{EngineError, RunOutcome};
use super::spec::RunSpec;
use super::tasks::panic_message;
use conductor::Conductor;

/// Runs `spec` from its start to its end.
///
/// Everything that goes wrong is in the outcome's [`End`](super::End).
#[must_use]
pub fn run(spec: RunSpec) -> RunOutcome {
    let reasons = unsupported(&spec.topology, &spec.steps, Duration::ZERO);
    if let Some(reason) = reasons.first() {
        return RunOutcome::failed(EngineError::Unsupported {
            reason: reason.to_string(),
        });
    }
    let played = catch_unwind(AssertUnwindSafe(|| {
        let conductor = Conductor::new(spec)?;
        Ok(conductor.play())
    }));
    match played {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(error)) => RunOutcome::failed(error),
        Err(payload) => RunOutcome::failed(EngineError::Harness {
            message: panic_message(payload.as_ref()),
        }),
    }
}
