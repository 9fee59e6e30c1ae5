//! Whether a deployment or an import is still on its way, which keeps a run going.

use std::collections::BTreeSet;
use std::time::Duration;

use portcullis_reports::{Entry, Event, Fields, StateEvent};

use super::DEPLOYING_FARM;
use super::vocabulary::{effect, field, state};
use crate::scenario::{OpenWork, Plan};

/// Follows every deployment from its step to its end, and every import from its start to its end.
#[derive(Debug)]
pub(super) struct OpenJobs {
    /// When the last deployment that has a time of its own is due.
    planned: Duration,
    /// Steps that wait for an event: their key, and the scenario's name of the job.
    awaited: BTreeSet<(&'static str, String)>,
    /// Deployments that were ordered, or are carried out by a script: the host, and the job's name.
    /// A crash takes them.
    ordered: BTreeSet<(String, String)>,
    /// Deployments on record at their farms, likewise. They survive a crash.
    recorded: BTreeSet<(String, String)>,
    /// Deploying farms that never start what is ordered.
    idle: BTreeSet<String>,
    /// Commands that are carried out, by host, step and job.
    commands: BTreeSet<(String, String, String)>,
    /// Timer jobs that are due or run.
    running: BTreeSet<String>,
}

/// The steps that begin a deployment, or the end of its job, and the key that names the job.
const BEGINNINGS: [(&str, &str); 4] = [
    ("deploy", "as"),
    ("drive", "as"),
    ("run_again", "job"),
    ("delete_job", "job"),
];

/// What ends it.
const ENDINGS: [&str; 5] = [
    effect::DEPLOYMENT_ENDED,
    effect::DEPLOYMENT_FAILED,
    effect::DEPLOYMENT_REMOVED,
    effect::DEPLOYMENT_KEPT,
    effect::COMMAND_REFUSED,
];

/// The steps that show in nothing but [`effect::COMMAND_DONE`].
const QUIET: [&str; 4] = ["disable_path", "enable_path", "schedule", "cancel"];

impl OpenJobs {
    pub(super) fn new(plan: &Plan) -> Self {
        let (mut planned, mut awaited) = (Duration::ZERO, BTreeSet::new());
        for step in &plan.steps {
            for (key, name) in BEGINNINGS {
                let Some(table) = step.table(key) else {
                    continue;
                };
                match step.duration("time") {
                    Some(time) => planned = planned.max(time),
                    None => awaited.extend(table.text(name).map(|job| (key, job.to_owned()))),
                }
            }
        }
        let hosts = plan.hosts.iter().filter(|host| {
            let is_source = host.keys.text("role") == Some(DEPLOYING_FARM);
            is_source && !host.keys.flag("central_administration")
        });
        Self {
            planned,
            awaited,
            ordered: BTreeSet::new(),
            recorded: BTreeSet::new(),
            idle: hosts.map(|host| host.name.clone()).collect(),
            commands: BTreeSet::new(),
            running: BTreeSet::new(),
        }
    }

    fn acted(&mut self, name: &str, host: &str, fields: &Fields) {
        let beginning = BEGINNINGS.iter().find(|(key, _)| *key == name);
        let beginning = beginning.and_then(|(step, key)| Some((*step, fields.get(*key)?)));
        if let Some((step, job)) = beginning {
            self.awaited.remove(&(step, job.clone()));
            let waits = fields.contains_key("skipped") || fields.contains_key("every");
            if !waits && !self.idle.contains(host) {
                self.ordered.insert((host.to_owned(), job.clone()));
            }
        } else if name == "crash" {
            self.ordered.retain(|(owner, _)| owner != host);
            self.commands.retain(|(owner, _, _)| owner != host);
        } else if QUIET.contains(&name) && !fields.contains_key("skipped") {
            let job = fields.get("job").cloned().unwrap_or_default();
            self.commands
                .insert((host.to_owned(), name.to_owned(), job));
        }
    }

    /// A command was carried out or refused.
    fn answered(&mut self, host: &str, fields: &Fields) {
        let field = |name| fields.get(name).cloned().unwrap_or_default();
        let (command, job) = (field(field::COMMAND), field(field::JOB));
        self.commands.remove(&(host.to_owned(), command, job));
    }

    fn moved(&mut self, host: &str, moved: &StateEvent) {
        let to = moved.to.as_ref();
        if moved.machine == state::DEPLOYMENT {
            let key = (host.to_owned(), moved.id.clone());
            if state::is_final(to) {
                self.recorded.remove(&key);
            } else if !self.idle.contains(host) {
                self.recorded.insert(key);
            }
            return;
        }
        let is_timer_job = moved.machine == state::TIMER_JOB;
        if is_timer_job && matches!(to, "due" | "running") {
            self.running.insert(moved.id.clone());
        } else if is_timer_job || state::is_final(to) {
            self.running.remove(&moved.id);
        }
    }
}

impl OpenWork for OpenJobs {
    fn observe(&mut self, entry: &Entry) {
        match &entry.event {
            Event::State(moved) => self.moved(&entry.host, moved),
            Event::Action { name, fields } => self.acted(name, &entry.host, fields),
            Event::Effect { name, fields } => {
                if matches!(
                    name.as_ref(),
                    effect::COMMAND_DONE | effect::COMMAND_REFUSED
                ) {
                    self.answered(&entry.host, fields);
                }
                if ENDINGS.contains(&name.as_ref())
                    && let Some(job) = fields.get(field::JOB)
                {
                    self.ordered.remove(&(entry.host.to_string(), job.clone()));
                }
            }
            Event::Packet(_) | Event::Connection(_) | Event::Message(_) | Event::Write { .. } => {}
        }
    }

    fn is_open(&self, now: Duration) -> bool {
        let planned = now <= self.planned || !self.awaited.is_empty();
        let is_deploying = !self.ordered.is_empty() || !self.recorded.is_empty();
        planned || is_deploying || !self.commands.is_empty() || !self.running.is_empty()
    }
}
