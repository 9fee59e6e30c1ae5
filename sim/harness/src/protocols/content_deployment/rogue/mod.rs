//! Farms that are deliberately wrong, to prove that the checks see it.

use crate::engine::Boot;
use crate::scenario::Plan;

use super::station;

/// What a rogue does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rogue {
    /// Nothing: the control.
    Nothing,
}

/// The main function of a rogue in the place of `host`.
pub(super) fn boot(plan: &Plan, host: &str, _rogue: Rogue) -> Boot {
    station::boot(plan, host)
}
