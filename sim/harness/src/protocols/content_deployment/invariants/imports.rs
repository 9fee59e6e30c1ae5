//! What imports do.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::protocols::content_deployment::invariant::Breach;
use crate::protocols::content_deployment::reading::{Noted, Reading};
use crate::protocols::content_deployment::vocabulary::{effect, field, state};

/// CD-21, CD-24: packages are decompressed after `RunJob` has come, and only once unless the import
/// was interrupted.
pub(crate) fn decompression_is_asked_for(reading: &Reading<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let mut begun: BTreeMap<&str, &Noted<'_>> = BTreeMap::new();
    for noted in reading.noted(effect::DECOMPRESSION_STARTED) {
        let job = noted.field(field::JOB);
        let is_asked = reading.asked("run-job").any(|exchange| {
            exchange.job() == job && exchange.arrived.is_some_and(|at| at < noted.position)
        });
        if !is_asked {
            breaches.push(Breach::at(
                noted.position,
                format!("{job} waits for RunJob"),
                "its decompression began before",
            ));
        }
        if let Some(first) = begun.insert(job, noted)
            && !reading.was_disturbed(first.position..noted.position)
        {
            breaches.push(Breach::at(
                noted.position,
                format!("{job} is decompressed once"),
                format!(
                    "it began again at {}, with nothing to interrupt it",
                    noted.host
                ),
            ));
        }
    }
    breaches
}

/// CD-29: a job whose decompression has begun is never cancelled.
pub(crate) fn cancelling_comes_before_decompression(reading: &Reading<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for moved in reading.moves_of(state::IMPORT_JOB) {
        let to = moved.state.to.as_ref();
        if !matches!(to, state::CANCELLED | state::CANCEL_IN_PROGRESS) {
            continue;
        }
        let job = moved.state.id.as_str();
        let mut begun = reading.noted(effect::DECOMPRESSION_STARTED);
        if begun.any(|noted| noted.position < moved.position && noted.field(field::JOB) == job) {
            breaches.push(Breach::at(
                moved.position,
                format!("{job} goes on: its decompression has begun"),
                format!("it became {to}"),
            ));
        }
    }
    breaches
}

/// CD-24: no object is placed twice, unless the import was interrupted between.
pub(crate) fn objects_are_placed_once(reading: &Reading<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let mut placed: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for noted in reading.noted(effect::PLACED) {
        let object = (noted.field(field::JOB), noted.field(field::NUMBER));
        if let Some(first) = placed.insert(object, noted.position)
            && !reading.was_disturbed(first..noted.position)
        {
            breaches.push(Breach::at(
                noted.position,
                format!("object {} of {} is placed once", object.1, object.0),
                format!("it was placed again at {}", noted.host),
            ));
        }
    }
    breaches
}

/// CD-25: a job has succeeded only when every object of its packages is in the site.
pub(crate) fn success_is_complete(reading: &Reading<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for moved in reading.moves_of(state::IMPORT_JOB) {
        if moved.state.to != state::SUCCEEDED {
            continue;
        }
        let job = moved.state.id.as_str();
        let of_job = reading
            .noted(effect::PLACED)
            .filter(|noted| noted.position < moved.position && noted.field(field::JOB) == job);
        let (mut numbers, mut count) = (BTreeSet::new(), None);
        for noted in of_job {
            numbers.insert(noted.field(field::NUMBER));
            count = noted.field(field::COUNT).parse::<usize>().ok();
        }
        // Who was interrupted may have placed what nobody was told of.
        let was_interrupted = reading.was_disturbed(0..moved.position);
        let is_complete = match count {
            Some(count) => numbers.len() == count,
            None => reading
                .planned(job)
                .is_none_or(|planned| planned.objects == 0),
        };
        if !is_complete && !was_interrupted {
            breaches.push(Breach::at(
                moved.position,
                format!("{job} succeeds when all its objects are placed"),
                format!("{} of {} were", numbers.len(), count.unwrap_or_default()),
            ));
        }
    }
    breaches
}

/// What an import may take besides its phases: picking up, recording, telling.
const SLACK: Duration = Duration::from_secs(60);

/// How many imports a server runs at a time at least; more may have to wait for their turn.
const AT_A_TIME: usize = 4;

/// CD-24, CD-25: an import that was started ends, within the time that its phases take.
///
/// Only where nothing was done meanwhile that could interrupt it, and where it need not wait for
/// its turn; for those that were started before it, it may wait as long as their phases take.
pub(crate) fn imports_come_to_an_end(reading: &Reading<'_>) -> Vec<Breach> {
    let mut ends: BTreeMap<&str, Duration> = BTreeMap::new();
    for moved in reading.moves_of(state::IMPORT_JOB) {
        if state::is_final(&moved.state.to) {
            ends.entry(&moved.state.id).or_insert(moved.at);
        }
    }
    let mut breaches = Vec::new();
    let granted = reading
        .asked("run-job")
        .filter(|exchange| exchange.granted().is_some());
    let is_alone = granted.count() <= AT_A_TIME;
    for exchange in reading.asked("run-job").filter(|_| is_alone) {
        let (Some(answer), Some(planned)) = (exchange.granted(), reading.planned(exchange.job()))
        else {
            continue;
        };
        let servers = reading.setting.servers.values();
        let looks = servers
            .map(|server| server.timer_service)
            .max()
            .unwrap_or_default();
        // One site collection takes one import at a time: those before may have to end first.
        let before: BTreeMap<&str, Duration> = reading
            .asked("run-job")
            .filter(|other| other.job() != exchange.job())
            .filter(|other| other.granted().is_some_and(|it| it.at <= answer.at))
            .filter(|other| ends.get(other.job()).is_none_or(|end| *end > answer.at))
            .filter_map(|other| Some((other.job(), reading.planned(other.job())?.lasts)))
            .collect();
        let waits: Duration = before.values().map(|lasts| *lasts + looks).sum();
        let due = answer.at + waits + planned.lasts + looks + SLACK;
        let is_late = match ends.get(exchange.job()) {
            Some(end) => *end > due,
            None => reading.end > due,
        };
        let until = reading.entries.partition_point(|entry| entry.at <= due);
        if is_late && !reading.was_disturbed(0..until) {
            breaches.push(Breach::at(
                answer.position,
                format!("the import of {} ends in time", exchange.job()),
                "it did not",
            ));
        }
    }
    breaches
}
