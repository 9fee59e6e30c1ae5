//! Files that an operator or a vendor wrote: scenarios and configurations.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use portcullis_harness::protocols::PROTOCOLS;
use portcullis_harness::scenario::{Clauses, Ink, Known, Plan, Scenario, ScenarioError};
use portcullis_harness::serve::Settings;

/// The clauses that a scenario may name.
const CLAUSES: &str = include_str!("../../../scenarios/clauses/environment-transfer.toml");

/// Loaded and planned, or refused with every problem shown at a place of the file.
pub(crate) fn run_scenario(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else {
        return;
    };
    static PARSED: LazyLock<Arc<Clauses>> = LazyLock::new(|| {
        let clauses = Clauses::parse("environment-transfer", CLAUSES);
        Arc::new(clauses.expect("our own list"))
    });
    let clauses = |_: &str| Arc::clone(&PARSED);
    let known = Known {
        protocols: PROTOCOLS,
        clauses: &clauses,
    };
    let name = "environment-transfer/fuzz";
    match Scenario::load(name, "fuzz.toml", text, known) {
        Ok(scenario) => {
            for seed in [1, 7] {
                assert_eq!(Plan::new(&scenario, seed).seed, seed);
            }
        }
        Err(error) => assert_shown(&error),
    }
}

/// Understood, or refused in the same way.
pub(crate) fn run_settings(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else {
        return;
    };
    if let Err(error) = Settings::parse("agent.toml", text, Path::new("/nowhere")) {
        assert_shown(&error);
    }
}

fn assert_shown(error: &ScenarioError) {
    assert!(!error.problems.is_empty());
    assert!(!error.render(Ink::Plain).is_empty());
}
