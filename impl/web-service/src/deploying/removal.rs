//! The end of a job: its import logs at the target first, then everything here.
//!
//! The wish is on record before the target is asked, and the job until the target has answered: a
//! crash in between loses nothing. The target is asked again then, which is harmless (CD-34).

use std::collections::BTreeSet;

use portcullis_net::Net;
use portcullis_store::{Record, Store, Stored};

use super::calls::Calls;
use super::definition::DeploymentPath;
use super::service::DeploymentService;
use crate::client::{CallError, reason_in_words};
use crate::message::{Guid, Request};
use crate::observe::DeployingEvent;
use crate::records::{
    CancelDeployment, DeploymentItem, DeploymentReport, ExportedPackages, Severity,
};
use crate::services::{Services, Unmoved};
use crate::work::Exporter;

#[expect(
    clippy::multiple_inherent_impl,
    reason = "one file for each concern of the services"
)]
impl<S: Store> Services<S> {
    /// Records that a job is to go. As with a run, the item comes first: what is missing after an
    /// interruption is the timer job, which the timer service adds.
    pub(super) async fn order_removal(
        &self,
        found: &Stored<DeploymentItem>,
    ) -> Result<(), Unmoved> {
        if found.record.is_busy() {
            return Err(Unmoved::Illegal);
        }
        let item = DeploymentItem {
            is_leaving: true,
            ..found.record.clone()
        };
        let batch = self.replacing(found, &item).await?;
        self.commit::<DeploymentItem>(batch).await?;
        self.order_timer_job(&item).await
    }

    /// Removes a job and what is recorded of its runs, all at once.
    pub(super) async fn forget(&self, found: &Stored<DeploymentItem>) -> Result<(), Unmoved> {
        let item = &found.record;
        let key = item.key();
        let mut batch = self
            .batch()
            .await?
            .expect_revision::<DeploymentItem>(&key, found.revision)
            .delete::<DeploymentItem>(&key);
        let reports = self.load_all::<DeploymentReport>().await?;
        let reports = reports.iter().map(|report| report.record.run);
        let runs = reports.filter(|run| run.job == item.id);
        for run in runs.chain(item.run_id()).collect::<BTreeSet<_>>() {
            let key = DeploymentReport::key_of(run);
            batch = batch
                .delete::<DeploymentReport>(&key)
                // A wish may have come when the run had just ended.
                .delete::<CancelDeployment>(&key)
                .delete::<ExportedPackages>(&key);
        }
        self.commit::<DeploymentItem>(batch).await?;
        let name = item.name.clone();
        self.tell(DeployingEvent::Removed { name });
        Ok(())
    }

    /// Keeps a job because its import logs may be left, and says so in its log.
    pub(super) async fn keep(
        &self,
        found: &Stored<DeploymentItem>,
        why: String,
    ) -> Result<(), Unmoved> {
        let item = DeploymentItem {
            is_leaving: false,
            ..found.record.clone()
        };
        let mut batch = self.replacing(found, &item).await?;
        if let Some(run) = item.run_id() {
            let why = reason_in_words(&why);
            let text = format!("not deleted, import logs may be left at the target: {why}");
            let line = self.line(Severity::Warning, &text);
            batch = self.with_line(batch, run, line).await?;
        }
        self.commit::<DeploymentItem>(batch).await?;
        let name = item.name;
        self.tell(DeployingEvent::Kept { name, why });
        Ok(())
    }
}

#[expect(
    clippy::multiple_inherent_impl,
    reason = "one file for each concern of the service"
)]
impl<N: Net, S: Store, E: Exporter> DeploymentService<N, S, E> {
    /// Has the target delete a job's import logs, and removes the job; or keeps it, if they may be
    /// left.
    pub(super) async fn remove(
        &self,
        found: &Stored<DeploymentItem>,
        path: &DeploymentPath,
    ) -> Result<(), Unmoved> {
        match self.delete_logs(found.record.id, path).await {
            Ok(()) => self.services.forget(found).await,
            Err(why) => self.services.keep(found, why).await,
        }
    }

    /// CD-33, CD-37: the logs of all imports of the job, at the server that imports by now (CD-18).
    async fn delete_logs(&self, job: Guid, path: &DeploymentPath) -> Result<(), String> {
        let calls = self.calls_to(path, &path.administration_url)?;
        let url = match calls.server_url().await {
            Ok(url) => url,
            // CD-54: a farm that takes no jobs any more has their logs all the same, and any of its
            // servers deletes them.
            Err(CallError::Fault(_)) => path.administration_url.clone(),
            Err(error) => return Err(error.reason()),
        };
        let calls = self.calls_to(path, &url)?;
        let request = Request::DeleteImportLogs { source_job: job };
        let answer = calls.insist(&request).await;
        answer.map(|_| ()).map_err(|error| error.reason())
    }

    /// What is said to the Central Administration at `url`.
    pub(super) fn calls_to(&self, path: &DeploymentPath, url: &str) -> Result<Calls<N>, String> {
        let client = self.targets.client(path, url);
        let client = client.map_err(|why| why.to_string())?;
        Ok(Calls::new(client, &self.services.config.deployments))
    }
}
