//! The contract of [`Store`](portcullis_store::Store), held by the store in a PostgreSQL database,
//! and what may happen to that database.
//!
//! Where PostgreSQL is not installed the trials report themselves as ignored, and their names say
//! why.

mod cluster;
#[path = "../contract/rules.rs"]
mod rules;
#[path = "../contract/steps.rs"]
mod steps;
mod trials;
#[path = "../contract/way.rs"]
mod way;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};
use tokio::time::timeout;

use crate::cluster::{Cluster, Outcome, Programs};
use crate::rules::for_each_rule;

/// One trial with the server that all share; each uses schemas of its own.
type Case = fn(Arc<Cluster>) -> Pin<Box<dyn Future<Output = Outcome<()>>>>;

/// Names of rules as trials.
macro_rules! rules {
    ($($rule:ident),* $(,)?) => {
        vec![$((stringify!($rule), |cluster| Box::pin(async move {
            rules::$rule(cluster.open(stringify!($rule)).await?).await;
            Ok(())
        }))),*]
    };
}

/// Names of functions in [`trials`] as trials.
macro_rules! cases {
    ($($case:ident),* $(,)?) => {
        vec![$((stringify!($case), |cluster| Box::pin(trials::$case(cluster)))),*]
    };
}

fn main() {
    let arguments = Arguments::from_args();
    let programs = Programs::find();
    let cluster = programs.as_ref().map(|programs| {
        let cluster = run(Cluster::start(programs));
        Arc::new(cluster.expect("PostgreSQL starts"))
    });
    let mut cases: Vec<(&str, Case)> = for_each_rule!(rules);
    cases.extend::<Vec<(&str, Case)>>(cases![
        of_two_servers_that_claim_one_row_one_succeeds,
        two_servers_that_open_at_once_share_one_store,
        stores_in_two_schemas_know_nothing_of_each_other,
        a_commit_whose_answer_the_network_loses_is_found_by_operation,
        a_commit_that_is_stuck_does_not_arrive_after_its_outcome_was_asked,
        a_key_too_long_for_an_index_fails_alone,
        old_operations_are_forgotten_and_recent_ones_are_not,
        it_answers_as_the_simulated_store,
        what_cannot_be_opened_is_refused_by_name,
        what_was_acknowledged_survives_the_kill_of_the_server,
    ]);
    let trial = |(name, case): (&str, Case)| {
        let cluster = cluster.clone();
        let name = match &cluster {
            Some(_) => name.to_owned(),
            None => format!("{name} (PostgreSQL is not installed)"),
        };
        let is_missing = cluster.is_none();
        let trial = Trial::test(name, move || {
            let cluster = cluster.ok_or("not installed")?;
            run(case(cluster)).map_err(|error| Failed::from(error.to_string()))
        });
        trial.with_ignored_flag(is_missing)
    };
    let trials = cases.into_iter().map(trial).collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    drop(cluster);
    conclusion.exit();
}

fn run<T>(trial: impl Future<Output = Outcome<T>>) -> Outcome<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async { timeout(Duration::from_secs(120), trial).await? })
}
