//! Holds, by turmoil's own means: what its links keep back, they deliver at the release.

use super::conductor::{Conductor, position};
use super::ether::Partition;
use crate::engine::outcome::EngineError;

#[expect(
    clippy::multiple_inherent_impl,
    reason = "one file for each means of turmoil"
)]
impl Conductor {
    pub(super) fn hold(
        &self,
        name: &str,
        from: &[String],
        to: &[String],
    ) -> Result<(), EngineError> {
        self.release(name);
        let mut pairs = Vec::new();
        for one in from {
            for other in to {
                let pair = (position(&self.names, one)?, position(&self.names, other)?);
                self.sim
                    .hold(self.names.address(pair.0.0), self.names.address(pair.1.0));
                // turmoil holds both directions.
                pairs.extend([pair, (pair.1, pair.0)]);
            }
        }
        let name = name.into();
        self.ether.lock().holds.push(Partition { name, pairs });
        Ok(())
    }

    /// Whether there was a hold of that name.
    pub(super) fn release(&self, name: &str) -> bool {
        let mut state = self.ether.lock();
        let mut holds = state.holds.iter();
        let Some(index) = holds.position(|hold| hold.name.as_str() == name) else {
            return false;
        };
        let released = state.holds.remove(index);
        for pair in released.pairs {
            // Another hold may still keep back what is between the two.
            if !state.holds.iter().any(|hold| hold.pairs.contains(&pair)) {
                let (one, other) = (pair.0.0, pair.1.0);
                self.sim
                    .release(self.names.address(one), self.names.address(other));
            }
        }
        true
    }
}
