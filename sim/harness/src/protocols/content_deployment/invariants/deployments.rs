//! What deploying farms do: runs of content deployment jobs, as they announce and make them.

use std::time::Duration;

use crate::protocols::content_deployment::invariant::Breach;
use crate::protocols::content_deployment::reading::{Exchange, Moved, Reading};
use crate::protocols::content_deployment::setting::Deployment;
use crate::protocols::content_deployment::vocabulary::{effect, field, kind, state};

/// One run of a content deployment job, from its order to its end or that of the history.
pub(super) struct Run<'r, 'a> {
    pub(super) name: &'a str,
    pub(super) host: &'a str,
    /// Where it was ordered.
    pub(super) begun: usize,
    /// Where it ended; the length of the history where it did not.
    pub(super) ended: usize,
    /// The import jobs that it knew, in order.
    pub(super) jobs: Vec<&'a str>,
    pub(super) moves: Vec<&'r Moved<'a>>,
    pub(super) planned: Option<Deployment>,
}

impl<'a> Run<'_, 'a> {
    /// The requests about its import jobs, made while it was open. What a scenario has called
    /// besides is not the farm's doing, so such a run is not looked at.
    fn exchanges<'r>(&self, reading: &'r Reading<'a>) -> Vec<&'r Exchange<'a>> {
        let is_scripted = reading.actions.iter().any(|action| {
            matches!(action.name, "call" | "upload")
                && (self.begun..self.ended).contains(&action.position)
        });
        if is_scripted {
            return Vec::new();
        }
        let exchanges = reading.exchanges.iter().filter(|exchange| {
            self.jobs.contains(&exchange.job())
                && (self.begun..=self.ended).contains(&exchange.begun())
        });
        exchanges.collect()
    }

    fn entered(&self, wanted: &str) -> Option<&Moved<'a>> {
        let mut moves = self.moves.iter();
        moves.find(|moved| moved.state.to == wanted).copied()
    }
}

/// Every run, in the order in which they were ordered.
pub(super) fn runs<'r, 'a>(reading: &'r Reading<'a>) -> Vec<Run<'r, 'a>> {
    let mut runs: Vec<Run<'r, 'a>> = Vec::new();
    for moved in reading.moves_of(state::DEPLOYMENT) {
        let name = moved.state.id.as_str();
        if moved.state.from.is_empty() {
            runs.push(Run {
                name,
                host: moved.host,
                begun: moved.position,
                ended: reading.entries.len(),
                jobs: Vec::new(),
                moves: vec![moved],
                planned: reading.setting.deployments.get(name).copied(),
            });
            continue;
        }
        let mut later = runs.iter_mut().rev();
        let Some(run) = later.find(|run| (run.name, run.host) == (name, moved.host)) else {
            continue;
        };
        run.moves.push(moved);
        if state::is_final(&moved.state.to) && run.ended == reading.entries.len() {
            run.ended = moved.position;
        }
    }
    for noted in reading.noted(effect::REMOTE_JOB) {
        let mut later = runs.iter_mut().rev();
        let owner = later
            .find(|run| run.name == noted.field(field::DEPLOYMENT) && run.begun < noted.position);
        if let Some(run) = owner {
            run.jobs.push(noted.field(field::JOB));
        }
    }
    runs
}

/// Where a run may go from each state.
const MOVES: &[(&str, &[&str])] = &[
    ("", &["preparing"]),
    ("preparing", &["exporting", "cancelled"]),
    ("exporting", &["asking", "succeeded", "failed", "cancelled"]),
    ("asking", &["creating", "failed", "cancelled"]),
    ("creating", &["uploading", "failed", "cancelled"]),
    ("uploading", &["starting", "cancelling", "deleting"]),
    ("starting", &["importing", "cancelling", "deleting"]),
    ("importing", &["cancelling", "deleting", "timed-out"]),
    ("cancelling", &["importing", "deleting", "timed-out"]),
    (
        "deleting",
        &["succeeded", "failed", "cancelled", "timed-out"],
    ),
];

/// CD-47, CD-51: a run moves along its table, and is final where it ends.
pub(crate) fn deployments_move_along_their_table(reading: &Reading<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for run in runs(reading) {
        let mut at = "";
        for moved in &run.moves {
            let (from, to) = (moved.state.from.as_ref(), moved.state.to.as_ref());
            let ways = MOVES.iter().find(|(state, _)| *state == at);
            let is_legal = from == at && ways.is_some_and(|(_, ways)| ways.contains(&to));
            if !is_legal {
                let (name, at) = (run.name, if at.is_empty() { "nothing" } else { at });
                breaches.push(Breach::at(
                    moved.position,
                    format!("{name} goes on from {at} as its table says"),
                    format!("it went from {from} to {to}"),
                ));
            }
            at = to;
        }
    }
    breaches
}

/// CD-43, CD-48: `RunJob` is called when every file has been taken.
pub(crate) fn uploads_come_before_runjob(reading: &Reading<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for run in runs(reading) {
        let Some(planned) = run.planned else { continue };
        let exchanges = run.exchanges(reading);
        for asked in exchanges.iter().filter(|one| one.kind() == "run-job") {
            let mut taken: Vec<&str> = exchanges
                .iter()
                .filter(|one| one.job() == asked.job())
                .filter(|one| {
                    one.taken()
                        .is_some_and(|said| said.position < asked.begun())
                })
                .filter_map(|one| one.request.map(|said| said.field(field::FILE)))
                .collect();
            taken.sort_unstable();
            taken.dedup();
            if u64::try_from(taken.len()).ok() != Some(planned.files) {
                breaches.push(Breach::at(
                    asked.begun(),
                    format!("all {} files of {} come first", planned.files, run.name),
                    format!("RunJob came after {}", taken.len()),
                ));
            }
        }
    }
    breaches
}

/// CD-41, CD-46: a file is uploaded as it is, and never in pieces.
pub(crate) fn files_go_as_they_are(reading: &Reading<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for run in runs(reading) {
        let Some(planned) = run.planned else { continue };
        for upload in run.exchanges(reading) {
            let request = upload.request.filter(|said| said.kind() == kind::UPLOAD);
            let size = request.and_then(|said| said.field(field::SIZE).parse::<u64>().ok());
            if size.is_some_and(|size| size != planned.size) {
                breaches.push(Breach::at(
                    upload.begun(),
                    format!("each file of {} has its {} octets", run.name, planned.size),
                    format!("{} were sent", size.unwrap_or_default()),
                ));
            }
        }
    }
    breaches
}

/// How much earlier than the interval says a poll may leave: clocks tick.
const TICK: Duration = Duration::from_millis(1);

/// CD-49, CD-53: the status is asked for once in an interval, whoever looks at it meanwhile.
///
/// A poll begins when its connection is opened: that may take a while.
pub(crate) fn polls_keep_their_interval(reading: &Reading<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for run in runs(reading) {
        let Some(planned) = run.planned else { continue };
        let exchanges = run.exchanges(reading);
        let polls = exchanges
            .iter()
            .filter(|one| one.kind() == "get-job-status");
        let polls: Vec<_> = polls.filter_map(|one| one.request).collect();
        for pair in polls.windows(2) {
            let [first, second] = pair else { continue };
            let apart = reading.began(second).saturating_sub(reading.began(first));
            let is_early = apart + TICK < planned.poll;
            if is_early && !reading.was_disturbed(first.position..second.position) {
                breaches.push(Breach::at(
                    second.position,
                    format!("the polls of {} are {:?} apart", run.name, planned.poll),
                    format!("this one came after {apart:?}"),
                ));
            }
        }
    }
    breaches
}

/// CD-47, CD-52, CD-54: what is asked of a target comes in its order: the import server is known
/// before a job is created, a job runs before it is watched, and is deleted when it has ended.
pub(crate) fn calls_come_in_their_order(reading: &Reading<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for run in runs(reading) {
        let granted = |kind: &'static str| {
            let mut asked = reading.asked(kind);
            let answered = asked.find_map(|one| {
                let is_of_run = one.begun() > run.begun;
                one.granted().filter(|_| is_of_run)
            });
            answered.map(|said| said.position)
        };
        let known = granted("get-remote-admin-server-url");
        let exchanges = run.exchanges(reading);
        let asked = |kind: &str| exchanges.iter().find(|one| one.kind() == kind);
        let end = |one: &&Exchange<'_>| {
            let said = one.granted().filter(|_| one.kind() == "get-job-status");
            let status = said.map(|said| said.field(field::STATUS));
            status.is_some_and(|status| {
                matches!(
                    status,
                    "Success" | "Failure" | "Cancelled" | "ImportTimedOut"
                )
            })
        };
        let run_job = asked("run-job").map(|one| one.begun());
        // A run that could not start its import deletes the job at once.
        let watched = run.entered("importing").map(|moved| moved.position);
        let over = exchanges.iter().copied().find(end).map(Exchange::begun);
        let is_given_up = run
            .planned
            .is_some_and(|planned| planned.deletes_after_timeout);
        for one in &exchanges {
            let before = match one.kind() {
                "create-job" => known,
                "get-job-status" => run_job.or_else(|| asked("cancel-job").map(|one| one.begun())),
                "delete-job" if watched.is_some() && !is_given_up => over,
                _ => continue,
            };
            if before.is_none_or(|before| before > one.begun()) {
                breaches.push(Breach::at(
                    one.begun(),
                    format!("{} keeps the order of calls", run.name),
                    format!("{} came too early", one.kind()),
                ));
            }
        }
    }
    breaches
}

/// CD-18, CD-47: everything about a job goes to the import server of the farm that was asked.
pub(crate) fn the_import_server_is_used(reading: &Reading<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for run in runs(reading) {
        for one in run.exchanges(reading) {
            let server = reading.setting.servers.get(one.server);
            let wanted = server.map(|server| server.import_server.as_str());
            if wanted.is_some_and(|wanted| wanted != one.server) {
                breaches.push(Breach::at(
                    one.begun(),
                    format!("{} asks {}", run.name, wanted.unwrap_or_default()),
                    format!("{} was asked by {}", one.server, one.kind()),
                ));
            }
        }
    }
    breaches
}

/// CD-47: a run starts one import.
pub(crate) fn one_import_is_started(reading: &Reading<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for run in runs(reading) {
        let mut started: Option<&str> = None;
        for one in run.exchanges(reading) {
            if one.kind() != "run-job" {
                continue;
            }
            if started.is_some_and(|started| started != one.job()) {
                breaches.push(Breach::at(
                    one.begun(),
                    format!("{} starts one import", run.name),
                    format!("it started {}, too", one.job()),
                ));
            }
            started = Some(one.job());
        }
    }
    breaches
}

/// CD-52: the import job of a run that has succeeded or failed is deleted.
pub(crate) fn ended_imports_are_deleted(reading: &Reading<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for run in runs(reading) {
        let exchanges = run.exchanges(reading);
        let over = exchanges.iter().find(|one| {
            let status = one.granted().map(|said| said.field(field::STATUS));
            one.kind() == "get-job-status" && matches!(status, Some("Success" | "Failure"))
        });
        let (Some(over), true) = (over, run.ended < reading.entries.len()) else {
            continue;
        };
        // What was told after a timeout changes nothing (CD-51).
        if run.entered(state::TIMED_OUT).is_some() {
            continue;
        }
        let deleted = |one: &&Exchange<'_>| one.kind() == "delete-job" && one.job() == over.job();
        let is_deleted = exchanges.iter().copied().any(|one| deleted(&one));
        // Who is cut off cannot delete anything.
        if !is_deleted && !reading.was_disturbed(0..run.ended) {
            breaches.push(Breach::at(
                run.ended,
                format!("{} deletes its import job", run.name),
                "no DeleteJob was sent",
            ));
        }
    }
    breaches
}

/// CD-52: a run has succeeded only where its target has said so.
pub(crate) fn success_was_reported(reading: &Reading<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for run in runs(reading) {
        let Some(end) = run.entered(state::SUCCEEDED) else {
            continue;
        };
        let Some(job) = run.jobs.last() else {
            continue;
        };
        let polls = reading.asked("get-job-status");
        let mut of_job = polls.filter(|one| one.job() == *job);
        let is_reported = of_job.any(|one| {
            one.granted().is_some_and(|said| {
                said.field(field::STATUS) == "Success" && said.position < end.position
            })
        });
        if !is_reported {
            breaches.push(Breach::at(
                end.position,
                format!("{} succeeds when its target says Success", run.name),
                "it never did",
            ));
        }
    }
    breaches
}
