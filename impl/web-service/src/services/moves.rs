//! Moves of import jobs and timer jobs: decided by the tables, durable, then announced.

use portcullis_store::{Batch, Record, Revision, Store, Stored};

use super::{Services, Unanswered, Unmoved, report};
use crate::message::Guid;
use crate::observe::FarmEvent;
use crate::records::{
    CancelRequest, FileNumber, ImportJob, ImportLog, ImportLogs, JobReport, Removal, TimerJob,
    UploadedFile,
};
use crate::state::{Illegal, JobEffect, JobEvent, JobState, TimerEvent};
use crate::work::StoredFile;

/// An import job as read, with its report.
#[derive(Clone, Debug)]
pub(crate) struct JobItem {
    pub(crate) job: ImportJob,
    pub(crate) report: JobReport,
    pub(crate) revision: Revision,
}

impl JobItem {
    pub(crate) const fn state(&self) -> JobState {
        self.job.progress.state
    }

    /// Counts an object as placed without recording it yet; the next move does.
    pub(crate) fn place<S>(&mut self, services: &Services<S>) -> Result<(), Illegal> {
        let placed = self.job.progress.on(&JobEvent::Placed, services.now());
        (self.job.progress, _) = placed?;
        Ok(())
    }
}

#[expect(
    clippy::multiple_inherent_impl,
    reason = "one file for each concern of the services"
)]
impl<S: Store> Services<S> {
    /// An import job with its report, if it is there.
    pub(crate) async fn item(&self, job: Guid) -> Result<Option<JobItem>, Unanswered> {
        let key = job.to_string();
        let Some(found) = self.load::<ImportJob>(&key).await? else {
            return Ok(None);
        };
        let report = self.load::<JobReport>(&key).await?;
        let nothing = || JobReport {
            job,
            lines: Vec::new(),
        };
        Ok(Some(JobItem {
            job: found.record,
            report: report.map_or_else(nothing, |report| report.record),
            revision: found.revision,
        }))
    }

    /// Moves an import job; recorded when it returns what is to be done next.
    pub(crate) async fn apply(
        &self,
        item: &mut JobItem,
        event: &JobEvent,
    ) -> Result<&'static [JobEffect], Unmoved> {
        let now = self.now();
        let (progress, effects) = item.job.progress.on(event, now)?;
        // An owner that has just taken the job over writes it also where nothing changes: whoever
        // had it before is refused from then on.
        if progress == item.job.progress && *event != JobEvent::Recovered {
            return Ok(effects);
        }
        let from = item.state();
        let mut next = item.clone();
        next.job.progress = progress;
        next.job.changed_ms = now.as_millisecond();
        next.report
            .lines
            .extend(report::line(&next.job, event, now));
        let key = item.job.key();
        let mut batch = self
            .batch()
            .await?
            .expect_revision::<ImportJob>(&key, item.revision)
            .put(&next.job)?
            .put(&next.report)?;
        if from != next.state() {
            batch = self.on_entering(batch, &next).await?;
        }
        next.revision = self.commit::<ImportJob>(batch).await?.revision;
        *item = next;
        if from != item.state() {
            self.announce(&FarmEvent::Job {
                job: item.job.job,
                from: from.name(),
                to: item.state().name(),
                reason: item.job.progress.failure.as_ref().map(ToString::to_string),
            });
        }
        Ok(effects)
    }

    /// What is written besides when a job enters another state.
    async fn on_entering(&self, batch: Batch, item: &JobItem) -> Result<Batch, Unmoved> {
        let job = item.job.job;
        match item.state() {
            JobState::CancelInProgress => Ok(batch.put(&CancelRequest { job })?),
            JobState::Cancelled | JobState::Succeeded | JobState::Failed | JobState::TimedOut => {
                let batch = batch.delete::<CancelRequest>(&item.job.key());
                self.with_log(batch, item).await
            }
            JobState::Created
            | JobState::Verifying
            | JobState::Decompressing
            | JobState::Placing => Ok(batch),
        }
    }

    /// Adds the log of a job that has ended to those of its source job.
    async fn with_log(&self, batch: Batch, item: &JobItem) -> Result<Batch, Unmoved> {
        let source = item.job.order.source_id;
        let key = source.to_string();
        let found = self.load::<ImportLogs>(&key).await?;
        let batch = match &found {
            Some(found) => batch.expect_revision::<ImportLogs>(&key, found.revision),
            None => batch.expect_absent::<ImportLogs>(&key),
        };
        let mut logs = found.map_or_else(Vec::new, |found| found.record.logs);
        logs.push(ImportLog {
            job: item.job.job,
            lines: item.report.lines.clone(),
        });
        let kept = usize::try_from(self.config.reports_kept).unwrap_or(usize::MAX);
        let too_many = logs.len().saturating_sub(kept);
        logs.drain(..too_many);
        Ok(batch.put(&ImportLogs { source, logs })?)
    }

    /// The timer job of an import job, if it is there.
    pub(crate) async fn timer_job(
        &self,
        job: Guid,
    ) -> Result<Option<Stored<TimerJob>>, Unanswered> {
        self.load::<TimerJob>(&job.to_string()).await
    }

    /// Moves a timer job; recorded when it returns it as it is now.
    pub(crate) async fn move_timer_job(
        &self,
        timer_job: &Stored<TimerJob>,
        event: &TimerEvent,
    ) -> Result<Stored<TimerJob>, Unmoved> {
        let before = &timer_job.record;
        let mut record = TimerJob {
            progress: before.progress.on(event)?,
            ..before.clone()
        };
        let renewed = matches!(event, TimerEvent::Renewed(_));
        if renewed {
            record.renewals = record.renewals.saturating_add(1);
        } else if *event == TimerEvent::Withdrawn && record == *before {
            return Ok(timer_job.clone());
        }
        let batch = self
            .batch()
            .await?
            .expect_revision::<TimerJob>(&before.key(), timer_job.revision)
            .put(&record)?;
        let revision = self.commit::<TimerJob>(batch).await?.revision;
        if !renewed {
            self.announce(&FarmEvent::TimerJob {
                job: record.job,
                from: before.progress.state.name(),
                to: record.progress.state.name(),
            });
        }
        Ok(Stored { record, revision })
    }

    /// Removes a timer job.
    pub(crate) async fn delete_timer_job(&self, found: &Stored<TimerJob>) -> Result<(), Unmoved> {
        let key = found.record.key();
        let batch = self
            .batch()
            .await?
            .expect_revision::<TimerJob>(&key, found.revision)
            .delete::<TimerJob>(&key);
        self.commit::<TimerJob>(batch).await?;
        self.announce(&FarmEvent::TimerJob {
            job: found.record.job,
            from: found.record.progress.state.name(),
            to: "",
        });
        Ok(())
    }

    /// The files that count for a job, by name.
    pub(crate) async fn files(&self, job: &ImportJob) -> Result<Vec<StoredFile>, Unanswered> {
        let mut files = Vec::new();
        for number in 0..job.files {
            let key = FileNumber::key_of(job.job, number);
            let Some(numbered) = self.load::<FileNumber>(&key).await? else {
                continue;
            };
            let key = UploadedFile::key_of(job.job, &numbered.record.name);
            if let Some(file) = self.load::<UploadedFile>(&key).await? {
                files.push(StoredFile {
                    name: file.record.name,
                    octets: file.record.octets,
                });
            }
        }
        files.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(files)
    }

    /// Removes an import job with all that belongs to it, except its log (CD-32) and its folder,
    /// which is noted for the import server.
    pub(crate) async fn delete_item(&self, item: &JobItem) -> Result<(), Unmoved> {
        let (job, key) = (item.job.job, item.job.key());
        let mut batch = self
            .batch()
            .await?
            .expect_revision::<ImportJob>(&key, item.revision)
            .delete::<ImportJob>(&key)
            .delete::<JobReport>(&key)
            .delete::<CancelRequest>(&key)
            .put(&Removal { job })?;
        for file in self.files(&item.job).await? {
            batch = batch.delete::<UploadedFile>(&UploadedFile::key_of(job, &file.name));
        }
        for number in 0..item.job.files {
            batch = batch.delete::<FileNumber>(&FileNumber::key_of(job, number));
        }
        self.commit::<ImportJob>(batch).await?;
        self.announce(&FarmEvent::Job {
            job,
            from: item.state().name(),
            to: "",
            reason: None,
        });
        Ok(())
    }

    /// Forgets that the files of a deleted job are to be removed: they are.
    pub(crate) async fn removed(&self, job: Guid) -> Result<(), Unmoved> {
        let batch = self.batch().await?.delete::<Removal>(&job.to_string());
        self.commit::<Removal>(batch).await.map(|_| ())
    }
}
