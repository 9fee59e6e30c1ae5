//! The tasks of one service, which end with it.

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::host::Host;
use crate::spawner::Spawner;

/// Starts the tasks of one service, and ends them all. Clones are handles to the same tasks, which
/// run on when they are dropped: they end with their host or with [`Tasks::stop`].
#[derive(Clone, Debug)]
pub struct Tasks {
    spawner: Spawner,
    stop: CancellationToken,
    tracker: TaskTracker,
}

impl Tasks {
    /// No tasks yet, on `host`.
    #[must_use]
    pub fn new<N>(host: &Host<N>) -> Self {
        Self {
            spawner: host.spawner.clone(),
            stop: CancellationToken::new(),
            tracker: TaskTracker::new(),
        }
    }

    /// Starts a task that is dropped, wherever it is, when the service stops.
    ///
    /// # Panics
    /// As [`Spawner::spawn`].
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.spawn_with(|stop| async move {
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = task => {}
            }
        });
    }

    /// Starts a task that ends by itself after what it is given is cancelled: the service has not
    /// stopped before.
    ///
    /// # Panics
    /// As [`Spawner::spawn`].
    pub fn spawn_with<F>(&self, task: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let task = task(self.stop.clone());
        self.spawner.spawn(self.tracker.track_future(task));
    }

    /// Ends all tasks. Returns when nothing runs any more.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}
