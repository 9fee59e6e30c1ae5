//! The right to start tasks that end with their host.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

/// Starts tasks on behalf of one host.
///
/// A simulated host implements it so that a crash ends every task of the host; a library that takes
/// an executor (hyper-util's connection builder, for one) is given a [`Spawner`].
pub trait Spawn: Send + Sync + 'static {
    /// Starts `task`; it runs until it ends or the host does.
    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>);
}

/// A cheap handle to a host's [`Spawn`].
#[derive(Clone)]
pub struct Spawner(Arc<dyn Spawn>);

impl Spawner {
    /// A spawner of the given implementation.
    pub fn new(spawn: impl Spawn) -> Self {
        Self(Arc::new(spawn))
    }

    /// Tasks on the current tokio runtime, for real hosts: they end with the runtime.
    #[must_use]
    pub fn tokio() -> Self {
        Self::new(OnRuntime)
    }

    /// Starts `task`.
    ///
    /// # Panics
    /// With [`Spawner::tokio`], outside a tokio runtime.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.0.spawn(Box::pin(task));
    }
}

impl fmt::Debug for Spawner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Spawner")
    }
}

/// The ambient tokio runtime.
struct OnRuntime;

impl Spawn for OnRuntime {
    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>) {
        tokio::spawn(task);
    }
}
