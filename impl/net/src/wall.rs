//! Civil time, which hosts may disagree about.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

/// One host's wall clock.
///
/// For stamps in messages and logs only. Durations and timers use `tokio::time`: a wall clock may
/// be wrong and may jump (row 40 of the failure table: ids decide, stamps only bound replay).
#[derive(Clone)]
pub struct WallClock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl WallClock {
    /// The operating system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Arc::new(Timestamp::now))
    }

    /// A clock that reads whatever `read` returns.
    pub fn from_fn(read: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    /// What this clock shows now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl fmt::Debug for WallClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WallClock")
    }
}
