//! Content deployment: the adapter between the harness and [`portcullis_web_service`].
//!
//! Nothing outside this module knows the protocol.
//!
//! # Module map
//! - `keys`: what scenario files may say. `cast`: from a plan to configurations and scripts.
//! - `station`: one server of an import farm on a simulated host, or its databases; `labour`: its
//!   files. `source`: a deploying farm; `deployment`: a script of its calls, with `requests` and
//!   `credentials`. `caller`: who says octets of any kind, over a `line`. `commands`: what steps
//!   tell them all.
//! - `decoder`, `announce`: the wire and the inside, as events of the history. [`vocabulary`]: the
//!   names that they have there.
//! - [`invariant`]: the rules, with names and clauses; `invariants`: the functions behind them,
//!   over a [`reading`] of the history in a [`setting`].
//! - `expect`, `open_work`: the forms `job becomes` and `job status`, and when a run may end.
//! - [`rogue`]: farms that are deliberately wrong.

mod announce;
mod caller;
mod cast;
mod commands;
mod credentials;
mod decoder;
mod deployment;
mod expect;
pub mod invariant;
mod invariants;
mod keys;
mod labour;
mod line;
mod open_work;
pub mod reading;
mod requests;
pub mod rogue;
pub mod setting;
mod source;
mod station;
mod validate;
pub mod vocabulary;

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use portcullis_reports::Entry;

use crate::check::{Expectation, Invariant, Outcome};
use crate::engine::{Action, Boot, DecoderChoice};
use crate::scenario::{OpenWork, Plan, Problems, Protocol, ProtocolKeys, Scenario, Table};

use rogue::Rogue;

/// The role of a server of an import farm.
const IMPORT_FARM: &str = "import-farm";

/// The role of a host that has a farm's databases.
const DATABASE: &str = "database";

/// The role of a host that deploys.
const DEPLOYING_FARM: &str = "deploying-farm";

/// The role of a host that says what it is told.
const CALLER: &str = "caller";

/// The protocol, played by honest farms, except where a rogue takes a server's place.
#[derive(Clone, Copy, Debug, Default)]
pub struct ContentDeployment {
    /// The server that is deliberately wrong, and how.
    pub rogue: Option<(&'static str, Rogue)>,
}

impl Protocol for ContentDeployment {
    fn name(&self) -> &'static str {
        "content-deployment"
    }

    fn roles(&self) -> &'static [&'static str] {
        &[IMPORT_FARM, DATABASE, DEPLOYING_FARM, CALLER]
    }

    fn keys(&self) -> ProtocolKeys {
        keys::KEYS
    }

    fn validate(&self, scenario: &Scenario, problems: &mut Problems) {
        validate::validate(scenario, problems);
    }

    fn boot(&self, plan: &Plan, host: &str) -> Boot {
        let rogue = self.rogue.filter(|(name, _)| *name == host);
        match (rogue, cast::role(plan, host)) {
            (Some((_, rogue)), IMPORT_FARM) => rogue::boot(plan, host, rogue),
            // A rogue source waits for its steps.
            (Some(_), _) => Arc::new(|_| Box::pin(pending())),
            (None, IMPORT_FARM) => station::boot(plan, host),
            (None, DATABASE) => station::serving_databases(),
            (None, DEPLOYING_FARM) => source::boot(plan, host),
            // The others wait for steps.
            (None, _) => Arc::new(|_| Box::pin(pending())),
        }
    }

    fn action(&self, plan: &Plan, key: &str, table: &Table) -> Action {
        let from = table.text("from").unwrap_or_default();
        let rogue = self
            .rogue
            .filter(|(name, _)| *name == from && key == "deploy");
        commands::action(plan, key, table, rogue.map(|(_, rogue)| rogue))
    }

    fn decoder(&self, plan: &Plan) -> DecoderChoice {
        decoder::choice(cast::setting(plan))
    }

    fn expectation(&self, plan: &Plan, table: &Table) -> Box<dyn Expectation> {
        if table.has("deployment") {
            expect::deployment_reaches(plan, table)
        } else {
            expect::job_becomes(plan, table)
        }
    }

    fn bite(&self, plan: &Plan, table: &Table) -> Box<dyn Expectation> {
        // The protocol adds no form of its own, so the core never asks.
        expect::job_becomes(plan, table)
    }

    fn invariants(&self) -> &'static [Invariant] {
        invariant::INVARIANTS
    }

    fn outcomes(&self, plan: &Plan, history: &[Entry]) -> Vec<Outcome> {
        invariant::outcomes(plan, history)
    }

    fn planned_work(&self, plan: &Plan) -> Duration {
        cast::planned_work(plan)
    }

    fn open_work(&self, plan: &Plan) -> Box<dyn OpenWork> {
        Box::new(open_work::OpenJobs::new(plan))
    }
}
