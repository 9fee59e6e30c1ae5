//! Which files count for a job.

use portcullis_store::{Record, Store, Stored};

use super::farm_desk::Inner;
use crate::error::UploadRefusal;
use crate::message::UploadTarget;
use crate::observe::FarmEvent;
use crate::records::{FileNumber, ImportJob, UploadedFile};
use crate::services::{Unanswered, Unmoved};
use crate::state::{JobState, TimerState};
use crate::work::Depot;

impl From<Unanswered> for UploadRefusal {
    fn from(_: Unanswered) -> Self {
        Self::Unavailable
    }
}

#[expect(
    clippy::multiple_inherent_impl,
    reason = "one file for each concern of the desk"
)]
impl<S: Store, D: Depot> Inner<S, D> {
    /// Whether a file of that name and of `octets` octets may come.
    pub(super) async fn admit_upload(
        &self,
        target: &UploadTarget,
        octets: u64,
    ) -> Result<(), UploadRefusal> {
        match self.job_without(target, None).await? {
            Some(job) => self.grown(&job.record, octets).map(|_| ()),
            None => Ok(()),
        }
    }

    /// Makes a file that the depot has count for its job.
    ///
    /// The job item decides: the timer service moves it before it looks for the files, so a file is
    /// recorded before that and is imported, or is refused (CD-48 is the client's half).
    pub(super) async fn record_upload(
        &self,
        target: &UploadTarget,
        octets: u64,
    ) -> Result<(), UploadRefusal> {
        loop {
            let job = match self.job_without(target, Some(octets)).await {
                Ok(Some(job)) => job,
                Ok(None) => return Ok(()),
                // The job was deleted while its file arrived: the folder must not come back.
                Err(UploadRefusal::UnknownJob) => {
                    self.depot.remove(target.job).await.ok();
                    return Err(UploadRefusal::UnknownJob);
                }
                Err(refusal) => return Err(refusal),
            };
            let grown = self.grown(&job.record, octets)?;
            match self.record_file(target, octets, &job, &grown).await {
                Ok(()) => break,
                // Another file of the job was recorded meanwhile, or the job has moved.
                Err(Unmoved::Refused) => {}
                Err(Unmoved::Illegal | Unmoved::Unanswered) => {
                    return Err(UploadRefusal::Unavailable);
                }
            }
        }
        self.services.announce(&FarmEvent::Uploaded {
            job: target.job,
            file: target.file.clone(),
            octets,
        });
        Ok(())
    }

    async fn record_file(
        &self,
        target: &UploadTarget,
        octets: u64,
        job: &Stored<ImportJob>,
        grown: &ImportJob,
    ) -> Result<(), Unmoved> {
        let file = UploadedFile {
            job: target.job,
            name: target.file.clone(),
            octets,
        };
        let number = FileNumber {
            job: target.job,
            number: job.record.files,
            name: target.file.clone(),
        };
        let batch = self
            .services
            .batch()
            .await?
            .expect_revision::<ImportJob>(&grown.key(), job.revision)
            .put(grown)?
            .put(&file)?
            .put(&number)?;
        self.services.commit::<ImportJob>(batch).await.map(|_| ())
    }

    /// The job as it is before it has the file; none when it has it. `octets` is the file's length
    /// where it is known.
    async fn job_without(
        &self,
        target: &UploadTarget,
        octets: Option<u64>,
    ) -> Result<Option<Stored<ImportJob>>, UploadRefusal> {
        let services = &self.services;
        if !services.config.accept_incoming_jobs || !services.config.is_import_server {
            return Err(UploadRefusal::NotAccepting);
        }
        let job = services.load::<ImportJob>(&target.job.to_string()).await?;
        let job = job.ok_or(UploadRefusal::UnknownJob)?;
        let timer_job = services.timer_job(target.job).await?;
        let timer_job = timer_job.ok_or(UploadRefusal::UnknownJob)?;
        let stopped = timer_job.record.progress.state == TimerState::Stopped;
        if !stopped || job.record.progress.state != JobState::Created {
            return Err(UploadRefusal::JobClosed);
        }
        let key = UploadedFile::key_of(target.job, &target.file);
        match (services.load::<UploadedFile>(&key).await?, octets) {
            (None, _) => Ok(Some(job)),
            (Some(known), Some(octets)) if known.record.octets != octets => {
                Err(UploadRefusal::Different)
            }
            (Some(_), _) => Ok(None),
        }
    }

    /// The job with one file more, if it may have it.
    fn grown(&self, job: &ImportJob, octets: u64) -> Result<ImportJob, UploadRefusal> {
        let limits = &self.services.config.limits;
        let files = job.files.saturating_add(1);
        let octets = job.octets.saturating_add(octets);
        let too_many = usize::try_from(files).unwrap_or(usize::MAX) > limits.files_per_job_max;
        if too_many || octets > limits.job_octets_max {
            return Err(UploadRefusal::JobFull);
        }
        Ok(ImportJob {
            files,
            octets,
            changed_ms: self.services.now().as_millisecond(),
            ..job.clone()
        })
    }
}
