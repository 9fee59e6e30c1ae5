//! Holds, by turmoil's own means: what its links keep back, they deliver at the release.

use super::ether::Partition;
use super::links::Links;
use super::stage::{Stage, position};
use crate::engine::outcome::EngineError;

#[expect(
    clippy::multiple_inherent_impl,
    reason = "one file for each means of turmoil"
)]
impl Stage {
    pub(super) fn hold(
        &self,
        name: &str,
        from: &[String],
        to: &[String],
        links: Links<'_>,
    ) -> Result<(), EngineError> {
        self.release(name, links);
        let mut pairs = Vec::new();
        for one in from {
            for other in to {
                let pair = (position(&self.names, one)?, position(&self.names, other)?);
                links.hold(self.names.address(pair.0.0), self.names.address(pair.1.0));
                // turmoil holds both directions.
                pairs.extend([pair, (pair.1, pair.0)]);
            }
        }
        let name = name.into();
        self.ether.lock().holds.push(Partition { name, pairs });
        Ok(())
    }

    /// Whether there was a hold of that name.
    pub(super) fn release(&self, name: &str, links: Links<'_>) -> bool {
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
                links.release(self.names.address(one), self.names.address(other));
            }
        }
        true
    }
}
