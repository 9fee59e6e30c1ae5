//! The timer service: runs timer jobs that are due, and tidies up. Knows of the worker only what
//! stands in the databases.

mod import;
mod lease;
mod sweep;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portcullis_net::{Host, Spawner};
use portcullis_store::{Revision, Store, Stored};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::normal_url;
use crate::message::Guid;
use crate::records::{ImportJob, TimerJob};
use crate::services::{Services, Unanswered, Unmoved};
use crate::state::{Owner, TimerEvent, TimerState};
use crate::work::{Depot, Importer};

/// In one of how many rounds errands are looked for, which do not hurry.
const ROUNDS_PER_ERRAND: u32 = 10;

/// How long sweeps are apart, at most.
const SWEEP_MAX: Duration = Duration::from_secs(3600);

/// The timer service of an import server.
#[derive(Debug)]
pub(crate) struct TimerService<S, D, I> {
    services: Services<S>,
    depot: D,
    importer: I,
    spawner: Spawner,
    stop: CancellationToken,
    tasks: TaskTracker,
    /// The jobs whose imports run here.
    running: Mutex<BTreeSet<Guid>>,
}

/// What the timer service has seen of timer jobs that others run: which revision, and since when.
type Watched = BTreeMap<Guid, (Revision, Instant)>;

impl<S: Store, D: Depot, I: Importer> TimerService<S, D, I> {
    /// A timer service that does not run yet.
    pub(crate) fn new<N>(
        host: &Host<N>,
        services: Services<S>,
        depot: D,
        importer: I,
        stop: CancellationToken,
        tasks: TaskTracker,
    ) -> Arc<Self> {
        Arc::new(Self {
            services,
            depot,
            importer,
            spawner: host.spawner.clone(),
            stop,
            tasks,
            running: Mutex::default(),
        })
    }

    /// Starts it.
    pub(crate) fn start(self: &Arc<Self>) {
        self.spawn(Arc::clone(self).serve());
    }

    /// Looks for work, again and again.
    async fn serve(self: Arc<Self>) {
        let timers = self.services.config.timers;
        let kept = self.services.config.temporary_files_kept;
        let mut watched = Watched::new();
        let mut swept: Option<Instant> = None;
        for number in (0..ROUNDS_PER_ERRAND).cycle() {
            let round = async {
                self.run_jobs(&mut watched).await?;
                if number == 0 {
                    self.run_errands().await?;
                }
                if swept.is_none_or(|swept| swept.elapsed() >= kept.min(SWEEP_MAX)) {
                    self.sweep().await?;
                    swept = Some(Instant::now());
                }
                Ok(())
            };
            let rest = match round.await {
                Ok(()) => timers.timer_service,
                Err(Unanswered) => timers.database_retry,
            };
            sleep(rest).await;
        }
    }

    /// Claims what is due or abandoned, and starts its import.
    async fn run_jobs(self: &Arc<Self>, watched: &mut Watched) -> Result<(), Unanswered> {
        let mut jobs = self.services.load_all::<TimerJob>().await?;
        let owner = self.owner().await?;
        // In the order in which RunJob was called, what runs already before what is due.
        jobs.sort_by_key(|timer_job| {
            let is_due = timer_job.record.progress.state == TimerState::Due;
            (is_due, timer_job.revision)
        });
        let mut busy = BTreeSet::new();
        let mut still_watched = Watched::new();
        for timer_job in jobs {
            let job = timer_job.record.job;
            let progress = &timer_job.record.progress;
            if matches!(progress.state, TimerState::Due | TimerState::Running) {
                // Two imports into one site collection would leave a mixture: one waits.
                let is_free = match self.site(job).await? {
                    Some(site) => busy.insert(site),
                    None => true,
                };
                if !is_free && progress.state == TimerState::Due {
                    continue;
                }
            }
            let event = match progress.state {
                TimerState::Stopped | TimerState::Done | TimerState::Withdrawn => continue,
                TimerState::Due => TimerEvent::Claimed(owner.clone()),
                TimerState::Running if self.running().contains(&job) => continue,
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
            if self.running().len() < self.services.config.limits.imports_max {
                self.claim(&timer_job, &event).await?;
            }
        }
        *watched = still_watched;
        Ok(())
    }

    /// Where a job imports to, if it is still there: web application and site collection.
    async fn site(&self, job: Guid) -> Result<Option<(String, String)>, Unanswered> {
        let item = self.services.load::<ImportJob>(&job.to_string()).await?;
        let order = item.map(|item| item.record.order);
        Ok(order.map(|order| {
            let application = normal_url(&order.destination_server_url);
            (application, order.destination_site_collection)
        }))
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
                let running = Running::begin(self, claimed.record.job);
                let service = Arc::clone(self);
                self.spawn(async move {
                    service.run(claimed, asked).await;
                    drop(running);
                });
                Ok(())
            }
            Err(Unmoved::Illegal | Unmoved::Refused) => Ok(()),
            Err(Unmoved::Unanswered) => Err(Unanswered),
        }
    }

    /// This life of this timer service.
    async fn owner(&self) -> Result<Owner, Unanswered> {
        Ok(Owner {
            server: self.services.config.server.clone(),
            life: self.services.life().await?.number,
        })
    }

    fn running(&self) -> MutexGuard<'_, BTreeSet<Guid>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a task that ends when the server stops.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.spawner.spawn(self.tasks.track_future(async move {
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = task => {}
            }
        }));
    }
}

fn is_of(owner: Option<&Owner>, server: &str) -> bool {
    owner.is_some_and(|owner| owner.server == server)
}

/// The note that an import runs here, until it is dropped.
struct Running<S, D, I> {
    service: Arc<TimerService<S, D, I>>,
    job: Guid,
}

impl<S: Store, D: Depot, I: Importer> Running<S, D, I> {
    fn begin(service: &Arc<TimerService<S, D, I>>, job: Guid) -> Self {
        service.running().insert(job);
        Self {
            service: Arc::clone(service),
            job,
        }
    }
}

impl<S, D, I> Drop for Running<S, D, I> {
    fn drop(&mut self) {
        let running = self.service.running.lock();
        running
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.job);
    }
}
