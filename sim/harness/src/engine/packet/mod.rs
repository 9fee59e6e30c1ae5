//! The packet engine: every host in one paused runtime, time jumping from event to event.
//!
//! It runs as the single client of a turmoil simulation with a very long tick: turmoil owns seed,
//! epoch and run, while idle time costs nothing. One future polls everything, so that the order of
//! all that happens follows from the seed alone.

mod drive;
mod fabric;

use std::any::Any;
use std::cell::RefCell;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use jiff::Timestamp;
use portcullis_net::Randomness;

use super::journal::{Clock, Journal};
use super::net::Names;
use super::outcome::{End, EngineError, RunOutcome};
use super::seat::Seat;
use super::spec::RunSpec;
use super::tap::Tap;
use super::tasks::{HostIndex, panic_message};
use super::timeline::Timeline;
use drive::{Drive, Setting};
pub(crate) use fabric::Fabric;

/// Longer than turmoil would ever look at: within one tick the runtime jumps from timer to timer.
const TICK: Duration = Duration::from_secs(3600);

/// Runs `spec` from its start to its end.
///
/// Everything that goes wrong is in the outcome's [`End`]; the history up to then is kept.
#[must_use]
pub fn run(spec: RunSpec) -> RunOutcome {
    let outcome = Rc::new(RefCell::new(None));
    let result = {
        let mut sim = ::turmoil::Builder::new()
            .tick_duration(TICK)
            .simulation_duration(Duration::MAX)
            .epoch(spec.epoch.max(Timestamp::UNIX_EPOCH).into())
            .rng_seed(spec.seed)
            .build();
        let slot = Rc::clone(&outcome);
        sim.client("world", async move {
            let ended = play(spec).await;
            slot.borrow_mut().replace(ended);
            Ok(())
        });
        catch_unwind(AssertUnwindSafe(|| sim.run()))
    };
    let message = match result {
        Ok(Ok(())) => String::new(),
        Ok(Err(error)) => error.to_string(),
        Err(payload) => panic_message(payload.as_ref()),
    };
    let ended = outcome.borrow_mut().take();
    ended.unwrap_or_else(|| RunOutcome::failed(EngineError::Turmoil { message }))
}

/// The whole run, inside turmoil's client.
async fn play(spec: RunSpec) -> RunOutcome {
    let (journal, clock) = (Arc::new(Journal::new()), Clock::default());
    let mut drive = match prepare(spec, &journal, &clock) {
        Ok(drive) => drive,
        Err(error) => return RunOutcome::failed(error),
    };
    drive.boot();
    let end = poll_fn(|cx| {
        let polled = catch_unwind(AssertUnwindSafe(|| drive.poll(cx)));
        polled.unwrap_or_else(|payload| Poll::Ready(End::Error(harness_panicked(&*payload))))
    });
    // Unconstrained: tokio's budget would stop tasks at places that depend on all other tasks.
    let end = tokio::task::coop::unconstrained(end).await;
    // The history is complete before teardown closes what is open.
    drive.freeze(end)
}

fn harness_panicked(payload: &(dyn Any + Send)) -> EngineError {
    EngineError::Harness {
        message: panic_message(payload),
    }
}

fn prepare(spec: RunSpec, journal: &Arc<Journal>, clock: &Clock) -> Result<Drive, EngineError> {
    let hosts = &spec.topology.hosts;
    let names = Arc::new(Names::of(&spec.topology));
    let tap = Tap::new(Arc::clone(journal), spec.decoder);
    let fabric = Fabric::new(
        &spec.topology,
        &names,
        spec.seed,
        spec.packets,
        journal,
        tap,
        clock.clone(),
    )?;
    let random = Randomness::from_seed(spec.seed);
    let seats = hosts.iter().enumerate().map(|(index, host)| {
        Seat::new(
            HostIndex(index),
            host,
            Arc::clone(&names),
            spec.epoch,
            clock.clone(),
            &random,
            Arc::clone(journal),
        )
    });
    Ok(Drive::new(Setting {
        fabric: Arc::new(fabric),
        seats: seats.collect(),
        names,
        timeline: Timeline::new(spec.steps, journal),
        journal: Arc::clone(journal),
        clock: clock.clone(),
        finished: spec.finished,
        ends: spec.ends,
    }))
}
