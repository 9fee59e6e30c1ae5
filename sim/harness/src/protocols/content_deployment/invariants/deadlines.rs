//! When deploying farms give up: the timer that any change of the status restarts.

use std::time::Duration;

use portcullis_reports::{Event, Passage};

use super::deployments::{Run, runs};
use crate::protocols::content_deployment::invariant::Breach;
use crate::protocols::content_deployment::reading::Reading;
use crate::protocols::content_deployment::vocabulary::{field, state};

/// How much later than due a farm may give up: what it takes to record that.
const SLACK: Duration = Duration::from_secs(2);

/// A moment of a history.
#[derive(Clone, Copy)]
struct Moment {
    position: usize,
    at: Duration,
}

/// What restarts a run's timer, in order: that `RunJob` is answered, or that `CancelJob` is to be
/// called, and each change of the status, as the farm hears of them.
fn restarts(reading: &Reading<'_>, run: &Run<'_, '_>, timeout: Duration) -> Vec<Moment> {
    let mut restarts: Vec<Moment> = Vec::new();
    let mut last: Option<&str> = None;
    for (position, entry) in reading.entries.iter().enumerate() {
        if !(run.begun..=run.ended).contains(&position) || entry.host != *run.host {
            continue;
        }
        let here = Moment {
            position,
            at: entry.at,
        };
        match &entry.event {
            Event::Message(message) if message.passage == Passage::Delivered => {
                let of_run = |job: &String| run.jobs.contains(&job.as_str());
                if !message.fields.get(field::JOB).is_some_and(of_run) {
                    continue;
                }
                match message.kind.as_ref() {
                    "run-job-response" => restarts.push(here),
                    "get-job-status-response" => {
                        let status = message.fields.get(field::STATUS).map(String::as_str);
                        // What arrives exactly in time counts, what comes later does not.
                        let began = restarts.last().map(|began| began.at);
                        let is_late = began.is_some_and(|began| here.at > began + timeout);
                        if last.is_some() && last != status && !is_late {
                            restarts.push(here);
                        }
                        last = status;
                    }
                    _ => {}
                }
            }
            Event::State(moved) if moved.machine == state::DEPLOYMENT && moved.id == run.name => {
                // A refusal of RunJob that says that it runs, and a job that never ran.
                let starts = matches!(moved.to.as_ref(), "importing" | "cancelling");
                if starts && restarts.is_empty() {
                    restarts.push(here);
                }
            }
            Event::Message(_)
            | Event::State(_)
            | Event::Packet(_)
            | Event::Connection(_)
            | Event::Write { .. }
            | Event::Effect { .. }
            | Event::Action { .. } => {}
        }
    }
    restarts
}

/// CD-50: a run times out when the status has not changed for as long as it may, not before and not
/// later.
pub(crate) fn timeouts_come_when_they_should(reading: &Reading<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for run in runs(reading) {
        let Some(planned) = run.planned else { continue };
        let restarts = restarts(reading, &run, planned.timeout);
        let end = run
            .moves
            .iter()
            .find(|moved| state::is_final(&moved.state.to));
        let given_up = end.filter(|end| {
            let reason = end.state.fields.get(field::REASON);
            reason.is_some_and(|reason| reason == "timeout")
        });
        let until = end.map_or(reading.end, |end| end.at);
        let Some(last) = restarts.last() else {
            continue;
        };
        let is_quiet = !reading.was_disturbed_at(run.host, last.position..run.ended);
        let waited = until.saturating_sub(last.at);
        if let Some(end) = given_up.filter(|_| is_quiet && waited < planned.timeout) {
            breaches.push(Breach::at(
                end.position,
                format!("{} waits {:?} for a change", run.name, planned.timeout),
                format!("it gave up after {waited:?}"),
            ));
        }
        // Until when it watched, where it did.
        let mut moves = run.moves.iter();
        let watches = moves.any(|moved| moved.state.to == "importing");
        let left = moves.find(|moved| moved.state.from == "importing");
        let watched = left
            .map_or(reading.end, |left| left.at)
            .saturating_sub(last.at);
        let due = planned.timeout.saturating_add(SLACK);
        if watches && is_quiet && watched > due {
            let position = end.map_or(last.position, |end| end.position);
            breaches.push(Breach::at(
                position,
                format!(
                    "{} times out {:?} after the last change",
                    run.name, planned.timeout
                ),
                format!("it went on for {watched:?}"),
            ));
        }
    }
    breaches
}
