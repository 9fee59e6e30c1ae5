//! Environment transfer: the adapter between the harness and [`portcullis_agent`].
//!
//! Nothing outside this module knows the protocol.
//!
//! # Module map
//! - `keys`: what scenario files may say. `cast`: from a plan to configurations and scripts.
//! - `station`: one environment on a simulated host; `credentials`: its certificate. `commands`:
//!   what steps tell it.
//! - `decoder`, `announce`: the wire and the inside, as events of the history. [`vocabulary`]: the
//!   names that they have there.
//! - [`invariant`]: the rules, with names and clauses; `invariants`: the functions behind them,
//!   over a [`reading`] of the history in a [`setting`]. [`liveness`]: ET-89; `standing`: what
//!   excuses it.
//! - `expect`, `open_work`: the form `task becomes`, and when a run may end.
//! - [`rogue`]: environments that are deliberately wrong. `stranger`: peers that are none.

mod announce;
mod cast;
mod commands;
mod credentials;
mod decoder;
mod expect;
pub mod invariant;
mod invariants;
mod keys;
mod labour;
pub mod liveness;
mod open_work;
pub mod reading;
pub mod rogue;
pub mod setting;
mod standing;
mod station;
mod stranger;
mod validate;
pub mod vocabulary;

use std::sync::Arc;
use std::time::Duration;

use portcullis_agent::config::Authentication;
use portcullis_reports::Source;

use portcullis_reports::Entry;

use crate::check::{Expectation, Invariant, Outcome};
use crate::engine::{Action, Boot, DecoderChoice};
use crate::scenario::{OpenWork, Plan, Problems, Protocol, ProtocolKeys, Scenario, Table};

use rogue::Rogue;

/// The role of a host that runs an agent.
const ENVIRONMENT: &str = "environment";

/// The protocol, played by honest agents, except where a rogue takes a host's place.
#[derive(Clone, Copy, Debug, Default)]
pub struct EnvironmentTransfer {
    /// The host that is deliberately wrong, and how.
    pub rogue: Option<(&'static str, Rogue)>,
}

impl Protocol for EnvironmentTransfer {
    fn name(&self) -> &'static str {
        "environment-transfer"
    }

    fn roles(&self) -> &'static [&'static str] {
        &[ENVIRONMENT, stranger::ROLE]
    }

    fn keys(&self) -> ProtocolKeys {
        keys::KEYS
    }

    fn validate(&self, scenario: &Scenario, problems: &mut Problems) {
        validate::validate(scenario, problems);
    }

    fn boot(&self, plan: &Plan, host: &str) -> Boot {
        let rogue = self.rogue.filter(|(name, _)| *name == host);
        match rogue {
            Some((_, rogue)) => rogue::boot(plan, host, rogue),
            None if cast::is_stranger(plan, host) => stranger::boot(),
            None => station::boot(plan, host),
        }
    }

    fn action(&self, plan: &Plan, key: &str, table: &Table) -> Action {
        commands::action(plan, key, table)
    }

    fn decoder(&self, plan: &Plan) -> DecoderChoice {
        let setting = cast::setting(plan);
        let frame_max = usize::try_from(setting.part_frame_max).unwrap_or(usize::MAX);
        let keys = cast::link_keys(plan);
        Arc::new(move |flow| {
            // What strangers say to each other is none of this protocol's business.
            let ends = [flow.source, flow.destination];
            let ours = ends.iter().any(|end| setting.name_of(*end).is_some());
            let (opener, acceptor) = match flow.from_opener {
                true => (flow.source, flow.destination),
                false => (flow.destination, flow.source),
            };
            let source = if setting.speaks_tls(acceptor) {
                Source::Endpoint
            } else {
                Source::Wire
            };
            let link = setting.link_through(opener, acceptor);
            let known = keys.iter().find(|(known, _)| Some(known) == link);
            let keys = known.map_or(Authentication::None, |(_, keys)| keys.clone());
            ours.then(|| Box::new(decoder::WireDecoder::new(frame_max, source, keys)) as _)
        })
    }

    fn expectation(&self, plan: &Plan, table: &Table) -> Box<dyn Expectation> {
        expect::task_becomes(plan, table)
    }

    fn bite(&self, plan: &Plan, table: &Table) -> Box<dyn Expectation> {
        // The protocol adds no form of its own, so the core never asks.
        expect::task_becomes(plan, table)
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
        Box::new(open_work::OpenTasks::new(plan))
    }
}
