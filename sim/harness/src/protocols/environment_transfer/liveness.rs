//! ET-89: what must come about once the faults are over.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::SignedDuration;
use portcullis_agent::retry::Schedule;

use super::reading::Reading;
use super::standing::{PathFault, Quality, shortages};
use super::vocabulary::{effect, field, kind, state};
use crate::check::{HITS, MISSED};
use crate::engine::Aliases;

/// What the end of a run says about one task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsettled {
    /// The last event that concerned it, as an index into the history.
    pub position: usize,
    /// What both ends think of it, in words.
    pub seen: String,
    /// Why it could not be otherwise yet; `None` when it is overdue or wrong.
    pub pending: Option<String>,
}

/// What the two ends think of one task at the end of a run.
#[derive(Clone, Copy, Debug)]
struct Ends<'a> {
    task: &'a str,
    position: usize,
    host: &'a str,
    here: &'a str,
    outcome: &'a str,
    /// Host, state and outcome at the destination.
    there: Option<(&'a str, &'a str, &'a str)>,
}

/// The tasks that did not reach the same outcome at both ends.
///
/// Rejected tasks and tasks that failed before they were sent have no other end. A task that is
/// final at its originator and different at its destination is wrong at any time; any other is
/// overdue only after what its work and the schedules need, counted from its last move and from
/// the last change that the scenario made.
#[must_use]
pub fn unsettled(reading: &Reading<'_>) -> Vec<Unsettled> {
    let tasks: Vec<Ends<'_>> = ends(reading)
        .into_iter()
        // Who has lost its records has no opinion any more.
        .filter(|task| !was_lost(reading, task.position) && !task.is_settled())
        .collect();
    let mut reasons: Vec<Option<String>> =
        tasks.iter().map(|task| pending(reading, task)).collect();
    // A task that waits for its turn owes nothing as long as another of its originator is pending.
    for (index, task) in tasks.iter().enumerate() {
        let ahead = (0..tasks.len()).find(|other| {
            *other != index && tasks[*other].host == task.host && reasons[*other].is_some()
        });
        if let (None, Some(ahead), true) = (&reasons[index], ahead, task.waits_for_others()) {
            let (task, ahead) = (task.task, tasks[ahead].task);
            reasons[index] = Some(format!("the run ended while {task} waited behind {ahead}"));
        }
    }
    let seen = |task: &Ends<'_>| {
        let there = task.there.map_or_else(
            || "its destination does not know it".to_owned(),
            |(_, state, outcome)| format!("its destination has it as {state} {outcome}"),
        );
        let there = there.trim_end();
        format!(
            "{} is {} at its originator, and {there}",
            task.task, task.here
        )
    };
    let judged = tasks.iter().zip(reasons);
    judged
        .map(|(task, pending)| Unsettled {
            position: task.position,
            seen: seen(task),
            pending,
        })
        .collect()
}

/// What both ends of every task said last.
fn ends<'a>(reading: &'a Reading<'_>) -> Vec<Ends<'a>> {
    let mut originators: BTreeMap<&str, Ends<'_>> = BTreeMap::new();
    let mut destinations: BTreeMap<&str, (&str, &str, &str)> = BTreeMap::new();
    for moved in &reading.moves {
        let (task, to) = (moved.state.id.as_str(), moved.state.to.as_ref());
        match moved.state.machine.as_ref() {
            state::ORIGINATOR => {
                let outcome = state::outcome(to).unwrap_or(to);
                let alone = super::invariants::decided_alone(moved);
                let last = Ends {
                    task,
                    position: moved.position,
                    host: moved.host,
                    here: to,
                    outcome: if alone { state::REJECTED } else { outcome },
                    there: None,
                };
                originators.insert(task, last);
            }
            state::DESTINATION => {
                let known = destinations.get(task).map_or("", |(.., outcome)| outcome);
                let said = moved.field(field::OUTCOME);
                let outcome = if said.is_empty() { known } else { said };
                destinations.insert(task, (moved.host, to, outcome));
            }
            _ => {}
        }
    }
    let tasks = originators.into_values();
    tasks
        .map(|task| Ends {
            there: destinations.get(task.task).copied(),
            ..task
        })
        .collect()
}

impl Ends<'_> {
    fn is_settled(&self) -> bool {
        let agreed = match self.there {
            None => self.outcome == state::REJECTED,
            Some((.., known)) => self.outcome == known || self.outcome == state::REJECTED,
        };
        state::is_final_at_originator(self.here) && agreed
    }

    /// Whether an earlier task of the link may be what holds it up (ET-56, ET-57).
    fn waits_for_others(&self) -> bool {
        match self.there {
            None => matches!(self.here, state::PREPARED | state::SENDING),
            Some((_, there, _)) => there == state::RECORDED,
        }
    }
}

/// Why a task that is not settled need not be yet, if so.
fn pending(reading: &Reading<'_>, task: &Ends<'_>) -> Option<String> {
    if state::is_final_at_originator(task.here) {
        return None;
    }
    let since = last_change(reading, task.task);
    let exchange = reading
        .setting
        .connection_max(task.host)
        .saturating_add(Schedule::request().last_wait());
    let deadline = reading
        .setting
        .environments
        .get(task.host)
        .map_or(Duration::ZERO, |environment| environment.task_deadline);
    let doubt = exchange.saturating_add(Schedule::status().last_wait());
    let name = task.task;
    let (needs, reason) = match (task.there, task.here) {
        (Some((_, state::RUNNING, _)), _) => {
            let work = reading.setting.works.get(name).copied().unwrap_or_default();
            let reason = format!("the run ended while the work of {name} was still running");
            (work.saturating_add(exchange), reason)
        }
        (Some((_, state::RECORDED, _)), _) => {
            let reason = format!("the run ended before the work of {name} began");
            (exchange, reason)
        }
        // ET-45: hourly at the longest.
        (Some((_, state::FINISHED, _)), _) => {
            let needs = exchange.saturating_add(Schedule::completion().last_wait());
            (
                needs,
                before(name, "the next report of its outcome was due"),
            )
        }
        // What was acknowledged is recorded.
        (Some((_, state::REPORTED, _)), _) => (exchange, before(name, "it was recorded")),
        // ET-51
        (_, state::IN_DOUBT) => (doubt, before(name, "the next query was due")),
        // ET-49: nobody reports any more, so that the deadline leads to a query.
        (_, state::ACCEPTED) => {
            let needs = deadline.saturating_add(doubt);
            (needs, before(name, "its deadline led to a query"))
        }
        // ET-44: five minutes at the longest, then doubt.
        _ => {
            let needs = exchange.saturating_add(Schedule::task().last_wait());
            (needs, before(name, "the next attempt to send it was due"))
        }
    };
    (reading.end <= since.saturating_add(needs)).then_some(reason)
}

fn before(task: &str, event: &str) -> String {
    format!("the run ended with {task} open and before {event}")
}

/// When the scenario last changed anything, or a task last got on.
fn last_change(reading: &Reading<'_>, task: &str) -> Duration {
    let idle = [
        "submit",
        "query",
        "cancel",
        "send",
        "listen",
        Aliases::ACTION,
        HITS,
        MISSED,
    ];
    let actions = reading.actions.iter();
    let changes = actions.filter(|action| !idle.contains(&action.name));
    let moves = reading.moves.iter().filter(|moved| moved.state.id == task);
    let begun = reading
        .effects
        .iter()
        .filter(|noted| noted.name == effect::WORK_STARTED && noted.field(field::TASK) == task);
    // The parts of a transfer are progress, and its states do not show them.
    let parts = reading
        .delivered()
        .filter(|said| said.kind() == kind::PART_ACK);
    changes
        .map(|action| action.at)
        .chain(moves.map(|moved| moved.at))
        .chain(begun.map(|noted| noted.at))
        .chain(parts.map(|said| said.at))
        .max()
        .unwrap_or_default()
}

/// Whether the host of the move at `position` lost all its records later.
fn was_lost(reading: &Reading<'_>, position: usize) -> bool {
    let host = reading.entries[position].host.as_ref();
    let mut actions = reading.actions.iter();
    actions
        .any(|action| action.name == "forget" && action.host == host && action.position > position)
}

/// A certificate that others do not believe, or not for long, in words.
pub(super) fn certificate_fault(host: &str) -> String {
    format!("the certificate of {host}")
}

/// What disturbs the run at its end: faults that nobody has taken back, by name.
///
/// `standing` are those that are there from the start, in the same words.
#[must_use]
pub fn open_faults(reading: &Reading<'_>, standing: &[String]) -> BTreeSet<String> {
    let mut open: BTreeSet<String> = standing.iter().cloned().collect();
    for action in &reading.actions {
        let host = |what: &str| format!("{what} of {}", action.host);
        match action.name {
            "firewall-add" => {
                open.insert(format!("rule {}", action.field("rule")));
            }
            "firewall-remove" => {
                open.remove(&format!("rule {}", action.field("rule")));
            }
            "partition" => {
                open.insert(format!("partition {}", action.field("partition")));
            }
            "heal" => {
                open.remove(&format!("partition {}", action.field("partition")));
            }
            "hold" => {
                open.insert(format!("hold {}", action.field("hold")));
            }
            "release" => {
                open.remove(&format!("hold {}", action.field("hold")));
            }
            "path" => {
                let (from, to) = (action.field("from"), action.field("to"));
                for fault in PathFault::ALL {
                    open.remove(&fault.name(from, to));
                }
                let environment = reading.setting.environments.get(from);
                let fault = environment
                    .and_then(|environment| Quality::told(action).fault(environment.needs, 1));
                open.extend(fault.map(|fault| fault.name(from, to)));
            }
            "resolve" => {
                let name = action.field("name");
                let moved = format!("another address of {name}");
                if name == action.field("to") {
                    open.remove(&moved);
                } else {
                    open.insert(moved);
                }
            }
            "crash" | "pause" | "stall" | "stop" => {
                open.insert(host(action.name));
            }
            // The next life begins with a service that runs.
            "restart" => {
                for over in ["crash", "pause", "stall", "stop"] {
                    open.remove(&host(over));
                }
            }
            "resume" => {
                open.remove(&host("pause"));
            }
            "unstall" => {
                open.remove(&host("stall"));
            }
            "start" => {
                open.remove(&host("stop"));
            }
            "certify" => {
                open.remove(&certificate_fault(action.host));
            }
            _ => {}
        }
    }
    open.extend(clock_faults(reading));
    open.extend(shortages(reading));
    open
}

/// The links whose ends refuse each other's messages as stale (ET-74), as the clocks were last set.
fn clock_faults(reading: &Reading<'_>) -> BTreeSet<String> {
    let environments = &reading.setting.environments;
    let ahead = |host: &str| {
        let set = reading.actions.iter().rev();
        let mut set = set.filter(|action| action.name == "clock" && action.host == host);
        let at_first = environments
            .get(host)
            .map(|environment| environment.clock_ahead);
        let last = set
            .next()
            .and_then(|action| action.field("offset").parse().ok());
        last.or(at_first).unwrap_or_default()
    };
    let refuses = |host: &str, apart: Duration| {
        let environment = environments.get(host);
        environment.is_some_and(|environment| apart > environment.tolerance)
    };
    let links = reading.setting.links.iter().filter(|link| {
        let apart: SignedDuration = ahead(&link.earlier) - ahead(&link.later);
        let apart = apart.unsigned_abs();
        refuses(&link.earlier, apart) || refuses(&link.later, apart)
    });
    links
        .map(|link| format!("the clocks of {} and {}", link.earlier, link.later))
        .collect()
}
