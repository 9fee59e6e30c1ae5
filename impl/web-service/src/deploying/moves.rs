//! Moves of runs: decided by the table, durable, then announced.

use portcullis_store::{Batch, Record, Store, Stored};

use super::schedule;
use crate::client::reason_in_words;
use crate::excerpt::excerpt;
use crate::message::{Guid, JobStatus, RemoteJobStatus};
use crate::observe::{DeployingEvent, FarmEvent};
use crate::records::{
    CancelDeployment, CurrentRun, DeploymentItem, DeploymentReport, DeploymentTimerJob,
    ExportedPackages, PathItem, ReportLine, Severity,
};
use crate::services::{Services, Unanswered, Unmoved};
use crate::state::{
    DeploymentEffect, DeploymentEvent, DeploymentOutcome, DeploymentProgress, TimerEvent,
    TimerProgress,
};
use crate::work::RunId;

#[expect(
    clippy::multiple_inherent_impl,
    reason = "one file for each concern of the services"
)]
impl<S: Store> Services<S> {
    /// A job's item, if it is there.
    pub(super) async fn deployment(
        &self,
        name: &str,
    ) -> Result<Option<Stored<DeploymentItem>>, Unanswered> {
        self.load::<DeploymentItem>(name).await
    }

    /// (1): a new run with its one-time timer job; none where its path is disabled or is not there,
    /// whoever wants it. The item comes first: what is missing after an interruption is the timer
    /// job, which the timer service adds.
    pub(super) async fn order_run(
        &self,
        found: &Stored<DeploymentItem>,
    ) -> Result<Option<RunId>, Unmoved> {
        if found.record.is_busy() {
            return Err(Unmoved::Illegal);
        }
        let path = self.load::<PathItem>(&found.record.path).await?;
        let Some(path) = path.filter(|path| path.record.path.is_enabled) else {
            return Ok(None);
        };
        let now_ms = self.now().as_millisecond();
        let mut item = found.record.clone();
        let earlier = item.run.as_ref().map_or(0, |run| run.number);
        let progress = DeploymentProgress::default();
        item.run = Some(CurrentRun {
            number: earlier.saturating_add(1),
            progress,
            ordered_ms: now_ms,
            polled_ms: None,
            imported_object_count: 0,
            remote_message: String::new(),
        });
        item.due_ms = item
            .schedule
            .map(|schedule| schedule::next_ms(schedule, now_ms));
        let Some(run) = item.run_id() else {
            return Err(Unmoved::Illegal);
        };
        let report = DeploymentReport {
            run,
            lines: vec![self.line(Severity::Message, "the deployment is ordered")],
        };
        let batch = self
            .replacing(found, &item)
            .await?
            // Nobody disables it in between.
            .expect_revision::<PathItem>(&path.record.key(), path.revision)
            .put(&report)?;
        self.commit::<DeploymentItem>(batch).await?;
        self.announce_run(&item, run, "");
        self.order_timer_job(&item).await?;
        Ok(Some(run))
    }

    /// Notes when a job is due next.
    pub(super) async fn put_off(
        &self,
        found: &Stored<DeploymentItem>,
        due_ms: i64,
    ) -> Result<(), Unmoved> {
        let item = DeploymentItem {
            due_ms: Some(due_ms),
            ..found.record.clone()
        };
        let batch = self.replacing(found, &item).await?;
        self.commit::<DeploymentItem>(batch).await.map(|_| ())
    }

    /// A batch that puts `item` in the place of what was found, if that is still there.
    pub(super) async fn replacing(
        &self,
        found: &Stored<DeploymentItem>,
        item: &DeploymentItem,
    ) -> Result<Batch, Unmoved> {
        let batch = self.batch().await?;
        let batch = batch.expect_revision::<DeploymentItem>(&item.key(), found.revision);
        Ok(batch.put(item)?)
    }

    /// The timer job of an item's run, or of its removal, made where it is not there.
    pub(super) async fn order_timer_job(&self, item: &DeploymentItem) -> Result<(), Unmoved> {
        let Some(run) = item.run_id() else {
            return Ok(());
        };
        let timer_job = DeploymentTimerJob {
            run,
            name: item.name.clone(),
            path: item.path.clone(),
            progress: TimerProgress::default().on(&TimerEvent::Run)?,
        };
        let batch = self.batch().await?;
        let batch = batch.expect_absent::<DeploymentTimerJob>(&timer_job.key());
        match self
            .commit::<DeploymentTimerJob>(batch.put(&timer_job)?)
            .await
        {
            // It is there.
            Ok(_) | Err(Unmoved::Refused) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Moves a run; recorded when it returns what is to be done next. `polled` is what the target
    /// said, where the event is about that.
    pub(super) async fn move_run(
        &self,
        found: &mut Stored<DeploymentItem>,
        event: &DeploymentEvent,
        polled: Option<&RemoteJobStatus>,
    ) -> Result<&'static [DeploymentEffect], Unmoved> {
        let now = self.now();
        let (Some(run), Some(id)) = (&found.record.run, found.record.run_id()) else {
            return Err(Unmoved::Illegal);
        };
        let after_timeout = self.config.deployments.after_timeout;
        let (progress, effects) = run.progress.on(event, now, after_timeout)?;
        let before = run.progress.clone();
        let is_taken_up = *event == DeploymentEvent::Recovered && !before.state.is_final();
        if progress == before && polled.is_none() && !is_taken_up {
            return Ok(effects);
        }
        let from = before.state;
        let mut next = run.clone();
        next.progress = progress;
        if let Some(polled) = polled {
            next.polled_ms = Some(now.as_millisecond());
            next.imported_object_count = polled.imported_object_count;
            next.remote_message = excerpt(&polled.status_message);
        }
        let line = line(&before, &next, event);
        let mut item = found.record.clone();
        let is_over = next.progress.state.is_final();
        item.run = Some(next);
        let mut batch = self.replacing(found, &item).await?;
        if let Some((severity, text)) = line {
            batch = self
                .with_line(batch, id, self.line(severity, &text))
                .await?;
        }
        if is_over && !from.is_final() {
            batch = self.without_rest(batch, id);
        }
        // (6): durable before the next step.
        let revision = self.commit::<DeploymentItem>(batch).await?.revision;
        if Some(from) != item.run.as_ref().map(|run| run.progress.state) {
            self.announce_run(&item, id, from.name());
        }
        *found = Stored {
            record: item,
            revision,
        };
        Ok(effects)
    }

    /// Reads an item again whose move was refused: whether it was only defined anew, with its run
    /// as it was, so that the move can be repeated.
    pub(super) async fn reread(
        &self,
        found: &mut Stored<DeploymentItem>,
    ) -> Result<bool, Unanswered> {
        let now = self.deployment(&found.record.name).await?;
        let Some(now) = now.filter(|now| now.record.run == found.record.run) else {
            return Ok(false);
        };
        *found = now;
        Ok(true)
    }

    pub(super) async fn with_line(
        &self,
        batch: Batch,
        run: RunId,
        line: ReportLine,
    ) -> Result<Batch, Unmoved> {
        let key = DeploymentReport::key_of(run);
        let report = self.load::<DeploymentReport>(&key).await?;
        let mut lines = report.map_or_else(Vec::new, |report| report.record.lines);
        lines.push(line);
        Ok(batch.put(&DeploymentReport { run, lines })?)
    }

    /// Forgets what only a run that is open needs, and the oldest report.
    fn without_rest(&self, batch: Batch, run: RunId) -> Batch {
        let key = DeploymentReport::key_of(run);
        let batch = batch
            .delete::<CancelDeployment>(&key)
            .delete::<ExportedPackages>(&key);
        let oldest = run.number.checked_sub(u64::from(self.config.reports_kept));
        let Some(number) = oldest.filter(|number| *number > 0) else {
            return batch;
        };
        let oldest = RunId { number, ..run };
        batch.delete::<DeploymentReport>(&DeploymentReport::key_of(oldest))
    }

    pub(super) fn line(&self, severity: Severity, text: &str) -> ReportLine {
        ReportLine {
            at_ms: self.now().as_millisecond(),
            severity,
            text: excerpt(text),
        }
    }

    fn announce_run(&self, item: &DeploymentItem, run: RunId, from: &'static str) {
        let Some(current) = &item.run else {
            return;
        };
        let progress = &current.progress;
        let reason = match &progress.outcome {
            Some(DeploymentOutcome::Failed(why)) => {
                Some(format!("{}: {}", why.step.name(), why.reason))
            }
            Some(DeploymentOutcome::NotChanged) => Some("timeout".to_owned()),
            Some(
                DeploymentOutcome::Succeeded
                | DeploymentOutcome::Cancelled
                | DeploymentOutcome::ImportTimedOut,
            )
            | None => None,
        };
        self.tell(DeployingEvent::Moved {
            run,
            name: item.name.clone(),
            from,
            to: progress.state.name(),
            reason,
        });
        let outcome = progress.outcome.clone();
        if let Some(outcome) = outcome.filter(|_| progress.state.is_final()) {
            self.tell(DeployingEvent::Ended {
                run,
                name: item.name.clone(),
                outcome,
                status: progress.remote_status,
            });
        }
    }

    pub(super) fn tell(&self, event: DeployingEvent) {
        self.announce(&FarmEvent::Deploying(event));
    }

    /// Tells which import job is a run's.
    pub(super) fn announce_remote_job(&self, item: &DeploymentItem, job: Guid) {
        if let Some(run) = item.run_id() {
            self.tell(DeployingEvent::RemoteJob {
                run,
                name: item.name.clone(),
                job,
            });
        }
    }
}

/// What a report says of a move; none where it says nothing that a reader wants to know.
fn line(
    before: &DeploymentProgress,
    now: &CurrentRun,
    event: &DeploymentEvent,
) -> Option<(Severity, String)> {
    use DeploymentEvent as Event;
    let message = |text: String| Some((Severity::Message, text));
    let progress = &now.progress;
    match event {
        Event::PickedUp => message("the export begins".to_owned()),
        Event::Exported { files: 0 } => {
            message("nothing has changed since the last deployment".to_owned())
        }
        Event::Exported { files } => message(format!("exported {files} packages")),
        Event::Told { url } => message(format!("{url} imports")),
        Event::Created { job } => message(format!("the import job is {job}")),
        Event::Uploaded if progress.uploaded == progress.files => {
            message(format!("uploaded {} packages", progress.files))
        }
        Event::Uploaded => None,
        Event::Started => message("the import is started".to_owned()),
        Event::Polled { status } if before.remote_status == Some(*status) => None,
        Event::Polled { status } => {
            let severity = match status {
                JobStatus::Failure | JobStatus::ImportTimedOut => Severity::Error,
                JobStatus::Success
                | JobStatus::Cancelled
                | JobStatus::ImportInProgress
                | JobStatus::CancelInProgress
                | JobStatus::ImportPreparing => Severity::Message,
            };
            let said = &now.remote_message;
            let said = if said.is_empty() {
                String::new()
            } else {
                format!(": {said}")
            };
            Some((
                severity,
                format!("the target reports {}{said}", status.name()),
            ))
        }
        Event::NotChanged => Some((
            Severity::Error,
            "timed out: the status has not changed for too long".to_owned(),
        )),
        Event::Failed(why) => Some((
            Severity::Error,
            format!("{}: {}", why.step.name(), reason_in_words(&why.reason)),
        )),
        Event::CancelRequested if before.state == progress.state => None,
        Event::CancelRequested => message("a user asks to cancel".to_owned()),
        Event::CancelCalled => message("the target was asked to cancel".to_owned()),
        Event::Deleted { left: Some(why) } => Some((
            Severity::Warning,
            format!(
                "the import job may still be there: {}",
                reason_in_words(why)
            ),
        )),
        Event::Deleted { left: None } => message("the import job is deleted".to_owned()),
        Event::Recovered => Some((
            Severity::Warning,
            "the deployment goes on after it was interrupted".to_owned(),
        )),
    }
}
