//! The invariants of environment transfer: what must hold in every run, whatever its faults.

use portcullis_reports::Entry;

use super::cast;
use super::invariants::{connections, durability, messages, outcomes, preflights, trust, work};
use super::liveness;
use super::reading::Reading;
use super::standing;
use crate::check::{Invariant, Outcome};
use crate::protocols::breach::{SHOWN, outcome};
use crate::scenario::Plan;

pub use crate::protocols::breach::{Breach, Needs};

/// One rule, and the function that looks for breaches of it.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Stable name, in kebab case.
    pub name: &'static str,
    /// The clauses it stands for; the strictest of them says how bad a breach is.
    pub clauses: &'static [&'static str],
    /// The rule as a sentence.
    pub claim: &'static str,
    /// What it needs to see.
    pub needs: Needs,
    /// Finds the breaches.
    pub check: fn(&Reading<'_>) -> Vec<Breach>,
}

/// One table, twice: as rules over a reading, and as the core's invariants over a history.
macro_rules! rules {
    ($($needs:ident $name:literal [$($clause:literal),+] $claim:literal => $check:path;)+) => {
        /// Every rule, those that the wire decides first.
        pub const RULES: &[Rule] = &[$(Rule {
            name: $name,
            clauses: &[$($clause),+],
            claim: $claim,
            needs: Needs::$needs,
            check: $check,
        }),+];

        /// Every rule, and the liveness of ET-89, as the core asks for them.
        pub const INVARIANTS: &[Invariant] = &[
            $(Invariant {
                name: $name,
                clauses: &[$($clause),+],
                expected: $claim,
            },)+
            Invariant {
                name: "both-ends-agree-in-the-end",
                clauses: &["ET-89"],
                expected: "once the faults are over, every task has the same outcome at both ends",
            },
        ];
    };
}

rules! {
    Wire "source-ports-are-dynamic" ["ET-10", "ET-84"]
        "every connection leaves from a port of the opener's dynamic range, never from a configured one"
        => connections::source_ports_are_dynamic;
    Wire "connections-follow-the-links" ["ET-1", "ET-2", "ET-13"]
        "every connection goes to the remote or local port of a link between the two environments"
        => connections::connections_follow_the_links;
    Wire "one-exchange-a-connection" ["ET-13", "ET-23", "ET-29"]
        "a connection carries at most one request from its opener and then at most one response"
        => connections::one_exchange_a_connection;
    Wire "connections-do-not-wait-for-work" ["ET-14", "ET-20", "ET-22", "ET-30", "ET-88"]
        "each end of a connection is over within the timers of one exchange, whatever the work"
        => connections::connections_do_not_wait_for_work;
    Wire "the-opener-closes-first" ["ET-20"]
        "after a whole exchange the opener sends the first FIN"
        => connections::the_opener_closes_first;
    Wire "messages-are-complete" ["ET-25", "ET-33", "ET-39"]
        "every message decodes, says who, what and when, and goes to the environment it names"
        => messages::messages_are_complete;
    Wire "frames-stay-below-the-cap" ["ET-26", "ET-88"]
        "no message is longer than the cap of its kind"
        => messages::frames_stay_below_the_cap;
    Wire "replies-name-their-request" ["ET-35", "ET-37"]
        "every response has the kind that its request asks for and names that request"
        => messages::replies_name_their_request;
    Wire "ids-survive-retries" ["ET-34"]
        "a retried message keeps its id, and no two messages share one"
        => messages::ids_survive_retries;
    Wire "no-task-before-the-greeting" ["ET-9", "ET-12"]
        "a task is sent only after the destination has acknowledged a greeting"
        => messages::no_task_before_the_greeting;
    Wire "completions-come-by-callback" ["ET-17", "ET-18"]
        "a completion travels on a connection that the destination opened to the local port"
        => messages::completions_come_by_callback;
    Wire "completions-answer-a-task" ["ET-38", "ET-75"]
        "a completion states an outcome of a task that its sender had received from its recipient"
        => messages::completions_answer_a_task;
    Wire "preflights-are-proven" ["ET-81"]
        "a preflight finds the way back open only after a probe on a real connection was acknowledged"
        => preflights::preflights_are_proven;
    Wire "one-outcome-a-task" ["ET-52", "ET-58"]
        "all that is said of a task's outcome agrees"
        => outcomes::one_outcome_a_task;
    Wire "messages-are-authentic" ["ET-72", "ET-73"]
        "every message of an environment carries the code of its link"
        => trust::messages_are_authentic;
    Wire "requests-are-answered" ["ET-11", "ET-21", "ET-23"]
        "an acceptor that has a whole request answers it before it closes"
        => trust::requests_are_answered;
    Wire "refusals-echo-nothing" ["ET-76"]
        "a refusal says a reason and the refuser's own version, and nothing that was received"
        => trust::refusals_echo_nothing;
    Inside "tasks-come-from-the-peer" ["ET-72", "ET-73"]
        "a destination takes on a task only after a message that carries the code of the link"
        => trust::tasks_come_from_the_peer;
    Inside "stale-messages-have-no-effect" ["ET-74"]
        "a task is taken on only within the tolerance window of a message that gave it"
        => trust::stale_messages_have_no_effect;
    Inside "placed-files-equal-their-source" ["ET-32"]
        "what a transfer puts in place is what was read at its source"
        => trust::placed_files_equal_their_source;
    Inside "final-states-stay" ["ET-58", "ET-88"]
        "a task that reached a final state leaves it no more"
        => outcomes::final_states_stay;
    Inside "success-is-recorded" ["ET-52", "ET-88"]
        "the originator shows an outcome only after the destination recorded the same one"
        => outcomes::success_is_recorded;
    Inside "silence-is-doubt" ["ET-49"]
        "the originator ends a task only on word from the destination; silence leaves it in doubt"
        => outcomes::silence_is_doubt;
    Inside "accepted-tasks-are-known" ["ET-53", "ET-88"]
        "every task that was acknowledged is in a known state at the destination at the end"
        => outcomes::accepted_tasks_are_known;
    Inside "one-execution-a-task" ["ET-42", "ET-54", "ET-88"]
        "a task's work ends at most once, and starts again only after a crash and if restartable"
        => work::one_execution_a_task;
    Inside "tasks-keep-their-order" ["ET-56"]
        "tasks of one link are worked on one after the other in the order of their acceptance"
        => work::tasks_keep_their_order;
    Inside "later-steps-wait" ["ET-57"]
        "a task is sent only after the completion of the task that it depends on was recorded"
        => work::later_steps_wait;
    Inside "recorded-before-acknowledged" ["ET-41"]
        "a task is durable at the destination before it is acknowledged"
        => durability::recorded_before_acknowledged;
    Inside "results-recorded-before-acknowledged" ["ET-19", "ET-53"]
        "an outcome is durable at the originator before its completion is acknowledged"
        => durability::results_recorded_before_acknowledged;
}

/// What a history makes of each invariant, in their order.
pub(super) fn outcomes(plan: &Plan, history: &[Entry]) -> Vec<Outcome> {
    let setting = cast::setting(plan);
    let mut reading = Reading::new(&setting, history);
    let rules = RULES.iter();
    let mut outcomes: Vec<_> = rules.map(|rule| outcome(&(rule.check)(&reading))).collect();
    // An open task keeps a run going, also when nothing happens any more.
    reading.end = reading.end.max(plan.ends);
    outcomes.push(agreement(&reading, plan));
    outcomes
}

/// ET-89: tasks end alike at both ends, as soon as nothing stands in the way any more.
///
/// While a fault stands that nobody took back, a task that is still open proves nothing, and
/// neither does one whose work or whose next attempt was not due yet when the run ended. A task
/// that was never taken on has no outcome to agree about.
fn agreement(reading: &Reading<'_>, plan: &Plan) -> Outcome {
    let unsettled = liveness::unsettled(reading);
    let faults = liveness::open_faults(reading, &standing::faults(plan));
    let overdue = || unsettled.iter().filter(|task| task.pending.is_none());
    if let (Some(first), true) = (overdue().next(), faults.is_empty()) {
        let positions = overdue().take(SHOWN).map(|task| task.position);
        return Outcome::broken(first.seen.clone(), positions.collect::<Vec<_>>());
    }
    let Some(first) = unsettled.first() else {
        return Outcome::Holds;
    };
    let reason = match (&first.pending, faults.is_empty()) {
        (Some(pending), true) => format!("{pending}; lengthen `ends`: {}", first.seen),
        _ => {
            let faults: Vec<_> = faults.into_iter().collect();
            format!("{}, while these last: {}", first.seen, faults.join(", "))
        }
    };
    Outcome::Unknown { reason }
}

/// The rule called `name`.
#[must_use]
pub fn rule(name: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.name == name)
}
