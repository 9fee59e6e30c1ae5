//! What a protocol adds to the core: one adapter implements [`Protocol`], and no other module of
//! the harness names the protocol.

use std::time::Duration;

use portcullis_reports::Entry;

use super::{Plan, Problems, ProtocolKeys, Scenario, Table};
use crate::check::{Expectation, Invariant, Outcome};
use crate::engine::{Action, Boot, DecoderChoice};

/// One protocol as the harness sees it.
pub trait Protocol: Send + Sync {
    /// In kebab case: the directory of its scenarios, and the stem of its clause list.
    fn name(&self) -> &'static str;

    /// The values of a host's `role` that belong to this protocol. A file outside the scenario
    /// tree is recognised by them.
    fn roles(&self) -> &'static [&'static str];

    /// The keys it adds to the core's tables.
    fn keys(&self) -> ProtocolKeys;

    /// Reports what the key tables cannot express, such as a submit along a missing link.
    fn validate(&self, scenario: &Scenario, problems: &mut Problems);

    /// The program of one host, run at its start and after every restart.
    fn boot(&self, plan: &Plan, host: &str) -> Boot;

    /// The step for an `[[at]]` action that this protocol contributed: its key and its table, or
    /// the whole step when the key's value is no table.
    fn action(&self, plan: &Plan, key: &str, table: &Table) -> Action;

    /// The codec that turns streams into message events.
    fn decoder(&self, plan: &Plan) -> DecoderChoice;

    /// The judge of an `[[expect]]` whose form this protocol contributed.
    fn expectation(&self, plan: &Plan, table: &Table) -> Box<dyn Expectation>;

    /// The judge of a `[[bites]]` whose form this protocol contributed; `Holds` means it bit.
    fn bite(&self, plan: &Plan, table: &Table) -> Box<dyn Expectation>;

    /// What every run must keep, without being named in a scenario.
    fn invariants(&self) -> &'static [Invariant];

    /// What a history makes of each of the [`Protocol::invariants`], in their order: a pure
    /// function of the history and the plan. One pass may serve them all.
    fn outcomes(&self, plan: &Plan, history: &[Entry]) -> Vec<Outcome>;

    /// How long the work that a plan hands over takes at least, one after the other: a run whose
    /// file does not say when it `ends` goes on for so much longer.
    fn planned_work(&self, plan: &Plan) -> Duration {
        let _ = plan;
        Duration::ZERO
    }

    /// Follows a run to tell whether work is still open, which keeps the run going.
    fn open_work(&self, plan: &Plan) -> Box<dyn OpenWork>;
}

/// Tells from the events of a run whether any work of the protocol is still open.
pub trait OpenWork: Send {
    /// Takes in the next event. Called once for each, in order; must be cheap.
    fn observe(&mut self, entry: &Entry);

    /// Whether work is open now, or is planned for later than `now`.
    fn is_open(&self, now: Duration) -> bool;
}
