//! The timer service: runs timer jobs that are due, and tidies up. Knows of the worker only what
//! stands in the databases.

mod import;
mod lease;
mod sweep;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use portcullis_net::Tasks;
use portcullis_store::{Revision, Store, Stored};
use tokio::time::{Instant, sleep};

use crate::message::Guid;
use crate::records::{CancelRequest, ImportJob, Removal, TimerJob};
use crate::running::Running;
use crate::services::{Again, Services, Unanswered, Unmoved};
use crate::state::{Owner, TimerEvent, TimerState};
use crate::work::{Depot, Importer, SiteName};

/// How often timer jobs are looked for until errands are, which do not hurry.
const LOOKS_PER_ERRAND: u32 = 10;

/// How long sweeps are apart, at most.
const SWEEP_MAX: Duration = Duration::from_secs(3600);

/// The timer service of an import server.
#[derive(Debug)]
pub(crate) struct TimerService<S, D, I> {
    services: Services<S>,
    depot: D,
    importer: I,
    tasks: Tasks,
    /// The jobs whose imports run here.
    running: Running<Guid>,
}

/// What the timer service has seen of timer jobs that others run: which revision, and since when.
type Watched = BTreeMap<Guid, (Revision, Instant)>;

impl<S: Store, D: Depot, I: Importer> TimerService<S, D, I> {
    /// Starts a timer service, as one of `tasks`.
    pub(crate) fn start(services: Services<S>, depot: D, importer: I, tasks: Tasks) {
        let service = Arc::new(Self {
            services,
            depot,
            importer,
            tasks,
            running: Running::default(),
        });
        let tasks = &service.tasks;
        tasks.spawn(Arc::clone(&service).serve_jobs());
        tasks.spawn(Arc::clone(&service).serve_errands());
        tasks.spawn(Arc::clone(&service).serve_sweeps());
    }

    /// Looks for timer jobs, again and again.
    async fn serve_jobs(self: Arc<Self>) {
        let interval = self.services.config.timers.timer_service;
        let mut looks = self.services.looks(interval).at::<TimerJob>();
        let mut watched = Watched::new();
        loop {
            let look = self.run_jobs(&mut watched).await;
            looks.rest_after(look, self.running.ended()).await;
        }
    }

    /// Looks for what workers have left to do, again and again.
    async fn serve_errands(self: Arc<Self>) {
        let interval = self.services.config.timers.timer_service;
        let mut looks = self
            .services
            .looks(interval.saturating_mul(LOOKS_PER_ERRAND))
            .at::<CancelRequest>()
            .at::<Removal>();
        loop {
            let look = self.run_errands().await;
            looks.rest_after(look, std::future::pending()).await;
        }
    }

    /// Removes what nobody needs any more, again and again.
    async fn serve_sweeps(self: Arc<Self>) {
        let timers = self.services.config.timers;
        let kept = self.services.config.temporary_files_kept;
        let rest = kept.min(SWEEP_MAX).max(timers.timer_service);
        loop {
            match self.sweep().await {
                Ok(()) => sleep(rest).await,
                Err(Unanswered) => sleep(timers.database_retry).await,
            }
        }
    }

    /// Claims what is due or abandoned, and starts its import.
    async fn run_jobs(self: &Arc<Self>, watched: &mut Watched) -> Result<Again, Unanswered> {
        let mut jobs = self.services.load_all::<TimerJob>().await?;
        let owner = self.services.owner().await?;
        // In the order in which RunJob was called, what runs already before what is due.
        jobs.sort_by_key(|timer_job| (is_due(timer_job), timer_job.revision));
        let waits = jobs.iter().any(is_due);
        let is_contended = waits && jobs.iter().filter(|found| is_open(found)).count() > 1;
        let mut busy = BTreeSet::new();
        let mut still_watched = Watched::new();
        for timer_job in jobs {
            let job = timer_job.record.job;
            let progress = &timer_job.record.progress;
            if is_contended && is_open(&timer_job) {
                // Two imports into one site collection would leave a mixture: one waits.
                let is_free = match self.site(job).await? {
                    Some(site) => busy.insert(site),
                    None => true,
                };
                if !is_free && is_due(&timer_job) {
                    continue;
                }
            }
            let event = match progress.state {
                TimerState::Stopped | TimerState::Done | TimerState::Withdrawn => continue,
                TimerState::Due => TimerEvent::Claimed(owner.clone()),
                TimerState::Running if self.running.contains(&job) => continue,
                // Of an earlier life, or given up here when its lease had ended.
                TimerState::Running if is_of(progress.owner.as_ref(), &owner.server) => {
                    TimerEvent::TakenOver(owner.clone())
                }
                TimerState::Running => {
                    let seen = watched.get(&job).copied();
                    let since = match seen {
                        Some((revision, since)) if revision == timer_job.revision => since,
                        Some(_) | None => Instant::now(),
                    };
                    still_watched.insert(job, (timer_job.revision, since));
                    if since.elapsed() < self.services.config.timers.lease {
                        continue;
                    }
                    TimerEvent::TakenOver(owner.clone())
                }
            };
            if self.running.count() < self.services.config.limits.imports_max {
                self.claim(&timer_job, &event).await?;
            }
        }
        // What waits may be free next time, and a lease ends by itself.
        let again = if waits || !still_watched.is_empty() {
            Again::Soon
        } else {
            Again::WhenChanged
        };
        *watched = still_watched;
        Ok(again)
    }

    /// Where a job imports to, if it is still there.
    async fn site(&self, job: Guid) -> Result<Option<SiteName>, Unanswered> {
        let item = self.services.load::<ImportJob>(&job.to_string()).await?;
        Ok(item.map(|item| SiteName::of(&item.record.order)))
    }

    /// Of several servers that claim a timer job, the database lets one succeed.
    async fn claim(
        self: &Arc<Self>,
        timer_job: &Stored<TimerJob>,
        event: &TimerEvent,
    ) -> Result<(), Unanswered> {
        let asked = Instant::now();
        match self.services.move_timer_job(timer_job, event).await {
            Ok(claimed) => {
                let running = self.running.begin(claimed.record.job);
                let service = Arc::clone(self);
                self.tasks.spawn(async move {
                    service.run(claimed, asked).await;
                    drop(running);
                });
                Ok(())
            }
            Err(Unmoved::Illegal | Unmoved::Refused) => Ok(()),
            Err(Unmoved::Unanswered) => Err(Unanswered),
        }
    }
}

fn is_due(timer_job: &Stored<TimerJob>) -> bool {
    timer_job.record.progress.state == TimerState::Due
}

/// Whether it runs or wants to.
fn is_open(timer_job: &Stored<TimerJob>) -> bool {
    let state = timer_job.record.progress.state;
    matches!(state, TimerState::Due | TimerState::Running)
}

fn is_of(owner: Option<&Owner>, server: &str) -> bool {
    owner.is_some_and(|owner| owner.server == server)
}
