//! One run, from wherever its item says it is to its end.

use std::time::Duration;

use portcullis_net::Net;
use portcullis_store::{Record, Store, Stored};
use tokio::time::{Instant, sleep, sleep_until};

use super::calls::{Calls, Earlier, Package, failed};
use super::definition::{DeploymentPath, KeepPackages};
use super::service::DeploymentService;
use crate::client::CallError;
use crate::message::{Guid, NewJob, RemoteJobStatus, Request, Response, UploadTarget, Violation};
use crate::records::{
    CancelDeployment, CurrentRun, DeploymentItem, DeploymentReport, ExportedPackages, PathItem,
};
use crate::services::{Again, Unanswered, Unmoved};
use crate::state::{
    DeploymentEffect, DeploymentEvent, DeploymentOutcome, DeploymentProgress, DeploymentState,
    DeploymentStep,
};
use crate::work::{ExportOrder, Exporter, RunId, StoredFile};

/// A change that arrives exactly at the deadline counts, so the timer fires after it.
const TICK: Duration = Duration::from_millis(1);

/// A run as it is known in this life.
struct Run {
    id: RunId,
    item: Stored<DeploymentItem>,
    path: PathItem,
    /// CD-50: when it has timed out; counted by a clock that nobody sets.
    deadline: Instant,
    /// When the status is asked for next.
    due: Instant,
    /// What the target said in the poll that led to the event at hand.
    polled: Option<RemoteJobStatus>,
    /// What was exported, once it is needed.
    packages: Vec<StoredFile>,
}

impl Run {
    fn progress(&self) -> Option<&DeploymentProgress> {
        self.item.record.run.as_ref().map(|run| &run.progress)
    }

    fn path(&self) -> &DeploymentPath {
        &self.path.path
    }
}

#[expect(
    clippy::multiple_inherent_impl,
    reason = "one file for each concern of the service"
)]
impl<N: Net, S: Store, E: Exporter> DeploymentService<N, S, E> {
    /// Carries out a run of the job `name`; returns when there is nothing left to do.
    pub(super) async fn deploy(&self, name: &str, run: RunId) {
        let timers = self.services.config.timers;
        loop {
            match self.resume(name, run).await {
                Ok(()) => return,
                // The desk has moved the item: look again.
                Err(Unmoved::Refused) => {}
                Err(Unmoved::Illegal) => sleep(timers.timer_service).await,
                Err(Unmoved::Unanswered) => sleep(timers.database_retry).await,
            }
        }
    }

    /// Takes the run up where its item says it is.
    async fn resume(&self, name: &str, id: RunId) -> Result<(), Unmoved> {
        let Some(item) = self.services.deployment(name).await? else {
            return Ok(());
        };
        let Some(path) = self.services.load::<PathItem>(&item.record.path).await? else {
            return Ok(());
        };
        if item.record.run_id() != Some(id) {
            return Ok(());
        }
        if item.record.is_leaving {
            return self.remove(&item, &path.record.path).await;
        }
        let now = Instant::now();
        let mut run = Run {
            id,
            item,
            path: path.record,
            deadline: now,
            due: now,
            polled: None,
            packages: Vec::new(),
        };
        run.deadline = after(now, self.time_left(&run));
        let state = run.progress().map(|progress| progress.state);
        let mut event = match state {
            Some(DeploymentState::Preparing) => DeploymentEvent::PickedUp,
            Some(_) | None => DeploymentEvent::Recovered,
        };
        while let Some(effect) = self.advance(&mut run, &event).await? {
            let Some(next) = self.carry_out(effect, &mut run).await? else {
                return Ok(());
            };
            event = next;
        }
        Ok(())
    }

    /// Records a move, and restarts the timers that it concerns.
    async fn advance(
        &self,
        run: &mut Run,
        event: &DeploymentEvent,
    ) -> Result<Option<DeploymentEffect>, Unmoved> {
        let before = run.progress().cloned();
        let polled = run.polled.take();
        let effects = loop {
            let services = &self.services;
            let moved = services.move_run(&mut run.item, event, polled.as_ref());
            match moved.await {
                Err(Unmoved::Refused) if services.reread(&mut run.item).await? => {}
                moved => break moved?,
            }
        };
        let changed = |progress: &DeploymentProgress| {
            (progress.changed_ms, progress.state, progress.remote_status)
        };
        let before = before.as_ref().map(changed);
        let now = run.progress().map(changed);
        let is_change = match (before, now) {
            (Some((before_ms, _, last)), Some((now_ms, _, status))) => {
                // CD-50: the first status is no change, RunJob's answer is the start.
                before_ms != now_ms || (last.is_some() && last != status)
            }
            _ => false,
        };
        if is_change && *event != DeploymentEvent::Recovered {
            run.deadline = after(Instant::now(), self.timeout(run));
        }
        if *event == DeploymentEvent::Started {
            run.due = after(Instant::now(), self.interval(run));
        }
        Ok(effects.first().copied())
    }

    /// Does what is to be done next, and says what came of it; none when the run is over.
    async fn carry_out(
        &self,
        effect: DeploymentEffect,
        run: &mut Run,
    ) -> Result<Option<DeploymentEvent>, Unmoved> {
        let event = match effect {
            DeploymentEffect::Export => self.export(run).await?,
            DeploymentEffect::Ask => self.ask(run).await,
            DeploymentEffect::Upload => self.upload(run).await?,
            DeploymentEffect::Poll => self.poll(run).await,
            // These are not given up on the way: what they have done has to be known.
            DeploymentEffect::Create => self.create(run).await,
            DeploymentEffect::Run => self.start(run).await,
            DeploymentEffect::Cancel => self.cancel(run).await,
            DeploymentEffect::Delete => self.delete(run).await,
            DeploymentEffect::Clean => {
                self.clean(run).await;
                return Ok(None);
            }
        };
        Ok(Some(event))
    }

    async fn export(&self, run: &Run) -> Result<DeploymentEvent, Unmoved> {
        let order = self.order(run);
        let exported = tokio::select! {
            biased;
            () = self.cancel_requested(run) => return Ok(DeploymentEvent::CancelRequested),
            exported = self.exporter.export(&order) => exported,
        };
        let files = match exported {
            Ok(files) => files,
            Err(why) => {
                let why = failed(DeploymentStep::Export, why.to_string());
                return Ok(DeploymentEvent::Failed(why));
            }
        };
        let count = u32::try_from(files.len()).unwrap_or(u32::MAX);
        let packages = ExportedPackages { run: run.id, files };
        let batch = self.services.batch().await?.put(&packages)?;
        self.services.commit::<ExportedPackages>(batch).await?;
        Ok(DeploymentEvent::Exported { files: count })
    }

    /// (2)
    async fn ask(&self, run: &Run) -> DeploymentEvent {
        let url = &run.path().administration_url;
        let calls = match self.calls(run.path(), url) {
            Ok(calls) => calls,
            Err(failed) => return failed,
        };
        let told = tokio::select! {
            biased;
            () = self.cancel_requested(run) => return DeploymentEvent::CancelRequested,
            told = calls.server_url() => told,
        };
        match told {
            Ok(url) => match self.calls(run.path(), &url) {
                Ok(_) => DeploymentEvent::Told { url },
                Err(failed) => failed,
            },
            Err(error) => DeploymentEvent::Failed(failed(DeploymentStep::Ask, error.reason())),
        }
    }

    /// (3): `CreateJob`.
    async fn create(&self, run: &Run) -> DeploymentEvent {
        let path = run.path();
        let order = NewJob {
            description: run.item.record.name.clone(),
            // CD-37
            source_id: run.item.record.id,
            destination_server_url: path.target.server_url.clone(),
            destination_site_collection: path.target.site_collection.clone(),
            include_security: path.include_security,
            include_user_info_date_time: path.include_user_info_date_time,
            enable_event_receivers: path.enable_event_receivers,
            file_compression: path.file_compression,
        };
        let calls = match self.remote(run) {
            Ok(calls) => calls,
            Err(failed) => return failed,
        };
        match calls.insist(&Request::CreateJob(order)).await {
            Ok(Response::CreateJob(job)) => {
                self.services.announce_remote_job(&run.item.record, job);
                DeploymentEvent::Created { job }
            }
            other => not_done(DeploymentStep::Create, other),
        }
    }

    /// (5): the next package.
    async fn upload(&self, run: &mut Run) -> Result<DeploymentEvent, Unmoved> {
        let failure = |reason: &str| {
            Ok(DeploymentEvent::Failed(failed(
                DeploymentStep::Upload,
                reason,
            )))
        };
        // Read once in a life: there may be thousands.
        if run.packages.is_empty() {
            let key = DeploymentReport::key_of(run.id);
            let packages = self.services.load::<ExportedPackages>(&key).await?;
            run.packages = packages.map_or_else(Vec::new, |packages| packages.record.files);
        }
        let run = &*run;
        let next = run.progress().map_or(0, |progress| progress.uploaded);
        let file = usize::try_from(next)
            .ok()
            .and_then(|next| run.packages.get(next));
        let job = run.progress().and_then(|progress| progress.remote_job);
        let (Some(file), Some(job)) = (file, job) else {
            return failure("a package is gone");
        };
        let calls = match self.remote(run) {
            Ok(calls) => calls,
            Err(failed) => return Ok(failed),
        };
        let target = UploadTarget {
            file: file.name.clone(),
            job,
        };
        let open = || async {
            let package = self.exporter.open(run.id, &file.name).await;
            package.map_err(|why| why.to_string())
        };
        tokio::select! {
            biased;
            () = self.cancel_requested(run) => Ok(DeploymentEvent::CancelRequested),
            sent = calls.upload::<Package<E>, _>(&target, file.octets, open) => match sent {
                Ok(()) => Ok(DeploymentEvent::Uploaded),
                Err(reason) => failure(&reason),
            },
        }
    }

    /// (3): `RunJob`.
    async fn start(&self, run: &Run) -> DeploymentEvent {
        let progress = run.progress();
        let earlier = if progress.is_some_and(|progress| progress.run_may_have_started) {
            Earlier::Perhaps
        } else {
            Earlier::No
        };
        let (calls, job) = match self.remote_job(run) {
            Ok(remote) => remote,
            Err(failed) => return failed,
        };
        match calls.run(job, earlier).await {
            Ok(()) => DeploymentEvent::Started,
            Err(error) => DeploymentEvent::Failed(failed(DeploymentStep::Run, error.reason())),
        }
    }

    /// (6): the next status, unless it does not change in time.
    async fn poll(&self, run: &mut Run) -> DeploymentEvent {
        let (calls, job) = match self.remote_job(run) {
            Ok(remote) => remote,
            Err(failed) => return failed,
        };
        let request = Request::GetJobStatus { job };
        let (deadline, interval) = (run.deadline, self.interval(run));
        let mut due = run.due;
        let status = async {
            loop {
                sleep_until(due).await;
                // CD-49: from one call to the next.
                due = after(Instant::now(), interval);
                match calls.call(&request).await {
                    Ok(Response::GetJobStatus(told)) => return Ok(told),
                    Err(error) if error.names(&Violation::UnknownJob) => {
                        return Err(failed(DeploymentStep::Poll, error.reason()));
                    }
                    // A poll that fails is one poll less.
                    Ok(_) | Err(_) => {}
                }
            }
        };
        // CD-50: the deadline does not wait for polls that fail or hang.
        let event = tokio::select! {
            biased;
            told = status => match told {
                Ok(told) if Instant::now() <= deadline => {
                    let status = told.status;
                    run.polled = Some(told);
                    DeploymentEvent::Polled { status }
                }
                Ok(_) => DeploymentEvent::NotChanged,
                Err(why) => DeploymentEvent::Failed(why),
            },
            () = sleep_until(after(deadline, TICK)) => DeploymentEvent::NotChanged,
            () = self.cancel_requested(run) => DeploymentEvent::CancelRequested,
        };
        run.due = due;
        event
    }

    async fn cancel(&self, run: &Run) -> DeploymentEvent {
        let (calls, job) = match self.remote_job(run) {
            Ok(remote) => remote,
            Err(failed) => return failed,
        };
        let request = Request::CancelJob { job };
        let asking = async {
            loop {
                match calls.call(&request).await {
                    Err(error) if error.may_pass() => calls.rest().await,
                    // A fault is an answer, too: it came too late.
                    Ok(_) | Err(_) => return,
                }
            }
        };
        tokio::select! {
            biased;
            () = asking => DeploymentEvent::CancelCalled,
            () = sleep_until(after(run.deadline, TICK)) => DeploymentEvent::NotChanged,
        }
    }

    /// (3): `DeleteJob` (CD-52).
    async fn delete(&self, run: &Run) -> DeploymentEvent {
        let outcome = run
            .progress()
            .and_then(|progress| progress.outcome.as_ref());
        if outcome == Some(&DeploymentOutcome::Succeeded) {
            // Where this fails, the next incremental export has too much, never too little.
            self.exporter.deployed(&self.order(run)).await.ok();
        }
        let Ok((calls, job)) = self.remote_job(run) else {
            return DeploymentEvent::Deleted { left: None };
        };
        let left = match calls.insist(&Request::DeleteJob { job }).await {
            Ok(_) => None,
            // It is gone already.
            Err(error) if error.names(&Violation::UnknownJob) => None,
            Err(error) => Some(error.reason()),
        };
        DeploymentEvent::Deleted { left }
    }

    async fn clean(&self, run: &Run) {
        let is_success = run
            .progress()
            .is_some_and(|progress| progress.state == DeploymentState::Succeeded);
        let stay = match run.path().keep_packages {
            KeepPackages::Never => false,
            KeepPackages::OnFailure => !is_success,
            KeepPackages::Always => true,
        };
        if !stay {
            self.exporter.clean(run.id).await;
        }
    }

    /// Returns when a user has asked to cancel, unless the target has been told already.
    async fn cancel_requested(&self, run: &Run) {
        let is_called = |current: &CurrentRun| current.progress.cancel_is_called;
        if run.item.record.run.as_ref().is_some_and(is_called) {
            return std::future::pending().await;
        }
        let key = CancelDeployment { run: run.id }.key();
        let interval = self.services.config.timers.timer_service;
        let mut looks = self.services.looks(interval).at::<CancelDeployment>();
        loop {
            let again = match self.services.load::<CancelDeployment>(&key).await {
                Ok(Some(_)) => return,
                Ok(None) => Again::WhenChanged,
                // A database that does not answer has nothing to say yet.
                Err(Unanswered) => Again::Soon,
            };
            looks.rest(again, std::future::pending()).await;
        }
    }

    /// What is said to the Central Administration at `url`.
    fn calls(&self, path: &DeploymentPath, url: &str) -> Result<Calls<N>, DeploymentEvent> {
        let calls = self.calls_to(path, url);
        calls.map_err(|why| DeploymentEvent::Failed(failed(DeploymentStep::Ask, why)))
    }

    /// What is said to the import server.
    fn remote(&self, run: &Run) -> Result<Calls<N>, DeploymentEvent> {
        let url = run
            .progress()
            .and_then(|progress| progress.server_url.clone());
        self.calls(run.path(), &url.unwrap_or_default())
    }

    /// The same, with the import job.
    fn remote_job(&self, run: &Run) -> Result<(Calls<N>, Guid), DeploymentEvent> {
        let job = run.progress().and_then(|progress| progress.remote_job);
        Ok((self.remote(run)?, job.unwrap_or(Guid::NIL)))
    }

    fn order(&self, run: &Run) -> ExportOrder {
        ExportOrder {
            run: run.id,
            path: run.path.id,
            source: run.path().source.clone(),
            kind: run.item.record.kind,
            is_compressed: run.path().file_compression,
            package_octets_max: self.services.config.deployments.package_octets_max,
        }
    }

    fn interval(&self, run: &Run) -> Duration {
        let of_path = run.path().polling_interval;
        of_path.unwrap_or(self.services.config.deployments.polling_interval)
    }

    fn timeout(&self, run: &Run) -> Duration {
        let of_path = run.path().timeout;
        of_path.unwrap_or(self.services.config.deployments.timeout)
    }

    /// How much of the timeout is left to a run of an earlier life, by the wall clock: nothing else
    /// tells how long nobody was there. A clock that was set makes it at most as long as it was.
    fn time_left(&self, run: &Run) -> Duration {
        let timeout = self.timeout(run);
        let Some(changed_ms) = run.progress().and_then(|progress| progress.changed_ms) else {
            return timeout;
        };
        let now_ms = self.services.now().as_millisecond();
        let spent_ms = u64::try_from(now_ms.saturating_sub(changed_ms)).unwrap_or(0);
        timeout.saturating_sub(Duration::from_millis(spent_ms))
    }
}

/// `span` after `instant`, or in a very long time.
fn after(instant: Instant, span: Duration) -> Instant {
    let century = Duration::from_secs(100 * 365 * 24 * 3600);
    let later = instant.checked_add(span.min(century));
    later.unwrap_or(instant)
}

/// Why a call has not done what it was to do.
fn not_done(step: DeploymentStep, answer: Result<Response, CallError>) -> DeploymentEvent {
    let reason = match answer {
        // The client has compared the answer with what was asked.
        Ok(_) => CallError::Malformed.reason(),
        Err(error) => error.reason(),
    };
    DeploymentEvent::Failed(failed(step, reason))
}
