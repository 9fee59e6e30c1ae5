//! Work that blocks, and that sees when nobody waits for it any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{DepotError, ExportFailure, ImportFailure};

/// Runs `work` where it may block. It is told to stop when the future is dropped.
#[expect(
    clippy::disallowed_methods,
    reason = "real files, which no simulated run uses"
)]
pub(super) async fn blocking<T, E>(
    work: impl FnOnce(&Stopped) -> Result<T, E> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: From<Abandoned> + Send + 'static,
{
    let stopped = Stopped(Arc::default());
    let _stop = Stop(stopped.clone());
    tokio::task::spawn_blocking(move || work(&stopped))
        .await
        .unwrap_or_else(|_| Err(Abandoned.into()))
}

/// Work did not come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Abandoned;

impl From<Abandoned> for DepotError {
    fn from(_: Abandoned) -> Self {
        Self::Storage
    }
}

impl From<Abandoned> for ExportFailure {
    fn from(_: Abandoned) -> Self {
        Self::Storage
    }
}

impl From<Abandoned> for ImportFailure {
    fn from(_: Abandoned) -> Self {
        Self::Storage
    }
}

/// Tells blocking work, which goes on when its future is dropped, that nobody waits for it.
struct Stop(Stopped);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Release);
    }
}

/// Whether nobody waits any more.
#[derive(Clone)]
pub(super) struct Stopped(Arc<AtomicBool>);

impl Stopped {
    /// Whether somebody still waits.
    pub(super) fn is_wanted(&self) -> bool {
        !self.0.load(Ordering::Acquire)
    }

    /// Ends work that nobody waits for.
    ///
    /// # Errors
    /// [`Abandoned`]; as which failure does not matter, for nobody reads it.
    pub(super) fn check(&self) -> Result<(), Abandoned> {
        if self.is_wanted() {
            Ok(())
        } else {
            Err(Abandoned)
        }
    }
}
