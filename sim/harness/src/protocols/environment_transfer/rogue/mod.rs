//! Environments that are deliberately wrong, to prove that the checks see it.

use crate::engine::Boot;
use crate::scenario::Plan;

/// What a rogue does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rogue {
    /// Nothing.
    Honest,
}

pub(super) fn boot(plan: &Plan, host: &str, _: Rogue) -> Boot {
    super::station::boot(plan, host)
}
