//! Whether a deployment or an import is still on its way, which keeps a run going.

use std::collections::BTreeSet;
use std::time::Duration;

use portcullis_reports::{Entry, Event, Fields};

use super::vocabulary::{effect, field, state};
use crate::scenario::{OpenWork, Plan};

/// Follows every deployment from its step to its end, and every import from its start to its end.
#[derive(Debug)]
pub(super) struct OpenJobs {
    /// When the last deployment that has a time of its own is due.
    planned: Duration,
    /// Deployments that wait for an event, by the scenario's names of their jobs.
    awaited: BTreeSet<String>,
    /// Deployments under way: the host, and the job's name.
    under_way: BTreeSet<(String, String)>,
    /// Timer jobs that are due or run.
    running: BTreeSet<String>,
}

impl OpenJobs {
    pub(super) fn new(plan: &Plan) -> Self {
        let (mut planned, mut awaited) = (Duration::ZERO, BTreeSet::new());
        for step in &plan.steps {
            let Some(deploy) = step.table("deploy") else {
                continue;
            };
            match step.duration("time") {
                Some(time) => planned = planned.max(time),
                None => awaited.extend(deploy.text("as").map(ToOwned::to_owned)),
            }
        }
        Self {
            planned,
            awaited,
            under_way: BTreeSet::new(),
            running: BTreeSet::new(),
        }
    }

    fn acted(&mut self, name: &str, host: &str, fields: &Fields) {
        match (name, fields.get("as")) {
            ("deploy", Some(job)) => {
                self.awaited.remove(job);
                if !fields.contains_key("skipped") {
                    self.under_way.insert((host.to_owned(), job.clone()));
                }
            }
            // What a deploying farm was about, it has forgotten.
            ("crash", _) => self.under_way.retain(|(owner, _)| owner != host),
            _ => {}
        }
    }
}

impl OpenWork for OpenJobs {
    fn observe(&mut self, entry: &Entry) {
        match &entry.event {
            Event::State(moved) => {
                let to = moved.to.as_ref();
                let is_timer_job = moved.machine == state::TIMER_JOB;
                if is_timer_job && matches!(to, "due" | "running") {
                    self.running.insert(moved.id.clone());
                } else if is_timer_job || state::is_final(to) {
                    self.running.remove(&moved.id);
                }
            }
            Event::Action { name, fields } => self.acted(name, &entry.host, fields),
            Event::Effect { name, fields }
                if matches!(
                    name.as_ref(),
                    effect::DEPLOYMENT_ENDED | effect::DEPLOYMENT_FAILED
                ) =>
            {
                if let Some(job) = fields.get(field::JOB) {
                    self.under_way
                        .remove(&(entry.host.to_string(), job.clone()));
                }
            }
            Event::Packet(_)
            | Event::Connection(_)
            | Event::Message(_)
            | Event::Write { .. }
            | Event::Effect { .. } => {}
        }
    }

    fn is_open(&self, now: Duration) -> bool {
        let planned = now <= self.planned || !self.awaited.is_empty();
        planned || !self.under_way.is_empty() || !self.running.is_empty()
    }
}
