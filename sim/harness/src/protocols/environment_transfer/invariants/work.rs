//! When work may start, and how often.

use std::collections::{BTreeMap, BTreeSet};

use portcullis_reports::Passage;

use crate::engine::Aliases;
use crate::protocols::environment_transfer::invariant::Breach;
use crate::protocols::environment_transfer::reading::{Noted, Reading};
use crate::protocols::environment_transfer::vocabulary::{effect, field, kind, outcome, state};

/// ET-42, ET-54, ET-88: a task's work runs to its end at most once; it starts a second time only if
/// the host crashed in between and the task's kind is declared restartable.
pub(crate) fn one_execution_a_task(reading: &Reading<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let mut started: BTreeMap<&str, Noted<'_>> = BTreeMap::new();
    let mut ended: BTreeMap<&str, usize> = BTreeMap::new();
    for noted in &reading.effects {
        let task = noted.field(field::TASK);
        let over = ended.contains_key(task);
        if noted.name == effect::WORK_ENDED {
            if over {
                breaches.push(Breach::at(
                    noted.position,
                    format!("the work of {task} ends at most once"),
                    format!("it ended again at {}", noted.host),
                ));
            }
            ended.insert(task, noted.position);
        }
        if noted.name != effect::WORK_STARTED {
            continue;
        }
        let Some(first) = started.insert(task, *noted) else {
            continue;
        };
        let crashed = reading.started(noted.host, noted.position) > first.position;
        let kind = noted.field(effect::TASK_KIND);
        let restartable = reading.setting.is_restartable(noted.host, kind);
        if !crashed || !restartable || over {
            breaches.push(Breach::at(
                noted.position,
                format!("the work of {task} starts once, or again after a crash if restartable"),
                format!(
                    "it started again at {} (stopped between: {crashed}, restartable: \
                     {restartable}, had ended: {over})",
                    noted.host
                ),
            ));
        }
    }
    breaches
}

/// ET-56: on one link, work starts in the order in which the destination recorded the tasks, and
/// the next starts only when the one before has ended or was interrupted; independent tasks are
/// exempt.
pub(crate) fn tasks_keep_their_order(reading: &Reading<'_>) -> Vec<Breach> {
    let independent: BTreeSet<&str> = reading
        .sent()
        .filter(|said| said.kind() == kind::TASK && said.field(field::INDEPENDENT) == "true")
        .map(|said| said.field(field::TASK))
        .collect();
    let mut recorded: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    let mut link_of: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    for moved in &reading.moves {
        let first = moved.state.machine == state::DESTINATION && moved.state.to == state::RECORDED;
        let task = moved.state.id.as_str();
        if !first || independent.contains(task) {
            continue;
        }
        let link = (moved.host, moved.field(field::PEER));
        if link_of.insert(task, link).is_none() {
            recorded.entry(link).or_default().push(task);
        }
    }
    let mut breaches = Vec::new();
    let mut settled: BTreeMap<&str, usize> = BTreeMap::new();
    for moved in &reading.moves {
        if moved.state.machine == state::DESTINATION && moved.state.to == state::FINISHED {
            settled.entry(&moved.state.id).or_insert(moved.position);
        }
    }
    for noted in reading
        .effects
        .iter()
        .filter(|noted| noted.name == effect::WORK_STARTED)
    {
        let task = noted.field(field::TASK);
        let Some(queue) = link_of.get(task).and_then(|link| recorded.get(link)) else {
            continue;
        };
        let earlier = queue.iter().take_while(|other| **other != task);
        for other in earlier {
            let over = settled
                .get(other)
                .is_some_and(|position| *position < noted.position);
            if !over {
                breaches.push(Breach::at(
                    noted.position,
                    format!("{task} waits for {other}, which was accepted before it"),
                    format!("its work started at {} while that was open", noted.host),
                ));
            }
        }
    }
    breaches
}

/// ET-57: a task that depends on another leaves its originator only after the other's success was
/// delivered there, by completion or by status.
///
/// Decided on the wire, given which of the scenario's names stands for which task.
pub(crate) fn later_steps_wait(reading: &Reading<'_>) -> Vec<Breach> {
    let aliases = Aliases::of(reading.entries);
    let mut breaches = Vec::new();
    for (later, earlier) in &reading.setting.dependencies {
        let (Some(task), Some(needed)) = (aliases.value(later), aliases.value(earlier)) else {
            continue;
        };
        let sent = reading
            .sent()
            .find(|said| said.kind() == kind::TASK && said.field(field::TASK) == task);
        let Some(sent) = sent else {
            continue;
        };
        let done = reading.messages.iter().any(|said| {
            said.position < sent.position
                && said.message.passage == Passage::Delivered
                && matches!(said.kind(), kind::COMPLETED | kind::STATUS)
                && said.field(field::TASK) == needed
                && said.field(field::OUTCOME) == outcome::SUCCEEDED
        });
        if !done {
            breaches.push(Breach::at(
                sent.position,
                format!("{later} waits until {earlier} is known to have succeeded"),
                "it was sent before",
            ));
        }
    }
    breaches
}
